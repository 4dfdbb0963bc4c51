//! A server that speaks the language of S3, for one test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use reqwest::blocking::{Client, Response};
use reqwest::{Method, StatusCode};

use crate::server::free_port;

/// What the server takes for a signature.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=tests/20260101/us-east-1/s3/aws4_request, \
                             SignedHeaders=host, Signature=0";

static STARTING: Mutex<()> = Mutex::new(());

/// It has one bucket, called `bucket`, and goes away with its test.
pub(crate) struct S3Server {
    address: String,
    script: Child,
}

impl S3Server {
    /// Installs it if need be, and starts it.
    pub(crate) fn start() -> Self {
        let _one_installs = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let port = free_port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/s3-server");
        let mut script = Command::new(script)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(script.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        assert_eq!(said, "ready\n", "scripts/s3-server does not start");
        let address = format!("http://127.0.0.1:{port}");
        Self { address, script }
    }

    /// The settings that lead to it.
    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        vec![
            ("AWS_ENDPOINT_URL", &self.address),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "tests"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ]
    }

    /// The names of all objects.
    pub(crate) fn names(&self) -> Vec<String> {
        let listed = self
            .call(Method::GET, "?list-type=2&max-keys=1000", None)
            .text()
            .unwrap();
        let names = listed.split("<Key>").skip(1);
        names
            .map(|rest| rest.split_once("</Key>").unwrap().0.to_owned())
            .collect()
    }

    /// The bytes of an object.
    pub(crate) fn get(&self, name: &str) -> Vec<u8> {
        self.call(Method::GET, name, None).bytes().unwrap().to_vec()
    }

    /// Puts other bytes in the place of an object.
    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) {
        self.call(Method::PUT, name, Some(bytes));
    }

    fn call(&self, method: Method, name: &str, body: Option<Vec<u8>>) -> Response {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let request = client
            .request(method, format!("{}/bucket/{name}", self.address))
            .header("authorization", AUTHORIZATION);
        let answer = match body {
            Some(body) => request.header("content-type", "application/octet-stream").body(body),
            None => request,
        }
        .send()
        .unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        answer
    }
}

/// What must not be told.
pub(crate) const SECRET: &str = "a-secret-of-the-bucket";

impl Drop for S3Server {
    fn drop(&mut self) {
        // Its input ends, and so does it.
        drop(self.script.stdin.take());
        self.script.wait().ok();
    }
}
