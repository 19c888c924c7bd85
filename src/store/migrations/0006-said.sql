-- What a session has said, latest first: hashes of 16 hexadecimal digits, the last 16 of them. An earlier word of ours that
-- a server still has is nobody's edit, however late it arrived there.
ALTER TABLE session ADD COLUMN said TEXT NOT NULL DEFAULT '';
