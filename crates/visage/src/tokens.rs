//! The tokens of signed-in users: JWT, exactly as the Node backend makes them.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use visage_store::UserId;

use crate::config::AuthConfig;

/// The `userId` claim of the administrator, who is no user of the directory.
pub const ADMIN_ID: &str = "admin-id";

/// What a token says. The names and their order are the Node backend's.
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
}

impl Claims {
    /// Whether it speaks for an administrator.
    pub fn is_admin(&self) -> bool {
        self.role == "admin"
    }

    /// The user it speaks for; `None` for the administrator.
    pub fn user(&self) -> Option<UserId> {
        UserId::parse(&self.user_id).ok()
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
        // The time is checked against the Clock, below.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            lifetime_seconds: i64::try_from(config.token_lifetime.as_duration().as_secs()).unwrap_or(86_400),
        }
    }

    /// A token for `user_id`, beginning `now`.
    ///
    /// # Errors
    /// When the library fails to sign.
    pub fn issue(
        &self,
        user_id: &str,
        email: &str,
        role: &str,
        now: jiff::Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.as_second();
        let claims = Claims {
            user_id: user_id.to_owned(),
            email: email.to_owned(),
            role: role.to_owned(),
            iat,
            exp: iat + self.lifetime_seconds,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// What `token` says, if it is ours and not over `now`.
    ///
    /// # Errors
    /// [`InvalidToken`], whatever is wrong.
    pub fn verify(&self, token: &str, now: jiff::Timestamp) -> Result<Claims, InvalidToken> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_told_to_nobody| InvalidToken)?
            .claims;
        if claims.exp > now.as_second() {
            Ok(claims)
        } else {
            Err(InvalidToken)
        }
    }
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

    #[test]
    fn a_token_is_what_the_node_backend_makes() {
        let token = tokens("a secret")
            .issue("0123456789abcdef01234567", "a@b.c", "user", at(1_719_307_544))
            .unwrap();
        let decode = |part: &str| {
            let bytes = data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap();
            serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()
        };
        let parts: Vec<_> = token.split('.').collect();
        assert_eq!(decode(parts[0]), serde_json::json!({"alg": "HS256", "typ": "JWT"}));
        assert_eq!(
            decode(parts[1]),
            serde_json::json!({
                "userId": "0123456789abcdef01234567", "email": "a@b.c", "role": "user",
                "iat": 1_719_307_544, "exp": 1_719_393_944,
            })
        );
    }

    #[test]
    fn a_token_ends_when_its_time_is_over_and_not_before() {
        let tokens = tokens("a secret");
        let token = tokens.issue("admin-id", "a@b.c", "admin", at(1000)).unwrap();
        assert!(tokens.verify(&token, at(1000 + 86_399)).is_ok());
        assert_eq!(tokens.verify(&token, at(1000 + 86_400)), Err(InvalidToken));
    }

    #[test]
    fn tokens_of_another_secret_and_unsigned_ones_are_refused() {
        let token = tokens("another").issue("admin-id", "a@b.c", "admin", at(0)).unwrap();
        assert_eq!(tokens("a secret").verify(&token, at(0)), Err(InvalidToken));
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJ1c2VySWQiOiJhZG1pbi1pZCIsImVtYWlsIjoiIiwicm9sZSI6ImFkbWluIiwiaWF0IjowLCJleHAiOjk5OTk5OTk5OTl9.";
        assert_eq!(tokens("a secret").verify(none, at(0)), Err(InvalidToken));
    }
}
