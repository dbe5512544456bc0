//! A progress bar on standard error, for long reads and on terminals only.

use crate::capture::FrameStream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};

/// Frames between two looks at how far reading has come.
const STRIDE: u64 = 65_536;

/// Inputs smaller than this are read before a bar could be seen.
const WORTH_A_BAR: u64 = 64 * 1024 * 1024;

/// Shows how far reading has come.
pub struct Progress {
    bar: Option<ProgressBar>,
    frames: u64,
}

impl Progress {
    /// A bar when `stream` is long and standard error is a terminal.
    #[must_use]
    pub fn new(stream: &FrameStream) -> Self {
        let total = stream.progress().total_octets;
        let worth_it = total.is_none_or(|total| total >= WORTH_A_BAR) && io::stderr().is_terminal();
        let bar = worth_it.then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            let template = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            match ProgressStyle::with_template(template) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self { bar, frames: 0 }
    }

    /// One more frame was read.
    #[inline]
    pub fn step(&mut self, stream: impl FnOnce() -> u64) {
        self.frames = self.frames.wrapping_add(1);
        if self.frames.is_multiple_of(STRIDE)
            && let Some(bar) = &self.bar
        {
            bar.set_position(stream());
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
