//! The program is killed again and again at random moments while people replace and look at pictures.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::client::{Answer, User, get};
use crate::pictures::picture;
use crate::server::{Server, Site};
use crate::wait::{Over, eventually};

const USERS: u16 = 4;
const KILLS: u16 = 20;
/// At least this many pictures are replaced between two kills.
const REPLACEMENTS_PER_KILL: u16 = 40;
const SEED: u64 = 20_240_229;

/// One user's uploads, which are numbered from 1 and come one after the other.
struct Story {
    user: User,
    /// The first of the numbers that pictures are told by.
    base: u16,
    begun: AtomicU16,
    acknowledged: AtomicU16,
    /// Every acknowledged picture: its number and its URL.
    urls: Mutex<Vec<(u16, String)>>,
}

/// What all threads share.
struct Play {
    stories: Vec<Story>,
    /// Counts kills and restarts: odd while the server is down.
    changes: AtomicUsize,
    over: Over,
    replaced: AtomicU16,
    samples: AtomicUsize,
    unanswered: AtomicUsize,
}

#[test]
fn through_twenty_kills_every_picture_that_was_acknowledged_is_there_and_nobody_is_ever_without_one() {
    let begun = Instant::now();
    let site = Site::new(&[
        ("VISAGE_REAPER__INTERVAL", "1s"),
        // Longer than this takes on any machine: old pictures are looked at to the end.
        ("VISAGE_REAPER__RETIRE_AFTER", "12h"),
    ]);
    let server = site.start();
    let play = Play::new(&site);
    let server = thread::scope(|threads| {
        let _guard = play.over.guard();
        for story in &play.stories {
            threads.spawn(|| play.replace_pictures(story));
        }
        for _ in 0..3 {
            threads.spawn(|| play.look_at_current_pictures());
        }
        threads.spawn(|| play.look_at_old_pictures());
        play.kill_and_restart(&site, server)
    });
    for story in &play.stories {
        story.check_all_answer();
    }
    site.settle(&["--at-once"]);
    for story in &play.stories {
        story.check_only_current_answers();
    }
    server.kill();
    site.assert_clean(u64::from(USERS));
    let replaced = play.replaced.load(Ordering::SeqCst);
    let (samples, unanswered) = (
        play.samples.load(Ordering::SeqCst),
        play.unanswered.load(Ordering::SeqCst),
    );
    eprintln!(
        "{KILLS} kills, {replaced} replacements, {samples} samples, {unanswered} requests unanswered while down, {:?}",
        begun.elapsed()
    );
}

impl Play {
    fn new(site: &Site) -> Self {
        let story = |n| Story {
            user: User::new(site, &format!("user{n}")),
            base: n * 1024,
            begun: AtomicU16::new(1),
            acknowledged: AtomicU16::new(0),
            urls: Mutex::default(),
        };
        let stories: Vec<Story> = (0..USERS).map(story).collect();
        for story in &stories {
            story.acknowledge(1, &story.user.upload(picture(story.base + 1)).unwrap());
        }
        Self {
            stories,
            changes: AtomicUsize::new(0),
            over: Over::default(),
            replaced: AtomicU16::new(0),
            samples: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
        }
    }

    /// Returns the server that runs at the end.
    fn kill_and_restart(&self, site: &Site, mut server: Server) -> Server {
        let mut rng = StdRng::seed_from_u64(SEED);
        for kill in 1..=KILLS {
            eventually("pictures are replaced", || {
                (self.replaced.load(Ordering::SeqCst) >= kill * REPLACEMENTS_PER_KILL).then_some(())
            });
            // Not synchronisation: the moment of the kill is to be any moment.
            thread::sleep(Duration::from_millis(rng.random_range(0..60)));
            self.changes.fetch_add(1, Ordering::SeqCst);
            server.kill();
            server = site.start();
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
        server
    }

    fn replace_pictures(&self, story: &Story) {
        while !self.over.is_set() {
            let number = story.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let uploaded = self.ask(|| story.user.upload(picture(story.base + number)));
            if let Some(answer) = uploaded {
                story.acknowledge(number, &answer);
                self.replaced.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// What a user is said to have shows the picture that was acknowledged last, or a newer one.
    fn look_at_current_pictures(&self) {
        for story in self.stories.iter().cycle() {
            if self.over.is_set() {
                return;
            }
            let oldest = story.acknowledged.load(Ordering::SeqCst);
            let Some(url) = self.ask(|| story.user.image_url()) else {
                continue;
            };
            let Some(answer) = self.ask(|| get(&url.clone().unwrap())) else {
                continue;
            };
            let shown = answer.identity() - story.base;
            let newest = story.begun.load(Ordering::SeqCst);
            assert!(
                (oldest..=newest).contains(&shown),
                "{shown} is shown where it should be {oldest} to {newest}"
            );
            self.samples.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Pages still show old URLs: each goes on showing the picture it was given for.
    fn look_at_old_pictures(&self) {
        let mut rng = StdRng::seed_from_u64(SEED + 1);
        while !self.over.is_set() {
            let story = &self.stories[rng.random_range(0..self.stories.len())];
            let (number, url) = {
                let urls = story.urls.lock().unwrap();
                urls[rng.random_range(0..urls.len())].clone()
            };
            if let Some(answer) = self.ask(|| get(&url)) {
                assert_eq!(answer.identity() - story.base, number);
                self.samples.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// Makes a request. Only while the server is down it may stay without a whole answer.
    fn ask<T>(&self, request: impl Fn() -> reqwest::Result<T>) -> Option<T> {
        let before = self.changes.load(Ordering::SeqCst);
        match request() {
            Ok(answer) => Some(answer),
            Err(error) => {
                let after = self.changes.load(Ordering::SeqCst);
                assert!(before % 2 == 1 || before != after, "the server was up: {error:?}");
                self.unanswered.fetch_add(1, Ordering::SeqCst);
                eventually("the server is up again", || {
                    self.changes.load(Ordering::SeqCst).is_multiple_of(2).then_some(())
                });
                None
            }
        }
    }
}

impl Story {
    fn acknowledge(&self, number: u16, answer: &Answer) {
        let url = answer.stored_url();
        self.urls.lock().unwrap().push((number, url));
        self.acknowledged.store(number, Ordering::SeqCst);
    }

    fn check_all_answer(&self) {
        for (number, url) in self.urls.lock().unwrap().iter() {
            assert_eq!(get(url).unwrap().identity() - self.base, *number);
        }
        let shown = self.user.shown() - self.base;
        assert!((self.acknowledged.load(Ordering::SeqCst)..=self.begun.load(Ordering::SeqCst)).contains(&shown));
    }

    fn check_only_current_answers(&self) {
        let current = self.user.image_url().unwrap().unwrap();
        assert_eq!(get(&current).unwrap().status, 200);
        for (_, url) in self.urls.lock().unwrap().iter().filter(|(_, url)| *url != current) {
            assert_eq!(get(url).unwrap().status, 404);
        }
    }
}
