//! Two programs: one keeps its pictures in an account, the other is the account.

use crate::client::{User, get, post_file};
use crate::server::{Server, Site};

/// Appears in no log.
pub(crate) const SECRET: &str = "hush-hush-0123456789";

/// So short that a command's graces may be short, too; and long enough for a busy machine.
const IMPATIENT: &[(&str, &str)] = &[
    ("VISAGE_CLOUDINARY__DEADLINE", "5s"),
    ("VISAGE_CLOUDINARY__TAKE_IN_AFTER", "500ms"),
    ("VISAGE_CLOUDINARY__BREAKER_PAUSE", "200ms"),
];

/// For a server that is to notice soon that it gets no answer.
pub(crate) const HASTY: &[(&str, &str)] = &[("VISAGE_CLOUDINARY__DEADLINE", "1s")];

/// The two.
pub(crate) struct Pair {
    /// Has users.
    pub(crate) app: Site,
    /// Has their pictures.
    pub(crate) account: Site,
}

impl Pair {
    /// Both fresh; `outage` is the setting of that name. Neither runs.
    pub(crate) fn new(outage: &str, settings: &[(&str, &str)]) -> Self {
        Self::reached_at(None, outage, settings)
    }

    /// As [`Self::new`], with an address of the account that is not its own.
    pub(crate) fn reached_at(address: Option<&str>, outage: &str, settings: &[(&str, &str)]) -> Self {
        let account = Site::new(&[
            ("VISAGE_EMBEDDED__API_KEY", "1"),
            ("VISAGE_EMBEDDED__API_SECRET", SECRET),
            ("VISAGE_EMBEDDED__ADMIN_CALLS_PER_HOUR", "1000000"),
        ]);
        let address = address.map_or_else(|| account.url(), str::to_owned);
        let url = format!("cloudinary://1:{SECRET}@visage?upload_prefix={address}");
        let own = [
            ("CLOUDINARY_URL", url.as_str()),
            ("VISAGE_CLOUDINARY__OUTAGE", outage),
            ("VISAGE_REAPER__RETIRE_AFTER", "0s"),
        ];
        let mut app = Site::new(&[&own, IMPATIENT, settings].concat());
        app.pending_grace = "10s";
        Self { app, account }
    }

    /// Stores a picture in the account as another of its users does.
    pub(crate) fn store_in_account(&self, public_id: &str, file: Vec<u8>) {
        let url = format!("{}/v1_1/visage/image/upload", self.account.url());
        let fields = [("public_id", public_id), ("overwrite", "false")];
        let answer = post_file(&url, ["1", SECRET], &fields, file).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Whether the URL is one of the account's.
    pub(crate) fn is_in_account(&self, url: &str) -> bool {
        url.starts_with(&format!("{}/", self.account.url()))
    }

    /// Settles both, the account running and the app not; then nothing is left but one picture of each user, in the account.
    #[track_caller]
    pub(crate) fn check_settled(&self, account: Server, users: &[User]) {
        self.app.settle(&["--at-once"]);
        self.app.assert_clean(0);
        let (_, audit) = self.app.audit();
        assert_eq!(audit["references"], users.len(), "{audit}");
        let app = self.app.start();
        for user in users {
            let url = user.image_url().unwrap().unwrap();
            assert!(self.is_in_account(&url), "{url}");
            assert_eq!(get(&url).unwrap().status, 200);
        }
        assert!(!app.has_logged(SECRET) && !account.has_logged(SECRET));
        app.kill();
        account.kill();
        self.account.settle(&["--at-once"]);
        let (_, audit) = self.account.audit();
        let figures = ["assets", "missing_originals", "damaged_originals", "stray_blobs"].map(|name| &audit[name]);
        assert_eq!(figures, [users.len(), 0, 0, 0], "{audit}");
    }
}

/// The arguments of `visage media copy`, whose report is `report.ndjson`.
pub(crate) fn copy_arguments<'a>(from: &'a str, to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let report = ["--json", "--report", "report.ndjson"];
    [&["media", "copy", "--from", from, "--to", to], report.as_slice(), more].concat()
}
