//! What signals ask for, as flags.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The flags that signals set.
pub struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    report: Arc<AtomicBool>,
}

impl Signals {
    /// Catches SIGTERM, SIGINT, SIGHUP and SIGUSR1. Who asks twice to end does not want to wait: the second SIGTERM or SIGINT
    /// ends at once, with status 2.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn listen() -> io::Result<Self> {
        let signals = Self {
            stop: Arc::default(),
            reload: Arc::default(),
            report: Arc::default(),
        };
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(signal, 2, Arc::clone(&signals.stop))?;
            flag::register(signal, Arc::clone(&signals.stop))?;
        }
        flag::register(SIGHUP, Arc::clone(&signals.reload))?;
        flag::register(SIGUSR1, Arc::clone(&signals.report))?;
        Ok(signals)
    }

    /// Set when it is time to end.
    pub fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// Ends as a signal would.
    pub fn ask_to_stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether configuration and catalogue are to be read again.
    pub fn take_reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }

    /// Whether a report is wanted now.
    pub fn take_report(&self) -> bool {
        self.report.swap(false, Ordering::Relaxed)
    }
}
