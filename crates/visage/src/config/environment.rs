//! Environment variables, laid over what the file says.

use std::fmt;

use toml::{Table, Value};

use super::{Config, Environment};

/// Variables with a name of their own, and the key each stands for.
const NAMES: &[(&str, &str)] = &[
    ("VISAGE_LISTEN", "listen"),
    ("VISAGE_DATA", "data"),
    ("VISAGE_PUBLIC_URL", "public_url"),
    ("VISAGE_CLOUD_NAME", "embedded.cloud_name"),
    ("VISAGE_API_KEY", "embedded.api_key"),
    ("VISAGE_API_SECRET", "embedded.api_secret"),
    ("VISAGE_FETCH_ALLOW", "fetch.allow"),
    ("CLOUDINARY_URL", "cloudinary.url"),
    ("CLOUDINARY_CLOUD_NAME", "cloudinary.cloud_name"),
    ("CLOUDINARY_API_KEY", "cloudinary.api_key"),
    ("CLOUDINARY_API_SECRET", "cloudinary.api_secret"),
    ("CLOUDINARY_API_PROXY", "cloudinary.api_proxy"),
    ("JWT_SECRET", "auth.jwt_secret"),
    ("ADMIN_EMAIL", "auth.admin_email"),
    ("ADMIN_PASSWORD", "auth.admin_password"),
    ("NODE_ENV", "environment"),
    ("AWS_ACCESS_KEY_ID", "s3.access_key_id"),
    ("AWS_SECRET_ACCESS_KEY", "s3.secret_access_key"),
    ("AWS_SESSION_TOKEN", "s3.session_token"),
    // The environment is laid over in the order of its names: the more particular one of two wins.
    ("AWS_DEFAULT_REGION", "s3.region"),
    ("AWS_REGION", "s3.region"),
    ("AWS_ENDPOINT_URL", "s3.endpoint"),
    ("AWS_ENDPOINT_URL_S3", "s3.endpoint"),
];

/// Variables whose meaning is not built yet: refused, because ignoring them would put pictures in the wrong place.
const NOT_YET: &[(&str, &str)] = &[(
    "MONGO_URI",
    "MongoDB is not supported yet; without it visage keeps its records in SQLite in the data folder",
)];

/// The variable that names the settings file, read elsewhere.
const SETTINGS_FILE: &str = "VISAGE_CONFIG";

/// Variables of the tests, read elsewhere.
const OF_TESTS: &[&str] = &["VISAGE_CRASH_AT", "VISAGE_CLOCK_OFFSET_FILE"];

/// Names of the Node backend whose values are not a setting's text as it is.
const CONVERTED: &[&str] = &["PORT", "CORS_ORIGIN"];

/// A variable that begins with `VISAGE_` and names no setting. It is ignored: Kubernetes sets some beside a service that is called
/// visage (`VISAGE_SERVICE_HOST`, `VISAGE_PORT_5000_TCP`, …), and a misspelt one must not go unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVariable {
    /// The variable.
    pub name: String,
    /// The known variable whose name is nearest.
    pub nearest: String,
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, nearest } = self;
        write!(
            f,
            "{name} is not a setting and is ignored; the nearest one is {nearest}"
        )
    }
}

/// The variables of visage's own prefix that name no setting.
pub fn unknown_variables(environment: &Environment) -> Vec<UnknownVariable> {
    let defaults = Table::try_from(Config::default()).unwrap_or_default();
    let is_unknown = |name: &&String| {
        name.starts_with("VISAGE_") && key_of(name).is_some_and(|key| default_of(&defaults, &key).is_none())
    };
    environment
        .keys()
        .filter(is_unknown)
        .map(|name| UnknownVariable {
            name: name.clone(),
            nearest: nearest(name, &defaults),
        })
        .collect()
}

fn nearest(name: &str, defaults: &Table) -> String {
    // Without the prefix, so that VISAGE_PORT is near to PORT.
    let bare = |name: &str| name.strip_prefix("VISAGE_").unwrap_or(name).to_owned();
    let distance = |known: &String| strsim::damerau_levenshtein(&bare(name), &bare(known));
    known_variables(defaults).min_by_key(distance).unwrap_or_default()
}

fn known_variables(defaults: &Table) -> impl Iterator<Item = String> {
    let named = NAMES.iter().map(|(name, _)| *name).chain(CONVERTED.iter().copied());
    let keys = defaults.iter().flat_map(|(key, value)| match value.as_table() {
        None => vec![key.to_uppercase()],
        Some(section) => section
            .keys()
            .map(|inner| format!("{key}__{inner}").to_uppercase())
            .collect(),
    });
    named
        .chain([SETTINGS_FILE])
        .map(str::to_owned)
        .chain(keys.map(|key| format!("VISAGE_{key}")))
}

/// Lays `environment` over `table`; what cannot be laid over it is returned as mistakes.
pub(super) fn overlay(table: &mut Table, environment: &Environment) -> Vec<String> {
    let mut mistakes = Vec::new();
    let defaults = Table::try_from(Config::default()).unwrap_or_default();
    if let Some(port) = environment.get("PORT").filter(|port| !port.is_empty()) {
        match port.parse::<u16>() {
            Ok(port) => {
                let host = table
                    .get("listen")
                    .and_then(Value::as_str)
                    .and_then(|l| l.rsplit_once(':'))
                    .map_or("127.0.0.1", |l| l.0);
                let listen = Value::String(format!("{host}:{port}"));
                set(table, "listen", listen);
            }
            Err(_) => mistakes.push("PORT: must be a number up to 65535".to_owned()),
        }
    }
    if let Some(origins) = environment.get("CORS_ORIGIN") {
        set(table, "cors.origins", list(origins));
    }
    for (name, text) in environment {
        if let Some((_, why)) = NOT_YET.iter().find(|(n, _)| n == name).filter(|_| !text.is_empty()) {
            mistakes.push(format!("{name}: {why}"));
        }
        let Some(key) = key_of(name) else { continue };
        let Some(default) = default_of(&defaults, &key) else {
            continue;
        };
        // AWS's own tools take an empty one for none, too.
        if text.is_empty() && name.starts_with("AWS_") {
            continue;
        }
        match value_like(default, text) {
            Ok(value) => set(table, &key, value),
            Err(why) => mistakes.push(format!("{name}: {why}")),
        }
    }
    mistakes
}

fn key_of(name: &str) -> Option<String> {
    if let Some((_, key)) = NAMES.iter().find(|(n, _)| *n == name) {
        return Some((*key).to_owned());
    }
    if name == SETTINGS_FILE || OF_TESTS.contains(&name) {
        return None;
    }
    let key = name.strip_prefix("VISAGE_")?;
    Some(key.to_ascii_lowercase().replace("__", "."))
}

fn default_of<'t>(defaults: &'t Table, key: &str) -> Option<&'t Value> {
    match key.split_once('.') {
        None => defaults.get(key).filter(|value| !value.is_table()),
        Some((section, inner)) => defaults.get(section)?.get(inner),
    }
}

/// `text` as a value of the type that the default has.
fn value_like(default: &Value, text: &str) -> Result<Value, String> {
    match default {
        Value::String(_) => Ok(Value::String(text.to_owned())),
        Value::Array(_) => Ok(list(text)),
        Value::Integer(_) => match text.parse() {
            Ok(number) => Ok(Value::Integer(number)),
            Err(_) => Err("must be a whole number".to_owned()),
        },
        Value::Boolean(_) => match text.parse() {
            Ok(truth) => Ok(Value::Boolean(truth)),
            Err(_) => Err("must be true or false".to_owned()),
        },
        _ => Err("this setting cannot come from the environment".to_owned()),
    }
}

fn list(text: &str) -> Value {
    Value::Array(text.split(',').map(|item| Value::String(item.to_owned())).collect())
}

fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, inner)) => {
            let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Some(section) = section.as_table_mut() {
                section.insert(inner.to_owned(), value);
            }
        }
    }
}
