//! Who proves an e-mail sets the password; and what a new password and a registration must be like.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::test_app::{Answer, PASSWORD, TestApp};

impl TestApp {
    async fn register(&self, name: &str, email: &str, password: &str) -> Answer {
        let new = json!({"name": name, "email": email, "password": password});
        self.post("/api/auth/register", new).await
    }

    async fn try_login(&self, email: &str, password: &str) -> Answer {
        self.post("/api/auth/login", json!({"email": email, "password": password}))
            .await
    }

    async fn change(&self, token: &str, what: &str, body: &Value) -> Answer {
        self.call(Method::POST, &format!("/api/users/{what}"), token, body).await
    }
}

fn invalid(message: &str) -> (u16, String) {
    (400, message.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_passwords_need_mail_for_every_address() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    for email in [member.email.as_str(), "no@body.example", "not an address"] {
        let answer = t.post("/api/auth/forgot-password", json!({ "email": email })).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            answer.json(),
            json!({
                "message": "This server sends no mail, so it cannot reset a password. Ask its operator to set up mail.",
                "code": "mail_not_configured",
            })
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_are_limited_per_address() {
    let t = TestApp::with_config(|config| {
        config.rate_limit.registrations_burst = 3;
        config.rate_limit.registrations_per_minute = 1;
    });
    for number in 0..3 {
        let answer = t.register("Asha", &format!("a{number}@example.com"), PASSWORD).await;
        assert_eq!(answer.status, StatusCode::CREATED);
    }
    let refused = t.register("Asha", "a3@example.com", PASSWORD).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 30);
    assert_eq!(
        t.try_login("a0@example.com", PASSWORD).await.status,
        StatusCode::OK,
        "who has an account signs in"
    );
}

const TOO_LONG: &str =
    "Password must be at most 72 bytes long. Letters with accents and emoji take more than one byte.";

#[tokio::test(flavor = "multi_thread")]
async fn new_passwords_are_what_bcrypt_tells_apart() {
    let t = TestApp::with_config(|config| {
        config.auth.reveal_tokens = true;
        config.rate_limit.account_burst = 1_000;
    });
    let nul = "Password must not contain the NUL character";
    for (number, (password, expected)) in [
        ("x".repeat(71), None),
        ("x".repeat(72), None),
        ("x".repeat(73), Some(TOO_LONG)),
        ("ü".repeat(36), None),
        (format!("{}x", "ü".repeat(36)), Some(TOO_LONG)),
        ("x".repeat(2_000), Some(TOO_LONG)),
        ("horse\0horse".to_owned(), Some(nul)),
        ("      ".to_owned(), Some("Password must not consist of spaces alone")),
        (" a horse ".to_owned(), None),
    ]
    .into_iter()
    .enumerate()
    {
        let expected = expected.map(invalid);
        let email = format!("user{number}@example.com");
        let registered = t.register("Asha", &email, &password).await;
        let found = registered.status.is_client_error().then(|| registered.refusal());
        assert_eq!(found, expected, "registration {password:?}");

        let member = t.member(&format!("Member {number}")).await;
        let body = json!({"currentPassword": PASSWORD, "newPassword": password});
        let changed = t.change(&member.token, "change-password", &body).await;
        let found = changed.status.is_client_error().then(|| changed.refusal());
        assert_eq!(found, expected, "change {password:?}");

        let asked = t
            .post("/api/auth/forgot-password", json!({"email": member.email}))
            .await;
        let body = json!({"token": asked.json()["resetToken"], "password": password});
        let reset = t.post("/api/auth/reset-password", body).await;
        let found = reset.status.is_client_error().then(|| reset.refusal());
        assert_eq!(found, expected, "reset {password:?}");
        if expected.is_none() {
            assert_eq!(t.try_login(&member.email, &password).await.status, StatusCode::OK);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_passwords_from_before_still_sign_in() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let old = "x".repeat(100);
    let database = rusqlite::Connection::open(t.folder.path().join("visage.db")).unwrap();
    let hash = bcrypt::hash(&old, 4).unwrap();
    database.execute("UPDATE users SET password_hash = ?1", [hash]).unwrap();
    let signed_in = t.try_login(&member.email, &old).await;
    assert_eq!(signed_in.status, StatusCode::OK);
    let token = signed_in.json()["token"].as_str().unwrap().to_owned();
    let body = json!({"currentPassword": old, "newPassword": PASSWORD});
    assert_eq!(t.change(&token, "change-password", &body).await.status, StatusCode::OK);
    assert_eq!(t.try_login(&member.email, PASSWORD).await.status, StatusCode::OK);
}
