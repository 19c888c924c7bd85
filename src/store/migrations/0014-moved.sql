-- Where a file lay before it was moved when it was done with: what comes under that name later is another version of it.
ALTER TABLE file ADD COLUMN moved_from BLOB;
CREATE INDEX file_by_origin ON file (moved_from) WHERE moved_from IS NOT NULL;
