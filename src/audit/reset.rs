//! A reset in words, with the signs that tell who sent it.
//!
//! A reset bears the server's address whoever sent it. Its hop limit, IP identification, window, sequence number and time
//! are held against the server's other packets. Only a hop limit that differs proves another sender; the rest is told for
//! what it is.

use super::address::is_public;
use crate::facts::{Reset, Seen, TcpFacts};
use std::net::IpAddr;
use std::time::Duration;

/// Below this round trip, jitter is larger than what could be told from it.
const MEASURABLE: Duration = Duration::from_millis(1);

/// Identifications of packets that one counter numbers lie closer together than this.
const SAME_COUNTER: u16 = 1_024;

/// Values that operating systems start the hop limit from.
const INITIAL_HOP_LIMITS: [u8; 3] = [64, 128, 255];

/// A reset that answers a SYN. Nothing else of its sender may be in the capture, but a hop limit that no router has touched
/// does not come from the Internet.
pub fn refusal_words(reset: &Reset, server: IpAddr) -> String {
    let mut words = format!("RST for the SYN, TTL {}", reset.hop_limit);
    if is_public(server) && INITIAL_HOP_LIMITS.contains(&reset.hop_limit) {
        words.push_str(" (as of a sender on this network: no router has touched it)");
    }
    words
}

/// A reset in a connection.
pub fn reset_words(reset: &Reset, tcp: &TcpFacts) -> String {
    let mut signs = Vec::new();
    let mut words = format!("RST, TTL {}", reset.hop_limit);
    let [_, server_hop_limit] = tcp.hop_limit;
    match server_hop_limit {
        Some(usual) if usual != reset.hop_limit => words.push_str(&format!(
            " (the server's packets have TTL {usual}: sent by something else on the way)"
        )),
        Some(_) => words.push_str(" as the server's other packets"),
        None => {}
    }
    signs.extend(identification_sign(reset, tcp));
    if reset.window == 0 {
        signs.push("window 0".to_owned());
    }
    signs.extend(sequence_sign(reset, tcp));
    signs.extend(time_sign(reset, tcp));
    for sign in signs {
        words.push_str("; ");
        words.push_str(&sign);
    }
    words
}

/// Systems number packets with counters; many leave resets unnumbered, so that only a strange number is a sign.
fn identification_sign(reset: &Reset, tcp: &TcpFacts) -> Option<String> {
    let [_, last] = tcp.last_ip_id;
    let (last, own) = (last?, reset.ip_id?);
    if last == 0 || own == 0 || own.wrapping_sub(last) < SAME_COUNTER {
        return None;
    }
    Some(format!("IP identification {own}, {last} just before"))
}

/// Whether the sender knew the connection's state.
fn sequence_sign(reset: &Reset, tcp: &TcpFacts) -> Option<String> {
    tcp.syn_ack?;
    Some(match reset.sequence_offset {
        0 => "exactly the next sequence number".to_owned(),
        ahead @ 1.. => format!("sequence number {ahead} ahead of the next"),
        behind => format!("sequence number {} behind the next", behind.unsigned_abs()),
    })
}

/// A server answers after a round trip, whatever else it has to do; half of one cannot come from there.
fn time_sign(reset: &Reset, tcp: &TcpFacts) -> Option<String> {
    let round_trip = tcp.handshake_rtt.filter(|rtt| *rtt >= MEASURABLE)?;
    let [first_data, _] = tcp.first_data;
    let [last_data, _] = tcp.last_data;
    let before = |seen: &Seen| seen.frame < reset.seen.frame;
    let data = last_data.filter(before).or(first_data.filter(before))?;
    let delay = reset.seen.time.since(data.time);
    (delay < round_trip / 2).then(|| {
        format!(
            "{} after the client's data, sooner than a server {} away can answer",
            duration_words(delay),
            duration_words(round_trip)
        )
    })
}

fn duration_words(duration: Duration) -> String {
    let microseconds = duration.as_micros();
    if microseconds < 10_000 {
        format!("{microseconds} µs")
    } else {
        format!("{} ms", duration.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FrameNumber, Timestamp};

    fn seen(frame: u64, microseconds: i64) -> Seen {
        Seen {
            frame: FrameNumber(frame),
            time: Timestamp(microseconds * 1_000),
        }
    }

    /// A connection over a round trip of 20 ms whose ClientHello is frame 4.
    fn connection() -> TcpFacts {
        TcpFacts {
            syn: Some(seen(1, 0)),
            syn_ack: Some(seen(2, 20_000)),
            handshake_rtt: Some(Duration::from_millis(20)),
            first_data: [Some(seen(4, 21_000)), None],
            last_data: [Some(seen(4, 21_000)), None],
            hop_limit: [Some(128), Some(52)],
            last_ip_id: [Some(7), Some(40_000)],
            ..TcpFacts::default()
        }
    }

    fn reset(hop_limit: u8, ip_id: u16, microseconds: i64) -> Reset {
        Reset {
            seen: seen(5, microseconds),
            hop_limit,
            ip_id: Some(ip_id),
            window: 500,
            ack: true,
            sequence_offset: 0,
        }
    }

    #[test]
    fn a_reset_like_the_servers_other_packets_accuses_nobody() {
        assert_eq!(
            reset_words(&reset(52, 40_001, 41_500), &connection()),
            "RST, TTL 52 as the server's other packets; exactly the next sequence number"
        );
    }

    #[test]
    fn every_sign_of_a_forger_is_told() {
        let forged = Reset {
            window: 0,
            sequence_offset: -3,
            ..reset(61, 1_234, 21_400)
        };
        assert_eq!(
            reset_words(&forged, &connection()),
            "RST, TTL 61 (the server's packets have TTL 52: sent by something else on the way); \
             IP identification 1234, 40000 just before; window 0; sequence number 3 behind the next; \
             400 µs after the client's data, sooner than a server 20 ms away can answer"
        );
    }

    #[test]
    fn an_unnumbered_reset_is_common() {
        assert!(!reset_words(&reset(52, 0, 41_500), &connection()).contains("identification"));
    }

    #[test]
    fn a_short_round_trip_tells_nothing_about_time() {
        let near = TcpFacts {
            handshake_rtt: Some(Duration::from_micros(300)),
            ..connection()
        };
        assert!(!reset_words(&reset(52, 0, 21_010), &near).contains("sooner"));
    }

    #[test]
    fn a_refusal_that_no_router_has_touched_comes_from_near() {
        let server = "20.37.153.10".parse().unwrap();
        assert!(refusal_words(&reset(64, 0, 100), server).contains("on this network"));
        assert!(!refusal_words(&reset(52, 0, 100), server).contains("on this network"));
        let inside = "10.20.0.8".parse().unwrap();
        assert!(!refusal_words(&reset(64, 0, 100), inside).contains("on this network"));
    }
}
