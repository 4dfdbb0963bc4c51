//! Environment variables, laid over what the file says.

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

/// Variables that say where to find or how to run visage, read elsewhere.
const NOT_SETTINGS: &[&str] = &["VISAGE_CONFIG", "VISAGE_CRASH_AT", "VISAGE_CLOCK_OFFSET_FILE"];

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
        // AWS's own tools take an empty one for none, too.
        if text.is_empty() && name.starts_with("AWS_") {
            continue;
        }
        match value_like(default_of(&defaults, &key), text) {
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
    if NOT_SETTINGS.contains(&name) {
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
fn value_like(default: Option<&Value>, text: &str) -> Result<Value, String> {
    match default {
        None => Err("there is no such setting".to_owned()),
        Some(Value::String(_)) => Ok(Value::String(text.to_owned())),
        Some(Value::Array(_)) => Ok(list(text)),
        Some(Value::Integer(_)) => match text.parse() {
            Ok(number) => Ok(Value::Integer(number)),
            Err(_) => Err("must be a whole number".to_owned()),
        },
        Some(Value::Boolean(_)) => match text.parse() {
            Ok(truth) => Ok(Value::Boolean(truth)),
            Err(_) => Err("must be true or false".to_owned()),
        },
        Some(_) => Err("this setting cannot come from the environment".to_owned()),
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
