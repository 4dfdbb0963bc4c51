//! The numbered migrations. The number of those that a file has seen is its `user_version`.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Result, StoreError};

/// In order; only ever add to the end.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_initial.sql"),
    include_str!("../../migrations/0002_cloudinary.sql"),
    include_str!("../../migrations/0003_faces.sql"),
    include_str!("../../migrations/0004_taken_in.sql"),
    include_str!("../../migrations/0005_posts.sql"),
    include_str!("../../migrations/0006_upkeep.sql"),
    include_str!("../../migrations/0007_migrated.sql"),
    include_str!("../../migrations/0008_installation.sql"),
    include_str!("../../migrations/0009_sessions.sql"),
];

/// Brings the schema up to date, one transaction per migration.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    // To look takes no lock: who opens a current database waits for nobody who writes.
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    while found != version() && migrate_once(connection)? {}
    Ok(())
}

/// The version of this release.
pub(super) fn version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Runs the next migration; `false` when there is none. Another process may do the same at the same time.
fn migrate_once(connection: &mut Connection) -> Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let next = usize::try_from(found).ok().filter(|next| *next <= MIGRATIONS.len());
    let next = next.ok_or(StoreError::SchemaTooNew {
        found,
        known: version(),
    })?;
    let Some(migration) = MIGRATIONS.get(next) else {
        return Ok(false);
    };
    transaction.execute_batch(migration)?;
    transaction.pragma_update(None, "user_version", found + 1)?;
    transaction.commit()?;
    Ok(true)
}
