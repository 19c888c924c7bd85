-- Until when whoever compares is sure to be about again. What is queued later was slept over: the machine was suspended, or
-- the clock was set, and others may have been at the server meanwhile.
ALTER TABLE account ADD COLUMN awake_until_ms INTEGER;
