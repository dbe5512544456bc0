//! Frames from interfaces: one stream in time order, with the drops of each, through whatever happens to an interface.
//!
//! The only place that captures. An interface that goes away is waited for and opened again; nothing here looks into a
//! frame. Reading never blocks: libpcap's own timeouts do not fire on Linux while nothing comes, so [`Sources::wait`]
//! polls.

use super::error::LiveError;
use super::filter::Expression;
use super::pulse::Notice;
use super::snapshot::InterfaceStatus;
use crate::capture::Frame;
use crate::facts::{FrameNumber, InterfaceSummary, LinkType, Timestamp, printable};
use compact_str::CompactString;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use pcap::{Active, Capture, Linktype, Precision};
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long the kernel may keep a block of its buffer before it shows it, in milliseconds.
const BLOCK_TIMEOUT: i32 = 100;

/// A frame may show this much later than it was captured: a block's timeout, and as much again.
pub const LATENCY: Duration = Duration::from_millis(200);

/// How often a lost interface is looked for, and one that is open looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The longest name shown, in characters.
const NAME: usize = 64;

/// How to capture.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// The kernel's buffer per interface, in MiB.
    pub buffer_mib: u32,
    /// Octets kept of each packet.
    pub snap_length: u32,
    /// Take packets that are not for this machine, as a mirror port has them.
    pub promiscuous: bool,
    /// Show every packet at once, at the price of a buffer of fixed slots.
    pub immediate: bool,
    /// Which packets the kernel hands over.
    pub filter: Option<Expression>,
}

/// A frame that waits for its turn among several interfaces.
#[derive(Default)]
struct Held {
    full: bool,
    timestamp: Timestamp,
    original_length: u32,
    bytes: Vec<u8>,
}

/// One interface, open or waited for.
struct Source {
    name: CompactString,
    handle: Option<Capture<Active>>,
    link_type: LinkType,
    /// The system's number for it: a new interface of the same name is another one.
    index: Option<u32>,
    held: Held,
    status: InterfaceStatus,
    /// Counters of the handle when they were read last; they are 32 bits wide.
    counted: (u32, u32),
    received: u64,
    lost: Option<Instant>,
    looked: Instant,
}

/// Several interfaces as one stream of frames.
pub struct Sources {
    options: CaptureOptions,
    sources: Vec<Source>,
    notices: Vec<Notice>,
    number: u64,
}

impl Sources {
    /// Opens every interface named.
    ///
    /// # Errors
    ///
    /// The first one that cannot be opened, and what to do about it.
    pub fn open(names: &[String], options: CaptureOptions) -> Result<Self, LiveError> {
        let mut sources = Vec::new();
        for name in names {
            let mut source = Source::new(name);
            source.open(&options)?;
            sources.push(source);
        }
        Ok(Self {
            options,
            sources,
            notices: Vec::new(),
            number: 0,
        })
    }

    /// Hands out frames that are there, each with the position of its interface, at most `most`, in time order. Gives how many;
    /// less than `most` means that all were handed out which are certain to be the next.
    pub fn read(&mut self, most: usize, mut take: impl FnMut(&Frame<'_>, u32)) -> usize {
        match self.sources.as_mut_slice() {
            [only] => read_one(only, &mut self.number, &mut self.notices, most, &mut take),
            _ => self.read_merged(most, &mut take),
        }
    }

    /// Waits until a frame is there or the time is over.
    pub fn wait(&mut self, patience: Duration) {
        let mut descriptors: Vec<PollFd<'_>> = self
            .sources
            .iter()
            .filter_map(|source| source.handle.as_ref())
            .map(|handle| PollFd::new(handle.as_fd(), PollFlags::POLLIN))
            .collect();
        let milliseconds = u16::try_from(patience.as_millis()).unwrap_or(u16::MAX);
        // A signal ends the wait; whoever waits looks at its flags then.
        let ready = nix::poll::poll(&mut descriptors, PollTimeout::from(milliseconds));
        // A descriptor with an error is ready at once, again and again, until it is closed.
        if ready.is_ok_and(|ready| ready > 0)
            && descriptors.iter().any(|descriptor| {
                descriptor.revents().is_some_and(|events| {
                    events.intersects(PollFlags::POLLERR | PollFlags::POLLNVAL)
                })
            })
        {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Reads drop counters, notices interfaces that went away, and looks for those that are lost.
    pub fn look(&mut self) {
        for source in &mut self.sources {
            source.count_drops();
            if source.looked.elapsed() < LOOK_EVERY {
                continue;
            }
            source.looked = Instant::now();
            if source.handle.is_some() {
                if source.index != index_of(&source.name) {
                    source.lose("the interface is another one now", &mut self.notices);
                }
            } else if source.open(&self.options).is_ok() {
                let away = source
                    .lost
                    .take()
                    .map_or(Duration::ZERO, |lost| lost.elapsed());
                self.notices.push(Notice::Back {
                    interface: source.name.clone(),
                    away,
                });
            }
        }
    }

    /// What happened since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// The interfaces now.
    #[must_use]
    pub fn status(&self) -> Vec<InterfaceStatus> {
        self.sources
            .iter()
            .map(|source| source.status.clone())
            .collect()
    }

    /// The interfaces as a report shows them.
    #[must_use]
    pub fn summaries(&self) -> Vec<InterfaceSummary> {
        let filter = self.options.filter.as_ref();
        self.sources
            .iter()
            .map(|source| InterfaceSummary {
                name: Some(source.name.clone()),
                description: None,
                link_type: Some(source.link_type),
                snap_length: self.options.snap_length,
                filter: filter.map(|filter| printable(filter.as_str().as_bytes(), 256)),
                received: Some(source.received),
                dropped: Some(
                    source
                        .status
                        .dropped_by_kernel
                        .saturating_add(source.status.dropped_by_device),
                ),
                frames: source.status.frames,
            })
            .collect()
    }

    /// Frames of several interfaces: one is handed out when it is the earliest and every other interface has shown a later
    /// one, or has had the time to.
    fn read_merged(&mut self, most: usize, take: &mut impl FnMut(&Frame<'_>, u32)) -> usize {
        let mut given = 0;
        let certain = now()
            .0
            .saturating_sub(i64::try_from(LATENCY.as_nanos()).unwrap_or(0));
        while given < most {
            for source in &mut self.sources {
                if !source.held.full {
                    source.hold(&mut self.notices);
                }
            }
            let all_shown = self
                .sources
                .iter()
                .all(|source| source.held.full || source.handle.is_none());
            let earliest = self
                .sources
                .iter_mut()
                .enumerate()
                .filter(|(_, source)| source.held.full)
                .min_by_key(|(_, source)| source.held.timestamp);
            let Some((interface, source)) = earliest else {
                break;
            };
            if !all_shown && source.held.timestamp.0 > certain {
                break;
            }
            self.number = self.number.saturating_add(1);
            source.held.full = false;
            let frame = Frame {
                number: FrameNumber(self.number),
                timestamp: source.held.timestamp,
                link_type: source.link_type,
                original_length: source.held.original_length,
                bytes: &source.held.bytes,
            };
            take(&frame, u32::try_from(interface).unwrap_or(u32::MAX));
            given += 1;
        }
        given
    }
}

/// Frames of the only interface, straight out of the kernel's buffer.
fn read_one(
    source: &mut Source,
    number: &mut u64,
    notices: &mut Vec<Notice>,
    most: usize,
    take: &mut impl FnMut(&Frame<'_>, u32),
) -> usize {
    let mut given = 0;
    while given < most {
        let Some(handle) = &mut source.handle else {
            break;
        };
        match handle.next_packet() {
            Ok(packet) => {
                *number = number.saturating_add(1);
                source.status.frames = source.status.frames.saturating_add(1);
                let frame = Frame {
                    number: FrameNumber(*number),
                    timestamp: timestamp(packet.header),
                    link_type: source.link_type,
                    original_length: packet.header.len.max(packet.header.caplen),
                    bytes: packet.data,
                };
                take(&frame, 0);
                given += 1;
            }
            Err(pcap::Error::TimeoutExpired) => break,
            Err(error) => {
                let reason = error.to_string();
                source.lose(&reason, notices);
                break;
            }
        }
    }
    given
}

impl Source {
    fn new(name: &str) -> Self {
        let shown = printable(name.as_bytes(), NAME);
        Self {
            status: InterfaceStatus {
                name: shown.clone(),
                ..InterfaceStatus::default()
            },
            name: shown,
            handle: None,
            link_type: LinkType::ETHERNET,
            index: None,
            held: Held::default(),
            counted: (0, 0),
            received: 0,
            lost: None,
            looked: Instant::now(),
        }
    }

    fn open(&mut self, options: &CaptureOptions) -> Result<(), LiveError> {
        let name = self.name.to_string();
        let failed = |error: pcap::Error| explain(&name, &error);
        let index = index_of(&self.name);
        let octets = options.buffer_mib.saturating_mul(1 << 20);
        let handle = Capture::from_device(self.name.as_str())
            .map_err(failed)?
            .promisc(options.promiscuous)
            .snaplen(i32::try_from(options.snap_length).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(octets).unwrap_or(i32::MAX))
            .timeout(BLOCK_TIMEOUT)
            .immediate_mode(options.immediate)
            .precision(Precision::Nano)
            .open()
            .map_err(failed)?;
        let mut handle = handle.setnonblock().map_err(failed)?;
        if handle.get_datalink() == Linktype::LINUX_SLL {
            // The older form does not say on which interface a packet was seen; where it is the only one, it serves.
            let _ = handle.set_datalink(Linktype(276));
        }
        if let Some(filter) = &options.filter {
            handle
                .filter(filter.as_str(), filter.worth_optimising())
                .map_err(|error| LiveError::Filter {
                    expression: filter.as_str().to_owned(),
                    reason: format!("{name}: libpcap says: {error}"),
                })?;
        }
        self.link_type = link_type(handle.get_datalink());
        self.handle = Some(handle);
        self.index = index;
        self.counted = (0, 0);
        self.status.up = true;
        Ok(())
    }

    /// Copies the next frame, so that it can wait for its turn.
    fn hold(&mut self, notices: &mut Vec<Notice>) {
        let Some(handle) = &mut self.handle else {
            return;
        };
        match handle.next_packet() {
            Ok(packet) => {
                self.status.frames = self.status.frames.saturating_add(1);
                self.held.full = true;
                self.held.timestamp = timestamp(packet.header);
                self.held.original_length = packet.header.len.max(packet.header.caplen);
                self.held.bytes.clear();
                self.held.bytes.extend_from_slice(packet.data);
            }
            Err(pcap::Error::TimeoutExpired) => {}
            Err(error) => {
                let reason = error.to_string();
                self.lose(&reason, notices);
            }
        }
    }

    fn lose(&mut self, reason: &str, notices: &mut Vec<Notice>) {
        self.count_drops();
        self.handle = None;
        self.status.up = false;
        self.status.losses = self.status.losses.saturating_add(1);
        self.lost = Some(Instant::now());
        self.looked = Instant::now();
        notices.push(Notice::Lost {
            interface: self.name.clone(),
            reason: printable(reason.as_bytes(), 200).to_string(),
        });
    }

    /// Adds what was dropped since the counters were read last.
    fn count_drops(&mut self) {
        let Some(handle) = &mut self.handle else {
            return;
        };
        let Ok(counters) = handle.stats() else { return };
        let (kernel, device) = self.counted;
        let status = &mut self.status;
        let grown = |new: u32, old: u32| u64::from(new.wrapping_sub(old));
        status.dropped_by_kernel = status
            .dropped_by_kernel
            .saturating_add(grown(counters.dropped, kernel));
        status.dropped_by_device = status
            .dropped_by_device
            .saturating_add(grown(counters.if_dropped, device));
        self.received = status.frames.saturating_add(status.dropped_by_kernel);
        self.counted = (counters.dropped, counters.if_dropped);
    }
}

/// The time now, on the clock that stamps packets.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

fn timestamp(header: &pcap::PacketHeader) -> Timestamp {
    // With nanosecond precision the field for microseconds has nanoseconds.
    Timestamp::from_parts(
        header.ts.tv_sec,
        u32::try_from(header.ts.tv_usec).unwrap_or(0),
    )
}

/// Raw IP has another number within libpcap than in files.
fn link_type(number: Linktype) -> LinkType {
    match number.0 {
        12 => LinkType::RAW,
        other => LinkType(u32::try_from(other).unwrap_or(u32::MAX)),
    }
}

/// The system's number for an interface; `None` for `any` and for one that is not there.
fn index_of(name: &str) -> Option<u32> {
    if name.contains('/') {
        return None;
    }
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok()?;
    text.trim().parse().ok()
}

/// What to do about an interface that does not open.
fn explain(interface: &str, error: &pcap::Error) -> LiveError {
    let interface = interface.to_owned();
    let text = error.to_string();
    let says = |word: &str| text.to_ascii_lowercase().contains(word);
    if says("permitted") || says("permission") {
        let program = std::env::current_exe().map_or_else(
            |_| "intap".to_owned(),
            |path| printable(path.as_os_str().as_encoded_bytes(), 1_024).to_string(),
        );
        LiveError::NoRight { interface, program }
    } else if says("no such device") || says("doesn't exist") {
        LiveError::NoSuchInterface { interface }
    } else if says("not up") || says("is down") {
        LiveError::Down { interface }
    } else {
        LiveError::Other {
            interface,
            reason: printable(text.as_bytes(), 300).to_string(),
        }
    }
}
