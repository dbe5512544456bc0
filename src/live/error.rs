//! Why an interface cannot be watched.

use thiserror::Error;

/// Why interfaces cannot be listed or opened.
#[derive(Debug, Error)]
pub enum LiveError {
    /// The system does not let this user capture packets.
    #[error(
        "{interface}: no right to capture packets; run it as root, or once `sudo setcap cap_net_raw+ep {program}` and again as \
         yourself"
    )]
    NoRight {
        /// The interface.
        interface: String,
        /// The program file.
        program: String,
    },
    /// There is no such interface.
    #[error("{interface}: there is no such interface; `intap interfaces` lists those there are")]
    NoSuchInterface {
        /// What was asked for.
        interface: String,
    },
    /// The interface is switched off.
    #[error("{interface}: the interface is down; switch it on with `ip link set {interface} up`")]
    Down {
        /// The interface.
        interface: String,
    },
    /// The expression is not one.
    #[error("filter `{expression}`: {reason}")]
    Filter {
        /// What was typed.
        expression: String,
        /// What is wrong with it, and what to write instead.
        reason: String,
    },
    /// libpcap says no for another reason.
    #[error("{interface}: {reason}")]
    Other {
        /// The interface.
        interface: String,
        /// What libpcap says.
        reason: String,
    },
}
