//! The addresses under which an account's pictures have been saved.

/// Hosts of one account that answer the same: `cdn_subdomain` of the SDKs spreads URLs over `res-1` to `res-5`.
const SHARED_HOST: &str = "res.cloudinary.com";

/// What follows `base` in `url`, whichever of `http` and `https` either begins with.
pub(super) fn path_below<'a>(url: &'a str, base: &str) -> Option<&'a str> {
    let (host, path) = host_and_path(url)?;
    let (base_host, folder) = host_and_path(base)?;
    path.filter(|_| is_same_host(host, base_host))?
        .strip_prefix(folder.unwrap_or_default())
}

/// The host with its port, and the path with its slash where there is one.
fn host_and_path(url: &str) -> Option<(&str, Option<&str>)> {
    let (scheme, rest) = url.split_once("://")?;
    if !["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web)) {
        return None;
    }
    let end = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    Some((host, Some(path).filter(|path| !path.is_empty())))
}

fn is_same_host(host: &str, base: &str) -> bool {
    host.eq_ignore_ascii_case(base) || (base == SHARED_HOST && is_shard(host))
}

fn is_shard(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let number = host
        .strip_prefix("res-")
        .and_then(|rest| rest.strip_suffix(".cloudinary.com"));
    matches!(number, Some("1" | "2" | "3" | "4" | "5"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_case_and_shard_of_an_address_do_not_matter() {
        let base = "https://res.cloudinary.com/gym";
        let path = "/image/upload/v1/profiles/x.jpg";
        for begin in [
            "https://res.cloudinary.com/gym",
            "http://res.cloudinary.com/gym",
            "HTTP://Res.Cloudinary.COM/gym",
            "https://res-1.cloudinary.com/gym",
            "http://res-5.cloudinary.com/gym",
        ] {
            assert_eq!(path_below(&format!("{begin}{path}"), base), Some(path), "{begin}");
        }
        for other in [
            "https://res.cloudinary.com",
            "https://res.cloudinary.com.evil.example/gym",
            "https://res-6.cloudinary.com/gym",
            "https://res.cloudinary.com/Gym",
            "https://res.cloudinary.com:8080/gym",
            "https://evil.example/res.cloudinary.com/gym",
            "ftp://res.cloudinary.com/gym",
            "//res.cloudinary.com/gym",
            "",
        ] {
            assert_eq!(path_below(&format!("{other}{path}"), base), None, "{other}");
        }
        assert_eq!(path_below("http://a.example/x", "https://a.example"), Some("/x"));
        assert_eq!(path_below("http://a.example", "https://a.example"), None);
    }
}
