//! What signed-in users change about their own accounts: the password and the e-mail.

use std::net::IpAddr;

use visage_cloudinary::Secret;
use visage_store::{DirectoryError, EmailChange, EmailChangeOutcome, User, UserId, normalize_email};

use crate::app::App;
use crate::auth::{AuthError, MAX_OTP_ATTEMPTS, check_new_password, is_email, new_otp, send};

const EMAIL_TAKEN: AuthError = AuthError::Invalid("Email is already in use");

/// How a change of the e-mail ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedEmail {
    /// It is changed, because no mail is set up.
    Now,
    /// This code was mailed to the new address; [`confirm_email`] changes it. Only development may hand it to the caller.
    WaitsForCode(String),
}

/// Replaces the password of a signed-in user, and ends all sessions.
///
/// # Errors
/// See [`AuthError`].
pub async fn change_password(
    app: &App,
    user: &User,
    current: String,
    new: String,
    from: IpAddr,
) -> Result<(), AuthError> {
    const WRONG: AuthError = AuthError::Invalid("Current password is incorrect");
    if current.is_empty() || new.is_empty() {
        return Err(AuthError::Invalid("Current password and new password are required"));
    }
    check_new_password(&new)?;
    if !is_password_of(app, user, current, from).await? {
        return Err(WRONG);
    }
    let hash = Secret::new(app.passwords.hash(new).await?);
    let current = user.password_hash.clone();
    let now = app.clock.now();
    // A reset may have been faster: then the password that was given is the current one no more.
    if app.directory.replace_password(&user.id, current, hash, now).await? {
        Ok(())
    } else {
        Err(WRONG)
    }
}

/// Replaces the e-mail of a signed-in user: with mail once the code that is sent to the new address is entered, without mail at
/// once.
///
/// # Errors
/// See [`AuthError`].
pub async fn change_email(
    app: &App,
    user: &User,
    new_email: &str,
    password: String,
    from: IpAddr,
) -> Result<ChangedEmail, AuthError> {
    let email = normalize_email(new_email);
    if email.is_empty() || password.is_empty() {
        return Err(AuthError::Invalid("New email and password are required"));
    }
    if !is_email(&email) {
        return Err(AuthError::Invalid("Invalid email format"));
    }
    if !is_password_of(app, user, password, from).await? {
        return Err(AuthError::Invalid("Password is incorrect"));
    }
    if app.mailer.is_some() {
        return ask_for_code(app, user, email).await;
    }
    let changed = app.directory.set_email(&user.id, &email, app.clock.now()).await;
    existing(changed).map(|()| ChangedEmail::Now)
}

async fn ask_for_code(app: &App, user: &User, email: String) -> Result<ChangedEmail, AuthError> {
    let otp = new_otp(app, &email)?;
    let code = otp.code.expose().to_owned();
    let change = EmailChange {
        email: email.clone(),
        otp,
    };
    existing(
        app.directory
            .begin_email_change(&user.id, change, app.clock.now())
            .await,
    )?;
    let lifetime = app.config.auth.otp_lifetime;
    let text = format!(
        "Your code to use this address for your account is {code}. It is good for {lifetime}.\n\
         If you have not just asked for it, do not enter it or pass it on.\n"
    );
    send(app, &email, "Confirm your new email address", text);
    let text = "A change of your account's email address was begun. If it was not you, change your password, which also stops \
                the change.\n";
    send(
        app,
        &user.email,
        "Your email address is about to change",
        text.to_owned(),
    );
    Ok(ChangedEmail::WaitsForCode(code))
}

/// Ends a change of the e-mail with the code that was mailed to the new address.
///
/// # Errors
/// See [`AuthError`].
pub async fn confirm_email(app: &App, id: &UserId, otp: &str, from: IpAddr) -> Result<(), AuthError> {
    if otp.is_empty() {
        return Err(AuthError::Invalid("OTP is required"));
    }
    app.attempts.check(&id.to_string(), from)?;
    let (code, now) = (Secret::new(otp.trim()), app.clock.now());
    let outcome = app
        .directory
        .confirm_email_change(id, code, MAX_OTP_ATTEMPTS, now)
        .await;
    match outcome {
        Ok(EmailChangeOutcome::Changed { old_email }) => {
            let text = "The email address of your account was changed. If it was not you, ask the operator for help.\n";
            send(app, &old_email, "Your email address was changed", text.to_owned());
            Ok(())
        }
        Ok(EmailChangeOutcome::Invalid) => Err(AuthError::Invalid("Invalid OTP")),
        Ok(EmailChangeOutcome::Expired) => Err(AuthError::Invalid("OTP has expired")),
        Ok(EmailChangeOutcome::NotPending) => Err(AuthError::Invalid("There is no change of the email to confirm")),
        Err(DirectoryError::EmailTaken) => Err(EMAIL_TAKEN),
        Err(DirectoryError::Store(error)) => Err(error.into()),
    }
}

/// Whether the user was there to be changed.
fn existing(changed: Result<bool, DirectoryError>) -> Result<(), AuthError> {
    match changed {
        Ok(true) => Ok(()),
        Ok(false) => Err(AuthError::UserNotFound),
        Err(DirectoryError::EmailTaken) => Err(EMAIL_TAKEN),
        Err(DirectoryError::Store(error)) => Err(error.into()),
    }
}

async fn is_password_of(app: &App, user: &User, password: String, from: IpAddr) -> Result<bool, AuthError> {
    app.attempts.check(&user.id.to_string(), from)?;
    let hash = user.password_hash.expose().to_owned();
    Ok(app.passwords.verify(password, Some(hash)).await?)
}
