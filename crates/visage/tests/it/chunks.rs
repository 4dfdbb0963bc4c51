//! Files that come in several requests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use visage::chunks::{ChunkError, Chunks, MIN_PART_BYTES, NewPart, Part, Sender, UploadKey};
use visage::clock::FixedClock;
use visage::config::ChunksConfig;
use visage::shares::Client;
use visage::spool::SpooledFile;
use visage_cloudinary::parameters::ContentRange;

const MIN: u64 = MIN_PART_BYTES;

struct Uploads {
    chunks: Chunks,
    clock: Arc<FixedClock>,
    folder: tempfile::TempDir,
}

impl Uploads {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(configure: impl FnOnce(&mut ChunksConfig)) -> Self {
        let mut config = ChunksConfig::default();
        configure(&mut config);
        let clock = Arc::new(FixedClock::new("2024-06-25T09:25:44Z".parse().unwrap()));
        Self {
            chunks: Chunks::new(&config, clock.clone()),
            clock,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    async fn send(&self, upload_id: &str, range: &str, byte: u8) -> Result<Part, ChunkError> {
        let range = ContentRange::parse(range).unwrap();
        let file = spooled(self.folder.path(), range.length(), byte);
        self.send_file(upload_id, range, file).await
    }

    async fn send_file(&self, upload_id: &str, range: ContentRange, file: SpooledFile) -> Result<Part, ChunkError> {
        self.send_as(Sender::Signed, upload_id, range, file).await
    }

    /// A first part that is not signed, from an address that ends so.
    async fn begin_unsigned(&self, address: u8, upload_id: &str) -> Result<Part, ChunkError> {
        let range = ContentRange::parse(&range(0, MIN, "-1")).unwrap();
        let file = spooled(self.folder.path(), MIN, 1);
        let client = Client::at([192, 0, 2, address].into());
        self.send_as(Sender::Unsigned(client), upload_id, range, file).await
    }

    /// Whether an unsigned upload is still under way: a part that overlaps another is refused, and changes nothing.
    async fn goes_on(&self, upload_id: &str) -> bool {
        let range = ContentRange::parse(&range(1, MIN + 1, "-1")).unwrap();
        let file = spooled(self.folder.path(), MIN, 1);
        let client = Client::at([192, 0, 2, 200].into());
        let refused = self.send_as(Sender::Unsigned(client), upload_id, range, file).await;
        match refused {
            Err(ChunkError::Overlap) => true,
            Err(ChunkError::Unknown) => false,
            other => panic!("{other:?}"),
        }
    }

    async fn send_as(
        &self,
        sender: Sender,
        upload_id: &str,
        range: ContentRange,
        file: SpooledFile,
    ) -> Result<Part, ChunkError> {
        let key = UploadKey {
            account: if sender == Sender::Signed { "key 1" } else { "preset p" }.to_owned(),
            resource_type: "image".to_owned(),
            upload_id: upload_id.to_owned(),
        };
        let part = NewPart {
            range,
            file,
            public_id: Some(format!("named by {range}")),
            max_bytes: 10 * MIN,
        };
        self.chunks.receive_part(key, sender, part).await
    }

    async fn more(&self, upload_id: &str, range: &str, byte: u8) -> u64 {
        match self.send(upload_id, range, byte).await {
            Ok(Part::More { received_bytes, .. }) => received_bytes,
            other => panic!("{range}: {other:?}"),
        }
    }

    /// Each run of equal bytes of the complete file, and its public id.
    async fn done(&self, upload_id: &str, range: &str, byte: u8) -> (Vec<(u8, u64)>, String) {
        let sent = self.send(upload_id, range, byte).await;
        let Ok(Part::Done { file, public_id }) = sent else {
            panic!("{range}: {sent:?}");
        };
        let bytes = file.read_all().unwrap();
        let runs = bytes.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64));
        (runs.collect(), public_id.unwrap())
    }
}

fn spooled(folder: &Path, len: u64, byte: u8) -> SpooledFile {
    SpooledFile::from_bytes(folder, &vec![byte; usize::try_from(len).unwrap()]).unwrap()
}

fn range(first: u64, end: u64, total: &str) -> String {
    format!("bytes {first}-{}/{total}", end - 1)
}

#[tokio::test]
async fn parts_in_order_make_the_file_under_the_id_of_the_first() {
    let uploads = Uploads::new();
    let total = (2 * MIN + 3).to_string();
    assert_eq!(uploads.more("a", &range(0, MIN, &total), 1).await, MIN);
    assert_eq!(uploads.more("a", &range(MIN, 2 * MIN, &total), 2).await, 2 * MIN);
    let (file, public_id) = uploads.done("a", &range(2 * MIN, 2 * MIN + 3, &total), 3).await;
    assert_eq!(file, [(1, MIN), (2, MIN), (3, 3)]);
    assert_eq!(public_id, format!("named by {}", range(0, MIN, &total)));
    assert_eq!(uploads.chunks.open(), 0);
}

#[tokio::test]
async fn the_total_may_be_unknown_until_the_last_part() {
    let uploads = Uploads::new();
    uploads.more("a", &range(0, MIN, "-1"), 1).await;
    let last = range(MIN, MIN + 1, &(MIN + 1).to_string());
    assert_eq!(uploads.done("a", &last, 2).await.0, [(1, MIN), (2, 1)]);
}

#[tokio::test]
async fn parts_after_the_first_come_in_any_order_and_again() {
    let uploads = Uploads::new();
    let total = (3 * MIN).to_string();
    uploads.more("a", &range(0, MIN, &total), 1).await;
    assert_eq!(uploads.more("a", &range(2 * MIN, 3 * MIN, &total), 7).await, 2 * MIN);
    assert_eq!(uploads.more("a", &range(2 * MIN, 3 * MIN, &total), 3).await, 2 * MIN);
    assert_eq!(uploads.more("a", &range(0, MIN, &total), 9).await, 2 * MIN);
    let (file, _) = uploads.done("a", &range(MIN, 2 * MIN, &total), 2).await;
    assert_eq!(file, [(9, MIN), (2, MIN), (3, MIN)]);
}

#[tokio::test]
async fn a_file_in_one_part_is_complete_also_when_it_is_empty() {
    let uploads = Uploads::new();
    assert_eq!(uploads.done("a", "bytes 0-2/3", 1).await.0, [(1, 3)]);
    assert_eq!(uploads.done("a", "bytes 0--1/0", 1).await.0, []);
    assert_eq!(uploads.chunks.open(), 0);
}

#[tokio::test]
async fn a_part_that_is_not_the_last_has_five_mebibytes() {
    let uploads = Uploads::new();
    for len in [MIN, MIN + 1, 5_243_000] {
        uploads.more(&len.to_string(), &range(0, len, "-1"), 1).await;
    }
    let refused = uploads.send("small", &range(0, MIN - 1, "-1"), 1).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "All parts except EOF-chunk must be larger than 5mb"
    );
    assert_eq!(uploads.chunks.open(), 3);
}

#[tokio::test]
async fn parts_that_do_not_fit_are_refused_and_what_came_before_stays() {
    let uploads = Uploads::new();
    let total = (3 * MIN).to_string();
    let unknown = uploads.send("a", &range(MIN, 2 * MIN, &total), 1).await;
    assert!(matches!(unknown, Err(ChunkError::Unknown)));
    uploads.more("a", &range(0, MIN, &total), 1).await;
    for (first, end) in [(0, MIN + 1), (MIN - 1, 2 * MIN), (1, MIN + 1)] {
        let overlap = uploads.send("a", &range(first, end, &total), 1).await;
        assert!(matches!(overlap, Err(ChunkError::Overlap)), "{first} {overlap:?}");
    }
    let other_total = uploads
        .send("a", &range(MIN, 2 * MIN, &(3 * MIN + 1).to_string()), 1)
        .await;
    assert!(matches!(other_total, Err(ChunkError::Total)));
    let short = spooled(uploads.folder.path(), MIN - 1, 1);
    let said = ContentRange::parse(&range(MIN, 2 * MIN, &total)).unwrap();
    let length = uploads.send_file("a", said, short).await;
    assert!(matches!(length, Err(ChunkError::Length { .. })));
    uploads.more("a", &range(MIN, 2 * MIN, &total), 2).await;
    let (file, _) = uploads.done("a", &range(2 * MIN, 3 * MIN, &total), 3).await;
    assert_eq!(file, [(1, MIN), (2, MIN), (3, MIN)]);
}

#[tokio::test]
async fn a_file_of_the_largest_size_is_taken_and_a_larger_one_is_refused_at_its_first_part() {
    let uploads = Uploads::new();
    uploads.more("a", &range(0, MIN, &(10 * MIN).to_string()), 1).await;
    let refused = uploads
        .send("b", &range(0, MIN, &(10 * MIN + 1).to_string()), 1)
        .await
        .unwrap_err();
    let expected = format!("File size too large. Got {}. Maximum is {}.", 10 * MIN + 1, 10 * MIN);
    assert_eq!(refused.to_string(), expected);
    let beyond = uploads.send("a", &range(10 * MIN, 11 * MIN, "-1"), 1).await;
    assert!(matches!(beyond, Err(ChunkError::TooLarge { .. })));
}

#[tokio::test]
async fn no_more_uploads_are_under_way_than_allowed_but_silent_ones_make_room() {
    let uploads = Uploads::with(|config| config.uploads = 2);
    uploads.more("a", &range(0, MIN, "-1"), 1).await;
    uploads.clock.advance(Duration::from_secs(1));
    uploads.more("b", &range(0, MIN, "-1"), 1).await;
    uploads.clock.advance(Duration::from_secs(3598));
    let third = uploads.send("c", &range(0, MIN, "-1"), 1).await;
    assert!(matches!(third, Err(ChunkError::Overloaded)));
    uploads.clock.advance(Duration::from_secs(1));
    uploads.more("c", &range(0, MIN, "-1"), 1).await;
    uploads.more("b", &range(MIN, 2 * MIN, "-1"), 1).await;
    let dropped = uploads.send("a", &range(MIN, 2 * MIN, "-1"), 1).await;
    assert!(matches!(dropped, Err(ChunkError::Unknown)));
}

#[tokio::test]
async fn all_uploads_together_hold_no_more_than_allowed() {
    let uploads = Uploads::with(|config| config.bytes = 2 * MIN);
    uploads.more("a", &range(0, MIN, "-1"), 1).await;
    let refused = uploads.send("b", &range(0, MIN + 1, "-1"), 1).await;
    assert!(matches!(refused, Err(ChunkError::Overloaded)));
    assert_eq!(uploads.chunks.open(), 1);
    uploads.more("b", &range(0, MIN, "-1"), 1).await;
    uploads.more("b", &range(0, MIN, "-1"), 2).await;
    let full = uploads.send("a", &range(MIN, MIN + 1, &(MIN + 1).to_string()), 1).await;
    assert!(matches!(full, Err(ChunkError::Overloaded)));
    uploads.clock.advance(Duration::from_secs(24 * 3600));
    uploads.more("c", &range(0, 2 * MIN, "-1"), 1).await;
}

/// Fifteen unsigned uploads of five addresses, each begun a second after the one before.
async fn begin_crowd(uploads: &Uploads) {
    for n in 0..15_u8 {
        uploads.clock.advance(Duration::from_secs(1));
        uploads.begin_unsigned(n / 3, &format!("u{n}")).await.unwrap();
    }
}

#[tokio::test]
async fn unsigned_first_parts_keep_out_no_signed_upload() {
    let uploads = Uploads::with(|config| {
        config.uploads = 16;
        config.unsigned_uploads = 15;
    });
    begin_crowd(&uploads).await;
    for id in ["a", "b", "c"] {
        uploads.more(id, &range(0, MIN, "-1"), 1).await;
    }
    assert_eq!(uploads.chunks.open(), 16);
    for id in ["a", "b", "c"] {
        uploads.more(id, &range(MIN, 2 * MIN, "-1"), 1).await;
    }
}

#[tokio::test]
async fn unsigned_upload_over_their_share_gives_up_the_heaviest() {
    let uploads = Uploads::with(|config| config.unsigned_uploads = 15);
    begin_crowd(&uploads).await;
    uploads.begin_unsigned(3, "u15").await.unwrap();
    // Address 3 has most now; before, the last of those with three gave way.
    uploads.begin_unsigned(100, "mine").await.unwrap();
    assert_eq!(uploads.chunks.open(), 15);
    assert!(!uploads.goes_on("u9").await, "the longest silent one of address 3");
    for id in ["u0", "u10", "u11", "u15", "mine"] {
        assert!(uploads.goes_on(id).await, "{id}");
    }
}

#[tokio::test]
async fn address_over_its_share_of_unsigned_uploads_gives_up_its_own() {
    let uploads = Uploads::with(|config| config.unsigned_per_address = 2);
    for (address, id) in [(1, "a"), (2, "b"), (1, "c")] {
        uploads.begin_unsigned(address, id).await.unwrap();
        uploads.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(uploads.chunks.open(), 3, "at its share");
    uploads.begin_unsigned(1, "d").await.unwrap();
    assert!(!uploads.goes_on("a").await);
    for id in ["b", "c", "d"] {
        assert!(uploads.goes_on(id).await, "{id}");
    }
}

#[tokio::test]
async fn unsigned_uploads_give_up_their_room_to_signed_ones() {
    let uploads = Uploads::with(|config| config.bytes = 4 * MIN);
    uploads.begin_unsigned(1, "a").await.unwrap();
    uploads.begin_unsigned(2, "b").await.unwrap();
    // They may hold half of it.
    uploads.begin_unsigned(3, "c").await.unwrap();
    assert_eq!(uploads.chunks.open(), 2);
    uploads.more("signed", &range(0, MIN, "-1"), 1).await;
    uploads.more("signed", &range(MIN, 4 * MIN, "-1"), 1).await;
    assert_eq!(uploads.chunks.open(), 1);
    let full = uploads.begin_unsigned(1, "d").await;
    assert!(matches!(full, Err(ChunkError::Overloaded)), "signed ones stay");
}

#[tokio::test]
async fn unfinished_unsigned_upload_is_forgotten_after_an_hour() {
    let uploads = Uploads::new();
    uploads.begin_unsigned(1, "a").await.unwrap();
    uploads.more("signed", &range(0, MIN, "-1"), 1).await;
    uploads.clock.advance(Duration::from_secs(3599));
    assert_eq!((uploads.chunks.forget_old(), uploads.chunks.open()), ((), 2));
    uploads.clock.advance(Duration::from_secs(1));
    assert_eq!((uploads.chunks.forget_old(), uploads.chunks.open()), ((), 1));
}

#[tokio::test]
async fn an_unfinished_upload_is_forgotten_a_day_after_its_last_part() {
    let uploads = Uploads::new();
    uploads.more("a", &range(0, MIN, "-1"), 1).await;
    uploads.clock.advance(Duration::from_secs(24 * 3600 - 1));
    uploads.more("a", &range(MIN, 2 * MIN, "-1"), 1).await;
    uploads.clock.advance(Duration::from_secs(24 * 3600 - 1));
    uploads.chunks.forget_old();
    assert_eq!(uploads.chunks.open(), 1);
    uploads.clock.advance(Duration::from_secs(1));
    uploads.chunks.forget_old();
    assert_eq!(uploads.chunks.open(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_come_at_once_make_the_file() {
    let uploads = Arc::new(Uploads::new());
    let total = (8 * MIN).to_string();
    uploads.more("a", &range(0, MIN, &total), 0).await;
    let sent = (1..8_u8).map(|n| {
        let uploads = Arc::clone(&uploads);
        let at = u64::from(n) * MIN;
        let range = range(at, at + MIN, &total);
        tokio::spawn(async move { uploads.send("a", &range, n).await.unwrap() })
    });
    let mut done = Vec::new();
    for part in sent.collect::<Vec<_>>() {
        if let Part::Done { file, .. } = part.await.unwrap() {
            done.push(file);
        }
    }
    assert_eq!(done.len(), 1);
    let bytes = done[0].read_all().unwrap();
    let runs: Vec<_> = bytes
        .chunk_by(|a, b| a == b)
        .map(|run| (run[0], run.len() as u64))
        .collect();
    let expected: Vec<_> = (0..8).map(|n| (n, MIN)).collect();
    assert_eq!(runs, expected);
}
