//! Signatures in delivery URLs: `s--….--` over transformation and name (Cloudinary docs, "signed delivery URLs").

use percent_encoding::percent_decode_str;

use super::{SignatureAlgorithm, equal};
use crate::Secret;
use crate::delivery_url::{DeliveryUrl, UrlForm, UrlParts, without_suffix};

/// How long a delivery signature is and how it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliverySignature {
    /// Eight characters (48 bits), the SDKs' default.
    Short(SignatureAlgorithm),
    /// 32 characters (192 bits) of SHA-256.
    Long,
}

impl Default for DeliverySignature {
    fn default() -> Self {
        Self::Short(SignatureAlgorithm::Sha1)
    }
}

impl DeliverySignature {
    fn sign(self, text: &str, secret: &Secret) -> String {
        let (algorithm, chars) = match self {
            Self::Short(algorithm) => (algorithm, 8),
            Self::Long => (SignatureAlgorithm::Sha256, 32),
        };
        algorithm.base64url(text, secret).chars().take(chars).collect()
    }
}

/// What a delivery signature covers, as the client wrote it: the transformation and the name with its extension;
/// neither the head of the URL nor the version nor words for search engines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedText {
    transformation: String,
    /// More than one where the form leaves open which part is the name.
    sources: Vec<String>,
}

impl SignedText {
    pub(crate) fn new(form: UrlForm, transformation: String, source: &str) -> Self {
        let sources = match form {
            UrlForm::Full | UrlForm::Short => vec![source.to_owned()],
            UrlForm::Seo => vec![without_suffix(source)],
            UrlForm::Root => vec![source.to_owned(), without_suffix(source)],
        };
        Self {
            transformation,
            sources,
        }
    }

    /// Signs the text as it stands.
    pub fn sign(&self, signature: DeliverySignature, secret: &Secret) -> String {
        let source = self.sources.first().map(String::as_str).unwrap_or_default();
        signature.sign(&join(&self.transformation, source), secret)
    }

    /// Whether somebody who has the secret signed this text, in any of the ways that SDKs sign. Clients differ in what
    /// they escape before they sign, so the text is tried as received, with blanks of the transformation decoded, and
    /// decoded.
    pub fn is_signed(&self, signature: &str, secret: &Secret) -> bool {
        let kinds: &[DeliverySignature] = match signature.len() {
            8 => &[
                DeliverySignature::Short(SignatureAlgorithm::Sha1),
                DeliverySignature::Short(SignatureAlgorithm::Sha256),
            ],
            32 => &[DeliverySignature::Long],
            _ => &[],
        };
        let texts: Vec<String> = self
            .sources
            .iter()
            .flat_map(|source| spellings(&self.transformation, source))
            .collect();
        kinds
            .iter()
            .any(|kind| texts.iter().any(|text| equal(signature, &kind.sign(text, secret))))
    }
}

fn spellings(transformation: &str, source: &str) -> [String; 3] {
    let received = join(transformation, source);
    let decoded = percent_decode_str(&received).decode_utf8_lossy().into_owned();
    [join(&transformation.replace("%20", " "), source), decoded, received]
}

fn join(transformation: &str, source: &str) -> String {
    if transformation.is_empty() {
        source.to_owned()
    } else {
        format!("{transformation}/{source}")
    }
}

impl UrlParts<'_> {
    /// What a signature of this URL covers.
    pub fn signed_text(&self) -> SignedText {
        SignedText::new(self.form, self.transformation.join("/"), &self.source.join("/"))
    }
}

impl DeliveryUrl {
    /// What a signature of this URL covers.
    pub fn signed_text(&self) -> SignedText {
        SignedText::new(self.form, self.transformation_text.clone(), &self.source_text)
    }

    /// The same URL, signed. Sign last: a later change of transformation or extension needs another signature.
    #[must_use]
    pub fn signed(mut self, signature: DeliverySignature, secret: &Secret) -> Self {
        self.signature = Some(self.signed_text().sign(signature, secret));
        self
    }

    /// Whether the URL carries a right signature; false when it carries none.
    pub fn is_signed(&self, secret: &Secret) -> bool {
        self.signature
            .as_ref()
            .is_some_and(|signature| self.signed_text().is_signed(signature, secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new("abcd")
    }

    fn parse(path: &str) -> DeliveryUrl {
        DeliveryUrl::parse(path).unwrap()
    }

    #[test]
    fn a_signature_covers_transformation_and_name_but_not_head_and_version() {
        for path in [
            "/demo/image/upload/s--PmJstCBL--/c_crop,h_20,w_10/sample.jpg",
            "/demo/image/upload/s--PmJstCBL--/c_crop,h_20,w_10/v1234/sample.jpg",
            "/demo/iu/s--PmJstCBL--/c_crop,h_20,w_10/sample.jpg",
            "/demo/s--PmJstCBL--/c_crop,h_20,w_10/sample/words.jpg",
            "/demo/images/s--PmJstCBL--/c_crop,h_20,w_10/sample/words.jpg",
        ] {
            assert!(parse(path).is_signed(&secret()), "{path}");
            assert!(!parse(path).is_signed(&Secret::new("other")), "{path}");
        }
        for path in [
            "/demo/image/upload/s--PmJstCBL--/h_20,c_crop,w_10/sample.jpg",
            "/demo/image/upload/s--PmJstCBL--/c_crop,h_20,w_10/sample.png",
            "/demo/image/upload/s--PmJstCBM--/c_crop,h_20,w_10/sample.jpg",
            "/demo/image/upload/c_crop,h_20,w_10/sample.jpg",
        ] {
            assert!(!parse(path).is_signed(&secret()), "{path}");
        }
    }

    #[test]
    fn a_signed_url_is_signed_in_every_way_of_signing() {
        let url = parse("/demo/image/private/w_10/v1/a/us%C3%A9r%20(1).jpg");
        let ways = [
            DeliverySignature::default(),
            DeliverySignature::Short(SignatureAlgorithm::Sha256),
            DeliverySignature::Long,
        ];
        for way in ways {
            let signed = url.clone().signed(way, &secret());
            assert!(parse(&signed.path()).is_signed(&secret()), "{way:?}");
        }
    }
}
