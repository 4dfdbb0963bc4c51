//! The contract of [`Directory`], second part: pictures that come and go.

use futures_util::future::try_join_all;
use visage_cloudinary::{PublicId, ResourceType};

use super::directory::add;
use super::{Outcome, at};
use crate::directory::{
    Claim, Directory, Exchange, ExchangeError, Exchanged, ExpiredMedia, MediaCounts, MediaReference, PendingMedia,
    ProfileImage,
};
use crate::error::BoxError;
use crate::ids::UserId;
use crate::users::User;

pub async fn an_exchange_sets_the_picture_and_retires_the_one_found(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    let first = exchange(directory, user.id, "p1", 1).await?;
    assert_eq!((first.old_url, first.old_public_id), (None, None));
    assert_eq!(picture(&first.user), (Some("https://host/p1"), Some("p1")));
    assert_eq!(first.user.updated_at, at(1));
    let second = exchange(directory, user.id, "p2", 2).await?;
    assert_eq!(
        (second.old_url.as_deref(), second.old_public_id.as_deref()),
        (Some("https://host/p1"), Some("p1"))
    );
    assert_eq!(directory.user(&user.id).await?, Some(second.user));
    assert_eq!(directory.all_expired(None, 10).await?, [expired("p1", 602, 0)]);
    assert_eq!(directory.media_counts().await?, counts(0, 1));
    Ok(())
}

pub async fn an_exchange_with_nothing_new_clears_the_picture(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    let clear = Exchange {
        user_id: user.id,
        new: None,
        retire_at: at(610),
        now: at(10),
    };
    let cleared = directory.exchange_profile_image(clear.clone()).await?;
    assert_eq!(
        (picture(&cleared.user), cleared.old_public_id.as_deref()),
        ((None, None), Some("p1"))
    );
    let again = directory.exchange_profile_image(clear).await?;
    assert_eq!((again.old_url, again.old_public_id), (None, None));
    assert_eq!(directory.all_expired(None, 10).await?, [expired("p1", 610, 0)]);
    assert_eq!(directory.all_references(None, 10).await?, []);
    Ok(())
}

pub async fn an_exchange_that_is_not_pending_changes_nothing(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    for new in ["never-begun", "p1"] {
        let refused = directory.exchange_profile_image(commit_of(user.id, new, 2)?).await;
        assert!(matches!(refused, Err(ExchangeError::PendingGone)), "{refused:?}");
    }
    let after = directory.user(&user.id).await?.ok_or("there is such a user")?;
    assert_eq!((picture(&after).1, after.updated_at), (Some("p1"), at(1)));
    assert_eq!(directory.all_expired(None, 10).await?, []);
    Ok(())
}

pub async fn an_exchange_begins_only_once(directory: &dyn Directory) -> Outcome {
    begin(directory, "p1", None, 0).await?;
    assert!(begin(directory, "p1", None, 0).await.is_err());
    Ok(())
}

pub async fn an_exchange_for_a_user_who_is_gone_stays_pending(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    begin(directory, "p1", None, 0).await?;
    directory.delete_user(&user.id, at(600), at(0)).await?;
    let refused = directory.exchange_profile_image(commit_of(user.id, "p1", 1)?).await;
    assert!(matches!(refused, Err(ExchangeError::UserGone)), "{refused:?}");
    assert_eq!(directory.media_counts().await?, counts(1, 0));
    Ok(())
}

pub async fn a_deleted_users_picture_is_retired(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    assert!(directory.delete_user(&user.id, at(605), at(5)).await?);
    assert_eq!(directory.user(&user.id).await?, None);
    assert_eq!(directory.all_expired(None, 10).await?, [expired("p1", 605, 0)]);
    assert_eq!(directory.claim_expired("p1", at(605)).await?, Claim::Destroy);
    Ok(())
}

pub async fn many_exchanges_at_once_retire_each_old_picture_exactly_once(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    let names: Vec<_> = (0..20).map(|n| format!("p{n}")).collect();
    let exchanged = try_join_all(names.iter().map(|name| exchange(directory, user.id, name, 1))).await?;
    let mut retired: Vec<_> = exchanged
        .into_iter()
        .filter_map(|exchanged| exchanged.old_public_id)
        .collect();
    let current = directory
        .user(&user.id)
        .await?
        .and_then(|user| user.cloudinary_id)
        .ok_or("it has a picture")?;
    let expired = directory.all_expired(None, 100).await?;
    assert_eq!((retired.len(), expired.len()), (19, 19));
    retired.push(current);
    retired.sort_unstable();
    retired.dedup();
    assert_eq!(retired.len(), 20);
    assert!(expired.iter().all(|expired| retired.contains(&expired.public_id)));
    Ok(())
}

pub async fn only_stale_exchanges_are_settled_and_no_more_than_asked(directory: &dyn Directory) -> Outcome {
    begin(directory, "p1", Some("old/1"), 0).await?;
    begin(directory, "p2", None, 1).await?;
    begin(directory, "p3", None, 2).await?;
    assert_eq!(directory.settle_pending(at(0), at(100), 10).await?, 0);
    assert_eq!(directory.settle_pending(at(2), at(100), 1).await?, 1);
    assert_eq!(
        directory.all_expired(None, 10).await?,
        [expired("old/1", 100, 0), expired("p1", 100, 0)]
    );
    assert_eq!(directory.settle_pending(at(2), at(101), 10).await?, 1);
    let pending = PendingMedia {
        new: id("p3")?,
        replaces: None,
        resource_type: ResourceType::Image,
        begun_at: at(2),
    };
    assert_eq!(directory.all_pending(None, 10).await?, [pending]);
    Ok(())
}

pub async fn a_settled_exchange_cannot_be_committed(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    begin(directory, "p2", Some("p1"), 2).await?;
    directory.settle_pending(at(3), at(100), 10).await?;
    let late = directory.exchange_profile_image(commit_of(user.id, "p2", 101)?).await;
    assert!(matches!(late, Err(ExchangeError::PendingGone)), "{late:?}");
    assert_eq!(directory.claim_expired("p2", at(101)).await?, Claim::Destroy);
    assert_eq!(directory.claim_expired("p1", at(101)).await?, Claim::Referenced);
    Ok(())
}

pub async fn settling_does_not_shorten_the_grace_of_a_retired_picture(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    begin(directory, "stuck", Some("p1"), 2).await?;
    exchange(directory, user.id, "p2", 99).await?;
    directory.settle_pending(at(50), at(100), 10).await?;
    assert_eq!(directory.claim_expired("p1", at(698)).await?, Claim::NotDue);
    assert_eq!(directory.claim_expired("p1", at(699)).await?, Claim::Destroy);
    Ok(())
}

pub async fn a_released_exchange_is_due_at_once(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    begin(directory, "p1", None, 0).await?;
    directory.release_pending(&id("p1")?, at(5)).await?;
    assert_eq!(directory.due_expired_media(at(5), 10).await?, [expired("p1", 5, 0)]);
    let late = directory.exchange_profile_image(commit_of(user.id, "p1", 6)?).await;
    assert!(matches!(late, Err(ExchangeError::PendingGone)), "{late:?}");
    Ok(())
}

pub async fn releasing_a_committed_exchange_does_nothing(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    directory.release_pending(&id("p1")?, at(5)).await?;
    assert_eq!(directory.media_counts().await?, MediaCounts::default());
    Ok(())
}

pub async fn a_picture_in_use_is_not_claimed_and_no_longer_expired(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    begin(directory, "failed", Some("p1"), 2).await?;
    directory.settle_pending(at(3), at(100), 10).await?;
    assert!(directory.is_referenced("p1").await? && !directory.is_referenced("failed").await?);
    assert_eq!(directory.claim_expired("p1", at(100)).await?, Claim::Referenced);
    assert_eq!(directory.claim_expired("p1", at(100)).await?, Claim::NotDue);
    assert_eq!(directory.claim_expired("failed", at(100)).await?, Claim::Destroy);
    directory.drop_expired("failed").await?;
    directory.drop_expired("failed").await?;
    assert_eq!(directory.media_counts().await?, MediaCounts::default());
    Ok(())
}

pub async fn a_picture_retired_after_it_was_listed_keeps_its_grace(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    begin(directory, "failed", Some("p1"), 2).await?;
    directory.settle_pending(at(3), at(100), 10).await?;
    let listed = directory.due_expired_media(at(100), 10).await?;
    assert!(listed.contains(&expired("p1", 100, 0)));
    exchange(directory, user.id, "p2", 100).await?;
    assert_eq!(directory.claim_expired("p1", at(101)).await?, Claim::NotDue);
    assert_eq!(directory.claim_expired("p1", at(700)).await?, Claim::Destroy);
    Ok(())
}

pub async fn expired_media_come_longest_due_first_and_no_more_than_asked(directory: &dyn Directory) -> Outcome {
    for (name, now) in [("p1", 30), ("p2", 10), ("p3", 20)] {
        begin(directory, name, None, 0).await?;
        directory.release_pending(&id(name)?, at(now)).await?;
    }
    assert_eq!(directory.due_expired_media(at(9), 10).await?, []);
    let all = [expired("p2", 10, 0), expired("p3", 20, 0), expired("p1", 30, 0)];
    assert_eq!(directory.due_expired_media(at(30), 10).await?, all);
    assert_eq!(directory.due_expired_media(at(29), 10).await?, all[..2]);
    assert_eq!(directory.due_expired_media(at(30), 1).await?, all[..1]);
    Ok(())
}

pub async fn postponed_media_come_back_later_with_one_more_attempt(directory: &dyn Directory) -> Outcome {
    begin(directory, "p1", None, 0).await?;
    directory.release_pending(&id("p1")?, at(1)).await?;
    directory.postpone_expired("p1", at(50)).await?;
    directory.postpone_expired("p1", at(60)).await?;
    assert_eq!(directory.claim_expired("p1", at(59)).await?, Claim::NotDue);
    assert_eq!(directory.due_expired_media(at(60), 10).await?, [expired("p1", 60, 2)]);
    Ok(())
}

pub async fn audits_page_through_all_media(directory: &dyn Directory) -> Outcome {
    for n in 0..5 {
        let user = add(directory, &format!("user{n}@example.com")).await?;
        exchange(directory, user.id, &format!("old{n}"), 1).await?;
        exchange(directory, user.id, &format!("new{n}"), 2).await?;
        begin(directory, &format!("pending{n}"), None, 3).await?;
    }
    let (mut references, mut pending, mut expired) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..4 {
        let after: Option<&MediaReference> = references.last();
        references.extend(
            directory
                .all_references(after.map(|reference| reference.owner), 2)
                .await?,
        );
        let after: Option<&PendingMedia> = pending.last();
        pending.extend(
            directory
                .all_pending(after.map(|pending| pending.new.to_string()), 2)
                .await?,
        );
        let after: Option<&ExpiredMedia> = expired.last();
        expired.extend(
            directory
                .all_expired(after.map(|expired| expired.public_id.clone()), 2)
                .await?,
        );
    }
    assert_eq!((references.len(), pending.len(), expired.len()), (5, 5, 5));
    assert!(references.is_sorted_by(|a, b| a.owner < b.owner) && pending.is_sorted_by(|a, b| a.new < b.new));
    assert!(expired.is_sorted_by(|a, b| a.public_id < b.public_id));
    Ok(())
}

pub async fn what_a_user_or_an_exchange_names_is_in_use(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "asha@example.com").await?;
    exchange(directory, user.id, "shown", 1).await?;
    begin(directory, "new", Some("replaced"), 2).await?;
    for (name, expected) in [
        ("shown", true),
        ("new", true),
        ("replaced", true),
        ("none", false),
        ("Shown", false),
    ] {
        assert_eq!(directory.is_in_use(name).await?, expected, "{name}");
    }
    directory.release_pending(&id("new")?, at(3)).await?;
    exchange(directory, user.id, "next", 4).await?;
    for name in ["shown", "new", "replaced"] {
        assert!(!directory.is_in_use(name).await?, "{name} is expired media");
    }
    Ok(())
}

/// Begins and commits; the old picture may be destroyed ten minutes later.
pub(super) async fn exchange(
    directory: &dyn Directory,
    user_id: UserId,
    new: &str,
    now: i64,
) -> Result<Exchanged, BoxError> {
    begin(directory, new, None, now).await?;
    Ok(directory.exchange_profile_image(commit_of(user_id, new, now)?).await?)
}

async fn begin(directory: &dyn Directory, new: &str, replaces: Option<&str>, now: i64) -> Outcome {
    let (new, replaces) = (id(new)?, replaces.map(str::to_owned));
    let pending = PendingMedia {
        new,
        replaces,
        resource_type: ResourceType::Image,
        begun_at: at(now),
    };
    Ok(directory.begin_exchange(pending).await?)
}

fn commit_of(user_id: UserId, new: &str, now: i64) -> Result<Exchange, BoxError> {
    let new = ProfileImage {
        url: format!("https://host/{new}"),
        public_id: id(new)?,
    };
    Ok(Exchange {
        user_id,
        new: Some(new),
        retire_at: at(now + 600),
        now: at(now),
    })
}

pub(super) fn counts(pending: u64, expired: u64) -> MediaCounts {
    MediaCounts {
        pending,
        expired,
        ..MediaCounts::default()
    }
}

pub(super) fn expired(public_id: &str, due_at: i64, attempts: u32) -> ExpiredMedia {
    ExpiredMedia {
        public_id: public_id.into(),
        resource_type: ResourceType::Image,
        due_at: at(due_at),
        attempts,
    }
}

pub(super) fn picture(user: &User) -> (Option<&str>, Option<&str>) {
    (user.profile_image.as_deref(), user.cloudinary_id.as_deref())
}

pub(super) fn id(text: &str) -> Result<PublicId, BoxError> {
    Ok(PublicId::parse(text)?)
}
