//! The web page's files, and what only administrators may ask.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use visage_cloudinary::Secret;

use crate::pictures::png;
use crate::test_app::{TestApp, has_account};

const ADMIN: &str = "boss@example.com";

fn app() -> TestApp {
    TestApp::with_config(|config| {
        config.auth.admin_email = ADMIN.to_owned();
        config.auth.admin_password = Secret::new("an administrator's password");
    })
}

async fn admin_token(t: &TestApp) -> String {
    let body = json!({"email": ADMIN, "password": "an administrator's password"});
    let signed_in = t.post("/api/auth/login", body).await.json();
    signed_in["token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_under_a_policy_that_lets_nothing_else_in() {
    let t = TestApp::new();
    let page = t.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(
        page.header("content-security-policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: http://images.example; \
         media-src 'self' blob: http://images.example; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    );
    assert_eq!(page.header("cache-control"), "no-cache");
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    for part in ["style=", "<style", "onclick", "http://", "https://"] {
        assert!(!text.contains(part), "{part}");
    }
    for missing in ["/ui/page.html", "/ui/nothing.js", "/ui/..%2fCargo.toml", "/ui/"] {
        assert_eq!(t.get(missing).await.status, StatusCode::NOT_FOUND, "{missing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_that_the_page_names_is_there_and_is_asked_for_once() {
    let t = TestApp::new();
    let page = String::from_utf8(t.get("/").await.body.to_vec()).unwrap();
    let names: Vec<&str> = page.split('"').filter(|part| part.starts_with("/ui/")).collect();
    assert!(names.len() >= 5);
    for name in names {
        let file = t.get(name).await;
        assert_eq!(file.status, StatusCode::OK, "{name}");
        let etag = file.header("etag").to_owned();
        let again = t.get_with(name, &[("if-none-match", &etag)]).await;
        assert_eq!(
            (again.status, again.body.len()),
            (StatusCode::NOT_MODIFIED, 0),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_compressed_for_whom_that_is_welcome() {
    let t = TestApp::new();
    let plain = t.get("/ui/page.css").await;
    assert_eq!(plain.header("content-encoding"), "");
    let packed = t.get_with("/ui/page.css", &[("accept-encoding", "br, gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_eq!(packed.header("vary"), "Accept-Encoding");
    assert!(packed.body.len() * 2 < plain.body.len());
    assert_eq!(packed.header("etag"), plain.header("etag"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_for_administrators() {
    let t = app();
    let member = t.member("Asha").await;
    let status = async |token: &str| t.call(Method::GET, "/api/admin/status", token, &Value::Null).await;
    assert_eq!(
        status("").await.refusal(),
        (401, "No token, authorization denied".to_owned())
    );
    assert_eq!(
        status(&member.token).await.refusal(),
        (403, "Access denied. Admin privileges required.".to_owned())
    );
    let token = admin_token(&t).await;
    let before = status(&token).await.json();
    assert!(before["reaper"].get("lastPass").is_none());
    t.upload_ok(&member, &png(10, 10, [1; 3])).await;
    t.reap().await;
    let after = status(&token).await.json();
    assert_eq!(after["cloudName"], "visage");
    assert_eq!(after["storage"]["assets"], u64::from(!has_account()));
    assert_eq!(after["reaper"]["lastPass"]["ok"], true);
    assert_eq!(after["reaper"]["lastPass"]["endedAt"], "2024-06-25T09:25:44.000Z");
    assert_eq!(after["reaper"]["pending"], 0);
    assert_eq!(after["backup"], json!({ "scheduled": false }));
    assert_eq!(after["scrub"]["damagedOriginals"], 0);
    if has_account() {
        assert_eq!(after["mediaHost"], json!({ "kind": "cloudinary", "breaker": "closed" }));
    } else {
        assert_eq!(after["mediaHost"], json!({ "kind": "embedded" }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrators_token_opens_cloudinarys_api_and_a_members_does_not() {
    let t = app();
    let member = t.member("Asha").await;
    let list = async |token: &str| {
        t.call(Method::GET, "/v1_1/visage/resources/image", token, &Value::Null)
            .await
            .status
            .as_u16()
    };
    assert_eq!(list(&member.token).await, 401);
    assert_eq!(list("nothing").await, 401);
    let token = admin_token(&t).await;
    assert_eq!(list(&token).await, 200);
    let forged = token.rsplit_once('.').unwrap().0;
    assert_eq!(list(&format!("{forged}.AAAA")).await, 401);
    t.advance(std::time::Duration::from_secs(86_400));
    assert_eq!(list(&token).await, 401, "its time is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_cannot_upload_or_delete_through_cloudinarys_api() {
    let t = app();
    let member = t.member("Asha").await;
    let stored = t.upload_ok(&member, &png(10, 10, [1; 3])).await;
    let id = stored.rsplit_once("/profiles/").unwrap().1.to_owned();
    let path = format!("/v1_1/visage/resources/image/upload?public_ids[]=profiles/{id}");
    let delete = async |token: &str| t.call(Method::DELETE, &path, token, &Value::Null).await;
    assert_eq!(delete(&member.token).await.status, StatusCode::UNAUTHORIZED);
    let upload = t
        .call(
            Method::POST,
            "/v1_1/visage/image/upload",
            &member.token,
            &json!({"file": "data:,x"}),
        )
        .await;
    assert_eq!(upload.status, StatusCode::UNAUTHORIZED);
    let as_admin = delete(&admin_token(&t).await).await;
    assert_eq!(as_admin.status, StatusCode::OK, "{as_admin:?}");
    if !has_account() {
        assert_eq!(as_admin.json()["deleted"][format!("profiles/{id}")], "in_use");
    }
    assert_eq!(t.get(&stored).await.status, StatusCode::OK, "a picture in use stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_avatars_anywhere_works() {
    let t = TestApp::new();
    let member = t.member("Asha Rao").await;
    let example = include_str!("../../../../examples/avatars.html");
    assert_eq!(example.lines().count(), 5);
    let urls: Vec<String> = example
        .split(['"', ' '])
        .filter_map(|part| part.strip_prefix("http://127.0.0.1:5000"))
        .map(|path| path.replace("6b03e1a2c4d5f60718293a4b", &member.id))
        .collect();
    assert_eq!(urls.len(), 2);
    for url in &urls {
        let drawn = t.get(url).await;
        assert_eq!(
            (drawn.status, drawn.header("content-type")),
            (StatusCode::OK, "image/svg+xml"),
            "{url}"
        );
        assert_eq!(
            drawn.header("cross-origin-resource-policy"),
            "cross-origin",
            "any page may show it"
        );
    }
    t.upload_ok(&member, &png(10, 10, [1; 3])).await;
    for (url, size) in urls.iter().zip(["h_96,w_96", "h_192,w_192"]) {
        let shown = t.get(url).await;
        assert_eq!(shown.status, StatusCode::FOUND);
        assert!(shown.header("location").contains(size), "{url}");
    }
}
