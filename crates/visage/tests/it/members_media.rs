//! What members show cannot be changed, hidden, taken over or removed by any call of Cloudinary's API.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use visage_cloudinary::{DeliveryType, ResourceType};
use visage_store::{AssetDetails, AssetKey};

use crate::cloudinary::{admin, app_with, post_signed, store};
use crate::pictures::{mp4, noisy_png, png};
use crate::test_app::{Answer, BOUNDARY, TestApp, form};

/// What a call is to come to, besides that everything is shown as before.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    /// 400: something is in use.
    Refused,
    /// 200, and the member's assets are listed as `in_use`.
    InUse,
    /// It is not about what members show, and is done.
    Done,
    /// It is not about what members show; how it ends does not matter here.
    Any,
}
use Expected::{Any, Done, InUse, Refused};

/// How a call is made.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// With a signature over its parameters.
    Signed,
    /// With a file and a signature.
    File,
    /// With a file, in one part of an upload in parts.
    Part,
    /// With a file and a preset, without a signature.
    Unsigned,
    /// With key and secret.
    Admin(&'static str),
}
use Way::{Admin, File, Part, Signed, Unsigned};

/// One call: the endpoint as the documentation lists it, how it is made, its path, its parameters, what it comes to. `{id}`, `{video}`,
/// `{asset_id}`, `{derived}` and `{token}` stand for the member's.
type Row = (&'static str, Way, &'static str, Value, Expected);

const POST_RESOURCE: &str = "POST /resources/{resource_type}/{type}/{*public_id}";
const PUT_RESOURCE: &str = "PUT /resources/{resource_type}/{type}/{*public_id}";
const UPLOAD: &str = "POST /{resource_type}/upload";
const EXPLICIT: &str = "POST /{resource_type}/explicit";

#[rustfmt::skip]
fn uploads() -> Vec<Row> {
    let part = "POST /{resource_type}/upload";
    vec![
        (UPLOAD, File, "/image/upload", json!({"public_id": "{id}"}), Refused),
        (UPLOAD, File, "/image/upload", json!({"public_id": "{id}", "overwrite": "1", "invalidate": "1"}), Refused),
        (UPLOAD, File, "/image/upload", json!({"public_id": "{id}", "upload_preset": "over"}), Refused),
        (UPLOAD, File, "/auto/upload", json!({"public_id": "{id}"}), Refused),
        ("POST /upload", File, "/upload", json!({"public_id": "{id}"}), Refused),
        (UPLOAD, File, "/image/upload", json!({"public_id": "{name}", "folder": "profiles"}), Refused),
        (UPLOAD, File, "/image/upload", json!({"public_id": "{name}", "public_id_prefix": "profiles"}), Refused),
        (UPLOAD, File, "/image/upload", json!({"folder": "profiles", "use_filename": "1", "unique_filename": "0", "filename_override": "{name}.png"}), Refused),
        (UPLOAD, File, "/image/upload", json!({"public_id": "{badge}"}), Refused),
        (UPLOAD, File, "/image/upload", json!({"public_id": "{video}"}), Refused),
        (part, Part, "/image/upload", json!({"public_id": "{id}"}), Refused),
        (UPLOAD, Unsigned, "/image/upload", json!({"public_id": "{id}"}), Refused),
        (UPLOAD, Unsigned, "/image/upload", json!({"public_id": "{name}", "folder": "profiles"}), Refused),
        (UPLOAD, Unsigned, "/image/upload", json!({"public_id": "{id}.png"}), Done),
        (UPLOAD, File, "/image/upload", json!({"public_id": "{id}.jpg"}), Done),
        (UPLOAD, File, "/image/upload", json!({"public_id": "{video}.mp4"}), Done),
        (UPLOAD, File, "/image/upload", json!({"public_id": "{id}", "type": "private"}), Done),
        (UPLOAD, File, "/image/upload", json!({"public_id": "{id}", "type": "authenticated"}), Done),
        (UPLOAD, File, "/raw/upload", json!({"public_id": "{id}"}), Done),
        (UPLOAD, File, "/raw/upload", json!({"public_id": "{video}.mp4"}), Done),
        ("POST /{resource_type}/text", Signed, "/image/text", json!({"public_id": "{id}", "text": "x"}), Refused),
        ("POST /{resource_type}/generate_archive", Signed, "/image/generate_archive", json!({"public_ids": "{id}", "target_public_id": "{id}"}), Any),
    ]
}

#[allow(clippy::too_many_lines, reason = "a table")]
#[rustfmt::skip]
fn changes() -> Vec<Row> {
    let rename = "POST /{resource_type}/rename";
    let token_only = r#"[{"access_type":"token"}]"#;
    let mut rows: Vec<Row> = vec![
        (rename, Signed, "/image/rename", json!({"from_public_id": "{id}", "to_public_id": "away"}), Refused),
        (rename, Signed, "/image/rename", json!({"from_public_id": "{id}", "to_public_id": "{id}", "to_type": "private"}), Refused),
        (rename, Signed, "/image/rename", json!({"from_public_id": "mine", "to_public_id": "{id}", "overwrite": "1"}), Refused),
        (rename, Signed, "/video/rename", json!({"from_public_id": "{video}", "to_public_id": "away"}), Refused),
        (rename, Signed, "/image/rename", json!({"from_public_id": "{badge}", "to_public_id": "away"}), Refused),
        (rename, Signed, "/image/rename", json!({"from_public_id": "mine", "to_public_id": "{id}.png"}), Any),
        ("POST /{resource_type}/destroy", Signed, "/image/destroy", json!({"public_id": "{id}", "invalidate": "1"}), Refused),
        ("POST /{resource_type}/destroy", Signed, "/video/destroy", json!({"public_id": "{video}"}), Refused),
        ("POST /{resource_type}/destroy", Signed, "/image/destroy", json!({"public_id": "{badge}"}), Refused),
        ("POST /destroy", Signed, "/destroy", json!({"asset_id": "{asset_id}"}), Refused),
        ("POST /delete_by_token", Signed, "/delete_by_token", json!({"token": "{token}"}), Refused),
        ("POST /{resource_type}/delete_by_token", Signed, "/image/delete_by_token", json!({"token": "{token}"}), Refused),
        (EXPLICIT, Signed, "/image/explicit", json!({"public_id": "{id}", "type": "upload", "eager": "w_7", "invalidate": "1", "colors": "1", "faces": "1"}), Done),
        (EXPLICIT, Signed, "/image/explicit", json!({"public_id": "{id}", "type": "upload", "display_name": "Asha"}), Done),
        (EXPLICIT, Signed, "/image/explicit", json!({"public_id": "{badge}", "type": "upload", "access_control": token_only}), Refused),
    ];
    let descriptions = [
        ("access_control", token_only),
        ("moderation", "manual"),
        ("tags", "vip"),
        ("context", "vip=yes"),
        ("metadata", "rank=first"),
        ("face_coordinates", "1,1,5,5"),
        ("custom_coordinates", "1,1,5,5"),
        ("regions", r#"{"r":[[1,1],[5,5]]}"#),
        ("headers", "X-Robots-Tag: noindex"),
        ("backup", "1"),
        ("access_mode", "authenticated"),
        ("quality_override", "10"),
    ];
    for (name, value) in descriptions {
        let fields = json!({"public_id": "{id}", "type": "upload", name: value});
        rows.push((EXPLICIT, Signed, "/image/explicit", fields, Refused));
        if name != "moderation" {
            let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            let body = json!({ name: value });
            rows.push((
                POST_RESOURCE,
                Admin("POST"),
                "/resources/image/upload/{id}",
                body.clone(),
                Refused,
            ));
            rows.push((
                PUT_RESOURCE,
                Admin("PUT"),
                "/resources/image/upload/{id}",
                body.clone(),
                Refused,
            ));
            rows.push((
                "PUT /resources/{asset_id}",
                Admin("PUT"),
                "/resources/{asset_id}",
                body,
                Refused,
            ));
        }
    }
    for (command, tag) in [
        ("add", "vip"),
        ("remove", "team"),
        ("replace", "vip"),
        ("set_exclusive", "vip"),
        ("remove_all", ""),
    ] {
        let fields = json!({"command": command, "tag": tag, "public_ids": "{id}"});
        rows.push(("POST /{resource_type}/tags", Signed, "/image/tags", fields, Refused));
    }
    rows
}

#[rustfmt::skip]
fn admin_changes() -> Vec<Row> {
    let one = "/resources/image/upload/{id}";
    let set = "/image/tags";
    vec![
        ("POST /{resource_type}/tags", Signed, set, json!({"command": "set_exclusive", "tag": "team", "public_ids": "mine"}), Done),
        ("POST /{resource_type}/context", Signed, "/image/context", json!({"command": "add", "context": "a=b", "public_ids": "{id}"}), Refused),
        ("POST /{resource_type}/context", Signed, "/image/context", json!({"command": "remove_all", "public_ids": "{id}"}), Refused),
        ("POST /{resource_type}/metadata", Signed, "/image/metadata", json!({"metadata": "rank=first", "public_ids": "{id}"}), Refused),
        (POST_RESOURCE, Admin("POST"), one, json!({"moderation_status": "rejected"}), Refused),
        (POST_RESOURCE, Admin("POST"), one, json!({"moderation_status": "rejected", "display_name": "x"}), Refused),
        (POST_RESOURCE, Admin("POST"), "/resources/video/upload/{video}", json!({"moderation_status": "rejected"}), Refused),
        (PUT_RESOURCE, Admin("PUT"), one, json!({"display_name": "Asha", "asset_folder": "people"}), Done),
        ("POST /resources/{resource_type}/{type}/restore", Admin("POST"), "/resources/image/upload/restore", json!({"public_ids": ["{id}"]}), Any),
        ("POST /resources/restore", Admin("POST"), "/resources/restore", json!({"asset_ids": ["{asset_id}"]}), Any),
        ("DELETE /resources/backup/{asset_id}", Admin("DELETE"), "/resources/backup/{asset_id}", json!({"version_ids": ["{upload}"]}), Any),
        ("DELETE /resources/{resource_type}/tags/{*tag}", Admin("DELETE"), "/resources/image/tags/team", json!({}), InUse),
        ("DELETE /resources/{resource_type}/{type}", Admin("DELETE"), "/resources/image/upload", json!({"public_ids": ["{id}"]}), InUse),
        ("DELETE /resources/{resource_type}/{type}", Admin("DELETE"), "/resources/image/upload", json!({"prefix": "profiles/"}), InUse),
        ("DELETE /resources/{resource_type}/{type}", Admin("DELETE"), "/resources/video/upload", json!({"all": true}), InUse),
        ("DELETE /resources/{resource_type}/{type}", Admin("DELETE"), "/resources/image/upload", json!({"public_ids": ["{id}"], "keep_original": true}), Done),
        ("DELETE /resources", Admin("DELETE"), "/resources", json!({"asset_ids": ["{asset_id}"]}), InUse),
        ("DELETE /derived_resources", Admin("DELETE"), "/derived_resources", json!({"derived_resource_ids": ["{derived}"]}), Done),
        ("POST /folders/{*path}", Admin("POST"), "/folders/profiles/x", json!({}), Done),
        ("DELETE /folders/{*path}", Admin("DELETE"), "/folders/profiles", json!({}), Any),
        ("PUT /folders/{*path}", Admin("PUT"), "/folders/people", json!({"to_folder": "elsewhere"}), Done),
        ("DELETE /folders/{*path}", Admin("DELETE"), "/folders/elsewhere", json!({}), Any),
        ("POST /folders/search", Admin("POST"), "/folders/search", json!({}), Done),
        ("POST /resources/search", Admin("POST"), "/resources/search", json!({}), Done),
        ("POST /{resource_type}/download", Signed, "/image/download", json!({"public_id": "{id}"}), Done),
    ]
}

#[rustfmt::skip]
fn settings() -> Vec<Row> {
    let names = "PUT /transformations";
    let other = json!({"unsafe_update": "w_3"});
    vec![
        (names, Admin("PUT"), "/transformations", json!({"transformation": "t_avatar", "unsafe_update": "w_3"}), Refused),
        (names, Admin("PUT"), "/transformations", json!({"transformation": "inner", "unsafe_update": "w_3"}), Refused),
        (names, Admin("PUT"), "/transformations", json!({"transformation": "avatar", "allowed_for_strict": false}), Refused),
        (names, Admin("PUT"), "/transformations", json!({"transformation": "unused", "unsafe_update": "w_3"}), Done),
        ("PUT /transformations/{*transformation}", Admin("PUT"), "/transformations/avatar", other.clone(), Refused),
        ("PUT /transformations/{*transformation}", Admin("PUT"), "/transformations/unused", other, Done),
        ("DELETE /transformations", Admin("DELETE"), "/transformations", json!({"transformation": "inner"}), Refused),
        ("DELETE /transformations/{*transformation}", Admin("DELETE"), "/transformations/t_avatar", json!({}), Refused),
        ("DELETE /transformations/{*transformation}", Admin("DELETE"), "/transformations/w_7", json!({}), Any),
        ("POST /transformations", Admin("POST"), "/transformations", json!({"name": "avatar", "transformation": "w_3"}), Any),
        ("POST /transformations/{*transformation}", Admin("POST"), "/transformations/profiles", json!({"transformation": "w_3"}), Done),
        ("POST /upload_presets", Admin("POST"), "/upload_presets", json!({"name": "p", "unsigned": true, "folder": "profiles", "type": "private"}), Done),
        ("PUT /upload_presets/{*name}", Admin("PUT"), "/upload_presets/p", json!({"access_control": [{"access_type": "token"}]}), Done),
        ("DELETE /upload_presets/{*name}", Admin("DELETE"), "/upload_presets/p", json!({}), Done),
        ("POST /upload_mappings", Admin("POST"), "/upload_mappings", json!({"folder": "profiles", "template": "https://other.example/"}), Done),
        ("PUT /upload_mappings", Admin("PUT"), "/upload_mappings", json!({"folder": "profiles", "template": "https://another.example/"}), Done),
        ("DELETE /upload_mappings", Admin("DELETE"), "/upload_mappings", json!({"folder": "profiles"}), Done),
        ("POST /triggers", Admin("POST"), "/triggers", json!({"uri": "https://hooks.example/", "event_type": "all"}), Any),
        ("PUT /triggers/{id}", Admin("PUT"), "/triggers/none", json!({"new_uri": "https://hooks.example/x"}), Any),
        ("DELETE /triggers/{id}", Admin("DELETE"), "/triggers/none", json!({}), Any),
        ("POST /metadata_fields", Admin("POST"), "/metadata_fields", json!({"external_id": "class", "label": "c", "type": "enum", "datasource": {"values": [{"external_id": "a", "value": "A"}, {"external_id": "b", "value": "B"}]}}), Done),
        ("PUT /metadata_fields/{external_id}/datasource", Admin("PUT"), "/metadata_fields/class/datasource", json!({"values": [{"external_id": "a", "value": "Z"}]}), Any),
        ("DELETE /metadata_fields/{external_id}/datasource", Admin("DELETE"), "/metadata_fields/class/datasource", json!({"external_ids": ["a"]}), Any),
        ("POST /metadata_fields/{external_id}/datasource_restore", Admin("POST"), "/metadata_fields/class/datasource_restore", json!({"external_ids": ["a"]}), Any),
        ("PUT /metadata_fields/{external_id}", Admin("PUT"), "/metadata_fields/rank", json!({"default_value": "last"}), Any),
        ("DELETE /metadata_fields/{external_id}", Admin("DELETE"), "/metadata_fields/rank", json!({}), Done),
    ]
}

/// A member with a profile image, and a post with a video.
struct Shown {
    t: TestApp,
    urls: Vec<String>,
    bytes: Vec<Vec<u8>>,
    values: Vec<(&'static str, String)>,
}

impl Shown {
    #[allow(
        clippy::too_many_lines,
        reason = "each kind of thing that members show is set up once"
    )]
    async fn new() -> Self {
        let t = app_with(|config| {
            let shown = "t_avatar/if_!vip!_in_tags/e_negate/if_end/c_thumb,g_face,h_40,w_40/l_badge,w_10/fl_layer_apply/f_auto,q_auto";
            config.profile.transformation = shown.to_owned();
        });
        for (name, text) in [
            ("inner", "c_limit,w_50"),
            ("avatar", "t_inner/e_sepia"),
            ("unused", "w_9"),
        ] {
            let named = json!({ "name": name, "transformation": text });
            admin(&t, Method::POST, "/transformations", &named).await;
        }
        for (name, more) in [
            ("open", json!({"unsigned": true})),
            ("over", json!({"overwrite": true})),
        ] {
            let mut preset = json!({ "name": name });
            preset
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            admin(&t, Method::POST, "/upload_presets", &preset).await;
        }
        let field = json!({ "external_id": "rank", "label": "Rank", "type": "string" });
        admin(&t, Method::POST, "/metadata_fields", &field).await;
        store(&t, "badge", &png(9, 9, [250, 200, 0]), &[]).await;
        store(&t, "mine", &png(20, 20, [1, 2, 3]), &[]).await;
        let member = t.member("Asha Rao").await;
        let picture = t.upload_ok(&member, &noisy_png(60, 60)).await;
        let id = t.profile(&member).await["cloudinaryId"].as_str().unwrap().to_owned();
        let post = t.show(&member, "hello", &mp4("here")).await;
        let video = post["cloudinaryId"].as_str().unwrap().to_owned();
        let key = AssetKey {
            resource_type: ResourceType::Image,
            delivery_type: DeliveryType::Upload,
            public_id: id.parse().unwrap(),
        };
        let catalog = &t.app.library.catalog;
        let asset = catalog.find_asset(&key).await.unwrap().unwrap();
        // As if it had been tagged by a release that allowed that.
        let tag = Box::new(|details: &mut AssetDetails| {
            details.tags.insert("team".to_owned());
        });
        catalog.edit_asset(&asset.id, tag, t.app.clock.now()).await.unwrap();
        let derived = catalog
            .derived_of(&asset.upload.id, None, 1)
            .await
            .unwrap()
            .items
            .remove(0);
        let values = vec![
            ("{name}", id.rsplit('/').next().unwrap().to_owned()),
            ("{id}", id.clone()),
            ("{video}", video),
            ("{badge}", "badge".to_owned()),
            ("{asset_id}", asset.id.to_string()),
            ("{upload}", asset.upload.id.to_string()),
            ("{derived}", derived.id.to_string()),
            ("{token}", visage::library::deletion_token::make(&t.app, &asset)),
        ];
        let urls = vec![
            picture,
            post["media"].as_str().unwrap().to_owned(),
            format!("/demo/image/upload/{id}"),
        ];
        let mut shown = Self {
            t,
            urls,
            bytes: Vec::new(),
            values,
        };
        shown.bytes = shown.fetch().await;
        shown
    }

    async fn fetch(&self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for url in &self.urls {
            for accept in ["*/*", "image/webp,*/*"] {
                let answer = self.t.get_with(url, &[("accept", accept)]).await;
                assert_eq!(answer.status, StatusCode::OK, "{url}: {answer:?}");
                all.push(answer.body.to_vec());
            }
        }
        all
    }

    fn fill(&self, text: &str) -> String {
        let known = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        self.values.iter().fold(text.to_owned(), known)
    }

    async fn call(&self, (_, way, path, parameters, _): &Row) -> Answer {
        let path = self.fill(path);
        let parameters: Value = serde_json::from_str(&self.fill(&parameters.to_string())).unwrap();
        if let Admin(method) = way {
            return admin(&self.t, method.parse().unwrap(), &path, &parameters).await;
        }
        let fields: Vec<(&str, &str)> = parameters
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let file = png(30, 30, [250, 0, 0]);
        match way {
            Signed | Admin(_) => post_signed(&self.t, &path, &fields, None).await,
            File => post_signed(&self.t, &path, &fields, Some(&file)).await,
            Unsigned => self.send_unsigned(&path, &fields, &file, false).await,
            Part => self.send_unsigned(&path, &fields, &file, true).await,
        }
    }

    async fn send_unsigned(&self, path: &str, fields: &[(&str, &str)], file: &[u8], in_parts: bool) -> Answer {
        let mut parts: Vec<(&str, Option<&str>, &str, &[u8])> = vec![("upload_preset", None, "text/plain", b"open")];
        parts.extend(
            fields
                .iter()
                .map(|(name, value)| (*name, None, "text/plain", value.as_bytes())),
        );
        parts.push(("file", Some("x.png"), "image/png", file));
        let mut request = Request::post(format!("/v1_1/demo{path}"))
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        if in_parts {
            let range = format!("bytes 0-{}/{}", file.len() - 1, file.len());
            request = request
                .header("x-unique-upload-id", "one")
                .header("content-range", range);
        }
        self.t.send(request.body(Body::from(form(&parts))).unwrap()).await
    }
}

fn check(row: &Row, answer: &Answer) {
    let text = String::from_utf8_lossy(&answer.body);
    let status = answer.status.as_u16();
    let good = match row.4 {
        Refused => status == 400 && text.contains("in use"),
        InUse => status == 200 && text.contains("in_use"),
        Done => status == 200,
        Any => status < 500,
    };
    assert!(good, "{row:?}: {status} {text}");
}

/// Every endpoint of the documentation that may change something.
fn documented() -> BTreeSet<String> {
    let document = include_str!("../../../../docs/cloudinary-compatibility.md");
    let changing = ["| `POST ", "| `PUT ", "| `DELETE "];
    let lines = document
        .lines()
        .filter(|line| changing.iter().any(|begin| line.starts_with(begin)));
    lines.map(|line| line.split('`').nth(1).unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_of_the_api_touches_what_members_show() {
    let rows = [uploads(), changes(), admin_changes(), settings()].concat();
    let tried: BTreeSet<String> = rows.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(
        documented(),
        tried,
        "every endpoint that changes something is tried, and no other"
    );
    let shown = Shown::new().await;
    for row in &rows {
        let answer = shown.call(row).await;
        check(row, &answer);
        assert_eq!(shown.fetch().await, shown.bytes, "{row:?} changed what is shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_picture_from_before_keeps_its_short_url() {
    let t = app_with(|_| {});
    let member = t.member("Asha Rao").await;
    let url = t.upload_ok(&member, &png(60, 60, [250, 10, 10])).await;
    let old = t.profile(&member).await["cloudinaryId"].as_str().unwrap().to_owned();
    // As a release from before wrote it: the id ends in an extension, and so does the URL.
    let key = |id: &str| visage_store::AssetKey {
        resource_type: visage_cloudinary::ResourceType::Image,
        delivery_type: visage_cloudinary::DeliveryType::Upload,
        public_id: id.parse().unwrap(),
    };
    let rename = visage_store::RenameAsset {
        from: key(&old),
        to: key("profiles/me.PNG"),
        overwrite: false,
        purge_at: t.app.clock.now(),
    };
    let catalog = &t.app.library.catalog;
    catalog.rename_asset(rename, t.app.clock.now()).await.unwrap();
    let url = url.replace(&old, "profiles/me.PNG");
    let database = rusqlite::Connection::open(t.folder.path().join("visage.db")).unwrap();
    database
        .execute(
            "UPDATE users SET profile_image = ?1, cloudinary_id = 'profiles/me.PNG'",
            [&url],
        )
        .unwrap();
    let before = t.get(&url).await;
    assert_eq!(before.status, StatusCode::OK, "{url}: {before:?}");
    post_signed(
        &t,
        "/image/upload",
        &[("public_id", "spare"), ("backup", "1")],
        Some(&png(9, 9, [10, 10, 250])),
    )
    .await;
    let taken = [("public_id", "profiles/me")];
    let onto = [("from_public_id", "spare"), ("to_public_id", "profiles/me")];
    for refused in [
        post_signed(&t, "/image/upload", &taken, Some(&png(20, 20, [10, 10, 250]))).await,
        post_signed(&t, "/image/rename", &onto, None).await,
        post_signed(&t, "/image/text", &[taken[0], ("text", "x")], None).await,
    ] {
        let told: Value = refused.json();
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("profiles/me.PNG is in use"), "{message}");
    }
    assert_eq!(t.get(&url).await.body, before.body);
}
