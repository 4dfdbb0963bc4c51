//! The contract of [`Directory`], first part: users. Their pictures are in [`super::media`] and [`super::relocation`].

use super::{Outcome, at};
use visage_cloudinary::Secret;

use crate::directory::{Directory, DirectoryError};
use crate::error::BoxError;
use crate::ids::{Sha256, UserId};
use crate::users::{NewUser, Otp, OtpCheck, OtpOutcome, ProfileDetails, ResetToken, Role, User};

/// One `#[tokio::test]` per function of this module, of `media`, `relocation` and `moving_in`; `$fresh()` gives an empty directory and a guard.
#[macro_export]
macro_rules! directory_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { directory, $fresh,
            a_user_is_found_by_id_and_by_email_in_any_letter_case
            an_email_belongs_to_one_user
            two_registrations_at_once_make_one_user
            nothing_is_done_to_a_user_who_is_not_there
            a_profile_keeps_what_is_not_given
            a_weight_that_differs_joins_the_history
            a_one_time_password_verifies_once
            a_one_time_password_expires
            a_one_time_password_bears_so_many_attempts_and_no_more
            a_password_is_reset_once
            a_reset_token_expires
            a_later_reset_token_and_a_new_password_end_an_earlier_token
        }
        $crate::conformance_tests! { sessions, $fresh,
            sessions_end_with_the_password_and_on_request
            sessions_of_an_administrator_end_with_the_fingerprint
            password_is_replaced_only_while_it_is_the_known_one
            registration_replaces_an_unverified_one_when_proved
            registration_leaves_a_verified_user_alone
            reset_verifies_the_email_and_cancels_a_registration
            email_change_waits_for_its_own_code
            email_change_bears_so_many_attempts_and_expires
            email_change_is_refused_where_the_address_is_proved
            email_change_removes_an_unverified_registration
            new_email_cancels_a_reset_of_the_old_one
        }
        $crate::conformance_tests! { media, $fresh,
            an_exchange_sets_the_picture_and_retires_the_one_found
            an_exchange_with_nothing_new_clears_the_picture
            an_exchange_that_is_not_pending_changes_nothing
            an_exchange_begins_only_once
            an_exchange_for_a_user_who_is_gone_stays_pending
            a_deleted_users_picture_is_retired
            many_exchanges_at_once_retire_each_old_picture_exactly_once
            only_stale_exchanges_are_settled_and_no_more_than_asked
            a_settled_exchange_cannot_be_committed
            settling_does_not_shorten_the_grace_of_a_retired_picture
            a_released_exchange_is_due_at_once
            releasing_a_committed_exchange_does_nothing
            a_picture_in_use_is_not_claimed_and_no_longer_expired
            a_picture_retired_after_it_was_listed_keeps_its_grace
            expired_media_come_longest_due_first_and_no_more_than_asked
            postponed_media_come_back_later_with_one_more_attempt
            audits_page_through_all_media
            what_a_user_or_an_exchange_names_is_in_use
        }
        $crate::conformance_tests! { relocation, $fresh,
            what_was_taken_in_waits_for_its_time_and_is_looked_at_again
            a_picture_is_shown_otherwise_only_by_who_still_has_it_so
            a_relocation_changes_the_url_alone
            a_picture_that_was_set_meanwhile_wins_over_a_relocation
            a_relocation_that_was_settled_cannot_be_committed
        }
        $crate::conformance_tests! { moving_in, $fresh,
            an_imported_user_is_kept_as_it_was
            an_import_leaves_who_is_there_alone_and_takes_no_email_twice
            all_users_are_listed_with_and_without_a_picture
            an_adopted_picture_is_the_users_and_what_it_had_is_noted
            a_picture_that_was_set_meanwhile_wins_over_an_adoption
            an_adoption_that_was_settled_cannot_be_committed
            a_public_id_that_an_adoption_replaces_is_retired
            an_adoption_undone_gives_back_exactly_what_was_there
            an_undo_leaves_a_newer_picture_and_other_changes_alone
            an_adoption_is_undone_also_when_its_picture_has_moved_to_another_host
        }
    };
}

pub async fn a_user_is_found_by_id_and_by_email_in_any_letter_case(directory: &dyn Directory) -> Outcome {
    let user = directory.create_user(new_user("  Asha@Example.COM "), at(7)).await?;
    assert_eq!(user.email, "asha@example.com");
    assert_eq!(
        (user.joining_date, user.created_at, user.updated_at),
        (at(7), at(7), at(7))
    );
    assert_eq!((user.profile_image.as_ref(), user.weight_history.len()), (None, 0));
    assert_eq!(user.trainer_preference, "No Preference");
    assert_eq!(directory.user(&user.id).await?.as_ref(), Some(&user));
    assert_eq!(directory.user_by_email("ASHA@example.com ").await?, Some(user));
    Ok(())
}

pub async fn an_email_belongs_to_one_user(directory: &dyn Directory) -> Outcome {
    let first = add(directory, "a@example.com").await?;
    let second = add(directory, "b@example.com").await?;
    let again = directory.create_user(new_user("A@example.com"), at(0)).await;
    assert!(matches!(again, Err(DirectoryError::EmailTaken)), "{again:?}");
    let taken = directory.set_email(&second.id, " A@example.com", at(1)).await;
    assert!(matches!(taken, Err(DirectoryError::EmailTaken)), "{taken:?}");
    assert!(directory.set_email(&first.id, "A@Example.com", at(1)).await?);
    assert!(directory.set_email(&first.id, "C@Example.com", at(1)).await?);
    assert!(directory.set_email(&second.id, "a@example.com", at(1)).await?);
    assert_eq!(
        directory.user_by_email("c@example.com").await?.map(|user| user.id),
        Some(first.id)
    );
    Ok(())
}

pub async fn two_registrations_at_once_make_one_user(directory: &dyn Directory) -> Outcome {
    let register = || directory.create_user(new_user("a@example.com"), at(0));
    let (one, other) = tokio::join!(register(), register());
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    Ok(())
}

pub async fn nothing_is_done_to_a_user_who_is_not_there(directory: &dyn Directory) -> Outcome {
    let nobody = UserId::new(at(0));
    assert_eq!(directory.user(&nobody).await?, None);
    assert_eq!(directory.user_by_email("nobody@example.com").await?, None);
    assert_eq!(
        directory
            .update_profile(&nobody, ProfileDetails::default(), at(0))
            .await?,
        None
    );
    assert!(!directory.set_password(&nobody, Secret::new("hash"), at(0)).await?);
    assert!(!directory.set_email(&nobody, "x@example.com", at(0)).await?);
    assert!(!directory.set_otp(&nobody, otp("123456", 60), at(0)).await?);
    assert!(
        !directory
            .set_reset_token("nobody@example.com", token(b"t", 60), at(0))
            .await?
    );
    assert!(!directory.delete_user(&nobody, at(0), at(0)).await?);
    assert_eq!(
        directory
            .verify_email(check("nobody@example.com", "123456"), at(0))
            .await?,
        OtpOutcome::UserGone
    );
    Ok(())
}

pub async fn a_profile_keeps_what_is_not_given(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    let first = ProfileDetails {
        height: Some(171.5),
        gender: Some("Female".into()),
        ..ProfileDetails::default()
    };
    let second = ProfileDetails {
        height: Some(172.0),
        purpose: Some("Health".into()),
        ..ProfileDetails::default()
    };
    directory.update_profile(&user.id, first, at(1)).await?;
    let after = directory
        .update_profile(&user.id, second, at(2))
        .await?
        .ok_or("there is such a user")?;
    assert_eq!(after.profile.height, Some(172.0));
    assert_eq!(
        (after.profile.gender.as_deref(), after.profile.purpose.as_deref()),
        (Some("Female"), Some("Health"))
    );
    assert_eq!(
        (after.updated_at, after.created_at, after.weight_history.len()),
        (at(2), user.created_at, 0)
    );
    Ok(())
}

pub async fn a_weight_that_differs_joins_the_history(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    for (seconds, weight) in [(1, 70.0), (2, 70.0), (3, 71.5), (4, 70.0)] {
        let change = ProfileDetails {
            weight: Some(weight),
            ..ProfileDetails::default()
        };
        directory.update_profile(&user.id, change, at(seconds)).await?;
    }
    let after = directory.user(&user.id).await?.ok_or("there is such a user")?;
    let history: Vec<_> = after
        .weight_history
        .iter()
        .map(|entry| (entry.date, entry.weight))
        .collect();
    assert_eq!(history, [(at(1), 70.0), (at(3), 71.5), (at(4), 70.0)]);
    Ok(())
}

pub async fn a_one_time_password_verifies_once(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    assert_eq!(
        directory.verify_email(check("a@example.com", ""), at(0)).await?,
        OtpOutcome::Invalid
    );
    directory.set_otp(&user.id, otp("123456", 60), at(0)).await?;
    assert_eq!(
        directory.verify_email(check("A@example.com", "654321"), at(1)).await?,
        OtpOutcome::Invalid
    );
    assert_eq!(
        directory.verify_email(check("A@example.com", "123456"), at(2)).await?,
        OtpOutcome::Verified
    );
    assert_eq!(
        directory.verify_email(check("a@example.com", "123456"), at(3)).await?,
        OtpOutcome::Invalid
    );
    let after = directory.user(&user.id).await?.ok_or("there is such a user")?;
    assert!(after.is_verified && after.otp.is_none());
    Ok(())
}

pub async fn a_one_time_password_expires(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    directory.set_otp(&user.id, otp("123456", 60), at(0)).await?;
    assert_eq!(
        directory.verify_email(check("a@example.com", "123456"), at(60)).await?,
        OtpOutcome::Expired
    );
    assert_eq!(
        directory.verify_email(check("a@example.com", "123456"), at(59)).await?,
        OtpOutcome::Verified
    );
    Ok(())
}

pub async fn a_one_time_password_bears_so_many_attempts_and_no_more(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    directory.set_otp(&user.id, otp("123456", 60), at(0)).await?;
    for _ in 0..3 {
        assert_eq!(
            directory.verify_email(check("a@example.com", "0"), at(1)).await?,
            OtpOutcome::Invalid
        );
    }
    assert_eq!(
        directory.verify_email(check("a@example.com", "123456"), at(1)).await?,
        OtpOutcome::Expired
    );
    directory.set_otp(&user.id, otp("777777", 60), at(2)).await?;
    assert_eq!(
        directory.verify_email(check("a@example.com", "777777"), at(3)).await?,
        OtpOutcome::Verified
    );
    Ok(())
}

pub async fn a_password_is_reset_once(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    assert!(
        directory
            .set_reset_token("A@example.com", token(b"t", 60), at(0))
            .await?
    );
    assert!(
        !directory
            .reset_password(&Sha256::of(b"other"), Secret::new("new"), at(1))
            .await?
    );
    assert!(
        directory
            .reset_password(&Sha256::of(b"t"), Secret::new("new"), at(1))
            .await?
    );
    assert!(
        !directory
            .reset_password(&Sha256::of(b"t"), Secret::new("newer"), at(1))
            .await?
    );
    let after = directory.user(&user.id).await?.ok_or("there is such a user")?;
    assert_eq!((after.password_hash.expose(), after.reset_token), ("new", None));
    Ok(())
}

pub async fn a_reset_token_expires(directory: &dyn Directory) -> Outcome {
    add(directory, "a@example.com").await?;
    directory
        .set_reset_token("a@example.com", token(b"t", 60), at(0))
        .await?;
    assert!(
        !directory
            .reset_password(&Sha256::of(b"t"), Secret::new("new"), at(60))
            .await?
    );
    assert!(
        directory
            .reset_password(&Sha256::of(b"t"), Secret::new("new"), at(59))
            .await?
    );
    Ok(())
}

pub async fn a_later_reset_token_and_a_new_password_end_an_earlier_token(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    directory
        .set_reset_token("a@example.com", token(b"one", 60), at(0))
        .await?;
    directory
        .set_reset_token("a@example.com", token(b"two", 60), at(0))
        .await?;
    assert!(
        !directory
            .reset_password(&Sha256::of(b"one"), Secret::new("new"), at(1))
            .await?
    );
    directory.set_password(&user.id, Secret::new("own"), at(1)).await?;
    assert!(
        !directory
            .reset_password(&Sha256::of(b"two"), Secret::new("new"), at(1))
            .await?
    );
    Ok(())
}

/// Adds a user with this email.
pub(super) async fn add(directory: &dyn Directory, email: &str) -> Result<User, BoxError> {
    Ok(directory.create_user(new_user(email), at(0)).await?)
}

pub(super) fn new_user(email: &str) -> NewUser {
    NewUser {
        name: "Asha Rao".into(),
        email: email.into(),
        password_hash: Secret::new("hash"),
        role: Role::User,
        is_verified: false,
        otp: None,
    }
}

pub(super) fn otp(code: &str, expires_at: i64) -> Otp {
    Otp {
        code: Secret::new(code),
        expires_at: at(expires_at),
    }
}

pub(super) fn check(email: &str, code: &str) -> OtpCheck {
    OtpCheck {
        email: email.into(),
        code: Secret::new(code),
        max_attempts: 3,
    }
}

pub(super) fn token(token: &[u8], expires_at: i64) -> ResetToken {
    ResetToken {
        sha256: Sha256::of(token),
        expires_at: at(expires_at),
    }
}
