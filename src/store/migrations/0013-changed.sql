-- When anything of a file was last changed, which nobody can set. Of files that were judged before this was noted it is not
-- known, and their other numbers have to do.
ALTER TABLE file ADD COLUMN ctime_ns INTEGER NOT NULL DEFAULT 0;
