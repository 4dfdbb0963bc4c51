//! The contract of [`Directory`]: when sessions end, and who proves an email.

use visage_cloudinary::Secret;

use super::directory::{add, check, new_user, otp, token};
use super::{Outcome, at};
use crate::directory::{Directory, DirectoryError};
use crate::error::BoxError;
use crate::ids::{Sha256, UserId};
use crate::sessions::{AccountState, Sessions};
use crate::users::{EmailChange, EmailChangeOutcome, NewUser, OtpOutcome, Role, User};

pub async fn sessions_end_with_the_password_and_on_request(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    assert_eq!(user.sessions, Sessions::default());
    let state = AccountState {
        role: Role::User,
        is_verified: false,
        suspended: false,
        sessions: Sessions::default(),
    };
    assert_eq!(directory.account_state(&user.id).await?, Some(state));
    let mut epochs = vec![0];
    directory.set_password(&user.id, Secret::new("one"), at(10)).await?;
    epochs.push(ended(directory, &user.id, 10).await?);
    directory
        .replace_password(&user.id, Secret::new("one"), Secret::new("two"), at(20))
        .await?;
    epochs.push(ended(directory, &user.id, 20).await?);
    directory
        .set_reset_token("a@example.com", token(b"t", 60), at(25))
        .await?;
    directory
        .reset_password(&Sha256::of(b"t"), Secret::new("three"), at(30))
        .await?;
    epochs.push(ended(directory, &user.id, 30).await?);
    assert!(directory.end_sessions(&user.id, at(40)).await?);
    epochs.push(ended(directory, &user.id, 40).await?);
    assert!(directory.end_sessions(&user.id, at(35)).await?);
    epochs.push(ended(directory, &user.id, 40).await?);
    epochs.sort_unstable();
    epochs.dedup();
    assert_eq!(epochs.len(), 6, "every end has an epoch of its own");
    let nobody = UserId::new(at(0));
    assert!(!directory.end_sessions(&nobody, at(1)).await?);
    assert_eq!(directory.account_state(&nobody).await?, None);
    Ok(())
}

/// The epoch, after sessions were ended at `seconds`.
async fn ended(directory: &dyn Directory, id: &UserId, seconds: i64) -> Result<i64, BoxError> {
    let user = found(directory, id).await?;
    assert_eq!(user.sessions.ended_at, Some(at(seconds)));
    assert_eq!(
        directory.account_state(id).await?,
        Some(AccountState::from(&user)),
        "both ways to read it agree"
    );
    Ok(user.sessions.epoch)
}

pub async fn sessions_of_an_administrator_end_with_the_fingerprint(directory: &dyn Directory) -> Outcome {
    let first = directory.administrator_sessions("a", at(1)).await?;
    assert_eq!(first, Sessions::default());
    assert_eq!(directory.administrator_sessions("a", at(2)).await?, first);
    let second = directory.administrator_sessions("b", at(3)).await?;
    assert_eq!(second.ended_at, Some(at(3)));
    let third = directory.administrator_sessions("a", at(4)).await?;
    directory.end_administrator_sessions(at(5)).await?;
    let fourth = directory.administrator_sessions("a", at(6)).await?;
    assert_eq!((third.ended_at, fourth.ended_at), (Some(at(4)), Some(at(5))));
    let mut epochs = [first.epoch, second.epoch, third.epoch, fourth.epoch];
    epochs.sort_unstable();
    assert!(epochs.windows(2).all(|pair| pair[0] != pair[1]), "{epochs:?}");
    Ok(())
}

pub async fn password_is_replaced_only_while_it_is_the_known_one(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    let replace = async |current: &str, new: &str| {
        directory
            .replace_password(&user.id, Secret::new(current), Secret::new(new), at(1))
            .await
    };
    assert!(!replace("another", "new").await?);
    assert_eq!(found(directory, &user.id).await?.sessions, Sessions::default());
    assert!(replace("hash", "new").await?);
    assert!(!replace("hash", "newer").await?);
    assert_eq!(found(directory, &user.id).await?.password_hash.expose(), "new");
    Ok(())
}

pub async fn registration_replaces_an_unverified_one_when_proved(directory: &dyn Directory) -> Outcome {
    let first = directory.create_user(registration("first", "111111"), at(0)).await?;
    let again = directory.create_user(registration("second", "222222"), at(1)).await?;
    assert_eq!(
        (again.id, again.name.as_str(), again.password_hash.expose()),
        (first.id, "first", "first"),
        "nothing is replaced before the code is entered"
    );
    assert_eq!(
        directory.verify_email(check("a@example.com", "111111"), at(2)).await?,
        OtpOutcome::Invalid,
        "the first code is for the first registration"
    );
    assert_eq!(
        directory.verify_email(check("a@example.com", "222222"), at(2)).await?,
        OtpOutcome::Verified
    );
    let user = found(directory, &first.id).await?;
    assert_eq!((user.name.as_str(), user.password_hash.expose()), ("second", "second"));
    assert_ne!(user.sessions.epoch, first.sessions.epoch);
    assert!(user.is_verified && user.otp.is_none());
    Ok(())
}

pub async fn registration_leaves_a_verified_user_alone(directory: &dyn Directory) -> Outcome {
    let user = directory.create_user(registration("first", "111111"), at(0)).await?;
    let unproved = NewUser {
        otp: None,
        ..registration("second", "")
    };
    let taken = directory.create_user(unproved, at(1)).await;
    assert!(matches!(taken, Err(DirectoryError::EmailTaken)), "{taken:?}");
    directory.verify_email(check("a@example.com", "111111"), at(2)).await?;
    let verified = found(directory, &user.id).await?;
    let taken = directory.create_user(registration("second", "222222"), at(3)).await;
    assert!(matches!(taken, Err(DirectoryError::EmailTaken)), "{taken:?}");
    assert_eq!(found(directory, &user.id).await?, verified);
    Ok(())
}

pub async fn reset_verifies_the_email_and_cancels_a_registration(directory: &dyn Directory) -> Outcome {
    let user = directory.create_user(registration("first", "111111"), at(0)).await?;
    directory.create_user(registration("second", "222222"), at(1)).await?;
    directory
        .set_reset_token("a@example.com", token(b"t", 60), at(2))
        .await?;
    assert!(
        directory
            .reset_password(&Sha256::of(b"t"), Secret::new("own"), at(3))
            .await?
    );
    assert_eq!(
        directory.verify_email(check("a@example.com", "222222"), at(4)).await?,
        OtpOutcome::Invalid
    );
    let user = found(directory, &user.id).await?;
    assert_eq!((user.name.as_str(), user.password_hash.expose()), ("first", "own"));
    assert!(user.is_verified);
    Ok(())
}

pub async fn email_change_waits_for_its_own_code(directory: &dyn Directory) -> Outcome {
    let user = verified(directory, "a@example.com").await?;
    assert_eq!(
        confirm(directory, &user.id, "111111", 1).await?,
        EmailChangeOutcome::NotPending
    );
    assert!(
        directory
            .begin_email_change(&user.id, change("B@Example.com"), at(1))
            .await?
    );
    assert_eq!(found(directory, &user.id).await?.email, "a@example.com");
    for email in ["a@example.com", "b@example.com"] {
        let outcome = directory.verify_email(check(email, "111111"), at(2)).await?;
        assert_ne!(outcome, OtpOutcome::Verified, "it is no code of a registration");
    }
    assert_eq!(
        confirm(directory, &user.id, "111112", 2).await?,
        EmailChangeOutcome::Invalid
    );
    let old_email = "a@example.com".to_owned();
    assert_eq!(
        confirm(directory, &user.id, "111111", 2).await?,
        EmailChangeOutcome::Changed { old_email }
    );
    assert_eq!(found(directory, &user.id).await?.email, "b@example.com");
    assert_eq!(
        confirm(directory, &user.id, "111111", 2).await?,
        EmailChangeOutcome::NotPending
    );
    directory
        .begin_email_change(&user.id, change("c@example.com"), at(3))
        .await?;
    directory.end_sessions(&user.id, at(4)).await?;
    assert_eq!(
        confirm(directory, &user.id, "111111", 5).await?,
        EmailChangeOutcome::NotPending,
        "an end of the sessions ends what one of them began"
    );
    assert!(
        !directory
            .begin_email_change(&UserId::new(at(0)), change("d@example.com"), at(1))
            .await?
    );
    Ok(())
}

pub async fn email_change_bears_so_many_attempts_and_expires(directory: &dyn Directory) -> Outcome {
    let user = verified(directory, "a@example.com").await?;
    directory
        .begin_email_change(&user.id, change("b@example.com"), at(0))
        .await?;
    for _ in 0..2 {
        assert_eq!(confirm(directory, &user.id, "0", 1).await?, EmailChangeOutcome::Invalid);
    }
    assert_eq!(
        confirm(directory, &user.id, "111111", 60).await?,
        EmailChangeOutcome::Expired,
        "its time is up"
    );
    assert_eq!(
        confirm(directory, &user.id, "0", 59).await?,
        EmailChangeOutcome::Invalid
    );
    assert_eq!(
        confirm(directory, &user.id, "111111", 59).await?,
        EmailChangeOutcome::Expired,
        "its attempts are used up"
    );
    directory
        .begin_email_change(&user.id, change("b@example.com"), at(0))
        .await?;
    let old_email = "a@example.com".to_owned();
    assert_eq!(
        confirm(directory, &user.id, "111111", 59).await?,
        EmailChangeOutcome::Changed { old_email }
    );
    Ok(())
}

pub async fn email_change_is_refused_where_the_address_is_proved(directory: &dyn Directory) -> Outcome {
    let user = verified(directory, "a@example.com").await?;
    directory
        .begin_email_change(&user.id, change("b@example.com"), at(0))
        .await?;
    verified(directory, "b@example.com").await?;
    let late = confirm(directory, &user.id, "111111", 1).await;
    assert!(matches!(late, Err(DirectoryError::EmailTaken)), "{late:?}");
    let taken = directory
        .begin_email_change(&user.id, change("B@example.com"), at(1))
        .await;
    assert!(matches!(taken, Err(DirectoryError::EmailTaken)), "{taken:?}");
    assert_eq!(found(directory, &user.id).await?.email, "a@example.com");
    Ok(())
}

pub async fn email_change_removes_an_unverified_registration(directory: &dyn Directory) -> Outcome {
    let user = verified(directory, "a@example.com").await?;
    let squatter = add(directory, "b@example.com").await?;
    directory
        .begin_email_change(&user.id, change("b@example.com"), at(0))
        .await?;
    assert!(directory.user(&squatter.id).await?.is_some());
    confirm(directory, &user.id, "111111", 1).await?;
    assert_eq!(directory.user(&squatter.id).await?, None);
    assert_eq!(
        directory.user_by_email("b@example.com").await?.map(|user| user.id),
        Some(user.id)
    );
    Ok(())
}

pub async fn new_email_cancels_a_reset_of_the_old_one(directory: &dyn Directory) -> Outcome {
    let user = verified(directory, "a@example.com").await?;
    directory
        .set_reset_token("a@example.com", token(b"t", 60), at(0))
        .await?;
    directory.set_email(&user.id, "b@example.com", at(1)).await?;
    assert!(
        !directory
            .reset_password(&Sha256::of(b"t"), Secret::new("new"), at(2))
            .await?
    );
    Ok(())
}

async fn confirm(
    directory: &dyn Directory,
    id: &UserId,
    code: &str,
    seconds: i64,
) -> Result<EmailChangeOutcome, DirectoryError> {
    directory
        .confirm_email_change(id, Secret::new(code), 3, at(seconds))
        .await
}

async fn found(directory: &dyn Directory, id: &UserId) -> Result<User, BoxError> {
    Ok(directory.user(id).await?.ok_or("there is such a user")?)
}

async fn verified(directory: &dyn Directory, email: &str) -> Result<User, BoxError> {
    let user = NewUser {
        is_verified: true,
        ..new_user(email)
    };
    Ok(directory.create_user(user, at(0)).await?)
}

/// A registration of a@example.com whose name is also its password's hash.
fn registration(name: &str, code: &str) -> NewUser {
    NewUser {
        name: name.to_owned(),
        password_hash: Secret::new(name),
        otp: Some(otp(code, 60)),
        ..new_user("a@example.com")
    }
}

fn change(email: &str) -> EmailChange {
    EmailChange {
        email: email.to_owned(),
        otp: otp("111111", 60),
    }
}
