//! The `intap` program: a thin front to [`intap::cli`].

use std::process::ExitCode;

/// Facts are many small values that live as long as a flow or a client; this allocator packs them tighter and hands them
/// out faster than the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    intap::cli::run(std::env::args_os())
}
