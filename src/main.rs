//! The `intap` program: a thin front to [`intap::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    intap::cli::run(std::env::args_os())
}
