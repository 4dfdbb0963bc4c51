//! The feed, likes and comments, and who may do what: contract section 5.3.

use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use visage_cloudinary::Secret;

use crate::pictures::png;
use crate::posts::{contents, id};
use crate::test_app::{Member, TestApp, form};

const RED: [u8; 3] = [200, 0, 0];

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
    let (member, other) = (t.member("Asha").await, t.member("Bo").await);
    let post = t.say(&member, "hello").await;
    let database = rusqlite::Connection::open(t.folder.path().join("visage.db")).unwrap();
    database
        .execute("UPDATE users SET suspended = TRUE WHERE name = 'Asha'", [])
        .unwrap();
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
    let list = t.call(Method::GET, "/api/posts", &member.token, &Value::Null).await;
    assert_eq!(list.refusal(), shut_out);
    assert_eq!(t.feed(&other).await["posts"], json!([post]));
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
