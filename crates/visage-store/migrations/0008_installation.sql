-- Which installation this is. A restored database has it, too; an empty one that took the place of a lost one has another, so that
-- its backups do not push out those of the lost one.
ALTER TABLE upkeep ADD COLUMN installation BLOB;
UPDATE upkeep SET installation = randomblob(16);

-- Whether the last backup failed because the place holds those of another installation.
ALTER TABLE upkeep ADD COLUMN backup_is_foreign INTEGER NOT NULL DEFAULT 0;
