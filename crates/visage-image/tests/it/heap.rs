//! Pixels must not depend on what memory held before they were decoded. Two children of this test decode the same files
//! with memory that glibc fills with two patterns, for Rust and for C alike. `examples/heap` does the same for longer.

use std::process::Command;

use crate::avif_file::{Item, Shape, build, split_header, stating_colours};
use crate::draw::{self, one_of_each};

#[path = "../../examples/heap/cases.rs"]
mod cases;

const MUTATIONS_OF_EACH: u64 = 60;

#[test]
fn decoded_pixels_do_not_depend_on_the_heap() {
    let [one, other] = ["170", "85"].map(|pattern| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "heap::print_fingerprints", "--ignored", "--nocapture"]);
        let output = command.env("MALLOC_PERTURB_", pattern).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .filter(|line| line.starts_with("file "))
            .map(String::from)
            .collect::<Vec<_>>()
    });
    assert_eq!(one.len(), files().len() * (1 + MUTATIONS_OF_EACH as usize));
    assert!(one.iter().filter(|line| !line.ends_with(" 0")).count() > one.len() / 5);
    assert_eq!(one, other);
}

#[test]
#[ignore = "a part of the test above, which runs it with memory that is filled"]
fn print_fingerprints() {
    for (index, file) in files().iter().enumerate() {
        println!("\nfile {index} 0 {}", cases::fingerprint(file, ""));
        for seed in 1..=MUTATIONS_OF_EACH {
            println!(
                "file {index} {seed} {}",
                cases::fingerprint(&cases::mutated(file, seed), "")
            );
        }
    }
}

/// A drawing in every format and in the ways that AVIF has, and an AVIF whose headers lie about its matrix.
fn files() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = one_of_each().into_iter().map(|(_, file)| file).collect();
    let transparent: Vec<u8> = draw::picture(40, 30)
        .as_chunks::<3>()
        .0
        .iter()
        .flat_map(|[r, g, b]| [*r, *g, *b, *b])
        .collect();
    files.push(draw::webp(40, 30, &transparent, false, None));
    files.push(draw::webp(40, 30, &transparent, true, None));
    files.push(draw::plain_avif(40, 30, &transparent, "q_60"));
    let item = Item::drawn(48, 32, "q_90");
    files.push(build(std::slice::from_ref(&item), &Shape::Plain, false));
    let (header, frame) = split_header(&item.stream);
    let larger = split_header(&Item::drawn(64, 48, "q_90").stream).0;
    for matrix in [0, 10, 14] {
        let lying = Item {
            stream: [stating_colours(&header, [1, 13, matrix]), frame.clone()].concat(),
            configuration: stating_colours(&larger, [1, 13, 6]),
            pixi: Some(vec![8, 8, 8]),
            ..item.clone()
        };
        files.push(build(&[lying], &Shape::Plain, false));
    }
    files
}
