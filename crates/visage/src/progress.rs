//! How far long work has come, for who watches it in a terminal. Without a terminal nothing is shown.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that moves.
#[derive(Debug, Clone)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar on the error output, when that is a terminal.
    pub fn shown(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message(what);
        let style = ProgressStyle::with_template("{msg} {pos}/{len} {wide_bar} {per_sec}, {eta} left");
        Self(style.map_or(bar.clone(), |style| bar.with_style(style)))
    }

    /// Nothing is shown.
    pub fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// There is so much more to do than was known.
    pub fn expect(&self, more: u64) {
        self.0.inc_length(more);
    }

    /// One more is done.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// Says something while the bar is out of the way.
    pub fn aside(&self, say: impl FnOnce()) {
        self.0.suspend(say);
    }

    /// All is done; the bar goes away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
