//! Signing up, signing in, and what goes with a password.

use std::net::IpAddr;

use data_encoding::HEXLOWER;
use rand::Rng as _;
use subtle::ConstantTimeEq as _;
use visage_cloudinary::Secret;
use visage_store::{
    DirectoryError, NewUser, Otp, OtpCheck, OtpOutcome, ResetToken, Role, Sha256, StoreError, User, UserId,
};

use crate::app::App;
use crate::clock::later;
use crate::passwords::PasswordError;
use crate::rate_limit::TooManyAttempts;
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
const MAX_OTP_ATTEMPTS: u32 = 10;
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
/// user is verified at once.
///
/// # Errors
/// See [`AuthError`].
pub async fn register(app: &App, new: Registration, from: IpAddr) -> Result<Option<String>, AuthError> {
    let (name, email) = (new.name.trim(), new.email.trim().to_lowercase());
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
    let now = app.clock.now();
    let code = app.mailer.is_some().then(new_otp);
    let otp = code.as_ref().map(|code| Otp {
        code: Secret::new(code.as_str()),
        expires_at: later(now, app.config.auth.otp_lifetime.as_duration()),
    });
    let user = NewUser {
        name: name.to_owned(),
        email: email.clone(),
        password_hash: Secret::new(app.passwords.hash(new.password).await?),
        role: Role::User,
        is_verified: otp.is_none(),
        otp: otp.clone(),
    };
    match app.directory.create_user(user.clone(), now).await {
        Ok(user) if otp.is_none() => {
            tracing::info!(user.id = %user.id, "no mail is set up: the new user is verified at once");
        }
        Ok(user) => tracing::info!(user.id = %user.id, "new user, to be verified by mail"),
        Err(DirectoryError::EmailTaken) => begin_again(app, user).await?,
        Err(DirectoryError::Store(error)) => return Err(error.into()),
    }
    if let Some(code) = &code {
        let lifetime = app.config.auth.otp_lifetime;
        let text = format!("Your code is {code}. It is good for {lifetime}.\n");
        send(app, &email, "Your verification code", text);
    }
    Ok(code)
}

/// Lets a registration whose code ran out unused begin again, with the new password and a new code: otherwise whoever
/// types somebody else's address in would keep it from its owner for ever.
async fn begin_again(app: &App, new: NewUser) -> Result<(), AuthError> {
    let now = app.clock.now();
    let user = app.directory.user_by_email(&new.email).await?;
    let ran_out = |user: &User| !user.is_verified && user.otp.as_ref().is_none_or(|otp| otp.expires_at <= now);
    let (Some(user), Some(otp)) = (user.filter(ran_out), new.otp) else {
        return Err(AuthError::Invalid("User already exists"));
    };
    app.directory.set_password(&user.id, new.password_hash, now).await?;
    app.directory.set_otp(&user.id, otp, now).await?;
    Ok(())
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
        let token = app
            .tokens
            .issue(ADMIN_ID, &app.config.auth.admin_email, "admin", app.clock.now())?;
        return Ok(SignedIn {
            token,
            user: None,
            email: app.config.auth.admin_email.clone(),
        });
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
    let token = app
        .tokens
        .issue(&user.id.to_string(), &user.email, user.role.as_str(), app.clock.now())?;
    Ok(SignedIn {
        token,
        email: user.email.clone(),
        user: Some(user),
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
    send(app, &email.trim().to_lowercase(), "Set a new password", text);
    Ok(token)
}

/// Sets a new password with a token from [`forgot_password`], once.
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

/// Replaces the password of a signed-in user.
///
/// # Errors
/// See [`AuthError`].
pub async fn change_password(
    app: &App,
    user_id: &UserId,
    current: String,
    new: String,
    from: IpAddr,
) -> Result<(), AuthError> {
    if current.is_empty() || new.is_empty() {
        return Err(AuthError::Invalid("Current password and new password are required"));
    }
    check_new_password(&new)?;
    let user = confirmed(app, user_id, current, from)
        .await?
        .ok_or(AuthError::Invalid("Current password is incorrect"))?;
    let hash = app.passwords.hash(new).await?;
    app.directory
        .set_password(&user.id, Secret::new(hash), app.clock.now())
        .await?;
    Ok(())
}

/// Replaces the e-mail of a signed-in user.
///
/// # Errors
/// See [`AuthError`].
pub async fn change_email(
    app: &App,
    user_id: &UserId,
    new_email: &str,
    password: String,
    from: IpAddr,
) -> Result<(), AuthError> {
    let email = new_email.trim().to_lowercase();
    if email.is_empty() || password.is_empty() {
        return Err(AuthError::Invalid("New email and password are required"));
    }
    if !is_email(&email) {
        return Err(AuthError::Invalid("Invalid email format"));
    }
    let user = confirmed(app, user_id, password, from)
        .await?
        .ok_or(AuthError::Invalid("Password is incorrect"))?;
    match app.directory.set_email(&user.id, &email, app.clock.now()).await {
        Ok(_) => Ok(()),
        Err(DirectoryError::EmailTaken) => Err(AuthError::Invalid("Email is already in use")),
        Err(DirectoryError::Store(error)) => Err(error.into()),
    }
}

/// The user, when `password` is theirs.
async fn confirmed(app: &App, user_id: &UserId, password: String, from: IpAddr) -> Result<Option<User>, AuthError> {
    app.attempts.check(&user_id.to_string(), from)?;
    let user = app.directory.user(user_id).await?.ok_or(AuthError::UserNotFound)?;
    let right = app
        .passwords
        .verify(password, Some(user.password_hash.expose().to_owned()))
        .await?;
    Ok(right.then_some(user))
}

fn is_admin(app: &App, email: &str, password: &str) -> bool {
    let auth = &app.config.auth;
    let wanted = auth.admin_password.expose();
    let email_right = !auth.admin_email.is_empty() && email.trim().eq_ignore_ascii_case(&auth.admin_email);
    let password_right = !wanted.is_empty() && bool::from(password.trim().as_bytes().ct_eq(wanted.as_bytes()));
    email_right && password_right
}

/// Refuses what bcrypt does not tell apart: it reads 72 bytes at most, and repeats what ends with a NUL.
fn check_new_password(password: &str) -> Result<(), AuthError> {
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

/// One `@` with something on both sides, a dot in the domain, no white space: what the Node backend takes, too.
fn is_email(text: &str) -> bool {
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
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Six decimal digits from the system's generator.
fn new_otp() -> String {
    format!("{:06}", rand::random_range(0..1_000_000))
}

/// Sends a mail in the background: its failure is logged and does not fail the request, as the contract has it.
fn send(app: &App, to: &str, subject: &'static str, text: String) {
    let Some(mailer) = app.mailer.clone() else { return };
    let to = to.to_owned();
    app.tasks.spawn(async move {
        if let Err(error) = mailer.send(&to, subject, text).await {
            tracing::error!(error = %error, "a mail was not sent");
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
            ("", false),
        ] {
            assert_eq!(is_email(text), expected, "{text}");
        }
    }
}
