//! The `visage` program.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match visage::cli::run() {
        Ok(code) => code,
        Err(error) => {
            // Nowhere is left to tell it when even this fails.
            _ = writeln!(std::io::stderr(), "visage: {error:#}");
            ExitCode::FAILURE
        }
    }
}
