//! What the capture can and cannot prove, judged before any finding.

use super::cause::Unclear;
use super::vantage::VantageEvidence;
use crate::facts::{CaptureSummary, Direction};
use std::collections::BTreeMap;

/// The judgement in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Judgement {
    /// Nothing stands in the way of a verdict.
    Fit,
    /// Some verdicts are less certain, or impossible.
    Limited,
    /// Nothing can be said.
    Unfit,
}

impl Judgement {
    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Fit => "fit",
            Self::Limited => "limited",
            Self::Unfit => "unfit",
        }
    }
}

/// One property of the capture that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Stable name.
    pub code: &'static str,
    /// How far it limits the judgement; `Fit` for a remark.
    pub weight: Judgement,
    /// What was found, with its share.
    pub text: String,
    /// What it costs; empty for a remark.
    pub consequence: &'static str,
    /// How to record a better capture; empty when there is nothing to do.
    pub remedy: &'static str,
}

/// The judgement with its reasons, the weightiest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitness {
    /// The judgement.
    pub judgement: Judgement,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// What flows, devices and verdicts tell about the capture.
#[derive(Debug, Default)]
pub struct Circumstances {
    /// What the flows tell.
    pub vantage: VantageEvidence,
    /// Devices.
    pub devices: usize,
    /// Addresses that repeat another client's connections.
    pub translated: usize,
    /// Devices that send with the hop limits of several systems.
    pub shared: usize,
    /// Hosts on which no verdict is possible, by the reason.
    pub undecided: BTreeMap<Unclear, usize>,
}

/// Judges the capture.
#[must_use]
pub fn judge(capture: &CaptureSummary, circumstances: &Circumstances) -> Fitness {
    let vantage = &circumstances.vantage;
    let mut reasons = Vec::new();
    if capture.frames == 0 {
        reasons.push(Reason {
            code: "no_frames",
            weight: Judgement::Unfit,
            text: "there is not a single frame in it".to_owned(),
            consequence: "nothing can be said",
            remedy: "record again while the device enrols",
        });
    } else if vantage
        .originator_packets
        .saturating_add(vantage.responder_packets)
        == 0
    {
        reasons.push(Reason {
            code: "no_flows",
            weight: Judgement::Unfit,
            text: "no TCP or UDP packet could be read".to_owned(),
            consequence: "nothing can be said",
            remedy: "record on the device's own interface, or on a port that mirrors it",
        });
    }
    reasons.extend(truncation(capture, vantage));
    reasons.extend(direction(vantage));
    reasons.extend(losses(capture, vantage));
    reasons.extend(beginning(vantage));
    reasons.extend(name_resolution(vantage));
    reasons.extend(end(&circumstances.undecided));
    reasons.extend(clock(capture));
    reasons.extend(sharing(circumstances));
    reasons.extend(remarks(capture, circumstances));
    tell_cost(&mut reasons, &circumstances.undecided);
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.weight));
    let judgement = reasons
        .iter()
        .map(|reason| reason.weight)
        .max()
        .unwrap_or(Judgement::Fit);
    Fitness { judgement, reasons }
}

fn truncation(capture: &CaptureSummary, vantage: &VantageEvidence) -> Option<Reason> {
    if capture.truncated_frames == 0 {
        return None;
    }
    let share = percent(capture.truncated_frames, capture.frames);
    let snap_length = capture
        .interfaces
        .iter()
        .map(|interface| interface.snap_length)
        .filter(|length| *length > 0)
        .min();
    let snap = snap_length
        .filter(|length| *length < 65_535)
        .map_or(String::new(), |length| format!(" (snap length {length})"));
    let names = if vantage.cut_client_hellos > 0 {
        format!(
            "; {} of {} TLS connections lost their server name",
            vantage.cut_client_hellos, vantage.tls_flows
        )
    } else {
        String::new()
    };
    Some(Reason {
        code: "truncated_frames",
        weight: if vantage.truncated_flows > 0 {
            Judgement::Limited
        } else {
            Judgement::Fit
        },
        text: format!("{share} of the frames are cut short{snap}{names}"),
        consequence: "hosts are known by address range only, and sets without ranges stay inconclusive",
        remedy: "record whole packets: `pktmon start --capture --pkt-size 0`, or tcpdump with `-s 0`",
    })
}

/// What no verdict is possible on, and which property of the capture is to blame.
const COSTS: [(Unclear, &str); 5] = [
    (Unclear::OneWay, "one_direction"),
    (Unclear::MidStream, "started_midway"),
    (Unclear::Truncated, "truncated_frames"),
    (Unclear::StillOpen, "ended_early"),
    (Unclear::Lost, "dropped_packets"),
];

/// Says of each reason how many hosts it leaves undecided.
fn tell_cost(reasons: &mut [Reason], undecided: &BTreeMap<Unclear, usize>) {
    for (unclear, code) in COSTS {
        let Some(hosts) = undecided.get(&unclear) else {
            continue;
        };
        for reason in reasons.iter_mut().filter(|reason| reason.code == code) {
            let plural = if *hosts == 1 { "host" } else { "hosts" };
            reason
                .text
                .push_str(&format!("; that leaves {hosts} {plural} undecided"));
        }
    }
}

/// The recording stopped while something was still going on.
fn end(undecided: &BTreeMap<Unclear, usize>) -> Option<Reason> {
    undecided.get(&Unclear::StillOpen).map(|_| Reason {
        code: "ended_early",
        weight: Judgement::Limited,
        text: "it ends while attempts are under way".to_owned(),
        consequence: "how these attempts end is unknown",
        remedy: "stop the recording half a minute after the device has shown its error, not before",
    })
}

/// Several devices behind one address.
fn sharing(circumstances: &Circumstances) -> Option<Reason> {
    (circumstances.shared > 0).then(|| Reason {
        code: "shared_addresses",
        weight: Judgement::Limited,
        text: format!(
            "{} of {} addresses send with the hop limits of several systems, as devices behind address translation do",
            circumstances.shared, circumstances.devices
        ),
        consequence: "what one of these devices reaches may hide what another does not",
        remedy: "record on the inside of the address translator",
    })
}

fn direction(vantage: &VantageEvidence) -> Option<Reason> {
    let alone = |flows: u64| percent(flows, vantage.tcp_flows);
    let (text, consequence) = match vantage.missing_side()? {
        Direction::Responder => (
            format!(
                "only packets from the devices are in it ({} of the connections go on without a visible answer); what comes back takes another way",
                alone(vantage.only_originator)
            ),
            "an attempt without a visible answer is inconclusive unless the device's own packets tell",
        ),
        Direction::Originator => (
            format!(
                "only packets to the devices are in it ({} of the connections answer nobody); what they send takes another way",
                alone(vantage.only_responder)
            ),
            "questions, server names and dropped attempts are invisible",
        ),
    };
    Some(Reason {
        code: "one_direction",
        weight: Judgement::Limited,
        text,
        consequence,
        remedy: "mirror both directions of the port, or record on the device itself",
    })
}

fn losses(capture: &CaptureSummary, vantage: &VantageEvidence) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let dropped: u64 = capture
        .interfaces
        .iter()
        .filter_map(|interface| interface.dropped)
        .sum();
    if dropped > 0 || vantage.gappy > 0 {
        let mut parts = Vec::new();
        if dropped > 0 {
            parts.push(format!("the capturing system dropped {dropped} packets"));
        }
        if vantage.gappy > 0 {
            parts.push(format!(
                "packets of {} of {} TCP connections ({}) are missing, {} octets that were acknowledged",
                vantage.gappy,
                vantage.checkable,
                percent(vantage.gappy, vantage.checkable),
                vantage.lost_octets
            ));
        }
        reasons.push(Reason {
            code: "dropped_packets",
            weight: Judgement::Limited,
            text: parts.join("; "),
            consequence: "a single answer that is missing here may have been there; what rests on it stays inconclusive",
            remedy: "record with a larger buffer, a capture filter, or on a quieter interface",
        });
    }
    for warning in &capture.warnings {
        reasons.push(Reason {
            code: "damaged_file",
            weight: Judgement::Limited,
            text: warning.clone(),
            consequence: "everything before the damage is used",
            remedy: "copy the file again, or stop the recording before copying it",
        });
    }
    let limits = capture
        .anomalies
        .kinds()
        .iter()
        .filter(|anomaly| anomaly.name.contains("limit"));
    for anomaly in limits {
        reasons.push(Reason {
            code: "limit_reached",
            weight: Judgement::Limited,
            text: format!(
                "a limit was reached: {} ({} times)",
                anomaly.name, anomaly.count
            ),
            consequence: "something may be missing from the report",
            remedy: "audit fewer clients at a time with --client",
        });
    }
    for anomaly in capture
        .anomalies
        .kinds()
        .iter()
        .filter(|anomaly| anomaly.name.starts_with("link-type-unsupported"))
    {
        reasons.push(Reason {
            code: "unsupported_link_type",
            weight: if anomaly.count == capture.frames {
                Judgement::Unfit
            } else {
                Judgement::Limited
            },
            text: format!(
                "{} frames have a link type that is not read: {}",
                anomaly.count, anomaly.name
            ),
            consequence: "these frames are left out",
            remedy: "record on an Ethernet, Wi-Fi or tunnel interface",
        });
    }
    reasons
}

fn beginning(vantage: &VantageEvidence) -> Option<Reason> {
    (vantage.mid_stream > 0).then(|| Reason {
        code: "started_midway",
        weight: Judgement::Limited,
        text: format!(
            "{} of {} TCP connections ({}) were open before it began",
            vantage.mid_stream,
            vantage.tcp_flows,
            percent(vantage.mid_stream, vantage.tcp_flows)
        ),
        consequence: "names and earlier failures of these connections are unknown",
        remedy: "start the recording before the device is switched on or connected",
    })
}

fn name_resolution(vantage: &VantageEvidence) -> Option<Reason> {
    if vantage.questions > 0 || vantage.tcp_flows == 0 {
        return None;
    }
    let encrypted = vantage.encrypted_resolver_flows > 0;
    Some(Reason {
        code: if encrypted { "encrypted_dns" } else { "no_dns" },
        weight: Judgement::Limited,
        text: if encrypted {
            "name resolution is encrypted (DNS over TLS or HTTPS)".to_owned()
        } else {
            "no DNS question is in it".to_owned()
        },
        consequence: "failed lookups are invisible; hosts are known by their TLS server names only",
        remedy: "record on the device or on the path to its resolver, right after `ipconfig /flushdns`",
    })
}

fn clock(capture: &CaptureSummary) -> Option<Reason> {
    const NOTABLE_STEP: u64 = 1_000_000_000;
    (capture.largest_backward_step >= NOTABLE_STEP).then(|| Reason {
        code: "clock_steps",
        weight: Judgement::Limited,
        text: format!(
            "its clock steps back {} times, by up to {} s",
            capture.backward_steps,
            capture.largest_backward_step / NOTABLE_STEP
        ),
        consequence: "waiting times across a step cannot be trusted",
        remedy: "record with one program on one machine, whose clock is not set meanwhile",
    })
}

fn remarks(capture: &CaptureSummary, circumstances: &Circumstances) -> Vec<Reason> {
    let vantage = &circumstances.vantage;
    let translated = circumstances.translated;
    let mut reasons = Vec::new();
    if vantage.proxied > 0 {
        reasons.push(Reason {
            code: "explicit_proxy",
            weight: Judgement::Fit,
            text: format!(
                "{} of the TCP connections go to a proxy",
                percent(vantage.proxied, vantage.tcp_flows)
            ),
            consequence: "what happens behind the proxy is known by its answers only",
            remedy: "to see more, record on the proxy's own way to the Internet too",
        });
    }
    if vantage.public_originators.saturating_mul(2) > vantage.tcp_flows {
        reasons.push(Reason {
            code: "outside_translation",
            weight: Judgement::Fit,
            text: format!(
                "{} of the TCP connections come from public or shared addresses through a router",
                percent(vantage.public_originators, vantage.tcp_flows)
            ),
            consequence: "if that router translates addresses, several devices look like one",
            remedy: "record on the inside of the address translator",
        });
    }
    let mut remark = |code, text| {
        reasons.push(Reason {
            code,
            weight: Judgement::Fit,
            text,
            consequence: "",
            remedy: "",
        });
    };
    if capture.copies > 0 {
        let share = percent(capture.copies, capture.frames);
        remark(
            "copies",
            format!("{share} of the frames are copies of others; they are left out"),
        );
    }
    if translated > 0 {
        remark(
            "address_translation",
            format!(
                "{translated} addresses repeat connections of others behind address translation; they are left out"
            ),
        );
    }
    if capture.bad_checksums > 0 {
        remark(
            "bad_checksums",
            format!(
                "{} packets have a wrong checksum, as offloading network cards show them",
                capture.bad_checksums
            ),
        );
    }
    reasons
}

/// A share in words: never 0 % for something that is there.
fn percent(part: u64, whole: u64) -> String {
    let thousandths = part.saturating_mul(1_000).checked_div(whole).unwrap_or(0);
    match thousandths {
        0 => "under 0.1 %".to_owned(),
        1..10 => format!("0.{thousandths} %"),
        _ => format!("{} %", thousandths / 10),
    }
}
