//! Who makes a request: the one place that decides whether a token is good.
//!
//! A token is signed and has its time ([`crate::tokens`]), and its account must be there, verified, not suspended, and its
//! sessions must not have been ended since: by a new password, a suspension, or on request. That is read from the account's row
//! with every request, because nothing else is right the moment after.

use visage_store::{AccountState, Role, Sessions, StoreError, User, UserId};

use crate::app::App;
use crate::tokens::{Claims, InvalidToken, Subject};

/// A session that has not ended: the account that makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// `None` for the administrator whom the settings name.
    pub user_id: Option<UserId>,
    /// Whether it may do what administrators may.
    pub is_admin: bool,
}

/// Why a token is not good.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// It is not ours, or it has ended.
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
    /// The account is suspended.
    #[error("Your account is suspended")]
    Suspended,
    /// There is no such user (any more), or the administrator is asked for what only users have.
    #[error("User not found")]
    UserNotFound,
    /// The directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The account that `token` speaks for.
///
/// # Errors
/// See [`SessionError`].
pub async fn of_token(app: &App, token: &str) -> Result<Session, SessionError> {
    let claims = app.tokens.verify(token, app.clock.now())?;
    let Subject::User(id) = claims.subject()? else {
        check_administrator(app, &claims).await?;
        return Ok(Session {
            user_id: None,
            is_admin: true,
        });
    };
    let account = app.directory.account_state(&id).await?;
    let account = account.ok_or(SessionError::UserNotFound)?;
    check(&claims, &account)?;
    Ok(Session {
        user_id: Some(id),
        is_admin: account.role == Role::Admin,
    })
}

/// The user that `token` speaks for, for those who need the whole user: it is read once.
///
/// # Errors
/// See [`SessionError`]; the administrator is no user.
pub async fn user_of_token(app: &App, token: &str) -> Result<User, SessionError> {
    let claims = app.tokens.verify(token, app.clock.now())?;
    let Subject::User(id) = claims.subject()? else {
        check_administrator(app, &claims).await?;
        return Err(SessionError::UserNotFound);
    };
    let user = app.directory.user(&id).await?.ok_or(SessionError::UserNotFound)?;
    check(&claims, &AccountState::from(&user))?;
    Ok(user)
}

/// Ends all sessions of the account, on every device.
///
/// # Errors
/// When the directory fails.
pub async fn end_all(app: &App, session: Session) -> Result<(), StoreError> {
    let now = app.clock.now();
    match session.user_id {
        Some(id) => app.directory.end_sessions(&id, now).await.map(drop),
        None => app.directory.end_administrator_sessions(now).await,
    }
}

/// The sessions of the administrator; `None` when the settings name none. Another e-mail or password in the settings than the last
/// time ends those that were begun with the old one. The server asks when it starts, so that no change of them goes unseen.
///
/// # Errors
/// When the directory fails.
pub async fn of_administrator(app: &App) -> Result<Option<Sessions>, StoreError> {
    let auth = &app.config.auth;
    if auth.admin_email.is_empty() || auth.admin_password.is_empty() {
        return Ok(None);
    }
    let (email, password) = (auth.admin_email.to_lowercase(), auth.admin_password.expose());
    // Keyed with a secret that is not in the database, so that the database alone is not enough to try passwords.
    let fingerprint = auth.jwt_secret.mac(&format!("administrator\n{email}\n{password}"));
    let sessions = app.directory.administrator_sessions(&fingerprint, app.clock.now());
    sessions.await.map(Some)
}

async fn check_administrator(app: &App, claims: &Claims) -> Result<(), SessionError> {
    let sessions = of_administrator(app).await?.ok_or(InvalidToken)?;
    check_sessions(claims, sessions)
}

/// A suspended user is told so, as at the sign-in, whatever the token.
fn check(claims: &Claims, account: &AccountState) -> Result<(), SessionError> {
    if account.suspended {
        return Err(SessionError::Suspended);
    }
    if !account.is_verified {
        return Err(InvalidToken.into());
    }
    check_sessions(claims, account.sessions)
}

fn check_sessions(claims: &Claims, sessions: Sessions) -> Result<(), SessionError> {
    if sessions.accept(claims.epoch, claims.iat) {
        Ok(())
    } else {
        Err(InvalidToken.into())
    }
}
