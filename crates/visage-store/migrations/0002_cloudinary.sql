-- What Cloudinary's API needs: files that are no pictures, what people say of assets, lists and searches, backups.

ALTER TABLE uploads ADD COLUMN md5 BLOB;
-- SHA-256 of each block, one after the other.
ALTER TABLE uploads ADD COLUMN blocks BLOB;
-- image, video or raw.
ALTER TABLE uploads ADD COLUMN media TEXT NOT NULL DEFAULT 'image';
-- What is known of a film or a sound, as JSON.
ALTER TABLE uploads ADD COLUMN video TEXT;
ALTER TABLE uploads ADD COLUMN duration REAL;

-- seq is the order of creation, finer than any clock. What is in details is repeated in columns and tables that are searched.
CREATE TABLE new_assets (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    id                BLOB    NOT NULL UNIQUE,
    resource_type     TEXT    NOT NULL,
    delivery_type     TEXT    NOT NULL,
    public_id         TEXT    NOT NULL,
    version           INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    upload_id         BLOB    NOT NULL UNIQUE REFERENCES uploads (id),
    details           TEXT,
    asset_folder      TEXT    NOT NULL DEFAULT '',
    display_name      TEXT    NOT NULL DEFAULT '',
    moderation_kind   TEXT,
    moderation_status TEXT,
    updated_at        INTEGER NOT NULL,
    UNIQUE (resource_type, delivery_type, public_id)
) STRICT;

INSERT INTO new_assets (id, resource_type, delivery_type, public_id, version, created_at, upload_id, updated_at)
SELECT id, resource_type, delivery_type, public_id, version, created_at, upload_id, version * 1000
FROM assets ORDER BY created_at, id;

DROP TABLE assets;
ALTER TABLE new_assets RENAME TO assets;

CREATE INDEX assets_type_public_id ON assets (resource_type, public_id, seq);
CREATE INDEX assets_public_id ON assets (public_id, seq);
CREATE INDEX assets_type_seq ON assets (resource_type, seq);
CREATE INDEX assets_types_seq ON assets (resource_type, delivery_type, seq);
CREATE INDEX assets_folder ON assets (lower(asset_folder), seq);
CREATE INDEX assets_created_at ON assets (created_at, seq);
-- What follows the last slash of the public id; and the display name, for which that stands in.
CREATE INDEX assets_filename ON assets (replace(public_id, rtrim(public_id, replace(public_id, '/', '')), ''), seq);
CREATE INDEX assets_display_name ON assets (
    CASE display_name WHEN '' THEN replace(public_id, rtrim(public_id, replace(public_id, '/', '')), '') ELSE display_name END,
    seq
);
CREATE INDEX assets_moderation ON assets (moderation_status, moderation_kind, seq) WHERE moderation_status IS NOT NULL;

CREATE TABLE asset_tags (
    tag           TEXT    NOT NULL,
    asset_seq     INTEGER NOT NULL REFERENCES assets (seq) ON DELETE CASCADE,
    resource_type TEXT    NOT NULL,
    PRIMARY KEY (tag, asset_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX asset_tags_asset ON asset_tags (asset_seq);
CREATE INDEX asset_tags_type ON asset_tags (resource_type, tag);

CREATE TABLE asset_context (
    key       TEXT    NOT NULL,
    value     TEXT    NOT NULL,
    asset_seq INTEGER NOT NULL REFERENCES assets (seq) ON DELETE CASCADE,
    PRIMARY KEY (key, value, asset_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX asset_context_asset ON asset_context (asset_seq);
CREATE INDEX asset_context_key ON asset_context (key, asset_seq);

-- A field that holds a list has a row for each item. number is what a text means as a number, if it means one.
CREATE TABLE asset_metadata (
    field     TEXT    NOT NULL,
    value     TEXT    NOT NULL,
    number    REAL,
    asset_seq INTEGER NOT NULL REFERENCES assets (seq) ON DELETE CASCADE,
    PRIMARY KEY (field, value, asset_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX asset_metadata_asset ON asset_metadata (asset_seq);

-- The words of assets; the row's id is seq.
CREATE VIRTUAL TABLE asset_words USING fts5 (
    public_id, filename, display_name, asset_folder, tags, context,
    tokenize = 'unicode61 remove_diacritics 0'
);

INSERT INTO asset_words (rowid, public_id, filename, display_name, asset_folder, tags, context)
SELECT seq, public_id, filename, filename, '', '', ''
FROM (SELECT seq, public_id, replace(public_id, rtrim(public_id, replace(public_id, '/', '')), '') AS filename FROM assets);

-- Uploads that were kept when they ceased to be current. They stay live: their bytes do not go.
CREATE TABLE backups (
    upload_id     BLOB    NOT NULL PRIMARY KEY REFERENCES uploads (id),
    asset_id      BLOB    NOT NULL,
    resource_type TEXT    NOT NULL,
    delivery_type TEXT    NOT NULL,
    public_id     TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    kept_at       INTEGER NOT NULL,
    details       TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX backups_asset ON backups (asset_id, version);
CREATE INDEX backups_key ON backups (public_id, version);

CREATE TABLE new_derived (
    upload_id      BLOB    NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    recipe         TEXT    NOT NULL,
    id             BLOB    NOT NULL UNIQUE,
    bytes          INTEGER NOT NULL,
    sha256         BLOB    NOT NULL,
    format         TEXT    NOT NULL,
    width          INTEGER NOT NULL,
    height         INTEGER NOT NULL,
    used_at        INTEGER NOT NULL,
    transformation TEXT    NOT NULL,
    extension      TEXT,
    PRIMARY KEY (upload_id, recipe)
) STRICT, WITHOUT ROWID;

INSERT INTO new_derived (upload_id, recipe, id, bytes, sha256, format, width, height, used_at, transformation)
SELECT upload_id, recipe, randomblob(16), bytes, sha256, format, width, height, used_at, '' FROM derived;

DROP TABLE derived;
ALTER TABLE new_derived RENAME TO derived;

CREATE INDEX derived_used ON derived (used_at, bytes);
CREATE INDEX derived_of ON derived (upload_id, id);
CREATE INDEX derived_transformation ON derived (transformation, id);
CREATE INDEX derived_transformation_extension ON derived (transformation, extension, id);

CREATE TABLE folders (
    path        TEXT    NOT NULL PRIMARY KEY,
    parent      TEXT    NOT NULL,
    external_id TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX folders_parent ON folders (parent, path);

CREATE TABLE documents (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    UNIQUE (kind, name)
) STRICT;

CREATE INDEX documents_kind ON documents (kind, seq);

CREATE TABLE notifications (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    url        TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX notifications_due_at ON notifications (due_at);
CREATE INDEX pending_media_replaces ON pending_media (replaces) WHERE replaces IS NOT NULL;
