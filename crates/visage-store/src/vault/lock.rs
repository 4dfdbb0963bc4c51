//! The right to write to a vault.
//!
//! In a folder the system keeps it, and it ends with its process. A bucket has nobody who would notice that, so there the right
//! is an object that says who has it and since when: it is renewed every minute as long as the writer works, and over when it was
//! not for [`LEASE`]. Whoever was cut off takes its own right again at once; should two programs believe that they are the same
//! writer, the first is told at its next look. It rests on conditional writes, which are tried before they are relied
//! on, and on clocks that differ by less than the lease.

use std::fs::{self, File};
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutResult, UpdateVersion};
use serde::{Deserialize, Serialize};

use super::VaultError;

/// How long the right to a bucket lasts without being renewed.
const LEASE: Duration = Duration::from_secs(3600);

/// It is renewed when so much of it is over.
const RENEWED_AFTER: Duration = Duration::from_secs(60);

/// The name of the file that is locked, or of the object that says who writes.
pub(super) const LOCK: &str = "lock";

/// The right to write to a vault.
#[derive(Debug)]
pub struct VaultLock(Right);

#[derive(Debug)]
enum Right {
    /// The system's. It ends with the process, however that ends.
    File { _file: File },
    /// A lease.
    Object(Lease),
}

struct Lease {
    store: Arc<dyn ObjectStore>,
    written: Written,
    version: UpdateVersion,
}

/// What the object says.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Written {
    /// The same for whoever was cut off and comes again.
    holder: String,
    /// Another one for each who comes.
    session: String,
    renewed_at: Timestamp,
}

impl VaultLock {
    /// Locks a file of a folder.
    pub(super) fn of_file(path: &std::path::Path) -> Result<Self, VaultError> {
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(Right::File { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Err(VaultError::Busy),
            Err(fs::TryLockError::Error(cause)) => Err(cause.into()),
        }
    }

    /// Takes the lease of a bucket: when nobody has it, when it is over, or when it is `holder`'s own.
    pub(super) async fn of_object(
        store: Arc<dyn ObjectStore>,
        holder: &str,
        now: Timestamp,
    ) -> Result<Self, VaultError> {
        let written = Written {
            holder: holder.to_owned(),
            session: HEXLOWER.encode(&rand::random::<[u8; 16]>()),
            renewed_at: now,
        };
        let version = match put(store.as_ref(), &written, PutMode::Create).await {
            Err(Error::AlreadyExists { .. }) => take_over(store.as_ref(), &written).await?,
            created => {
                let version = version_of(created?);
                refuse_unconditional(store.as_ref(), &written).await?;
                version
            }
        };
        Ok(Self(Right::Object(Lease {
            store,
            written,
            version,
        })))
    }

    /// Renews a lease that is to be renewed by now. To be called from time to time, as long as something is written.
    ///
    /// # Errors
    /// [`VaultError::Leased`] when it was not renewed in time and somebody else has it now: nothing more may be written.
    pub async fn keep(&mut self, now: Timestamp) -> Result<(), VaultError> {
        let Right::Object(lease) = &mut self.0 else {
            return Ok(());
        };
        if is_within(RENEWED_AFTER, lease.written.renewed_at, now) {
            return Ok(());
        }
        lease.renew(now).await
    }

    /// Makes sure that the right is still there, before what others have written is taken away.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub async fn confirm(&mut self, now: Timestamp) -> Result<(), VaultError> {
        match &mut self.0 {
            Right::Object(lease) => lease.renew(now).await,
            Right::File { .. } => Ok(()),
        }
    }

    /// Gives the right back. It need not be: see above.
    ///
    /// # Errors
    /// When the store fails; the right is over some time later then.
    pub async fn release(mut self, now: Timestamp) -> Result<(), VaultError> {
        self.confirm(now).await?;
        match self.0 {
            Right::Object(lease) => Ok(lease.store.delete(&Path::from(LOCK)).await?),
            Right::File { .. } => Ok(()),
        }
    }
}

impl Lease {
    async fn renew(&mut self, now: Timestamp) -> Result<(), VaultError> {
        let written = Written {
            renewed_at: now,
            ..self.written.clone()
        };
        self.version = replace(self.store.as_ref(), &written, self.version.clone()).await?;
        self.written = written;
        Ok(())
    }
}

impl std::fmt::Debug for Lease {
    /// The store is not shown: it knows its secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease")
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

/// A store that overwrites what it was told not to would let two write at once.
async fn refuse_unconditional(store: &dyn ObjectStore, written: &Written) -> Result<(), VaultError> {
    match put(store, written, PutMode::Create).await {
        Err(Error::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_overwritten) => {
            store.delete(&Path::from(LOCK)).await?;
            Err(VaultError::Unconditional)
        }
    }
}

async fn take_over(store: &dyn ObjectStore, written: &Written) -> Result<UpdateVersion, VaultError> {
    // Given back just now: whoever comes next gets it.
    let (other, version) = read(store).await?.ok_or(VaultError::Leased)?;
    // What cannot be read was written by nobody who counts on it.
    let is_held = other
        .is_some_and(|other| other.holder != written.holder && is_within(LEASE, other.renewed_at, written.renewed_at));
    if is_held {
        return Err(VaultError::Leased);
    }
    replace(store, written, version).await
}

/// Writes in the place of the version that is known.
async fn replace(
    store: &dyn ObjectStore,
    written: &Written,
    mut version: UpdateVersion,
) -> Result<UpdateVersion, VaultError> {
    for _ in 0..2 {
        match put(store, written, PutMode::Update(version)).await {
            // Taken by somebody else; or it was written, the answer was lost, and the second try met its own work.
            Err(Error::Precondition { .. }) => match read(store).await? {
                Some((Some(found), current)) if found.session == written.session => version = current,
                _ => return Err(VaultError::Leased),
            },
            // Taken and given back.
            Err(Error::NotFound { .. }) => return Err(VaultError::Leased),
            put => return Ok(version_of(put?)),
        }
    }
    Err(VaultError::Leased)
}

async fn read(store: &dyn ObjectStore) -> Result<Option<(Option<Written>, UpdateVersion)>, Error> {
    let found = match store.get(&Path::from(LOCK)).await {
        Err(Error::NotFound { .. }) => return Ok(None),
        found => found?,
    };
    let version = UpdateVersion {
        e_tag: found.meta.e_tag.clone(),
        version: found.meta.version.clone(),
    };
    Ok(Some((serde_json::from_slice(&found.bytes().await?).ok(), version)))
}

async fn put(store: &dyn ObjectStore, written: &Written, mode: PutMode) -> Result<PutResult, Error> {
    let text = serde_json::to_vec(written).map_err(|source| Error::Generic {
        store: LOCK,
        source: source.into(),
    })?;
    store.put_opts(&Path::from(LOCK), text.into(), mode.into()).await
}

fn version_of(put: PutResult) -> UpdateVersion {
    UpdateVersion {
        e_tag: put.e_tag,
        version: put.version,
    }
}

/// Whether less than `period` lies between the two, whichever is first: clocks differ.
fn is_within(period: Duration, then: Timestamp, now: Timestamp) -> bool {
    let between = now.duration_since(then).abs();
    between < SignedDuration::try_from(period).unwrap_or(SignedDuration::MAX)
}
