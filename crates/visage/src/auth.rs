//! Signing up, signing in, and what goes with a password.

use std::net::IpAddr;

use data_encoding::HEXLOWER;
use rand::Rng as _;
use subtle::ConstantTimeEq as _;
use visage_cloudinary::Secret;
use visage_store::{
    DirectoryError, NewUser, Otp, OtpCheck, OtpOutcome, ResetToken, Role, Sessions, Sha256, StoreError, User,
    normalize_email,
};

use crate::app::App;
use crate::clock::later;
use crate::passwords::PasswordError;
use crate::rate_limit::TooManyAttempts;
use crate::sessions;
use crate::tokens::ADMIN_ID;

/// Why something about an account was not done. The texts are the contract's.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The request lacks something or has something wrong in it.
    #[error("{0}")]
    Invalid(&'static str),
    /// The e-mail has not been verified.
    #[error("Please verify your email first.")]
    NotVerified,
    /// The account is suspended.
    #[error("Your account is suspended")]
    Suspended,
    /// There is no such user.
    #[error("User not found")]
    UserNotFound,
    /// No mail is set up, and the request needs it.
    #[error("This server sends no mail, so it cannot reset a password. Ask its operator to set up mail.")]
    NoMail,
    /// Too many attempts.
    #[error(transparent)]
    TooManyAttempts(#[from] TooManyAttempts),
    /// The directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Hashing failed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Signing a token failed.
    #[error("the token could not be signed: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
}

/// Longest e-mail address (RFC 5321).
const MAX_EMAIL_BYTES: usize = 254;
/// Longest name; it is shown on every page.
const MAX_NAME_CHARS: usize = 200;
/// Wrong guesses at a one-time password after which the right one is refused as well.
pub(crate) const MAX_OTP_ATTEMPTS: u32 = 10;
/// Longest password that is looked at: those from before [`MAX_NEW_PASSWORD_BYTES`] was refused still sign in.
const MAX_PASSWORD_BYTES: usize = 1024;
/// Longest new password: bcrypt does not see what comes after it.
const MAX_NEW_PASSWORD_BYTES: usize = 72;

/// A signed-in user.
#[derive(Debug)]
pub struct SignedIn {
    /// The token.
    pub token: String,
    /// Who it is for; `None` for the administrator.
    pub user: Option<User>,
    /// The e-mail that was given.
    pub email: String,
}

/// What someone who signs up gives.
#[derive(Debug, Default)]
pub struct Registration {
    /// Shown name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Password as typed.
    pub password: String,
}

/// Adds a user. When mail is set up the answer is `Some(otp)` and the e-mail must be verified with it; without mail the
/// user is verified at once. A registration that was never verified is begun again: the password that counts is the one of the
/// registration whose code is entered.
///
/// # Errors
/// See [`AuthError`].
pub async fn register(app: &App, new: Registration, from: IpAddr) -> Result<Option<String>, AuthError> {
    let (name, email) = (new.name.trim(), normalize_email(&new.email));
    if name.is_empty() || email.is_empty() || new.password.is_empty() {
        return Err(AuthError::Invalid("All fields are required"));
    }
    if !is_email(&email) {
        return Err(AuthError::Invalid("Invalid email format"));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(AuthError::Invalid("Name is too long"));
    }
    check_new_password(&new.password)?;
    app.attempts.check_registration(from)?;
    app.attempts.check(&email, from)?;
    let otp = match app.mailer {
        Some(_) => Some(new_otp(app, &email)?),
        None => None,
    };
    let code = otp.as_ref().map(|otp| otp.code.expose().to_owned());
    let user = NewUser {
        name: name.to_owned(),
        email: email.clone(),
        password_hash: Secret::new(app.passwords.hash(new.password).await?),
        role: Role::User,
        is_verified: otp.is_none(),
        otp,
    };
    match app.directory.create_user(user, app.clock.now()).await {
        Ok(user) if user.is_verified => {
            tracing::info!(user.id = %user.id, "no mail is set up: the new user is verified at once");
        }
        Ok(user) => tracing::info!(user.id = %user.id, "new user, to be verified by mail"),
        Err(DirectoryError::EmailTaken) => return Err(AuthError::Invalid("User already exists")),
        Err(DirectoryError::Store(error)) => return Err(error.into()),
    }
    if let Some(code) = &code {
        let lifetime = app.config.auth.otp_lifetime;
        let text = format!(
            "Your code to create an account is {code}. It is good for {lifetime}.\n\
             If you have not just registered, do not enter it or pass it on.\n"
        );
        send(app, &email, "Your verification code", text);
    }
    Ok(code)
}

/// Verifies an e-mail with the one-time password that was mailed to it. A user who is verified already stays so,
/// whatever the password: there is nothing left to guess.
///
/// # Errors
/// See [`AuthError`].
pub async fn verify_otp(app: &App, email: &str, otp: &str, from: IpAddr) -> Result<(), AuthError> {
    if email.is_empty() || otp.is_empty() {
        return Err(AuthError::Invalid("Email and OTP are required"));
    }
    app.attempts.check(email, from)?;
    let user = app
        .directory
        .user_by_email(email)
        .await?
        .ok_or(AuthError::UserNotFound)?;
    if user.is_verified {
        return Ok(());
    }
    let check = OtpCheck {
        email: email.to_owned(),
        code: Secret::new(otp.trim()),
        max_attempts: MAX_OTP_ATTEMPTS,
    };
    match app.directory.verify_email(check, app.clock.now()).await? {
        OtpOutcome::Verified => Ok(()),
        OtpOutcome::Invalid => Err(AuthError::Invalid("Invalid OTP")),
        OtpOutcome::Expired => Err(AuthError::Invalid("OTP has expired")),
        OtpOutcome::UserGone => Err(AuthError::UserNotFound),
    }
}

/// Signs in.
///
/// # Errors
/// See [`AuthError`]; an unknown user and a wrong password are told alike.
pub async fn login(app: &App, email: &str, password: String, from: IpAddr) -> Result<SignedIn, AuthError> {
    const INVALID: AuthError = AuthError::Invalid("Invalid credentials");
    if email.is_empty() || password.is_empty() {
        return Err(AuthError::Invalid("Email and password are required"));
    }
    app.attempts.check(email, from)?;
    if is_admin(app, email, &password) {
        return sign_administrator_in(app).await;
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(INVALID);
    }
    let user = app.directory.user_by_email(email).await?;
    if user.as_ref().is_some_and(|user| !user.is_verified) {
        return Err(AuthError::NotVerified);
    }
    let hash = user.as_ref().map(|user| user.password_hash.expose().to_owned());
    let right = app.passwords.verify(password, hash).await?;
    let user = user.filter(|_| right).ok_or(INVALID)?;
    if user.suspended {
        return Err(AuthError::Suspended);
    }
    // The sessions were read together with the password's hash: what ends them meanwhile ends this one as well.
    let (id, role) = (user.id.to_string(), user.role.as_str());
    let token = app
        .tokens
        .issue(&id, &user.email, role, user.sessions, app.clock.now())?;
    Ok(SignedIn {
        token,
        email: user.email.clone(),
        user: Some(user),
    })
}

async fn sign_administrator_in(app: &App) -> Result<SignedIn, AuthError> {
    let sessions: Sessions = sessions::of_administrator(app).await?.unwrap_or_default();
    let email = app.config.auth.admin_email.clone();
    let token = app.tokens.issue(ADMIN_ID, &email, "admin", sessions, app.clock.now())?;
    Ok(SignedIn {
        token,
        user: None,
        email,
    })
}

/// Mails a link to set a new password, and returns the token in it, which only development may hand to the caller. Without mail the
/// refusal is the same for every address, known or not.
///
/// # Errors
/// See [`AuthError`].
pub async fn forgot_password(app: &App, email: &str, from: IpAddr) -> Result<String, AuthError> {
    if email.is_empty() {
        return Err(AuthError::Invalid("Email is required"));
    }
    if app.mailer.is_none() && !app.config.auth.reveal_tokens {
        return Err(AuthError::NoMail);
    }
    app.attempts.check(email, from)?;
    let mut bytes = [0; 20];
    rand::rng().fill_bytes(&mut bytes);
    let token = HEXLOWER.encode(&bytes);
    let now = app.clock.now();
    let expires_at = later(now, app.config.auth.reset_lifetime.as_duration());
    let reset = ResetToken {
        sha256: Sha256::of(token.as_bytes()),
        expires_at,
    };
    if !app.directory.set_reset_token(email, reset, now).await? {
        return Err(AuthError::UserNotFound);
    }
    let text = format!("To set a new password, open {}{token}\n", app.config.mail.reset_url);
    send(app, &normalize_email(email), "Set a new password", text);
    Ok(token)
}

/// Sets a new password with a token from [`forgot_password`], once, and ends all sessions. The token came by mail, so that the
/// e-mail is verified with it.
///
/// # Errors
/// See [`AuthError`].
pub async fn reset_password(app: &App, token: &str, password: String, from: IpAddr) -> Result<(), AuthError> {
    if token.is_empty() || password.is_empty() {
        return Err(AuthError::Invalid("Token and password are required"));
    }
    check_new_password(&password)?;
    app.attempts.check(token, from)?;
    let hash = app.passwords.hash(password).await?;
    if app
        .directory
        .reset_password(&Sha256::of(token.as_bytes()), Secret::new(hash), app.clock.now())
        .await?
    {
        Ok(())
    } else {
        Err(AuthError::Invalid("Invalid or expired token"))
    }
}

fn is_admin(app: &App, email: &str, password: &str) -> bool {
    let auth = &app.config.auth;
    let wanted = auth.admin_password.expose();
    let email_right = !auth.admin_email.is_empty() && email.trim().eq_ignore_ascii_case(&auth.admin_email);
    let password_right = !wanted.is_empty() && bool::from(password.trim().as_bytes().ct_eq(wanted.as_bytes()));
    email_right && password_right
}

/// Refuses what bcrypt does not tell apart: it reads 72 bytes at most, and repeats what ends with a NUL.
pub(crate) fn check_new_password(password: &str) -> Result<(), AuthError> {
    if password.chars().count() < 6 {
        return Err(AuthError::Invalid("Password must be at least 6 characters long"));
    }
    if password.len() > MAX_NEW_PASSWORD_BYTES {
        return Err(AuthError::Invalid(
            "Password must be at most 72 bytes long. Letters with accents and emoji take more than one byte.",
        ));
    }
    if password.contains('\0') {
        return Err(AuthError::Invalid("Password must not contain the NUL character"));
    }
    if password.trim().is_empty() {
        return Err(AuthError::Invalid("Password must not consist of spaces alone"));
    }
    Ok(())
}

/// One `@` with something on both sides, a dot in the domain, no white space: what the Node backend takes, too. But for what a
/// reader would not see.
pub(crate) fn is_email(text: &str) -> bool {
    let mut parts = text.split('@');
    let (Some(local), Some(domain), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let dotted = domain
        .split_once('.')
        .is_some_and(|(name, rest)| !name.is_empty() && !rest.is_empty());
    text.len() <= MAX_EMAIL_BYTES
        && !local.is_empty()
        && dotted
        && !text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Characters that are not seen: soft hyphen, joiners, marks and overrides of direction, variation selectors, byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Six decimal digits from the system's generator, to be sent to `email`: codes that are not asked for could be guessed one after
/// another, so only so many are made for an address.
pub(crate) fn new_otp(app: &App, email: &str) -> Result<Otp, TooManyAttempts> {
    app.attempts.check_code(email)?;
    Ok(Otp {
        code: Secret::new(format!("{:06}", rand::random_range(0..1_000_000))),
        expires_at: later(app.clock.now(), app.config.auth.otp_lifetime.as_duration()),
    })
}

/// Sends a mail in the background: its failure is logged and does not fail the request, as the contract has it.
pub(crate) fn send(app: &App, to: &str, subject: &'static str, text: String) {
    let Some(mailer) = app.mailer.clone() else { return };
    let to = to.to_owned();
    app.tasks.spawn(async move {
        if let Err(error) = mailer.send(&to, subject, text).await {
            tracing::error!(error = %error, "failed to send a mail");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn addresses_have_one_at_sign_and_a_dotted_domain() {
        for (text, expected) in [
            ("a@b.c", true),
            ("ärger@büro.example", true),
            ("a@b", false),
            ("a@.c", false),
            ("a@b.", false),
            ("@b.c", false),
            ("a@b@c.d", false),
            ("a b@c.d", false),
            ("a\n@c.d", false),
            ("a\u{200b}@b.c", false),
            ("a@b\u{202e}.c", false),
            ("a\u{ad}@b.c", false),
            ("a+tag@b.c", true),
            ("o'hara@b.c", true),
            ("", false),
        ] {
            assert_eq!(is_email(text), expected, "{text}");
        }
    }
}
