//! Who proves an e-mail sets the password; and what a new password and a registration must be like.

use std::sync::{Arc, Mutex};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use visage_cloudinary::Secret;

use crate::test_app::{Answer, Member, PASSWORD, TestApp};

/// A mail server that keeps what it gets: whom it is for, and its text.
#[derive(Clone, Default)]
struct MailServer {
    mails: Arc<Mutex<Vec<(String, String)>>>,
}

impl MailServer {
    async fn start() -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self::default();
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().receive(stream));
            }
        });
        (server, port)
    }

    async fn receive(self, mut stream: TcpStream) {
        let (read, mut write) = stream.split();
        let mut lines = BufReader::new(read).lines();
        let (mut to, mut text, mut in_data) = (String::new(), String::new(), false);
        write.write_all(b"220 test\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            if in_data && line != "." {
                text.push_str(&line);
                text.push('\n');
                continue;
            }
            let answer = if in_data {
                in_data = false;
                self.mails.lock().unwrap().push((to.clone(), std::mem::take(&mut text)));
                "250 kept"
            } else if line == "DATA" {
                in_data = true;
                "354 go on"
            } else {
                if let Some(address) = line.strip_prefix("RCPT TO:") {
                    to = address.trim_matches(['<', '>']).to_owned();
                }
                "250 yes"
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        }
    }

    /// The mails since the last time, by whom they are for.
    async fn take(&self, t: &TestApp) -> Vec<(String, String)> {
        t.idle().await;
        let mut mails = std::mem::take(&mut *self.mails.lock().unwrap());
        mails.sort();
        mails
    }
}

/// The six digits in a mail.
fn code_in(text: &str) -> String {
    let (_, body) = text.split_once("\n\n").unwrap();
    let words = body.split(|c: char| !c.is_ascii_digit());
    let mut codes = words.filter(|word| word.len() == 6);
    codes.next().unwrap_or_else(|| panic!("no code: {text}")).to_owned()
}

async fn app_with_mail() -> (TestApp, MailServer) {
    let (server, port) = MailServer::start().await;
    let t = TestApp::with_config(|config| {
        config.auth.reveal_tokens = true;
        config.rate_limit.account_burst = 1_000;
        config.rate_limit.address_burst = 1_000;
        config.mail.url = Secret::new(format!("smtp://127.0.0.1:{port}"));
        config.mail.from = "visage@example.com".to_owned();
        config.mail.reset_url = "http://pages.example/reset/".to_owned();
    });
    (t, server)
}

const EMAIL: &str = "asha@example.com";

impl TestApp {
    async fn register(&self, name: &str, email: &str, password: &str) -> Answer {
        let new = json!({"name": name, "email": email, "password": password});
        self.post("/api/auth/register", new).await
    }

    /// Registers, and returns the code that was mailed.
    async fn code_for(&self, name: &str, password: &str) -> String {
        let answer = self.register(name, EMAIL, password).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()["otp"].as_str().unwrap().to_owned()
    }

    async fn verify(&self, code: &str) -> Answer {
        self.post("/api/auth/verify-otp", json!({"email": EMAIL, "otp": code}))
            .await
    }

    async fn try_login(&self, email: &str, password: &str) -> Answer {
        self.post("/api/auth/login", json!({"email": email, "password": password}))
            .await
    }

    async fn change(&self, token: &str, what: &str, body: &Value) -> Answer {
        self.call(Method::POST, &format!("/api/users/{what}"), token, body)
            .await
    }

    /// A verified and signed-in member, where mail is set up.
    async fn verified(&self) -> Member {
        let code = self.code_for("Asha", PASSWORD).await;
        assert_eq!(self.verify(&code).await.status, StatusCode::OK);
        let body = self.try_login(EMAIL, PASSWORD).await.json();
        Member {
            id: body["user"]["id"].as_str().unwrap().to_owned(),
            email: EMAIL.to_owned(),
            token: body["token"].as_str().unwrap().to_owned(),
        }
    }
}

fn invalid(message: &str) -> (u16, String) {
    (400, message.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn later_registration_replaces_one_that_was_never_verified() {
    let (t, mails) = app_with_mail().await;
    let first = t.code_for("Mallory", "a stranger's horse").await;
    // In another letter case and with spaces: the same address.
    let again = t.register("Asha", " Asha@EXAMPLE.com ", PASSWORD).await;
    let second = again.json()["otp"].as_str().unwrap().to_owned();
    let sent = mails.take(&t).await;
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|(to, _)| to == EMAIL));
    assert!(sent.iter().any(|(_, text)| code_in(text) == second));
    if first != second {
        assert_eq!(t.verify(&first).await.refusal(), invalid("Invalid OTP"));
    }
    assert_eq!(t.verify(&second).await.status, StatusCode::OK);
    assert_eq!(
        t.try_login(EMAIL, "a stranger's horse").await.refusal(),
        invalid("Invalid credentials")
    );
    let body = t.try_login(EMAIL, PASSWORD).await.json();
    assert_eq!(body["user"]["name"], "Asha");
    assert_eq!(
        t.register("Mallory", EMAIL, "a stranger's horse").await.refusal(),
        invalid("User already exists")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_that_race_a_verification_never_mix() {
    let (t, _mails) = app_with_mail().await;
    for round in 0..8 {
        let email = format!("user{round}@example.com");
        let otp = async |password: &str| t.register("Asha", &email, password).await.json()["otp"].clone();
        let code = otp("the owner's horse").await;
        let verify = async || {
            t.post("/api/auth/verify-otp", json!({"email": email, "otp": code}))
                .await
        };
        let (one, other, _) = tokio::join!(verify(), verify(), otp("a stranger's horse"));
        let is_verified = [one.status, other.status].contains(&StatusCode::OK);
        let owner = t.try_login(&email, "the owner's horse").await;
        let stranger = t.try_login(&email, "a stranger's horse").await;
        let expected = if is_verified { (200, 400) } else { (401, 401) };
        assert_eq!((owner.status.as_u16(), stranger.status.as_u16()), expected, "{round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_by_mail_proves_the_address_of_a_registration() {
    let (t, mails) = app_with_mail().await;
    let code = t.code_for("Mallory", "a stranger's horse").await;
    mails.take(&t).await;
    let asked = t
        .post("/api/auth/forgot-password", json!({"email": "ASHA@example.com"}))
        .await;
    let token = asked.json()["resetToken"].as_str().unwrap().to_owned();
    let sent = mails.take(&t).await;
    assert_eq!((sent.len(), sent[0].0.as_str()), (1, EMAIL));
    assert!(
        sent[0]
            .1
            .replace("=\n", "")
            .contains(&format!("http://pages.example/reset/{token}"))
    );
    let body = json!({"token": token, "password": PASSWORD});
    assert_eq!(t.post("/api/auth/reset-password", body).await.status, StatusCode::OK);
    assert_eq!(t.try_login(EMAIL, PASSWORD).await.status, StatusCode::OK);
    t.verify(&code).await;
    assert_eq!(
        t.try_login(EMAIL, "a stranger's horse").await.refusal(),
        invalid("Invalid credentials")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn new_email_is_proved_before_it_counts_where_mail_is_set_up() {
    let (t, mails) = app_with_mail().await;
    let member = t.verified().await;
    mails.take(&t).await;
    let body = json!({"newEmail": " New@Example.com ", "password": PASSWORD});
    let asked = t.change(&member.token, "change-email", &body).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED);
    let sent = mails.take(&t).await;
    let [(old, notice), (new, mail)] = sent.try_into().unwrap();
    assert_eq!((old.as_str(), new.as_str()), (EMAIL, "new@example.com"));
    let code = code_in(&mail);
    assert_eq!(asked.json()["otp"], code);
    assert!(!notice.contains(&code), "the old address learns no code");
    assert_eq!(t.profile(&member).await["email"], EMAIL);

    // The code is good for the session's user, and for nothing else.
    let other = json!({"email": "new@example.com", "otp": code});
    assert_eq!(
        t.post("/api/auth/verify-otp", other).await.status,
        StatusCode::NOT_FOUND
    );
    let confirm = async |token: &str, code: &str| t.change(token, "confirm-email", &json!({ "otp": code })).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(confirm(&member.token, wrong).await.refusal(), invalid("Invalid OTP"));
    assert_eq!(confirm("", &code).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        confirm(&member.token, &code).await.json(),
        json!({"message": "Email updated successfully"})
    );
    assert_eq!(t.profile(&member).await["email"], "new@example.com");
    let sent = mails.take(&t).await;
    assert_eq!((sent.len(), sent[0].0.as_str()), (1, EMAIL));
    assert_eq!(
        confirm(&member.token, &code).await.refusal(),
        invalid("There is no change of the email to confirm")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn email_change_ends_with_its_time_and_with_the_password() {
    let (t, _mails) = app_with_mail().await;
    let member = t.verified().await;
    let ask = async |token: &str, email: &str| {
        let body = json!({"newEmail": email, "password": PASSWORD});
        t.change(token, "change-email", &body).await
    };
    let code = ask(&member.token, "new@example.com").await.json()["otp"].clone();
    t.advance(std::time::Duration::from_secs(600));
    let late = t.change(&member.token, "confirm-email", &json!({ "otp": code })).await;
    assert_eq!(late.refusal(), invalid("OTP has expired"));

    let code = ask(&member.token, "new@example.com").await.json()["otp"].clone();
    let body = json!({"currentPassword": PASSWORD, "newPassword": "another horse"});
    t.change(&member.token, "change-password", &body).await;
    let token = t.try_login(EMAIL, "another horse").await.json()["token"].clone();
    let late = t
        .change(token.as_str().unwrap(), "confirm-email", &json!({ "otp": code }))
        .await;
    assert_eq!(late.refusal(), invalid("There is no change of the email to confirm"));
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
async fn unverified_users_are_not_taken_over_where_no_mail_is_set_up() {
    let t = TestApp::new();
    t.member("Asha").await;
    let database = rusqlite::Connection::open(t.folder.path().join("visage.db")).unwrap();
    database.execute("UPDATE users SET is_verified = FALSE", []).unwrap();
    assert_eq!(
        t.register("Mallory", EMAIL, "a stranger's horse").await.refusal(),
        invalid("User already exists")
    );
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

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_limited_per_email() {
    let (t, _mails) = app_with_mail().await;
    for _ in 0..10 {
        t.code_for("Asha", PASSWORD).await;
    }
    let refused = t.register("Asha", EMAIL, PASSWORD).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 60);
    assert_eq!(
        t.register("Bo", "bo@example.com", PASSWORD).await.status,
        StatusCode::CREATED
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
