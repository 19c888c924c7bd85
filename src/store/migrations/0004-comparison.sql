-- What the last comparison with the server came to, as JSON.
ALTER TABLE account ADD COLUMN comparison TEXT;
