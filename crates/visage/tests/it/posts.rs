//! Posts: contract section 5.3. How long they live is in [`crate::post_lifetimes`].

use std::sync::Arc;

use axum::body::Body;
use futures_util::future::join_all;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use visage_cloudinary::Secret;

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

    async fn list(&self, member: &Member, rest: &str) -> Value {
        let path = format!("/api/posts{rest}");
        let answer = self.call(Method::GET, &path, &member.token, &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()
    }

    async fn comment(&self, member: &Member, post: &Value, text: &str) -> Value {
        let path = format!("/api/posts/{}/comment", id(post));
        let answer = self
            .call(Method::POST, &path, &member.token, &json!({ "text": text }))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    async fn delete(&self, member: &Member, path: &str) -> (u16, String) {
        self.call(Method::DELETE, path, &member.token, &Value::Null)
            .await
            .refusal()
    }
}

pub(crate) fn id(document: &Value) -> &str {
    document["_id"].as_str().unwrap()
}

fn contents(list: &Value) -> Vec<&str> {
    let posts = list["posts"].as_array().unwrap();
    posts.iter().map(|post| post["content"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_posted_and_listed_in_the_contracts_shape() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let empty = json!({ "posts": [], "totalPages": 0, "currentPage": 1 });
    assert_eq!(t.feed(&member).await, empty);
    let post = t.say(&member, "hello").await;
    assert_eq!(id(&post).len(), 24);
    let expected = json!({
        "_id": id(&post), "user": { "_id": member.id, "name": "Asha" }, "content": "hello", "likes": [], "featured": false,
        "comments": [], "createdAt": "2024-06-25T09:25:44.000Z", "expiresAt": "2024-06-26T21:25:44.000Z", "__v": 0,
    });
    assert_eq!(post, expected);
    let listed = json!({ "posts": [post], "totalPages": 1, "currentPage": 1 });
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

type Part<'a> = (&'a str, Option<&'a str>, &'a str, &'a [u8]);

fn media(bytes: &[u8]) -> Part<'_> {
    ("media", Some("a.png"), "image/png", bytes)
}

fn text(text: &str) -> Part<'_> {
    ("content", None, "text/plain", text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_post_is_refused_as_json_and_leaves_nothing() {
    let t = TestApp::with_config(|config| config.posts.content_characters = 5);
    let member = t.member("Asha").await;
    let picture = png(10, 10, RED);
    let nothing = "Post must have content or media";
    let one = "Only one file can be posted at a time.";
    let cases: &[(&str, Vec<Part<'_>>, u16, &str)] = &[
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
            vec![("file", Some("a.png"), "image/png", &picture)],
            400,
            "Unexpected field.",
        ),
        ("two files", vec![media(&picture), media(&picture)], 400, one),
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
    ];
    for (what, parts, status, message) in cases {
        let answer = t.post_form(&member.token, form(parts)).await;
        assert_eq!(answer.status.as_u16(), *status, "{what}: {answer:?}");
        assert!(answer.message().starts_with(message), "{what}: {answer:?}");
    }
    let post = async |body: Value| t.call(Method::POST, "/api/posts", &member.token, &body).await.refusal();
    assert_eq!(post(json!({})).await, (400, nothing.to_owned()));
    assert_eq!(post(json!({ "content": null })).await, (400, nothing.to_owned()));
    assert_eq!(post(json!({ "content": ["a"] })).await.0, 400);
    assert_eq!(post(json!([])).await.0, 400);
    assert_eq!(post(json!({ "content": "a".repeat(102_400) })).await.0, 413);
    assert_eq!(contents(&t.feed(&member).await), [""; 0]);
    // At the limit; characters are counted, not bytes.
    t.post_form(&member.token, form(&[text("h\u{e9}ll\u{f6}")])).await;
    t.say(&member, "\u{1F3CB}\u{1F3CB}\u{1F3CB}\u{1F3CB}\u{1F3CB}").await;
    assert_eq!(t.feed(&member).await["posts"].as_array().unwrap().len(), 2);
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
async fn pages_are_what_they_are_in_the_node_backend_and_bounded() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    for n in 0..3 {
        t.say(&member, &n.to_string()).await;
        t.advance(std::time::Duration::from_secs(1));
    }
    for (query, expected, total_pages, current_page) in [
        ("", &["2", "1", "0"][..], 1, 1),
        ("?page=1&limit=2", &["2", "1"], 2, 1),
        ("?page=2&limit=2", &["0"], 2, 2),
        ("?page=99", &[], 1, 99),
        ("?limit=0&page=0", &["2", "1", "0"], 1, 1),
        ("?limit=abc&page=", &["2", "1", "0"], 1, 1),
        ("?limit=2.9&page=1x", &["2", "1"], 2, 1),
        ("?limit=-2", &["2", "1"], -1, 1),
        ("?page=-1&limit=2", &["2", "1"], 2, -1),
        ("?limit=1e9", &["2"], 3, 1),
        ("?limit=1000000000", &["2", "1", "0"], 1, 1),
        ("?page=9007199254740993&limit=100", &[], 1, 9_007_199_254_740_992_i64),
        ("?page=%FF", &["2", "1", "0"], 1, 1),
    ] {
        let list = t.list(&member, query).await;
        assert_eq!(contents(&list), expected, "{query}");
        assert_eq!(list["totalPages"], total_pages, "{query}");
        assert_eq!(list["currentPage"], current_page, "{query}");
    }
    for n in 0..98 {
        t.say(&member, &format!("more {n}")).await;
    }
    let list = t.list(&member, "?limit=101").await;
    assert_eq!((contents(&list).len(), &list["totalPages"]), (100, &json!(2)));
    assert_eq!(contents(&t.list(&member, "?limit=101&page=2").await), ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_posts_of_one_member_are_listed_in_the_same_shape() {
    let t = TestApp::new();
    let (asha, bo) = (t.member("Asha").await, t.member("Bo").await);
    let post = t.say(&asha, "mine").await;
    t.say(&bo, "other").await;
    let expected = json!({ "posts": [post], "totalPages": 1, "currentPage": 1 });
    assert_eq!(t.list(&asha, "/user").await, expected);
    assert_eq!(t.list(&bo, &format!("/user/{}", asha.id)).await, expected);
    let nobody = t.list(&bo, "/user/0123456789abcdef01234567?limit=1").await;
    assert_eq!(nobody, json!({ "posts": [], "totalPages": 0, "currentPage": 1 }));
    let odd = t.call(Method::GET, "/api/posts/user/me", &bo.token, &Value::Null).await;
    assert_eq!(odd.refusal(), (404, "User not found".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_like_is_given_once_and_taken_back() {
    let t = TestApp::new();
    let (asha, bo) = (t.member("Asha").await, t.member("Bo").await);
    let post = t.say(&asha, "hello").await;
    let path = format!("/api/posts/{}/like", id(&post));
    let like = async |member: &Member| t.call(Method::POST, &path, &member.token, &Value::Null).await.json();
    assert_eq!(like(&bo).await, json!({ "likes": [bo.id], "liked": true }));
    assert_eq!(like(&asha).await, json!({ "likes": [bo.id, asha.id], "liked": true }));
    assert_eq!(like(&bo).await, json!({ "likes": [asha.id], "liked": false }));
    join_all((0..7).map(|_| like(&bo))).await;
    let listed = &t.feed(&asha).await["posts"][0];
    assert_eq!(
        (&listed["likes"], &listed["__v"]),
        (&json!([asha.id, bo.id]), &json!(10))
    );
    for path in ["/api/posts/0123456789abcdef01234567/like", "/api/posts/odd/like"] {
        let answer = t.call(Method::POST, path, &bo.token, &Value::Null).await;
        assert_eq!(answer.refusal(), (404, "Post not found".to_owned()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_is_trimmed_listed_with_its_author_and_deleted_by_those_who_may() {
    let t = TestApp::with_config(|config| config.posts.comment_characters = 8);
    let [asha, bo, cy] = [t.member("Asha").await, t.member("Bo").await, t.member("Cy").await];
    let post = t.say(&asha, "hello").await;
    let path = format!("/api/posts/{}/comment", id(&post));
    let comment = t.comment(&bo, &post, "  hey you \n").await;
    let expected = json!({
        "_id": id(&comment), "user": { "_id": bo.id, "name": "Bo" }, "text": "hey you", "createdAt": "2024-06-25T09:25:44.000Z",
    });
    assert_eq!(comment, expected);
    for (body, status, message) in [
        (json!({ "text": "" }), 400, "Comment text is required"),
        (json!({ "text": " \t" }), 400, "Comment text is required"),
        (json!({}), 400, "Comment text is required"),
        (
            json!({ "text": "hey you !" }),
            400,
            "The text is too long. At most 8 characters are accepted.",
        ),
    ] {
        let answer = t.call(Method::POST, &path, &bo.token, &body).await;
        assert_eq!(answer.refusal(), (status, message.to_owned()));
    }
    assert!(
        t.call(Method::POST, &path, &bo.token, &Value::Null)
            .await
            .status
            .is_client_error()
    );
    let second = t.comment(&bo, &post, "hey you!").await;
    let own = t.comment(&asha, &post, "hi").await;
    let listed = t.feed(&cy).await;
    assert_eq!(listed["posts"][0]["comments"], json!([comment, second, own]));
    assert_eq!(listed["posts"][0]["__v"], 3);
    let of = |comment: &Value| format!("{path}/{}", id(comment));
    let not_yours = (403, "Not authorized to delete this comment".to_owned());
    let done = (200, "Comment deleted successfully".to_owned());
    assert_eq!(t.delete(&cy, &of(&comment)).await, not_yours);
    assert_eq!(t.delete(&bo, &of(&own)).await, not_yours);
    assert_eq!(t.delete(&bo, &of(&comment)).await, done);
    assert_eq!(t.delete(&asha, &of(&second)).await, done, "it is on her post");
    assert_eq!(
        t.delete(&bo, &of(&comment)).await,
        (404, "Comment not found".to_owned())
    );
    assert_eq!(
        t.delete(&bo, &format!("{path}/odd")).await,
        (404, "Comment not found".to_owned())
    );
    let elsewhere = format!("/api/posts/0123456789abcdef01234567/comment/{}", id(&own));
    assert_eq!(t.delete(&asha, &elsewhere).await, (404, "Post not found".to_owned()));
    let listed = t.feed(&cy).await;
    assert_eq!(listed["posts"][0]["comments"], json!([own]));
    assert_eq!(listed["posts"][0]["__v"], 5);
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
async fn nobody_posts_without_a_token_and_the_administrator_is_no_member() {
    let t = TestApp::with_config(|config| {
        config.auth.admin_email = "boss@example.com".to_owned();
        config.auth.admin_password = Secret::new("a long password");
    });
    let member = t.member("Asha").await;
    let post = t.say(&member, "hello").await;
    let credentials = json!({ "email": "boss@example.com", "password": "a long password" });
    let token = t.post("/api/auth/login", credentials).await.json()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let comment = t.comment(&member, &post, "hey").await;
    let one = format!("/api/posts/{}", id(&post));
    let no_user = (404, "User not found");
    for (method, path, body, expected) in [
        (
            Method::POST,
            "/api/posts".to_owned(),
            json!({ "content": "a" }),
            no_user,
        ),
        (Method::GET, "/api/posts/user".to_owned(), Value::Null, no_user),
        (Method::POST, format!("{one}/like"), Value::Null, no_user),
        (Method::POST, format!("{one}/comment"), json!({ "text": "a" }), no_user),
        (
            Method::DELETE,
            one.clone(),
            Value::Null,
            (403, "Not authorized to delete this post"),
        ),
        (
            Method::DELETE,
            format!("{one}/comment/{}", id(&comment)),
            Value::Null,
            (403, "Not authorized to delete this comment"),
        ),
        (
            Method::DELETE,
            "/api/posts/odd".to_owned(),
            Value::Null,
            (404, "Post not found"),
        ),
    ] {
        let answer = t.call(method.clone(), &path, &token, &body).await;
        assert_eq!(answer.refusal(), (expected.0, expected.1.to_owned()), "{method} {path}");
        let answer = t.call(method.clone(), &path, "", &body).await;
        assert_eq!(
            answer.refusal(),
            (401, "No token, authorization denied".to_owned()),
            "{method} {path}"
        );
    }
    for path in ["/api/posts".to_owned(), format!("/api/posts/user/{}", member.id)] {
        let list = t.call(Method::GET, &path, &token, &Value::Null).await;
        assert_eq!(contents(&list.json()), ["hello"], "the administrator may read");
        let list = t.call(Method::GET, &path, "", &Value::Null).await;
        assert_eq!(list.status, StatusCode::UNAUTHORIZED);
    }
    let form = form(&[("content", None, "text/plain", b"a")]);
    assert_eq!(t.post_form(&token, form).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_member_changes_nothing() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let post = t.say(&member, "hello").await;
    let database = rusqlite::Connection::open(t.folder.path().join("visage.db")).unwrap();
    database.execute("UPDATE users SET suspended = TRUE", []).unwrap();
    drop(database);
    let one = format!("/api/posts/{}", id(&post));
    let shut_out = (403, "Your account is suspended".to_owned());
    for (method, path, body) in [
        (Method::POST, "/api/posts".to_owned(), json!({ "content": "a" })),
        (Method::POST, format!("{one}/like"), Value::Null),
        (Method::POST, format!("{one}/comment"), json!({ "text": "a" })),
        (Method::DELETE, one.clone(), Value::Null),
        (Method::DELETE, format!("{one}/comment/{}", id(&post)), Value::Null),
    ] {
        let answer = t.call(method, &path, &member.token, &body).await;
        assert_eq!(answer.refusal(), shut_out, "{path}");
    }
    let media = form(&[("media", Some("a.png"), "image/png", &png(10, 10, RED))]);
    assert_eq!(t.post_form(&member.token, media).await.refusal(), shut_out);
    assert_eq!(t.feed(&member).await["posts"], json!([post]));
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_and_comments_of_a_member_who_is_gone_stay_without_an_author() {
    let t = TestApp::new();
    let (asha, bo) = (t.member("Asha").await, t.member("Bo").await);
    let post = t.show(&asha, "hello", &png(10, 10, RED)).await;
    t.comment(&asha, &post, "first").await;
    let now = t.app.clock.now();
    assert!(
        t.app
            .directory
            .delete_user(&asha.id.parse().unwrap(), now, now)
            .await
            .unwrap()
    );
    let listed = t.feed(&bo).await["posts"][0].clone();
    assert_eq!(
        (&listed["user"], &listed["comments"][0]["user"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(listed["content"], "hello");
    assert_eq!(t.get(listed["media"].as_str().unwrap()).await.status, StatusCode::OK);
    let body = json!({ "content": "from beyond" });
    let late = t.call(Method::POST, "/api/posts", &asha.token, &body).await;
    assert_eq!(late.refusal(), (404, "User not found".to_owned()));
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
        assert!(visage::library::is_in_use(&t.app, &key).await.unwrap());
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
