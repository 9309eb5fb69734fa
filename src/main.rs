//! The binary: see `warmblock::cli`.
fn main() {}
