-- A second key of a record: that of the row of an export's table which names its file.
ALTER TABLE record ADD COLUMN alias_vendor TEXT;
ALTER TABLE record ADD COLUMN alias_key TEXT;
CREATE INDEX record_by_alias ON record (alias_vendor, alias_key) WHERE alias_key IS NOT NULL;
-- By which rule it belongs to its session: new, key, rewritten, part, interval; nothing for those of older versions.
ALTER TABLE record ADD COLUMN rule TEXT;
-- Its vendor's word for a sport that the built-in maps do not know, as vendor:word.
ALTER TABLE record ADD COLUMN unknown_sport TEXT;
CREATE INDEX record_by_unknown_sport ON record (unknown_sport) WHERE unknown_sport IS NOT NULL;
UPDATE record SET unknown_sport = json_extract(workout, '$.source.format') || ':' || json_extract(workout, '$.source.sport')
    WHERE json_extract(workout, '$.source.unknownSport');

-- Why a session is not to be sent by the account's rules; one that is at the destination already stays there.
ALTER TABLE session ADD COLUMN skipped TEXT;
-- An older session that it may be the same as, in another time zone.
ALTER TABLE session ADD COLUMN suspect INTEGER REFERENCES session (id);
CREATE INDEX session_by_suspect ON session (account_id) WHERE suspect IS NOT NULL;
-- A fingerprint of the rules by which the account's sessions were made.
ALTER TABLE account ADD COLUMN rules TEXT;

-- Members of archives that are not simply fine; the first of them.
CREATE TABLE member (
    file_id INTEGER NOT NULL REFERENCES file (id) ON DELETE CASCADE,
    name    TEXT NOT NULL,
    format  TEXT,
    verdict TEXT NOT NULL,
    reason  TEXT
) STRICT;
CREATE INDEX member_by_file ON member (file_id);

-- What became of the last attempts to deliver a session.
CREATE TABLE attempt (
    session_row INTEGER NOT NULL REFERENCES session (id),
    seq         INTEGER NOT NULL,
    at_ms       INTEGER NOT NULL,
    revision    INTEGER NOT NULL,
    -- delivered, deleted, retry or parked, and the server's words
    outcome     TEXT NOT NULL,
    reason      TEXT,
    PRIMARY KEY (session_row, seq)
) STRICT, WITHOUT ROWID;
