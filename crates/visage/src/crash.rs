//! Named places where a crash is most telling. The crash test stops a debug build at one of them and kills it there.
//!
//! A release build has none of this.

#[cfg(debug_assertions)]
static STOP_AT: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Makes the process stop for ever when it comes to the point called `name`. Only in debug builds.
pub fn stop_at(name: &str) {
    #[cfg(debug_assertions)]
    if STOP_AT.set(name.to_owned()).is_err() {
        tracing::warn!("a crash point is set already");
    }
    #[cfg(not(debug_assertions))]
    tracing::warn!(name, "crash points exist in debug builds only");
}

/// Stops here for ever when this is the point that was asked for, having said so on the error output.
#[allow(clippy::unused_async, reason = "a release build has nothing to wait for")]
pub async fn point(name: &str) {
    #[cfg(debug_assertions)]
    if STOP_AT.get().is_some_and(|wanted| wanted == name) {
        tracing::error!("crash point reached: {name}");
        std::future::pending::<()>().await;
    }
    #[cfg(not(debug_assertions))]
    let _: &str = name;
}
