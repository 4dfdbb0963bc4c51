//! Takes the users of an export in, as they were.
//!
//! Whoever is here already is left alone. A user who is added has its old reference at first, so that a kill at any moment
//! leaves somebody whom the next run moves as it would have moved everybody.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use visage_store::{Imported, User, UserId};

use super::document::{self, Rejected, UserDocument};
use super::export::{Documents, Malformed};
use super::output::Output;
use super::report::{Line, Outcome};
use super::{Kind, MigrateError, Run};
use crate::crash;

/// How many users are added in one commit.
const BATCH: usize = 200;

/// Reads the export and adds the users that are not here. `false`: not every document became a user.
///
/// # Errors
/// See [`MigrateError`].
pub(super) async fn import(run: &mut Run<'_>, export: &Path, output: &mut Output) -> Result<bool, MigrateError> {
    let file = File::open(export).map_err(MigrateError::file(export))?;
    let documents = Documents::new(BufReader::with_capacity(1 << 16, file));
    let (mut seen, mut emails, mut batch, mut all_came) = (HashSet::new(), HashSet::new(), Vec::new(), true);
    // Reading blocks, and nothing else goes on meanwhile.
    for (number, document) in (1..).zip(documents) {
        let document = document.map_err(MigrateError::file(export))?;
        match read(document, &mut seen) {
            Ok(UserDocument { user, left_out }) => {
                // It may name any file.
                all_came &= left_out.is_none();
                run.left_out.extend(left_out.map(|why| (user.id, why)));
                batch.push((number, user));
            }
            Err((id, ending)) => {
                all_came = false;
                output.line(&Line::of_document(run.kind, number, id, ending))?;
            }
        }
        if batch.len() == BATCH {
            all_came &= add(run, std::mem::take(&mut batch), &mut emails, output).await?;
        }
    }
    all_came &= add(run, batch, &mut emails, output).await?;
    Ok(all_came)
}

fn read(document: Result<Vec<u8>, Malformed>, seen: &mut HashSet<UserId>) -> Result<UserDocument, Rejected> {
    let document = document.map_err(|error| (None, (Outcome::Failed, error.to_string())))?;
    let read = document::read(&document).map_err(|error| document::rejected(&document, &error))?;
    if !seen.insert(read.user.id) {
        return Err(document::repeated(read.user.id));
    }
    Ok(read)
}

async fn add(
    run: &Run<'_>,
    batch: Vec<(u64, User)>,
    emails: &mut HashSet<String>,
    output: &mut Output,
) -> Result<bool, MigrateError> {
    if run.only_looks {
        return pretend(run, batch, emails, output).await;
    }
    let (numbers, users): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    let names: Vec<_> = users.iter().map(|user| user.id).collect();
    let imported = run.app.directory.import_users(users).await?;
    crash::point("users-imported").await;
    let mut all_came = true;
    for ((number, id), imported) in numbers.into_iter().zip(names).zip(imported) {
        match imported {
            Imported::Created => output.added_user(),
            Imported::Existed => {}
            Imported::EmailTaken => {
                all_came = false;
                output.line(&email_taken(run.kind, number, id))?;
            }
        }
    }
    Ok(all_came)
}

/// Says what would become of users who would be added.
async fn pretend(
    run: &Run<'_>,
    batch: Vec<(u64, User)>,
    emails: &mut HashSet<String>,
    output: &mut Output,
) -> Result<bool, MigrateError> {
    let (mut all_came, mut pictures) = (true, Vec::new());
    for (number, user) in batch {
        if run.app.directory.user(&user.id).await?.is_some() {
            continue;
        }
        let is_taken = run.app.directory.user_by_email(&user.email).await?.is_some();
        if is_taken || !emails.insert(user.email) {
            all_came = false;
            output.line(&email_taken(run.kind, number, user.id))?;
            continue;
        }
        output.would_add_user();
        pictures.push(Run::picture_of(user.id, user.profile_image, user.cloudinary_id));
    }
    output.begin(pictures.len() as u64);
    run.move_all(pictures, output).await?;
    Ok(all_came)
}

fn email_taken(kind: Kind, number: u64, id: UserId) -> Line {
    let why = format!("another user has the email of {id}");
    Line::of_document(kind, number, Some(id.to_string()), (Outcome::Failed, why))
}
