//! TLS for outgoing connections: rustls, and the system's own certificates.

use std::sync::Arc;

/// Settings that trust what the system trusts, and nobody when it has no certificates. They are read from disk.
pub(crate) async fn client_config() -> Option<rustls::ClientConfig> {
    let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
    let mut roots = rustls::RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(loaded.ok()?.certs);
    if usable == 0 {
        tracing::warn!("the system has no certificates that https could be checked with");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config
        .inspect_err(|cause| tracing::error!(error = %cause, "TLS cannot be used"))
        .ok()?;
    Some(config.with_root_certificates(roots).with_no_client_auth())
}
