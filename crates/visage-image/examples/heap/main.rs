//! Whether decoded pixels depend on what memory held before: `heap MUTATIONS FILE...`
//!
//! Runs itself twice, with `MALLOC_PERTURB_` (of glibc) filling memory that is taken or freed with two patterns, C's
//! memory included, and compares what was made of every file and of so many mutations of all of them together. Prints the
//! mutations that differ; exits with 1 when there are any.
#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for developers, which may stop anywhere"
)]

mod cases;

use std::process::{Command, Stdio};

const PATTERNS: [&str; 2] = ["170", "85"];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().expect("usage: heap MUTATIONS FILE...");
    if first == "--print" {
        let mutations = arguments.next().and_then(|text| text.parse().ok()).expect("a number");
        return print(mutations, &arguments.collect::<Vec<String>>());
    }
    let files: Vec<String> = arguments.collect();
    let program = std::env::current_exe().expect("this program has a name");
    let children = PATTERNS.map(|pattern| {
        let mut command = Command::new(&program);
        command.arg("--print").arg(&first).args(&files);
        command.env("MALLOC_PERTURB_", pattern).stdout(Stdio::piped());
        command.spawn().expect("this program runs once more")
    });
    let outputs = children.map(|child| child.wait_with_output().expect("it ends"));
    assert!(
        outputs.iter().all(|output| output.status.success()),
        "one of the runs failed"
    );
    let [one, other] = outputs.map(|output| String::from_utf8(output.stdout).expect("it prints text"));
    let taken = one.lines().filter(|line| !line.ends_with(" 0")).count();
    println!("{} files and mutations, {taken} of them decoded", one.lines().count());
    let mut is_same = one.lines().count() == other.lines().count();
    for (one, other) in one.lines().zip(other.lines()).filter(|(one, other)| one != other) {
        println!("differs: {one} and {other}");
        is_same = false;
    }
    std::process::exit(i32::from(!is_same));
}

/// Prints a line for each file and each mutation: name, number, fingerprint.
fn print(mutations: u64, names: &[String]) {
    let files: Vec<Vec<u8>> = names
        .iter()
        .map(|name| std::fs::read(name).expect("the file can be read"))
        .collect();
    for (name, file) in names.iter().zip(&files) {
        println!("{name} 0 {}", cases::fingerprint(file, "c_limit,w_300"));
    }
    // Large files would take all the time, and are decoded by the same code.
    let small: Vec<(&String, &Vec<u8>)> = names
        .iter()
        .zip(&files)
        .filter(|(_, file)| file.len() < 60_000)
        .collect();
    for number in 0..mutations {
        let Some((name, file)) = small.get(number as usize % small.len().max(1)) else {
            return;
        };
        let mutated = cases::mutated(file, number + 1);
        println!("{name} {} {}", number + 1, cases::fingerprint(&mutated, ""));
    }
}
