-- How long an account's folders were watched, in all runs together, and how long that was when a file was found missing: its
-- time of grace is counted by this, whatever the clock says. Files that are missed already are missed anew.
ALTER TABLE account ADD COLUMN watched_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE file ADD COLUMN gone_watched_ms INTEGER;
-- Whether the folder that a file was found in is not watched any more.
ALTER TABLE file ADD COLUMN stray INTEGER NOT NULL DEFAULT 0;
CREATE INDEX file_stray ON file (account_id) WHERE stray;
