//! Tells how a URL is understood and what would be done, without doing it.

use std::sync::Arc;

use serde_json::{Value, json};
use visage_cloudinary::DeliveryUrl;
use visage_store::Media;

use super::super::Library;
use super::super::access::{ReadOf, may_read};
use super::super::surroundings::Job;
use super::access::refusal;
use super::{DeliverError, Visitor, open, read};

/// What [`deliver`](super::deliver()) would do for the same visitor: the chain as it was read, the plan with its sizes, and why
/// each cut lies where it lies. It describes the original and the layers, so it is for visitors who may read them: a signature
/// over a transformation allows its result and no more.
///
/// # Errors
/// As [`deliver`](super::deliver()), but for what only rendering can find; and where the original is not for this visitor.
pub async fn explain(library: &Arc<Library>, url: &DeliveryUrl, visitor: Visitor<'_>) -> Result<Value, DeliverError> {
    let mut found = open(library, url, visitor).await?;
    if url.transformation.changes_pixels() {
        found.reader = found.reader.unsigned().of_asset(&library.cloud_name, &found.asset.key);
    }
    may_read(&found.asset, &found.reader, ReadOf::Original).map_err(|refused| refusal(url, refused))?;
    let (asset, upload) = (&found.asset, &found.asset.upload);
    let about = json!({
        "resource_type": asset.key.resource_type.as_str(),
        "type": asset.key.delivery_type.as_str(),
        "public_id": asset.key.public_id.as_str(),
        "version": asset.version,
        "bytes": upload.facts.bytes,
    });
    let Media::Image(facts) = &upload.facts.media else {
        return Ok(json!({ "asset": about, "plan": ["the file as it is stored"] }));
    };
    let reading = read(library, url, visitor.facts, &found, facts).await?;
    let (resolved, surroundings) = (reading.resolved, reading.surroundings);
    let (upright_width, upright_height) = (facts.width, facts.height);
    let mut told = json!({
        "asset": about,
        "input": { "format": facts.format.extension(), "width": upright_width, "height": upright_height, "frames": facts.frames },
        "faces": surroundings.faces().map(|faces| {
            faces.iter().map(|face| [face.x, face.y, face.width, face.height]).collect::<Vec<_>>()
        }),
        "chain": resolved.components.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "varies_by_accept": resolved.varies_by_accept,
    });
    let members = if resolved.is_original() {
        json!({ "plan": ["the file as it is stored"], "crops": [], "output": { "format": facts.format.extension() } })
    } else {
        let trims = resolved.trims();
        let job = Job::new(
            library,
            resolved,
            super::image_facts(facts),
            surroundings,
            upload.facts.bytes,
        )?;
        let plan = job.plan();
        let mut notes = Vec::new();
        if trims {
            notes
                .push("e_trim: sizes are those of the whole picture; how much is cut off is known when it is rendered");
        }
        if job.looks_for_faces() {
            notes.push("faces: nobody has looked yet; the render does");
        }
        json!({
            "plan": plan.explain_steps(),
            "crops": plan.explain_crops(),
            "notes": notes,
            "output": {
                "format": plan.format.extension(),
                "width": plan.width,
                "height": plan.height,
                "animated": plan.is_animated,
                "encoding": plan.explain_encoding(),
            },
            "cost": { "work": plan.cost(), "memory_bytes": job.memory_bytes },
        })
    };
    if let (Some(told), Value::Object(members)) = (told.as_object_mut(), members) {
        told.extend(members);
    }
    Ok(told)
}
