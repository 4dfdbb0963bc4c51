//! Tokens that are dead, on every route that takes one: each is refused, and nothing is done.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use visage_cloudinary::Secret;

use crate::pictures::png;
use crate::posts::id;
use crate::test_app::{Answer, BOUNDARY, Member, PASSWORD, TestApp, form, has_account};

const ADMIN: &str = "boss@example.com";
const ADMIN_PASSWORD: &str = "an administrator's password";
const SECRET: &str = "a secret of the tests";

const INVALID: (u16, &str) = (401, "Token is not valid");
const GONE: (u16, &str) = (404, "User not found");
const SUSPENDED: (u16, &str) = (403, "Your account is suspended");

fn app() -> TestApp {
    TestApp::with_config(|config| {
        config.auth.admin_email = ADMIN.to_owned();
        config.auth.admin_password = Secret::new(ADMIN_PASSWORD);
        config.auth.reveal_tokens = true;
        config.rate_limit.account_burst = 100;
    })
}

/// A route of the application's that takes a token.
struct Route {
    method: Method,
    /// As the description writes it.
    path: String,
    is_form: bool,
}

impl TestApp {
    /// Every route that takes a token, from the description of the API.
    async fn routes_with_token(&self) -> Vec<Route> {
        let described = self.get("/api/docs/openapi.json").await.json();
        let mut routes = Vec::new();
        for (path, methods) in described["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                if operation["security"] == json!([{ "token": [] }]) {
                    routes.push(Route {
                        method: method.to_uppercase().parse().unwrap(),
                        path: path.clone(),
                        is_form: operation["requestBody"]["content"].get("multipart/form-data").is_some(),
                    });
                }
            }
        }
        routes
    }

    /// A request that would do something, on a post and a comment of the member's.
    async fn request_as(&self, token: &str, route: &Route, on: &Things) -> Answer {
        let path = route
            .path
            .replace("{userId}", &on.user)
            .replace("{commentId}", &on.comment)
            .replace("{id}", &on.post);
        let request = Request::builder()
            .method(route.method.clone())
            .uri(path)
            .header("authorization", format!("Bearer {token}"));
        let request = if route.is_form {
            let picture = png(10, 10, [200, 0, 0]);
            let body = form(&[("profileImage", Some("a.png"), "image/png", &picture)]);
            let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
            request.header("content-type", content_type).body(Body::from(body))
        } else {
            let body = json!({
                "height": 180, "text": "a comment", "content": "a post", "otp": "123456", "newEmail": "other@example.com",
                "password": PASSWORD, "currentPassword": PASSWORD, "newPassword": "another horse",
                "x": 0, "y": 0, "width": 5, "height": 5,
            });
            let request = request.header("content-type", "application/json");
            request.body(Body::from(body.to_string()))
        };
        self.send(request.unwrap()).await
    }

    /// Everything that the requests could change.
    async fn state(&self, of: &Member, seen_by: &Member) -> String {
        let user = self.app.directory.user(&of.id.parse().unwrap()).await.unwrap();
        format!("{user:?} {}", self.feed(seen_by).await)
    }

    async fn login(&self, email: &str, password: &str) -> String {
        let body = json!({"email": email, "password": password});
        let answer = self.post("/api/auth/login", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    async fn sign_out_everywhere(&self, token: &str) {
        let answer = self
            .call(Method::POST, "/api/auth/sign-out-everywhere", token, &Value::Null)
            .await;
        assert_eq!(answer.json(), json!({"message": "Signed out everywhere"}));
    }

    fn sql(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.folder.path().join("visage.db")).unwrap();
        database.execute(sql, []).unwrap();
    }

    fn now_seconds(&self) -> i64 {
        self.app.clock.now().as_second()
    }

    /// A token such as the Node backend makes, with other claims in place of the usual ones.
    fn node_token(&self, user_id: &str, role: &str, claims: &Value) -> String {
        self.signed(json!({"alg": "HS256", "typ": "JWT"}), SECRET, user_id, role, claims)
    }

    fn signed(&self, header: Value, secret: &str, user_id: &str, role: &str, claims: &Value) -> String {
        let now = self.now_seconds();
        let mut whole = json!({
            "userId": user_id, "email": "a@example.com", "role": role, "iat": now, "exp": now + 86_400,
        });
        for (name, value) in claims.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let header: Header = serde_json::from_value(header).unwrap();
        jsonwebtoken::encode(&header, &whole, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }
}

/// What requests are about.
struct Things {
    user: String,
    post: String,
    comment: String,
}

async fn things(t: &TestApp, member: &Member) -> Things {
    let post = t.say(member, "hello").await;
    let comment = t.comment(member, &post, "hey").await;
    Things {
        user: member.id.clone(),
        post: id(&post).to_owned(),
        comment: id(&comment).to_owned(),
    }
}

/// What a dead token is answered by each route. Where nothing of the user's own is asked for, a user who is gone is not signed in.
fn expected(route: &Route, whole: (u16, &'static str)) -> (u16, &'static str) {
    let is_own = !matches!(
        (route.method.as_str(), route.path.as_str()),
        ("GET", "/api/posts" | "/api/posts/user/{userId}" | "/api/admin/status")
            | ("DELETE", "/api/posts/{id}" | "/api/posts/{id}/comment/{commentId}")
            | ("POST", "/api/auth/sign-out-everywhere")
    );
    if whole == GONE && !is_own { INVALID } else { whole }
}

/// How a member's token dies.
const MEMBER_ENDS: [&str; 15] = [
    "password changed",
    "password reset",
    "suspended",
    "suspended and let in again",
    "deleted",
    "signed out everywhere",
    "unverified",
    "Node's, of before the password changed",
    "expired",
    "not yet valid",
    "issued in the future",
    "other secret",
    "alg none",
    "alg HS512",
    "unknown crit",
];

/// Ends the member's token and returns it, or another dead one, with the answer it gets.
async fn end_member(t: &TestApp, member: &Member, how: &str) -> (String, (u16, &'static str)) {
    let own = member.token.clone();
    let change = |token: String| async move {
        let body = json!({"currentPassword": PASSWORD, "newPassword": "another horse"});
        let answer = t.call(Method::POST, "/api/users/change-password", &token, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    };
    let now = t.now_seconds();
    let with = |claims: Value| t.node_token(&member.id, "user", &claims);
    let header = |header: Value, secret: &str| t.signed(header, secret, &member.id, "user", &json!({}));
    match how {
        "password changed" => change(own.clone()).await,
        "password reset" => {
            let asked = t
                .post("/api/auth/forgot-password", json!({"email": member.email}))
                .await;
            let body = json!({"token": asked.json()["resetToken"], "password": "another horse"});
            assert_eq!(t.post("/api/auth/reset-password", body).await.status, StatusCode::OK);
        }
        "suspended" => {
            t.sql("UPDATE users SET suspended = TRUE WHERE name = 'Asha'");
            return (own, SUSPENDED);
        }
        "suspended and let in again" => {
            t.sql("UPDATE users SET suspended = TRUE WHERE name = 'Asha'");
            t.sql("UPDATE users SET suspended = FALSE WHERE name = 'Asha'");
        }
        "deleted" => {
            let (id, now) = (member.id.parse().unwrap(), t.app.clock.now());
            assert!(t.app.directory.delete_user(&id, now, now).await.unwrap());
            return (own, GONE);
        }
        "signed out everywhere" => t.sign_out_everywhere(&own).await,
        "unverified" => t.sql("UPDATE users SET is_verified = FALSE WHERE name = 'Asha'"),
        "Node's, of before the password changed" => {
            let token = with(json!({}));
            change(own).await;
            return (token, INVALID);
        }
        "expired" => return (with(json!({"iat": now - 86_400, "exp": now})), INVALID),
        "not yet valid" => return (with(json!({"nbf": now + 61})), INVALID),
        "issued in the future" => return (with(json!({"iat": now + 61})), INVALID),
        "other secret" => return (header(json!({"alg": "HS256"}), "another secret"), INVALID),
        "alg HS512" => return (header(json!({"alg": "HS512"}), SECRET), INVALID),
        "unknown crit" => return (header(json!({"alg": "HS256", "crit": ["x"], "x": 1}), SECRET), INVALID),
        "alg none" => {
            let claims = own.split('.').nth(1).unwrap();
            return (format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}."), INVALID);
        }
        other => unreachable!("{other}"),
    }
    (own, INVALID)
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_tokens_of_members_do_nothing_on_any_route() {
    let mut routes_seen = 0;
    for how in MEMBER_ENDS {
        let t = app();
        let (asha, bo) = (t.member("Asha").await, t.member("Bo").await);
        let on = things(&t, &asha).await;
        let (token, answer) = end_member(&t, &asha, how).await;
        let before = t.state(&asha, &bo).await;
        let routes = t.routes_with_token().await;
        assert!(routes.len() >= 20, "routes are missing: {}", routes.len());
        for route in &routes {
            let found = t.request_as(&token, route, &on).await;
            let (status, message) = expected(route, answer);
            let told = format!("{how}: {} {}", route.method, route.path);
            assert_eq!(found.refusal(), (status, message.to_owned()), "{told}");
            eprintln!("{told}: {status}");
        }
        assert_eq!(t.state(&asha, &bo).await, before, "{how}: something was done");
        routes_seen = routes.len();
    }
    eprintln!("{} kinds of dead tokens on {routes_seen} routes", MEMBER_ENDS.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn good_tokens_pass_the_same_routes() {
    let t = app();
    let bo = t.member("Bo").await;
    let on = things(&t, &bo).await;
    for (number, route) in t.routes_with_token().await.into_iter().enumerate() {
        let member = t.member(&format!("Member {number}")).await;
        let found = t.request_as(&member.token, &route, &on).await;
        assert_ne!(
            found.status,
            StatusCode::UNAUTHORIZED,
            "{} {}",
            route.method,
            route.path
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_sessions_begin_in_the_second_the_old_ones_end() {
    let t = app();
    let member = t.member("Asha").await;
    let status = async |token: &str| {
        t.call(Method::GET, "/api/users/profile", token, &Value::Null)
            .await
            .status
    };
    let mut ended = vec![member.token.clone()];
    for _ in 0..3 {
        t.sign_out_everywhere(ended.last().unwrap()).await;
        let token = t.login(&member.email, PASSWORD).await;
        assert_eq!(status(&token).await, StatusCode::OK);
        for old in &ended {
            assert_eq!(status(old).await, StatusCode::UNAUTHORIZED);
        }
        ended.push(token);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_the_node_backend_are_good_after_the_last_end() {
    let t = app();
    let member = t.member("Asha").await;
    let status = async |claims: Value| {
        let token = t.node_token(&member.id, "user", &claims);
        t.call(Method::GET, "/api/users/profile", &token, &Value::Null)
            .await
            .status
            .as_u16()
    };
    assert_eq!(status(json!({})).await, 200);
    let ended_at = t.now_seconds();
    t.sign_out_everywhere(&member.token).await;
    t.advance(Duration::from_secs(10));
    for (issued_at, expected) in [(ended_at - 1, 401), (ended_at, 401), (ended_at + 1, 200)] {
        assert_eq!(status(json!({ "iat": issued_at })).await, expected, "{issued_at}");
    }
    // An epoch that was made up is no epoch.
    for epoch in [json!(0), json!(1), json!("")] {
        assert_eq!(status(json!({ "epoch": epoch })).await, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_survive_a_restart_and_an_upgrade() {
    let t = app();
    let member = t.member("Asha").await;
    t.sign_out_everywhere(&member.token).await;
    let token = t.login(&member.email, PASSWORD).await;
    let admin = t.login(ADMIN, ADMIN_PASSWORD).await;
    let again = t.restarted();
    let get = async |path: &str, token: &str| again.call(Method::GET, path, token, &Value::Null).await.status;
    assert_eq!(get("/api/users/profile", &token).await, StatusCode::OK);
    assert_eq!(get("/api/users/profile", &member.token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(get("/api/admin/status", &admin).await, StatusCode::OK);
}

/// What an administrator's token opens beside the application's own routes.
async fn check_cloudinary_api(t: &TestApp, token: &str, how: &str) {
    let described = t.get("/api/docs/openapi.json").await.json();
    let mut calls = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods
            .as_object()
            .unwrap()
            .keys()
            .filter(|_| path.starts_with("/v1_1/"))
        {
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path
                .replace("{asset_id}", &"0".repeat(32))
                .replace("{resource_type}", "image")
                .replace("{type}", "upload")
                .replace(['{', '}'], "");
            let found = t.call(method.clone(), &path, token, &Value::Null).await;
            assert_eq!(found.status, StatusCode::UNAUTHORIZED, "{how}: {method} {path}");
            assert_eq!(
                found.json()["error"]["message"],
                "Invalid token",
                "{how}: {method} {path}"
            );
            calls += 1;
        }
    }
    assert!(calls > 50, "{calls}");
    eprintln!("{how}: 401 by {calls} calls of Cloudinary's API");
}

async fn check_administrator(t: &TestApp, token: &str, on: &Things, how: &str) {
    for route in t.routes_with_token().await {
        let found = t.request_as(token, &route, on).await;
        let told = format!("{how}: {} {}", route.method, route.path);
        assert_eq!(found.refusal(), (401, INVALID.1.to_owned()), "{told}");
    }
    if !has_account() {
        check_cloudinary_api(t, token, how).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_tokens_of_the_administrator_do_nothing() {
    let t = app();
    let bo = t.member("Bo").await;
    let on = things(&t, &bo).await;
    let token = t.login(ADMIN, ADMIN_PASSWORD).await;
    let node = t.node_token("admin-id", "admin", &json!({}));
    let status = async |t: &TestApp, token: &str| {
        let path = "/api/admin/status";
        t.call(Method::GET, path, token, &Value::Null).await.status.as_u16()
    };
    assert_eq!((status(&t, &token).await, status(&t, &node).await), (200, 200));
    let before = t.state(&bo, &bo).await;

    let other = t.restarted_with(|config| config.auth.admin_password = Secret::new("another password"));
    check_administrator(&other, &token, &on, "administrator's password changed").await;
    check_administrator(&other, &node, &on, "administrator's password changed, Node's token").await;
    let new = other.login(ADMIN, "another password").await;
    assert_eq!(status(&other, &new).await, 200);

    let other = other.restarted_with(|config| config.auth.admin_email = "chief@example.com".to_owned());
    check_administrator(&other, &new, &on, "another administrator").await;
    let new = other.login("chief@example.com", "another password").await;
    other.sign_out_everywhere(&new).await;
    check_administrator(&other, &new, &on, "administrator signed out everywhere").await;
    let new = other.login("chief@example.com", "another password").await;
    assert_eq!(status(&other, &new).await, 200);

    let other = other.restarted_with(|config| config.auth.admin_email = String::new());
    check_administrator(&other, &new, &on, "no administrator any more").await;
    for (how, header, secret, claims) in [
        ("other secret", json!({"alg": "HS256"}), "another secret", json!({})),
        (
            "unknown crit",
            json!({"alg": "HS256", "crit": ["x"]}),
            SECRET,
            json!({}),
        ),
        ("alg HS384", json!({"alg": "HS384"}), SECRET, json!({})),
        (
            "expired",
            json!({"alg": "HS256"}),
            SECRET,
            json!({"exp": t.now_seconds()}),
        ),
        (
            "not yet valid",
            json!({"alg": "HS256"}),
            SECRET,
            json!({"nbf": t.now_seconds() + 61}),
        ),
    ] {
        let token = t.signed(header, secret, "admin-id", "admin", &claims);
        check_administrator(&t, &token, &on, how).await;
    }
    check_administrator(&t, &t.node_token("admin-id", "user", &json!({})), &on, "no role").await;
    check_administrator(&t, &t.node_token("root", "admin", &json!({})), &on, "no account").await;
    assert_eq!(t.state(&bo, &bo).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn role_of_a_user_is_the_one_it_has_now() {
    let t = app();
    let asha = t.member("Asha").await;
    t.sql("UPDATE users SET role = 'admin' WHERE name = 'Asha'");
    let token = t.login(&asha.email, PASSWORD).await;
    let status = async |token: &str| {
        let path = "/api/admin/status";
        t.call(Method::GET, path, token, &Value::Null).await.status.as_u16()
    };
    assert_eq!(status(&token).await, 200);
    for (sql, how) in [
        ("UPDATE users SET role = 'user'", "no administrator any more"),
        ("UPDATE users SET role = 'admin', suspended = TRUE", "suspended"),
    ] {
        t.sql(sql);
        assert_eq!(status(&token).await, 403, "{how}");
        if !has_account() {
            check_cloudinary_api(&t, &token, how).await;
        }
    }
    let now = t.app.clock.now();
    let id = asha.id.parse().unwrap();
    t.app.directory.delete_user(&id, now, now).await.unwrap();
    assert_eq!(status(&token).await, 401);
    if !has_account() {
        check_cloudinary_api(&t, &token, "deleted").await;
    }
}
