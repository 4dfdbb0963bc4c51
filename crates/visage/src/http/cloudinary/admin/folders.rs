//! `/folders`

use serde_json::{Value, json};
use visage_cloudinary::search::{Expression, FolderField};
use visage_store::{DeletedFolder, Folder, FolderQuery, RenamedFolder};

use super::{cursor, delete, get, max_results, not_found, page, post, put};
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::{Answer, Call, ok};
use crate::http::error::ApiError;
use crate::library::answers::utc;
use crate::library::{folders, notifications};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        post("/folders/search", "Searches for folders", search).takes(&[
            "expression",
            "sort_by:json",
            "max_results:int",
            "next_cursor",
        ]),
        get("/folders/search", "Searches for folders", search).takes(&["expression", "max_results:int", "next_cursor"]),
        get("/folders", "Lists the folders at the root", list).takes(&["max_results:int", "next_cursor"]),
        get("/folders/{*path}", "Lists the folders in a folder", list).takes(&["max_results:int", "next_cursor"]),
        post("/folders/{*path}", "Makes a folder", create),
        put("/folders/{*path}", "Gives a folder another path", rename).takes(&["to_folder!"]),
        delete("/folders/{*path}", "Deletes an empty folder", remove).takes(&["skip_backup:flag"]),
    ]
}

fn path(call: &Call) -> Result<String, ApiError> {
    let text = call.path.get("path").unwrap_or_default();
    folders::clean_path(text).map_err(|reason| ApiError::bad_request(format!("Invalid folder: {reason}")))
}

fn unknown(path: &str) -> ApiError {
    not_found(format!("Can't find folder with path {path}"))
}

async fn list(call: Call) -> Answer {
    let path = path(&call)?;
    let (after, limit) = (cursor(&call, "next_cursor")?, max_results(&call, 500)?);
    let found = call.app.library.folders.list_folders(&path, after, limit).await?;
    let (folders, total) = found.ok_or_else(|| unknown(&path))?;
    let next = folders.next.as_ref().map(ToString::to_string);
    let mut body = page("folders", folders, |folder| view(&folder));
    // Here it is null and not absent.
    body.insert("next_cursor".to_owned(), json!(next));
    body.insert("total_count".to_owned(), json!(total));
    ok(Value::Object(body))
}

fn view(folder: &Folder) -> Value {
    json!({ "name": folder.name(), "path": folder.path, "external_id": folder.external_id })
}

fn named(path: &str) -> Value {
    json!({ "name": path.rsplit('/').next().unwrap_or_default(), "path": path })
}

async fn create(call: Call) -> Answer {
    let path = path(&call)?;
    if call
        .app
        .library
        .folders
        .create_folder(&path, call.app.clock.now())
        .await?
    {
        let body = json!({ "folder_path": path, "folder_name": named(&path)["name"] });
        notifications::folder(&call.app, "create_folder", body).await?;
    }
    let mut body = named(&path);
    body["success"] = json!(true);
    ok(body)
}

async fn rename(call: Call) -> Answer {
    let from = path(&call)?;
    let text = call.params.required("to_folder")?;
    let to = folders::clean_path(&text)
        .ok()
        .filter(|to| !to.is_empty())
        .ok_or_else(|| ApiError::bad_request(format!("Invalid to_folder: {text}")))?;
    let renamed = call
        .app
        .library
        .folders
        .rename_folder(&from, &to, call.app.clock.now())
        .await?;
    match renamed {
        RenamedFolder::Done => {
            let body = json!({ "from_path": from, "to_path": to, "status": "success" });
            notifications::folder(&call.app, "move_or_rename_asset_folder", body).await?;
            ok(json!({ "from": named(&from), "to": named(&to) }))
        }
        RenamedFolder::NotFound => Err(unknown(&from)),
        RenamedFolder::Taken => Err(ApiError::bad_request(format!(
            "Folder {to} already exists or lies inside {from}"
        ))),
    }
}

async fn remove(call: Call) -> Answer {
    let path = path(&call)?;
    match call.app.library.folders.delete_folder(&path).await? {
        DeletedFolder::Done(deleted) => {
            let body = json!({ "folder_path": path, "folder_name": named(&path)["name"] });
            notifications::folder(&call.app, "delete_folder", body).await?;
            ok(json!({ "deleted": deleted }))
        }
        DeletedFolder::NotFound => Err(unknown(&path)),
        DeletedFolder::NotEmpty => Err(ApiError::bad_request("Folder is not empty")),
    }
}

async fn search(call: Call) -> Answer {
    let now = call.app.clock.now();
    let expression = call.params.text("expression").filter(|text| !text.trim().is_empty());
    let expression = expression
        .map(|text| Expression::<FolderField>::parse(&text, now))
        .transpose()
        .map_err(ApiError::bad_request)?;
    let sort_by = super::search::sort_by(&call)?;
    let query = FolderQuery {
        expression,
        after: cursor(&call, "next_cursor")?,
        limit: max_results(&call, 50)?,
        sort_by,
    };
    let begun = std::time::Instant::now();
    let (folders, total) = call.app.library.folders.search_folders(query).await?;
    let mut body = page("folders", folders, |folder| {
        let mut item = view(&folder);
        item["created_at"] = json!(utc(folder.created_at));
        item
    });
    body.insert("total_count".to_owned(), json!(total));
    body.insert("time".to_owned(), json!(begun.elapsed().as_millis()));
    ok(Value::Object(body))
}
