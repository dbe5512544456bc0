//! Every bound of the observer in one place, each with its reason.

use std::time::Duration;

/// Bounds on tables and waiting times. Times are capture time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Flows kept at once. A TCP flow being dissected costs about 2 KiB, any other about 1 KiB: half a gigabyte at worst.
    pub flows: usize,
    /// Flows up to which silence ends none: 32 MiB at worst. A capture of hours then keeps the datagrams between the same
    /// ports, or what comes late for a closed connection, in one flow.
    pub flows_kept_idle: usize,
    /// How long a TCP flow may be silent. Push notification channels send keep-alives every few minutes; an hour covers
    /// them all.
    pub tcp_idle: Duration,
    /// How long a UDP flow may be silent. Most are one question and one answer; what comes later on the same ports is told
    /// as another flow, and reports join them.
    pub udp_idle: Duration,
    /// How long a closed TCP flow is kept after its last packet: what is sent again comes at growing distances (RFC 6298
    /// §5.5), of which those up to 12.8 s are covered.
    pub closed_linger: Duration,
    /// Questions kept while they wait for an answer.
    pub questions: usize,
    /// How long an answer may take: stub resolvers give up after 10 to 15 s.
    pub answer_wait: Duration,
    /// Hosts remembered so that each is told once; when there are more, all are told again.
    pub sightings: usize,
}

impl Limits {
    /// The limits of a monitor that runs for weeks: what is over leaves the table whether it is crowded or not.
    #[must_use]
    pub fn of_monitor() -> Self {
        Self {
            flows: 200_000,
            flows_kept_idle: 0,
            ..Self::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: 400_000,
            flows_kept_idle: 16_384,
            tcp_idle: Duration::from_secs(3_600),
            udp_idle: Duration::from_secs(60),
            closed_linger: Duration::from_secs(15),
            questions: 65_536,
            answer_wait: Duration::from_secs(20),
            sightings: 65_536,
        }
    }
}
