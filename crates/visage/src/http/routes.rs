//! The application's routes as Express, which the backend before this one used, finds them: letters in either case, and one
//! slash at the end or none. Paths are rewritten before they are routed, so that handlers, metrics and logs know one spelling.
//! Delivery URLs and Cloudinary's API are found as they are written: their names differ by case.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::MethodRouter;
use http::Uri;
use http::uri::PathAndQuery;
use tower::ServiceExt as _;

/// A router under construction, and the patterns of its routes.
#[derive(Debug)]
pub(super) struct Routes<S> {
    router: Router<S>,
    patterns: Vec<String>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub(super) fn new() -> Self {
        Self {
            router: Router::new(),
            patterns: Vec::new(),
        }
    }

    /// Adds a route, as axum's `route`.
    pub(super) fn route(mut self, pattern: &str, handler: MethodRouter<S>) -> Self {
        self.patterns.push(pattern.to_owned());
        self.router = self.router.route(pattern, handler);
        self
    }

    /// Adds the routes of `inner` below `prefix`, as axum's `nest`.
    pub(super) fn nest(mut self, prefix: &str, inner: Self) -> Self {
        let below = inner.patterns.iter().map(|pattern| format!("{prefix}{pattern}"));
        self.patterns.extend(below);
        self.router = self.router.nest(prefix, inner.router);
        self
    }

    /// Adds the routes of `other`, as axum's `merge`.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.patterns.extend(other.patterns);
        self.router = self.router.merge(other.router);
        self
    }

    /// Changes the router otherwise. Routes that are added here are found as they are written.
    pub(super) fn map(mut self, change: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        self.router = change(self.router);
        self
    }

    /// The router, ready to answer. `cloud` is the first part of paths that are no routes of these.
    pub(super) fn with_state(self, state: S, cloud: &str) -> LenientRouter {
        LenientRouter {
            router: self.router.with_state(state),
            spelling: Spelling {
                patterns: self.patterns,
                cloud: cloud.to_owned(),
            },
        }
    }
}

/// A router that finds its own routes in any spelling.
#[derive(Debug)]
pub(super) struct LenientRouter {
    router: Router,
    spelling: Spelling,
}

impl LenientRouter {
    pub(super) async fn answer(&self, mut request: Request) -> Response {
        if let Some(uri) = self.spelling.correct(request.uri()) {
            *request.uri_mut() = uri;
        }
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// How the routes are spelt.
#[derive(Debug)]
struct Spelling {
    patterns: Vec<String>,
    cloud: String,
}

impl Spelling {
    /// The URI in the spelling of the routes; `None` when there is nothing to change.
    fn correct(&self, uri: &Uri) -> Option<Uri> {
        let path = self.correct_path(uri.path()).filter(|path| path != uri.path())?;
        let text = match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = PathAndQuery::try_from(text).ok();
        Uri::from_parts(parts).ok()
    }

    fn correct_path(&self, path: &str) -> Option<String> {
        let head = path.split('/').nth(1)?;
        if head == self.cloud {
            return None;
        }
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        let fitting = self.patterns.iter().filter(|pattern| fits(pattern, trimmed));
        // As the router does: where a word and a name fit the same part, the word counts.
        let best = fitting.max_by_key(|pattern| words(pattern));
        best.map(|pattern| fill(pattern, trimmed))
            .or_else(|| self.correct_head(path, head))
    }

    /// What is none of the routes, but below one of their first words, is not found there, and not among pictures.
    fn correct_head(&self, path: &str, head: &str) -> Option<String> {
        let mut heads = self.patterns.iter().filter_map(|pattern| pattern.split('/').nth(1));
        let known = heads.find(|known| known.eq_ignore_ascii_case(head))?;
        let rest = path.get(1 + head.len()..).filter(|rest| rest.len() > 1)?;
        Some(format!("/{known}{rest}"))
    }
}

fn is_name(part: &str) -> bool {
    part.starts_with('{')
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut parts, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (parts.next(), segments.next()) {
            (None, None) => return true,
            (Some(part), Some(segment)) if is_name(part) && !segment.is_empty() => {}
            (Some(part), Some(segment)) if part.eq_ignore_ascii_case(segment) => {}
            _ => return false,
        }
    }
}

/// For each part of a pattern whether it is a word.
fn words(pattern: &str) -> Vec<bool> {
    pattern.split('/').map(|part| !is_name(part)).collect()
}

/// The pattern with the path's own text in place of names.
fn fill(pattern: &str, path: &str) -> String {
    let parts = pattern.split('/').zip(path.split('/'));
    let filled: Vec<&str> = parts
        .map(|(part, segment)| if is_name(part) { segment } else { part })
        .collect();
    filled.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corrected(uri: &str) -> String {
        let patterns = [
            "/health",
            "/api/posts",
            "/api/posts/{id}",
            "/api/posts/user",
            "/api/posts/user/{userId}",
            "/api/posts/{id}/like",
        ];
        let spelling = Spelling {
            patterns: patterns.map(str::to_owned).to_vec(),
            cloud: "Api".to_owned(),
        };
        let uri: Uri = uri.parse().unwrap();
        spelling.correct(&uri).unwrap_or(uri).to_string()
    }

    #[test]
    fn words_are_found_in_any_case_and_names_keep_theirs() {
        for (uri, expected) in [
            ("/health", "/health"),
            ("/Health/", "/health"),
            ("/API/Posts/?page=A/", "/api/posts?page=A/"),
            ("/api/POSTS/aBc/", "/api/posts/aBc"),
            ("/api/posts/User/", "/api/posts/user"),
            ("/api/posts/user/aBc", "/api/posts/user/aBc"),
            ("/api/posts/UsEr/aBc", "/api/posts/user/aBc"),
            ("/api/posts/aBc/LIKE", "/api/posts/aBc/like"),
            ("/api/posts/a%2FB/LIKE/", "/api/posts/a%2FB/like"),
            ("http://h.example/API/posts/", "http://h.example/api/posts"),
        ] {
            assert_eq!(corrected(uri), expected, "{uri}");
        }
    }

    #[test]
    fn other_paths_stay_as_they_are_written() {
        for uri in [
            "/",
            "//",
            "/health//",
            "//health",
            "/api/posts//",
            "/api//posts",
            "/api%2Fposts/",
            "/%61pi/posts/",
            "/Api/image/upload/Sample.jpg/",
            "/demo/image/upload/Sample.jpg/",
            "/V1_1/demo/image/upload/",
        ] {
            assert_eq!(corrected(uri), uri);
        }
        assert_eq!(corrected("/API/Nothing/"), "/api/Nothing/");
        assert_eq!(corrected("/HEALTH//"), "/health//");
    }
}
