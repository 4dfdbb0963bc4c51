//! `visage migrate-profiles` and `visage migrate-posts`: how each kind of reference ends, and that nothing is lost on the way.

mod export;
mod meddling;
mod outcomes;
mod posts;
mod sources;
mod undo;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use visage::app::App;
use visage::migrate::output::{Output, ReportFormat, Summary};
use visage::migrate::undo::{UndoSummary, undo};
use visage::migrate::{Arguments, migrate_profiles};
use visage_cloudinary::Secret;
use visage_store::{ProfileDetails, Role, User, UserId};

use crate::test_app::TestApp;

/// The files of an earlier installation, and the app that they are moved into.
struct Scene {
    t: TestApp,
    outer: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self::with(TestApp::new())
    }

    fn with(mut t: TestApp) -> Self {
        // What is refused stays on its user, and an audit says so.
        t.check_on_drop = false;
        let outer = tempfile::tempdir().unwrap();
        fs::create_dir(outer.path().join("uploads")).unwrap();
        Self { t, outer }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.outer.path().join("uploads").join(file)
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Adds a user as the earlier installation had it.
    async fn user(&self, url: Option<&str>) -> User {
        // Ids grow, and so users are moved in the order in which they are added.
        self.t.advance(Duration::from_secs(1));
        let id = UserId::new(self.t.app.clock.now());
        let user = User {
            id,
            name: "Asha Rao".to_owned(),
            email: format!("{id}@example.com"),
            password_hash: Secret::new("$2b$04$hash"),
            role: Role::User,
            is_verified: true,
            suspended: false,
            profile_image: url.map(str::to_owned),
            cloudinary_id: None,
            otp: None,
            reset_token: None,
            profile: ProfileDetails::default(),
            weight_history: Vec::new(),
            trainer_preference: "No Preference".to_owned(),
            sessions: visage_store::Sessions::default(),
            joining_date: "2020-01-01T00:00:00Z".parse().unwrap(),
            created_at: "2020-01-02T00:00:00Z".parse().unwrap(),
            updated_at: "2020-01-03T00:00:00Z".parse().unwrap(),
        };
        self.t.app.directory.import_users(vec![user.clone()]).await.unwrap();
        user
    }

    async fn now(&self, user: &User) -> User {
        self.t.app.directory.user(&user.id).await.unwrap().unwrap()
    }

    fn arguments(&self) -> Arguments {
        Arguments {
            uploads: Some(self.path("")),
            users: None,
            own_hosts: vec!["https://api.gym.example".parse().unwrap()],
            remove_source: false,
            posts: None,
            dry_run: false,
            parallel: 4,
        }
    }

    /// One after the other, so that a file that goes too soon is missed.
    fn and_remove(&self) -> Arguments {
        Arguments {
            remove_source: true,
            parallel: 1,
            ..self.arguments()
        }
    }

    async fn migrate(&self, arguments: &Arguments) -> (Summary, Vec<Value>) {
        let (summary, report) = migrate(&self.t.app, arguments, ReportFormat::Json).await;
        let lines: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len() as u64, summary.users, "{lines:?}");
        (summary, lines)
    }

    async fn undo(&self, report: &str) -> (UndoSummary, Vec<Value>) {
        let path = self.outer.path().join("report");
        fs::write(&path, report).unwrap();
        let lines = Shared::default();
        let mut output = Output::quiet()
            .with_report(Box::new(lines.clone()), ReportFormat::Json)
            .unwrap();
        let arguments = Arguments {
            uploads: None,
            ..self.arguments()
        };
        let summary = undo(&self.t.app, &path, &arguments, &mut output).await.unwrap();
        let lines = lines.text();
        (
            summary,
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        )
    }

    /// Nothing is lost, and nothing is kept that nobody refers to.
    async fn check_clean(&self, pictures: u64) {
        let audit = self.t.settle().await;
        assert_eq!((audit.references, audit.assets), (pictures, pictures), "{audit:?}");
        assert!(!audit.is_damaged(), "{audit:?}");
        let left = [
            audit.unreferenced_assets,
            audit.pending_exchanges,
            audit.expired_media,
            audit.stray_blobs,
            audit.temporary_files,
        ];
        assert_eq!(left, [0; 5], "{audit:?}");
    }
}

async fn migrate(app: &App, arguments: &Arguments, format: ReportFormat) -> (Summary, String) {
    let report = Shared::default();
    let mut output = Output::quiet().with_report(Box::new(report.clone()), format).unwrap();
    migrate_profiles(app, arguments, &mut output).await.unwrap();
    (output.finish(), report.text())
}

/// What was written to a report.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn line_of<'a>(lines: &'a [Value], user: &User) -> &'a Value {
    let of_user: Vec<_> = lines
        .iter()
        .filter(|line| line["user"] == user.id.to_string())
        .collect();
    assert_eq!(of_user.len(), 1, "{lines:?}");
    of_user[0]
}

/// Outcome and reason.
fn end(line: &Value) -> (&str, &str) {
    (line["outcome"].as_str().unwrap(), line["error"].as_str().unwrap_or(""))
}

/// What the sums of a dry run are when it is done: nothing is said to have been done that was not.
#[track_caller]
fn when_done(said: &Summary) -> Summary {
    assert_eq!((said.migrated, said.added_users), (0, 0), "{said:?}");
    Summary {
        migrated: said.would_migrate,
        would_migrate: 0,
        added_users: said.would_add_users,
        would_add_users: 0,
        ..said.clone()
    }
}
