-- Under which id a destination has a session, where one destination has it under another id than another one does. The row
-- of the session itself has the id at today's destination.
CREATE TABLE alias (
    session_row    INTEGER NOT NULL REFERENCES session (id),
    destination_id INTEGER NOT NULL REFERENCES destination (id),
    session_id     TEXT NOT NULL,
    PRIMARY KEY (session_row, destination_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_by_id ON alias (session_id);

-- Differences that were settled and nobody was asked, since the whole history was last found to be in order; and how many of
-- them there were when it was begun anew.
ALTER TABLE account ADD COLUMN repaired INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN repaired_before INTEGER NOT NULL DEFAULT 0;
-- For how long the server has refused its lists, milliseconds: one that has none is delivered to all the same in the end, however
-- often the machine is started anew.
ALTER TABLE account ADD COLUMN refused_ms INTEGER NOT NULL DEFAULT 0;
