//! Cloudinary's Upload and Admin API under `/v1_1/{cloud}/`.
//!
//! All endpoints stand in one table, [`endpoints`]: it routes, and the `OpenAPI` description is made from it. Routing is done
//! here and not by axum, because clients write the same path with `/` or with `%2F`.

mod admin;
mod assets;
mod auth;
mod endpoint;
mod params;
mod request;
mod upload;

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use self::auth::Caller;
pub(crate) use self::endpoint::{Endpoint, Kind, Parameter, Surface};
use self::endpoint::{Match, PathValues};
use self::params::Params;
use self::request::ReceivedFile;
use super::error::ApiError;
use super::places::{address, peer};
use crate::app::App;

/// One authenticated request.
#[derive(Debug)]
pub(super) struct Call {
    app: Arc<App>,
    /// What stands in the path in place of `{names}`.
    path: PathValues,
    params: Params,
    file: Option<ReceivedFile>,
    headers: HeaderMap,
    caller: Caller,
    /// Where the request comes from.
    address: IpAddr,
}

/// What an endpoint gives back.
type Answer = Result<Response, ApiError>;

/// Every endpoint. The first one that fits a request answers it, so fixed words stand before names.
pub(crate) fn endpoints() -> &'static [Endpoint] {
    static ENDPOINTS: LazyLock<Vec<Endpoint>> = LazyLock::new(|| {
        let mut all = upload::endpoints();
        all.extend(admin::endpoints());
        all
    });
    &ENDPOINTS
}

/// `/v1_1/{cloud}/…`
pub(super) async fn dispatch(State(app): State<Arc<App>>, request: Request) -> Response {
    let (surface, result) = match find(&app, &request) {
        Ok((endpoint, path)) => (endpoint.surface, answer(&app, endpoint, path, request).await),
        Err(error) => (Surface::Admin, Err(error)),
    };
    let mut response = match result {
        Ok(response) => response,
        Err(error) => error.into_cloudinary_response(surface == Surface::Upload),
    };
    if surface == Surface::Admin {
        add_rate_headers(&app, response.headers_mut());
    }
    response
}

fn find(app: &App, request: &Request) -> Result<(&'static Endpoint, PathValues), ApiError> {
    let no_path = || ApiError::new(StatusCode::NOT_FOUND, "not_found", "Not found");
    let path = request.uri().path().strip_prefix("/v1_1/").ok_or_else(no_path)?;
    // Decoded first and split afterwards: some clients escape the slashes between the parts.
    let path = percent_decode_str(path)
        .decode_utf8()
        .map_err(|_not_utf8| ApiError::bad_request("The path is no text"))?;
    let (cloud, path) = path.split_once('/').ok_or_else(no_path)?;
    if cloud != app.config.embedded.cloud_name {
        let message = format!("Invalid cloud_name {cloud}");
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message));
    }
    let method = match *request.method() {
        Method::HEAD => &Method::GET,
        ref other => other,
    };
    let segments: Vec<&str> = path.split('/').collect();
    endpoints()
        .iter()
        .find_map(|endpoint| match endpoint.fits(method, &segments) {
            Match::Yes(values) => Some((endpoint, values)),
            Match::No => None,
        })
        .ok_or_else(no_path)
}

async fn answer(app: &Arc<App>, endpoint: &'static Endpoint, path: PathValues, request: Request) -> Answer {
    let max_file_bytes = endpoint.max_file_bytes(app, &path);
    let early = auth::by_header(app, request.headers()).await?;
    if endpoint.surface == Surface::Admin {
        early.as_ref().ok_or_else(auth::no_credentials)?;
        auth::count_admin_call(app)?;
    }
    let trust_forwarded_for = app.config.http.trust_forwarded_for;
    let address = address(request.headers(), peer(request.extensions()), trust_forwarded_for);
    let received = request::receive(app, request, max_file_bytes).await?;
    let (caller, params) = match early {
        Some(caller) => (caller, received.params),
        None => auth::by_parameters(app, endpoint, received.params)?,
    };
    endpoint.refuse_missing(&params)?;
    let call = Call {
        app: Arc::clone(app),
        path,
        params,
        file: received.file,
        headers: received.headers,
        caller,
        address,
    };
    endpoint.run(call).await
}

fn add_rate_headers(app: &App, headers: &mut HeaderMap) {
    let rate = app.admin_calls.state(app.clock.now());
    let reset = super::delivery::http_date(rate.reset_at);
    let values = [
        ("x-featureratelimit-limit", rate.limit.to_string()),
        ("x-featureratelimit-remaining", rate.remaining.to_string()),
        ("x-featureratelimit-reset", reset),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

/// A successful answer.
#[allow(clippy::unnecessary_wraps, reason = "it ends handlers, whose answer is a result")]
fn ok(body: Value) -> Answer {
    Ok(Json(body).into_response())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::upload::parameters::{Support, UPLOAD_PARAMETERS};
    use super::*;

    /// The tables of the document, as the code has them.
    fn tables() -> String {
        let mut text = String::from("| Endpoint | What |\n| --- | --- |\n");
        for endpoint in endpoints() {
            writeln!(
                text,
                "| `{} {}` | {} |",
                endpoint.method, endpoint.pattern, endpoint.summary
            )
            .unwrap();
        }
        text.push_str("\n| Parameter | Unsigned | State |\n| --- | --- | --- |\n");
        for row in UPLOAD_PARAMETERS {
            let state = match row.support {
                Support::Supported => "supported".to_owned(),
                Support::Ignored(why) => format!("accepted, without effect: {why}"),
                Support::Refused(why) => format!("refused, `400 Parameter {} is not supported: {why}`", row.name),
            };
            writeln!(
                text,
                "| `{}` | {} | {state} |",
                row.name,
                if row.unsigned { "yes" } else { "" }
            )
            .unwrap();
        }
        text
    }

    #[test]
    fn the_document_lists_every_endpoint_and_every_parameter() {
        let document = include_str!("../../../../../docs/cloudinary-compatibility.md");
        let tables = tables();
        let missing: Vec<&str> = tables.lines().filter(|line| !document.contains(line)).collect();
        assert!(
            missing.is_empty(),
            "docs/cloudinary-compatibility.md lacks:\n{}",
            missing.join("\n")
        );
    }
}
