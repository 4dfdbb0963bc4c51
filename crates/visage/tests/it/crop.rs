//! Which part of a picture is shown: with the upload, and changed afterwards without one.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use visage::audit::Audit;

use crate::fault_proxy::Fault;
use crate::pictures::{MARKS, decode, png, quarters};
use crate::test_app::{Answer, Member, TestApp, form, has_account};

const RED: [u8; 3] = [200, 0, 0];

async fn upload(t: &TestApp, member: &Member, file: &[u8], crop: &str) -> Answer {
    let body = form(&[
        ("crop", None, "text/plain", crop.as_bytes()),
        ("profileImage", Some("a.png"), "image/png", file),
    ]);
    t.upload_form(member, body).await
}

async fn recrop(t: &TestApp, member: &Member, crop: &Value) -> Answer {
    t.call(Method::PUT, "/api/users/profile-image/crop", &member.token, crop)
        .await
}

async fn own(t: &TestApp, member: &Member) -> Value {
    t.call(Method::GET, "/api/users/profile-image", &member.token, &Value::Null)
        .await
        .json()
}

fn url(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["profileImage"].as_str().unwrap().to_owned()
}

/// Whether the picture at `url` has this colour in the middle.
async fn shows(t: &TestApp, url: &str, colour: [u8; 3]) {
    let image = t.get(url).await;
    assert_eq!(image.status, StatusCode::OK, "{image:?}");
    let (_, _, found) = decode(&image.body);
    let is_near = found.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 12);
    assert!(is_near, "{url}: {found:?} instead of {colour:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crop_comes_with_the_upload_and_is_in_every_size() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let crop = r#"{"x":100,"y":0,"width":100,"height":100}"#;
    let stored = url(&upload(&t, &member, &quarters(200, 200), crop).await);
    let start =
        "http://images.example/visage/image/upload/c_crop,h_100,w_100,x_100,y_0/c_fill,h_400,w_400/f_auto,q_auto/v";
    assert!(stored.starts_with(start), "{stored}");
    shows(&t, &stored, MARKS[1]).await;
    let small = t.get(&format!("/api/users/{}/profile-image?size=64", member.id)).await;
    let location = small.header("location").to_owned();
    assert!(
        location.contains("/c_crop,h_100,w_100,x_100,y_0/c_fill,h_64,w_64/"),
        "{location}"
    );
    shows(&t, &location, MARKS[1]).await;
    let told = own(&t, &member).await;
    assert_eq!(
        told["crop"],
        json!({ "x": 100, "y": 0, "width": 100, "height": 100, "turn": 0 })
    );
    for size in told["sizes"].as_array().unwrap() {
        shows(&t, size["url"].as_str().unwrap(), MARKS[1]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_cropped_again_without_another_upload() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let file = quarters(200, 200);
    let first = t.upload_ok(&member, &file).await;
    t.advance(Duration::from_secs(5));
    let second = url(&recrop(&t, &member, &json!({"x": 0, "y": 100, "width": 100, "height": 100})).await);
    assert_ne!(first, second);
    shows(&t, &second, MARKS[3]).await;
    let profile = t.profile(&member).await;
    assert_eq!(profile["profileImage"], second.as_str());
    assert!(
        first.ends_with(profile["cloudinaryId"].as_str().unwrap()),
        "the same picture"
    );
    assert_eq!(t.get(&first).await.status, StatusCode::OK, "pages still show it");
    let third = url(&recrop(
        &t,
        &member,
        &json!({"x": 50, "y": 50, "width": 100, "height": 60, "turn": 90}),
    )
    .await);
    assert!(
        third.contains("/c_crop,h_60,w_100,x_50,y_50/a_90/c_fill,h_400,w_400/"),
        "{third}"
    );
    assert_eq!(own(&t, &member).await["crop"]["turn"], 90);
    // The original is whole, whatever is shown of it.
    let original = own(&t, &member).await["original"]["url"].as_str().unwrap().to_owned();
    let (width, height, _) = decode(&t.get(&original).await.body);
    assert_eq!((width, height), (200, 200));
    assert_eq!(t.settle().await.assets, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_made_after_the_cut() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    // The upper half: red on the left, green on the right; turned clockwise, red is above green.
    let crop = r#"{"x":0,"y":0,"width":200,"height":100,"turn":90}"#;
    let stored = url(&upload(&t, &member, &quarters(200, 200), crop).await);
    let upper = stored.replace("c_fill,h_400,w_400", "c_crop,g_north,h_100,w_100");
    let lower = stored.replace("c_fill,h_400,w_400", "c_crop,g_south,h_100,w_100");
    shows(&t, &upper, MARKS[0]).await;
    shows(&t, &lower, MARKS[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crop_that_is_none_of_the_picture_is_refused_and_nothing_changes() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let picture = png(100, 50, RED);
    let outside = "The crop reaches beyond the picture, which is 100 × 50 pixels";
    let unreadable = "The crop must have x, y, width and height in whole pixels, and may have turn";
    let cases = [
        (json!({"x": 0, "y": 0, "width": 101, "height": 50}), outside),
        (json!({"x": 1, "y": 0, "width": 100, "height": 50}), outside),
        (json!({"x": 0, "y": 1, "width": 1, "height": 50}), outside),
        (
            json!({"x": 4_294_967_295_u32, "y": 0, "width": 4_294_967_295_u32, "height": 1}),
            outside,
        ),
        (json!({"x": 0, "y": 0, "width": 0, "height": 50}), "The crop is empty"),
        (
            json!({"x": 0, "y": 0, "width": 9, "height": 9, "turn": 45}),
            "A picture is turned by 0, 90, 180 or 270 degrees",
        ),
        (json!({"x": -1, "y": 0, "width": 9, "height": 9}), unreadable),
        (json!({"x": 0, "y": 0}), unreadable),
        (json!("<script>"), unreadable),
        (json!(null), unreadable),
    ];
    for (crop, message) in &cases {
        let answer = upload(&t, &member, &picture, &crop.to_string()).await;
        assert_eq!(answer.refusal(), (400, (*message).to_owned()), "{crop}");
    }
    assert!(t.profile(&member).await.get("profileImage").is_none());
    let stored = t.upload_ok(&member, &picture).await;
    for (crop, message) in cases.iter().take(cases.len() - 1) {
        assert_eq!(
            recrop(&t, &member, crop).await.refusal(),
            (400, (*message).to_owned()),
            "{crop}"
        );
    }
    assert_eq!(t.profile(&member).await["profileImage"], stored.as_str());
    let whole = url(&recrop(&t, &member, &json!({"x": 0, "y": 0, "width": 100, "height": 50})).await);
    assert_ne!(whole, stored, "the whole picture is a part of it, too");
    let long = upload(&t, &member, &picture, &" ".repeat(2000)).await;
    assert_eq!(long.refusal(), (400, "The field `crop` is too long.".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_a_picture_can_crop_it() {
    let t = TestApp::new();
    let (member, other) = (t.member("Asha").await, t.member("Ben").await);
    let stored = t.upload_ok(&member, &png(10, 10, RED)).await;
    let crop = json!({"x": 0, "y": 0, "width": 5, "height": 5});
    assert_eq!(
        recrop(&t, &other, &crop).await.refusal(),
        (404, "There is no profile image".to_owned())
    );
    let nobody = t.call(Method::PUT, "/api/users/profile-image/crop", "", &crop).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert_eq!(t.profile(&member).await["profileImage"], stored.as_str());
    assert_eq!(own(&t, &other).await, json!({ "maxBytes": 5_242_880 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crop_that_was_chosen_on_another_picture_is_not_applied_to_this_one() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let first = t.upload_ok(&member, &quarters(60, 60)).await;
    t.advance(Duration::from_secs(5));
    let second = t.upload_ok(&member, &png(80, 80, RED)).await;
    let chosen_on = |url: &str| json!({"x": 0, "y": 0, "width": 30, "height": 30, "profileImage": url});
    assert_eq!(
        recrop(&t, &member, &chosen_on(&first)).await.refusal(),
        (
            409,
            "The picture was changed meanwhile. Look at it and try again.".to_owned()
        )
    );
    assert_eq!(t.profile(&member).await["profileImage"], second.as_str());
    let third = url(&recrop(&t, &member, &chosen_on(&second)).await);
    // Another part of it is shown now; what was chosen before that is not what somebody sees.
    assert_eq!(recrop(&t, &member, &chosen_on(&second)).await.status.as_u16(), 409);
    assert_eq!(t.profile(&member).await["profileImage"], third.as_str());
    let odd = json!({"x": 0, "y": 0, "width": 30, "height": 30, "profileImage": 7});
    assert_eq!(recrop(&t, &member, &odd).await.status.as_u16(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crop_and_a_new_picture_at_once_leave_one_of_the_two() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    for round in 0..8 {
        t.upload_ok(&member, &png(40, 40, RED)).await;
        let crop = json!({"x": round, "y": 0, "width": 20, "height": 20});
        let picture = png(30, 30, RED);
        let (cropped, uploaded) = tokio::join!(recrop(&t, &member, &crop), t.upload(&member, &picture));
        let uploaded = url(&uploaded);
        assert!(
            matches!(cropped.status, StatusCode::OK | StatusCode::CONFLICT),
            "{cropped:?}"
        );
        assert_eq!(
            t.profile(&member).await["profileImage"],
            uploaded.as_str(),
            "it is the newer picture"
        );
    }
    let counted: Audit = t.settle().await;
    assert_eq!(counted.assets, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_account_cannot_show_it_what_is_shown_stays() {
    let (t, proxy) = TestApp::behind_faults(|config| {
        config.cloudinary.breaker_failures = 1000;
    })
    .await;
    let member = t.member("Asha").await;
    let stored = t.upload_ok(&member, &quarters(40, 40)).await;
    let crop = json!({"x": 0, "y": 0, "width": 20, "height": 20});
    for aim in ["/image/explicit HTTP/1.1", "/resources/image/upload/", "HEAD http"] {
        proxy.inject(Fault::Status(503), aim, usize::MAX);
        assert_eq!(recrop(&t, &member, &crop).await.status.as_u16(), 503, "{aim}");
        assert!(proxy.met() > 0, "{aim}");
        assert_eq!(t.profile(&member).await["profileImage"], stored.as_str());
        proxy.relent().await;
    }
    let cropped = url(&recrop(&t, &member, &crop).await);
    shows(&t, &cropped, MARKS[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_told_of_their_own_picture() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let file = png(900, 600, RED);
    let stored = t.upload_ok(&member, &file).await;
    let told = own(&t, &member).await;
    assert_eq!(told["profileImage"], stored.as_str());
    assert_eq!(told["maxBytes"], 5_242_880);
    assert!(told.get("crop").is_none());
    let sizes: Vec<u64> = told["sizes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["size"].as_u64().unwrap())
        .collect();
    assert_eq!(sizes, [48, 96, 200, 400]);
    assert!(told["preview"].as_str().unwrap().contains("/c_limit,h_1600,w_1600/"));
    let original = &told["original"];
    if has_account() {
        assert!(
            original.get("width").is_none(),
            "the account is not asked for every look"
        );
    } else {
        assert_eq!((&original["width"], &original["height"]), (&json!(900), &json!(600)));
        assert_eq!(original["format"], "png");
        assert_eq!(told["faces"], json!([]));
    }
    let nobody = t.call(Method::GET, "/api/users/profile-image", "", &Value::Null).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn faces_are_looked_for_in_a_file_that_is_not_kept() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let look = async |token: &str, file: &[u8]| {
        let body = form(&[("profileImage", Some("a.png"), "image/png", file)]);
        let mut request = crate::test_app::upload_request(token, body);
        *request.uri_mut() = "/api/users/profile-image/faces".parse().unwrap();
        t.send(request).await
    };
    let answer = look(&member.token, &png(90, 60, RED)).await;
    assert_eq!(answer.json(), json!({ "width": 90, "height": 60, "faces": [] }));
    assert_eq!(look(&member.token, b"<html>").await.status.as_u16(), 415);
    assert_eq!(look("", &png(9, 9, RED)).await.status, StatusCode::UNAUTHORIZED);
    assert!(t.profile(&member).await.get("profileImage").is_none());
    assert_eq!(t.settle().await.assets, 0);
}

/// The photo lies beside the repository, not in it; without it the test says so and passes.
#[tokio::test(flavor = "multi_thread")]
async fn the_face_in_a_photo_is_found_before_it_is_uploaded() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/photos/astronaut-face.png");
    let Ok(photo) = std::fs::read(&path) else {
        eprintln!("{} is not there: no face was looked for", path.display());
        return;
    };
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let body = form(&[("profileImage", Some("a.png"), "image/png", &photo)]);
    let mut request = crate::test_app::upload_request(&member.token, body);
    *request.uri_mut() = "/api/users/profile-image/faces".parse().unwrap();
    let found = t.send(request).await.json();
    t.upload_ok(&member, &photo).await;
    let told = own(&t, &member).await;
    assert_eq!(found["faces"].as_array().map(Vec::len), Some(1), "{found}");
    if !has_account() {
        assert_eq!(told["faces"], found["faces"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_was_saved_under_an_earlier_address_is_still_ones_own() {
    let mut t = TestApp::new();
    if has_account() {
        return;
    }
    t.check_on_drop = false;
    let member = t.member("Asha").await;
    t.upload_ok(&member, &quarters(200, 200)).await;
    let moved = |before: &[&str]| {
        let before = before.iter().map(|url| (*url).to_owned()).collect();
        t.restarted_with(|config| {
            config.public_url = "http://own.example".to_owned();
            config.public_url_before = before;
        })
    };
    let crop = json!({"x": 0, "y": 100, "width": 100, "height": 100});
    let forgetful = moved(&[]);
    assert_eq!(visage::audit::audit(&forgetful.app).await.unwrap().unserved_urls, 1);
    assert_eq!(recrop(&forgetful, &member, &crop).await.status, StatusCode::CONFLICT);
    let mindful = moved(&["http://images.exam", "http://images.example"]);
    assert_eq!(visage::audit::audit(&mindful.app).await.unwrap().unserved_urls, 0);
    let url = url(&recrop(&mindful, &member, &crop).await);
    assert!(
        url.starts_with("http://own.example/visage/image/upload/c_crop,"),
        "{url}"
    );
}
