//! The contract of [`Directory`], third part: pictures that move between media hosts.

use visage_cloudinary::ResourceType;

use super::directory::add;
use super::media::{exchange, expired, id, picture};
use super::{Outcome, at};
use crate::directory::{Claim, Directory, MediaCounts, MediaOwner, MediaReference, Relocation, TakenIn};
use crate::error::BoxError;
use crate::ids::UserId;

pub async fn what_was_taken_in_waits_for_its_time_and_is_looked_at_again(directory: &dyn Directory) -> Outcome {
    directory.take_in(&id("p2")?, ResourceType::Video, at(20)).await?;
    directory.take_in(&id("p1")?, ResourceType::Image, at(10)).await?;
    // Noted already.
    directory.take_in(&id("p1")?, ResourceType::Image, at(5)).await?;
    assert_eq!(directory.due_taken_in(at(9), 10).await?, []);
    assert_eq!(
        directory.due_taken_in(at(10), 10).await?,
        [taken_in("p1", ResourceType::Image, [10, 10], 0)?]
    );
    assert_eq!(
        directory.due_taken_in(at(20), 1).await?,
        [taken_in("p1", ResourceType::Image, [10, 10], 0)?]
    );
    directory.postpone_taken_in(&id("p1")?, at(30)).await?;
    assert_eq!(
        directory.due_taken_in(at(30), 10).await?,
        [
            taken_in("p2", ResourceType::Video, [20, 20], 0)?,
            taken_in("p1", ResourceType::Image, [10, 30], 1)?
        ]
    );
    directory.drop_taken_in(&id("p2")?).await?;
    directory.drop_taken_in(&id("p2")?).await?;
    assert_eq!(
        directory.media_counts().await?,
        MediaCounts {
            taken_in: 1,
            ..MediaCounts::default()
        }
    );
    Ok(())
}

pub async fn a_relocation_changes_the_url_alone(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    directory
        .begin_relocation(&id("p1")?, ResourceType::Image, at(2))
        .await?;
    // Begun again after a crash.
    directory
        .begin_relocation(&id("p1")?, ResourceType::Image, at(3))
        .await?;
    assert!(
        directory
            .relocate(relocation(user.id, "p1", "https://host/p1")?)
            .await?
    );
    let user = directory.user(&user.id).await?.ok_or("there is such a user")?;
    assert_eq!(picture(&user), (Some("https://other/p1"), Some("p1")));
    assert_eq!(user.updated_at, at(9));
    assert_eq!(directory.media_counts().await?, MediaCounts::default());
    assert_eq!(
        directory.references_to("p1").await?,
        [MediaReference {
            owner: MediaOwner::User(user.id),
            url: user.profile_image,
            public_id: user.cloudinary_id,
            resource_type: ResourceType::Image,
        }]
    );
    assert_eq!(directory.references_to("p2").await?, []);
    Ok(())
}

pub async fn a_picture_that_was_set_meanwhile_wins_over_a_relocation(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    directory
        .begin_relocation(&id("p1")?, ResourceType::Image, at(2))
        .await?;
    assert!(
        !directory
            .relocate(relocation(user.id, "p1", "https://elsewhere/p1")?)
            .await?
    );
    exchange(directory, user.id, "p2", 3).await?;
    assert!(
        !directory
            .relocate(relocation(user.id, "p1", "https://host/p1")?)
            .await?
    );
    let user = directory.user(&user.id).await?.ok_or("there is such a user")?;
    assert_eq!(picture(&user), (Some("https://host/p2"), Some("p2")));
    directory.release_pending(&id("p1")?, at(10)).await?;
    // The grace of the replaced picture stays.
    assert_eq!(directory.all_expired(None, 10).await?, [expired("p1", 603, 0)]);
    Ok(())
}

pub async fn a_relocation_that_was_settled_cannot_be_committed(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    directory
        .begin_relocation(&id("p1")?, ResourceType::Image, at(2))
        .await?;
    assert_eq!(directory.settle_pending(at(3), at(4), 10).await?, 1);
    assert!(
        !directory
            .relocate(relocation(user.id, "p1", "https://host/p1")?)
            .await?
    );
    // It is in use all the same, on the host that it came from.
    assert_eq!(directory.claim_expired("p1", at(4)).await?, Claim::Referenced);
    Ok(())
}

pub async fn a_picture_is_shown_otherwise_only_by_who_still_has_it_so(directory: &dyn Directory) -> Outcome {
    let user = add(directory, "a@example.com").await?;
    exchange(directory, user.id, "p1", 1).await?;
    let change = relocation(user.id, "p1", "https://host/p1")?;
    assert!(directory.show_otherwise(change.clone()).await?);
    let user = directory.user(&user.id).await?.ok_or("there is such a user")?;
    assert_eq!(picture(&user), (Some("https://other/p1"), Some("p1")));
    assert_eq!(user.updated_at, at(9));
    assert_eq!(directory.all_expired(None, 10).await?, [], "it is the same picture");
    // The URL is another already; then the picture is another.
    assert!(!directory.show_otherwise(change.clone()).await?);
    exchange(directory, user.id, "p2", 10).await?;
    let late = Relocation {
        from_url: "https://host/p2".to_owned(),
        ..change
    };
    assert!(!directory.show_otherwise(late).await?);
    let user = directory.user(&user.id).await?.ok_or("there is such a user")?;
    assert_eq!(picture(&user), (Some("https://host/p2"), Some("p2")));
    Ok(())
}

fn relocation(user_id: UserId, name: &str, from_url: &str) -> Result<Relocation, BoxError> {
    Ok(Relocation {
        owner: MediaOwner::User(user_id),
        public_id: id(name)?,
        from_url: from_url.to_owned(),
        to_url: format!("https://other/{name}"),
        now: at(9),
    })
}

fn taken_in(name: &str, resource_type: ResourceType, times: [i64; 2], attempts: u32) -> Result<TakenIn, BoxError> {
    Ok(TakenIn {
        public_id: id(name)?,
        resource_type,
        taken_at: at(times[0]),
        due_at: at(times[1]),
        attempts,
    })
}
