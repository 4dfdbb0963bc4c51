//! What a page costs among a thousand and among a hundred thousand assets: `cargo bench -p visage-store`.
//!
//! Most shapes find the same few assets in both stores, so they should cost the same. Those marked with a star find more where
//! there are more, and a search counts all that it finds.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench has no interface, prints its table, and may stop anywhere"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tempfile::TempDir;
use visage_cloudinary::search::{Direction, Expression, SortBy, SortField};
use visage_cloudinary::{DeliveryType, ImageFormat, PublicId, ResourceType};
use visage_store::{
    AssetDetails, AssetFilter, AssetKey, AssetOrder, Catalog as _, CommitUpload, Cursor, ImageFacts, Media,
    SearchQuery, Select, Sha256, Sqlite, UploadFacts, UploadId,
};

/// How many assets are special, whatever their number.
const FEW: usize = 40;
const ROUNDS: usize = 200;

fn main() {
    // `cargo test --all-targets` starts benches too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let small = runtime.block_on(Shelf::fill(1_000));
    let large = runtime.block_on(Shelf::fill(100_000));
    println!("{:<44}{:>10}{:>10}{:>8}", "median, µs", "1,000", "100,000", "ratio");
    let times = [&small, &large].map(|shelf| runtime.block_on(shelf.measure()));
    for ((name, small), (_, large)) in times[0].iter().zip(&times[1]) {
        let ratio = large.as_secs_f64() / small.as_secs_f64();
        println!(
            "{name:<44}{:>10}{:>10}{ratio:>8.2}",
            small.as_micros(),
            large.as_micros()
        );
    }
}

struct Shelf {
    store: Sqlite,
    count: usize,
    middle: Option<Cursor>,
    _folder: TempDir,
}

impl Shelf {
    async fn fill(count: usize) -> Self {
        // Filling is one synced transaction per asset; in memory it takes seconds. What is measured is read from memory anyway.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        }
        .unwrap();
        let store = Sqlite::open(&folder.path().join("visage.db")).unwrap();
        for n in 0..count {
            store_one(&store, n, n % (count / FEW) == 0).await;
        }
        let mut shelf = Self {
            store,
            count,
            middle: None,
            _folder: folder,
        };
        for _ in 0..count / 2 / 500 {
            let page = shelf
                .list(Select::All, AssetOrder::NewestFirst, shelf.middle.clone(), 500)
                .await;
            shelf.middle = page;
        }
        shelf
    }

    async fn measure(&self) -> Vec<(&'static str, Duration)> {
        use AssetOrder::{NewestFirst, OldestFirst, PublicId};
        let prefix = || Select::Prefix("few/".to_owned());
        let mut times = Vec::new();
        for (name, select, order, after, limit) in [
            ("list, newest 10", Select::All, NewestFirst, None, 10),
            ("list, newest 50", Select::All, NewestFirst, None, 50),
            ("list, oldest 10", Select::All, OldestFirst, None, 10),
            (
                "list, 10 from the middle",
                Select::All,
                NewestFirst,
                self.middle.clone(),
                10,
            ),
            ("list, prefix, by public id", prefix(), PublicId, None, 10),
            ("list, prefix, newest", prefix(), NewestFirst, None, 10),
            ("list, tag", Select::Tag("few".to_owned()), NewestFirst, None, 10),
            (
                "list, folder",
                Select::Folder("shelf".to_owned()),
                NewestFirst,
                None,
                10,
            ),
        ] {
            let list = || self.list(select.clone(), order, after.clone(), limit);
            times.push((name, median(ROUNDS, list).await));
        }
        for (name, expression, field, rounds) in [
            (
                "search, tags=few AND format=jpg",
                "tags=few AND format=jpg",
                SortField::CreatedAt,
                ROUNDS,
            ),
            (
                "search, public_id:few/*",
                "public_id:few/*",
                SortField::CreatedAt,
                ROUNDS,
            ),
            (
                "search, public_id:few/*, by bytes",
                "public_id:few/*",
                SortField::Bytes,
                ROUNDS,
            ),
            ("search, created_at in 40 s", CREATED, SortField::CreatedAt, ROUNDS),
            (
                "search, filename=pic-500",
                "filename=pic-500",
                SortField::CreatedAt,
                ROUNDS,
            ),
            (
                "* search, filename:pic-999*",
                "filename:pic-999*",
                SortField::CreatedAt,
                ROUNDS,
            ),
            ("search, folder=shelf", "folder=shelf", SortField::CreatedAt, ROUNDS),
            ("search, a word", "needle", SortField::CreatedAt, ROUNDS),
            ("* search, everything", "", SortField::CreatedAt, 20),
            ("* search, format=jpg", "format=jpg", SortField::CreatedAt, 20),
            ("* search, format=jpg, by bytes", "format=jpg", SortField::Bytes, 20),
        ] {
            times.push((name, median(rounds, || self.search(expression, field)).await));
        }
        assert!(self.count >= FEW);
        times
    }

    async fn list(&self, select: Select, order: AssetOrder, after: Option<Cursor>, limit: usize) -> Option<Cursor> {
        let filter = AssetFilter {
            resource_type: Some(ResourceType::Image),
            delivery_type: Some(DeliveryType::Upload),
            start_at: None,
            select,
        };
        let page = self.store.list_assets(filter, order, after, limit).await.unwrap();
        assert_eq!(page.items.len(), limit);
        page.next
    }

    async fn search(&self, expression: &str, field: SortField) -> Option<Cursor> {
        let query = SearchQuery {
            expression: Some(Expression::parse(expression, time(0)).unwrap()),
            sort_by: vec![SortBy {
                field,
                direction: Direction::Descending,
            }],
            after: None,
            limit: 10,
            aggregate: Vec::new(),
        };
        let page = self.store.search_assets(query).await.unwrap();
        assert!(page.total > 0, "{expression}");
        page.page.next
    }
}

/// The 40 seconds from the 501st asset on; `time(0)` is in November 2023.
const CREATED: &str = "created_at>=2023-11-14T22:21:40Z AND created_at<2023-11-14T22:22:20Z";

async fn median<F: Future<Output = Option<Cursor>>>(rounds: usize, act: impl Fn() -> F) -> Duration {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        act().await;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[rounds / 2]
}

fn time(n: usize) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + i64::try_from(n).unwrap()).unwrap()
}

async fn store_one(store: &Sqlite, n: usize, is_one_of_few: bool) {
    let id = UploadId::random();
    store.begin_upload(&id, time(n)).await.unwrap();
    let (folder, prefix, word) = if is_one_of_few {
        ("shelf".to_owned(), "few", "a needle")
    } else {
        (format!("f/{}", n % 100), "many", "")
    };
    let format = if n.is_multiple_of(3) {
        ImageFormat::Png
    } else {
        ImageFormat::Jpg
    };
    let commit = CommitUpload {
        asset_id: None,
        id,
        key: AssetKey {
            resource_type: ResourceType::Image,
            delivery_type: DeliveryType::Upload,
            public_id: PublicId::parse(&format!("{prefix}/pic-{n}")).unwrap(),
        },
        facts: facts(n as u64, format),
        overwrite: true,
        purge_at: time(n),
        details: AssetDetails {
            asset_folder: folder,
            display_name: word.to_owned(),
            tags: [prefix.to_owned(), format!("t{}", n % 50)].into(),
            ..AssetDetails::default()
        },
    };
    store.commit_upload(commit, time(n)).await.unwrap();
}

fn facts(bytes: u64, format: ImageFormat) -> UploadFacts {
    UploadFacts {
        bytes,
        sha256: Sha256::from_bytes([7; 32]),
        md5: None,
        blocks: Vec::new(),
        media: Media::Image(ImageFacts {
            format,
            width: 640,
            height: 480,
            orientation: 1,
            frames: 1,
            has_alpha: false,
            faces: None,
        }),
    }
}
