//! The tokens of signed-in users: JWT, exactly as the Node backend makes them.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use visage_store::{Sessions, UserId};

use crate::config::AuthConfig;

/// The `userId` claim of the administrator, who is no user of the directory.
pub const ADMIN_ID: &str = "admin-id";

/// How far ahead of ours the clock of another server may be that makes tokens with the same secret.
const CLOCK_LEEWAY_SECONDS: i64 = 60;

/// What a token says. The names and their order are the Node backend's; `epoch` is visage's own. Times are whole seconds, as both
/// make them: a fraction, a text or a missing time is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// 24 hex digits, or [`ADMIN_ID`].
    pub user_id: String,
    /// The e-mail at sign-in.
    pub email: String,
    /// `user` or `admin`.
    pub role: String,
    /// When it was made, in seconds since the epoch.
    pub iat: i64,
    /// When it ends, in seconds since the epoch.
    pub exp: i64,
    /// When it begins to be good; visage does not make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// The epoch of the account's sessions ([`Sessions::accept`]); not there before they are ended for the first time, and in the
    /// tokens of the Node backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
}

/// The account that a token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A user of the directory.
    User(UserId),
    /// The administrator whom the settings name.
    Administrator,
}

impl Claims {
    /// The account it speaks for. What a user may do is read from the user and not from here: it may have changed.
    ///
    /// # Errors
    /// [`InvalidToken`] when there can be no such account.
    pub fn subject(&self) -> Result<Subject, InvalidToken> {
        if self.user_id == ADMIN_ID && self.role == "admin" {
            return Ok(Subject::Administrator);
        }
        let id = UserId::parse(&self.user_id).map_err(|_no_user| InvalidToken)?;
        Ok(Subject::User(id))
    }

    /// RFC 7519, 4.1.4 to 4.1.6. Another server's clock may be ahead; none of them prolongs a token.
    fn is_good_at(&self, now_seconds: i64) -> bool {
        let latest = now_seconds.saturating_add(CLOCK_LEEWAY_SECONDS);
        self.exp > now_seconds && self.iat <= latest && self.nbf.is_none_or(|nbf| nbf <= latest)
    }
}

/// Makes and checks tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime_seconds: i64,
}

/// The token is not one of ours, or its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Token is not valid")]
pub struct InvalidToken;

impl Tokens {
    /// Tokens signed with the settings' secret.
    pub fn new(config: &AuthConfig) -> Self {
        let secret = config.jwt_secret.expose().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are checked against the Clock, below.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            lifetime_seconds: i64::try_from(config.token_lifetime.as_duration().as_secs()).unwrap_or(86_400),
        }
    }

    /// A token for `user_id`, beginning `now`, that ends with the `sessions`.
    ///
    /// # Errors
    /// When the library fails to sign.
    pub fn issue(
        &self,
        user_id: &str,
        email: &str,
        role: &str,
        sessions: Sessions,
        now: jiff::Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.as_second();
        let claims = Claims {
            user_id: user_id.to_owned(),
            email: email.to_owned(),
            role: role.to_owned(),
            iat,
            exp: iat + self.lifetime_seconds,
            nbf: None,
            epoch: (sessions.epoch != 0).then_some(sessions.epoch),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// What `token` says, if it is ours and good `now`. Whether its sessions were ended is for [`crate::sessions`] to ask.
    ///
    /// # Errors
    /// [`InvalidToken`], whatever is wrong.
    pub fn verify(&self, token: &str, now: jiff::Timestamp) -> Result<Claims, InvalidToken> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_not_for_the_client| InvalidToken)?
            .claims;
        if is_understood(token) && claims.is_good_at(now.as_second()) {
            Ok(claims)
        } else {
            Err(InvalidToken)
        }
    }
}

/// Whether the token's header wants nothing beyond what every reader of tokens knows: an extension that `crit` names must be
/// understood (RFC 7515, 4.1.11), and visage has none.
fn is_understood(token: &str) -> bool {
    let header = token.split('.').next().unwrap_or_default();
    let header = BASE64URL_NOPAD.decode(header.as_bytes()).ok();
    let header = header.and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok());
    header.is_some_and(|header| !header.contains_key("crit"))
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("lifetime_seconds", &self.lifetime_seconds)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use visage_cloudinary::Secret;

    fn tokens(secret: &str) -> Tokens {
        Tokens::new(&AuthConfig {
            jwt_secret: Secret::new(secret),
            ..AuthConfig::default()
        })
    }

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    const ID: &str = "0123456789abcdef01234567";
    /// A second at which all tests agree.
    const NOW: i64 = 1_719_307_544;

    fn issue(sessions: Sessions) -> String {
        let issued = tokens("a secret").issue(ID, "a@b.c", "user", sessions, at(NOW));
        issued.unwrap()
    }

    fn decode(part: &str) -> Value {
        serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_token_is_what_the_node_backend_makes() {
        let token = issue(Sessions::default());
        let parts: Vec<_> = token.split('.').collect();
        assert_eq!(decode(parts[0]), json!({"alg": "HS256", "typ": "JWT"}));
        assert_eq!(
            decode(parts[1]),
            json!({"userId": ID, "email": "a@b.c", "role": "user", "iat": NOW, "exp": NOW + 86_400})
        );
    }

    #[test]
    fn token_carries_the_epoch_once_sessions_were_ended() {
        let ended_at = Some(at(NOW));
        let token = issue(Sessions { epoch: 7, ended_at });
        assert_eq!(decode(token.split('.').nth(1).unwrap())["epoch"], 7);
        let claims = tokens("a secret").verify(&token, at(NOW)).unwrap();
        assert_eq!(claims.epoch, Some(7));
    }

    #[test]
    fn a_token_ends_when_its_time_is_over_and_not_before() {
        let (tokens, token) = (tokens("a secret"), issue(Sessions::default()));
        assert!(tokens.verify(&token, at(NOW + 86_399)).is_ok());
        assert_eq!(tokens.verify(&token, at(NOW + 86_400)), Err(InvalidToken));
    }

    /// A token with this header, and these claims in place of the usual ones; `null` takes one out.
    fn made(header: Value, claims: &Value, secret: &str) -> String {
        let mut whole = json!({"userId": ID, "email": "a@b.c", "role": "user", "iat": NOW, "exp": NOW + 10});
        for (name, value) in claims.as_object().unwrap() {
            whole[name] = value.clone();
        }
        whole.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let header: Header = serde_json::from_value(header).unwrap();
        jsonwebtoken::encode(&header, &whole, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    #[track_caller]
    fn check(claims: &Value, expected: bool) {
        let token = made(json!({"alg": "HS256", "typ": "JWT"}), claims, "a secret");
        let found = tokens("a secret").verify(&token, at(NOW)).is_ok();
        assert_eq!(found, expected, "{claims}");
    }

    #[test]
    fn times_of_a_token_are_whole_seconds_that_fit_now() {
        check(&json!({}), true);
        for exp in [
            json!(null),
            json!(0),
            json!(-1),
            json!(NOW - 1),
            json!(NOW),
            json!(1_719_307_600.5),
            json!(1e300),
            json!((NOW + 10).to_string()),
            json!(true),
            json!([NOW + 10]),
            json!(u64::MAX),
        ] {
            check(&json!({ "exp": exp }), false);
        }
        check(&json!({"exp": NOW + 1}), true);
        check(&json!({"exp": i64::MAX}), true);
        for name in ["iat", "nbf"] {
            for (seconds, expected) in [(59, true), (60, true), (61, false), (86_400, false), (-86_400, true)] {
                check(&json!({ name: NOW + seconds }), expected);
            }
            for odd in [
                json!(1_719_307_500.5),
                json!("1719307500"),
                json!(false),
                json!(u64::MAX),
            ] {
                check(&json!({ name: odd }), false);
            }
        }
        check(&json!({"iat": null}), false);
    }

    #[test]
    fn no_token_is_prolonged_by_the_leeway() {
        check(&json!({"exp": NOW, "iat": NOW + 60}), false);
    }

    #[test]
    fn claims_of_other_types_are_refused() {
        for claims in [
            json!({"userId": null}),
            json!({"userId": 1}),
            json!({"email": null}),
            json!({"role": null}),
            json!({"epoch": "7"}),
            json!({"epoch": 1.5}),
        ] {
            check(&claims, false);
        }
    }

    #[test]
    fn headers_with_other_algorithms_or_extensions_are_refused() {
        for (header, expected) in [
            (json!({"alg": "HS256"}), true),
            (json!({"alg": "HS256", "typ": "at+jwt", "kid": "1"}), true),
            (json!({"alg": "HS384", "typ": "JWT"}), false),
            (json!({"alg": "HS512", "typ": "JWT"}), false),
            (json!({"alg": "HS256", "crit": ["b64"], "b64": false}), false),
            (json!({"alg": "HS256", "crit": ["exp"]}), false),
            (json!({"alg": "HS256", "crit": []}), false),
        ] {
            let token = made(header.clone(), &json!({}), "a secret");
            let found = tokens("a secret").verify(&token, at(NOW)).is_ok();
            assert_eq!(found, expected, "{header}");
        }
    }

    #[test]
    fn tokens_of_another_secret_and_unsigned_ones_are_refused() {
        let tokens = tokens("a secret");
        let token = made(json!({"alg": "HS256"}), &json!({}), "another");
        assert_eq!(tokens.verify(&token, at(NOW)), Err(InvalidToken));
        let good = issue(Sessions::default());
        let [_, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"hs256"}"#,
            r#"{"typ":"JWT"}"#,
            "[]",
        ] {
            let header = BASE64URL_NOPAD.encode(header.as_bytes());
            for signature in ["", signature] {
                let token = format!("{header}.{claims}.{signature}");
                assert_eq!(tokens.verify(&token, at(NOW)), Err(InvalidToken), "{token}");
            }
        }
    }

    #[test]
    fn only_users_and_the_administrator_are_subjects() {
        for (user_id, role, expected) in [
            (ADMIN_ID, "admin", Ok(Subject::Administrator)),
            (ADMIN_ID, "user", Err(InvalidToken)),
            (ID, "admin", Ok(Subject::User(UserId::parse(ID).unwrap()))),
            ("", "admin", Err(InvalidToken)),
            ("somebody", "admin", Err(InvalidToken)),
        ] {
            let token = made(
                json!({"alg": "HS256"}),
                &json!({"userId": user_id, "role": role}),
                "a secret",
            );
            let claims = tokens("a secret").verify(&token, at(NOW)).unwrap();
            assert_eq!(claims.subject(), expected, "{user_id} {role}");
        }
    }
}
