//! What the account knows of a stored picture, and another look at it.

use http::{Method, StatusCode};
use rand::RngExt as _;
use serde_json::Value;
use visage_cloudinary::{DeliveryType, PublicId, ResourceType};

use super::fault::{Fault, FaultKind};
use super::{Cloudinary, HostedFacts};

impl Cloudinary {
    /// Asks once for a picture that was answered for.
    pub(super) async fn confirm(&self, url: &str) -> Result<(), Fault> {
        if !self.confirm {
            return Ok(());
        }
        match self.client.deliver(Method::HEAD, url, 0).await {
            Err(fault) if fault.kind == FaultKind::Refused(StatusCode::NOT_FOUND) => Err(Fault::new(
                FaultKind::Unknown,
                "it answered for a picture that is not there",
            )),
            confirmed => confirmed.map(drop),
        }
    }

    /// Whether a picture that was answered to be destroyed is gone. The delivery URL is asked, with a version that no cache can
    /// know; what it leaves open the Admin API is asked, whose calls are counted by the hour.
    pub(super) async fn is_gone(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, Fault> {
        match self.delivers(public_id, resource_type).await {
            Some(is_delivered) => Ok(!is_delivered),
            None => self.is_there(public_id, resource_type).await.map(|is_there| !is_there),
        }
    }

    /// Whether the original is delivered; `None` where that is not certain: another answer than these two, a video (its URL
    /// has an extension, which is not known here), or an account whose deliveries cannot be asked for from here.
    async fn delivers(&self, public_id: &PublicId, resource_type: ResourceType) -> Option<bool> {
        if !self.confirm || resource_type != ResourceType::Image {
            return None;
        }
        // Seconds before 2001: no upload has them, and the account delivers what is current under any version.
        let version = rand::rng().random_range(1..1_000_000_000);
        let url = self.plain_url(public_id, resource_type).with_version(version);
        match self.client.deliver(Method::HEAD, &self.write(&url), 0).await {
            Ok(_) => Some(true),
            Err(fault) if fault.kind == FaultKind::Refused(StatusCode::NOT_FOUND) => Some(false),
            Err(_) => None,
        }
    }

    /// Has `display` made of a stored picture, and `part` kept with it.
    pub(super) async fn show_once(
        &self,
        public_id: &PublicId,
        display: &str,
        part: &str,
        url: &str,
    ) -> Result<(), Fault> {
        let fields = [
            ("custom_coordinates", part),
            ("eager", display),
            ("public_id", public_id.as_str()),
            ("type", DeliveryType::Upload.as_str()),
        ];
        let answer = self.client.call(ResourceType::Image, "explicit", &fields, None).await?;
        if answer["public_id"] != public_id.as_str() {
            return Err(Fault::new(FaultKind::Unknown, "the answer does not fit what was sent"));
        }
        self.confirm(url).await
    }

    pub(super) async fn look_up(&self, public_id: &PublicId) -> Result<Option<HostedFacts>, Fault> {
        match self.client.resource(ResourceType::Image, public_id).await {
            Ok(asset) => Ok(facts(&asset)),
            Err(fault) if fault.kind == FaultKind::Refused(StatusCode::NOT_FOUND) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

/// A rectangle as a parameter.
pub(super) fn coordinates([x, y, width, height]: [u32; 4]) -> String {
    format!("{x},{y},{width},{height}")
}

/// What the Admin API says of a picture; `None` for a backup of what is no more.
fn facts(asset: &Value) -> Option<HostedFacts> {
    let side = |name: &str| asset[name].as_u64().and_then(|pixels| u32::try_from(pixels).ok());
    Some(HostedFacts {
        width: side("width")?,
        height: side("height")?,
        bytes: asset["bytes"].as_u64().filter(|_| asset["placeholder"] != true)?,
        format: asset["format"].as_str()?.to_owned(),
        faces: None,
    })
}
