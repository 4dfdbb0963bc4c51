//! The contract of [`Directory`], fourth part: users and pictures of an earlier installation.

use visage_cloudinary::{ResourceType, Secret};

use super::media::{counts, exchange, expired, id, picture};
use super::{Outcome, at};
use crate::directory::{Directory, MediaOwner, PendingMedia, ProfileImage, Relocation};
use crate::error::BoxError;
use crate::ids::{EntryId, Sha256, UserId};
use crate::moving_in::{AdoptError, Adoption, Imported, SourceFile, UserPicture};
use crate::sessions::Sessions;
use crate::users::{Otp, ProfileDetails, ResetToken, Role, User, WeightEntry};

const OLD_URL: &str = "/uploads/old.jpg";

pub async fn an_imported_user_is_kept_as_it_was(directory: &dyn Directory) -> Outcome {
    let user = imported("Asha@Example.com ", Some(OLD_URL));
    assert_eq!(directory.import_users(vec![user.clone()]).await?, [Imported::Created]);
    let expected = User {
        email: "asha@example.com".to_owned(),
        ..user.clone()
    };
    assert_eq!(directory.user(&user.id).await?, Some(expected));
    assert_eq!(directory.count_users().await?, 1);
    Ok(())
}

pub async fn an_import_leaves_who_is_there_alone_and_takes_no_email_twice(directory: &dyn Directory) -> Outcome {
    let user = imported("a@example.com", None);
    directory.import_users(vec![user.clone()]).await?;
    let again = User {
        name: "Somebody else".to_owned(),
        ..user.clone()
    };
    let taken = imported("A@example.com", None);
    let other = imported("b@example.com", None);
    let all = vec![again, taken.clone(), other.clone(), other.clone()];
    assert_eq!(
        directory.import_users(all).await?,
        [
            Imported::Existed,
            Imported::EmailTaken,
            Imported::Created,
            Imported::Existed
        ]
    );
    assert_eq!(directory.user(&taken.id).await?, None);
    assert_eq!(directory.user(&user.id).await?, Some(user));
    assert_eq!(directory.count_users().await?, 2);
    Ok(())
}

pub async fn all_users_are_listed_with_and_without_a_picture(directory: &dyn Directory) -> Outcome {
    let [with, without] = [
        imported("a@example.com", Some(OLD_URL)),
        imported("b@example.com", None),
    ];
    directory.import_users(vec![with.clone(), without.clone()]).await?;
    let mut expected = [with, without].map(|user| UserPicture {
        user_id: user.id,
        url: user.profile_image,
        public_id: None,
        migrated: None,
    });
    expected.sort_by_key(|picture| picture.user_id);
    assert_eq!(directory.all_user_pictures(None, 10).await?, expected);
    assert_eq!(directory.all_user_pictures(None, 1).await?, expected[..1]);
    let after = expected[0].user_id;
    assert_eq!(directory.all_user_pictures(Some(after), 10).await?, expected[1..]);
    Ok(())
}

pub async fn an_adopted_picture_is_the_users_and_what_it_had_is_noted(directory: &dyn Directory) -> Outcome {
    let user = imported("a@example.com", Some(OLD_URL));
    directory.import_users(vec![user.clone()]).await?;
    begin(directory, "p1").await?;
    let migrated = directory.adopt_profile_image(adoption(&user, "p1")?).await?;
    let after = directory.user(&user.id).await?.ok_or("there is such a user")?;
    assert_eq!(picture(&after), (Some("https://host/p1"), Some("p1")));
    assert_eq!(after.updated_at, at(100));
    assert_eq!(directory.media_counts().await?, counts(0, 0));
    assert_eq!(
        (migrated.old_url.as_str(), migrated.old_updated_at),
        (OLD_URL, Some(user.updated_at))
    );
    assert_eq!(directory.migrated_picture(&id("p1")?).await?.as_ref(), Some(&migrated));
    let listed = directory.all_user_pictures(None, 10).await?;
    assert_eq!(listed[0].migrated.as_ref(), Some(&migrated));
    // A picture that was set later did not come from a file.
    exchange(directory, user.id, "p2", 200).await?;
    assert_eq!(directory.all_user_pictures(None, 10).await?[0].migrated, None);
    assert!(directory.delete_user(&user.id, at(300), at(300)).await?);
    assert_eq!(directory.migrated_picture(&id("p1")?).await?, None);
    Ok(())
}

pub async fn a_picture_that_was_set_meanwhile_wins_over_an_adoption(directory: &dyn Directory) -> Outcome {
    let user = imported("a@example.com", Some(OLD_URL));
    directory.import_users(vec![user.clone()]).await?;
    begin(directory, "p1").await?;
    let other_id = Adoption {
        old_public_id: Some("p0".to_owned()),
        ..adoption(&user, "p1")?
    };
    exchange(directory, user.id, "p2", 20).await?;
    let gone = imported("b@example.com", Some(OLD_URL));
    for adoption in [adoption(&user, "p1")?, other_id, adoption(&gone, "p1")?] {
        let refused = directory.adopt_profile_image(adoption).await;
        assert!(matches!(refused, Err(AdoptError::Superseded)), "{refused:?}");
    }
    let after = directory.user(&user.id).await?.ok_or("there is such a user")?;
    assert_eq!(picture(&after), (Some("https://host/p2"), Some("p2")));
    assert_eq!(directory.media_counts().await?, counts(1, 0));
    assert_eq!(directory.migrated_picture(&id("p1")?).await?, None);
    Ok(())
}

pub async fn an_adoption_that_was_settled_cannot_be_committed(directory: &dyn Directory) -> Outcome {
    let user = imported("a@example.com", Some(OLD_URL));
    directory.import_users(vec![user.clone()]).await?;
    begin(directory, "p1").await?;
    assert_eq!(directory.settle_pending(at(51), at(60), 10).await?, 1);
    let refused = directory.adopt_profile_image(adoption(&user, "p1")?).await;
    assert!(matches!(refused, Err(AdoptError::PendingGone)), "{refused:?}");
    assert_eq!(directory.user(&user.id).await?, Some(user));
    Ok(())
}

pub async fn a_public_id_that_an_adoption_replaces_is_retired(directory: &dyn Directory) -> Outcome {
    let mut user = imported("a@example.com", Some(OLD_URL));
    user.cloudinary_id = Some("p0".to_owned());
    directory.import_users(vec![user.clone()]).await?;
    begin(directory, "p1").await?;
    directory.adopt_profile_image(adoption(&user, "p1")?).await?;
    assert_eq!(directory.all_expired(None, 10).await?, [expired("p0", 700, 0)]);
    Ok(())
}

pub async fn an_adoption_undone_gives_back_exactly_what_was_there(directory: &dyn Directory) -> Outcome {
    let user = imported("a@example.com", Some(OLD_URL));
    directory.import_users(vec![user.clone()]).await?;
    begin(directory, "p1").await?;
    directory.adopt_profile_image(adoption(&user, "p1")?).await?;
    assert!(directory.undo_adoption(&id("p1")?, at(800)).await?);
    assert_eq!(directory.user(&user.id).await?, Some(user.clone()));
    assert_eq!(directory.all_expired(None, 10).await?, [expired("p1", 800, 0)]);
    assert_eq!(directory.migrated_picture(&id("p1")?).await?, None);
    assert!(!directory.undo_adoption(&id("p1")?, at(900)).await?);
    assert_eq!(directory.all_expired(None, 10).await?, [expired("p1", 800, 0)]);
    Ok(())
}

pub async fn an_undo_leaves_a_newer_picture_and_other_changes_alone(directory: &dyn Directory) -> Outcome {
    let [replaced, changed] = [
        imported("a@example.com", Some(OLD_URL)),
        imported("b@example.com", Some(OLD_URL)),
    ];
    directory.import_users(vec![replaced.clone(), changed.clone()]).await?;
    for (user, name) in [(&replaced, "p1"), (&changed, "p2")] {
        begin(directory, name).await?;
        directory.adopt_profile_image(adoption(user, name)?).await?;
    }
    exchange(directory, replaced.id, "p3", 200).await?;
    let heavier = ProfileDetails {
        weight: Some(99.0),
        ..ProfileDetails::default()
    };
    directory.update_profile(&changed.id, heavier, at(300)).await?;
    assert!(!directory.undo_adoption(&id("p1")?, at(800)).await?);
    assert!(directory.undo_adoption(&id("p2")?, at(800)).await?);
    let [replaced, changed] = [directory.user(&replaced.id).await?, directory.user(&changed.id).await?];
    let (replaced, changed) = replaced.zip(changed).ok_or("there are such users")?;
    assert_eq!(picture(&replaced), (Some("https://host/p3"), Some("p3")));
    assert_eq!(picture(&changed), (Some(OLD_URL), None));
    assert_eq!((changed.profile.weight, changed.updated_at), (Some(99.0), at(300)));
    Ok(())
}

pub async fn an_adoption_is_undone_also_when_its_picture_has_moved_to_another_host(
    directory: &dyn Directory,
) -> Outcome {
    let user = imported("a@example.com", Some(OLD_URL));
    directory.import_users(vec![user.clone()]).await?;
    begin(directory, "p1").await?;
    directory.adopt_profile_image(adoption(&user, "p1")?).await?;
    directory
        .begin_relocation(&id("p1")?, ResourceType::Image, at(200))
        .await?;
    let relocation = Relocation {
        owner: MediaOwner::User(user.id),
        public_id: id("p1")?,
        from_url: "https://host/p1".to_owned(),
        to_url: "https://other/p1".to_owned(),
        now: at(201),
    };
    assert!(directory.relocate(relocation).await?);
    assert!(directory.undo_adoption(&id("p1")?, at(800)).await?);
    let after = directory.user(&user.id).await?.ok_or("there is such a user")?;
    assert_eq!(picture(&after), (Some(OLD_URL), None));
    assert_eq!(directory.all_expired(None, 10).await?, [expired("p1", 800, 0)]);
    Ok(())
}

async fn begin(directory: &dyn Directory, name: &str) -> Outcome {
    let pending = PendingMedia {
        new: id(name)?,
        replaces: None,
        resource_type: ResourceType::Image,
        begun_at: at(50),
    };
    Ok(directory.begin_exchange(pending).await?)
}

fn adoption(user: &User, name: &str) -> Result<Adoption, BoxError> {
    Ok(Adoption {
        user_id: user.id,
        new: ProfileImage {
            url: format!("https://host/{name}"),
            public_id: id(name)?,
        },
        old_url: user.profile_image.clone().unwrap_or_default(),
        old_public_id: user.cloudinary_id.clone(),
        source: SourceFile {
            folder: "/srv/uploads".into(),
            file: "old.jpg".into(),
            sha256: Sha256::of(b"source"),
        },
        stored_sha256: Sha256::of(b"stored"),
        retire_at: at(700),
        now: at(100),
    })
}

/// A user about whom everything is known.
fn imported(email: &str, url: Option<&str>) -> User {
    let entry = |seconds, weight| WeightEntry {
        id: EntryId::new(at(seconds)),
        date: at(seconds),
        weight,
    };
    User {
        id: UserId::new(at(1)),
        name: "Asha Rao".to_owned(),
        email: email.to_owned(),
        password_hash: Secret::new("$2b$10$hash"),
        role: Role::Admin,
        is_verified: true,
        suspended: true,
        profile_image: url.map(str::to_owned),
        cloudinary_id: None,
        otp: Some(Otp {
            code: Secret::new("123456"),
            expires_at: at(5),
        }),
        reset_token: Some(ResetToken {
            sha256: Sha256::of(b"token"),
            expires_at: at(6),
        }),
        profile: ProfileDetails {
            weight: Some(70.5),
            height: Some(171.0),
            gender: Some("Female".to_owned()),
            dob: Some("1990-01-01".to_owned()),
            purpose: Some("Health".to_owned()),
            fitness_goal: Some("Run".to_owned()),
            short_term_goal: Some("Walk".to_owned()),
            health_issues: Some("None".to_owned()),
        },
        weight_history: vec![entry(2, 71.0), entry(3, 70.5)],
        trainer_preference: "Ravi".to_owned(),
        sessions: Sessions::default(),
        joining_date: at(1),
        created_at: at(2),
        updated_at: at(3),
    }
}
