//! The contract of [`Posts`], and of what posts change in [`Directory`].

use futures_util::future::try_join_all;
use visage_cloudinary::ResourceType;

use super::directory::add;
use super::media::id;
use super::{Outcome, at};
use crate::directory::{
    Claim, Directory, ExchangeError, ExpiredMedia, MediaOwner, MediaReference, PendingMedia, Relocation,
};
use crate::error::BoxError;
use crate::ids::{CommentId, PostId, UserId};
use crate::posts::{
    Comment, CommentDeletion, Commented, Deletion, MAX_COMMENTS, MAX_PAGE_COMMENTS, NewComment, NewPost, Post,
    PostMedia, PostPage, PostQuery, Posts,
};

/// One `#[tokio::test]` per function of this module; `$fresh()` gives an empty directory with posts and a guard.
#[macro_export]
macro_rules! posts_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { posts, $fresh,
            posts_are_listed_newest_first_page_by_page
            the_posts_of_one_user_are_listed_alone
            a_post_is_no_more_when_its_time_is_up
            a_post_with_a_medium_ends_its_exchange_and_tells_when_the_medium_is_due
            a_post_whose_exchange_was_settled_is_not_published
            a_post_of_a_user_who_is_gone_is_not_published
            a_like_is_one_however_often_it_is_given_at_once
            comments_stay_in_their_order_and_go_by_their_own_id
            a_comment_goes_when_its_author_or_the_posts_wants_that
            a_post_takes_so_many_comments_and_no_more
            a_page_carries_so_many_comments_and_no_more
            a_post_goes_when_its_author_wants_that_and_its_medium_is_due_at_once
            posts_and_comments_outlive_their_authors
            expired_posts_are_removed_longest_due_first_and_no_more_than_asked
            a_medium_is_in_use_until_its_post_is_removed
            a_post_that_expires_at_another_time_takes_its_medium_along
            a_medium_of_a_post_moves_between_hosts
            audits_page_through_users_and_then_posts
        }
    };
}

/// What holds users and posts.
pub trait Both: Directory + Posts {}

impl<T: Directory + Posts> Both for T {}

pub async fn posts_are_listed_newest_first_page_by_page(store: &impl Both) -> Outcome {
    let user = add(store, "a@example.com").await?.id;
    assert_eq!(
        page(store, 0, 10, 0).await?,
        PostPage {
            posts: Vec::new(),
            total: 0
        }
    );
    for (now, content) in [(3, "c"), (1, "a"), (2, "b"), (3, "d")] {
        let post = store.publish_post(text(user, content, now)).await?;
        let author = post.author.as_ref().ok_or("its author is there")?;
        assert_eq!((author.id, author.name.as_str()), (user, "Asha Rao"));
        assert_eq!(
            (post.content.as_str(), post.created_at, post.expires_at),
            (content, at(now), at(now + 100))
        );
        assert_eq!((post.likes.len(), post.comments.len(), post.revision), (0, 0, 0));
        assert_eq!(
            page(store, 0, 100, 4).await?.posts.iter().find(|one| one.id == post.id),
            Some(&post)
        );
    }
    for (offset, limit, expected) in [
        (0, 10, "dcba"),
        (0, 2, "dc"),
        (2, 2, "ba"),
        (3, 2, "a"),
        (4, 2, ""),
        (u64::MAX, 2, ""),
        (0, 0, ""),
    ] {
        let page = page(store, offset, limit, 4).await?;
        assert_eq!(
            (contents(&page).as_str(), page.total),
            (expected, 4),
            "{offset} {limit}"
        );
    }
    Ok(())
}

pub async fn the_posts_of_one_user_are_listed_alone(store: &impl Both) -> Outcome {
    let (one, other) = (
        add(store, "a@example.com").await?.id,
        add(store, "b@example.com").await?.id,
    );
    for (author, content, now) in [(one, "a", 1), (other, "b", 2), (one, "c", 3)] {
        store.publish_post(text(author, content, now)).await?;
    }
    for (author, now, expected) in [
        (one, 4, "ca"),
        (other, 4, "b"),
        (UserId::new(at(0)), 4, ""),
        (one, 102, "c"),
    ] {
        let page = store
            .posts(PostQuery {
                author: Some(author),
                ..query(0, 10, now)
            })
            .await?;
        assert_eq!(contents(&page), expected);
        assert_eq!(page.total, expected.len() as u64);
    }
    Ok(())
}

pub async fn a_post_is_no_more_when_its_time_is_up(store: &impl Both) -> Outcome {
    let user = add(store, "a@example.com").await?.id;
    let post = store.publish_post(text(user, "a", 0)).await?.id;
    let comment = comment(store, post, user, "hey", 99).await?;
    assert_eq!(contents(&page(store, 0, 10, 99).await?), "a");
    assert!(store.toggle_like(&post, &user, at(99)).await?.is_some());
    let gone = page(store, 0, 10, 100).await?;
    assert_eq!((gone.posts.len(), gone.total), (0, 0));
    assert_eq!(store.toggle_like(&post, &user, at(100)).await?, None);
    let late = NewComment {
        post,
        author: user,
        text: "late".to_owned(),
        now: at(100),
    };
    assert_eq!(store.add_comment(late).await?, Commented::PostGone);
    assert_eq!(
        store.delete_comment(deletion(post, comment.id, user, 100)).await?,
        Deletion::PostGone
    );
    assert_eq!(store.delete_post(&post, Some(user), at(100)).await?, Deletion::PostGone);
    Ok(())
}

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

pub async fn a_like_is_one_however_often_it_is_given_at_once(store: &impl Both) -> Outcome {
    let (one, other) = (
        add(store, "a@example.com").await?.id,
        add(store, "b@example.com").await?.id,
    );
    let post = store.publish_post(text(one, "a", 0)).await?.id;
    let likes = store
        .toggle_like(&post, &other, at(1))
        .await?
        .ok_or("there is such a post")?;
    assert_eq!((likes.users, likes.liked), (vec![other], true));
    let likes = store
        .toggle_like(&post, &one, at(1))
        .await?
        .ok_or("there is such a post")?;
    assert_eq!((likes.users, likes.liked), (vec![other, one], true));
    let likes = store
        .toggle_like(&post, &other, at(2))
        .await?
        .ok_or("there is such a post")?;
    assert_eq!((likes.users, likes.liked), (vec![one], false));
    // An odd number at once: it is liked in the end, once.
    try_join_all((0..5).map(|_| store.toggle_like(&post, &other, at(3)))).await?;
    let found = only(store, 4).await?;
    assert_eq!((found.likes, found.revision), (vec![one, other], 8));
    assert_eq!(store.toggle_like(&PostId::new(at(0)), &one, at(4)).await?, None);
    Ok(())
}

pub async fn comments_stay_in_their_order_and_go_by_their_own_id(store: &impl Both) -> Outcome {
    let user = add(store, "a@example.com").await?.id;
    let post = store.publish_post(text(user, "a", 0)).await?.id;
    let mut comments = Vec::new();
    for text in ["one", "two", "three"] {
        comments.push(comment(store, post, user, text, 1).await?);
    }
    assert_eq!(
        (only(store, 1).await?.comments, only(store, 1).await?.revision),
        (comments.clone(), 3)
    );
    let (second, twice) = (comments.remove(1).id, [Deletion::Deleted, Deletion::CommentGone]);
    for expected in twice {
        assert_eq!(store.delete_comment(deletion(post, second, user, 2)).await?, expected);
    }
    comments.push(comment(store, post, user, "four", 3).await?);
    let found = only(store, 3).await?;
    assert_eq!((found.comments, found.revision), (comments, 5));
    Ok(())
}

pub async fn a_comment_goes_when_its_author_or_the_posts_wants_that(store: &impl Both) -> Outcome {
    let mut users = Vec::new();
    for name in ["a", "b", "c"] {
        users.push(add(store, &format!("{name}@example.com")).await?.id);
    }
    let [owner, guest, stranger] = users[..] else {
        return Err("there are three".into());
    };
    let post = store.publish_post(text(owner, "a", 0)).await?.id;
    for (by, expected) in [
        (Some(stranger), Deletion::NotAllowed),
        (None, Deletion::NotAllowed),
        (Some(owner), Deletion::Deleted),
        (Some(guest), Deletion::Deleted),
    ] {
        let comment = comment(store, post, guest, "hey", 1).await?.id;
        let asked = CommentDeletion {
            by,
            ..deletion(post, comment, guest, 1)
        };
        assert_eq!(store.delete_comment(asked).await?, expected, "{by:?}");
    }
    assert_eq!(only(store, 1).await?.comments.len(), 2);
    Ok(())
}

pub async fn a_post_takes_so_many_comments_and_no_more(store: &impl Both) -> Outcome {
    let user = add(store, "a@example.com").await?.id;
    let post = store.publish_post(text(user, "a", 0)).await?.id;
    for _ in 0..MAX_COMMENTS {
        comment(store, post, user, "hey", 1).await?;
    }
    let one_more = NewComment {
        post,
        author: user,
        text: "one more".to_owned(),
        now: at(1),
    };
    assert_eq!(store.add_comment(one_more.clone()).await?, Commented::Full);
    let found = only(store, 1).await?.comments;
    assert_eq!(found.len(), MAX_COMMENTS);
    store.delete_comment(deletion(post, found[0].id, user, 1)).await?;
    assert!(matches!(store.add_comment(one_more).await?, Commented::Added(_)));
    Ok(())
}

pub async fn a_page_carries_so_many_comments_and_no_more(store: &impl Both) -> Outcome {
    let user = add(store, "a@example.com").await?.id;
    let posts = MAX_PAGE_COMMENTS / MAX_COMMENTS + 2;
    for n in 0..posts {
        let post = store.publish_post(text(user, &n.to_string(), 0)).await?.id;
        let there = if n == 1 { 3 } else { MAX_COMMENTS };
        for m in 0..there {
            comment(store, post, user, &m.to_string(), 1).await?;
        }
    }
    let page = page(store, 0, 10, 1).await?;
    let counts: Vec<usize> = page.posts.iter().map(|post| post.comments.len()).collect();
    assert_eq!(counts.iter().sum::<usize>(), MAX_PAGE_COMMENTS);
    assert!(
        counts[..posts - 2].iter().all(|count| *count == MAX_COMMENTS),
        "{counts:?}"
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

fn query(offset: u64, limit: usize, now: i64) -> PostQuery {
    PostQuery {
        author: None,
        offset,
        limit,
        now: at(now),
    }
}

async fn page(store: &impl Both, offset: u64, limit: usize, now: i64) -> Result<PostPage, BoxError> {
    Ok(store.posts(query(offset, limit, now)).await?)
}

/// The one post that there is.
async fn only(store: &impl Both, now: i64) -> Result<Post, BoxError> {
    let page = page(store, 0, 10, now).await?;
    assert_eq!(page.total, 1);
    page.posts.into_iter().next().ok_or_else(|| "there is one".into())
}

fn contents(page: &PostPage) -> String {
    page.posts.iter().map(|post| post.content.as_str()).collect()
}

/// A post without a medium, which lives for 100 seconds, as all of these do.
fn text(author: UserId, content: &str, now: i64) -> NewPost {
    NewPost {
        author,
        content: content.to_owned(),
        media: None,
        expires_at: at(now + 100),
        now: at(now),
    }
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

async fn comment(store: &impl Both, post: PostId, author: UserId, text: &str, now: i64) -> Result<Comment, BoxError> {
    let comment = NewComment {
        post,
        author,
        text: text.to_owned(),
        now: at(now),
    };
    match store.add_comment(comment).await? {
        Commented::Added(comment) => {
            assert_eq!((comment.text.as_str(), comment.created_at), (text, at(now)));
            Ok(comment)
        }
        refused => Err(format!("{refused:?}").into()),
    }
}

fn deletion(post: PostId, comment: CommentId, by: UserId, now: i64) -> CommentDeletion {
    CommentDeletion {
        post,
        comment,
        by: Some(by),
        now: at(now),
    }
}

fn expired(name: &str, resource_type: ResourceType, due_at: i64) -> ExpiredMedia {
    ExpiredMedia {
        public_id: name.to_owned(),
        resource_type,
        due_at: at(due_at),
        attempts: 0,
    }
}
