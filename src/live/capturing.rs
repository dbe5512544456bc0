//! The capturing thread: reads interfaces, observes, and sends a pulse a second until it is told to stop.

use super::link::LinkSender;
use super::pulse::Pulse;
use super::recording::Memory;
use super::source::{self, LATENCY, Sources};
use super::tap::{PULSE, Tap};
use crate::capture::Frame;
use crate::facts::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Frames read before pulses and flags are looked at.
const FRAMES_AT_ONCE: usize = 4_096;

/// Longest wait for a frame, so that flags are looked at.
const PATIENCE: Duration = Duration::from_millis(100);

/// At the end, frames that are in the kernel's buffers are read for at most this long: they keep coming.
const FAREWELL: Duration = Duration::from_secs(3);

/// Captures until `stop` is set or `duration` is over, which sets it, then tells everything that is still open. Frames are kept in `memory`
/// where there is one.
pub fn capture(
    mut sources: Sources,
    mut tap: Tap,
    mut sender: LinkSender,
    memory: Option<&Memory>,
    stop: &AtomicBool,
    duration: Option<Duration>,
) {
    let begun = Instant::now();
    let over = || duration.is_some_and(|duration| begun.elapsed() >= duration);
    let mut last_frame = Timestamp(i64::MIN);
    loop {
        let stopping = stop.load(Ordering::Relaxed) || over();
        let read = sources.read(FRAMES_AT_ONCE, |frame, interface| {
            last_frame = last_frame.max(frame.timestamp);
            let role = tap.push(frame, &mut sender);
            if let Some(memory) = memory {
                memory.keep(frame, interface, role);
            }
        });
        if stopping {
            break;
        }
        // While frames are waiting, time is theirs: what has not been read yet must not count as silence.
        let now = if read >= FRAMES_AT_ONCE {
            last_frame
        } else {
            clock().max(last_frame)
        };
        if tap.is_pulse_due(now) {
            let pulse = with_interfaces(tap.pulse(now, &mut sender), &mut sources);
            if !sender.pulse(pulse) {
                return;
            }
        }
        if read == 0 {
            sources.wait(PATIENCE.min(PULSE));
        }
    }
    // Who judges is to know that everything comes at once now.
    stop.store(true, Ordering::Relaxed);
    say_farewell(&mut sources, |frame, interface| {
        last_frame = last_frame.max(frame.timestamp);
        let role = tap.push(frame, &mut sender);
        if let Some(memory) = memory {
            memory.keep(frame, interface, role);
        }
    });
    let now = clock().max(last_frame);
    let pulse = with_interfaces(tap.pulse(now, &mut sender), &mut sources);
    sender.pulse(pulse);
    let mut capture = tap.finish(&mut sender);
    capture.interfaces = sources.summaries();
    sender.end(capture);
}

/// Reads what had been captured when the end was asked for.
fn say_farewell(sources: &mut Sources, mut take: impl FnMut(&Frame<'_>, u32)) {
    let asked = source::now();
    let begun = Instant::now();
    let mut newest = Timestamp(i64::MIN);
    while begun.elapsed() < FAREWELL {
        let read = sources.read(FRAMES_AT_ONCE, |frame, interface| {
            newest = newest.max(frame.timestamp);
            take(frame, interface);
        });
        // A block of the buffer shows a little later.
        if newest > asked || (read == 0 && source::now().since(asked) > LATENCY) {
            break;
        }
        if read == 0 {
            sources.wait(Duration::from_millis(20));
        }
    }
}

/// The time up to which every frame has been shown, while none is waiting.
fn clock() -> Timestamp {
    let latency = i64::try_from(LATENCY.as_nanos()).unwrap_or(0);
    Timestamp(source::now().0.saturating_sub(latency))
}

fn with_interfaces(mut pulse: Pulse, sources: &mut Sources) -> Pulse {
    sources.look();
    pulse.interfaces = sources.status();
    pulse.capture.interfaces = sources.summaries();
    pulse.notices = sources.take_notices();
    pulse
}
