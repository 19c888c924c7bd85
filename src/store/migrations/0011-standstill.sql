-- What waits is looked through for what a clock that went ahead has put off, and that without reading the table.
DROP INDEX outbox_by_due;
CREATE INDEX outbox_by_due ON outbox (account_id, state, due_ms, attempts, last_fail_ms);
-- What the server asked for: when that was, Unix milliseconds, and in its words. A clock that was set back since does not make
-- it longer.
ALTER TABLE account ADD COLUMN rest_since_ms INTEGER;
ALTER TABLE account ADD COLUMN rest_reason TEXT;
-- Why this run sends nothing for longer than a moment, to be shown.
ALTER TABLE account ADD COLUMN halt_since_ms INTEGER;
ALTER TABLE account ADD COLUMN halt_until_ms INTEGER;
ALTER TABLE account ADD COLUMN halt_stopped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN halt_credentials INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN halt_reason TEXT NOT NULL DEFAULT '';
