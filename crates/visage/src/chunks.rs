//! Files that come in several requests, as the SDKs send large ones.
//!
//! What is under way lives in memory and in files without names: a restart forgets it, and the client begins anew. The
//! parts of one upload are put together one at a time; those of different uploads do not wait for each other.
//!
//! Unsigned uploads, which anybody can begin, have a share of the places and of the room. When that is used up the longest
//! silent one of the client with most of them is given up, and it is given up when a signed upload needs its place.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use visage_cloudinary::parameters::ContentRange;

use crate::clock::{Clock, earlier};
use crate::config::ChunksConfig;
use crate::shares::Client;
use crate::spool::SpooledFile;

/// Every part but the last has this many bytes or more.
pub const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

/// When all places are taken, an upload that has been silent this long makes room.
const MAX_SILENCE: Duration = Duration::from_secs(3600);

/// Uploads under way.
#[derive(Debug)]
pub struct Chunks {
    uploads: Mutex<HashMap<UploadKey, Entry>>,
    held_bytes: Arc<HeldBytes>,
    limits: ChunksConfig,
    clock: Arc<dyn Clock>,
}

/// Who sends a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The holder of an API key.
    Signed,
    /// Anybody who knows the name of a preset.
    Unsigned(Client),
}

/// Names an upload under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadKey {
    /// Whose it is: the API key, or the preset of an unsigned upload.
    pub account: String,
    /// The resource type as the path has it, also `auto`.
    pub resource_type: String,
    /// `X-Unique-Upload-Id`
    pub upload_id: String,
}

/// A part that has come.
#[derive(Debug)]
pub struct NewPart {
    /// Where it belongs.
    pub range: ContentRange,
    /// Its bytes.
    pub file: SpooledFile,
    /// The public id that the file is to have, when that is known. What the first part says stays.
    pub public_id: Option<String>,
    /// The largest size of the whole file.
    pub max_bytes: u64,
}

/// What a part led to.
#[derive(Debug)]
pub enum Part {
    /// Others are still to come.
    More {
        /// Bytes that have come so far.
        received_bytes: u64,
        /// The public id that the first part came with.
        public_id: Option<String>,
    },
    /// The file is complete.
    Done {
        /// All of it.
        file: SpooledFile,
        /// The public id that the first part came with.
        public_id: Option<String>,
    },
}

/// Why a part was not taken; what came before it stays.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// It is neither the last part nor large enough.
    #[error("All parts except EOF-chunk must be larger than 5mb")]
    TooSmall,
    /// It is not a first part, and nothing is known of its upload.
    #[error("Unknown X-Unique-Upload-Id: the first part must be sent first")]
    Unknown,
    /// It holds some of the bytes of another part.
    #[error("Content-Range overlaps a part that was received already")]
    Overlap,
    /// Its range is not as long as its bytes are.
    #[error("Content-Range says {said_bytes} bytes, but {actual_bytes} were received")]
    Length {
        /// By the range.
        said_bytes: u64,
        /// In truth.
        actual_bytes: u64,
    },
    /// The parts do not agree about the file's size.
    #[error("Content-Range does not agree with the total of another part")]
    Total,
    /// The whole is larger than allowed.
    #[error("File size too large. Got {actual_bytes}. Maximum is {max_bytes}.")]
    TooLarge {
        /// What it has at least.
        actual_bytes: u64,
        /// What is allowed.
        max_bytes: u64,
    },
    /// Too many uploads are under way, or they hold too much together.
    #[error("Too many chunked uploads are under way")]
    Overloaded,
    /// The disk is full.
    #[error("there is no space left")]
    NoSpace,
    /// A temporary file failed.
    #[error("the temporary file failed: {0}")]
    Io(#[source] std::io::Error),
}

#[derive(Debug)]
struct Entry {
    heard_of: Timestamp,
    sender: Sender,
    held_bytes: Arc<AtomicU64>,
    upload: Arc<tokio::sync::Mutex<Upload>>,
}

/// Bytes that uploads under way hold.
#[derive(Debug, Default)]
struct HeldBytes {
    all: AtomicU64,
    unsigned: AtomicU64,
}

/// One upload; without a file until its first part is in.
#[derive(Debug)]
struct Upload {
    file: Option<SpooledFile>,
    /// First byte and end of each part.
    ranges: BTreeMap<u64, u64>,
    total: Option<u64>,
    public_id: Option<String>,
    held: Held,
    /// Whoever waited for it meanwhile has come too late.
    ended: bool,
}

/// Bytes of one upload that are counted among those of all.
#[derive(Debug)]
struct Held {
    bytes: Arc<AtomicU64>,
    is_unsigned: bool,
    all: Arc<HeldBytes>,
}

impl Chunks {
    /// Nothing is under way yet.
    pub fn new(config: &ChunksConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            uploads: Mutex::default(),
            held_bytes: Arc::default(),
            limits: config.clone(),
            clock,
        }
    }

    /// Takes one part.
    ///
    /// # Errors
    /// See [`ChunkError`]
    pub async fn receive_part(&self, key: UploadKey, sender: Sender, part: NewPart) -> Result<Part, ChunkError> {
        let (first, end) = check(&part)?;
        if part.range.is_last() && first == 0 {
            // All of it in one part; whatever was under way under this name is void.
            self.uploads().remove(&key);
            return Ok(Part::Done {
                file: part.file,
                public_id: part.public_id,
            });
        }
        let upload = self.upload(&key, sender, first == 0)?;
        let mut locked = Arc::clone(&upload).lock_owned().await;
        self.make_room(&key, sender, part.range.length());
        let max_held_bytes = self.max_held_bytes(sender);
        // The thread has the lock: the file is not touched by a second part when this one's client goes away.
        let taken = tokio::task::spawn_blocking(move || {
            let taken = locked.take(part, first, end, max_held_bytes);
            // Nothing is kept of an upload whose first part was refused.
            locked.ended |= first == 0 && locked.file.is_none();
            (taken, locked.ended)
        });
        let (taken, ended) = taken
            .await
            .map_err(|stopping| ChunkError::Io(std::io::Error::other(stopping)))?;
        if ended {
            self.forget(&key, &upload);
        }
        taken
    }

    /// Drops uploads that have not been heard of for too long.
    pub fn forget_old(&self) {
        let now = self.clock.now();
        let heard_after = earlier(now, self.limits.lifetime.as_duration());
        let unsigned_heard_after = earlier(now, self.limits.unsigned_lifetime.as_duration());
        self.uploads().retain(|_, entry| match entry.sender {
            Sender::Signed => entry.heard_of > heard_after,
            Sender::Unsigned(_) => entry.heard_of > unsigned_heard_after.max(heard_after),
        });
    }

    /// Uploads under way.
    pub fn open(&self) -> usize {
        self.uploads().len()
    }

    fn upload(
        &self,
        key: &UploadKey,
        sender: Sender,
        begins: bool,
    ) -> Result<Arc<tokio::sync::Mutex<Upload>>, ChunkError> {
        self.forget_old();
        let now = self.clock.now();
        let mut uploads = self.uploads();
        if let Some(entry) = uploads.get_mut(key) {
            entry.heard_of = now;
            return Ok(Arc::clone(&entry.upload));
        }
        if !begins {
            return Err(ChunkError::Unknown);
        }
        self.find_place(&mut uploads, sender, now)?;
        let held_bytes = Arc::new(AtomicU64::new(0));
        let held = Held {
            bytes: Arc::clone(&held_bytes),
            is_unsigned: sender != Sender::Signed,
            all: Arc::clone(&self.held_bytes),
        };
        let upload = Arc::new(tokio::sync::Mutex::new(Upload::new(held)));
        let entry = Entry {
            heard_of: now,
            sender,
            held_bytes,
            upload: Arc::clone(&upload),
        };
        uploads.insert(key.clone(), entry);
        Ok(upload)
    }

    /// Makes sure that there is a place for one more upload.
    fn find_place(&self, uploads: &mut Uploads, sender: Sender, now: Timestamp) -> Result<(), ChunkError> {
        if let Sender::Unsigned(client) = sender {
            let of_client = |other: Client| other.network() == client.network();
            if client.is_bounded() && count_unsigned(uploads, of_client) >= self.limits.unsigned_per_address {
                drop_longest_silent(uploads, |_, entry| entry.unsigned_client().is_some_and(of_client));
            }
            if count_unsigned(uploads, |_| true) >= self.limits.unsigned_uploads {
                drop_unsigned(uploads, |_, _| 1);
            }
        }
        if uploads.len() < self.limits.uploads || drop_unsigned(uploads, |_, _| 1) {
            return Ok(());
        }
        let heard_before = earlier(now, MAX_SILENCE);
        if drop_longest_silent(uploads, |_, entry| entry.heard_of <= heard_before) {
            Ok(())
        } else {
            Err(ChunkError::Overloaded)
        }
    }

    /// Gives up unsigned uploads until `bytes` more of the upload `key` fit, as far as they are in the way.
    fn make_room(&self, key: &UploadKey, sender: Sender, bytes: u64) {
        let mut uploads = self.uploads();
        let fits = || {
            let (all, unsigned) = self.held_bytes.now();
            let [all, unsigned] = [all, unsigned].map(|held| held.saturating_add(bytes));
            all <= self.limits.bytes && (sender == Sender::Signed || unsigned <= self.max_held_bytes(sender).1)
        };
        let weigh = |other: &UploadKey, entry: &Entry| {
            if other == key {
                0
            } else {
                entry.held_bytes.load(Ordering::Relaxed)
            }
        };
        while !fits() && drop_unsigned(&mut uploads, weigh) {}
    }

    /// What all uploads, and what unsigned ones may hold.
    fn max_held_bytes(&self, sender: Sender) -> (u64, u64) {
        let all = self.limits.bytes;
        let share = self.limits.unsigned_uploads.min(self.limits.uploads) as u64;
        match sender {
            Sender::Signed => (all, u64::MAX),
            Sender::Unsigned(_) => (all, all / (self.limits.uploads as u64).max(1) * share),
        }
    }

    /// Another upload may have begun under the same name.
    fn forget(&self, key: &UploadKey, upload: &Arc<tokio::sync::Mutex<Upload>>) {
        let mut uploads = self.uploads();
        if uploads.get(key).is_some_and(|entry| Arc::ptr_eq(&entry.upload, upload)) {
            uploads.remove(key);
        }
    }

    fn uploads(&self) -> MutexGuard<'_, HashMap<UploadKey, Entry>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Uploads = HashMap<UploadKey, Entry>;

impl Entry {
    fn unsigned_client(&self) -> Option<Client> {
        match self.sender {
            Sender::Signed => None,
            Sender::Unsigned(client) => Some(client),
        }
    }
}

fn count_unsigned(uploads: &Uploads, is_counted: impl Fn(Client) -> bool) -> usize {
    let clients = uploads.values().filter_map(Entry::unsigned_client);
    clients.filter(|client| is_counted(*client)).count()
}

/// Gives up the longest silent unsigned upload of the client whose unsigned uploads weigh most. `false` when there is none.
fn drop_unsigned(uploads: &mut Uploads, weigh: impl Fn(&UploadKey, &Entry) -> u64) -> bool {
    let mut weights: HashMap<IpAddr, u64> = HashMap::new();
    for (key, entry) in uploads.iter() {
        if let Some(client) = entry.unsigned_client() {
            *weights.entry(client.network()).or_default() += weigh(key, entry);
        }
    }
    let heaviest = weights.into_iter().filter(|(_, weight)| *weight > 0);
    let Some((heaviest, _)) = heaviest.max_by_key(|(client, weight)| (*weight, *client)) else {
        return false;
    };
    drop_longest_silent(uploads, |key, entry| {
        let client = entry.unsigned_client();
        client.is_some_and(|client| client.network() == heaviest) && weigh(key, entry) > 0
    })
}

/// `false` when there is none that may be dropped.
fn drop_longest_silent(uploads: &mut Uploads, may_drop: impl Fn(&UploadKey, &Entry) -> bool) -> bool {
    let candidates = uploads.iter().filter(|(key, entry)| may_drop(key, entry));
    let longest = candidates.min_by_key(|(_, entry)| entry.heard_of);
    let key = longest.map(|(key, _)| key.clone());
    key.is_some_and(|key| uploads.remove(&key).is_some())
}

/// Where the part begins and ends, if it may be at all.
fn check(part: &NewPart) -> Result<(u64, u64), ChunkError> {
    let (said_bytes, actual_bytes) = (part.range.length(), part.file.len_bytes());
    let (first, end, total) = match part.range {
        ContentRange::Empty => (0, 0, Some(0)),
        ContentRange::Part { first, last, total } => (first, last.saturating_add(1), total),
    };
    let whole = total.unwrap_or(end).max(end);
    if whole > part.max_bytes {
        return Err(ChunkError::TooLarge {
            actual_bytes: whole,
            max_bytes: part.max_bytes,
        });
    }
    if said_bytes != actual_bytes {
        return Err(ChunkError::Length {
            said_bytes,
            actual_bytes,
        });
    }
    if !part.range.is_last() && said_bytes < MIN_PART_BYTES {
        return Err(ChunkError::TooSmall);
    }
    Ok((first, end))
}

impl Upload {
    fn new(held: Held) -> Self {
        Self {
            file: None,
            ranges: BTreeMap::new(),
            total: None,
            public_id: None,
            held,
            ended: false,
        }
    }

    /// Blocks.
    fn take(&mut self, part: NewPart, first: u64, end: u64, max_held_bytes: (u64, u64)) -> Result<Part, ChunkError> {
        if self.ended || (self.file.is_none() && first != 0) {
            return Err(ChunkError::Unknown);
        }
        let total = self.agreed_total(&part, end)?;
        self.find_place(first, end)?;
        // While it is being written the range counts as not received.
        if let Some(end) = self.ranges.remove(&first) {
            self.held.give_back(end - first);
        }
        self.held.take(end - first, max_held_bytes)?;
        self.write(part, first)
            .inspect_err(|_| self.held.give_back(end - first))?;
        self.ranges.insert(first, end);
        self.total = total;
        let complete = total == Some(self.held.bytes());
        match self.file.take_if(|_| complete) {
            Some(file) => {
                self.ended = true;
                Ok(Part::Done {
                    file,
                    public_id: self.public_id.take(),
                })
            }
            None => Ok(Part::More {
                received_bytes: self.held.bytes(),
                public_id: self.public_id.clone(),
            }),
        }
    }

    /// The file's size by all parts together.
    fn agreed_total(&self, part: &NewPart, end: u64) -> Result<Option<u64>, ChunkError> {
        let said = match part.range {
            ContentRange::Part { total, .. } => total,
            ContentRange::Empty => Some(0),
        };
        let total = match (self.total, said) {
            (Some(before), Some(now)) if before != now => return Err(ChunkError::Total),
            (before, now) => before.or(now),
        };
        let furthest = self.ranges.values().copied().max().unwrap_or(0).max(end);
        if total.is_some_and(|total| furthest > total) {
            return Err(ChunkError::Total);
        }
        Ok(total)
    }

    /// The same range again is a part that was sent again; anything else must be free.
    fn find_place(&self, first: u64, end: u64) -> Result<(), ChunkError> {
        let before = self.ranges.range(..end).next_back();
        match before {
            Some((f, e)) if (*f, *e) == (first, end) => Ok(()),
            Some((_, e)) if *e > first => Err(ChunkError::Overlap),
            _ => Ok(()),
        }
    }

    fn write(&mut self, part: NewPart, first: u64) -> Result<(), ChunkError> {
        match &mut self.file {
            // The first part's file becomes the whole.
            None => {
                self.file = Some(part.file);
                self.public_id = part.public_id;
            }
            Some(file) => file.overwrite(first, &part.file).map_err(|cause| match cause.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ChunkError::NoSpace,
                _ => ChunkError::Io(cause),
            })?,
        }
        Ok(())
    }
}

impl HeldBytes {
    fn now(&self) -> (u64, u64) {
        (self.all.load(Ordering::Relaxed), self.unsigned.load(Ordering::Relaxed))
    }
}

impl Held {
    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts `bytes` more, when that does not make more than all uploads and unsigned ones may hold.
    fn take(&mut self, bytes: u64, (max_bytes, max_unsigned_bytes): (u64, u64)) -> Result<(), ChunkError> {
        add(&self.all.all, bytes, max_bytes)?;
        if self.is_unsigned
            && let Err(full) = add(&self.all.unsigned, bytes, max_unsigned_bytes)
        {
            self.all.all.fetch_sub(bytes, Ordering::Relaxed);
            return Err(full);
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn give_back(&mut self, bytes: u64) {
        self.all.all.fetch_sub(bytes, Ordering::Relaxed);
        if self.is_unsigned {
            self.all.unsigned.fetch_sub(bytes, Ordering::Relaxed);
        }
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

fn add(held: &AtomicU64, bytes: u64, max_bytes: u64) -> Result<(), ChunkError> {
    let grown = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= max_bytes);
    held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
        .map_err(|_full| ChunkError::Overloaded)?;
    Ok(())
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back(self.bytes());
    }
}
