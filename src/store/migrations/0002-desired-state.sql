-- A session that is not to be on the server any more keeps its row: what should be there, and what is, stay comparable.
ALTER TABLE session ADD COLUMN wanted INTEGER NOT NULL DEFAULT 1;
-- When its content last changed, Unix milliseconds.
ALTER TABLE session ADD COLUMN revised_ms INTEGER NOT NULL DEFAULT 0;

-- Whose content the server has: 'ours', 'theirs' (edited there, and kept), or 'deleted' (deleted there, and respected).
ALTER TABLE remote ADD COLUMN standing TEXT NOT NULL DEFAULT 'ours';
-- The revision that was put once more after it had gone or been edited: a second time it is a person's turn.
ALTER TABLE remote ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;
-- Counts the account's deliveries: a comparison that began before one says nothing of it, whatever the clocks did.
ALTER TABLE remote ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN deliveries INTEGER NOT NULL DEFAULT 0;

-- Whether what this memory holds may be older than the server: a new one, one restored from a backup, or one that was
-- asleep for long. What is queued then is compared with the server before it is sent.
ALTER TABLE account ADD COLUMN wary INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN checked INTEGER NOT NULL DEFAULT 1;
-- Drawn at each start and kept beside the database too, so that a copy that was put back is noticed.
CREATE TABLE run (token TEXT NOT NULL) STRICT;

-- Nothing is sent before this, Unix milliseconds, as the server asked for it.
ALTER TABLE account ADD COLUMN rest_until_ms INTEGER;
-- Requests of the day that the budget is for.
ALTER TABLE account ADD COLUMN spent_day TEXT;
ALTER TABLE account ADD COLUMN spent INTEGER NOT NULL DEFAULT 0;
-- Continues the server's list of changes.
ALTER TABLE account ADD COLUMN feed TEXT;
-- How far the slow comparison of the whole history has come, Unix milliseconds.
ALTER TABLE account ADD COLUMN history_ms INTEGER;

-- When a file was first missed in its folder.
ALTER TABLE file ADD COLUMN gone_ms INTEGER;
