-- When the file first said this, by its time of modification: of what one vendor says of a workout in several files, the
-- last word counts. A file that is changed and says the same again does not say it later.
ALTER TABLE record ADD COLUMN said_ns INTEGER NOT NULL DEFAULT 0;
UPDATE record SET said_ns = (SELECT mtime_ns FROM file WHERE file.id = file_id);
