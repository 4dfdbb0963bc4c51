//! Signatures of API requests and of upload answers (Cloudinary docs, "authentication signatures").

use std::collections::BTreeMap;

use super::field_name::{FieldName, InvalidFieldName, base_name};
use super::{SignatureAlgorithm, equal};
use crate::Secret;

/// Fields that no request signature covers.
const NEVER_SIGNED: [&str; 5] = ["file", "cloud_name", "resource_type", "api_key", "signature"];
/// Fields that the SDKs leave out on the tags, context and metadata actions.
const UNSIGNED_ON_TAGGING: [&str; 2] = ["notification_url", "batch_id"];

/// How pairs are escaped before they are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignatureVersion {
    /// Not at all: `a=1&b=2` can hide in one value. Old SDKs, and all signatures of answers.
    V1,
    /// `&` becomes `%26`. What SDKs send today.
    #[default]
    V2,
}

/// What kind of request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestKind {
    /// Every action but the following.
    #[default]
    Ordinary,
    /// `tags`, `context` and `metadata`, which may leave `notification_url` and `batch_id` unsigned.
    Tagging,
}

/// Which signatures a cloud accepts besides SHA-1 of version 2. A request does not say how it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedSignatures {
    /// SHA-256 too.
    pub sha256: bool,
    /// [`SignatureVersion::V1`] too.
    pub version_1: bool,
}

/// The signature fits no accepted way of signing. The message is Cloudinary's and does not hold the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid Signature {received}. String to sign - '{string_to_sign}'.")]
pub struct InvalidSignature {
    received: String,
    string_to_sign: String,
}

/// Why a signed request is refused. The messages are written for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedRequestError {
    /// The signature is wrong.
    #[error(transparent)]
    Signature(#[from] InvalidSignature),
    /// A field has a name that could be read as more than one field.
    #[error(transparent)]
    Name(#[from] InvalidFieldName),
    /// An item of a list holds a comma, which the signature takes for the end of the item.
    #[error(
        "Parameter {0} is a list with a comma in an item, which a signature does not tell from two items. \
         Authenticate with api_key and api_secret by HTTP Basic instead"
    )]
    CommaInItem(String),
}

/// Signs the fields of a request, given as they are sent; lower-case hexadecimal. Fields that are never signed or empty
/// are left out, and those of one name (`tags[]`, `tags[]`) are joined.
pub fn sign_request(
    fields: &[(&str, &str)],
    version: SignatureVersion,
    algorithm: SignatureAlgorithm,
    secret: &Secret,
) -> String {
    sign_fields(&signed_fields(fields), version, algorithm, secret)
}

/// Signs exactly these fields, as the SDKs' own signing functions do for an application that signs what a browser will
/// send; lower-case hexadecimal. Which fields belong in, the caller has decided.
pub fn sign_fields(
    fields: &[(&str, &str)],
    version: SignatureVersion,
    algorithm: SignatureAlgorithm,
    secret: &Secret,
) -> String {
    algorithm.hex(string_to_sign(&join_fields(fields), &[], version), secret)
}

/// Checks the signature of a request over its fields, given as they were received, and returns the fields to act on: those
/// that the signature covers, each once under its name without brackets, with the text that was signed. Blank fields are in
/// no signature, so they are not among them; on [`RequestKind::Tagging`] the two that may stay unsigned are.
///
/// # Errors
///
/// [`InvalidSignature`] when no accepted way of signing gives this signature, or when a field that is no list is there
/// twice: `public_id=a&public_id=b` would carry the signature of `public_id=a,b`. Names and items that a signature does not
/// tell from others.
pub fn verify_request(
    fields: &[(&str, &str)],
    signature: &str,
    kind: RequestKind,
    accepted: AcceptedSignatures,
    secret: &Secret,
) -> Result<BTreeMap<String, String>, SignedRequestError> {
    let is_clear = !repeats_a_plain_field(&check_fields(fields)?);
    let signed = signed_fields(fields);
    let omitted: &[&[&str]] = match kind {
        RequestKind::Ordinary => &[&[]],
        RequestKind::Tagging => &[&UNSIGNED_ON_TAGGING, &[]],
    };
    let versions: &[SignatureVersion] = if accepted.version_1 {
        &[SignatureVersion::V2, SignatureVersion::V1]
    } else {
        &[SignatureVersion::V2]
    };
    let algorithm = match signature.len() {
        40 => Some(SignatureAlgorithm::Sha1),
        64 if accepted.sha256 => Some(SignatureAlgorithm::Sha256),
        _ => None,
    };
    let joined = join_fields(&signed);
    let mut texts = omitted.iter().flat_map(|omitted| {
        versions
            .iter()
            .map(|version| string_to_sign(&joined, omitted, *version))
    });
    if is_clear && algorithm.is_some_and(|algorithm| texts.any(|text| equal(signature, &algorithm.hex(text, secret)))) {
        let fields = joined.into_iter().map(|(name, value)| (name.to_owned(), value));
        return Ok(fields.collect());
    }
    let omitted = omitted.first().copied().unwrap_or_default();
    Err(InvalidSignature {
        received: signature.to_owned(),
        string_to_sign: string_to_sign(&joined, omitted, SignatureVersion::default()),
    }
    .into())
}

/// The `signature` field of an upload's answer; lower-case hexadecimal. It is always of version 1.
pub fn sign_response(public_id: &str, version: i64, algorithm: SignatureAlgorithm, secret: &Secret) -> String {
    algorithm.hex(format!("public_id={public_id}&version={version}"), secret)
}

/// The names of all fields, unless one of them, or an item, could be taken for something else.
fn check_fields<'a>(fields: &[(&'a str, &str)]) -> Result<Vec<FieldName<'a>>, SignedRequestError> {
    let check = |(name, value): &(&'a str, &str)| {
        let name = FieldName::parse(name)?;
        if name.is_item() && value.contains(',') {
            return Err(SignedRequestError::CommaInItem(name.base().to_owned()));
        }
        Ok(name)
    };
    fields.iter().map(check).collect()
}

fn repeats_a_plain_field(names: &[FieldName<'_>]) -> bool {
    let mut counts = BTreeMap::new();
    for name in names {
        let (plain, count) = counts.entry(name.base()).or_insert((false, 0_u32));
        *plain |= !name.is_item();
        *count = count.saturating_add(1);
    }
    counts.values().any(|&(plain, count)| plain && count > 1)
}

/// The fields that a request's signature may cover.
fn signed_fields<'a>(fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let signed = fields
        .iter()
        .filter(|(name, _)| !NEVER_SIGNED.contains(&base_name(name)));
    signed.copied().collect()
}

/// The fields by their names without brackets, lists joined by commas; blank ones are left out.
fn join_fields<'a>(fields: &[(&'a str, &'a str)]) -> BTreeMap<&'a str, String> {
    let mut lists: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in fields {
        lists.entry(base_name(name)).or_default().push(value);
    }
    let joined = lists.into_iter().map(|(name, values)| (name, values.join(",")));
    joined.filter(|(_, value)| !value.is_empty()).collect()
}

fn string_to_sign(fields: &BTreeMap<&str, String>, omitted: &[&str], version: SignatureVersion) -> String {
    let covered = fields.iter().filter(|(name, _)| !omitted.contains(name));
    let pairs = covered.map(|(name, value)| format!("{name}={value}"));
    let escaped: Vec<String> = match version {
        SignatureVersion::V1 => pairs.collect(),
        SignatureVersion::V2 => pairs.map(|pair| pair.replace('&', "%26")).collect(),
    };
    escaped.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYTHING: AcceptedSignatures = AcceptedSignatures {
        sha256: true,
        version_1: true,
    };
    const STRICT: AcceptedSignatures = AcceptedSignatures {
        sha256: false,
        version_1: false,
    };

    fn secret() -> Secret {
        Secret::new("abcd")
    }

    #[test]
    fn the_documented_example_is_signed_as_documented() {
        let fields = [
            ("timestamp", "1315060510"),
            ("public_id", "sample_image"),
            ("eager", "w_400,h_300,c_pad|w_260,h_200,c_crop"),
            ("file", "ignored"),
            ("api_key", "1234"),
            ("tags", ""),
        ];
        let signature = sign_request(&fields, SignatureVersion::V2, SignatureAlgorithm::Sha1, &secret());
        assert_eq!(signature, "bfd09f95f331f558cbd1320e67aa8d488770583e");
        assert_eq!(
            verify_request(&fields, &signature, RequestKind::Ordinary, STRICT, &secret()).map(drop),
            Ok(())
        );
    }

    #[test]
    fn only_accepted_ways_of_signing_are_accepted() {
        let fields = [("context", "a=1&b=2"), ("timestamp", "1")];
        let check = |version, algorithm, accepted, ok: bool| {
            let signature = sign_request(&fields, version, algorithm, &secret());
            assert_eq!(
                verify_request(&fields, &signature, RequestKind::Ordinary, accepted, &secret()).is_ok(),
                ok
            );
        };
        check(SignatureVersion::V2, SignatureAlgorithm::Sha1, STRICT, true);
        check(SignatureVersion::V1, SignatureAlgorithm::Sha1, STRICT, false);
        check(SignatureVersion::V2, SignatureAlgorithm::Sha256, STRICT, false);
        check(SignatureVersion::V1, SignatureAlgorithm::Sha256, EVERYTHING, true);
        check(
            SignatureVersion::V1,
            SignatureAlgorithm::Sha256,
            AcceptedSignatures {
                version_1: false,
                ..EVERYTHING
            },
            false,
        );
    }

    #[test]
    fn a_value_cannot_smuggle_a_field_past_version_2() {
        let honest = [("context", "a"), ("notification_url", "b"), ("timestamp", "1")];
        let smuggled = [("context", "a&notification_url=b"), ("timestamp", "1")];
        let signature = sign_request(&honest, SignatureVersion::V2, SignatureAlgorithm::Sha1, &secret());
        assert!(verify_request(&smuggled, &signature, RequestKind::Ordinary, STRICT, &secret()).is_err());
    }

    #[test]
    fn tagging_may_leave_two_fields_unsigned() {
        let sent = [
            ("tag", "x"),
            ("notification_url", "http://n"),
            ("batch_id", "7"),
            ("timestamp", "1"),
        ];
        let unsigned = sign_request(
            &[sent[0], sent[3]],
            SignatureVersion::V2,
            SignatureAlgorithm::Sha1,
            &secret(),
        );
        let signed = sign_request(&sent, SignatureVersion::V2, SignatureAlgorithm::Sha1, &secret());
        let verify = |signature: &str, kind| verify_request(&sent, signature, kind, STRICT, &secret()).is_ok();
        assert!(verify(&unsigned, RequestKind::Tagging));
        assert!(verify(&signed, RequestKind::Tagging));
        assert!(!verify(&unsigned, RequestKind::Ordinary));
    }

    #[test]
    fn a_refusal_says_what_should_have_been_signed() {
        let fields = [
            ("timestamp", "1"),
            ("tags[]", "a"),
            ("tags[]", "b&c"),
            ("signature", "00"),
        ];
        let error = verify_request(&fields, "00", RequestKind::Ordinary, EVERYTHING, &secret()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Invalid Signature 00. String to sign - 'tags=a,b%26c&timestamp=1'."
        );
    }

    #[test]
    fn a_field_that_is_no_list_is_signed_once() {
        let signature = sign_request(
            &[("public_id", "a,b")],
            SignatureVersion::V2,
            SignatureAlgorithm::Sha1,
            &secret(),
        );
        let verify =
            |fields: &[(&str, &str)]| verify_request(fields, &signature, RequestKind::Ordinary, STRICT, &secret());
        assert!(verify(&[("public_id", "a,b")]).is_ok());
        assert!(verify(&[("public_id[]", "a"), ("public_id[]", "b")]).is_ok());
        assert!(verify(&[("public_id", "a"), ("public_id", "b")]).is_err());
        assert!(verify(&[("public_id", "a"), ("public_id[]", "b")]).is_err());
    }

    #[test]
    fn lists_may_carry_their_index() {
        let fields = [("tags[0]", "a"), ("tags[1]", "b"), ("timestamp", "1")];
        let signature = sign_request(&fields, SignatureVersion::V2, SignatureAlgorithm::Sha1, &secret());
        let verify = |fields: &[(&str, &str)]| {
            verify_request(fields, &signature, RequestKind::Ordinary, STRICT, &secret()).is_ok()
        };
        assert!(verify(&fields));
        assert!(verify(&[("tags[]", "a"), ("tags[]", "b"), ("timestamp", "1")]));
        assert!(!verify(&[("tags[x]", "a"), ("tags[1]", "b"), ("timestamp", "1")]));
        assert!(!verify(&[("tags", "a"), ("tags[1]", "b"), ("timestamp", "1")]));
    }

    /// What is acted on, or why nothing is, when `sent` carries the signature of `signed`.
    fn acted_on(signed: &[(&str, &str)], sent: &[(&str, &str)]) -> Result<Vec<(String, String)>, SignedRequestError> {
        let signature = sign_request(signed, SignatureVersion::V2, SignatureAlgorithm::Sha1, &secret());
        let fields = verify_request(sent, &signature, RequestKind::Ordinary, EVERYTHING, &secret())?;
        Ok(fields.into_iter().collect())
    }

    #[test]
    fn field_name_cannot_hold_other_fields() {
        let signed = [("public_id", "a"), ("timestamp", "1"), ("type", "private")];
        for name in [
            "timestamp=1&type",
            "public_id=a&timestamp=1&type",
            "a=b",
            "a&b",
            "a%26b",
            "a b",
            "a.b",
            "a\nb",
            "a\0b",
            "a\"b",
            "é",
            "",
            "[]",
            "]a",
        ] {
            let refused = FieldName::parse(name).unwrap_err();
            assert_eq!(acted_on(&signed, &[(name, "private")]), Err(refused.into()), "{name:?}");
        }
        assert_eq!(acted_on(&signed, &signed).unwrap().len(), 3);
    }

    #[test]
    fn verified_fields_are_those_the_signature_covers() {
        let signed = [("tags[]", "a"), ("tags[]", "b"), ("timestamp", "1")];
        let expected = [("tags", "a,b"), ("timestamp", "1")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        for sent in [
            &signed[..],
            &[("tags", "a,b"), ("timestamp", "1")],
            &[("tags[0]", "a"), ("tags[7]", "b"), ("timestamp", "1"), ("context", "")],
            &[
                ("timestamp", "1"),
                ("tags", "a,b"),
                ("api_key", "1"),
                ("resource_type", "raw"),
                ("asset_folder[]", ""),
            ],
        ] {
            assert_eq!(acted_on(&signed, sent).unwrap(), expected, "{sent:?}");
        }
        let comma = [("tags[]", "a,b"), ("timestamp", "1")];
        assert_eq!(
            acted_on(&signed, &comma),
            Err(SignedRequestError::CommaInItem("tags".to_owned()))
        );
    }

    #[test]
    fn an_altered_signature_or_another_secret_is_refused() {
        let fields = [("timestamp", "1")];
        let signature = sign_request(&fields, SignatureVersion::V2, SignatureAlgorithm::Sha1, &secret());
        let verify = |signature: &str, secret: &Secret| {
            verify_request(&fields, signature, RequestKind::Ordinary, EVERYTHING, secret)
        };
        assert!(verify(&signature, &Secret::new("abce")).is_err());
        assert!(verify(&signature.to_uppercase(), &secret()).is_err());
        assert!(verify(&format!("{signature}0"), &secret()).is_err());
        assert!(verify("", &secret()).is_err());
    }
}
