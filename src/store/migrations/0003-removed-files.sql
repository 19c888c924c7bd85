-- Whether a file was missed together with so much else that only a person can say that it is gone.
ALTER TABLE file ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0;
