//! One row of the table of endpoints.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::Method;

use super::params::{Params, missing};
use super::{Answer, Call};
use crate::app::App;
use crate::http::error::ApiError;

/// Which API an endpoint belongs to; they differ in who may call and in how errors are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Signed requests, Basic, or unsigned with a preset.
    Upload,
    /// Basic alone; calls are counted.
    Admin,
}

/// An endpoint: where it is, what it takes, and what answers it.
pub(crate) struct Endpoint {
    pub(crate) surface: Surface,
    pub(crate) method: Method,
    /// The path after the cloud's name; `{name}` stands for one segment, `{*name}` for the rest.
    pub(crate) pattern: &'static str,
    /// A sentence for people.
    pub(crate) summary: &'static str,
    /// What it takes besides what is in the path.
    pub(crate) parameters: Vec<Parameter>,
    run: Run,
}

type Run = Arc<dyn Fn(Call) -> BoxFuture<'static, Answer> + Send + Sync>;

/// A parameter of an endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// What a parameter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Flag,
    Integer,
    List,
    Json,
    File,
}

/// Whether an endpoint answers a path.
pub(super) enum Match {
    Yes(PathValues),
    No,
}

/// The parts of a path that have names.
#[derive(Debug, Clone, Default)]
pub(super) struct PathValues(BTreeMap<&'static str, String>);

impl Endpoint {
    /// An endpoint of the Upload API.
    pub(super) fn upload<F, Fut>(pattern: &'static str, summary: &'static str, run: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        Self::new(Surface::Upload, Method::POST, pattern, summary, run)
    }

    /// An endpoint of the Admin API.
    pub(super) fn admin<F, Fut>(method: Method, pattern: &'static str, summary: &'static str, run: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        Self::new(Surface::Admin, method, pattern, summary, run)
    }

    pub(super) fn new<F, Fut>(
        surface: Surface,
        method: Method,
        pattern: &'static str,
        summary: &'static str,
        run: F,
    ) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        Self {
            surface,
            method,
            pattern,
            summary,
            parameters: Vec::new(),
            run: Arc::new(move |call| Box::pin(run(call))),
        }
    }

    /// The same endpoint with these parameters, each `name`, `name!` (required), with `:flag`, `:int`, `:list`, `:json` or
    /// `:file` after it when it is no text.
    pub(super) fn takes(mut self, parameters: &[&'static str]) -> Self {
        self.parameters
            .extend(parameters.iter().map(|text| Parameter::read(text)));
        self
    }

    /// The same endpoint with these parameters.
    pub(super) fn takes_all(mut self, parameters: Vec<Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Whether this endpoint answers requests with this method and path.
    pub(super) fn fits(&self, method: &Method, segments: &[&str]) -> Match {
        if self.method != *method {
            return Match::No;
        }
        let mut values = PathValues::default();
        let mut rest = segments;
        for part in self.pattern.trim_start_matches('/').split('/') {
            if let Some(name) = part.strip_prefix("{*").and_then(|part| part.strip_suffix('}')) {
                let joined = rest.join("/");
                if joined.is_empty() {
                    return Match::No;
                }
                values.0.insert(name, joined);
                return Match::Yes(values);
            }
            let Some((first, others)) = rest.split_first() else {
                return Match::No;
            };
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(_) if first.is_empty() => return Match::No,
                Some(name) => {
                    if !is_possible(name, first) {
                        return Match::No;
                    }
                    values.0.insert(name, (*first).to_owned());
                }
                None if part == *first => {}
                None => return Match::No,
            }
            rest = others;
        }
        // A slash at the end is tolerated.
        if rest.iter().all(|segment| segment.is_empty()) {
            Match::Yes(values)
        } else {
            Match::No
        }
    }

    /// Refuses a request without a parameter that must be there.
    pub(super) fn refuse_missing(&self, params: &Params) -> Result<(), ApiError> {
        let mut required = self.parameters.iter().filter(|p| p.required && p.kind != Kind::File);
        match required.find(|parameter| !params.mentions(parameter.name)) {
            Some(parameter) => Err(missing(parameter.name)),
            None => Ok(()),
        }
    }

    /// The largest file that a request to this endpoint may carry.
    pub(super) fn max_file_bytes(&self, app: &App, path: &PathValues) -> u64 {
        let takes_file = self.parameters.iter().any(|parameter| parameter.kind == Kind::File);
        match path.get("resource_type") {
            _ if !takes_file => 0,
            Some("image") => app.config.limits.image_bytes,
            _ => app.config.limits.request_bytes,
        }
    }

    pub(super) fn run(&self, call: Call) -> BoxFuture<'static, Answer> {
        (self.run)(call)
    }
}

/// Some names stand for few words only, which tells paths of the same shape apart.
fn is_possible(name: &str, segment: &str) -> bool {
    match name {
        "resource_type" => matches!(segment, "image" | "video" | "raw" | "auto" | "all"),
        "type" => matches!(
            segment,
            "upload" | "private" | "authenticated" | "fetch" | "text" | "list"
        ),
        "asset_id" => segment.len() == 32 && segment.bytes().all(|b| b.is_ascii_hexdigit()),
        _ => true,
    }
}

impl PathValues {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a name that the endpoint's pattern has.
    pub(super) fn require(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name)
            .ok_or_else(|| ApiError::internal(format!("an endpoint has no {name} in its path")))
    }
}

impl Parameter {
    fn read(text: &'static str) -> Self {
        let (name, kind) = text.split_once(':').unwrap_or((text, ""));
        let kind = match kind {
            "flag" => Kind::Flag,
            "int" => Kind::Integer,
            "list" => Kind::List,
            "json" => Kind::Json,
            "file" => Kind::File,
            _ => Kind::Text,
        };
        Self {
            name: name.trim_end_matches('!'),
            kind,
            required: name.ends_with('!'),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &'static str, path: &str) -> Option<PathValues> {
        let endpoint = Endpoint::admin(Method::GET, pattern, "", |_| async { super::super::ok(().into()) });
        let segments: Vec<&str> = path.split('/').collect();
        match endpoint.fits(&Method::GET, &segments) {
            Match::Yes(values) => Some(values),
            Match::No => None,
        }
    }

    #[test]
    fn patterns_have_names_for_one_segment_and_for_the_rest() {
        let values = fits(
            "/resources/{resource_type}/{type}/{*public_id}",
            "resources/image/upload/a/b",
        )
        .unwrap();
        assert_eq!(values.get("resource_type"), Some("image"));
        assert_eq!(values.get("public_id"), Some("a/b"));
        for (pattern, path, fit) in [
            ("/ping", "ping", true),
            ("/ping", "ping/", true),
            ("/ping", "pong", false),
            ("/ping", "ping/x", false),
            ("/folders/{*path}", "folders", false),
            ("/folders/{*path}", "folders/", false),
            ("/tags/{resource_type}", "tags/image", true),
            ("/tags/{resource_type}", "tags/other", false),
            (
                "/resources/{asset_id}",
                "resources/0123456789abcdef0123456789abcdef",
                true,
            ),
            ("/resources/{asset_id}", "resources/image", false),
        ] {
            assert_eq!(fits(pattern, path).is_some(), fit, "{pattern} {path}");
        }
    }

    #[test]
    fn parameters_are_read_from_short_texts() {
        let parameter = Parameter::read("file!:file");
        assert_eq!(
            (parameter.name, parameter.kind, parameter.required),
            ("file", Kind::File, true)
        );
        let parameter = Parameter::read("tags:list");
        assert_eq!(
            (parameter.name, parameter.kind, parameter.required),
            ("tags", Kind::List, false)
        );
    }
}
