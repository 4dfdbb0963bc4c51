//! What is kept with an asset, damaged in the database: it opens nothing, and no edit writes over it.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use visage::audit::audit;

use crate::cloudinary::{admin, app, post_signed};
use crate::pictures::noisy_png;
use crate::test_app::TestApp;

async fn upload(t: &TestApp, access: &str) {
    let picture = format!(
        "data:image/png;base64,{}",
        data_encoding::BASE64.encode(&noisy_png(20, 20))
    );
    let asset = json!({ "public_id": "a", "tags": "t", "file": picture, "access_control": access });
    let answer = admin(t, Method::POST, "/image/upload", &asset).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

fn details(t: &TestApp) -> String {
    let database = rusqlite::Connection::open(t.app.config.data.join("visage.db")).unwrap();
    let sql = "SELECT details FROM assets WHERE public_id = 'a'";
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn damage(t: &TestApp, member: &str, value: &str) {
    let database = rusqlite::Connection::open(t.app.config.data.join("visage.db")).unwrap();
    let sql = "UPDATE assets SET details = json_set(details, '$.extra.' || ?1, json(?2)) WHERE public_id = 'a'";
    assert_eq!(database.execute(sql, [member, value]).unwrap(), 1);
}

/// Every kind of edit, signed or by an administrator of the store. `true`: it was refused as a failure of the server.
async fn edits(t: &TestApp) -> Vec<(&'static str, bool)> {
    let mut refused = Vec::new();
    for (path, fields) in [
        (
            "/image/explicit",
            &[("public_id", "a"), ("type", "upload"), ("tags", "x")][..],
        ),
        (
            "/image/tags",
            &[("command", "add"), ("tag", "x"), ("public_ids[]", "a")],
        ),
        (
            "/image/context",
            &[("command", "add"), ("context", "k=v"), ("public_ids[]", "a")],
        ),
        ("/image/rename", &[("from_public_id", "a"), ("to_public_id", "b")]),
    ] {
        let answer = post_signed(t, path, fields, None).await;
        refused.push((path, answer.status == StatusCode::INTERNAL_SERVER_ERROR));
    }
    let path = "/resources/image/upload/a";
    let answer = admin(t, Method::POST, path, &json!({"access_control": "[]"})).await;
    refused.push((path, answer.status == StatusCode::INTERNAL_SERVER_ERROR));
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_record_stays_closed_and_is_not_overwritten() {
    for (member, value) in [
        ("access_control", "\"token\""),
        ("access_control", "null"),
        ("access_control", "[5]"),
        ("access_control", r#"[{"access_type": "anonymous", "end": "soon"}]"#),
        ("eager", "5"),
        ("custom_coordinates", "[[1]]"),
        ("last_updated", "\"yesterday\""),
    ] {
        let t = app();
        upload(&t, r#"[{"access_type": "token"}]"#).await;
        let url = "/demo/image/upload/a.png";
        assert_eq!(t.get(url).await.status, StatusCode::UNAUTHORIZED);
        damage(&t, member, value);
        let before = details(&t);
        for url in [url, "/demo/image/upload/w_10/a.png", "/demo/image/upload/fl_getinfo/a"] {
            let answer = t.get(url).await;
            assert!(answer.status.is_client_error(), "{member} {value} {url}: {answer:?}");
        }
        for (path, is_refused) in edits(&t).await {
            assert!(is_refused, "{member} {value} {path}");
        }
        assert_eq!(details(&t), before, "{member} {value}");
        let counted = audit(&t.app).await.unwrap();
        assert_eq!((counted.unreadable_attributes, counted.is_damaged()), (1, true));
        // It can be seen by those who look after it, and goes when they say so.
        let listed = admin(&t, Method::GET, "/resources/image/upload", &Value::Null).await;
        assert_eq!(listed.json()["resources"].as_array().unwrap().len(), 1);
        let destroyed = post_signed(&t, "/image/destroy", &[("public_id", "a")], None).await;
        assert_eq!(destroyed.json()["result"], "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_that_is_no_json_is_a_failure_and_stays() {
    let t = app();
    upload(&t, r#"[{"access_type": "token"}]"#).await;
    let database = rusqlite::Connection::open(t.app.config.data.join("visage.db")).unwrap();
    for damaged in ["{\"extra\":", "{\"extra\": \"text\"}", "[]", ""] {
        let sql = "UPDATE assets SET details = ?1 WHERE public_id = 'a'";
        database.execute(sql, [damaged]).unwrap();
        let answer = t.get("/demo/image/upload/a.png").await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{damaged:?}");
        for (path, is_refused) in edits(&t).await {
            assert!(is_refused, "{damaged:?} {path}");
        }
        assert_eq!(details(&t), damaged);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_document_is_not_overwritten() {
    let t = app();
    for (path, name, damaged) in [
        ("/upload_presets", "p", r#"{"unsigned":true,"settings":5}"#),
        (
            "/transformations",
            "t",
            r#"{"transformation":5,"allowed_for_strict":true}"#,
        ),
    ] {
        let made = json!({ "name": name, "transformation": "w_10", "unsigned": true });
        assert_eq!(admin(&t, Method::POST, path, &made).await.status, StatusCode::OK);
        let database = rusqlite::Connection::open(t.app.config.data.join("visage.db")).unwrap();
        let sql = "UPDATE documents SET body = ?2 WHERE name = ?1";
        assert_eq!(database.execute(sql, [name, damaged]).unwrap(), 1);
        let change = json!({ "unsigned": true, "allowed_for_strict": true });
        let edited = admin(&t, Method::PUT, &format!("{path}/{name}"), &change).await;
        assert_eq!(edited.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}: {edited:?}");
        let kept = database.query_row("SELECT body FROM documents WHERE name = ?1", [name], |row| {
            row.get::<_, String>(0)
        });
        assert_eq!(kept.unwrap(), damaged);
    }
}
