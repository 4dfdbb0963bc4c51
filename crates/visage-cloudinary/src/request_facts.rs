//! What a request says about the client, as far as it changes the picture.

/// What a client accepts beyond the formats that every browser draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RequestFacts {
    /// The client asks for AVIF.
    pub accepts_avif: bool,
    /// The client asks for WebP.
    pub accepts_webp: bool,
}

impl RequestFacts {
    /// Reads the `Accept` header. Only a format's own name counts: `image/*` and `*/*` are sent by clients that can
    /// draw neither. `q=0` is a refusal, and so is a `q` that is no number.
    pub fn from_accept(accept: Option<&str>) -> Self {
        let accept = accept.unwrap_or_default();
        Self {
            accepts_avif: accepts(accept, "image/avif"),
            accepts_webp: accepts(accept, "image/webp"),
        }
    }
}

fn accepts(accept: &str, media_type: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type))
            && parts.all(|parameter| !is_refusal(parameter))
    })
}

fn is_refusal(parameter: &str) -> bool {
    let weight = parameter
        .split_once('=')
        .filter(|(name, _)| name.trim_end().eq_ignore_ascii_case("q"));
    weight.is_some_and(|(_, weight)| !weight.trim_start().parse::<f32>().is_ok_and(|weight| weight > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &str, accepts_avif: bool, accepts_webp: bool) {
        assert_eq!(
            RequestFacts::from_accept(Some(accept)),
            RequestFacts {
                accepts_avif,
                accepts_webp
            },
            "{accept}"
        );
    }

    #[test]
    fn formats_are_accepted_by_name_only() {
        check(
            "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
            true,
            true,
        );
        check("image/webp,*/*", false, true);
        check("IMAGE/AVIF ; q=0.1", true, false);
        check("image/*,*/*;q=0.8", false, false);
        check("image/webpx, ximage/avif", false, false);
        check("", false, false);
        assert_eq!(RequestFacts::from_accept(None), RequestFacts::default());
    }

    #[test]
    fn a_weight_of_zero_refuses() {
        check("image/avif;q=0,image/webp;q=0.001", false, true);
        check("image/avif;q=0.000,image/webp;q=1", false, true);
        check("image/avif; Q = 0,image/webp;v=1;q=0", false, false);
        check("image/avif;q=abc,image/webp;q=-1", false, false);
        check("image/avif;q=NaN,image/webp;q=", false, false);
    }
}
