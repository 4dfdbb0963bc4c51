//! The contract of [`Outbox`].

use super::{Outcome, at};
use crate::outbox::{NewNotification, Outbox};

/// One `#[tokio::test]` per function of this module; `$fresh()` gives an empty outbox and a guard.
#[macro_export]
macro_rules! outbox_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { outbox, $fresh,
            a_notification_stays_until_it_is_dropped
            a_postponed_notification_waits_and_counts
            the_longest_due_come_first
        }
    };
}

pub async fn a_notification_stays_until_it_is_dropped(outbox: &dyn Outbox) -> Outcome {
    assert_eq!(outbox.next_notification_at().await?, None);
    outbox.push_notifications(vec![to("a"), to("b")], at(5)).await?;
    assert_eq!(outbox.due_notifications(at(4), 9).await?, []);
    for _ in 0..2 {
        let due = outbox.due_notifications(at(5), 9).await?;
        let told: Vec<_> = due
            .iter()
            .map(|n| (n.url.as_str(), n.body.as_str(), n.attempts, n.created_at))
            .collect();
        assert_eq!(told, [("a", "{}", 0, at(5)), ("b", "{}", 0, at(5))]);
    }
    let first = outbox.due_notifications(at(5), 1).await?;
    assert_eq!(first.len(), 1);
    outbox.drop_notification(first[0].id).await?;
    outbox.drop_notification(first[0].id).await?;
    assert_eq!(outbox.due_notifications(at(5), 9).await?.len(), 1);
    Ok(())
}

pub async fn a_postponed_notification_waits_and_counts(outbox: &dyn Outbox) -> Outcome {
    outbox.push_notifications(vec![to("a")], at(0)).await?;
    let id = outbox.due_notifications(at(0), 1).await?[0].id;
    outbox.postpone_notification(id, at(60)).await?;
    outbox.postpone_notification(id, at(90)).await?;
    assert_eq!(outbox.due_notifications(at(89), 9).await?, []);
    assert_eq!(outbox.next_notification_at().await?, Some(at(90)));
    assert_eq!(outbox.due_notifications(at(90), 9).await?[0].attempts, 2);
    Ok(())
}

pub async fn the_longest_due_come_first(outbox: &dyn Outbox) -> Outcome {
    for (url, now) in [("a", 30), ("b", 10), ("c", 20)] {
        outbox.push_notifications(vec![to(url)], at(now)).await?;
    }
    let due = outbox.due_notifications(at(30), 9).await?;
    assert_eq!(due.iter().map(|n| n.url.as_str()).collect::<Vec<_>>(), ["b", "c", "a"]);
    Ok(())
}

fn to(url: &str) -> NewNotification {
    NewNotification {
        url: url.to_owned(),
        body: "{}".to_owned(),
    }
}
