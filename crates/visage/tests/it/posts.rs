//! Posts come and go: contract section 5.3. How long they live is in [`crate::post_lifetimes`], what is said of them in [`crate::feed`].

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::pictures::{decode, mp4, png, png_with_text};
use crate::test_app::{Answer, BOUNDARY, Member, TestApp, form};

const RED: [u8; 3] = [200, 0, 0];

/// What posts are tried with.
impl TestApp {
    /// Posts a form.
    pub(crate) async fn post_form(&self, token: &str, body: Vec<u8>) -> Answer {
        let request = Request::post("/api/posts")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    /// Posts a text with a picture or video.
    pub(crate) async fn show(&self, member: &Member, content: &str, file: &[u8]) -> Value {
        let parts = [
            ("content", None, "text/plain", content.as_bytes()),
            ("media", Some("a.bin"), "application/octet-stream", file),
        ];
        let answer = self.post_form(&member.token, form(&parts)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    /// Posts a text.
    pub(crate) async fn say(&self, member: &Member, content: &str) -> Value {
        let body = json!({ "content": content });
        let answer = self.call(Method::POST, "/api/posts", &member.token, &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    /// The feed.
    pub(crate) async fn feed(&self, member: &Member) -> Value {
        self.list(member, "").await
    }

    pub(crate) async fn list(&self, member: &Member, rest: &str) -> Value {
        let path = format!("/api/posts{rest}");
        let answer = self.call(Method::GET, &path, &member.token, &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn comment(&self, member: &Member, post: &Value, text: &str) -> Value {
        let path = format!("/api/posts/{}/comment", id(post));
        let answer = self
            .call(Method::POST, &path, &member.token, &json!({ "text": text }))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn delete(&self, member: &Member, path: &str) -> (u16, String) {
        self.call(Method::DELETE, path, &member.token, &Value::Null)
            .await
            .refusal()
    }
}

pub(crate) fn id(document: &Value) -> &str {
    document["_id"].as_str().unwrap()
}

pub(crate) fn contents(list: &Value) -> Vec<&str> {
    let posts = list["posts"].as_array().unwrap();
    posts.iter().map(|post| post["content"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_posted_and_listed_in_the_contracts_shape() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let empty = json!({ "posts": [], "totalPages": 0, "currentPage": 1, "maxMediaBytes": 10_485_760 });
    assert_eq!(t.feed(&member).await, empty);
    let post = t.say(&member, "hello").await;
    assert_eq!(id(&post).len(), 24);
    let expected = json!({
        "_id": id(&post), "user": { "_id": member.id, "name": "Asha" }, "content": "hello", "likes": [], "featured": false,
        "comments": [], "createdAt": "2024-06-25T09:25:44.000Z", "expiresAt": "2024-06-26T21:25:44.000Z", "__v": 0,
    });
    assert_eq!(post, expected);
    let listed = json!({ "posts": [post], "totalPages": 1, "currentPage": 1, "maxMediaBytes": 10_485_760 });
    assert_eq!(t.feed(&member).await, listed);
    let by_form = t
        .post_form(&member.token, form(&[("content", None, "text/plain", b"by form")]))
        .await;
    assert_eq!(by_form.status, StatusCode::CREATED);
    assert_eq!(contents(&t.feed(&member).await), ["by form", "hello"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_posted_cleaned_and_delivered_ready_to_show() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let face = t.upload_ok(&member, &png(10, 10, RED)).await;
    let file = png_with_text(1200, 600, RED, "GPS 52.5163");
    let post = t.show(&member, "", &file).await;
    assert_eq!(
        (post["content"].as_str(), post["mediaType"].as_str()),
        (Some(""), Some("image"))
    );
    assert_eq!(
        post["user"],
        json!({ "_id": member.id, "name": "Asha", "profileImage": face })
    );
    let url = post["media"].as_str().unwrap();
    let start = "http://images.example/visage/image/upload/c_limit,w_1080/f_auto,q_auto/v1719307544/";
    let public_id = url.strip_prefix(start).unwrap();
    assert_eq!(post["cloudinaryId"], public_id);
    assert_eq!(public_id.strip_prefix("posts/").unwrap().len(), 20);
    let shown = t.get(url).await;
    let (width, height, _) = decode(&shown.body);
    assert_eq!((width, height), (1080, 540));
    let original = t.get(&format!("/visage/image/upload/{public_id}")).await;
    assert!(!original.body.windows(3).any(|part| part == b"GPS"));
    assert_eq!(t.feed(&member).await["posts"], json!([post]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_posted_cleaned_and_delivered_in_parts() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let post = t.show(&member, "look", &mp4("+52.5163+013.3777/")).await;
    assert_eq!(post["mediaType"], "video");
    let url = post["media"].as_str().unwrap();
    let public_id = post["cloudinaryId"].as_str().unwrap();
    assert_eq!(
        url,
        format!("http://images.example/visage/video/upload/v1719307544/{public_id}.mp4")
    );
    let whole = t.get(url).await;
    assert_eq!(
        (whole.status, whole.header("content-type")),
        (StatusCode::OK, "video/mp4")
    );
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("content-length"), whole.body.len().to_string());
    assert_eq!(whole.body.len(), mp4("+52.5163+013.3777/").len());
    assert!(!whole.body.windows(8).any(|part| part == b"+52.5163"));
    for (range, part) in [("bytes=0-1", 0..2), ("bytes=100-", 100..whole.body.len())] {
        let answer = t.get_with(url, &[("range", range)]).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
        let (first, last) = (part.start, part.end - 1);
        assert_eq!(
            answer.header("content-range"),
            format!("bytes {first}-{last}/{}", whole.body.len())
        );
        assert_eq!(answer.header("content-length"), part.len().to_string());
        assert_eq!(answer.body, whole.body[part]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_takes_too_long_to_clean_is_refused() {
    let t = TestApp::with_config(|config| config.render.timeout = "1ns".parse().unwrap());
    let member = t.member("Asha").await;
    let many_boxes = [&mp4("")[..], &b"\0\0\0\x08free".repeat(5000)].concat();
    let answer = t.post_form(&member.token, form(&[media(&many_boxes)])).await;
    assert_eq!(answer.refusal().0, 413);
    assert_eq!(contents(&t.feed(&member).await), [""; 0]);
}

type Part<'a> = (&'a str, Option<&'a str>, &'a str, &'a [u8]);

fn media(bytes: &[u8]) -> Part<'_> {
    ("media", Some("a.png"), "image/png", bytes)
}

fn text(text: &str) -> Part<'_> {
    ("content", None, "text/plain", text.as_bytes())
}

/// What is refused: a name, the form, the status, and how the message begins.
fn refusals<'a>(picture: &'a [u8], data: &'a [u8]) -> Vec<(&'static str, Vec<Part<'a>>, u16, &'static str)> {
    let nothing = "Post must have content or media";
    let one = "Only one file can be posted at a time.";
    vec![
        ("nothing", vec![], 400, nothing),
        ("an empty text", vec![text("")], 400, nothing),
        (
            "no file chosen",
            vec![text(""), ("media", Some(""), "application/octet-stream", b"")],
            400,
            nothing,
        ),
        (
            "an empty file",
            vec![text("hello"), media(b"")],
            415,
            "The file is empty.",
        ),
        (
            "another field",
            vec![("file", Some("a.png"), "image/png", picture)],
            400,
            "Unexpected field.",
        ),
        ("two files", vec![media(picture), media(picture)], 400, one),
        (
            "HTML",
            vec![media(b"<html><script>alert(1)</script></html>")],
            415,
            "The file is an unknown format",
        ),
        (
            "SVG",
            vec![media(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>")],
            415,
            "The file is SVG",
        ),
        (
            "a sound",
            vec![media(b"ID3\x03\0\0\0\0\0\0")],
            415,
            "The file is no video",
        ),
        (
            "no pictures",
            vec![media(b"\0\0\0\x10ftypisom\0\0\0\0")],
            415,
            "The file is no video",
        ),
        (
            "data that cannot be found",
            vec![media(data)],
            415,
            "The video has data beside picture and sound",
        ),
    ]
}

/// The same for texts, of which 5 characters are taken.
fn refused_texts() -> Vec<(&'static str, Vec<Part<'static>>, u16, &'static str)> {
    vec![
        (
            "a long text",
            vec![text("hello!")],
            400,
            "The text is too long. At most 5",
        ),
        (
            "a very long text",
            vec![text("hello hello hello hello")],
            400,
            "The text is too long. At most 5",
        ),
        (
            "no UTF-8",
            vec![("content", None, "text/plain", b"\xFF")],
            400,
            "The text is not UTF-8.",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_post_is_refused_as_json_and_leaves_nothing() {
    let t = TestApp::with_config(|config| config.posts.content_characters = 5);
    let member = t.member("Asha").await;
    let picture = png(10, 10, RED);
    // A second index, with a track that has no tables.
    let data = [&mp4("")[..], b"\0\0\0\x10moov\0\0\0\x08trak"].concat();
    for (what, parts, status, message) in refusals(&picture, &data).into_iter().chain(refused_texts()) {
        let answer = t.post_form(&member.token, form(&parts)).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {answer:?}");
        assert!(answer.message().starts_with(message), "{what}: {answer:?}");
    }
    assert_eq!(contents(&t.feed(&member).await), [""; 0]);
    // At the limit; characters are counted, not bytes.
    t.post_form(&member.token, form(&[text("h\u{e9}ll\u{f6}")])).await;
    t.say(&member, "\u{1F3CB}\u{1F3CB}\u{1F3CB}\u{1F3CB}\u{1F3CB}").await;
    assert_eq!(t.feed(&member).await["posts"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_no_post_is_refused() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let nothing = "Post must have content or media";
    let post = async |body: Value| t.call(Method::POST, "/api/posts", &member.token, &body).await.refusal();
    assert_eq!(post(json!({})).await, (400, nothing.to_owned()));
    assert_eq!(post(json!({ "content": null })).await, (400, nothing.to_owned()));
    assert_eq!(post(json!({ "content": ["a"] })).await.0, 400);
    assert_eq!(post(json!([])).await.0, 400);
    assert_eq!(post(json!({ "content": "a".repeat(102_400) })).await.0, 413);
    assert_eq!(contents(&t.feed(&member).await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    let file = png(20, 20, RED);
    let video = mp4("");
    for (file, more, status) in [
        (&file, 0, 201),
        (&file, 1, 201),
        (&file, -1, 413),
        (&video, 0, 201),
        (&video, -1, 413),
    ] {
        let max_bytes = u64::try_from(i64::try_from(file.len()).unwrap() + more).unwrap();
        let t = TestApp::with_config(|config| config.limits.post_media_bytes = max_bytes);
        let member = t.member("Asha").await;
        let answer = t
            .post_form(&member.token, form(&[("media", Some("a"), "image/png", file)]))
            .await;
        assert_eq!(answer.status.as_u16(), status, "{max_bytes}: {answer:?}");
        if status == 413 {
            assert_eq!(
                answer.message(),
                format!("The file is too large. At most {max_bytes} bytes are accepted.")
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_deleted_by_its_author_alone_and_its_picture_with_it() {
    let t = TestApp::new();
    let (asha, bo) = (t.member("Asha").await, t.member("Bo").await);
    let post = t.show(&asha, "hello", &png(10, 10, RED)).await;
    t.comment(&bo, &post, "hey").await;
    let path = format!("/api/posts/{}", id(&post));
    let not_yours = (403, "Not authorized to delete this post".to_owned());
    let gone = (404, "Post not found".to_owned());
    assert_eq!(t.delete(&bo, &path).await, not_yours);
    assert_eq!(
        t.delete(&asha, &path).await,
        (200, "Post deleted successfully".to_owned())
    );
    assert_eq!(t.delete(&asha, &path).await, gone);
    assert_eq!(t.delete(&asha, "/api/posts/odd").await, gone);
    assert_eq!(contents(&t.feed(&bo).await), [""; 0]);
    assert_eq!(t.reap().await.destroyed_pictures, 1);
    assert_eq!(
        t.get(post["media"].as_str().unwrap()).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudinarys_api_does_not_delete_what_a_post_shows() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    for file in [png(10, 10, RED), mp4("")] {
        let post = t.show(&member, "hello", &file).await;
        let key = visage_store::AssetKey {
            resource_type: post["mediaType"].as_str().unwrap().parse().unwrap(),
            delivery_type: visage_cloudinary::DeliveryType::Upload,
            public_id: post["cloudinaryId"].as_str().unwrap().parse().unwrap(),
        };
        assert!(visage::library::in_use::is_in_use(&t.app, &key).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_client_goes_away_is_published_or_leaves_nothing() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let app = Arc::clone(&t.app);
    let file = png(300, 300, RED);
    let form = form(&[("media", Some("a.png"), "image/png", &file)]);
    // Polled until the exchange has begun, and then given up.
    let mut post = Box::pin(t.post_form(&member.token, form));
    loop {
        let turn = tokio::time::timeout(std::time::Duration::ZERO, &mut post).await;
        if turn.is_ok() || app.directory.media_counts().await.unwrap().pending > 0 {
            break;
        }
    }
    drop(post);
    t.idle().await;
    assert_eq!(t.feed(&member).await["posts"][0]["mediaType"], "image");
}
