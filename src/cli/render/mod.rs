//! Answers in words. JSON needs nothing here: it is the types themselves.

pub mod error;
pub mod findings;
pub mod report;
