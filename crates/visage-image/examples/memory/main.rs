//! Memory that cleaning and rendering take, beside what was allowed for them: `memory FILE...`
//!
//! Each file is taken by a process of its own; its peak (of Linux) counts from when the file has been read. Prints a line
//! for each file, and exits with 1 when one takes more than the larger estimate and 32 MiB.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for developers, which may stop anywhere"
)]

use std::process::Command;
use std::time::Instant;

use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{Limits, plan, probe, render, sanitise, sanitise_memory_bytes};

const SLACK_MIB: u64 = 32;

fn main() {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.first().is_some_and(|name| name == "--one") {
        return println!("{}", measure(&names.remove(1)));
    }
    let program = std::env::current_exe().expect("this program has a name");
    let mut is_within = true;
    for name in &names {
        let output = Command::new(&program)
            .args(["--one", name])
            .output()
            .expect("this program runs once more");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        is_within &= output.status.success() && !text.contains("OVER");
        println!("{name}: {}", if text.is_empty() { "the process died" } else { &text });
    }
    std::process::exit(i32::from(!is_within));
}

fn measure(name: &str) -> String {
    let file = std::fs::read(name).expect("the file can be read");
    let limits = Limits::default();
    let facts = match probe(&file, &limits) {
        Ok(facts) => facts,
        Err(refusal) => {
            return format!(
                "refused by its headers, {} KiB: {refusal}",
                peak_kib().saturating_sub(now_kib())
            );
        }
    };
    let file_bytes = u64::try_from(file.len()).unwrap_or(u64::MAX);
    let mut lines = Vec::new();
    let mut check = |what: &str, allowed: u64, work: &mut dyn FnMut() -> Result<(), String>| {
        reset_peak();
        let (before, begun) = (now_kib(), Instant::now());
        let result = work();
        let (taken, allowed) = (peak_kib().saturating_sub(before) / 1024, allowed / 1024 / 1024);
        let verdict = if taken > allowed + SLACK_MIB { "OVER" } else { "within" };
        let end = result.err().unwrap_or_else(|| "done".into());
        let time = begun.elapsed().as_millis();
        lines.push(format!(
            "{what} took {taken} MiB, {verdict} {allowed} MiB, {time} ms: {end}"
        ));
    };
    // The file itself is in memory already: what the estimate allows for it once is not looked at.
    check(
        "cleaning",
        sanitise_memory_bytes(&facts, file_bytes).saturating_sub(file_bytes),
        &mut || {
            sanitise(&file, &facts, &limits, &|| false)
                .map(drop)
                .map_err(|refusal| refusal.to_string())
        },
    );
    let transformation = Transformation::parse("c_fill,h_400,w_400").expect("it is written right");
    match plan(&transformation, &facts, ImageFormat::Webp, &limits) {
        Ok(plan) => check("rendering", plan.memory_bytes(0), &mut || {
            let made = render(&file, &plan, &[], &limits, &|| false);
            made.map(drop).map_err(|refusal| refusal.to_string())
        }),
        Err(refusal) => lines.push(refusal.to_string()),
    }
    lines.join("; ")
}

fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .expect("it has this line");
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("it is a number")
}

fn now_kib() -> u64 {
    status_kib("VmRSS:")
}

fn peak_kib() -> u64 {
    status_kib("VmHWM:")
}

fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak can be reset");
}
