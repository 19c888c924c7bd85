-- The change feed: every write of a session gives it the next number of its user, so that "what came after this" has an
-- answer that no clock can upset.
ALTER TABLE session ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
UPDATE session SET change = numbered.change FROM (
    SELECT user_id, id, row_number() OVER (PARTITION BY user_id ORDER BY modified_ms, id) AS change FROM session
) AS numbered
WHERE session.user_id = numbered.user_id AND session.id = numbered.id;
CREATE UNIQUE INDEX session_by_change ON session (user_id, change);

-- Tokens that were handed out by `serve token add`, as SHA-256: what is stolen from here opens nothing.
CREATE TABLE token (
    hash       BLOB PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES user (id),
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX token_by_user ON token (user_id);
