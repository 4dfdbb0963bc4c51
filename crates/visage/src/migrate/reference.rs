//! What a text in `profileImage` refers to.
//!
//! Installations have written many shapes over the years: `/uploads/x.jpg`, the same without its slash, with a host, a query,
//! encoded, with a blank or a backslash in it. The text is read as a browser and the old server together would have read it.
//! No path that leaves the folder comes out of here, and the file is opened by somebody who does not rely on that
//! ([`super::uploads`]).

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization as _;
use url::Url;

/// The folder that the old server served its files under.
const SERVED_UNDER: &str = "uploads";

/// What the old application's frontend takes for the server's address when nobody says another.
const DEFAULT_HOSTS: [&str; 2] = ["http://localhost:5000", "http://127.0.0.1:5000"];

/// What a text refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// To nothing.
    None,
    /// To the first of these files in the folder that is there.
    Local(Vec<PathBuf>),
    /// To nothing that is taken.
    Refused(&'static str),
}

/// An address under which the installation served its files: `https://api.example.com`, with a path if there was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnHost {
    host: String,
    /// As it was written: `http` and `https` without a port are the same place here.
    port: Option<u16>,
    path: String,
}

/// An address is not one of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write the address as https://api.example.com")]
pub struct OwnHostError;

impl FromStr for OwnHost {
    type Err = OwnHostError;

    fn from_str(text: &str) -> Result<Self, OwnHostError> {
        let url = Url::parse(text).map_err(|_not_a_url| OwnHostError)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(OwnHostError);
        }
        Ok(Self {
            host: url.host_str().ok_or(OwnHostError)?.to_owned(),
            port: url.port(),
            path: url.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for OwnHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

impl OwnHost {
    /// The addresses that are taken without being named.
    pub fn defaults() -> Vec<Self> {
        DEFAULT_HOSTS.iter().filter_map(|host| host.parse().ok()).collect()
    }

    /// What follows this address in `url`, when it is one of ours.
    fn path_of<'a>(&self, url: &Url, text: &'a str) -> Option<&'a str> {
        let is_web = matches!(url.scheme(), "http" | "https");
        if !is_web || url.host_str() != Some(self.host.as_str()) || url.port() != self.port {
            return None;
        }
        // Of the text, not of the URL: parsing has encoded and resolved what stands in it.
        let (_scheme, rest) = text.split_once(':')?;
        let rest = rest.trim_start_matches(is_slash);
        let path = rest.find(is_slash).and_then(|begin| rest.get(begin..))?;
        path.strip_prefix(self.path.as_str())
            .filter(|rest| rest.starts_with(is_slash))
    }
}

/// Reads `text`; `own_hosts` are the addresses under which the installation served its files.
pub fn read(text: &str, own_hosts: &[OwnHost]) -> Reference {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    if matches!(text, "" | "null" | "undefined") {
        return Reference::None;
    }
    if is_windows_path(text) {
        return on_old_machine(text);
    }
    match local_part(text, own_hosts) {
        Some(path) => local(path),
        None if is_data(text) => Reference::Refused("it holds a picture itself, and none that the media host serves"),
        None => Reference::Refused("it is at another host"),
    }
}

/// Whether a text is a path of Windows, as uploads there were saved: `C:\app\uploads\x.jpg`, `\\server\app\uploads\x.jpg`.
fn is_windows_path(text: &str) -> bool {
    let mut characters = text.chars();
    let begins = [characters.next(), characters.next(), characters.next()];
    let has_drive =
        matches!(begins, [Some(letter), Some(':'), Some(slash)] if letter.is_ascii_alphabetic() && is_slash(slash));
    has_drive || text.strip_prefix(r"\\").is_some_and(|rest| !is_served(rest))
}

/// The files that a path of the old machine may mean: what follows a folder with the name of the one that was served, the
/// last of them first.
fn on_old_machine(text: &str) -> Reference {
    let begins = text.rmatch_indices(is_slash).filter_map(|(at, _)| text.get(at + 1..));
    let files = begins.filter(|rest| is_served(rest)).map(local);
    let files: Vec<_> = files
        .flat_map(|reference| match reference {
            Reference::Local(files) => files,
            Reference::None | Reference::Refused(_) => Vec::new(),
        })
        .collect();
    if files.is_empty() {
        return Reference::Refused("it is an absolute path of the old machine, and not in the folder that was served");
    }
    Reference::Local(files)
}

/// The files that `text` may mean if the address in it, which nobody has named, is one of the installation all the same.
pub fn possible_files(text: &str) -> Vec<PathBuf> {
    let served = format!("{SERVED_UNDER}/");
    let begin = text.to_ascii_lowercase().replace('\\', "/").rfind(&served);
    match begin.and_then(|begin| text.get(begin..)).map(local) {
        Some(Reference::Local(files)) => files,
        _ => Vec::new(),
    }
}

/// The text without the address of the installation; `None` when another is named.
fn local_part<'a>(text: &'a str, own_hosts: &[OwnHost]) -> Option<&'a str> {
    let unslashed = text.trim_start_matches(is_slash);
    let is_relative_to_scheme = text.len() - unslashed.len() >= 2 && !is_served(unslashed);
    let absolute = if is_relative_to_scheme {
        format!("http://{unslashed}")
    } else {
        text.to_owned()
    };
    match Url::parse(&absolute) {
        Ok(url) if is_relative_to_scheme => {
            let path = own_hosts.iter().find_map(|host| host.path_of(&url, &absolute))?;
            text.get(text.len() - path.len()..)
        }
        Ok(url) => own_hosts.iter().find_map(|host| host.path_of(&url, text)),
        Err(url::ParseError::RelativeUrlWithoutBase) => Some(text),
        Err(_) => None,
    }
}

fn is_data(text: &str) -> bool {
    text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

fn is_slash(c: char) -> bool {
    matches!(c, '/' | '\\')
}

/// Whether a path begins with the served folder.
fn is_served(path: &str) -> bool {
    let first = path.split(|c| is_slash(c) || c == '%').next();
    first.is_some_and(|first| first.eq_ignore_ascii_case(SERVED_UNDER))
}

/// The files that `path` may mean, the likeliest first. What it means when it is read as a URL decides whether it is taken.
fn local(path: &str) -> Reference {
    let (before_query, _) = path.split_once(['?', '#']).unwrap_or((path, ""));
    let decoded: Vec<u8> = percent_decode_str(before_query).collect();
    let first = match resolve(&decoded, is_byte_slash) {
        Ok(first) => first,
        Err(why) => return Reference::Refused(why),
    };
    // Names that were saved as they are, although something in them has a meaning in a URL.
    let literal = [before_query.as_bytes(), path.as_bytes(), &decoded];
    let others = literal
        .iter()
        .flat_map(|bytes| [resolve(bytes, is_byte_slash), resolve(bytes, |byte| byte == b'/')]);
    let mut files: Vec<Vec<u8>> = Vec::new();
    for file in std::iter::once(first).chain(others.filter_map(Result::ok)) {
        for file in normal_forms(file) {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Reference::Local(files.into_iter().map(|file| OsString::from_vec(file).into()).collect())
}

fn is_byte_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// The path below the served folder, with its dots resolved as in a URL.
fn resolve(path: &[u8], is_slash: impl Fn(u8) -> bool) -> Result<Vec<u8>, &'static str> {
    if path.contains(&0) {
        return Err("it has a zero byte in it");
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| is_slash(*byte)) {
        match part {
            b"" | b"." => {}
            // The served folder itself is never left again.
            b".." if parts.len() <= 1 => return Err("it leads out of the folder"),
            b".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    match parts.split_first() {
        Some((first, file)) if first.eq_ignore_ascii_case(SERVED_UNDER.as_bytes()) => {
            if file.is_empty() {
                return Err("it names no file");
            }
            Ok(file.join(&b'/'))
        }
        _ => Err("it is not in the folder that was served"),
    }
}

/// The same name as it is, composed and decomposed: file systems and browsers do not agree on accents.
fn normal_forms(file: Vec<u8>) -> Vec<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(&file) else {
        return vec![file];
    };
    let (composed, decomposed): (String, String) = (text.nfc().collect(), text.nfd().collect());
    vec![file, composed.into_bytes(), decomposed.into_bytes()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Vec<OwnHost> {
        let mut hosts = OwnHost::defaults();
        hosts.push("https://api.gym.example/backend/".parse().unwrap());
        hosts.push("http://gym.example:8080".parse().unwrap());
        hosts
    }

    /// The likeliest file.
    #[track_caller]
    fn check_local(text: &str, expected: &str) {
        match read(text, &hosts()) {
            Reference::Local(files) => assert_eq!(files[0], PathBuf::from(expected), "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn every_shape_of_a_local_reference_is_read() {
        for text in [
            "/uploads/x.jpg",
            "uploads/x.jpg",
            "./uploads/x.jpg",
            "//uploads//x.jpg",
            "/Uploads/x.jpg",
            " /uploads/x.jpg\n",
            "/uploads/x.jpg?v=1",
            "/uploads/x.jpg#top",
            "/uploads/./x.jpg",
            "/uploads/a/../x.jpg",
            "/uploads/%78.jpg",
            "%2Fuploads%2Fx.jpg",
            "\\uploads\\x.jpg",
            "uploads\\\\x.jpg",
            "http://localhost:5000/uploads/x.jpg",
            "HTTP://LOCALHOST:5000/uploads/x.jpg?v=1",
            "http://127.0.0.1:5000//uploads/x.jpg",
            "//localhost:5000/uploads/x.jpg",
            "https://api.gym.example/backend/uploads/x.jpg",
            "http://api.gym.example/backend/uploads/x.jpg",
            "http://gym.example:8080/uploads/x.jpg",
        ] {
            check_local(text, "x.jpg");
        }
        check_local("/uploads/profiles/a b.jpg", "profiles/a b.jpg");
        check_local("/uploads/a%20b.jpg", "a b.jpg");
        check_local("/uploads/caf\u{e9}.jpg", "caf\u{e9}.jpg");
        check_local("http://localhost:5000/uploads/caf%C3%A9%20x.jpg", "caf\u{e9} x.jpg");
    }

    #[test]
    fn a_name_is_also_looked_for_as_it_stands_and_in_other_forms() {
        for (text, expected) in [
            (
                "/uploads/100%25.jpg?v",
                ["100%.jpg", "100%25.jpg", "100%25.jpg?v"].as_slice(),
            ),
            ("/uploads/a\\b.jpg", &["a/b.jpg", "a\\b.jpg"]),
            ("/uploads/\u{e9}.jpg", &["\u{e9}.jpg", "e\u{301}.jpg"]),
            ("/uploads/e\u{301}.jpg", &["e\u{301}.jpg", "\u{e9}.jpg"]),
        ] {
            let expected = expected.iter().map(PathBuf::from).collect();
            assert_eq!(read(text, &hosts()), Reference::Local(expected), "{text}");
        }
        let Reference::Local(files) = read("/uploads/%e9.jpg", &hosts()) else {
            panic!("it is local");
        };
        assert_eq!(files[0], PathBuf::from(OsString::from_vec(b"\xe9.jpg".to_vec())));
    }

    #[test]
    fn windows_path_is_taken_by_what_follows_the_served_folder() {
        for text in [
            r"C:\app\backend\uploads\p6.jpg",
            r"c:\Uploads\p6.jpg",
            "D:/app/uploads/p6.jpg",
            r"C:\uploads\app\uploads\p6.jpg",
            r"\\server\share\uploads\p6.jpg",
            r"\\?\C:\app\uploads\p6.jpg",
        ] {
            check_local(text, "p6.jpg");
        }
        check_local(r"C:\app\uploads\profiles\p6.jpg", "profiles/p6.jpg");
        let refused = "it is an absolute path of the old machine, and not in the folder that was served";
        for text in [
            r"C:\app\images\p6.jpg",
            r"C:\app\myuploads\p6.jpg",
            r"C:\app\uploads\..\secret.png",
            r"C:\app\uploads\",
            r"C:\",
            r"\\server\share\p6.jpg",
        ] {
            assert_eq!(read(text, &hosts()), Reference::Refused(refused), "{text}");
        }
    }

    #[test]
    fn nothing_is_no_picture() {
        for text in ["", "  ", "null", "undefined", "\n"] {
            assert_eq!(read(text, &hosts()), Reference::None, "{text:?}");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused_with_its_reason() {
        for (text, expected) in [
            ("/uploads/../x.jpg", "it leads out of the folder"),
            ("/uploads/a/../../uploads/x.jpg", "it leads out of the folder"),
            ("/uploads/%2e%2e%2f%2e%2e%2fetc/passwd", "it leads out of the folder"),
            ("/uploads/..\\..\\etc\\passwd", "it leads out of the folder"),
            ("../uploads/x.jpg", "it leads out of the folder"),
            (
                "http://localhost:5000/uploads/../secrets.toml",
                "it leads out of the folder",
            ),
            ("/uploads/", "it names no file"),
            ("/uploads?x=/uploads/x.jpg", "it names no file"),
            ("/uploads/x.jpg%00.png", "it has a zero byte in it"),
            ("/images/x.jpg", "it is not in the folder that was served"),
            ("x.jpg", "it is not in the folder that was served"),
            ("/uploadsx/x.jpg", "it is not in the folder that was served"),
            (
                "http://localhost:5000/images/x.jpg",
                "it is not in the folder that was served",
            ),
            ("http://localhost:5001/uploads/x.jpg", "it is at another host"),
            ("http://localhost:50000/uploads/x.jpg", "it is at another host"),
            ("http://localhost/uploads/x.jpg", "it is at another host"),
            ("https://api.gym.example/uploads/x.jpg", "it is at another host"),
            (
                "https://api.gym.example/backendx/uploads/x.jpg",
                "it is at another host",
            ),
            (
                "http://localhost:5000@evil.example/uploads/x.jpg",
                "it is at another host",
            ),
            ("https://evil.example/uploads/x.jpg", "it is at another host"),
            ("//evil.example/uploads/x.jpg", "it is at another host"),
            ("ftp://localhost:5000/uploads/x.jpg", "it is at another host"),
            ("file:///uploads/x.jpg", "it is at another host"),
            ("https://[broken/uploads/x.jpg", "it is at another host"),
            (
                "data:image/png;base64,AAAA",
                "it holds a picture itself, and none that the media host serves",
            ),
        ] {
            assert_eq!(read(text, &hosts()), Reference::Refused(expected), "{text}");
        }
    }

    #[test]
    fn a_file_may_be_meant_by_an_address_that_nobody_has_named() {
        for text in [
            "https://old.example/uploads/x.jpg?v=1",
            "https://old.example\\Uploads\\x.jpg",
        ] {
            assert_eq!(possible_files(text)[0], PathBuf::from("x.jpg"), "{text}");
        }
        for text in [
            "https://old.example/image/upload/x.jpg",
            "/uploads/../x",
            "\u{130}uploads",
            "",
        ] {
            assert_eq!(possible_files(text), Vec::<PathBuf>::new(), "{text}");
        }
    }

    #[test]
    fn an_own_host_is_an_address_of_a_server() {
        for text in ["gym.example", "/uploads", "ftp://gym.example", "file:///srv", ""] {
            assert_eq!(text.parse::<OwnHost>(), Err(OwnHostError), "{text}");
        }
        let host: OwnHost = "https://API.gym.example/backend/".parse().unwrap();
        assert_eq!(host.to_string(), "api.gym.example/backend");
    }
}
