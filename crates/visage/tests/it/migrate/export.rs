//! `--users`: who comes along.

use std::fs;
use std::path::{Path, PathBuf};

use http::StatusCode;
use serde_json::{Value, json};
use visage::migrate::Arguments;

use super::{Scene, end, when_done};
use crate::pictures::png;
use crate::test_app::{Member, PASSWORD};

fn document(id: &str, email: &str, more: &Value) -> Value {
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    let mut document = json!({
        "_id": {"$oid": id}, "name": "Asha", "email": email, "password": hash, "role": "user", "isVerified": true,
        "suspended": false, "createdAt": {"$date": "2020-01-01T00:00:00Z"}, "__v": 0,
    });
    document
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    document
}

fn export(folder: &Path, documents: &[Value], as_array: bool) -> PathBuf {
    let path = folder.join("users.json");
    let lines: Vec<String> = documents.iter().map(Value::to_string).collect();
    let text = if as_array {
        format!("[{}]", lines.join(",\n"))
    } else {
        lines.join("\n")
    };
    fs::write(&path, text).unwrap();
    path
}

const ID: &str = "66501234aaaaaaaaaaaaaa0";

#[tokio::test(flavor = "multi_thread")]
async fn users_of_an_export_come_with_their_passwords_and_their_pictures() {
    for as_array in [false, true] {
        let s = Scene::new();
        s.write("x.png", &png(10, 10, [9; 3]));
        let member = s.t.member("Mira").await;
        let documents = [
            document(
                &format!("{ID}1"),
                "Asha@example.com",
                &json!({"profileImage": "/uploads/x.png", "cloudinaryId": null}),
            ),
            document(&format!("{ID}2"), "b@example.com", &json!({"suspended": true})),
            document(
                &member.id,
                &member.email,
                &json!({"name": "Somebody else", "profileImage": "/uploads/x.png"}),
            ),
            document(&format!("{ID}3"), &member.email, &json!({})),
            document(&format!("{ID}1"), "again@example.com", &json!({})),
            document("7", "c@example.com", &json!({})),
            document(
                &format!("{ID}4"),
                "d@example.com",
                &json!({"profileImage": {"path": "/uploads/x.png"}}),
            ),
        ];
        let arguments = Arguments {
            users: Some(export(s.outer.path(), &documents, as_array)),
            ..s.arguments()
        };
        let only_look = Arguments {
            dry_run: true,
            ..arguments.clone()
        };
        let (said, _) = s.migrate(&only_look).await;
        assert_eq!(s.t.app.directory.count_users().await.unwrap(), 1);
        let (summary, lines) = s.migrate(&arguments).await;
        assert_eq!(when_done(&said), summary);
        assert_eq!(
            (summary.users, summary.added_users, summary.migrated),
            (7, 3, 1),
            "{lines:?}"
        );
        assert_eq!(
            (summary.no_picture, summary.refused, summary.failed),
            (2, 2, 2),
            "{lines:?}"
        );
        let left_out = lines.iter().find(|line| line["user"] == format!("{ID}4")).unwrap();
        let why = "its profileImage is an object and not a text: the account comes without a picture";
        assert_eq!(end(left_out), ("refused", why));
        let said: Vec<_> = lines
            .iter()
            .filter(|line| line["document"].is_number())
            .map(|line| (line["document"].as_u64().unwrap(), line["user"].as_str(), end(line)))
            .collect();
        let twice = format!("an earlier document has the same _id, {ID}1");
        let taken = format!("another user has the email of {ID}3");
        assert_eq!(
            said,
            [
                (5, Some(format!("{ID}1").as_str()), ("refused", twice.as_str())),
                (6, Some("7"), ("failed", "its _id cannot be read")),
                (4, Some(format!("{ID}3").as_str()), ("failed", taken.as_str())),
            ]
        );
        check_signing_in(&s, &member).await;
        s.check_clean(1).await;
    }
}

async fn check_signing_in(s: &Scene, member: &Member) {
    assert_eq!(s.t.profile(member).await["name"], "Mira");
    let sign_in = json!({"email": "asha@example.com", "password": PASSWORD});
    let signed_in = s.t.post("/api/auth/login", sign_in).await;
    assert_eq!(signed_in.status, StatusCode::OK, "{signed_in:?}");
    assert_eq!(signed_in.json()["user"]["id"], format!("{ID}1"));
    let url = signed_in.json()["user"]["profileImage"].as_str().unwrap().to_owned();
    assert_eq!(s.t.get(&url).await.status, StatusCode::OK);
    let suspended = json!({"email": "b@example.com", "password": PASSWORD});
    assert_eq!(
        s.t.post("/api/auth/login", suspended).await.status,
        StatusCode::FORBIDDEN
    );
}
