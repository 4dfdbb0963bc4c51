-- Pictures that the own store took in while the account could not be reached, and that are still to be moved there.
CREATE TABLE taken_in (
    public_id TEXT    NOT NULL PRIMARY KEY,
    taken_at  INTEGER NOT NULL,
    due_at    INTEGER NOT NULL,
    attempts  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX taken_in_due_at ON taken_in (due_at);
