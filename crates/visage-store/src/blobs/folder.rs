//! What a folder needs beyond what `object_store` does: all sub-folders at start, synced removals, a sweep of leftovers.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use object_store::local::LocalFileSystem;
use tokio::sync::mpsc;

use super::key::{BlobKey, DERIVED, ORIGINALS};

/// How many pieces wait to be written.
const PIECES_AHEAD: usize = 4;

/// The folder that blobs are in.
#[derive(Debug, Clone)]
pub(super) struct Folder(Arc<PathBuf>);

impl Folder {
    /// Makes the folders and opens a durable store for originals and a quick one for derived blobs.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, LocalFileSystem, LocalFileSystem)> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        for shards in [ORIGINALS, DERIVED].map(|name| folder.join(name)) {
            make_shards(&shards)?;
        }
        sync(&folder)?;
        folder.parent().map_or(Ok(()), sync)?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(io::Error::other)?;
        Ok((Self(Arc::new(folder)), store.clone().with_fsync(true), store))
    }

    /// Writes a file piece by piece, as durably as `object_store` writes one as a whole: to a file with another name, synced,
    /// then linked to its name, which must be free. A stream that ends early, or whoever waits no more, leaves nothing.
    pub(super) async fn put_stream(
        &self,
        key: &BlobKey,
        mut pieces: BoxStream<'static, io::Result<Bytes>>,
    ) -> io::Result<()> {
        let path = self.0.join(key.path().as_ref());
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        let writing = tokio::task::spawn_blocking(move || write_pieces(&path, receiver));
        let mut failure = None;
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => {
                    if sender.send(Some(piece)).await.is_err() {
                        // The writer has failed and says why.
                        break;
                    }
                }
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        if failure.is_none() {
            // The end is said out loud: a sender that is merely gone means that nobody waits any more.
            sender.send(None).await.ok();
        }
        drop(sender);
        let written = writing.await.map_err(io::Error::other)?;
        failure.map_or(written, Err)
    }

    /// Makes the removal of a blob outlast a power cut.
    pub(super) async fn sync_folder_of(&self, key: &BlobKey) -> io::Result<()> {
        let mut path = self.0.join(key.path().as_ref());
        path.pop();
        on_blocking_thread(move || sync(&path)).await
    }

    /// Removes every leftover and returns how many there were.
    pub(super) async fn sweep_staging(&self) -> io::Result<u64> {
        self.each_leftover(|path| fs::remove_file(path)).await
    }

    /// How many leftovers there are.
    pub(super) async fn count_staging(&self) -> io::Result<u64> {
        self.each_leftover(|_| Ok(())).await
    }

    async fn each_leftover(&self, act: fn(&Path) -> io::Result<()>) -> io::Result<u64> {
        let folder = Arc::clone(&self.0);
        on_blocking_thread(move || {
            let mut count = 0;
            for shards in [ORIGINALS, DERIVED] {
                for shard in fs::read_dir(folder.join(shards))? {
                    let shard = shard?;
                    if shard.file_type()?.is_dir() {
                        count += each_leftover_in(&shard.path(), act)?;
                    }
                }
            }
            Ok(count)
        })
        .await
    }
}

/// Runs on a blocking thread. The end of the pieces is `None`.
fn write_pieces(path: &Path, mut pieces: mpsc::Receiver<Option<Bytes>>) -> io::Result<()> {
    let mut staged = path.as_os_str().to_owned();
    staged.push("#1");
    let staged = PathBuf::from(staged);
    let written = write_staged(&staged, &mut pieces).and_then(|()| fs::hard_link(&staged, path));
    let removed = fs::remove_file(&staged);
    written?;
    removed?;
    path.parent().map_or(Ok(()), sync)
}

fn write_staged(staged: &Path, pieces: &mut mpsc::Receiver<Option<Bytes>>) -> io::Result<()> {
    let mut file = File::create_new(staged)?;
    loop {
        match pieces.blocking_recv() {
            Some(Some(piece)) => file.write_all(&piece)?,
            Some(None) => return file.sync_all(),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn each_leftover_in(shard: &Path, act: fn(&Path) -> io::Result<()>) -> io::Result<u64> {
    let mut count = 0;
    for file in fs::read_dir(shard)? {
        let file = file?;
        if is_staging(&file.file_name().to_string_lossy()) {
            act(&file.path())?;
            count += 1;
        }
    }
    Ok(count)
}

/// `object_store` writes to `name#N` first; no key of ours has a `#`.
fn is_staging(name: &str) -> bool {
    name.split_once('#')
        .is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

fn make_shards(folder: &Path) -> io::Result<()> {
    for shard in 0..=u8::MAX {
        fs::create_dir_all(folder.join(format!("{shard:02x}")))?;
    }
    sync(folder)
}

/// Writes a folder's entries to disk; does nothing where folders cannot be opened.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
