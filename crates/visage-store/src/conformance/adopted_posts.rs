//! The contract of [`Posts`](crate::Posts), third part: posts of an earlier installation.

use visage_cloudinary::ResourceType;

use super::directory::add;
use super::media::id;
use super::posts::{Both, only, page};
use super::{Outcome, at};
use crate::directory::{Claim, ExpiredMedia, MediaOwner, PendingMedia};
use crate::error::BoxError;
use crate::ids::{CommentId, PostId, Sha256, UserId};
use crate::moving_in::{
    AdoptError, AdoptedMedia, ImportedComment, ImportedPost, MigratedPicture, PostAdoption, PostHere, SourceFile,
};
use crate::posts::{Deletion, PostMedia};

pub async fn an_adopted_post_is_as_it_was_and_its_authors_need_not_be_here(store: &impl Both) -> Outcome {
    let here = add(store, "a@example.com").await?.id;
    let [gone, fan] = [UserId::new(at(1)), UserId::new(at(2))];
    let comment = |author, text: &str| ImportedComment {
        id: CommentId::new(at(3)),
        author,
        text: text.to_owned(),
        created_at: at(3),
    };
    let post = ImportedPost {
        likes: vec![fan, here, fan],
        comments: vec![comment(here, "b"), comment(gone, "a")],
        ..imported(gone)
    };
    assert_eq!(store.adopt_post(adoption(post.clone(), None)).await?, None);
    let found = only(store, 10).await?;
    assert_eq!((found.id, found.author, found.media), (post.id, None, None));
    assert_eq!((found.content, found.featured, found.revision), (post.content, true, 7));
    assert_eq!((found.created_at, found.expires_at), (at(5), at(105)));
    assert_eq!(found.likes, [fan, here]);
    let said = found.comments.iter().zip(&post.comments);
    for (found, comment) in said {
        assert_eq!((found.id, &found.text), (comment.id, &comment.text));
        assert_eq!(found.created_at, comment.created_at);
    }
    let authors: Vec<_> = found.comments.iter().map(|one| one.author.is_some()).collect();
    assert_eq!(authors, [true, false]);
    // It goes on as any other.
    let likes = store.toggle_like(&post.id, &gone, at(10)).await?.ok_or("it is there")?;
    assert_eq!(likes.users, [fan, here, gone]);
    assert_eq!(store.all_expired(None, 10).await?, []);
    Ok(())
}

pub async fn an_adopted_post_ends_its_exchange_and_tells_when_its_medium_is_due_and_where_it_came_from(
    store: &impl Both,
) -> Outcome {
    for (name, kind) in [("p1", ResourceType::Image), ("p2", ResourceType::Video)] {
        begin(store, name, kind).await?;
        let post = imported(UserId::new(at(1)));
        let media = medium(name, kind)?;
        let migrated = store.adopt_post(adoption(post.clone(), Some(moved(&media)))).await?;
        let expected = MigratedPicture {
            public_id: id(name)?,
            owner: MediaOwner::Post(post.id),
            url: media.url.clone(),
            old_url: "/uploads/old.jpg".to_owned(),
            old_public_id: Some("old".to_owned()),
            old_updated_at: None,
            migrated_at: at(9),
            source: source(),
            stored_sha256: Sha256::of(b"stored"),
        };
        assert_eq!(migrated.as_ref(), Some(&expected));
        let here = PostHere {
            media: Some(media),
            migrated,
        };
        assert_eq!(store.post_here(&post.id).await?, Some(here));
        // It is no picture of a user.
        assert_eq!(store.migrated_picture(&id(name)?).await?, None);
        assert!(!store.undo_adoption(&id(name)?, at(20)).await?);
        assert_eq!(
            store.all_expired(Some("p".to_owned()), 10).await?.last(),
            Some(&expired(name, kind, 105))
        );
    }
    assert_eq!(store.media_counts().await?.pending, 0);
    assert_eq!(store.remove_expired_posts(at(104), 10).await?, 0);
    assert_eq!(store.remove_expired_posts(at(105), 10).await?, 2);
    for name in ["p1", "p2"] {
        assert_eq!(store.claim_expired(name, at(105)).await?, Claim::Destroy);
    }
    Ok(())
}

pub async fn an_adopted_post_may_show_what_the_media_host_had_before(store: &impl Both) -> Outcome {
    let post = imported(UserId::new(at(1)));
    let media = medium("p1", ResourceType::Video)?;
    let adopted = store
        .adopt_post(adoption(post.clone(), Some(AdoptedMedia::Kept(media.clone()))))
        .await?;
    assert_eq!(adopted, None);
    let here = PostHere {
        media: Some(media),
        migrated: None,
    };
    assert_eq!(store.post_here(&post.id).await?, Some(here));
    assert_eq!(
        store.all_expired(None, 10).await?,
        [expired("p1", ResourceType::Video, 105)]
    );
    assert!(store.is_referenced("p1").await?);
    Ok(())
}

pub async fn where_a_post_came_from_is_forgotten_with_the_post(store: &impl Both) -> Outcome {
    let author = UserId::new(at(1));
    let post = imported(author);
    let media = medium("p1", ResourceType::Image)?;
    // Nothing is left that a second one of the same name would meet.
    for _ in 0..3 {
        begin(store, "p1", ResourceType::Image).await?;
        store.adopt_post(adoption(post.clone(), Some(moved(&media)))).await?;
        let deleted = store.delete_post(&post.id, Some(author), at(10)).await?;
        assert_eq!(deleted, Deletion::Deleted);
        assert_eq!(store.post_here(&post.id).await?, None);
        begin(store, "p1", ResourceType::Image).await?;
        store.adopt_post(adoption(post.clone(), Some(moved(&media)))).await?;
        assert_eq!(store.remove_expired_posts(at(105), 10).await?, 1);
    }
    Ok(())
}

pub async fn a_post_is_not_adopted_twice(store: &impl Both) -> Outcome {
    let post = imported(UserId::new(at(1)));
    assert_eq!(store.post_here(&post.id).await?, None);
    store.adopt_post(adoption(post.clone(), None)).await?;
    begin(store, "p1", ResourceType::Image).await?;
    let again = ImportedPost {
        content: "again".to_owned(),
        ..post.clone()
    };
    let media = moved(&medium("p1", ResourceType::Image)?);
    let refused = store.adopt_post(adoption(again, Some(media))).await;
    assert!(matches!(refused, Err(AdoptError::Superseded)), "{refused:?}");
    assert_eq!(only(store, 10).await?.content, post.content);
    // What it would have shown is still pending.
    assert_eq!(store.media_counts().await?.pending, 1);
    assert_eq!(store.all_expired(None, 10).await?, []);
    Ok(())
}

pub async fn a_post_whose_exchange_was_settled_is_not_adopted(store: &impl Both) -> Outcome {
    begin(store, "p1", ResourceType::Image).await?;
    assert_eq!(store.settle_pending(at(2), at(2), 10).await?, 1);
    for name in ["p1", "never-begun"] {
        let media = moved(&medium(name, ResourceType::Image)?);
        let late = store
            .adopt_post(adoption(imported(UserId::new(at(1))), Some(media)))
            .await;
        assert!(matches!(late, Err(AdoptError::PendingGone)), "{late:?}");
    }
    assert_eq!(page(store, 0, 10, 10).await?.total, 0);
    assert_eq!(
        store.all_expired(None, 10).await?,
        [expired("p1", ResourceType::Image, 2)]
    );
    Ok(())
}

pub async fn a_post_that_shows_what_is_about_to_be_destroyed_is_not_adopted(store: &impl Both) -> Outcome {
    begin(store, "p1", ResourceType::Image).await?;
    store.release_pending(&id("p1")?, at(2)).await?;
    let media = medium("p1", ResourceType::Image)?;
    let keep = || {
        let post = imported(UserId::new(at(1)));
        adoption(post, Some(AdoptedMedia::Kept(media.clone())))
    };
    let refused = store.adopt_post(keep()).await;
    assert!(matches!(refused, Err(AdoptError::Doomed)), "{refused:?}");
    assert_eq!(store.claim_expired("p1", at(2)).await?, Claim::Destroy);
    store.drop_expired("p1").await?;
    // While another post shows the same, nobody destroys it.
    for _ in 0..2 {
        store.adopt_post(keep()).await?;
    }
    assert_eq!(page(store, 0, 10, 10).await?.total, 2);
    Ok(())
}

/// A post without anything to show.
fn imported(author: UserId) -> ImportedPost {
    ImportedPost {
        id: PostId::new(at(5)),
        author,
        content: "hello".to_owned(),
        likes: Vec::new(),
        comments: Vec::new(),
        featured: true,
        created_at: at(5),
        expires_at: at(105),
        revision: 7,
    }
}

fn adoption(post: ImportedPost, media: Option<AdoptedMedia>) -> PostAdoption {
    PostAdoption {
        post,
        media,
        now: at(9),
    }
}

fn moved(media: &PostMedia) -> AdoptedMedia {
    AdoptedMedia::Moved {
        media: media.clone(),
        old_url: "/uploads/old.jpg".to_owned(),
        old_public_id: Some("old".to_owned()),
        source: source(),
        stored_sha256: Sha256::of(b"stored"),
    }
}

fn source() -> SourceFile {
    SourceFile {
        folder: "/srv/uploads".into(),
        file: "old.jpg".into(),
        sha256: Sha256::of(b"source"),
    }
}

fn medium(name: &str, resource_type: ResourceType) -> Result<PostMedia, BoxError> {
    Ok(PostMedia {
        url: format!("https://host/{name}"),
        public_id: id(name)?,
        resource_type,
    })
}

async fn begin(store: &impl Both, name: &str, resource_type: ResourceType) -> Outcome {
    let pending = PendingMedia {
        new: id(name)?,
        replaces: None,
        resource_type,
        begun_at: at(1),
    };
    Ok(store.begin_exchange(pending).await?)
}

fn expired(name: &str, resource_type: ResourceType, due_at: i64) -> ExpiredMedia {
    ExpiredMedia {
        public_id: name.to_owned(),
        resource_type,
        due_at: at(due_at),
        attempts: 0,
    }
}
