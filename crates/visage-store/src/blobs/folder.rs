//! What a folder needs beyond what `object_store` does: all sub-folders at start, synced removals, a sweep of leftovers.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use object_store::local::LocalFileSystem;
use tokio::sync::mpsc;

use super::key::BlobKey;

/// How many pieces wait to be written.
const PIECES_AHEAD: usize = 4;

/// The folder that blobs are in.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: Arc<PathBuf>,
    kinds: &'static [&'static str],
}

/// What becomes of a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Publish {
    /// It stays, and the new one is refused.
    Create,
    /// The new one takes its place; who reads the old one reads it to its end.
    Replace,
}

impl Folder {
    /// Makes the folders of these kinds of blobs.
    pub(super) fn make(folder: &Path, kinds: &'static [&'static str]) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        for shards in kinds.iter().map(|name| folder.join(name)) {
            make_shards(&shards)?;
        }
        sync(&folder)?;
        folder.parent().map_or(Ok(()), sync)?;
        Self::at(&folder, kinds)
    }

    /// The folder as it is; nothing is made.
    pub(super) fn at(folder: &Path, kinds: &'static [&'static str]) -> io::Result<Self> {
        let path = Arc::new(folder.canonicalize()?);
        Ok(Self { path, kinds })
    }

    /// A store on it that does not wait for the disk.
    pub(super) fn store(&self) -> io::Result<LocalFileSystem> {
        LocalFileSystem::new_with_prefix(self.path.as_path()).map_err(io::Error::other)
    }

    /// Writes a file piece by piece, as durably as `object_store` writes one as a whole: to a file with another name, synced,
    /// then given its name as `publish` says. A stream that ends early, or whoever waits no more, leaves nothing.
    pub(super) async fn put_stream(
        &self,
        key: &BlobKey,
        publish: Publish,
        mut pieces: BoxStream<'static, io::Result<Bytes>>,
    ) -> io::Result<()> {
        let path = self.path.join(key.path().as_ref());
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        let writing = tokio::task::spawn_blocking(move || write_pieces(&path, publish, receiver));
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
        let mut path = self.path.join(key.path().as_ref());
        path.pop();
        on_blocking_thread(move || sync(&path)).await
    }

    /// Asks the system to forget what it has of a file in memory. That it may not do so is no error.
    pub(super) async fn forget_cached(&self, key: &BlobKey) {
        let path = self.path.join(key.path().as_ref());
        let forget = move || {
            let file = File::open(path)?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
            Ok(())
        };
        on_blocking_thread(forget).await.ok();
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
        let Self { path: folder, kinds } = self.clone();
        on_blocking_thread(move || {
            let mut count = 0;
            for shards in kinds {
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
fn write_pieces(path: &Path, publish: Publish, mut pieces: mpsc::Receiver<Option<Bytes>>) -> io::Result<()> {
    let mut staged = path.as_os_str().to_owned();
    // Two may want to replace the same file at the same time: each writes one of its own.
    staged.push(match publish {
        Publish::Create => "#1".to_owned(),
        Publish::Replace => format!("#{}", rand::random::<u32>()),
    });
    let staged = PathBuf::from(staged);
    let written = write_staged(&staged, &mut pieces).and_then(|()| match publish {
        Publish::Create => fs::hard_link(&staged, path),
        Publish::Replace => fs::rename(&staged, path),
    });
    let is_gone = publish == Publish::Replace && written.is_ok();
    let removed = if is_gone { Ok(()) } else { fs::remove_file(&staged) };
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
pub(crate) fn is_staging(name: &str) -> bool {
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
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

pub(crate) async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
