//! The signed-in user's own data: contract section 5.2.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::test_app::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_the_users_document_without_its_secrets() {
    let t = TestApp::new();
    let member = t.member("Asha Rao").await;
    let mut profile = t.profile(&member).await;
    assert_eq!(profile["_id"], member.id.as_str());
    profile.as_object_mut().unwrap().remove("_id");
    assert_eq!(
        profile,
        json!({
            "name": "Asha Rao", "email": "asha.rao@example.com", "role": "user", "isVerified": true, "suspended": false,
            "trainerPreference": "No Preference", "joiningDate": "2024-06-25T09:25:44.000Z", "weightHistory": [],
            "createdAt": "2024-06-25T09:25:44.000Z", "updatedAt": "2024-06-25T09:25:44.000Z", "__v": 0,
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_applies_what_has_a_value_and_keeps_the_rest() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let put = async |body: Value| t.call(Method::PUT, "/api/users/profile", &member.token, &body).await;
    let first =
        put(json!({"weight": "70.5", "height": 170, "gender": "Not specified", "purpose": "", "dob": null})).await;
    assert_eq!(first.status, StatusCode::OK);
    t.advance(std::time::Duration::from_secs(1));
    put(json!({"weight": 69, "fitnessGoal": "run", "password": "x", "role": "admin", "cloudinaryId": "stolen"})).await;
    let profile = t.profile(&member).await;
    assert_eq!(profile["weight"], 69);
    assert_eq!(profile["height"], 170);
    assert_eq!(profile["fitnessGoal"], "run");
    assert_eq!(profile["role"], "user");
    assert!(profile.get("gender").is_none());
    assert!(profile.get("cloudinaryId").is_none());
    let history = profile["weightHistory"].as_array().unwrap();
    assert_eq!(
        history.iter().map(|entry| entry["weight"].clone()).collect::<Vec<_>>(),
        [json!(70.5), json!(69)]
    );
    for bad in [
        json!({"weight": "heavy"}),
        json!({"weight": -1}),
        json!({"gender": 5}),
        json!({"dob": "x".repeat(3000)}),
    ] {
        assert_eq!(put(bad.clone()).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
}

/// What the description says that a body of this route has.
async fn described(t: &TestApp, path: &str, method: &str) -> Vec<String> {
    let all = t.get("/api/docs/openapi.json").await.json();
    let body = &all["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"];
    body["properties"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_described_is_what_is_read() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let members = described(&t, "/api/users/profile", "put").await;
    assert_eq!(members.len(), 8);
    for name in &members {
        let body = json!({ name.as_str(): [] });
        let answer = t.call(Method::PUT, "/api/users/profile", &member.token, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name} is read");
    }
    let body: Value = described(&t, "/api/auth/reset-password", "post")
        .await
        .into_iter()
        .map(|name| (name, json!("something")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let reset = t.call(Method::POST, "/api/auth/reset-password", "", &body).await;
    assert_eq!(reset.refusal(), (400, "Invalid or expired token".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_with_the_current_one() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let change = async |current: &str, new: &str| {
        let body = json!({"currentPassword": current, "newPassword": new});
        t.call(Method::POST, "/api/users/change-password", &member.token, &body)
            .await
            .refusal()
    };
    let both = "Current password and new password are required".to_owned();
    assert_eq!(change("", "x").await, (400, both));
    assert_eq!(
        change("wrong", "another horse").await,
        (400, "Current password is incorrect".to_owned())
    );
    assert_eq!(
        change(PASSWORD, "another horse").await,
        (200, "Password updated successfully".to_owned())
    );
    let login = t
        .post(
            "/api/auth/login",
            json!({"email": member.email, "password": "another horse"}),
        )
        .await;
    assert_eq!(login.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_is_changed_with_the_password() {
    let t = TestApp::new();
    let (asha, bo) = (t.member("Asha").await, t.member("Bo").await);
    let change = async |email: &str, password: &str| {
        let body = json!({"newEmail": email, "password": password});
        t.call(Method::POST, "/api/users/change-email", &asha.token, &body)
            .await
            .refusal()
    };
    assert_eq!(
        change("", PASSWORD).await,
        (400, "New email and password are required".to_owned())
    );
    assert_eq!(
        change("new@example.com", "wrong").await,
        (400, "Password is incorrect".to_owned())
    );
    assert_eq!(
        change(&bo.email, PASSWORD).await,
        (400, "Email is already in use".to_owned())
    );
    assert_eq!(
        change("New@Example.com", PASSWORD).await,
        (200, "Email updated successfully".to_owned())
    );
    assert_eq!(t.profile(&asha).await["email"], "new@example.com");
}
