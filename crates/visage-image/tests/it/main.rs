#![cfg(test)]
#![allow(clippy::cast_possible_truncation, reason = "the drawn pictures are small")]
//! Whole ways through the crate.

mod colour;
mod corpus;
mod draw;
mod orientation;
mod sanitise;
mod support;
