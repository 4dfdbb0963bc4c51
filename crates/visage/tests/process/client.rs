//! What a client does over HTTP.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::pictures::identity;
use crate::server::Site;

/// A new connection for every request: one that a killed server has left behind would only be in the way.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    // The client asks for one, although it only speaks http here. Again is harmless.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = Client::builder().pool_max_idle_per_host(0);
    client.timeout(Duration::from_secs(60)).build().unwrap()
});

/// An answer that arrived whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Someone who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct User {
    url: String,
    pub(crate) token: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Which picture it shows.
    #[track_caller]
    pub(crate) fn identity(&self) -> u16 {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        identity(&self.body)
    }

    /// The URL of the picture that it says is stored.
    #[track_caller]
    pub(crate) fn stored_url(&self) -> String {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()["profileImage"].as_str().unwrap().to_owned()
    }
}

impl User {
    /// Signs a new user up and in.
    pub(crate) fn new(site: &Site, name: &str) -> Self {
        let account = json!({ "name": name, "email": format!("{name}@example.com"), "password": "correct horse" });
        let post = |path: &str| {
            let request = CLIENT.post(format!("{}/api/auth/{path}", site.url())).json(&account);
            send(request).unwrap()
        };
        assert_eq!(post("register").status, 201);
        let token = post("login").json()["token"].as_str().unwrap().to_owned();
        Self { url: site.url(), token }
    }

    /// Uploads a profile image; an error says that no whole answer came.
    pub(crate) fn upload(&self, file: Vec<u8>) -> reqwest::Result<Answer> {
        let form = Form::new().part("profileImage", Part::bytes(file).file_name("me.png"));
        send(self.request(Method::POST, "/api/users/profile-image").multipart(form))
    }

    /// Uploads a profile image that must be stored, and returns its URL.
    #[track_caller]
    pub(crate) fn put(&self, file: Vec<u8>) -> String {
        self.upload(file).unwrap().stored_url()
    }

    /// Posts a picture; an error says that no whole answer came.
    pub(crate) fn post(&self, file: Vec<u8>) -> reqwest::Result<Answer> {
        let form = Form::new().part("media", Part::bytes(file).file_name("me.png"));
        send(self.request(Method::POST, "/api/posts").multipart(form))
    }

    /// Everybody's posts, newest first.
    pub(crate) fn feed(&self) -> Vec<Value> {
        let answer = send(self.request(Method::GET, "/api/posts")).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["posts"].as_array().unwrap().clone()
    }

    /// Shows a part of the profile image; an error says that no whole answer came.
    pub(crate) fn crop(&self, crop: &Value) -> reqwest::Result<Answer> {
        send(self.request(Method::PUT, "/api/users/profile-image/crop").json(crop))
    }

    /// Takes the profile image away.
    pub(crate) fn remove(&self) {
        let answer = send(self.request(Method::DELETE, "/api/users/profile-image")).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// The URL of the user's profile image.
    pub(crate) fn image_url(&self) -> reqwest::Result<Option<String>> {
        let answer = send(self.request(Method::GET, "/api/users/profile"))?;
        assert_eq!(answer.status, 200);
        Ok(answer.json()["profileImage"].as_str().map(str::to_owned))
    }

    /// Which picture the user's profile image shows.
    #[track_caller]
    pub(crate) fn shown(&self) -> u16 {
        let url = self.image_url().unwrap().unwrap();
        get(&url).unwrap().identity()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        CLIENT
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
    }
}

/// Gets `url`; an error says that no whole answer came.
pub(crate) fn get(url: &str) -> reqwest::Result<Answer> {
    send(CLIENT.get(url))
}

/// Posts a form with a file as whoever has these credentials.
pub(crate) fn post_file(
    url: &str,
    [name, secret]: [&str; 2],
    fields: &[(&'static str, &str)],
    file: Vec<u8>,
) -> reqwest::Result<Answer> {
    let text = |form: Form, (name, value): &(&'static str, &str)| form.text(*name, (*value).to_owned());
    let form = fields.iter().fold(Form::new(), text);
    let form = form.part("file", Part::bytes(file).file_name("picture.png"));
    send(CLIENT.post(url).basic_auth(name, Some(secret)).multipart(form))
}

/// The URL of the original that a saved URL shows a version of.
pub(crate) fn original_url(url: &str) -> String {
    let (start, rest) = url.split_once("/upload/").unwrap();
    let (_, name) = rest.split_once("/v").unwrap();
    format!("{start}/upload/v{name}")
}

fn send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send()?;
    Ok(Answer {
        status: response.status().as_u16(),
        body: response.bytes()?.to_vec(),
    })
}
