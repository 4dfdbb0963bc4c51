//! `/api/posts`: what members show each other.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use visage_store::{CommentId, PostId, UserId};

use super::auth::message;
use super::views;
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::extract::{Authenticated, Caller, JsonBody, text};
use crate::http::post_form::PostForm;
use crate::posts::{self, Paging, PostError};
use crate::rate_limit::TooManyAttempts;
use crate::sessions::Session;

const DEFAULT_LIMIT: i64 = 10;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct PageQuery {
    page: Option<String>,
    limit: Option<String>,
}

type PageResult = Result<Query<PageQuery>, QueryRejection>;

/// `GET /api/posts`: everybody's posts, newest first.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: Authenticated,
    query: PageResult,
) -> Result<Json<Value>, ApiError> {
    let mut listed = page(&app, None, query).await?;
    // Beyond the contract: a page need not send what would be refused.
    listed["maxMediaBytes"] = app.config.limits.post_media_bytes.into();
    Ok(listed)
}

/// `GET /api/posts/user`: the caller's posts.
pub(crate) async fn own(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: PageResult,
) -> Result<Json<Value>, ApiError> {
    page(&app, Some(caller.user_id), query).await
}

/// `GET /api/posts/user/{userId}`: the posts of one user.
pub(crate) async fn of_user(
    State(app): State<Arc<App>>,
    _: Authenticated,
    id: Result<Path<String>, PathRejection>,
    query: PageResult,
) -> Result<Json<Value>, ApiError> {
    let id = id.ok().and_then(|Path(id)| UserId::parse(&id).ok());
    page(&app, Some(id.ok_or(PostError::UserNotFound)?), query).await
}

async fn page(app: &App, author: Option<UserId>, query: PageResult) -> Result<Json<Value>, ApiError> {
    // Only a query that is no text at all is refused by its extractor.
    let query = query.map_or_else(|_unreadable| PageQuery::default(), |Query(query)| query);
    let paging = Paging {
        page: number(query.page.as_deref(), 1),
        limit: number(query.limit.as_deref(), DEFAULT_LIMIT),
    };
    let listed = posts::list(app, author, paging).await?;
    Ok(Json(views::posts(&listed)))
}

/// `POST /api/posts`: publishes a post with a text, a picture or video, or both.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    form: PostForm,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    app.attempts.check_change(&caller.user_id)?;
    let draft = form.receive(&app).await?;
    // A task of its own: an exchange that has begun is finished even if the client goes away.
    let publication = app.tasks.spawn({
        let app = Arc::clone(&app);
        async move { posts::publish(&app, &caller.user_id, draft).await }
    });
    let post = publication.await.map_err(ApiError::internal)??;
    Ok((StatusCode::CREATED, Json(views::post(&post))))
}

/// `POST /api/posts/{id}/like`: adds the caller's like, or takes it back.
pub(crate) async fn like(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    app.attempts.check_change(&caller.user_id)?;
    let likes = posts::toggle_like(&app, &post_id(id)?, &caller.user_id).await?;
    Ok(Json(json!({ "likes": views::ids(&likes.users), "liked": likes.liked })))
}

#[derive(Debug, Deserialize)]
pub(crate) struct CommentText {
    #[serde(default, deserialize_with = "text")]
    text: String,
}

/// `POST /api/posts/{id}/comment`: adds a comment.
pub(crate) async fn comment(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    body: Result<JsonBody<CommentText>, ApiError>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    app.attempts.check_change(&caller.user_id)?;
    let id = post_id(id)?;
    let JsonBody(body) = body?;
    let comment = posts::add_comment(&app, id, caller.user_id, &body.text).await?;
    Ok((StatusCode::CREATED, Json(views::comment(&comment))))
}

/// `DELETE /api/posts/{id}`: deletes a post of the caller's.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Authenticated(session): Authenticated,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let by = counted(&app, session)?;
    posts::delete(&app, &post_id(id)?, by).await?;
    Ok(message("Post deleted successfully"))
}

/// `DELETE /api/posts/{postId}/comment/{commentId}`: deletes a comment of the caller's, or on a post of the caller's.
pub(crate) async fn delete_comment(
    State(app): State<Arc<App>>,
    Authenticated(session): Authenticated,
    ids: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let by = counted(&app, session)?;
    let Path((post, comment)) = ids.map_err(|_not_utf8| PostError::PostNotFound)?;
    let post = PostId::parse(&post).map_err(|_none_has_it| PostError::PostNotFound)?;
    let comment = CommentId::parse(&comment).map_err(|_none_has_it| PostError::CommentNotFound)?;
    posts::delete_comment(&app, post, comment, by).await?;
    Ok(message("Comment deleted successfully"))
}

/// The user, whose change counts; `None` for the administrator, who has no posts.
fn counted(app: &App, session: Session) -> Result<Option<UserId>, TooManyAttempts> {
    if let Some(user_id) = &session.user_id {
        app.attempts.check_change(user_id)?;
    }
    Ok(session.user_id)
}

fn post_id(id: Result<Path<String>, PathRejection>) -> Result<PostId, PostError> {
    let id = id.ok().and_then(|Path(id)| PostId::parse(&id).ok());
    id.ok_or(PostError::PostNotFound)
}

/// Zero counts as not given.
fn number(text: Option<&str>, default: i64) -> i64 {
    match text.map_or(0, parse_int) {
        0 => default,
        number => number,
    }
}

/// What JavaScript's `parseInt` makes of a text; 0 when that is no number.
fn parse_int(text: &str) -> i64 {
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.bytes().take_while(u8::is_ascii_digit);
    sign * digits.fold(0_i64, |number, digit| {
        // Larger numbers are no numbers of JavaScript.
        number
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
            .min(1 << 53)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_javascript_reads_them() {
        for (text, expected) in [
            ("7", 7),
            (" 7", 7),
            ("+7", 7),
            ("-7", -7),
            ("7.9", 7),
            ("7abc", 7),
            ("1e9", 1),
            ("", 0),
            ("-", 0),
            ("abc", 0),
            ("NaN", 0),
            ("- 7", 0),
            ("99999999999999999999999999", 1 << 53),
        ] {
            assert_eq!(parse_int(text), expected, "{text}");
        }
    }
}
