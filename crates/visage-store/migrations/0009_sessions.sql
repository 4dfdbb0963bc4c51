-- When the sessions of a user were ended. A token of visage carries the epoch that its user had, and is good while that is the user's
-- epoch. The tokens of the Node backend and of earlier releases carry none; they are good when they were issued after
-- sessions_ended_at. Epochs are random numbers of 53 bits, so that a restored database does not count through those that leaked before.
ALTER TABLE users ADD COLUMN session_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN sessions_ended_at INTEGER;

-- What becomes the user's own when the one-time password shows that the e-mail address is: of a registration that was begun again,
-- and of a change of the address.
ALTER TABLE users ADD COLUMN pending_name TEXT;
ALTER TABLE users ADD COLUMN pending_password_hash TEXT;
ALTER TABLE users ADD COLUMN pending_email TEXT;

-- A password that the previous release changes, and a suspension, which an operator sets by hand, end sessions as well. They bring no
-- time of their own.
CREATE TRIGGER users_end_sessions AFTER UPDATE OF password_hash, suspended ON users
WHEN (NEW.password_hash IS NOT OLD.password_hash OR NEW.suspended > OLD.suspended) AND NEW.session_epoch = OLD.session_epoch
BEGIN
    UPDATE users SET session_epoch = (random() & 0x1FFFFFFFFFFFFF) | 1, sessions_ended_at = unixepoch() * 1000 WHERE id = NEW.id;
END;

-- The administrator of the settings. The fingerprint tells whether the settings name the same one, with the same password.
CREATE TABLE administrator (
    id                INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    fingerprint       TEXT    NOT NULL,
    session_epoch     INTEGER NOT NULL DEFAULT 0,
    sessions_ended_at INTEGER
) STRICT;
