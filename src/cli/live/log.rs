//! Log lines on standard error, kept back while a screen stands there.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing_subscriber::EnvFilter;

/// Lines kept back, the newest.
const LINES: usize = 200;

/// The log of a run.
#[derive(Clone, Default)]
pub struct Log {
    /// While a screen is shown: the lines since.
    held: Arc<Mutex<Option<VecDeque<Vec<u8>>>>>,
}

impl Log {
    /// Starts it; `INTAP_LOG` chooses which lines there are, such as `warn` or `intap=debug`.
    #[must_use]
    pub fn start() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let chosen =
            EnvFilter::try_from_env("INTAP_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        // Another log may be there already when this is used as a library.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(chosen)
            .with_target(false)
            .with_writer(move || writer.clone())
            .try_init();
        log
    }

    /// Keeps lines back from now on, where they would be written across the screen.
    pub fn hold(&self) {
        if io::stderr().is_terminal() {
            *self.lock() = Some(VecDeque::new());
        }
    }

    /// Writes what was kept back, and everything at once from now on.
    pub fn release(&self) {
        let held = self.lock().take();
        let mut out = io::stderr().lock();
        for line in held.into_iter().flatten() {
            let _ = out.write_all(&line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<Vec<u8>>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each write is one line.
impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut *self.lock() {
            Some(lines) => {
                if lines.len() >= LINES {
                    lines.pop_front();
                }
                lines.push_back(line.to_vec());
                Ok(line.len())
            }
            None => io::stderr().lock().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}
