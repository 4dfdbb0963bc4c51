//! What somebody else does meanwhile, and a media host that does not do what it should.

use std::fs;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use visage::app::App;
use visage::media_host::{MediaHost, MediaHostError};
use visage_cloudinary::PublicId;
use visage_store::Exchange;

use super::{Scene, line_of};
use crate::fault_proxy::Fault;
use crate::hooked_host::{Hooked, Hooks};
use crate::pictures::png;
use crate::test_app::TestApp;

/// Does something of its own when a picture was stored.
#[derive(Debug)]
struct Meddling {
    app: Arc<Mutex<Option<Arc<App>>>>,
    how: Meddle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meddle {
    /// Everybody takes the own picture away.
    Exchange,
    /// The reaper takes the exchange for dead.
    Settle,
    /// What is read back is something else.
    Corrupt,
}

#[async_trait]
impl Hooks for Meddling {
    async fn after_upload(&self, id: &PublicId) -> Result<(), MediaHostError> {
        let app = self.app.lock().unwrap().clone().unwrap();
        let now = app.clock.now();
        match self.how {
            Meddle::Exchange => {
                for user in app.directory.all_user_pictures(None, 10).await? {
                    let exchange = Exchange {
                        user_id: user.user_id,
                        new: None,
                        retire_at: now,
                        now,
                    };
                    app.directory.exchange_profile_image(exchange).await.unwrap();
                }
            }
            Meddle::Settle => app.directory.release_pending(id, now).await?,
            Meddle::Corrupt => {}
        }
        Ok(())
    }

    fn forgery(&self) -> Option<Bytes> {
        (self.how == Meddle::Corrupt).then(|| Bytes::from_static(b"something else"))
    }
}

pub(super) fn meddled(how: Meddle) -> Scene {
    let app = Arc::new(Mutex::new(None));
    let meddle = |inner: &Arc<dyn MediaHost>| {
        let app = Arc::clone(&app);
        Hooked::around(inner, Meddling { app, how })
    };
    let t = TestApp::with(
        |_| {},
        |app| {
            app.hosts.own = meddle(&app.hosts.own);
            app.hosts.account = app.hosts.account.as_ref().map(meddle);
        },
    );
    *app.lock().unwrap() = Some(Arc::clone(&t.app));
    Scene::with(t)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_does_meanwhile_wins() {
    let s = meddled(Meddle::Exchange);
    s.write("x.png", &png(10, 10, [9; 3]));
    let user = s.user(Some("/uploads/x.png")).await;
    let (summary, lines) = s.migrate(&s.and_remove()).await;
    assert_eq!((summary.superseded, summary.failed), (1, 0), "{lines:?}");
    assert_eq!(s.now(&user).await.profile_image, None);
    assert!(s.path("x.png").exists());
    s.check_clean(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_or_reads_back_differently_changes_nothing() {
    for how in [Meddle::Settle, Meddle::Corrupt] {
        let s = meddled(how);
        s.write("x.png", &png(10, 10, [9; 3]));
        let user = s.user(Some("/uploads/x.png")).await;
        let (summary, lines) = s.migrate(&s.and_remove()).await;
        assert_eq!(summary.failed, 1, "{how:?}: {lines:?}");
        assert!(!summary.is_complete());
        assert_eq!(s.now(&user).await, user);
        assert!(s.path("x.png").exists());
        s.check_clean(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_host_that_refuses_everything_costs_no_file_and_the_report_says_so_for_each_user() {
    let (t, proxy) = TestApp::behind_faults(|config| {
        config.cloudinary.breaker_failures = 1000;
    })
    .await;
    let s = Scene::with(t);
    let mut users = Vec::new();
    for n in 0..6 {
        s.write(&format!("{n}.png"), &png(10, 10, [n; 3]));
        users.push(s.user(Some(&format!("/uploads/{n}.png"))).await);
    }
    for fault in [
        Fault::Status(403),
        Fault::Status(500),
        Fault::ResetBeforeBody,
        Fault::NotStored,
    ] {
        proxy.inject(fault, "/image/upload HTTP/1.1", usize::MAX);
        let (summary, lines) = s.migrate(&s.and_remove()).await;
        assert!(proxy.relent().await > 0);
        assert_eq!((summary.users, summary.failed), (6, 6), "{fault:?}: {lines:?}");
        assert!(!summary.is_complete());
        for (n, user) in users.iter().enumerate() {
            let line = line_of(&lines, user);
            assert!(line["error"].is_string() && line["source"] == "kept", "{line}");
            assert_eq!(&s.now(user).await, user);
            let n = u8::try_from(n).unwrap();
            assert_eq!(fs::read(s.path(&format!("{n}.png"))).unwrap(), png(10, 10, [n; 3]));
        }
    }
    let (summary, lines) = s.migrate(&s.arguments()).await;
    assert_eq!(summary.migrated, 6, "{lines:?}");
    s.check_clean(6).await;
}
