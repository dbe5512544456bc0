//! Every bound of the auditor in one place.

use std::time::Duration;

/// Bounds on what is remembered per client and host. Reaching one is counted.
#[derive(Debug, Clone, Copy)]
pub struct AuditLimits {
    /// Client addresses.
    pub clients: usize,
    /// Hosts of one client: published lists have a few hundred names.
    pub hosts_per_client: usize,
    /// Hosts of all clients together.
    pub hosts: usize,
    /// Attempts per host that were not served.
    pub failed_per_host: usize,
    /// Lookups per host.
    pub lookups_per_host: usize,
    /// The last attempts and the last lookups per host, for verdicts over a rolling window.
    pub recent_per_host: usize,
    /// Names remembered for addresses.
    pub names: usize,
    /// When clients are forgotten; `None` keeps all, and refuses new ones once there is no room.
    pub forgetting: Option<Forgetting>,
}

/// When a monitor forgets a client. Where there is no room before, an eighth leaves: clients that tried nothing of the
/// endpoint list, then those without a failure, then the others, and always those that were silent longest.
#[derive(Debug, Clone, Copy)]
pub struct Forgetting {
    /// Silence of a client that tried nothing of the endpoint list.
    pub without_attempts: Duration,
    /// Silence of any other.
    pub after: Duration,
}

impl Default for AuditLimits {
    /// For one capture, of which nothing is to be forgotten.
    fn default() -> Self {
        Self {
            clients: 500_000,
            hosts_per_client: 2_048,
            hosts: usize::MAX,
            failed_per_host: 32,
            lookups_per_host: 32,
            recent_per_host: 0,
            names: 1_000_000,
            forgetting: None,
        }
    }
}

impl AuditLimits {
    /// For a monitor that runs for weeks and remembers `clients` addresses. A host with nothing but successes costs about
    /// 2 KiB, one with as many failures as are kept about 8 KiB; most clients try 10 to 30 hosts.
    #[must_use]
    pub fn of_monitor(clients: usize) -> Self {
        Self {
            clients,
            hosts_per_client: 256,
            hosts: clients.saturating_mul(10),
            failed_per_host: 4,
            lookups_per_host: 6,
            recent_per_host: 6,
            names: 400_000,
            forgetting: Some(Forgetting {
                without_attempts: Duration::from_secs(3_600),
                after: Duration::from_secs(24 * 3_600),
            }),
        }
    }
}
