-- Times are milliseconds since the Unix epoch. Ids are the bytes behind their hexadecimal digits.

-- The embedded media store.

CREATE TABLE uploads (
    id          BLOB    NOT NULL PRIMARY KEY,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'live', 'doomed')),
    begun_at    INTEGER NOT NULL,
    purge_at    INTEGER,
    bytes       INTEGER,
    sha256      BLOB,
    format      TEXT,
    width       INTEGER,
    height      INTEGER,
    orientation INTEGER CHECK (orientation BETWEEN 1 AND 8),
    frames      INTEGER,
    has_alpha   INTEGER,
    CHECK ((state = 'doomed') = (purge_at IS NOT NULL)),
    CHECK (state <> 'live' OR sha256 IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX uploads_pending ON uploads (begun_at) WHERE state = 'pending';
CREATE INDEX uploads_doomed ON uploads (purge_at) WHERE state = 'doomed';

CREATE TABLE assets (
    id            BLOB    NOT NULL PRIMARY KEY,
    resource_type TEXT    NOT NULL,
    delivery_type TEXT    NOT NULL,
    public_id     TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    upload_id     BLOB    NOT NULL UNIQUE REFERENCES uploads (id),
    UNIQUE (resource_type, delivery_type, public_id)
) STRICT, WITHOUT ROWID;

-- The last version of what is no more, so that versions grow across a destroy.
CREATE TABLE destroyed_assets (
    resource_type TEXT    NOT NULL,
    delivery_type TEXT    NOT NULL,
    public_id     TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    PRIMARY KEY (resource_type, delivery_type, public_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX destroyed_assets_version ON destroyed_assets (version);

CREATE TABLE derived (
    upload_id BLOB    NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    recipe    TEXT    NOT NULL,
    bytes     INTEGER NOT NULL,
    sha256    BLOB    NOT NULL,
    format    TEXT    NOT NULL,
    width     INTEGER NOT NULL,
    height    INTEGER NOT NULL,
    used_at   INTEGER NOT NULL,
    PRIMARY KEY (upload_id, recipe)
) STRICT, WITHOUT ROWID;

-- With the sizes in it, adding them up reads this index alone.
CREATE INDEX derived_used ON derived (used_at, bytes);

-- The application.

CREATE TABLE users (
    id                 BLOB    NOT NULL PRIMARY KEY,
    name               TEXT    NOT NULL,
    email              TEXT    NOT NULL UNIQUE,
    password_hash      TEXT    NOT NULL,
    role               TEXT    NOT NULL,
    is_verified        INTEGER NOT NULL,
    suspended          INTEGER NOT NULL,
    profile_image      TEXT,
    cloudinary_id      TEXT,
    otp                TEXT,
    otp_expires_at     INTEGER,
    otp_attempts       INTEGER NOT NULL DEFAULT 0,
    reset_sha256       BLOB,
    reset_expires_at   INTEGER,
    weight             REAL,
    height             REAL,
    gender             TEXT,
    dob                TEXT,
    purpose            TEXT,
    fitness_goal       TEXT,
    short_term_goal    TEXT,
    health_issues      TEXT,
    trainer_preference TEXT    NOT NULL,
    joining_date       INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX users_cloudinary_id ON users (cloudinary_id) WHERE cloudinary_id IS NOT NULL;
CREATE INDEX users_reset_sha256 ON users (reset_sha256) WHERE reset_sha256 IS NOT NULL;

CREATE TABLE weight_entries (
    user_id BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    date    INTEGER NOT NULL,
    id      BLOB    NOT NULL,
    weight  REAL    NOT NULL,
    PRIMARY KEY (user_id, date, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE pending_media (
    new           TEXT    NOT NULL PRIMARY KEY,
    replaces      TEXT,
    resource_type TEXT    NOT NULL,
    begun_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX pending_media_begun_at ON pending_media (begun_at);

CREATE TABLE expired_media (
    public_id     TEXT    NOT NULL PRIMARY KEY,
    resource_type TEXT    NOT NULL,
    due_at        INTEGER NOT NULL,
    attempts      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX expired_media_due_at ON expired_media (due_at);
