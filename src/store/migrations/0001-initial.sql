-- People. Every row below belongs to one of them.
CREATE TABLE account (
    id             INTEGER PRIMARY KEY,
    name           TEXT NOT NULL UNIQUE,
    -- Where this account delivers to today; what is known to be elsewhere is remembered, not forgotten.
    destination_id INTEGER REFERENCES destination (id),
    reconciled_ms  INTEGER
) STRICT;

CREATE TABLE destination (
    id       INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE
) STRICT;

-- Every file that was looked at, and what came of it.
CREATE TABLE file (
    id             INTEGER PRIMARY KEY,
    account_id     INTEGER NOT NULL REFERENCES account (id),
    path           BLOB NOT NULL,
    size           INTEGER NOT NULL,
    mtime_ns       INTEGER NOT NULL,
    inode          INTEGER NOT NULL,
    format         TEXT,
    verdict        TEXT NOT NULL,
    reason         TEXT,
    reader_version INTEGER NOT NULL,
    judged_ms      INTEGER NOT NULL,
    UNIQUE (account_id, path)
) STRICT;

-- What should be on the server: one row per workout, with its content as it is to be sent.
CREATE TABLE session (
    id         INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id),
    session_id TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    body       TEXT NOT NULL,
    -- The merged workout's first and last instant, Unix milliseconds.
    start_ms   INTEGER NOT NULL,
    end_ms     INTEGER NOT NULL,
    type       INTEGER NOT NULL,
    UNIQUE (account_id, session_id)
) STRICT;
CREATE INDEX session_by_start ON session (account_id, start_ms);

-- What one file says of one workout, normalized; a session is merged from its records.
CREATE TABLE record (
    id          INTEGER PRIMARY KEY,
    file_id     INTEGER NOT NULL REFERENCES file (id),
    session_row INTEGER NOT NULL REFERENCES session (id),
    vendor      TEXT,
    vendor_key  TEXT,
    workout     TEXT NOT NULL
) STRICT;
CREATE INDEX record_by_file ON record (file_id);
CREATE INDEX record_by_session ON record (session_row);
CREATE INDEX record_by_key ON record (vendor, vendor_key) WHERE vendor_key IS NOT NULL;

-- What is known to be on a server: the revision that was put, and a hash of what the server answered.
CREATE TABLE remote (
    session_row    INTEGER NOT NULL REFERENCES session (id),
    destination_id INTEGER NOT NULL REFERENCES destination (id),
    revision       INTEGER NOT NULL,
    echo           BLOB NOT NULL,
    delivered_ms   INTEGER NOT NULL,
    PRIMARY KEY (session_row, destination_id)
) STRICT, WITHOUT ROWID;

-- The difference between the two: sessions that wait for their next attempt, or for a person.
CREATE TABLE outbox (
    session_row   INTEGER PRIMARY KEY REFERENCES session (id),
    account_id    INTEGER NOT NULL REFERENCES account (id),
    start_ms      INTEGER NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('queued', 'parked')),
    attempts      INTEGER NOT NULL DEFAULT 0,
    due_ms        INTEGER NOT NULL,
    reason        TEXT,
    first_fail_ms INTEGER,
    last_fail_ms  INTEGER
) STRICT;
CREATE INDEX outbox_by_start ON outbox (account_id, state, start_ms, due_ms);
CREATE INDEX outbox_by_due ON outbox (account_id, state, due_ms);
