//! Who calls: a signature over the parameters, HTTP Basic, an administrator's token, or nobody, with an upload preset that
//! allows it.

use data_encoding::BASE64;
use http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq as _;
use visage_cloudinary::Secret;
use visage_cloudinary::signature::{AcceptedSignatures, SignedRequestError, verify_request};

use super::endpoint::Endpoint;
use super::params::{Params, missing, request_kind};
use super::upload::parameters;
use crate::app::App;
use crate::http::error::ApiError;
use crate::sessions::{self, SessionError};

/// How long a signature is good for.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(1);
/// How far ahead of ours a client's clock may be; Cloudinary does not say.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caller {
    /// Somebody who has the secret of this key.
    Key(String),
    /// Nobody in particular: an upload whose preset must allow it.
    Unsigned,
    /// Somebody with a token that says what it is good for.
    Token,
    /// An administrator who has signed in.
    Administrator,
}

impl Caller {
    /// Whether a secret, or an administrator's token, was verified. Parameters say nothing about that.
    pub(super) fn is_verified(&self) -> bool {
        match self {
            Self::Key(_) | Self::Administrator => true,
            Self::Unsigned | Self::Token => false,
        }
    }

    /// The key that was used.
    pub(super) fn api_key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            Self::Unsigned | Self::Token | Self::Administrator => None,
        }
    }
}

fn unauthorized(message: impl std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

/// The refusal for a caller of the Admin API who says nothing.
pub(super) fn no_credentials() -> ApiError {
    unauthorized("You must supply credentials: api_key and api_secret by HTTP Basic authentication")
}

/// Looks at `Authorization`. `None` when there is none.
///
/// Where Cloudinary takes OAuth tokens, visage takes the token of an administrator who has signed in; every other bearer
/// token is wrong, whatever else a request carries.
pub(super) async fn by_header(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        return by_token(app, rest.trim()).await.map(Some);
    }
    let decoded = BASE64.decode(rest.trim().as_bytes()).ok();
    let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = pair.filter(|_| scheme.eq_ignore_ascii_case("basic"));
    let Some((key, secret)) = pair.as_deref().and_then(|pair| pair.split_once(':')) else {
        return Err(unauthorized("Invalid credentials"));
    };
    let expected = secret_of(app, key)?;
    if bool::from(secret.as_bytes().ct_eq(expected.expose().as_bytes())) {
        Ok(Some(Caller::Key(key.to_owned())))
    } else {
        Err(unauthorized("api_secret mismatch"))
    }
}

async fn by_token(app: &App, token: &str) -> Result<Caller, ApiError> {
    match sessions::of_token(app, token).await {
        Ok(session) if session.is_admin => Ok(Caller::Administrator),
        Err(SessionError::Store(error)) => Err(error.into()),
        Ok(_) | Err(SessionError::Invalid(_) | SessionError::Suspended | SessionError::UserNotFound) => {
            Err(unauthorized("Invalid token"))
        }
    }
}

/// Looks at the parameters of a request to the Upload API. Returns the caller and the parameters to act on: of a signed
/// request those that its signature covers.
pub(super) fn by_parameters(app: &App, endpoint: &Endpoint, params: Params) -> Result<(Caller, Params), ApiError> {
    let action = endpoint.pattern.rsplit('/').next().unwrap_or_default();
    if action == "delete_by_token" {
        return Ok((Caller::Token, params));
    }
    let Some(signature) = params.text("signature") else {
        return without_signature(action, &params).map(|caller| (caller, params));
    };
    let key = params.required("api_key")?;
    let secret = secret_of(app, &key)?;
    let fields = params.signed_fields();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let embedded = &app.config.embedded;
    let accepted = AcceptedSignatures {
        sha256: true,
        version_1: embedded.signature_version_1 && !hides_a_parameter(endpoint, &fields),
    };
    params.required("timestamp")?;
    let signed = verify_request(&fields, &signature, request_kind(action), accepted, secret).map_err(refused)?;
    let signed = Params::from_signed(signed);
    check_time(&signed, app.clock.now())?;
    Ok((Caller::Key(key), signed))
}

fn refused(error: SignedRequestError) -> ApiError {
    match error {
        SignedRequestError::Signature(wrong) => unauthorized(wrong),
        SignedRequestError::Name(_) | SignedRequestError::CommaInItem(_) => ApiError::bad_request(error),
    }
}

/// Whether a value holds what would be a parameter of its own if its `&` were a separator. A signature of version 1 does not
/// tell the two apart; parameters that nobody knows do no harm.
fn hides_a_parameter(endpoint: &Endpoint, fields: &[(&str, &str)]) -> bool {
    let is_known = |name: &str| {
        let name = name.split('[').next().unwrap_or_default();
        // Endpoints that describe an asset read more than they list.
        parameters::find(name).is_some() || endpoint.parameters.iter().any(|parameter| parameter.name == name)
    };
    let mut hidden = fields.iter().flat_map(|(_, value)| value.split('&').skip(1));
    hidden.any(|part| part.split_once('=').is_some_and(|(name, _)| is_known(name)))
}

fn without_signature(action: &str, params: &Params) -> Result<Caller, ApiError> {
    if action != "upload" {
        let absent = if params.has("api_key") { "signature" } else { "api_key" };
        return Err(missing(absent));
    }
    if params.has("upload_preset") {
        Ok(Caller::Unsigned)
    } else if params.has("api_key") {
        Err(missing("signature"))
    } else {
        Err(ApiError::bad_request(
            "Upload preset must be specified when using unsigned upload",
        ))
    }
}

fn check_time(params: &Params, now: Timestamp) -> Result<(), ApiError> {
    let time = params.unix_time("timestamp")?.ok_or_else(|| missing("timestamp"))?;
    let shown = time.strftime("%Y-%m-%d %H:%M:%S +0000");
    let age = now.duration_since(time);
    if age > MAX_AGE {
        let message = format!("Stale request - reported time is {shown} which is more than 1 hour ago");
        return Err(ApiError::bad_request(message));
    }
    if age < -MAX_AHEAD {
        let message = format!("Invalid timestamp - reported time is {shown} which is more than 1 hour ahead");
        return Err(ApiError::bad_request(message));
    }
    Ok(())
}

/// The secret that belongs to a key.
fn secret_of<'a>(app: &'a App, key: &str) -> Result<&'a Secret, ApiError> {
    let embedded = &app.config.embedded;
    if bool::from(key.as_bytes().ct_eq(embedded.api_key.as_bytes())) {
        Ok(&embedded.api_secret)
    } else {
        let key: String = key.chars().take(64).collect();
        Err(unauthorized(format!("Invalid api_key {key}")))
    }
}

/// Counts a call of the Admin API.
pub(super) fn count_admin_call(app: &App) -> Result<(), ApiError> {
    let state = app.admin_calls.count(app.clock.now());
    if state.exceeded {
        let reset = state.reset_at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let message = format!(
            "Rate limit exceeded. Limit of {} api operations reached. Try again on {reset}",
            state.limit
        );
        return Err(ApiError::new(too_many(), "rate_limited", message));
    }
    Ok(())
}

/// 420, Cloudinary's own; 429 where the number is not known.
fn too_many() -> StatusCode {
    StatusCode::from_u16(420).unwrap_or(StatusCode::TOO_MANY_REQUESTS)
}
