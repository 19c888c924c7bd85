-- What came before this change is not told as a list of changes any more: deletions of that time are forgotten.
ALTER TABLE user ADD COLUMN horizon INTEGER NOT NULL DEFAULT 0;
-- What is forgotten is found without looking at what is alive.
CREATE INDEX session_by_deletion ON session (user_id, change) WHERE deleted;
