//! Memory that cleaning and rendering take, beside what was allowed for them: `memory FILE...`
//!
//! Each file is cleaned by one process and rendered by another; the peak (of Linux) counts from when the file has been
//! read. Prints a line for each, and exits with 1 when one takes more than its estimate and 32 MiB.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for developers, which may stop anywhere"
)]

use std::process::Command;
use std::time::Instant;

use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{ImageError, Limits, plan, probe, render, sanitise, sanitise_memory_bytes};

const SLACK_MIB: u64 = 32;

fn main() {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.first().is_some_and(|name| name == "--one") {
        return println!("{}", measure(&names.remove(1), &names.remove(1)));
    }
    let program = std::env::current_exe().expect("this program has a name");
    let mut is_within = true;
    for (name, work) in names.iter().flat_map(|name| [(name, "clean"), (name, "render")]) {
        let output = Command::new(&program)
            .args(["--one", name, work])
            .output()
            .expect("this program runs once more");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        is_within &= output.status.success() && !text.contains("OVER");
        println!(
            "{name}: {work} {}",
            if text.is_empty() { "the process died" } else { &text }
        );
    }
    std::process::exit(i32::from(!is_within));
}

fn measure(name: &str, work: &str) -> String {
    let file = std::fs::read(name).expect("the file can be read");
    let limits = Limits::default();
    let facts = match probe(&file, &limits) {
        Ok(facts) => facts,
        Err(refusal) => return format!("is refused by its headers: {refusal}"),
    };
    let file_bytes = u64::try_from(file.len()).unwrap_or(u64::MAX);
    // The file itself is in memory already: what the estimates allow for it once is not looked at.
    if work == "clean" {
        let allowed = sanitise_memory_bytes(&facts, file_bytes).saturating_sub(file_bytes);
        return check(allowed, || sanitise(&file, &facts, &limits, &|| false).map(drop));
    }
    let transformation = Transformation::parse("c_fill,h_400,w_400").expect("it is written right");
    match plan(&transformation, &facts, ImageFormat::Webp, &limits) {
        Ok(plan) => check(plan.memory_bytes(0), || {
            render(&file, &plan, &[], &limits, &|| false).map(drop)
        }),
        Err(refusal) => refusal.to_string(),
    }
}

fn check(allowed: u64, work: impl FnOnce() -> Result<(), ImageError>) -> String {
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak can be reset");
    let (before, begun) = (status_kib("VmRSS:"), Instant::now());
    let result = work();
    let time = begun.elapsed().as_millis();
    let (taken, allowed) = (
        status_kib("VmHWM:").saturating_sub(before) / 1024,
        allowed / 1024 / 1024,
    );
    let verdict = if taken > allowed + SLACK_MIB { "OVER" } else { "within" };
    let end = result
        .err()
        .map_or_else(|| "done".into(), |refusal| refusal.to_string());
    format!("took {taken} MiB, {verdict} {allowed} MiB, {time} ms: {end}")
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
