//! The contract of [`crate::Posts`], second part: what posts show, and how long.

use visage_cloudinary::ResourceType;

use super::directory::add;
use super::media::id;
use super::posts::{Both, comment, contents, only, page, text};
use super::{Outcome, at};
use crate::directory::{Claim, ExchangeError, ExpiredMedia, MediaOwner, MediaReference, PendingMedia, Relocation};
use crate::error::BoxError;
use crate::ids::UserId;
use crate::posts::{Deletion, NewPost, Post, PostMedia};

pub async fn a_post_with_a_medium_ends_its_exchange_and_tells_when_the_medium_is_due(store: &impl Both) -> Outcome {
    let user = add(store, "a@example.com").await?.id;
    for (name, kind) in [("p1", ResourceType::Image), ("p2", ResourceType::Video)] {
        let post = publish(store, user, name, kind, 5).await?;
        assert_eq!(post.media, Some(medium(name, kind)?));
        assert_eq!(page(store, 0, 1, 6).await?.posts, [post]);
        assert!(store.is_referenced(name).await?);
        assert!(store.is_in_use(name).await?);
    }
    assert_eq!(store.media_counts().await?.pending, 0);
    assert_eq!(
        store.all_expired(None, 10).await?,
        [
            expired("p1", ResourceType::Image, 105),
            expired("p2", ResourceType::Video, 105)
        ]
    );
    Ok(())
}

pub async fn a_post_whose_exchange_was_settled_is_not_published(store: &impl Both) -> Outcome {
    let user = add(store, "a@example.com").await?.id;
    begin(store, "p1", ResourceType::Image, 1).await?;
    assert_eq!(store.settle_pending(at(2), at(2), 10).await?, 1);
    for name in ["p1", "never-begun"] {
        let late = store
            .publish_post(with_medium(user, name, ResourceType::Image, 3)?)
            .await;
        assert!(matches!(late, Err(ExchangeError::PendingGone)), "{late:?}");
    }
    assert_eq!(page(store, 0, 10, 3).await?.total, 0);
    // Nor was a time set for what it would have shown.
    assert_eq!(
        store.all_expired(None, 10).await?,
        [expired("p1", ResourceType::Image, 2)]
    );
    Ok(())
}

pub async fn a_post_of_a_user_who_is_gone_is_not_published(store: &impl Both) -> Outcome {
    let nobody = UserId::new(at(0));
    begin(store, "p1", ResourceType::Video, 1).await?;
    for post in [text(nobody, "a", 1), with_medium(nobody, "p1", ResourceType::Video, 1)?] {
        let refused = store.publish_post(post).await;
        assert!(matches!(refused, Err(ExchangeError::UserGone)), "{refused:?}");
    }
    assert_eq!(page(store, 0, 10, 1).await?.total, 0);
    store.release_pending(&id("p1")?, at(2)).await?;
    assert_eq!(
        store.all_expired(None, 10).await?,
        [expired("p1", ResourceType::Video, 2)]
    );
    Ok(())
}

pub async fn a_post_goes_when_its_author_wants_that_and_its_medium_is_due_at_once(store: &impl Both) -> Outcome {
    let (user, other) = (
        add(store, "a@example.com").await?.id,
        add(store, "b@example.com").await?.id,
    );
    let post = publish(store, user, "p1", ResourceType::Video, 0).await?.id;
    comment(store, post, other, "hey", 1).await?;
    store.toggle_like(&post, &other, at(1)).await?;
    for (by, expected) in [
        (Some(other), Deletion::NotAllowed),
        (None, Deletion::NotAllowed),
        (Some(user), Deletion::Deleted),
        (Some(user), Deletion::PostGone),
    ] {
        assert_eq!(store.delete_post(&post, by, at(2)).await?, expected, "{by:?}");
    }
    assert_eq!(page(store, 0, 10, 2).await?.total, 0);
    assert_eq!(
        store.due_expired_media(at(2), 10).await?,
        [expired("p1", ResourceType::Video, 2)]
    );
    assert_eq!(store.claim_expired("p1", at(2)).await?, Claim::Destroy);
    Ok(())
}

pub async fn posts_and_comments_outlive_their_authors(store: &impl Both) -> Outcome {
    let (user, other) = (
        add(store, "a@example.com").await?.id,
        add(store, "b@example.com").await?.id,
    );
    let post = publish(store, user, "p1", ResourceType::Image, 0).await?.id;
    comment(store, post, user, "mine", 1).await?;
    comment(store, post, other, "other", 1).await?;
    assert!(store.delete_user(&user, at(2), at(2)).await?);
    let found = only(store, 3).await?;
    assert_eq!(
        (found.author, found.media),
        (None, Some(medium("p1", ResourceType::Image)?))
    );
    let authors: Vec<_> = found
        .comments
        .iter()
        .map(|comment| comment.author.as_ref().map(|one| one.id))
        .collect();
    assert_eq!(authors, [None, Some(other)]);
    Ok(())
}

pub async fn expired_posts_are_removed_longest_due_first_and_no_more_than_asked(store: &impl Both) -> Outcome {
    let user = add(store, "a@example.com").await?.id;
    for (name, now) in [("c", 3), ("a", 1), ("b", 2)] {
        let post = publish(store, user, name, ResourceType::Image, now).await?.id;
        comment(store, post, user, "hey", now).await?;
        store.toggle_like(&post, &user, at(now)).await?;
    }
    assert_eq!(store.remove_expired_posts(at(100), 10).await?, 0);
    assert_eq!(store.remove_expired_posts(at(102), 1).await?, 1);
    assert!(!store.is_referenced("a").await? && store.is_referenced("b").await?);
    assert_eq!(store.remove_expired_posts(at(102), 10).await?, 1);
    assert_eq!(store.remove_expired_posts(at(102), 10).await?, 0);
    assert_eq!(contents(&page(store, 0, 10, 102).await?), "c");
    let due: Vec<_> = store
        .due_expired_media(at(102), 10)
        .await?
        .into_iter()
        .map(|one| one.public_id)
        .collect();
    assert_eq!(due, ["a", "b"]);
    Ok(())
}

pub async fn a_medium_is_in_use_until_its_post_is_removed(store: &impl Both) -> Outcome {
    let user = add(store, "a@example.com").await?.id;
    publish(store, user, "p1", ResourceType::Image, 0).await?;
    assert_eq!(store.claim_expired("p1", at(99)).await?, Claim::NotDue);
    // Its time is up, and yet: should the clock be turned back now, the post is there again.
    assert_eq!(store.claim_expired("p1", at(100)).await?, Claim::Referenced);
    assert_eq!(contents(&page(store, 0, 10, 99).await?), "p1");
    assert_eq!(store.due_expired_media(at(200), 10).await?, []);
    assert_eq!(store.remove_expired_posts(at(100), 10).await?, 1);
    assert_eq!(
        store.due_expired_media(at(100), 10).await?,
        [expired("p1", ResourceType::Image, 100)]
    );
    assert_eq!(store.claim_expired("p1", at(100)).await?, Claim::Destroy);
    Ok(())
}

pub async fn a_post_that_expires_at_another_time_takes_its_medium_along(store: &impl Both) -> Outcome {
    let user = add(store, "a@example.com").await?.id;
    let post = publish(store, user, "p1", ResourceType::Image, 0).await?.id;
    for (expires_at, before) in [(200, 199), (50, 49)] {
        assert!(store.set_post_expiry(&post, at(expires_at)).await?);
        assert_eq!(
            store.all_expired(None, 10).await?,
            [expired("p1", ResourceType::Image, expires_at)]
        );
        assert_eq!(only(store, before).await?.expires_at, at(expires_at));
        assert_eq!(store.remove_expired_posts(at(before), 10).await?, 0);
    }
    assert_eq!(store.remove_expired_posts(at(50), 10).await?, 1);
    assert!(!store.set_post_expiry(&post, at(300)).await?);
    assert_eq!(store.claim_expired("p1", at(50)).await?, Claim::Destroy);
    let only_text = store.publish_post(text(user, "a", 60)).await?.id;
    assert!(store.set_post_expiry(&only_text, at(70)).await?);
    assert_eq!(store.remove_expired_posts(at(70), 10).await?, 1);
    Ok(())
}

pub async fn a_medium_of_a_post_moves_between_hosts(store: &impl Both) -> Outcome {
    let user = add(store, "a@example.com").await?.id;
    let post = publish(store, user, "p1", ResourceType::Video, 0).await?.id;
    let relocation = |from_url: &str| -> Result<Relocation, BoxError> {
        Ok(Relocation {
            owner: MediaOwner::Post(post),
            public_id: id("p1")?,
            from_url: from_url.to_owned(),
            to_url: "https://other/p1".to_owned(),
            now: at(9),
        })
    };
    assert!(
        !store.relocate(relocation("https://host/p1")?).await?,
        "it was not begun"
    );
    store.begin_relocation(&id("p1")?, ResourceType::Video, at(1)).await?;
    assert!(!store.relocate(relocation("https://elsewhere/p1")?).await?);
    assert!(store.relocate(relocation("https://host/p1")?).await?);
    assert_eq!(store.media_counts().await?.pending, 0);
    let expected = MediaReference {
        owner: MediaOwner::Post(post),
        url: Some("https://other/p1".to_owned()),
        public_id: Some("p1".to_owned()),
        resource_type: ResourceType::Video,
    };
    assert_eq!(store.references_to("p1").await?, [expected]);
    // When the post goes, so does what was on its way elsewhere.
    store.begin_relocation(&id("p1")?, ResourceType::Video, at(2)).await?;
    assert_eq!(store.remove_expired_posts(at(100), 10).await?, 1);
    assert!(!store.relocate(relocation("https://other/p1")?).await?);
    Ok(())
}

pub async fn audits_page_through_users_and_then_posts(store: &impl Both) -> Outcome {
    let mut owners = Vec::new();
    for n in 0..3 {
        let user = add(store, &format!("user{n}@example.com")).await?.id;
        super::media::exchange(store, user, &format!("user{n}"), 1).await?;
        let post = publish(store, user, &format!("post{n}"), ResourceType::Image, 1).await?;
        store.publish_post(text(user, "nothing to see", 1)).await?;
        owners.extend([MediaOwner::User(user), MediaOwner::Post(post.id)]);
    }
    owners.sort_unstable();
    for size in 1..=7 {
        let mut found: Vec<MediaOwner> = Vec::new();
        loop {
            let page = store.all_references(found.last().copied(), size).await?;
            found.extend(page.iter().map(|reference| reference.owner));
            if page.len() < size {
                break;
            }
        }
        assert_eq!(found, owners, "{size}");
    }
    Ok(())
}

/// A post that says what its medium is called.
fn with_medium(author: UserId, name: &str, kind: ResourceType, now: i64) -> Result<NewPost, BoxError> {
    Ok(NewPost {
        media: Some(medium(name, kind)?),
        ..text(author, name, now)
    })
}

fn medium(name: &str, resource_type: ResourceType) -> Result<PostMedia, BoxError> {
    Ok(PostMedia {
        url: format!("https://host/{name}"),
        public_id: id(name)?,
        resource_type,
    })
}

async fn begin(store: &impl Both, name: &str, resource_type: ResourceType, now: i64) -> Outcome {
    let pending = PendingMedia {
        new: id(name)?,
        replaces: None,
        resource_type,
        begun_at: at(now),
    };
    Ok(store.begin_exchange(pending).await?)
}

/// Begins and publishes.
async fn publish(
    store: &impl Both,
    author: UserId,
    name: &str,
    kind: ResourceType,
    now: i64,
) -> Result<Post, BoxError> {
    begin(store, name, kind, now).await?;
    Ok(store.publish_post(with_medium(author, name, kind, now)?).await?)
}

fn expired(name: &str, resource_type: ResourceType, due_at: i64) -> ExpiredMedia {
    ExpiredMedia {
        public_id: name.to_owned(),
        resource_type,
        due_at: at(due_at),
        attempts: 0,
    }
}
