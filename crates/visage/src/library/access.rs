//! Who may read an asset. [`may_read`] decides every read: of a URL, a layer, a default image, an explanation, an archive, a
//! download and what is rendered ahead.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;
use visage_cloudinary::signature::{AuthTokenKey, auth_token_expiration, verify_auth_token};
use visage_cloudinary::{DeliveryType, DeliveryUrl};
use visage_store::{Asset, AssetDetails, AssetKey, ModerationStatus};

use super::extra::Extra;

/// Most entries of `access_control`.
const MAX_ENTRIES: usize = 10;

/// What a read takes from an asset. It is decided by what leaves the server, not by how it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOf {
    /// The bytes as they are stored, or facts about them.
    Original,
    /// A picture encoded anew, without metadata.
    Derived,
    /// Its pixels as a part of another picture.
    Layer,
}

/// Who reads.
#[derive(Debug, Clone)]
pub enum Reader<'a> {
    /// The operator of this server: the command line, and calls of the API with credentials.
    Operator,
    /// A visitor of a delivery URL.
    Visitor(Credentials<'a>),
}

/// What a visitor's request carries that may open an asset.
#[derive(Debug, Clone)]
pub struct Credentials<'a> {
    /// The time of the request.
    pub now: Timestamp,
    /// Whether the URL carries a right signature.
    pub is_signed: bool,
    /// The token, where the request has one and a key is set up.
    pub token: Option<PresentedToken<'a>>,
    /// The path that a token has to open, as it was received.
    pub path: Cow<'a, str>,
}

/// A token that was presented, and what it is checked with.
#[derive(Debug, Clone, Copy)]
pub struct PresentedToken<'a> {
    /// Its text.
    pub text: &'a str,
    /// The key that it has to be signed with.
    pub key: &'a AuthTokenKey,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
}

/// A read that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grant {
    /// Whether this visitor alone may keep the answer.
    pub is_private: bool,
    /// The next moment at which the same request may be answered otherwise; no cache may keep the answer beyond it.
    pub until: Option<Timestamp>,
}

/// Why a read is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The asset was rejected: to visitors it is missing.
    Rejected,
    /// A signature or a token is needed.
    Denied,
}

/// What an asset's own settings say at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    /// Nothing: the delivery type decides.
    ByType,
    /// A token is needed.
    ByToken,
    /// It was rejected.
    Rejected,
}

/// Whether `reader` may take `what` from `asset`.
///
/// # Errors
/// See [`Refusal`].
pub fn may_read(asset: &Asset, reader: &Reader<'_>, what: ReadOf) -> Result<Grant, Refusal> {
    let Reader::Visitor(credentials) = reader else {
        return Ok(Grant::default());
    };
    let (setting, until) = setting(&asset.details, credentials.now);
    let public = Grant {
        is_private: false,
        until,
    };
    let is_open = match setting {
        Setting::Rejected => return Err(Refusal::Rejected),
        Setting::ByToken => false,
        Setting::ByType => credentials.is_signed || is_public(asset.key.delivery_type, what),
    };
    if is_open {
        return Ok(public);
    }
    let token_end = credentials.token_end().ok_or(Refusal::Denied)?;
    Ok(public.and(Grant {
        is_private: true,
        until: Timestamp::from_second(token_end).ok(),
    }))
}

/// What the delivery type alone leaves open: what is made of a private asset is public, and a layer of one needs a signature
/// (Cloudinary docs, "private images" and "layers").
fn is_public(delivery_type: DeliveryType, what: ReadOf) -> bool {
    match (delivery_type, what) {
        (DeliveryType::Upload, _) | (DeliveryType::Private, ReadOf::Derived) => true,
        (DeliveryType::Private, ReadOf::Original | ReadOf::Layer) | (DeliveryType::Authenticated, _) => false,
    }
}

impl<'a> Reader<'a> {
    /// The same reader before another asset than the one that the URL names: a token has to open the asset's own path. A
    /// signature covers the transformation, and with it the names of layers and default images.
    #[must_use]
    pub fn of_asset(&self, cloud: &str, key: &AssetKey) -> Self {
        self.map(|credentials| Credentials {
            path: Cow::Owned(own_path(cloud, key)),
            ..credentials
        })
    }

    /// The same reader without the signature, which covers what the URL asks for and no more.
    #[must_use]
    pub fn unsigned(&self) -> Self {
        self.map(|credentials| Credentials {
            is_signed: false,
            ..credentials
        })
    }

    /// Whether everything that the URL names was approved by the operator.
    pub fn is_approved(&self) -> bool {
        match self {
            Self::Operator => true,
            Self::Visitor(credentials) => credentials.is_signed,
        }
    }

    fn map(&self, change: impl FnOnce(Credentials<'a>) -> Credentials<'a>) -> Self {
        match self {
            Self::Operator => Self::Operator,
            Self::Visitor(credentials) => Self::Visitor(change(credentials.clone())),
        }
    }
}

/// `/{cloud}/{resource_type}/{type}/{public_id}`
fn own_path(cloud: &str, key: &AssetKey) -> String {
    let mut url = DeliveryUrl::new(cloud, key.resource_type, key.delivery_type, &key.public_id);
    url.version = None;
    url.path()
}

impl Credentials<'_> {
    /// When the token ends, if it opens the path now.
    fn token_end(&self) -> Option<i64> {
        let PresentedToken { text, key, address } = self.token?;
        let address = address.map(|address| address.to_string());
        verify_auth_token(text, &self.path, self.now.as_second(), address.as_deref(), key).ok()?;
        auth_token_expiration(text)
    }
}

impl Grant {
    /// What is left of two grants that an answer depends on.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            is_private: self.is_private || other.is_private,
            until: self.until.into_iter().chain(other.until).min(),
        }
    }
}

/// Checks the value of `access_control`.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub fn check(value: &Value) -> Result<(), &'static str> {
    let entries = value.as_array().ok_or("it must be a list")?;
    if entries.len() > MAX_ENTRIES {
        return Err("it has too many entries");
    }
    let mut anonymous = 0;
    for entry in entries {
        match entry["access_type"].as_str() {
            Some("token") => {}
            Some("anonymous") => anonymous += 1,
            _ => return Err("an access_type is neither token nor anonymous"),
        }
        let good = |name: &str| entry[name].is_null() || time(&entry[name]).is_some();
        if !good("start") || !good("end") {
            return Err("start and end must be times such as 2024-06-25T09:25:44Z");
        }
    }
    if anonymous > 1 {
        return Err("only one entry may be anonymous");
    }
    Ok(())
}

/// What `details` say at the time `now`, and when they say something else next.
fn setting(details: &AssetDetails, now: Timestamp) -> (Setting, Option<Timestamp>) {
    if details
        .moderation
        .as_ref()
        .is_some_and(|moderation| moderation.status == ModerationStatus::Rejected)
    {
        return (Setting::Rejected, None);
    }
    match access_control(details) {
        None => (Setting::ByType, None),
        Some(Value::Array(entries)) if entries.is_empty() => (Setting::ByType, None),
        Some(Value::Array(entries)) => {
            let is_open = entries.iter().any(|entry| is_open(entry, now));
            let setting = if is_open { Setting::ByType } else { Setting::ByToken };
            (setting, next_change(&entries, now))
        }
        // It was checked when it was written; what cannot be read now opens nothing.
        Some(_) => (Setting::ByToken, None),
    }
}

/// The one place at which this module reads what is kept with an asset.
fn access_control(details: &AssetDetails) -> Option<Value> {
    if details.extra.is_empty() {
        return None;
    }
    Extra::of(details).access_control
}

/// Whether the asset's own settings say who may see it, and when.
pub fn is_controlled(details: &AssetDetails) -> bool {
    access_control(details).is_some()
}

/// Whether a decision about showing the asset is yet to come.
pub fn awaits_moderation(details: &AssetDetails) -> bool {
    let moderation = details.moderation.as_ref();
    moderation.is_some_and(|moderation| moderation.status == ModerationStatus::Pending)
}

/// Whether an entry opens the asset to all at this time. A time that cannot be read opens nothing.
fn is_open(entry: &Value, now: Timestamp) -> bool {
    let fits = |name: &str, fits: fn(Timestamp, Timestamp) -> bool| {
        entry[name].is_null() || time(&entry[name]).is_some_and(|time| fits(time, now))
    };
    entry["access_type"] == "anonymous" && fits("start", |start, now| start <= now) && fits("end", |end, now| now < end)
}

/// The next start or end of an anonymous entry.
fn next_change(entries: &[Value], now: Timestamp) -> Option<Timestamp> {
    let anonymous = entries.iter().filter(|entry| entry["access_type"] == "anonymous");
    let times = anonymous.flat_map(|entry| [time(&entry["start"]), time(&entry["end"])]);
    times.flatten().filter(|time| *time > now).min()
}

fn time(value: &Value) -> Option<Timestamp> {
    Some(visage_cloudinary::read_time(value.as_str()?)?.timestamp())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2024-06-25T12:00:00Z";

    fn said(control: Value) -> (Setting, Option<String>) {
        let mut details = AssetDetails::default();
        let extra = Extra {
            access_control: Some(control),
            ..Extra::default()
        };
        extra.keep_in(&mut details);
        let (setting, until) = setting(&details, NOW.parse().unwrap());
        (setting, until.map(|until| until.to_string()))
    }

    #[test]
    fn token_is_needed_outside_of_the_anonymous_window() {
        let window = |start: &str, end: &str| json!({"access_type": "anonymous", "start": start, "end": end});
        let token = json!({"access_type": "token"});
        assert_eq!(said(json!([])), (Setting::ByType, None));
        assert_eq!(said(json!([token])), (Setting::ByToken, None));
        let until = |text: &str| Some(text.to_owned());
        for (start, end, expected, next) in [
            (
                NOW,
                "2024-06-25T12:00:01Z",
                Setting::ByType,
                until("2024-06-25T12:00:01Z"),
            ),
            (
                "2024-06-25T12:00:01Z",
                "2024-06-26T12:00:00Z",
                Setting::ByToken,
                until("2024-06-25T12:00:01Z"),
            ),
            ("2024-06-24T12:00:00Z", NOW, Setting::ByToken, None),
        ] {
            let said = said(json!([token, window(start, end)]));
            assert_eq!(said, (expected, next), "{start} {end}");
        }
        assert_eq!(said(json!([{"access_type": "anonymous"}])), (Setting::ByType, None));
    }

    #[test]
    fn unreadable_settings_open_nothing() {
        for control in [
            json!("token"),
            json!({}),
            json!([{"access_type": "anonymous", "end": "tomorrow"}]),
            json!([{"access_type": "anonymous", "start": 5}]),
        ] {
            assert_eq!(said(control.clone()).0, Setting::ByToken, "{control}");
        }
    }

    #[test]
    fn wrong_values_are_refused() {
        for value in [
            json!("token"),
            json!([{"access_type": "x"}]),
            json!([{"access_type": "anonymous"}, {"access_type": "anonymous"}]),
            json!([{"access_type": "anonymous", "start": "soon"}]),
        ] {
            assert!(check(&value).is_err(), "{value}");
        }
        assert!(
            check(&json!([{"access_type": "token"}, {"access_type": "anonymous", "start": "2019-02-22T16:20:57Z"}]))
                .is_ok()
        );
        let javascript = "Fri Mar 22 2019 00:00:00 GMT+0200 (Eastern European Standard Time)";
        for end in ["2019-03-22 00:00 +0200", javascript] {
            assert!(
                check(&json!([{"access_type": "anonymous", "end": end}])).is_ok(),
                "{end}"
            );
        }
    }
}
