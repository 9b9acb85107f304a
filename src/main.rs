//! The `camgate` command.

fn main() {}
