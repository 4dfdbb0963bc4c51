//! A visage in this process, with readable verbs. When dropped it reaps everything and checks that nothing is left over:
//! every test is also a leak test.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use visage::app::App;
use visage::audit::{Audit, audit};
use visage::clock::FixedClock;
use visage::config::Config;
use visage::http::Front;
use visage::jobs::mover::{self, Moves};
use visage::jobs::reaper::{self, Reaped};
use visage::library::destroy::destroy;
use visage_cloudinary::{DeliveryType, PublicId, ResourceType, Secret};
use visage_store::{AssetKey, Blobs, Sqlite};

use crate::fault_proxy::{FaultProxy, Undo};

/// Headers that answers may carry. A new one is put here by someone who has thought about it.
const KNOWN_HEADERS: &[&str] = &[
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "allow",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "cross-origin-resource-policy",
    "etag",
    "last-modified",
    "location",
    "referrer-policy",
    "retry-after",
    "vary",
    "x-cld-error",
    "x-content-type-options",
    "x-featureratelimit-limit",
    "x-featureratelimit-remaining",
    "x-featureratelimit-reset",
    "x-request-id",
];

pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct TestApp {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) folder: TempDir,
    pub(crate) front: Front,
    /// Off for tests that damage something on purpose.
    pub(crate) check_on_drop: bool,
    /// The account that pictures live in, when it is not the app's own store.
    account: Option<Account>,
}

/// Another visage, with the same clock, that stands for the account; it is reached over a real connection.
#[derive(Clone)]
struct Account {
    app: Arc<App>,
    front: Arc<Front>,
    port: u16,
    _folder: Arc<TempDir>,
}

const ACCOUNT_SECRET: &str = "a secret of the account";

impl Account {
    fn open(clock: &Arc<FixedClock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config_in(folder.path());
        config.embedded.api_secret = Secret::new(ACCOUNT_SECRET);
        let http = config.http.clone();
        let app = Arc::new(assemble(config, clock, Blobs::in_memory()));
        let front = Arc::new(Front::new(Arc::clone(&app)));
        let served = Front::new(Arc::clone(&app));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        tokio::spawn(
            async move { visage::http::server::serve(listener, served, &http, CancellationToken::new()).await },
        );
        Self {
            app,
            front,
            port,
            _folder: Arc::new(folder),
        }
    }

    /// Makes it the media host: its addresses are those of `http://images.example`, and it is its own proxy.
    fn use_in(&self, config: &mut Config) {
        let url = format!("cloudinary://1:{ACCOUNT_SECRET}@visage?upload_prefix=http://images.example");
        config.cloudinary.url = Secret::new(url.replace(' ', "%20"));
        config.cloudinary.api_proxy = Secret::new(format!("http://127.0.0.1:{}", self.port));
    }

    /// Destroys the asset that an answer tells of, as if it had never been stored.
    fn undo(&self) -> Undo {
        let library = Arc::clone(&self.app.library);
        Arc::new(move |answer| {
            let library = Arc::clone(&library);
            Box::pin(async move {
                let (_, body) = answer.split_once("\r\n\r\n").unwrap();
                let body: Value = serde_json::from_str(body).unwrap();
                let key = AssetKey {
                    resource_type: ResourceType::Image,
                    delivery_type: DeliveryType::Upload,
                    public_id: PublicId::parse(body["public_id"].as_str().unwrap()).unwrap(),
                };
                destroy(&library, &key).await.unwrap();
            })
        })
    }

    /// What is kept in both, as if it were in one.
    async fn add_to(&self, audit: &mut Audit) {
        let mine = visage::audit::audit(&self.app).await.unwrap();
        assert_eq!(audit.assets, 0, "pictures are in the account");
        audit.assets += mine.assets;
        audit.missing_originals += mine.missing_originals;
        audit.damaged_originals += mine.damaged_originals;
        audit.pending_uploads += mine.pending_uploads;
        audit.doomed_uploads += mine.doomed_uploads;
        audit.derived_images += mine.derived_images;
        audit.stray_blobs += mine.stray_blobs;
        audit.temporary_files += mine.temporary_files;
    }
}

fn config_in(folder: &Path) -> Config {
    std::fs::create_dir(folder.join("tmp")).unwrap();
    let mut config = Config {
        data: folder.to_owned(),
        ..Config::default()
    };
    config.auth.jwt_secret = Secret::new("a secret of the tests");
    config.auth.bcrypt_cost = 4;
    config.rate_limit.changes_burst = 100_000;
    // How full the machine's disk is must not matter.
    config.limits.disk_reserve_percent = 0;
    // A debug build on a busy machine renders the largest photos slowly.
    config.render.timeout = visage::config::Period::seconds(60);
    config.embedded.api_key = "1".to_owned();
    config.public_url = "http://images.example".to_owned();
    config
}

fn assemble(config: Config, clock: &Arc<FixedClock>, blobs: Blobs) -> App {
    let sqlite = Arc::new(Sqlite::open(&config.data.join("visage.db")).unwrap());
    App::assemble(config, clock.clone(), sqlite, blobs).unwrap()
}

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::new("2024-06-25T09:25:44Z".parse().unwrap()))
}

/// Whether the same tests are run with an account as the media host.
#[allow(clippy::disallowed_methods, reason = "it is how a test run is told")]
pub(crate) fn has_account() -> bool {
    std::env::var("VISAGE_TEST_MEDIA_HOST").is_ok_and(|host| host == "cloudinary")
}

/// A signed-in user.
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) token: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"]
            .as_str()
            .unwrap_or_else(|| panic!("no message: {self:?}"))
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The status and the message: what most refusals are about.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status.as_u16(), self.message())
    }
}

impl TestApp {
    pub(crate) fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    pub(crate) fn with_config(configure: impl FnOnce(&mut Config)) -> Self {
        Self::with(configure, |_| {})
    }

    /// An app whose settings and whose parts are changed before it starts.
    pub(crate) fn with(configure: impl FnOnce(&mut Config), replace: impl FnOnce(&mut App)) -> Self {
        let clock = clock();
        let account = has_account().then(|| Account::open(&clock));
        Self::build(clock, account, configure, replace)
    }

    /// An app whose pictures live in an account, with a proxy in between that makes trouble when it is told to.
    pub(crate) async fn behind_faults(configure: impl FnOnce(&mut Config)) -> (Self, FaultProxy) {
        let clock = clock();
        let account = Account::open(&clock);
        let proxy = FaultProxy::start(([127, 0, 0, 1], account.port).into(), account.undo()).await;
        let port = proxy.port;
        let configure = |config: &mut Config| {
            config.cloudinary.api_proxy = Secret::new(format!("http://127.0.0.1:{port}"));
            configure(config);
        };
        (Self::build(clock, Some(account), configure, |_| {}), proxy)
    }

    /// Where an original is: in the app's own store, in the account.
    pub(crate) async fn has(&self, public_id: &str) -> [bool; 2] {
        self.has_kind(public_id, ResourceType::Image).await
    }

    pub(crate) async fn has_kind(&self, public_id: &str, resource_type: ResourceType) -> [bool; 2] {
        let key = AssetKey {
            resource_type,
            delivery_type: DeliveryType::Upload,
            public_id: PublicId::parse(public_id).unwrap(),
        };
        let own = self.app.library.catalog.find_asset(&key).await.unwrap();
        let account = self
            .account
            .as_ref()
            .unwrap()
            .app
            .library
            .catalog
            .find_asset(&key)
            .await;
        [own.is_some(), account.unwrap().is_some()]
    }

    fn build(
        clock: Arc<FixedClock>,
        account: Option<Account>,
        configure: impl FnOnce(&mut Config),
        replace: impl FnOnce(&mut App),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config_in(folder.path());
        if let Some(account) = &account {
            account.use_in(&mut config);
        }
        configure(&mut config);
        let mut app = assemble(config, &clock, Blobs::in_memory());
        replace(&mut app);
        let app = Arc::new(app);
        let front = visage::http::Front::new(Arc::clone(&app));
        Self {
            app,
            clock,
            folder,
            front,
            check_on_drop: true,
            account,
        }
    }

    /// Another app on the same database and blobs, as after a restart: nothing is in its memory.
    pub(crate) fn restarted(&self) -> Self {
        self.restarted_with(|_| {})
    }

    /// As [`Self::restarted`], with other settings.
    pub(crate) fn restarted_with(&self, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.app.config.clone();
        configure(&mut config);
        let app = assemble(config, &self.clock, self.app.library.blobs.clone());
        let app = Arc::new(app);
        let front = visage::http::Front::new(Arc::clone(&app));
        let folder = tempfile::tempdir().unwrap();
        Self {
            app,
            clock: self.clock.clone(),
            folder,
            front,
            check_on_drop: false,
            account: self.account.clone(),
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Self::read(self.respond(request).await).await
    }

    async fn read(response: axum::response::Response) -> Answer {
        let (parts, body) = response.into_parts();
        for name in parts.headers.keys() {
            assert!(
                KNOWN_HEADERS.contains(&name.as_str()),
                "an answer carries the unknown header {name}"
            );
        }
        assert_eq!(parts.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// The answer before its body is read.
    pub(crate) async fn respond(&self, request: Request<Body>) -> axum::response::Response {
        self.front.answer(request).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, token: &str, body: &Value) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, "", &body).await
    }

    /// Fetches a path or one of the server's own URLs.
    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.get_with(url, &[]).await
    }

    pub(crate) async fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Answer {
        let own = url.strip_prefix("http://own.example");
        let is_own = own.is_some();
        let path = own.or_else(|| url.strip_prefix("http://images.example")).unwrap_or(url);
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        match &self.account {
            Some(account) if path != url && !is_own => Self::read(account.front.answer(request).await).await,
            _ => self.send(request).await,
        }
    }

    pub(crate) async fn member(&self, name: &str) -> Member {
        let email = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
        let registered = self
            .post(
                "/api/auth/register",
                json!({"name": name, "email": email, "password": PASSWORD}),
            )
            .await;
        assert_eq!(registered.status, StatusCode::CREATED, "{registered:?}");
        let signed_in = self
            .post("/api/auth/login", json!({"email": email, "password": PASSWORD}))
            .await
            .json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Member {
            id: text(&signed_in["user"]["id"]),
            email,
            token: text(&signed_in["token"]),
        }
    }

    /// Uploads `file` as the member's profile image.
    pub(crate) async fn upload(&self, member: &Member, file: &[u8]) -> Answer {
        self.upload_form(member, form(&[("profileImage", Some("photo.jpg"), "image/jpeg", file)]))
            .await
    }

    pub(crate) async fn upload_form(&self, member: &Member, body: Vec<u8>) -> Answer {
        self.send(upload_request(&member.token, body)).await
    }

    /// Uploads `file` and returns the picture's URL.
    pub(crate) async fn upload_ok(&self, member: &Member, file: &[u8]) -> String {
        let answer = self.upload(member, file).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()["profileImage"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn profile(&self, member: &Member) -> Value {
        self.call(Method::GET, "/api/users/profile", &member.token, &Value::Null)
            .await
            .json()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Waits until nothing goes on in the background.
    pub(crate) async fn idle(&self) {
        self.app.tasks.close();
        self.app.tasks.wait().await;
        self.app.tasks.reopen();
    }

    /// Moves what was taken in to the account, as far as it is due.
    pub(crate) async fn move_taken_in(&self) -> Moves {
        mover::move_taken_in(&self.app, false).await.unwrap()
    }

    pub(crate) async fn reap(&self) -> Reaped {
        reaper::reap(&self.app, false).await.unwrap()
    }

    /// Lets all graces pass and reaps until nothing is left to do.
    pub(crate) async fn settle(&self) -> Audit {
        self.idle().await;
        for _ in 0..4 {
            self.advance(Duration::from_secs(2 * 3600));
            self.move_taken_in().await;
            self.reap().await;
            if let Some(account) = &self.account {
                reaper::reap(&account.app, false).await.unwrap();
            }
        }
        let mut counted = audit(&self.app).await.unwrap();
        if let Some(account) = &self.account {
            account.add_to(&mut counted).await;
        }
        counted
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !self.check_on_drop || std::thread::panicking() {
            return;
        }
        let audit = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(self.settle()));
        let expected = Audit {
            references: audit.assets,
            assets: audit.assets,
            derived_images: audit.derived_images,
            ..Audit::default()
        };
        assert_eq!(audit, expected, "something is lost or left over");
    }
}

pub(crate) const BOUNDARY: &str = "a-boundary-of-the-tests";

/// A multipart body of `(field, file name, declared type, bytes)`.
pub(crate) fn form(parts: &[(&str, Option<&str>, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file_name, content_type, bytes) in parts {
        let file_name = file_name.map(|f| format!("; filename=\"{f}\"")).unwrap_or_default();
        body.extend_from_slice(
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\
                 Content-Type: {content_type}\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

pub(crate) fn upload_request(token: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/api/users/profile-image")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(body.into())
        .unwrap()
}
