//! `/api/docs`: the `OpenAPI` description of both surfaces, and a page that shows it. The part about Cloudinary's API is made of the
//! table of endpoints that routes it.

use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};

use super::cloudinary::{self, Endpoint, Kind, Parameter, Surface};
use crate::app::App;

/// The application's own routes: method, path, summary, whether it needs a token, and the members of its JSON body.
const ROUTES: &[(&str, &str, &str, bool, &[&str])] = &[
    (
        "post",
        "/api/auth/register",
        "Registers a user",
        false,
        &["name", "email", "password"],
    ),
    (
        "post",
        "/api/auth/verify-otp",
        "Verifies an e-mail address",
        false,
        &["email", "otp"],
    ),
    ("post", "/api/auth/login", "Signs in", false, &["email", "password"]),
    (
        "post",
        "/api/auth/forgot-password",
        "Begins to reset a password; 503 where no mail is set up",
        false,
        &["email"],
    ),
    (
        "post",
        "/api/auth/reset-password",
        "Resets a password and ends all sessions",
        false,
        &["token", "password"],
    ),
    (
        "post",
        "/api/auth/sign-out-everywhere",
        "Ends all sessions of the caller",
        true,
        &[],
    ),
    ("get", "/api/users/profile", "Shows the caller's profile", true, &[]),
    (
        "put",
        "/api/users/profile",
        "Changes the caller's profile",
        true,
        &[
            "weight",
            "height",
            "gender",
            "dob",
            "purpose",
            "fitnessGoal",
            "shortTermGoal",
            "healthIssues",
        ],
    ),
    (
        "post",
        "/api/users/change-password",
        "Changes the caller's password and ends all sessions",
        true,
        &["currentPassword", "newPassword"],
    ),
    (
        "post",
        "/api/users/change-email",
        "Changes the caller's e-mail address; with mail, 202, and a code sent there confirms it",
        true,
        &["newEmail", "password"],
    ),
    (
        "post",
        "/api/users/confirm-email",
        "Confirms the caller's new e-mail address with the code that was sent there",
        true,
        &["otp"],
    ),
    (
        "post",
        "/api/users/profile-image",
        "Makes a picture the caller's profile image",
        true,
        &["profileImage"],
    ),
    (
        "get",
        "/api/users/profile-image",
        "Tells of the caller's profile image: the original, the crop, the sizes",
        true,
        &[],
    ),
    (
        "put",
        "/api/users/profile-image/crop",
        "Shows another part of the caller's profile image",
        true,
        &["x", "y", "width", "height", "turn", "profileImage"],
    ),
    (
        "post",
        "/api/users/profile-image/faces",
        "Looks for faces in a picture, of which nothing is kept",
        true,
        &["profileImage"],
    ),
    (
        "delete",
        "/api/users/profile-image",
        "Takes the caller's profile image away",
        true,
        &[],
    ),
    (
        "get",
        "/api/users/{id}/profile-image",
        "Redirects to a user's picture, or draws one",
        false,
        &[],
    ),
    (
        "get",
        "/api/admin/status",
        "Tells an administrator how storage, cache and jobs stand",
        true,
        &[],
    ),
    ("get", "/api/posts", "Lists everybody's posts, newest first", true, &[]),
    (
        "post",
        "/api/posts",
        "Publishes a text, a picture or video, or both",
        true,
        &["content", "media"],
    ),
    ("get", "/api/posts/user", "Lists the caller's posts", true, &[]),
    ("get", "/api/posts/user/{userId}", "Lists a user's posts", true, &[]),
    ("delete", "/api/posts/{id}", "Deletes a post of the caller's", true, &[]),
    (
        "post",
        "/api/posts/{id}/like",
        "Adds the caller's like, or takes it back",
        true,
        &[],
    ),
    ("post", "/api/posts/{id}/comment", "Comments on a post", true, &["text"]),
    (
        "delete",
        "/api/posts/{id}/comment/{commentId}",
        "Deletes a comment of the caller's, or on a post of the caller's",
        true,
        &[],
    ),
    ("get", "/health", "Says whether the server works", false, &[]),
];

/// `GET /api/docs/openapi.json`
pub(super) async fn description(State(app): State<Arc<App>>) -> Response {
    Json(describe(&app.config.embedded.cloud_name)).into_response()
}

/// `GET /api/docs`
pub(super) async fn page() -> Response {
    let mut response = Html(include_str!("docs/page.html")).into_response();
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'";
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// `GET /api/docs/page.js`
pub(super) async fn script() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (kind, include_str!("docs/page.js")).into_response()
}

/// `GET /api/docs/page.css`
pub(super) async fn style() -> Response {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("docs/page.css"),
    )
        .into_response()
}

fn describe(cloud_name: &str) -> Value {
    let mut paths = Map::new();
    for (method, path, summary, needs_token, members) in ROUTES {
        let operation = own_operation(path, summary, *needs_token, members);
        add(&mut paths, path, method, operation);
    }
    for endpoint in cloudinary::endpoints() {
        let path = format!("/v1_1/{cloud_name}{}", endpoint.pattern.replace("{*", "{"));
        add(&mut paths, &path, endpoint.method.as_str(), operation(endpoint));
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "visage",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Profile images for good: the application's API, and Cloudinary's API on the embedded media store.",
        },
        "paths": paths,
        "components": { "schemas": &*SCHEMAS, "securitySchemes": {
            "token": { "type": "http", "scheme": "bearer" },
            "key": { "type": "http", "scheme": "basic", "description": "API key and API secret" },
        } },
    })
}

fn add(paths: &mut Map<String, Value>, path: &str, method: &str, operation: Value) {
    let entry = paths.entry(path).or_insert_with(|| json!({}));
    // The first endpoint that fits a request answers it.
    if let Some(methods) = entry.as_object_mut() {
        methods.entry(method.to_ascii_lowercase()).or_insert(operation);
    }
}

fn own_operation(path: &str, summary: &str, needs_token: bool, members: &[&str]) -> Value {
    let mut operation = json!({
        "summary": summary,
        "tags": ["application"],
        "responses": answers("Any", "Refusal"),
    });
    if needs_token {
        operation["security"] = json!([{ "token": [] }]);
    }
    let parameters: Vec<Value> = path_names(path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if members == ["profileImage"] {
        let mut file =
            json!({ "type": "object", "properties": { "profileImage": { "type": "string", "format": "binary" } } });
        if path.ends_with("/profile-image") {
            file["properties"]["crop"] = json!({ "type": "string", "description": "JSON: x, y, width, height, turn" });
        }
        operation["requestBody"] = json!({ "content": { "multipart/form-data": { "schema": file } } });
    } else if !members.is_empty() {
        let texts: Map<String, Value> = members
            .iter()
            .map(|name| ((*name).to_owned(), own_schema(path, name)))
            .collect();
        let body = json!({ "type": "object", "properties": texts });
        operation["requestBody"] = json!({ "content": { "application/json": { "schema": body } } });
    }
    operation
}

fn own_schema(path: &str, member: &str) -> Value {
    match (path, member) {
        ("/api/users/profile", "weight" | "height") => json!({ "type": "number" }),
        (_, "x" | "y" | "width" | "height" | "turn") => json!({ "type": "integer" }),
        _ => json!({ "type": "string" }),
    }
}

fn operation(endpoint: &Endpoint) -> Value {
    let (tag, security) = match endpoint.surface {
        Surface::Upload => ("Cloudinary: upload", json!([{ "key": [] }, {}])),
        Surface::Admin => ("Cloudinary: admin", json!([{ "key": [] }])),
    };
    let in_body = endpoint.method != http::Method::GET;
    let mut parameters: Vec<Value> = path_names(endpoint.pattern)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": path_schema(name) }))
        .collect();
    if !in_body {
        parameters.extend(endpoint.parameters.iter().map(|parameter| {
            json!({
                "name": parameter.name,
                "in": "query",
                "required": parameter.required,
                "schema": schema(parameter.kind),
            })
        }));
    }
    let mut operation = json!({
        "summary": endpoint.summary,
        "tags": [tag],
        "security": security,
        "parameters": parameters,
        "responses": answers(answer_schema(endpoint.pattern), "Error"),
    });
    if in_body && !endpoint.parameters.is_empty() {
        operation["requestBody"] = body(endpoint);
    }
    operation
}

fn body(endpoint: &Endpoint) -> Value {
    let members: Map<String, Value> = endpoint
        .parameters
        .iter()
        .map(|parameter: &Parameter| (parameter.name.to_owned(), schema(parameter.kind)))
        .collect();
    let required: Vec<&str> = endpoint
        .parameters
        .iter()
        .filter(|parameter| parameter.required)
        .map(|parameter| parameter.name)
        .collect();
    let mut object = json!({ "type": "object", "properties": members });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    let kind = match endpoint.surface {
        Surface::Upload => "multipart/form-data",
        Surface::Admin => "application/json",
    };
    json!({ "content": { kind: { "schema": object } } })
}

fn path_names(pattern: &str) -> impl Iterator<Item = &str> {
    let parts = pattern
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    parts.map(|name| name.trim_start_matches('*'))
}

fn path_schema(name: &str) -> Value {
    match name {
        "resource_type" => json!({ "type": "string", "enum": ["image", "video", "raw"] }),
        "type" => json!({ "type": "string", "enum": ["upload", "private", "authenticated"] }),
        "asset_id" => json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" }),
        _ => json!({ "type": "string" }),
    }
}

fn schema(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Json => json!({ "type": "string" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Integer => json!({ "type": "integer" }),
        Kind::List => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::File => json!({ "type": "string", "format": "binary" }),
    }
}

fn answers(good: &str, bad: &str) -> Value {
    let content =
        |name: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } });
    let good = match good {
        "Any" => json!({ "description": "What was asked for" }),
        good => json!({ "description": "What was asked for", "content": content(good) }),
    };
    json!({ "200": good, "default": { "description": "A refusal", "content": content(bad) } })
}

fn answer_schema(pattern: &str) -> &'static str {
    match pattern {
        "/upload"
        | "/{resource_type}/upload"
        | "/{resource_type}/explicit"
        | "/{resource_type}/rename"
        | "/{resource_type}/text" => "Asset",
        "/ping" => "Status",
        pattern if pattern.ends_with("download") || pattern.ends_with("zip") || pattern.contains("backup") => "Any",
        pattern if pattern.ends_with("generate_archive") => "Any",
        _ => "Object",
    }
}

static SCHEMAS: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "Object": { "type": "object" },
        "Status": { "type": "object", "required": ["status"], "properties": { "status": { "type": "string" } } },
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": { "error": {
                "type": "object",
                "required": ["message"],
                "properties": { "message": { "type": "string" } },
            } },
        },
        "Refusal": {
            "type": "object",
            "required": ["message"],
            "properties": { "message": { "type": "string" }, "code": { "type": "string" } },
        },
        "Asset": {
            "type": "object",
            "required": ["asset_id", "public_id", "version", "version_id", "signature", "resource_type", "type", "created_at",
                         "bytes", "url", "secure_url", "placeholder", "tags"],
            "properties": {
                "asset_id": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
                "public_id": { "type": "string" },
                "version": { "type": "integer" },
                "version_id": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
                "signature": { "type": "string" },
                "width": { "type": "integer" },
                "height": { "type": "integer" },
                "format": { "type": "string" },
                "resource_type": { "type": "string", "enum": ["image", "video", "raw"] },
                "type": { "type": "string" },
                "created_at": { "type": "string" },
                "bytes": { "type": "integer" },
                "etag": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
                "tags": { "type": "array", "items": { "type": "string" } },
                "url": { "type": "string" },
                "secure_url": { "type": "string" },
                "placeholder": { "type": "boolean" },
            },
        },
    })
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_described() {
        let described = describe("demo");
        for endpoint in cloudinary::endpoints() {
            let path = format!("/v1_1/demo{}", endpoint.pattern.replace("{*", "{"));
            let method = endpoint.method.as_str().to_ascii_lowercase();
            assert!(described["paths"][path][method].is_object(), "{endpoint:?}");
        }
        for (method, path, ..) in ROUTES {
            assert!(described["paths"][path][method].is_object(), "{path}");
        }
    }
}
