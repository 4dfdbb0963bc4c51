//! A library that is loaded into the program before its own: it writes the program's calls down and holds some of them up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::Site;
use crate::wait::eventually;

/// The library and its files, in a site's folder.
pub(crate) struct Preload {
    library: PathBuf,
    folder: PathBuf,
}

impl Preload {
    /// Builds the library; `None`, with the reason on the error output, when this machine cannot.
    pub(crate) fn build(site: &Site) -> Option<Self> {
        let folder = site.folder.path().join("calls");
        fs::create_dir(&folder).unwrap();
        let library = folder.join("calls.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/calls.c");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"])
            .arg(&library)
            .arg(source);
        let built = cfg!(target_os = "linux")
            .then(|| compiler.arg("-ldl").status().ok())
            .flatten();
        let Some(status) = built else {
            eprintln!("skipped: this needs Linux and a C compiler");
            return None;
        };
        assert!(status.success(), "the library was not built");
        Some(Self { library, folder })
    }

    /// The settings of a server that the library is loaded into.
    pub(crate) fn settings(&self) -> [(&str, &str); 2] {
        [("LD_PRELOAD", &self.library), ("CALLS", &self.folder)].map(|(name, path)| (name, path.to_str().unwrap()))
    }

    /// The calls until now, one line each.
    pub(crate) fn calls(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("log")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    /// Holds up every `call` that names something in the blob folder.
    pub(crate) fn hold(&self, call: &str) {
        fs::write(self.folder.join(call), "").unwrap();
    }

    /// Waits until a `call` is held up.
    pub(crate) fn wait_for_held(&self, call: &str) {
        let held = format!("held {call} ");
        eventually(&held, || {
            self.calls().iter().any(|line| line.starts_with(&held)).then_some(())
        });
    }

    /// Lets what is held up go on.
    pub(crate) fn let_go(&self, call: &str) {
        fs::remove_file(self.folder.join(call)).unwrap();
    }
}
