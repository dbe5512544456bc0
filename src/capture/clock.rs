//! Ticks of a capturing interface to nanoseconds since 1970.

use crate::facts::Timestamp;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// How an interface counts time: `if_tsresol` and `if_tsoffset` (draft-ietf-opsawg-pcapng §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    scale: Scale,
    /// Seconds to add to every time.
    offset_seconds: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// A tick is this many nanoseconds.
    Multiply(u64),
    /// This many ticks are a nanosecond; 0 when they do not fit 64 bits, so that any count of them is less than one.
    Divide(u64),
    /// Two to this power ticks are a second.
    Binary(u8),
}

impl Clock {
    /// Microseconds: what an interface without `if_tsresol` counts.
    pub(super) const MICROSECONDS: Self = Self {
        scale: Scale::Multiply(1_000),
        offset_seconds: 0,
    };

    /// The clock with the resolution of an `if_tsresol` octet: a negative power of two when the top bit is set, of ten
    /// otherwise.
    pub(super) fn with_resolution(self, resolution: u8) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let scale = if resolution & 0x80 != 0 {
            Scale::Binary(resolution & 0x7f)
        } else if let Some(power) = 9_u32.checked_sub(exponent) {
            Scale::Multiply(10_u64.pow(power))
        } else {
            Scale::Divide(10_u64.checked_pow(exponent.saturating_sub(9)).unwrap_or(0))
        };
        Self { scale, ..self }
    }

    /// The clock with an `if_tsoffset` in seconds.
    pub(super) fn with_offset(self, offset_seconds: i64) -> Self {
        Self {
            offset_seconds,
            ..self
        }
    }

    /// The clock to write times with that were read with this one: itself, unless it counts so finely that reading them to
    /// the nanosecond has lost digits; then nanoseconds.
    pub(super) fn writable(self) -> Self {
        let exact = match self.scale {
            Scale::Multiply(_) => true,
            Scale::Divide(divisor) => divisor == 1,
            // Ticks of 2^-29 s are further apart than nanoseconds.
            Scale::Binary(power) => power <= 29,
        };
        if exact { self } else { self.with_resolution(9) }
    }

    /// The `if_tsresol` octet of a writable clock.
    pub(super) fn resolution(self) -> u8 {
        match self.scale {
            Scale::Multiply(factor) => {
                9_u8.saturating_sub(u8::try_from(factor.ilog10()).unwrap_or(0))
            }
            Scale::Divide(_) => 9,
            Scale::Binary(power) => 0x80 | power,
        }
    }

    /// The `if_tsoffset` in seconds.
    pub(super) fn offset_seconds(self) -> i64 {
        self.offset_seconds
    }

    /// The ticks that [`Self::time`] makes `time` of, on a writable clock; times before the clock's zero give 0.
    pub(super) fn ticks(self, time: Timestamp) -> u64 {
        let offset = i128::from(self.offset_seconds) * i128::from(NANOSECONDS_PER_SECOND);
        let nanoseconds = u128::try_from(i128::from(time.0).saturating_sub(offset)).unwrap_or(0);
        let ticks = match self.scale {
            Scale::Multiply(factor) => nanoseconds / u128::from(factor),
            Scale::Divide(divisor) => nanoseconds.saturating_mul(u128::from(divisor)),
            // Reading rounds down, so this rounds up.
            Scale::Binary(power) => nanoseconds
                .checked_shl(power.into())
                .unwrap_or(0)
                .div_ceil(u128::from(NANOSECONDS_PER_SECOND)),
        };
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// The time at `ticks`; false beside it when it had to be saturated to the range of [`Timestamp`].
    #[inline]
    pub(super) fn time(self, ticks: u64) -> (Timestamp, bool) {
        // 64 bits times 30 bits: no step below can leave 128 bits.
        let nanoseconds = match self.scale {
            Scale::Multiply(factor) => u128::from(ticks) * u128::from(factor),
            Scale::Divide(divisor) => u128::from(ticks.checked_div(divisor).unwrap_or(0)),
            Scale::Binary(power) => {
                (u128::from(ticks) * u128::from(NANOSECONDS_PER_SECOND)) >> power
            }
        };
        let offset = i128::from(self.offset_seconds) * i128::from(NANOSECONDS_PER_SECOND);
        let total = i128::try_from(nanoseconds)
            .unwrap_or(i128::MAX)
            .saturating_add(offset);
        match i64::try_from(total) {
            Ok(time) => (Timestamp(time), true),
            Err(_) if total < 0 => (Timestamp(i64::MIN), false),
            Err(_) => (Timestamp(i64::MAX), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanoseconds(resolution: u8, ticks: u64) -> i64 {
        let (time, in_range) = Clock::MICROSECONDS.with_resolution(resolution).time(ticks);
        assert!(in_range);
        time.0
    }

    #[test]
    fn powers_of_ten() {
        assert_eq!(nanoseconds(0, 7), 7_000_000_000);
        assert_eq!(nanoseconds(3, 7), 7_000_000);
        assert_eq!(nanoseconds(6, 7), 7_000);
        assert_eq!(nanoseconds(9, 7), 7);
        assert_eq!(nanoseconds(12, 7_999), 7);
        assert_eq!(nanoseconds(28, u64::MAX), 1);
        assert_eq!(nanoseconds(29, u64::MAX), 0);
        assert_eq!(nanoseconds(127, u64::MAX), 0);
    }

    #[test]
    fn powers_of_two() {
        assert_eq!(nanoseconds(0x80, 7), 7_000_000_000);
        assert_eq!(nanoseconds(0x80 | 1, 3), 1_500_000_000);
        assert_eq!(nanoseconds(0x80 | 32, 0x1_8000_0000), 1_500_000_000);
        assert_eq!(nanoseconds(0xff, u64::MAX), 0);
    }

    #[test]
    fn a_written_time_reads_as_it_was() {
        for (resolution, ticks) in [
            (0, 1_763_800_000),
            (3, 1_763_800_000_123),
            (6, 1_763_800_000_123_457),
            (9, 1_763_800_000_123_456_789),
            (0x80 | 10, 1_806_131_200_777),
            (0x80 | 20, 1_849_478_348_800_001),
            (0x80 | 29, 946_932_914_585_600_003),
        ] {
            let clock = Clock::MICROSECONDS
                .with_resolution(resolution)
                .with_offset(-3_600);
            let written = clock.writable();
            let (time, in_range) = clock.time(ticks);
            assert!(in_range);
            assert_eq!(written.resolution(), resolution);
            assert_eq!(written.ticks(time), ticks, "resolution {resolution:#x}");
        }
    }

    #[test]
    fn finer_clocks_are_written_in_nanoseconds() {
        for resolution in [12, 29, 127, 0x80 | 32, 0xff] {
            let clock = Clock::MICROSECONDS.with_resolution(resolution);
            let (time, _) = clock.time(1_763_800_000_123_456_789);
            let written = clock.writable();
            assert_eq!(written.resolution(), 9);
            assert_eq!(written.time(written.ticks(time)), (time, true));
        }
    }

    #[test]
    fn an_offset_is_added_and_may_be_negative() {
        assert_eq!(
            Clock::MICROSECONDS.with_offset(2).time(1),
            (Timestamp(2_000_001_000), true)
        );
        assert_eq!(
            Clock::MICROSECONDS.with_offset(-2).time(1),
            (Timestamp(-1_999_999_000), true)
        );
    }

    #[test]
    fn times_saturate() {
        assert_eq!(
            Clock::MICROSECONDS.time(u64::MAX),
            (Timestamp(i64::MAX), false)
        );
        assert_eq!(
            Clock::MICROSECONDS.with_offset(i64::MIN).time(0),
            (Timestamp(i64::MIN), false)
        );
        assert_eq!(
            Clock::MICROSECONDS
                .with_resolution(0x80)
                .with_offset(i64::MAX)
                .time(u64::MAX),
            (Timestamp(i64::MAX), false)
        );
    }
}
