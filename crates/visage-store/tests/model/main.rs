//! Every order of events in the exchange of a profile image (`design.md`, section 5), tried out.
//!
//! Two writers, one delete and one reaper take their steps in every order; any of them may stop for good (or, the reaper,
//! start again) after any step, the media host may take, refuse or lose an upload, and time passes in between. A reader looks
//! at every instant. In one play the second writer posts its picture, and the post expires or is deleted. The rules of the directory are written down a second time in `world.rs`, without a database.
//!
//! A model proves something only if it can fail: each rule of the protocol is taken out in turn, and each time something
//! must break. What the model takes for granted: an upload, if it arrives at all, does so within the pending grace.
#![cfg(test)]

mod actors;
mod explore;
mod world;

use explore::explore;
use world::{Delete, Mutation, Protocol};

#[test]
fn nothing_goes_wrong_in_any_order_when_a_picture_is_deleted() {
    expect_sound(Delete::Picture);
}

#[test]
fn nothing_goes_wrong_in_any_order_when_the_user_is_deleted() {
    expect_sound(Delete::User);
}

#[test]
fn nothing_goes_wrong_in_any_order_when_a_picture_is_posted() {
    expect_sound(Delete::Post);
}

#[test]
fn a_post_that_is_no_reference_loses_its_picture_when_its_time_is_up() {
    expect_broken(Mutation::PostsAreNoReferences, "a reference leads nowhere");
}

#[test]
fn a_post_that_goes_after_its_picture_is_there_without_it() {
    expect_broken(Mutation::PostsGoLast, "a reference leads nowhere");
}

/// The reaper met the picture while the post was there, and found it in use.
#[test]
fn a_post_that_is_removed_must_say_that_its_picture_is_due() {
    expect_broken(Mutation::PostsAreForgotten, "something is left over");
}

/// An upload fails for good; its pending row says it replaces a picture that is still in use.
#[test]
fn without_asking_for_references_the_reaper_destroys_a_picture_in_use() {
    expect_broken(Mutation::NoReferenceCheck, "a reference leads nowhere");
}

#[test]
fn destroying_the_old_picture_before_the_commit_leaves_neither() {
    expect_broken(Mutation::DestroyOldFirst, "a reference leads nowhere");
}

#[test]
fn a_commit_that_needs_no_pending_row_refers_to_a_destroyed_picture() {
    expect_broken(Mutation::CommitWithoutPending, "a reference leads nowhere");
}

#[test]
fn settling_before_the_grace_is_over_fails_writers_that_were_in_time() {
    expect_broken(Mutation::SettleBeforeGrace, "a writer was in time and was refused");
}

/// The list says due; since then an exchange retired the picture with a grace, and nothing refers to it any more.
#[test]
fn a_reaper_that_does_not_look_again_takes_a_picture_from_its_readers() {
    expect_broken(Mutation::TrustTheList, "a reader lost the picture");
}

#[test]
fn settling_must_not_shorten_a_grace() {
    expect_broken(Mutation::SettleShortensGrace, "a reader lost the picture");
}

#[test]
fn retiring_must_lengthen_a_grace() {
    expect_broken(Mutation::RetireKeepsDueTime, "a reader lost the picture");
}

#[test]
fn a_commit_that_retires_what_the_writer_once_saw_leaks() {
    expect_broken(Mutation::RetireWhatWasSeen, "something is left over");
}

#[test]
fn releasing_an_upload_that_may_still_arrive_leaks() {
    expect_broken(Mutation::ReleaseOnTimeout, "something is left over");
}

#[test]
fn an_upload_that_outlives_the_grace_leaks() {
    expect_broken(Mutation::UploadOutlivesGrace, "something is left over");
}

/// For a database without transactions: looking for the pending row and then writing the user is not enough.
#[test]
fn a_commit_in_several_writes_can_be_overtaken_by_the_reaper() {
    expect_broken(Mutation::CommitInSeveralWrites, "a reference leads nowhere");
}

fn expect_sound(delete: Delete) {
    let found = explore(Protocol { mutation: None, delete });
    println!(
        "{delete:?}: {} states, {} of them ended and were reaped",
        found.states, found.ended
    );
    assert_eq!(found.violation, None, "{}", found.story());
    assert!(
        found.states > 10_000,
        "the model has become too small to say anything: {} states",
        found.states
    );
}

/// Some order of events breaks the mutated protocol, and what breaks is (among other things) `expected`.
fn expect_broken(mutation: Mutation, expected: &str) {
    let mut states = 0;
    for delete in [Delete::Picture, Delete::User, Delete::Post] {
        let protocol = Protocol {
            mutation: Some(mutation),
            delete,
        };
        let found = explore::explore_for(protocol, expected);
        states += found.states;
        if found.violation.is_some() {
            println!("{mutation:?}: {expected}, after {states} states: {}", found.story());
            return;
        }
    }
    panic!("{mutation:?} goes unnoticed in {states} states");
}
