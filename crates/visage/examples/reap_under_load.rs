//! How much longer uploads of profile images take while the reaper removes ten thousand posts that have expired at once.
//!
//! Everything is in this process, on the disk of the system's temporary folder; the clock is turned by hand.
//! `cargo run --release -p visage --example reap_under_load [POSTS]`

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use visage::app::{App, DataLock};
use visage::clock::{FixedClock, later};
use visage::config::Config;
use visage::jobs::reaper;
use visage::media_host::Picture;
use visage::profile;
use visage::spool::SpooledFile;
use visage_cloudinary::{PublicId, ResourceType, Secret, Transformation};
use visage_store::{NewPost, NewUser, PendingMedia, PostMedia, Role, User, UserId};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const UPLOADERS: usize = 2;
/// How long uploads are measured without a pass.
const CALM: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<()> {
    let posts: usize = std::env::args().nth(1).map_or(Ok(10_000), |posts| posts.parse())?;
    let folder = tempfile::tempdir()?;
    let clock = Arc::new(FixedClock::new("2024-06-25T09:25:44Z".parse()?));
    let config = Config {
        data: folder.path().join("data"),
        ..Config::default()
    };
    let lock = DataLock::take(&config.data)?;
    let app = App::open_locked(config, clock.clone(), &lock)?;
    let mut users = Vec::new();
    for number in 0..UPLOADERS {
        users.push(sign_up(&app, number).await?);
    }
    let begun = Instant::now();
    fill(&app, users[0].id, posts).await?;
    say(&format!(
        "{posts} posts with pictures stored in {:.1?}",
        begun.elapsed()
    ))?;
    let is_over = AtomicBool::new(false);
    let (calm, ()) = tokio::join!(upload_until(&app, &users, &is_over), async {
        tokio::time::sleep(CALM).await;
        is_over.store(true, Ordering::SeqCst);
    });
    tell("without a pass", calm?)?;
    clock.advance(app.config.posts.lifetime.as_duration());
    is_over.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    let (busy, reaped) = tokio::join!(upload_until(&app, &users, &is_over), async {
        let reaped = reaper::reap(&app, false).await;
        is_over.store(true, Ordering::SeqCst);
        reaped
    });
    let reaped = reaped?;
    say(&format!(
        "{} posts and {} pictures removed in {:.1?}",
        reaped.removed_posts,
        reaped.destroyed_pictures,
        begun.elapsed()
    ))?;
    tell("during the pass", busy?)
}

async fn sign_up(app: &App, number: usize) -> Result<User> {
    let user = NewUser {
        name: format!("Member {number}"),
        email: format!("member{number}@example.com"),
        password_hash: Secret::new(""),
        role: Role::User,
        is_verified: true,
        otp: None,
    };
    Ok(app.directory.create_user(user, app.clock.now()).await?)
}

/// Posts so many tiny pictures.
async fn fill(app: &App, author: UserId, count: usize) -> Result<()> {
    let bytes = Bytes::from(png(2)?);
    let facts = visage_image::probe(&bytes, &app.library.limits)?;
    let posts = futures_util::stream::iter(0..count).map(|number| {
        let picture = Picture {
            bytes: bytes.clone(),
            facts: facts.into(),
            part: None,
        };
        publish(app, author, number, picture)
    });
    let mut posts = posts.buffer_unordered(64);
    while let Some(published) = posts.next().await {
        published?;
    }
    Ok(())
}

async fn publish(app: &App, author: UserId, number: usize, picture: Picture) -> Result<()> {
    let (now, resource_type) = (app.clock.now(), ResourceType::Image);
    let public_id: PublicId = format!("posts/{number}").parse()?;
    let pending = PendingMedia {
        new: public_id.clone(),
        replaces: None,
        resource_type,
        begun_at: now,
    };
    app.directory.begin_exchange(pending).await?;
    let hosted = app
        .media_host
        .upload(&public_id, picture, &Transformation::default())
        .await?;
    let post = NewPost {
        author,
        content: String::new(),
        media: Some(PostMedia {
            url: hosted.url,
            public_id,
            resource_type,
        }),
        expires_at: later(now, app.config.posts.lifetime.as_duration()),
        now,
    };
    app.posts.publish_post(post).await?;
    Ok(())
}

/// Every user replaces its picture, one after the other. Returns how long each took.
async fn upload_until(app: &App, users: &[User], is_over: &AtomicBool) -> Result<Vec<Duration>> {
    let file = png(300)?;
    let uploads = users.iter().map(async |user| {
        let mut times = Vec::new();
        while !is_over.load(Ordering::SeqCst) {
            let begun = Instant::now();
            let spooled = SpooledFile::from_bytes(&app.temporary_folder, &file)?;
            profile::exchange_image(app, user, spooled, None).await?;
            times.push(begun.elapsed());
        }
        Result::Ok(times)
    });
    let times: Result<Vec<Vec<Duration>>> = join_all(uploads).await.into_iter().collect();
    Ok(times?.concat())
}

fn tell(when: &str, mut times: Vec<Duration>) -> Result<()> {
    times.sort_unstable();
    let share = |percent: usize| {
        times
            .get(times.len().saturating_sub(1) * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    say(&format!(
        "{} uploads {when}: p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
        times.len(),
        share(50),
        share(99),
        share(100)
    ))
}

/// A square in colours that do not repeat.
fn png(side_pixels: u32) -> Result<Vec<u8>> {
    let pixels: Vec<u8> = (0..side_pixels * side_pixels)
        .flat_map(|at| [at % 251, at / side_pixels % 241, at % 239])
        .map(|value| u8::try_from(value).unwrap_or_default())
        .collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side_pixels, side_pixels);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(file)
}

fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
