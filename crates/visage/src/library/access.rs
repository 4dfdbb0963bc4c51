//! Who may see an asset.

use jiff::Timestamp;
use serde_json::Value;
use visage_store::ModerationStatus;

use super::extra::Extra;
use visage_store::AssetDetails;

/// Most entries of `access_control`.
const MAX_ENTRIES: usize = 10;

/// What the asset's own settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: the delivery type decides.
    ByType,
    /// Whoever has a token.
    ByToken,
    /// Nobody: somebody rejected it.
    Hidden,
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

/// What `details` say at the time `now`.
pub fn of(details: &AssetDetails, now: Timestamp) -> Access {
    if details
        .moderation
        .as_ref()
        .is_some_and(|moderation| moderation.status == ModerationStatus::Rejected)
    {
        return Access::Hidden;
    }
    if details.extra.is_empty() {
        return Access::ByType;
    }
    let control = Extra::of(details).access_control;
    let entries = control
        .as_ref()
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if entries.is_empty() || entries.iter().any(|entry| is_open(entry, now)) {
        Access::ByType
    } else {
        Access::ByToken
    }
}

/// Whether the asset's own settings say who may see it, and when.
pub fn is_controlled(details: &AssetDetails) -> bool {
    !details.extra.is_empty() && Extra::of(details).access_control.is_some()
}

/// Whether an entry lets everybody in at this time.
fn is_open(entry: &Value, now: Timestamp) -> bool {
    entry["access_type"] == "anonymous"
        && time(&entry["start"]).is_none_or(|start| start <= now)
        && time(&entry["end"]).is_none_or(|end| now < end)
}

fn time(value: &Value) -> Option<Timestamp> {
    Some(visage_cloudinary::read_time(value.as_str()?)?.timestamp())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn access(control: Value) -> Access {
        let mut details = AssetDetails::default();
        let extra = Extra {
            access_control: Some(control),
            ..Extra::default()
        };
        extra.keep_in(&mut details);
        of(&details, "2024-06-25T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_token_is_needed_unless_the_time_is_anonymous() {
        let window = |start: &str, end: &str| json!({"access_type": "anonymous", "start": start, "end": end});
        let token = json!({"access_type": "token"});
        assert_eq!(access(json!([])), Access::ByType);
        assert_eq!(access(json!([token])), Access::ByToken);
        for (start, end, expected) in [
            ("2024-06-25T12:00:00Z", "2024-06-25T12:00:01Z", Access::ByType),
            ("2024-06-25T12:00:01Z", "2024-06-26T12:00:00Z", Access::ByToken),
            ("2024-06-24T12:00:00Z", "2024-06-25T12:00:00Z", Access::ByToken),
        ] {
            assert_eq!(access(json!([token, window(start, end)])), expected, "{start} {end}");
        }
        assert_eq!(access(json!([{"access_type": "anonymous"}])), Access::ByType);
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
