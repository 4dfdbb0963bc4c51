//! The contract of [`Documents`].

use serde_json::json;

use super::{Outcome, at};
use crate::documents::{DocumentKind, Documents};

/// One `#[tokio::test]` per function of this module; `$fresh()` gives an empty store and a guard.
#[macro_export]
macro_rules! documents_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { documents, $fresh,
            a_document_reads_as_it_was_written
            a_name_is_taken_once_in_its_kind
            what_has_changed_since_it_was_read_is_not_replaced
            documents_are_listed_in_the_order_of_their_making
        }
    };
}

const KIND: DocumentKind = DocumentKind::UploadPreset;

pub async fn a_document_reads_as_it_was_written(documents: &dyn Documents) -> Outcome {
    assert_eq!(documents.find_document(KIND, "a").await?, None);
    let body = json!({"tags": ["a", "ü"], "deep": {"number": 1.5, "nothing": null}});
    assert!(documents.create_document(KIND, "a", body.clone(), at(1)).await?);
    let found = documents.find_document(KIND, "a").await?.ok_or("it was made")?;
    assert_eq!((found.kind, found.name.as_str(), &found.body), (KIND, "a", &body));
    assert_eq!((found.created_at, found.updated_at), (at(1), at(1)));
    assert!(documents.delete_document(KIND, "a").await?);
    assert!(!documents.delete_document(KIND, "a").await?);
    assert_eq!(documents.find_document(KIND, "a").await?, None);
    Ok(())
}

pub async fn a_name_is_taken_once_in_its_kind(documents: &dyn Documents) -> Outcome {
    assert!(documents.create_document(KIND, "a", json!(1), at(1)).await?);
    assert!(!documents.create_document(KIND, "a", json!(2), at(2)).await?);
    assert!(
        documents
            .create_document(DocumentKind::Trigger, "a", json!(3), at(3))
            .await?
    );
    assert!(documents.create_document(KIND, "A", json!(4), at(4)).await?);
    let found = documents.find_document(KIND, "a").await?.ok_or("it was made")?;
    assert_eq!(found.body, json!(1));
    Ok(())
}

pub async fn what_has_changed_since_it_was_read_is_not_replaced(documents: &dyn Documents) -> Outcome {
    documents.create_document(KIND, "a", json!(1), at(1)).await?;
    let seen = documents.find_document(KIND, "a").await?.ok_or("it was made")?;
    assert!(documents.replace_document(&seen, json!(2), at(2)).await?);
    assert!(!documents.replace_document(&seen, json!(3), at(3)).await?);
    let now = documents.find_document(KIND, "a").await?.ok_or("it is there")?;
    assert_eq!((&now.body, now.created_at, now.updated_at), (&json!(2), at(1), at(2)));
    assert!(now.revision > seen.revision);
    documents.delete_document(KIND, "a").await?;
    assert!(!documents.replace_document(&now, json!(4), at(4)).await?);
    documents.create_document(KIND, "a", json!(5), at(5)).await?;
    assert!(
        !documents.replace_document(&seen, json!(6), at(6)).await?,
        "another one of that name"
    );
    Ok(())
}

pub async fn documents_are_listed_in_the_order_of_their_making(documents: &dyn Documents) -> Outcome {
    for name in ["c", "a", "b"] {
        documents.create_document(KIND, name, json!({}), at(0)).await?;
    }
    documents
        .create_document(DocumentKind::Trigger, "t", json!({}), at(0))
        .await?;
    let first = documents.list_documents(KIND, None, 2).await?;
    let rest = documents.list_documents(KIND, first.next, 2).await?;
    let names: Vec<_> = first
        .items
        .into_iter()
        .chain(rest.items)
        .map(|document| document.name)
        .collect();
    assert_eq!((names.join(" "), rest.next), ("c a b".to_owned(), None));
    Ok(())
}
