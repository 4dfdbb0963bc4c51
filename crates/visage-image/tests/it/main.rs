#![cfg(test)]
//! Whole ways through the crate.

mod corpus;
