//! The `visage` program.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread::available_parallelism;

fn main() -> ExitCode {
    // Before any other thread takes memory. Where it is not possible, the C library has no arenas to limit.
    let _is_limited = visage_codecs::limit_arenas(available_parallelism().map_or(1, NonZeroUsize::get));
    match visage::cli::run() {
        Ok(code) => code,
        Err(error) => {
            // Nowhere is left to tell it when even this fails.
            _ = writeln!(std::io::stderr(), "visage: {error:#}");
            ExitCode::FAILURE
        }
    }
}
