-- How each watched folder is watched, and what it was when it was last looked through: to be shown, and to know after a start
-- whether it is still the same, and whether its events can be trusted.
CREATE TABLE folder (
    account_id INTEGER NOT NULL REFERENCES account,
    path BLOB NOT NULL,
    -- 'events', 'polling' or 'away', and in words why it is not 'events'.
    mode TEXT NOT NULL,
    reason TEXT,
    -- Whether events did not tell of a file once.
    missed INTEGER NOT NULL DEFAULT 0,
    device INTEGER,
    inode INTEGER,
    PRIMARY KEY (account_id, path)
) WITHOUT ROWID;
