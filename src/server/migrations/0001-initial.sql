CREATE TABLE user (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- Sessions in their wire form. A deleted one stays as a tombstone, so that a change feed can tell of it.
CREATE TABLE session (
    user_id     INTEGER NOT NULL REFERENCES user (id),
    id          TEXT NOT NULL,
    start_ms    INTEGER NOT NULL,
    end_ms      INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    type        INTEGER NOT NULL,
    deleted     INTEGER NOT NULL DEFAULT 0,
    body        TEXT NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_end ON session (user_id, end_ms);
CREATE INDEX session_by_modified ON session (user_id, modified_ms);
