-- Pictures that were files of an earlier installation, and what their owners had before: what it takes to put that back.
-- A row is written with the commit that it tells of, and names the picture by what it is called now.
CREATE TABLE migrated (
    public_id      TEXT    NOT NULL PRIMARY KEY,
    owner_id       BLOB    NOT NULL,
    url            TEXT    NOT NULL,
    old_url        TEXT    NOT NULL,
    old_public_id  TEXT,
    old_updated_at INTEGER,
    migrated_at    INTEGER NOT NULL,
    folder         BLOB    NOT NULL,
    file           BLOB    NOT NULL,
    source_sha256  BLOB    NOT NULL,
    stored_sha256  BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX migrated_owner_id ON migrated (owner_id);
