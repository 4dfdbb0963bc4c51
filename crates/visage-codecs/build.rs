//! Compiles the C part of `jpeg`, against the headers of the libjpeg-turbo that `turbojpeg-sys` builds.

use std::env;

#[allow(
    clippy::disallowed_methods,
    reason = "cargo speaks to a build script through the environment"
)]
fn main() {
    println!("cargo:rerun-if-changed=src/jpeg/shim.c");
    let mut build = cc::Build::new();
    build
        .file("src/jpeg/shim.c")
        .std("c11")
        .warnings(true)
        .extra_warnings(true);
    if let Ok(folders) = env::var("DEP_TURBOJPEG_INCLUDE") {
        build.includes(folders.split(','));
    }
    build.compile("visage_jpeg");
}
