//! The contract of [`Posts`], first part: lists, likes and comments. What posts show is in [`super::post_media`].

use super::directory::add;
use super::{Outcome, at};
use crate::directory::Directory;
use crate::error::BoxError;
use crate::ids::{CommentId, PostId, UserId};
use crate::posts::{
    Comment, CommentDeletion, Commented, Deletion, MAX_COMMENTS, MAX_PAGE_COMMENTS, NewComment, NewPost, Post,
    PostPage, PostQuery, Posts,
};
use futures_util::future::try_join_all;

/// One `#[tokio::test]` per function of this module, of `post_media` and of `adopted_posts`; `$fresh()` gives an empty directory with posts and a guard.
#[macro_export]
macro_rules! posts_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { posts, $fresh,
            posts_are_listed_newest_first_page_by_page
            the_posts_of_one_user_are_listed_alone
            a_post_is_no_more_when_its_time_is_up
            a_like_is_one_however_often_it_is_given_at_once
            comments_stay_in_their_order_and_go_by_their_own_id
            a_comment_goes_when_its_author_or_the_posts_wants_that
            a_post_takes_so_many_comments_and_no_more
            a_page_carries_so_many_comments_and_no_more
        }
        $crate::conformance_tests! { post_media, $fresh,
            a_post_with_a_medium_ends_its_exchange_and_tells_when_the_medium_is_due
            a_post_whose_exchange_was_settled_is_not_published
            a_post_of_a_user_who_is_gone_is_not_published
            a_post_goes_when_its_author_wants_that_and_its_medium_is_due_at_once
            posts_and_comments_outlive_their_authors
            expired_posts_are_removed_longest_due_first_and_no_more_than_asked
            a_medium_is_in_use_until_its_post_is_removed
            a_post_that_expires_at_another_time_takes_its_medium_along
            a_medium_of_a_post_moves_between_hosts
            audits_page_through_users_and_then_posts
        }
        $crate::conformance_tests! { adopted_posts, $fresh,
            an_adopted_post_is_as_it_was_and_its_authors_need_not_be_here
            an_adopted_post_ends_its_exchange_and_tells_when_its_medium_is_due_and_where_it_came_from
            an_adopted_post_may_show_what_the_media_host_had_before
            where_a_post_came_from_is_forgotten_with_the_post
            a_post_is_not_adopted_twice
            a_post_whose_exchange_was_settled_is_not_adopted
            a_post_that_shows_what_is_about_to_be_destroyed_is_not_adopted
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

fn query(offset: u64, limit: usize, now: i64) -> PostQuery {
    PostQuery {
        author: None,
        offset,
        limit,
        now: at(now),
    }
}

pub(super) async fn page(store: &impl Both, offset: u64, limit: usize, now: i64) -> Result<PostPage, BoxError> {
    Ok(store.posts(query(offset, limit, now)).await?)
}

/// The one post that there is.
pub(super) async fn only(store: &impl Both, now: i64) -> Result<Post, BoxError> {
    let page = page(store, 0, 10, now).await?;
    assert_eq!(page.total, 1);
    page.posts.into_iter().next().ok_or_else(|| "there is one".into())
}

pub(super) fn contents(page: &PostPage) -> String {
    page.posts.iter().map(|post| post.content.as_str()).collect()
}

/// A post without a medium, which lives for 100 seconds, as all of these do.
pub(super) fn text(author: UserId, content: &str, now: i64) -> NewPost {
    NewPost {
        author,
        content: content.to_owned(),
        media: None,
        expires_at: at(now + 100),
        now: at(now),
    }
}

pub(super) async fn comment(
    store: &impl Both,
    post: PostId,
    author: UserId,
    text: &str,
    now: i64,
) -> Result<Comment, BoxError> {
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
