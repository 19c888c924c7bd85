-- Disks that were mounted inside a watched folder when it was last looked through: what is missed where one of them was is
-- not taken for removed.
CREATE TABLE disk (
    account_id INTEGER NOT NULL REFERENCES account,
    folder BLOB NOT NULL,
    path BLOB NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    -- Met since then.
    is_new INTEGER NOT NULL,
    PRIMARY KEY (account_id, folder, path, device, inode)
) STRICT, WITHOUT ROWID;

-- When events last failed to tell of a file, Unix milliseconds; they are trusted again after a day.
ALTER TABLE folder ADD COLUMN missed_ms INTEGER;
-- What was looked at when nothing was heard any more, in words.
ALTER TABLE folder ADD COLUMN stuck TEXT;
-- A part of it that cannot be read, and why files cannot be moved out of it, in words.
ALTER TABLE folder ADD COLUMN closed TEXT;
ALTER TABLE folder ADD COLUMN unmoved TEXT;

-- Since when a file is not there any more, where that means nothing for its sessions.
ALTER TABLE file ADD COLUMN absent_ms INTEGER;
