//! What decides about the pixels of a render besides the file and the transformation: faces, coordinates that were given,
//! tags and the like, and the pictures that layers name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use visage_cloudinary::transformation::{Layer, Scope};
use visage_cloudinary::{DeliveryType, PublicId, ResolvedTransformation, ResourceType};
use visage_image::{FaceBox, Facts, Fonts, Known, KnownLayer, LayerFile, Plan, PlanError, Rendered, Sample};
use visage_store::{Asset, AssetKey, Blobs, Sha256, UploadId};

use super::Library;
use super::access::{Grant, ReadOf, Reader, may_read};
use super::deliver::{DeliverError, image_facts};
use super::extra::Extra;

/// Pictures that one transformation may name: each is decoded for it.
const MAX_LAYERS: usize = 10;

/// What is known beside the file.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The faces, if somebody marked or found them.
    faces: Option<Vec<FaceBox>>,
    custom: Vec<FaceBox>,
    tags: Vec<String>,
    context: BTreeMap<String, String>,
    metadata: BTreeMap<String, String>,
    layers: Vec<LayerAsset>,
    /// That the reader may see the layers, and for how long.
    grant: Grant,
    /// What of this is not in the file's own bytes, as a part of the result's name.
    beside: String,
}

/// A picture that a layer names, where it is stored.
#[derive(Debug, Clone)]
struct LayerAsset {
    known: KnownLayer,
    upload: UploadId,
    sha256: Sha256,
    bytes: u64,
}

impl Surroundings {
    /// What `resolved` asks for about `asset`; nothing is looked up that it does not ask for.
    ///
    /// # Errors
    /// Layers that are not there for this reader, or that want a signature.
    pub async fn of_asset(
        library: &Library,
        asset: &Asset,
        resolved: &ResolvedTransformation,
        reader: &Reader<'_>,
    ) -> Result<Self, DeliverError> {
        let mut found = Self::default();
        let mut beside = Vec::new();
        let asks_for_coordinates = resolved.asks_for_faces() || resolved.asks_for_custom_coordinates();
        let asks_for_details = resolved.asks_for_details();
        if asks_for_coordinates || asks_for_details {
            let extra = Extra::of(&asset.details);
            if let Some(marked) = extra.face_coordinates {
                beside.push(json!({"faces": marked}).to_string());
                found.faces = Some(boxes(&marked));
            } else if let Some(image) = asset.upload.facts.image() {
                found.faces = image.faces.as_deref().map(boxes);
            }
            if let Some(custom) = extra.custom_coordinates {
                beside.push(json!({"custom": custom}).to_string());
                found.custom = boxes(&custom);
            }
        }
        if asks_for_details {
            let details = &asset.details;
            found.tags = details.tags.iter().cloned().collect();
            found.context.clone_from(&details.context);
            let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            found.metadata = details
                .metadata
                .iter()
                .map(|(id, value)| (id.clone(), text(value)))
                .collect();
            beside.push(json!([found.tags, found.context, found.metadata]).to_string());
        }
        found.add_layers(library, resolved, reader, &mut beside).await?;
        found.beside = beside.join("\n");
        Ok(found)
    }

    /// The same for a file that nothing is said about yet.
    ///
    /// # Errors
    /// As [`Self::of_asset`].
    pub async fn of_file(
        library: &Library,
        resolved: &ResolvedTransformation,
        reader: &Reader<'_>,
    ) -> Result<Self, DeliverError> {
        let mut found = Self::default();
        found.add_layers(library, resolved, reader, &mut Vec::new()).await?;
        Ok(found)
    }

    /// The part of the result's name that is not the file's own; empty when the file alone decides.
    pub fn beside(&self) -> &str {
        &self.beside
    }

    /// What the layers say about who may keep the result, and for how long.
    pub fn grant(&self) -> Grant {
        self.grant
    }

    /// The faces, if anybody has marked or looked for them.
    pub fn faces(&self) -> Option<&[FaceBox]> {
        self.faces.as_deref()
    }

    async fn add_layers(
        &mut self,
        library: &Library,
        resolved: &ResolvedTransformation,
        reader: &Reader<'_>,
        beside: &mut Vec<String>,
    ) -> Result<(), DeliverError> {
        let scope = Scope {
            tags: &self.tags,
            context: Some(&self.context),
            metadata: Some(&self.metadata),
            ..Scope::default()
        };
        let named = resolved.layers(scope);
        if named.len() > MAX_LAYERS {
            return Err(PlanError::TooManyLayers { max_layers: MAX_LAYERS }.into());
        }
        for layer in named {
            let Layer::Asset {
                delivery_type,
                public_id,
                ..
            } = &layer
            else {
                continue;
            };
            let (asset, grant) = find_layer(library, *delivery_type, public_id, reader).await?;
            self.grant = self.grant.and(grant);
            let missing = || missing_layer(public_id);
            let facts = image_facts(asset.upload.facts.image().ok_or_else(missing)?);
            beside.push(asset.upload.id.to_string());
            self.layers.push(LayerAsset {
                known: KnownLayer { layer, facts },
                upload: asset.upload.id,
                sha256: asset.upload.facts.sha256,
                bytes: asset.upload.facts.bytes,
            });
        }
        Ok(())
    }

    fn known<'a>(&'a self, faces: &'a [FaceBox], layers: &'a [KnownLayer], fonts: &Fonts) -> Known<'a> {
        Known {
            faces,
            custom: &self.custom,
            tags: &self.tags,
            context: Some(&self.context),
            metadata: Some(&self.metadata),
            layers,
            fonts: fonts.clone(),
        }
    }

    fn known_layers(&self) -> Vec<KnownLayer> {
        self.layers.iter().map(|layer| layer.known.clone()).collect()
    }
}

/// The picture that a layer names. One that the reader may not see is answered like one that is not there: as missing, or, where
/// every layer of its type needs a signature, as denied.
async fn find_layer(
    library: &Library,
    delivery_type: DeliveryType,
    public_id: &PublicId,
    reader: &Reader<'_>,
) -> Result<(Asset, Grant), DeliverError> {
    let key = AssetKey {
        resource_type: ResourceType::Image,
        delivery_type,
        public_id: public_id.clone(),
    };
    let reader = reader.of_asset(&library.cloud_name, &key);
    let found = library.catalog.find_asset(&key).await?;
    let readable = found.and_then(|asset| {
        let grant = may_read(&asset, &reader, ReadOf::Layer).ok()?;
        Some((asset, grant))
    });
    match readable {
        Some(readable) => Ok(readable),
        None if delivery_type == DeliveryType::Upload || reader.is_approved() => Err(missing_layer(public_id).into()),
        None => Err(DeliverError::Denied),
    }
}

fn missing_layer(public_id: &PublicId) -> PlanError {
    PlanError::MissingLayer(public_id.as_str().to_owned())
}

fn boxes(rectangles: &[[u32; 4]]) -> Vec<FaceBox> {
    let as_box = |&[x, y, width, height]: &[u32; 4]| FaceBox { x, y, width, height };
    rectangles.iter().map(as_box).collect()
}

/// One render: what to make of a file, and what it takes.
#[derive(Debug)]
pub struct Job {
    /// What the permit is for.
    pub memory_bytes: u64,
    resolved: ResolvedTransformation,
    facts: Facts,
    surroundings: Surroundings,
    plan: Plan,
    limits: visage_image::Limits,
    fonts: Fonts,
    blobs: Blobs,
    runtime: tokio::runtime::Handle,
}

impl Job {
    /// Plans a render of a file of `file_bytes`.
    ///
    /// # Errors
    /// What can never be made.
    pub fn new(
        library: &Library,
        resolved: ResolvedTransformation,
        facts: Facts,
        surroundings: Surroundings,
        file_bytes: u64,
    ) -> Result<Self, DeliverError> {
        let layers = surroundings.known_layers();
        let found = surroundings.faces.clone().unwrap_or_default();
        let known = surroundings.known(&found, &layers, &library.fonts);
        let plan = visage_image::plan_resolved(&resolved, &facts, &known, &library.limits)?;
        let mut memory_bytes = plan.memory_bytes(file_bytes);
        if needs_faces(&resolved, &surroundings) {
            memory_bytes = memory_bytes.max(Sample::memory_bytes(&facts, file_bytes));
        }
        for layer in &surroundings.layers {
            memory_bytes = memory_bytes.saturating_add(layer.known.facts.memory_bytes(layer.bytes));
        }
        Ok(Self {
            memory_bytes,
            resolved,
            facts,
            surroundings,
            plan,
            limits: library.limits.clone(),
            fonts: library.fonts.clone(),
            blobs: library.blobs.clone(),
            runtime: tokio::runtime::Handle::current(),
        })
    }

    /// What will be done, as far as is known without looking at the pixels.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether faces are looked for first, because nobody has.
    pub fn looks_for_faces(&self) -> bool {
        needs_faces(&self.resolved, &self.surroundings)
    }

    /// Renders, on a thread that may block.
    ///
    /// # Errors
    /// See [`DeliverError`].
    pub fn run(mut self, original: &[u8], expired: &dyn Fn() -> bool) -> Result<Rendered, DeliverError> {
        let limits = &self.limits;
        let is_incomplete = self.looks_for_faces();
        if is_incomplete {
            let sample = Sample::of(original, &self.facts, limits, expired)?;
            self.surroundings.faces = Some(sample.faces()?);
        }
        if is_incomplete || self.resolved.trims() {
            let layers = self.surroundings.known_layers();
            let faces = self.surroundings.faces.clone().unwrap_or_default();
            let known = self.surroundings.known(&faces, &layers, &self.fonts);
            let file = (original, &self.facts);
            self.plan = visage_image::plan_looking(&self.resolved, file, &known, limits, expired)?;
        }
        let mut files = Vec::new();
        for layer in &self.surroundings.layers {
            let read = self.blobs.get_original(&layer.upload, &layer.sha256, layer.bytes);
            files.push(self.runtime.block_on(read)?);
        }
        let layers: Vec<LayerFile<'_>> = files
            .iter()
            .zip(&self.surroundings.layers)
            .map(|(bytes, layer)| LayerFile {
                bytes,
                facts: &layer.known.facts,
            })
            .collect();
        Ok(visage_image::render(original, &self.plan, &layers, limits, expired)?)
    }
}

/// Whether somebody has to look for faces first.
fn needs_faces(resolved: &ResolvedTransformation, surroundings: &Surroundings) -> bool {
    surroundings.faces.is_none() && resolved.asks_for_faces()
}

/// Looks for faces in a picture that is about to be stored. A machine that is too busy leaves it to the first render
/// that asks for them.
pub async fn find_faces(
    library: &Library,
    original: &super::upload::Original,
    picture: Facts,
) -> Option<Vec<[u32; 4]>> {
    use super::upload::Original;
    let (original, limits) = (original.clone(), Arc::new(library.limits.clone()));
    let file_bytes = match &original {
        Original::Bytes(bytes) => bytes.len() as u64,
        Original::File(file) => file.len_bytes(),
    };
    let memory_bytes = Sample::memory_bytes(&picture, file_bytes);
    let looked = library
        .permits
        .run(memory_bytes, library.render_timeout, move |expired| {
            let sample = match &original {
                Original::Bytes(bytes) => Sample::of(bytes, &picture, &limits, expired)?,
                Original::File(file) => Sample::of(&file.read_all()?, &picture, &limits, expired)?,
            };
            let faces = sample.faces()?;
            let rectangles = faces.iter().map(|face| [face.x, face.y, face.width, face.height]);
            Ok::<_, super::analyse::AnalyseError>(rectangles.collect())
        })
        .await;
    match looked {
        Ok(Ok(faces)) => Some(faces),
        Ok(Err(error)) => {
            tracing::warn!(error = %error, "nobody could look for faces");
            None
        }
        Err(error) => {
            tracing::warn!(error = %error, "nobody looked for faces");
            None
        }
    }
}
