//! Every recording as it would look from another vantage point: one direction only, cut frames, begun late, ended early, with losses,
//! copies, address translation, other encapsulations, other devices. Where nothing is lost the report must say what it says of the
//! recording; where something is lost it may say less, but never anything that is not so.

#[path = "support/audit.rs"]
mod audit;
#[path = "support/frames.rs"]
mod frames;
#[path = "support/random.rs"]
mod random;
#[path = "support/report.rs"]
#[allow(dead_code, reason = "not all of a report matters here")]
mod report;
#[path = "support/score.rs"]
mod score;
#[path = "support/truth.rs"]
mod truth;

use audit::audit;
use frames::{Frame, Recorded};
use random::Random;
use report::Report;
use score::{Kind, score};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::net::IpAddr;
use truth::{Directions, Truth, recording, recordings};

/// A recording in memory with its truth.
struct Original {
    name: String,
    truth: Truth,
    recorded: Recorded,
}

impl Original {
    fn audit(&self, recorded: &Recorded) -> Report {
        audit(recorded, &self.truth.reference_edition)
    }

    fn device_addresses(&self) -> HashSet<IpAddr> {
        let addresses = self.truth.clients.iter().flat_map(|c| &c.addresses);
        addresses.map(|a| a.parse().expect("an address")).collect()
    }

    fn frames(&self) -> &[Frame] {
        &self.recorded.frames
    }
}

fn originals() -> impl Iterator<Item = Original> {
    recordings().into_iter().map(|name| {
        let recording = recording(&name);
        let file = fs::read(&recording.capture).expect("the capture is readable");
        Original {
            name,
            truth: recording.truth,
            recorded: Recorded::read(file),
        }
    })
}

/// Collects what is wrong over all recordings, so that one run shows everything.
#[derive(Default)]
struct Complaints(Vec<String>);

impl Complaints {
    fn add(&mut self, place: &str, what: impl AsRef<str>) {
        self.0.push(format!("{place}: {}", what.as_ref()));
    }

    fn raise(self) {
        assert!(
            self.0.is_empty(),
            "{} wrong:\n{}",
            self.0.len(),
            self.0.join("\n")
        );
    }
}

/// Statements that hold for frame numbers of the recording, in those of `recorded`.
fn renumbered(truth: &Truth, recorded: &Recorded) -> Truth {
    let mut places = HashMap::new();
    for (place, frame) in (1..).zip(&recorded.frames) {
        if let Some(number) = frame.number {
            places.entry(number).or_insert(place);
        }
    }
    let place = |number: &mut u64| *number = places.get(number).copied().unwrap_or(0);
    let mut truth = truth.clone();
    for client in &mut truth.clients {
        let sets = [
            &mut client.reached,
            &mut client.degraded,
            &mut client.partly_blocked,
            &mut client.blocked,
            &mut client.undetermined,
            &mut client.looked_up_only,
        ];
        for set in sets.into_iter().flatten() {
            place(&mut set.first_packet);
        }
        for flow in &mut client.flows {
            place(&mut flow.first_packet);
        }
    }
    truth
}

/// Host lines that the recordings themselves leave open: the capture does not hold the name.
const INVISIBLE: [(&str, &str); 2] = [
    ("any_midway", "manage.microsoft.com"),
    ("snaplen_96", "EnterpriseEnrollment.manage.microsoft.com"),
];

/// Nothing was lost: everything that is true of the recording is true of `derived`.
fn check_same(
    original: &Original,
    way: &str,
    derived: &Recorded,
    complaints: &mut Complaints,
) -> Report {
    let report = original.audit(derived);
    let truth = renumbered(&original.truth, derived);
    let place = format!("{}, {way}", original.name);
    for (kind, text) in score(&truth, &report).wrong {
        let invisible = INVISIBLE
            .iter()
            .any(|(name, host)| *name == original.name && text.contains(host));
        if !(invisible && kind == Kind::Host) {
            complaints.add(&place, format!("{kind:?}: {text}"));
        }
    }
    report
}

/// Something was lost: the report may say less, but nothing that is not so.
fn check_careful(
    original: &Original,
    way: &str,
    derived: &Recorded,
    complaints: &mut Complaints,
) -> Report {
    let report = original.audit(derived);
    let place = format!("{}, {way}", original.name);
    let numbers = |whole: bool| -> HashSet<u64> {
        let frames = derived.frames.iter();
        frames
            .filter(|f| !whole || f.bytes.len() == f.length)
            .filter_map(|f| f.number)
            .collect()
    };
    let (kept, whole) = (numbers(false), numbers(true));
    for client in &original.truth.clients {
        let Some(reported) = report
            .clients
            .iter()
            .find(|c| c.addresses.iter().any(|a| client.addresses.contains(a)))
        else {
            continue;
        };
        let verdicts: BTreeMap<u32, (&str, Option<&str>)> = reported
            .endpoint_sets
            .iter()
            .filter_map(|s| Some((s.id?, (s.verdict.as_str(), s.cause.as_deref()))))
            .collect();
        for (set, (verdict, cause)) in verdicts {
            let claim = || format!("{} set {set}: {verdict} ({cause:?})", client.id);
            let evidence = SetEvidence::of(set, client, &kept, &whole);
            // A set may be reached by the names of others alone, which a general pattern of its own lists too.
            let own_hosts = !reported
                .endpoint_sets
                .iter()
                .any(|s| s.id == Some(set) && s.hosts.is_empty());
            let invisible = evidence.blocked_by_answer && way == FROM_THE_DEVICE;
            if evidence.known_as_blocked
                && own_hosts
                && !invisible
                && matches!(verdict, "reached" | "degraded" | "intercepted")
            {
                complaints.add(&place, format!("{}, but it is blocked", claim()));
            }
            let alarm = matches!(verdict, "blocked" | "degraded" | "intercepted");
            let accepted = client.reached.iter().any(|entry| {
                entry.set == set && entry.also_acceptable.iter().any(|v| v == verdict)
            });
            if alarm && !accepted && !evidence.failure_visible && !evidence.undetermined {
                complaints.add(
                    &place,
                    format!("{}, but nothing that failed is there", claim()),
                );
            }
            if verdict == "blocked" && evidence.success_visible {
                complaints.add(&place, format!("{}, but a success is there", claim()));
            }
        }
    }
    report
}

/// What of a set's fate is left in a derived capture.
struct SetEvidence {
    known_as_blocked: bool,
    undetermined: bool,
    /// A packet of a flow or of a lookup that failed is there.
    failure_visible: bool,
    /// It was blocked by an answer over plain HTTP, which looks like any other from the device's packets alone.
    blocked_by_answer: bool,
    /// Every packet of a flow that was served is there.
    success_visible: bool,
}

impl SetEvidence {
    fn of(set: u32, client: &truth::Client, kept: &HashSet<u64>, whole: &HashSet<u64>) -> Self {
        let lists = |entries: &[truth::EndpointSet]| entries.iter().any(|e| e.set == set);
        let flows = || {
            let flows = client.flows.iter();
            flows.filter(|f| f.attribution.sets.contains(&set))
        };
        let fine = ["ok", "abandoned", "unknown"];
        let failed_lookup = client.names.iter().any(|name| {
            name.sets.contains(&set)
                && !matches!(name.outcome.as_str(), "ok" | "nodata" | "unknown")
                && name
                    .queries
                    .iter()
                    .flat_map(|q| q.query_packets.iter().chain(&q.answer_packet))
                    // A resolver that refuses is asked once more at once.
                    .any(|packet| (*packet..packet + 5).any(|packet| kept.contains(&packet)))
        });
        Self {
            known_as_blocked: lists(&client.blocked),
            undetermined: lists(&client.undetermined),
            blocked_by_answer: flows().any(|f| f.outcome == "http_block_page"),
            failure_visible: failed_lookup
                || flows()
                    .filter(|f| !fine.contains(&f.outcome.as_str()))
                    .any(|f| (f.first_packet..=f.last_packet).any(|packet| kept.contains(&packet))),
            success_visible: flows()
                .filter(|f| f.outcome == "ok")
                .any(|f| (f.first_packet..=f.last_packet).all(|packet| whole.contains(&packet))),
        }
    }
}

/// The fitness section names `code`, with what it costs and what to do about it unless it is a remark.
fn names(report: &Report, code: &str) -> bool {
    let reasons = report.capture.as_ref().map_or(&[][..], |c| &c.reasons);
    reasons.iter().any(|reason| {
        reason.code == code
            && !reason.text.is_empty()
            && (reason.weight == "fit"
                || !(reason.consequence.is_empty() || reason.remedy.is_empty()))
    })
}

#[test]
fn written_again_it_is_the_same() {
    let mut complaints = Complaints::default();
    for original in originals() {
        check_same(&original, "as it is", &original.recorded, &mut complaints);
    }
    complaints.raise();
}

const FROM_THE_DEVICE: &str = "from the device";

/// Frames that a device sent (or, for `from_device` false, received).
fn one_direction(original: &Original, from_device: bool) -> Recorded {
    let devices = original.device_addresses();
    let frames = original.frames().iter().filter(|frame| {
        original.recorded.packet(frame).is_some_and(|packet| {
            let side = if from_device {
                packet.source
            } else {
                packet.destination
            };
            devices.contains(&side)
        })
    });
    original.recorded.with(frames.cloned().collect())
}

#[test]
fn one_direction_only() {
    let mut complaints = Complaints::default();
    for original in originals() {
        if original.truth.capture.directions != Directions::Both {
            continue;
        }
        for (way, from_device) in [(FROM_THE_DEVICE, true), ("to the device", false)] {
            let derived = one_direction(&original, from_device);
            let report = check_careful(&original, way, &derived, &mut complaints);
            if !names(&report, "one_direction") {
                complaints.add(&original.name, format!("{way}: not named"));
            }
        }
    }
    complaints.raise();
}

#[test]
fn frames_cut_short() {
    let mut complaints = Complaints::default();
    for original in originals() {
        for snap_length in [64, 96, 128, 200] {
            let frames = original.frames().iter().cloned().map(|mut frame| {
                frame.bytes.truncate(snap_length);
                frame
            });
            let derived = original.recorded.with(frames.collect());
            let way = format!("{snap_length} octets of each frame");
            let report = check_careful(&original, &way, &derived, &mut complaints);
            if !names(&report, "truncated_frames") {
                complaints.add(&original.name, format!("{way}: not named"));
            }
        }
    }
    complaints.raise();
}

#[test]
fn begun_late() {
    let mut complaints = Complaints::default();
    for original in originals() {
        for tenth in 1..10 {
            let start = original.frames().len() * tenth / 10;
            let derived = original.recorded.with(original.frames()[start..].to_vec());
            let way = format!("begun after {tenth}0 %");
            let report = check_careful(&original, &way, &derived, &mut complaints);
            // A connection is open when packets of the client, and more than its end, are on both sides of the cut.
            let start = start as u64;
            let mut flows = original.truth.clients.iter().flat_map(|c| &c.flows);
            let open = flows.any(|f| {
                f.proto == "tcp"
                    && f.outcome == "ok"
                    && f.first_packet + 6 < start
                    && start + 6 < f.last_packet
            });
            if open && !names(&report, "started_midway") {
                complaints.add(&original.name, format!("{way}: not named"));
            }
        }
    }
    complaints.raise();
}

#[test]
fn ended_early() {
    let mut complaints = Complaints::default();
    for original in originals() {
        for tenth in 1..10 {
            let end = original.frames().len() * tenth / 10;
            let derived = original.recorded.with(original.frames()[..end].to_vec());
            check_careful(
                &original,
                &format!("ended after {tenth}0 %"),
                &derived,
                &mut complaints,
            );
        }
    }
    complaints.raise();
}

#[test]
fn frames_lost() {
    let mut complaints = Complaints::default();
    for original in originals() {
        for percent in [1, 5, 20] {
            for attempt in 0..20 {
                let mut random = Random::seeded(1 + 100 * attempt + percent as u64);
                let frames = original
                    .frames()
                    .iter()
                    .filter(|_| random.below(100) >= percent);
                let derived = original.recorded.with(frames.cloned().collect());
                let way = format!("{percent} % lost, {attempt}");
                check_careful(&original, &way, &derived, &mut complaints);
            }
        }
    }
    complaints.raise();
}

/// `frame` as another port of the switch or the other side of a router shows it.
fn routed(recorded: &Recorded, frame: &Frame) -> Frame {
    let mut copy = Frame {
        time: frame.time + 300_000,
        number: None,
        ..frame.clone()
    };
    if let Some(packet) = recorded.packet(frame) {
        packet.hop(&mut copy.bytes);
    }
    if recorded.link_type == frames::ETHERNET {
        copy.bytes[5] ^= 0x55;
        copy.bytes[11] ^= 0x55;
        if copy.bytes[12..14] == [0x81, 0] {
            copy.bytes[15] ^= 7;
        } else {
            copy.bytes.splice(12..12, [0x81, 0, 0, 9]);
            copy.length += 4;
        }
    }
    copy
}

#[test]
fn every_frame_copied() {
    let mut complaints = Complaints::default();
    for original in originals() {
        type Copy<'c> = &'c dyn Fn(&Frame) -> Frame;
        let at_once: Copy<'_> = &|frame| Frame {
            number: None,
            ..frame.clone()
        };
        let by_a_router: Copy<'_> = &|frame| routed(&original.recorded, frame);
        for (way, copy) in [
            ("copied at once", at_once),
            ("copied by a router", by_a_router),
        ] {
            let mut frames: Vec<Frame> = original
                .frames()
                .iter()
                .flat_map(|frame| [frame.clone(), copy(frame)])
                .collect();
            frames.sort_by_key(|frame| frame.time);
            let derived = original.recorded.with(frames);
            let report = check_same(&original, way, &derived, &mut complaints);
            if !names(&report, "copies") {
                complaints.add(&original.name, format!("{way}: not named"));
            }
        }
    }
    complaints.raise();
}

#[test]
fn slightly_out_of_order() {
    let mut complaints = Complaints::default();
    let mut random = Random::seeded(6);
    for original in originals() {
        let mut frames = original.frames().to_vec();
        for at in (1..frames.len()).step_by(2) {
            // Two queues of a network card: each keeps its order, the file mixes them.
            if frames[at].time - frames[at - 1].time < 1_000_000 {
                frames.swap(at - 1, at);
            }
        }
        let swapped = original.recorded.with(frames);
        check_careful(&original, "neighbours swapped", &swapped, &mut complaints);
        let frames = original.frames().iter().cloned().map(|mut frame| {
            frame.time += random.below(4_000_000) as i64 - 2_000_000;
            frame
        });
        let jittered = original.recorded.with(frames.collect());
        check_same(&original, "times jittered", &jittered, &mut complaints);
    }
    complaints.raise();
}

#[test]
fn both_sides_of_a_translator() {
    let mut complaints = Complaints::default();
    let outside: IpAddr = "198.18.0.7".parse().expect("an address");
    for original in originals() {
        let recorded = &original.recorded;
        let mut copies = 0;
        let mut frames = Vec::new();
        for frame in original.frames() {
            let mut copy = None;
            for (ordinal, device) in (1..).zip(&original.truth.clients) {
                for address in &device.addresses {
                    let address: IpAddr = address.parse().expect("an address");
                    let Some(packet) = recorded.packet(frame).filter(|_| address.is_ipv4()) else {
                        continue;
                    };
                    let IpAddr::V4(other) = (if packet.source == address {
                        packet.destination
                    } else {
                        packet.source
                    }) else {
                        continue;
                    };
                    if other.is_private() {
                        continue;
                    }
                    let outgoing = packet.source == address;
                    if let Some(mut translated) =
                        recorded.translated(frame, address, outside, ordinal * 1_000)
                    {
                        // What comes in passes the outside first.
                        translated.time += if outgoing { 3_000 } else { -3_000 };
                        translated.number = None;
                        packet.hop(&mut translated.bytes);
                        if recorded.link_type == frames::ETHERNET {
                            translated.bytes[5] ^= 0x55;
                            translated.bytes[11] ^= 0x55;
                        }
                        copies += usize::from(packet.is_tcp());
                        copy = Some(translated);
                    }
                }
            }
            frames.push(frame.clone());
            frames.extend(copy);
        }
        frames.sort_by_key(|frame| frame.time);
        let derived = recorded.with(frames);
        let report = check_same(
            &original,
            "both sides of a translator",
            &derived,
            &mut complaints,
        );
        // Only TCP shows that two flows are one.
        if copies == 0 {
            continue;
        }
        if !names(&report, "address_translation") {
            complaints.add(&original.name, "translation is not named");
        }
        if report
            .clients
            .iter()
            .any(|client| client.addresses == [outside.to_string()])
        {
            complaints.add(&original.name, "the translator is taken for a device");
        }
    }
    complaints.raise();
}

#[test]
fn in_other_encapsulations() {
    use frames::{ETHERNET, LINUX_SLL, RAW_IP, ethernet, ethertype, ipv4, udp};
    let tagged = |tags: &[u16], version_6: bool| {
        let mut header = ethernet(1, 0);
        header.truncate(12);
        for (depth, tag) in tags.iter().enumerate() {
            let protocol: u16 = if depth + 1 < tags.len() {
                0x88a8
            } else {
                0x8100
            };
            header.extend(protocol.to_be_bytes());
            header.extend(tag.to_be_bytes());
        }
        header.extend(ethertype(version_6).to_be_bytes());
        header
    };
    let within = |outer: Vec<u8>, inner: Vec<u8>| [outer, inner].concat();
    type Header<'h> = &'h dyn Fn(usize, bool) -> Vec<u8>;
    let vxlan = |length: usize, version_6: bool| {
        let inner = within(
            vec![8, 0, 0, 0, 0, 0, 7, 0],
            ethernet(1, ethertype(version_6)),
        );
        let length = length + inner.len();
        let datagram = within(udp(4789, length), inner);
        within(within(ethernet(9, 0x0800), ipv4(17, length + 8)), datagram)
    };
    let geneve = |length: usize, version_6: bool| {
        let inner = within(
            vec![0, 0, 0x65, 0x58, 0, 0, 7, 0],
            ethernet(1, ethertype(version_6)),
        );
        let length = length + inner.len();
        let datagram = within(udp(6081, length), inner);
        within(within(ethernet(9, 0x0800), ipv4(17, length + 8)), datagram)
    };
    let gre = |length: usize, version_6: bool| {
        let [high, low] = ethertype(version_6).to_be_bytes();
        within(
            within(ethernet(9, 0x0800), ipv4(47, length + 4)),
            vec![0, 0, high, low],
        )
    };
    let erspan = |length: usize, version_6: bool| {
        // Sequence number present; ERSPAN type II (draft-foschiano-erspan-03 §4.2).
        let inner = within(
            vec![0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 1, 0, 0, 0, 0],
            ethernet(1, ethertype(version_6)),
        );
        within(
            within(ethernet(9, 0x0800), ipv4(47, length + inner.len())),
            inner,
        )
    };
    let cooked = |_: usize, version_6: bool| {
        let mut header = vec![0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        header.extend(ethertype(version_6).to_be_bytes());
        header
    };
    let ways: [(&str, u32, Header<'_>); 8] = [
        ("802.1Q", ETHERNET, &|_, version_6| tagged(&[20], version_6)),
        ("QinQ", ETHERNET, &|_, version_6| {
            tagged(&[20, 30], version_6)
        }),
        ("GRE", ETHERNET, &gre),
        ("ERSPAN", ETHERNET, &erspan),
        ("VXLAN", ETHERNET, &vxlan),
        ("GENEVE", ETHERNET, &geneve),
        ("Linux cooked", LINUX_SLL, &cooked),
        ("raw IP", RAW_IP, &|_, _| Vec::new()),
    ];
    let mut complaints = Complaints::default();
    for original in originals() {
        for (way, link_type, header) in &ways {
            let derived = original.recorded.wrapped(*link_type, header);
            check_same(&original, way, &derived, &mut complaints);
        }
    }
    complaints.raise();
}

/// The recording with other addresses for its devices, hardware and IP, so that it can stand beside another one.
fn with_other_devices(original: &Original) -> Vec<Frame> {
    let moved = |address: &IpAddr| match address {
        IpAddr::V4(v4) => IpAddr::from((v4.to_bits() + 100).to_be_bytes()),
        IpAddr::V6(v6) => IpAddr::from((v6.to_bits() + 100).to_be_bytes()),
    };
    let recorded = &original.recorded;
    let devices = original.device_addresses();
    let frames = original.frames().iter().map(|frame| {
        let mut frame = frame.clone();
        let packet = recorded.packet(&frame);
        for address in &devices {
            if let Some(changed) = recorded.translated(&frame, *address, moved(address), 0) {
                let sent = packet.is_some_and(|packet| packet.source == *address);
                frame = changed;
                frame.bytes[if sent { 11 } else { 5 }] ^= 0x40;
            }
        }
        frame
    });
    frames.collect()
}

/// Recordings that can be told apart by addresses when they are merged: both directions, Ethernet without a tunnel around.
fn mergeable() -> Vec<Original> {
    originals()
        .filter(|original| {
            original.recorded.link_type == frames::ETHERNET
                && original.truth.capture.directions == Directions::Both
                && original.name != "vxlan_two_clients"
        })
        .collect()
}

#[test]
fn two_recordings_at_once() {
    let mut complaints = Complaints::default();
    let originals = mergeable();
    for (at, original) in originals.iter().enumerate() {
        let beside = &originals[(at + 1) % originals.len()];
        let shift = original.frames()[0].time - beside.frames()[0].time + 300_000_000;
        let others = with_other_devices(beside).into_iter().map(|frame| Frame {
            time: frame.time + shift,
            number: None,
            ..frame
        });
        let mut frames = original.frames().to_vec();
        frames.extend(others);
        frames.sort_by_key(|frame| frame.time);
        let way = format!("beside {}", beside.name);
        check_same(
            original,
            &way,
            &original.recorded.with(frames),
            &mut complaints,
        );
    }
    complaints.raise();
}

/// What a truth says of a set, as far as it matters when the same device goes on.
fn state_of(set: u32, client: &truth::Client) -> Option<&'static str> {
    let lists = |entries: &[truth::EndpointSet]| entries.iter().any(|e| e.set == set);
    let intercepted = |entries: &[truth::EndpointSet]| {
        entries
            .iter()
            .any(|e| e.set == set && !e.also_acceptable.is_empty())
    };
    if intercepted(&client.reached) || lists(&client.undetermined) || lists(&client.looked_up_only)
    {
        None
    } else if lists(&client.blocked) {
        Some("blocked")
    } else if lists(&client.reached) {
        Some("reached")
    } else if lists(&client.degraded) || lists(&client.partly_blocked) {
        Some("degraded")
    } else if client.ambiguous.iter().any(|a| a.set == set) {
        None
    } else {
        Some("absent")
    }
}

#[test]
fn two_recordings_of_one_device() {
    let mut complaints = Complaints::default();
    let originals = mergeable();
    for (at, first) in originals.iter().enumerate() {
        let second = &originals[(at + 3) % originals.len()];
        let last = first.frames().last().expect("a frame").time;
        let shift = last - second.frames()[0].time + 60_000_000_000;
        let mut frames = first.frames().to_vec();
        frames.extend(second.frames().iter().map(|frame| Frame {
            time: frame.time + shift,
            ..frame.clone()
        }));
        let report = first.audit(&first.recorded.with(frames));
        let (before, after) = (&first.truth.clients[0], &second.truth.clients[0]);
        let reported = report
            .clients
            .iter()
            .find(|c| c.addresses.iter().any(|a| before.addresses.contains(a)))
            .expect("the device is in the report");
        for set in &reported.endpoint_sets {
            let Some(id) = set.id else { continue };
            let (Some(one), Some(other)) = (state_of(id, before), state_of(id, after)) else {
                continue;
            };
            let accepted: &[&str] = match (one, other) {
                ("absent", "absent") => &["never_reached", "not_exercised"],
                ("reached" | "absent", "reached" | "absent") => &["reached"],
                ("blocked" | "absent", "blocked" | "absent") => &["blocked"],
                // A lookup that failed once and succeeded later is forgotten.
                _ => &["degraded", "reached"],
            };
            if !accepted.contains(&set.verdict.as_str()) {
                complaints.add(
                    &format!("{}, then {}", first.name, second.name),
                    format!(
                        "set {id}: {} ({:?}), truth is {one}, then {other}",
                        set.verdict, set.cause
                    ),
                );
            }
        }
    }
    complaints.raise();
}

#[test]
fn quic_without_a_fallback() {
    let original = originals()
        .find(|original| original.name == "ipv6_quic_fallback")
        .expect("a recording with QUIC");
    let server: IpAddr = "2620:1ec:21::16".parse().expect("an address");
    let frames = original.frames().iter().filter(|frame| {
        let packet = original.recorded.packet(frame);
        !packet.is_some_and(|p| p.is_tcp() && (p.source == server || p.destination == server))
    });
    let report = original.audit(&original.recorded.with(frames.cloned().collect()));
    let mut sets = report.clients.iter().flat_map(|c| &c.endpoint_sets);
    let set = sets.find(|s| s.id == Some(189)).expect("the set is listed");
    assert_eq!(
        (set.verdict.as_str(), set.cause.as_deref()),
        ("blocked", Some("quic_no_reply"))
    );
}
