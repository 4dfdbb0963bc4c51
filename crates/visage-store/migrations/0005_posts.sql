-- Posts, which live until expires_at. A post outlives its author, so user_id refers to nobody in particular.
CREATE TABLE posts (
    seq           INTEGER NOT NULL PRIMARY KEY,
    id            BLOB    NOT NULL UNIQUE,
    user_id       BLOB    NOT NULL,
    content       TEXT    NOT NULL,
    media         TEXT,
    cloudinary_id TEXT,
    resource_type TEXT,
    featured      INTEGER NOT NULL DEFAULT FALSE,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    -- How often likes and comments have changed: Mongoose's __v.
    revision      INTEGER NOT NULL DEFAULT 0,
    CHECK ((cloudinary_id IS NULL) = (resource_type IS NULL) AND (cloudinary_id IS NULL) = (media IS NULL))
) STRICT;

CREATE INDEX posts_created_at ON posts (created_at);
CREATE INDEX posts_user_id ON posts (user_id, created_at);
CREATE INDEX posts_expires_at ON posts (expires_at);
CREATE INDEX posts_cloudinary_id ON posts (cloudinary_id, id) WHERE cloudinary_id IS NOT NULL;

-- seq is the order in which they came to one post.

CREATE TABLE post_likes (
    post_seq INTEGER NOT NULL REFERENCES posts (seq) ON DELETE CASCADE,
    seq      INTEGER NOT NULL,
    user_id  BLOB    NOT NULL,
    PRIMARY KEY (post_seq, seq),
    UNIQUE (post_seq, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE post_comments (
    post_seq   INTEGER NOT NULL REFERENCES posts (seq) ON DELETE CASCADE,
    seq        INTEGER NOT NULL,
    id         BLOB    NOT NULL,
    user_id    BLOB    NOT NULL,
    text       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (post_seq, seq)
) STRICT, WITHOUT ROWID;

-- The own store takes videos in as well.
ALTER TABLE taken_in ADD COLUMN resource_type TEXT NOT NULL DEFAULT 'image';
