#![cfg(test)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the drawn pictures are small"
)]
//! Whole ways through the crate.

mod analyse;
mod animation;
mod avif;
mod avif_file;
mod cancelling;
mod ciede2000;
mod colour;
mod corpus;
mod draw;
mod faces;
mod flaws;
mod gamma;
mod heap;
mod jpeg_flaws;
mod orientation;
mod sanitise;
mod scans;
mod support;
mod text;
mod tiff;
mod truncation;
mod video;
mod video_clean;
mod video_clean_webm;
mod video_samples;
