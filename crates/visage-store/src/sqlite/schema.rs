//! The numbered migrations. The number of those that a file has seen is its `user_version`.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Result, StoreError};

/// In order; only ever add to the end.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_initial.sql"),
    include_str!("../../migrations/0002_cloudinary.sql"),
    include_str!("../../migrations/0003_faces.sql"),
    include_str!("../../migrations/0004_taken_in.sql"),
    include_str!("../../migrations/0006_migrated.sql"),
];

/// Brings the schema up to date, one transaction per migration.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    while migrate_once(connection)? {}
    Ok(())
}

/// Runs the next migration; `false` when there is none. Another process may do the same at the same time.
fn migrate_once(connection: &mut Connection) -> Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len();
    let next = usize::try_from(found).ok().filter(|next| *next <= known);
    let next = next.ok_or(StoreError::SchemaTooNew {
        found,
        known: i64::try_from(known).unwrap_or(i64::MAX),
    })?;
    let Some(migration) = MIGRATIONS.get(next) else {
        return Ok(false);
    };
    transaction.execute_batch(migration)?;
    transaction.pragma_update(None, "user_version", found + 1)?;
    transaction.commit()?;
    Ok(true)
}
