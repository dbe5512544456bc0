//! Small value types that say where and when something was observed.

use std::fmt;
use std::time::Duration;

/// Position of a frame in the whole input, counted from 1 as dissectors show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FrameNumber(pub u64);

impl fmt::Display for FrameNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Capture time: nanoseconds since 1970-01-01T00:00:00Z, as the capture says (never this machine's clock).
///
/// The range is about 1677 to 2262; times outside it are saturated by the readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Builds a timestamp from whole seconds and nanoseconds, saturating at the ends of the range.
    #[must_use]
    pub fn from_parts(seconds: i64, nanoseconds: u32) -> Self {
        Self(
            seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(i64::from(nanoseconds)),
        )
    }

    /// Time elapsed since `earlier`; zero when `earlier` is later (clocks step back).
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This time moved forward by `duration`, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)),
        )
    }
}

/// RFC 3339 in UTC with nine digits, for example `2026-11-22T07:46:57.368267000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_nanosecond(i128::from(self.0))
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{time:.9}")
    }
}

/// One packet that proves something: its frame number and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seen {
    /// Number of the (outer) frame.
    pub frame: FrameNumber,
    /// Capture time of that frame.
    pub time: Timestamp,
}

/// A LINKTYPE_ value as capture files carry it; see <https://www.tcpdump.org/linktypes.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback, 4-byte address family in the byte order of the capturing host.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Raw IP (LINKTYPE_RAW).
    pub const RAW: Self = Self(101);
    /// Linux cooked capture v1.
    pub const LINUX_SLL: Self = Self(113);
    /// Linux cooked capture v2.
    pub const LINUX_SLL2: Self = Self(276);
}
