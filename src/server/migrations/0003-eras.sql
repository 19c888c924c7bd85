-- From which change on a user's changes belong to which era, each told from others by a random number. Whoever starts to
-- write begins a new one, so that a change which a restored backup does not hold is never taken for another of its number.
CREATE TABLE era (
    user_id INTEGER NOT NULL REFERENCES user (id),
    began   INTEGER NOT NULL,
    stamp   INTEGER NOT NULL,
    PRIMARY KEY (user_id, began)
) STRICT, WITHOUT ROWID;
