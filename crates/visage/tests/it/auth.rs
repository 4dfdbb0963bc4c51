//! Signing up and in: contract section 5.1.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::test_app::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_user_signs_up_and_in() {
    let t = TestApp::new();
    let answer = t
        .post(
            "/api/auth/register",
            json!({"name": " Asha Rao ", "email": " Asha@Example.com", "password": PASSWORD}),
        )
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(
        answer.json(),
        json!({"message": "Registration successful. Please verify your email via OTP."})
    );
    let answer = t
        .post(
            "/api/auth/login",
            json!({"email": "ASHA@example.com", "password": PASSWORD}),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.json();
    assert_eq!(body["user"]["name"], "Asha Rao");
    assert_eq!(body["user"]["email"], "asha@example.com");
    assert_eq!(body["user"]["role"], "user");
    assert_eq!(body["user"]["id"].as_str().unwrap().len(), 24);
    assert!(body["user"].get("profileImage").is_none());
    assert!(body["token"].as_str().unwrap().starts_with("ey"));
}

async fn check(t: &TestApp, path: &str, body: serde_json::Value, refusal: (u16, &str)) {
    let answer = t.post(&format!("/api/auth/{path}"), body.clone()).await;
    assert_eq!(answer.refusal(), (refusal.0, refusal.1.to_owned()), "{path} {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_a_sign_up_say_what_the_contract_says() {
    let t = TestApp::new();
    let email = &t.member("Asha").await.email;
    let short = "Password must be at least 6 characters long";
    for (path, body, status, message) in [
        ("register", json!({}), 400, "All fields are required"),
        (
            "register",
            json!({"name": null, "email": null}),
            400,
            "All fields are required",
        ),
        (
            "register",
            json!({"name": "A", "email": "b", "password": PASSWORD}),
            400,
            "Invalid email format",
        ),
        (
            "register",
            json!({"name": "A", "email": "b@c.d", "password": "12345"}),
            400,
            short,
        ),
        (
            "register",
            json!({"name": "A", "email": email, "password": PASSWORD}),
            400,
            "User already exists",
        ),
        ("verify-otp", json!({"email": email}), 400, "Email and OTP are required"),
        (
            "verify-otp",
            json!({"email": email, "otp": null}),
            400,
            "Email and OTP are required",
        ),
        (
            "verify-otp",
            json!({"email": "no@body.x", "otp": 1}),
            404,
            "User not found",
        ),
    ] {
        check(&t, path, body, (status, message)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_a_sign_in_say_what_the_contract_says() {
    // In place of mail, without which no password is reset.
    let t = TestApp::with_config(|config| config.auth.reveal_tokens = true);
    let email = &t.member("Asha").await.email;
    for (path, body, status, message) in [
        (
            "login",
            json!({"email": email, "password": "wrong"}),
            400,
            "Invalid credentials",
        ),
        (
            "login",
            json!({"email": "no@body.x", "password": "wrong"}),
            400,
            "Invalid credentials",
        ),
        ("forgot-password", json!({}), 400, "Email is required"),
        ("forgot-password", json!({"email": "no@body.x"}), 404, "User not found"),
        (
            "reset-password",
            json!({"token": "x"}),
            400,
            "Token and password are required",
        ),
        (
            "reset-password",
            json!({"token": "x", "password": "123456"}),
            400,
            "Invalid or expired token",
        ),
    ] {
        check(&t, path, body, (status, message)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_or_has_other_types_is_refused_as_json() {
    let t = TestApp::new();
    for body in ["{", "[]", "\"x\"", "{\"email\":{\"$ne\":null},\"password\":\"x\"}"] {
        let request = http::Request::post("/api/auth/login").header("content-type", "application/json");
        let answer = t.send(request.body(body.to_owned().into()).unwrap()).await;
        assert!(answer.status.is_client_error(), "{body}");
        assert!(!answer.message().is_empty());
    }
    let answer = t.post("/api/auth/login", json!({"email": "x".repeat(200_000)})).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(!answer.message().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_wanted_and_has_to_be_good() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let get = async |token: &str| t.call(Method::GET, "/api/users/profile", token, &Value::Null).await;
    assert_eq!(
        get("").await.refusal(),
        (401, "No token, authorization denied".to_owned())
    );
    assert_eq!(get("x.y.z").await.refusal(), (401, "Token is not valid".to_owned()));
    assert_eq!(get(&member.token).await.status, StatusCode::OK);
    let bare = t
        .get_with("/api/users/profile", &[("authorization", &member.token)])
        .await;
    assert_eq!(bare.status, StatusCode::OK, "the prefix may be missing");
    let lower = format!("bearer {}", member.token);
    assert_eq!(
        t.get_with("/api/users/profile", &[("authorization", &lower)])
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    t.advance(Duration::from_secs(24 * 3600));
    assert_eq!(
        get(&member.token).await.refusal(),
        (401, "Token is not valid".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_signs_in_and_is_no_user() {
    let t = TestApp::with_config(|config| {
        config.auth.admin_email = "boss@example.com".to_owned();
        config.auth.admin_password = visage_cloudinary::Secret::new("a long password");
    });
    let login = async |password: &str| {
        t.post(
            "/api/auth/login",
            json!({"email": "Boss@example.com", "password": password}),
        )
        .await
    };
    let body = login(" a long password ").await.json();
    assert_eq!(body["user"]["id"], "admin-id");
    assert_eq!(body["user"]["role"], "admin");
    assert_eq!(
        login("another").await.refusal(),
        (400, "Invalid credentials".to_owned())
    );
    let token = body["token"].as_str().unwrap();
    let profile = t.call(Method::GET, "/api/users/profile", token, &Value::Null).await;
    assert_eq!(profile.refusal(), (404, "User not found".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_reset_once_with_the_mailed_token_and_never_told_to_the_caller() {
    let t = TestApp::with_config(|config| {
        // Nothing listens there: a mail that cannot be sent does not fail the request.
        config.mail.url = visage_cloudinary::Secret::new("smtp://127.0.0.1:9");
        config.mail.from = "visage@example.com".to_owned();
    });
    let new = json!({"name": "Asha", "email": "asha@example.com", "password": PASSWORD});
    assert_eq!(t.post("/api/auth/register", new).await.status, StatusCode::CREATED);
    let told = t
        .post("/api/auth/forgot-password", json!({"email": "asha@example.com"}))
        .await;
    assert_eq!(
        told.json(),
        json!({"message": "Password reset link sent to your email"})
    );

    let t = TestApp::with_config(|config| config.auth.reveal_tokens = true);
    let member = t.member("Asha").await;
    let forgot = async || {
        let body = t
            .post("/api/auth/forgot-password", json!({"email": member.email}))
            .await
            .json();
        body["resetToken"].as_str().unwrap().to_owned()
    };
    let reset = async |token: &str, password: &str| {
        t.post(
            "/api/auth/reset-password",
            json!({"token": token, "password": password}),
        )
        .await
        .status
    };
    let token = forgot().await;
    assert_eq!(token.len(), 40);
    assert_eq!(reset(&token, "another horse").await, StatusCode::OK);
    assert_eq!(
        reset(&token, "a third horse").await,
        StatusCode::BAD_REQUEST,
        "a token is good once"
    );
    let login = t
        .post(
            "/api/auth/login",
            json!({"email": member.email, "password": "another horse"}),
        )
        .await;
    assert_eq!(login.status, StatusCode::OK);
    let token = forgot().await;
    t.advance(Duration::from_secs(3600));
    assert_eq!(
        reset(&token, "a late horse").await,
        StatusCode::BAD_REQUEST,
        "its time is over"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_mail_an_email_is_verified_by_a_one_time_password() {
    let t = TestApp::with_config(|config| {
        config.auth.reveal_tokens = true;
        // Nothing listens there: a mail that cannot be sent does not fail the request.
        config.mail.url = visage_cloudinary::Secret::new("smtp://127.0.0.1:9");
        config.mail.from = "visage@example.com".to_owned();
    });
    let new = json!({"name": "Asha", "email": "asha@example.com", "password": PASSWORD});
    let otp = t.post("/api/auth/register", new).await.json()["otp"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(otp.len(), 6);
    let login = async || {
        t.post(
            "/api/auth/login",
            json!({"email": "asha@example.com", "password": PASSWORD}),
        )
        .await
    };
    let verify = async |otp: &str| {
        t.post("/api/auth/verify-otp", json!({"email": "asha@example.com", "otp": otp}))
            .await
    };
    assert_eq!(
        login().await.refusal(),
        (401, "Please verify your email first.".to_owned())
    );
    let wrong = if otp == "000000" { "000001" } else { "000000" };
    assert_eq!(verify(wrong).await.refusal(), (400, "Invalid OTP".to_owned()));
    assert_eq!(
        verify(&otp).await.json(),
        json!({"message": "Email verified successfully"})
    );
    assert_eq!(login().await.status, StatusCode::OK);

    let late = json!({"name": "Bo", "email": "bo@example.com", "password": PASSWORD});
    let otp = t.post("/api/auth/register", late).await.json()["otp"]
        .as_str()
        .unwrap()
        .to_owned();
    t.advance(Duration::from_secs(10 * 60));
    let answer = t
        .post("/api/auth/verify-otp", json!({"email": "bo@example.com", "otp": otp}))
        .await;
    assert_eq!(answer.refusal(), (400, "OTP has expired".to_owned()));

    let again = json!({"name": "Bo", "email": "bo@example.com", "password": "another horse"});
    let otp = t.post("/api/auth/register", again.clone()).await.json()["otp"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = t
        .post("/api/auth/verify-otp", json!({"email": "bo@example.com", "otp": otp}))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let taken = t.post("/api/auth/register", again).await;
    assert_eq!(taken.refusal(), (400, "User already exists".to_owned()));
    let login = t
        .post(
            "/api/auth/login",
            json!({"email": "bo@example.com", "password": "another horse"}),
        )
        .await;
    assert_eq!(login.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_bounded_per_account_and_others_may_go_on() {
    let t = TestApp::with_config(|config| {
        config.rate_limit.account_burst = 3;
        config.rate_limit.account_per_minute = 1;
    });
    let (asha, bo) = (t.member("Asha").await, t.member("Bo").await);
    let login = async |email: &str| {
        t.post("/api/auth/login", json!({"email": email, "password": "wrong"}))
            .await
    };
    assert_eq!(login(&asha.email).await.status, StatusCode::BAD_REQUEST);
    let refused = login(&asha.email).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.message().starts_with("Too many attempts"));
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    assert_eq!(login(&bo.email).await.status, StatusCode::BAD_REQUEST);
}
