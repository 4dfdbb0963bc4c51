//! A visage in this process, with readable verbs. When dropped it reaps everything and checks that nothing is left over:
//! every test is also a leak test.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use visage::app::App;
use visage::audit::{Audit, audit};
use visage::clock::FixedClock;
use visage::config::Config;
use visage::http::Front;
use visage::jobs::reaper::{self, Reaped};
use visage_cloudinary::Secret;
use visage_store::{Blobs, Sqlite};

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
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        let clock = Arc::new(FixedClock::new("2024-06-25T09:25:44Z".parse().unwrap()));
        let mut config = Config {
            data: folder.path().to_owned(),
            ..Config::default()
        };
        config.auth.jwt_secret = Secret::new("a secret of the tests");
        config.auth.bcrypt_cost = 4;
        config.embedded.api_key = "1".to_owned();
        config.public_url = "http://images.example".to_owned();
        configure(&mut config);
        let sqlite = Arc::new(Sqlite::open(&folder.path().join("visage.db")).unwrap());
        let mut app = App::assemble(config, clock.clone(), sqlite, Blobs::in_memory()).unwrap();
        replace(&mut app);
        let app = Arc::new(app);
        let front = visage::http::Front::new(Arc::clone(&app));
        Self {
            app,
            clock,
            folder,
            front,
            check_on_drop: true,
        }
    }

    /// Another app on the same database and blobs, as after a restart: nothing is in its memory.
    pub(crate) fn restarted(&self) -> Self {
        let sqlite = Arc::new(Sqlite::open(&self.folder.path().join("visage.db")).unwrap());
        let blobs = self.app.library.blobs.clone();
        let app = App::assemble(self.app.config.clone(), self.clock.clone(), sqlite, blobs).unwrap();
        let app = Arc::new(app);
        let front = visage::http::Front::new(Arc::clone(&app));
        let folder = tempfile::tempdir().unwrap();
        Self {
            app,
            clock: self.clock.clone(),
            folder,
            front,
            check_on_drop: false,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.respond(request).await;
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
        let path = url.strip_prefix("http://images.example").unwrap_or(url);
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
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

    pub(crate) async fn reap(&self) -> Reaped {
        reaper::reap(&self.app, false).await.unwrap()
    }

    /// Lets all graces pass and reaps until nothing is left to do.
    pub(crate) async fn settle(&self) -> Audit {
        self.idle().await;
        for _ in 0..4 {
            self.advance(Duration::from_secs(2 * 3600));
            self.reap().await;
        }
        audit(&self.app).await.unwrap()
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
