-- What is known of the state of the originals and of the backups.

-- Originals whose bytes were looked at and were not what was stored, or were missing.
CREATE TABLE damaged_uploads (
    upload_id  BLOB    NOT NULL PRIMARY KEY REFERENCES uploads (id) ON DELETE CASCADE,
    is_missing INTEGER NOT NULL,
    found_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row. A round of the scrub is under way while scrub_begun_at is set; it has come to the upload scrub_after.
CREATE TABLE upkeep (
    id                  INTEGER PRIMARY KEY CHECK (id = 1),
    scrub_begun_at      INTEGER,
    scrub_after         BLOB,
    scrub_ended_at      INTEGER,
    backup_succeeded_at INTEGER,
    backup_failed_at    INTEGER
) STRICT;

INSERT INTO upkeep (id) VALUES (1);
