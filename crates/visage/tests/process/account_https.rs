//! An account that is reached over https, as the real one is; and what belongs to others in it.

use std::fs;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::account::{HASTY, Pair, SECRET, copy_arguments};
use crate::client::{User, get};
use crate::pictures::picture;

/// Speaks TLS before a server that does not. It ends with the test.
struct TlsFront {
    runtime: tokio::runtime::Runtime,
    listener: Option<TcpListener>,
    acceptor: TlsAcceptor,
    /// What its certificate must be trusted by.
    certificate_pem: String,
    url: String,
}

impl TlsFront {
    fn new() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        Self {
            runtime,
            listener: Some(listener),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate_pem: cert.pem(),
            url: format!("https://localhost:{port}"),
        }
    }

    /// From now on it passes everything on to `upstream`.
    fn stand_before(&mut self, upstream: &str) {
        let (listener, acceptor) = (self.listener.take().unwrap(), self.acceptor.clone());
        let upstream = upstream.to_owned();
        self.runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                tokio::spawn(async move {
                    // A client that does not trust the certificate ends here.
                    let mut near = acceptor.accept(stream).await.ok()?;
                    let mut far = TcpStream::connect(&upstream).await.ok()?;
                    tokio::io::copy_bidirectional(&mut near, &mut far).await.ok()
                });
            }
        });
    }
}

#[test]
fn an_account_behind_https_gets_pictures_only_when_its_certificate_is_trusted() {
    let mut tls = TlsFront::new();
    let pair = Pair::reached_at(Some(&tls.url), "refuse", &[]);
    tls.stand_before(&pair.account.address);
    let account = pair.account.start();
    let trusted = pair.app.folder.path().join("trusted.pem");
    fs::write(&trusted, &tls.certificate_pem).unwrap();

    let stranger = TlsFront::new();
    let untrusted = pair.app.folder.path().join("untrusted.pem");
    fs::write(&untrusted, &stranger.certificate_pem).unwrap();
    let untrusted = [("SSL_CERT_FILE", untrusted.to_str().unwrap())];
    let app = pair.app.start_with(&[HASTY, &untrusted].concat());
    let user = User::new(&pair.app, "user");
    assert_eq!(user.upload(picture(1)).unwrap().status, 503);
    assert_eq!(user.image_url().unwrap(), None);
    assert!(!app.has_logged(SECRET));
    app.kill();

    let app = pair.app.start_with(&[("SSL_CERT_FILE", trusted.to_str().unwrap())]);
    let url = user.put(picture(2));
    assert!(url.starts_with(&format!("{}/visage/image/upload/", tls.url)), "{url}");
    let plain = url.replace(&tls.url, &pair.account.url());
    assert_eq!(get(&plain).unwrap().identity(), 2);
    app.kill();
    account.kill();
    pair.account.settle(&["--at-once"]);
    assert_eq!(pair.account.audit().1["assets"], 1);
}

#[test]
fn what_others_keep_in_the_account_is_left_alone() {
    let pair = Pair::new("refuse", &[]);
    let account = pair.account.start();
    let others = ["profiles/theirs", "posts/theirs", "theirs"];
    for (number, public_id) in (1..).zip(others) {
        pair.store_in_account(public_id, picture(number));
    }
    let app = pair.app.start();
    let user = User::new(&pair.app, "user");
    user.put(picture(11));
    user.put(picture(12));
    user.remove();
    user.put(picture(13));
    app.kill();
    let copy = copy_arguments("cloudinary", "embedded", &["--remove-source"]);
    assert_eq!(pair.app.run(&copy, &[]).code, Some(0));
    pair.app.settle(&["--at-once"]);
    for (number, public_id) in (1..).zip(others) {
        let url = format!("{}/visage/image/upload/{public_id}", pair.account.url());
        assert_eq!(get(&url).unwrap().identity(), number);
    }
    account.kill();
    pair.account.settle(&["--at-once"]);
    assert_eq!(
        pair.account.audit().1["assets"],
        others.len(),
        "and nothing else is there"
    );
}
