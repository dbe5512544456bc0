//! What IP packets carry: TCP, UDP and ICMP, with as much of their content as can be rewritten.

use super::Anonymizer;
use super::frame::{be16, behind, checksum, ethernet, ipv4_header, place};
use super::{dhcp, dns, web};

/// IP protocol numbers.
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_V6: u8 = 58;

/// Ports of messages that can be rewritten.
const DNS: [u16; 3] = [53, 5353, 5355];
const DHCP: [u16; 2] = [67, 68];
const NTP: u16 = 123;
const VXLAN: u16 = 4789;

/// TCP option kinds: end, no operation (RFC 9293 §3.2), and Multipath TCP (RFC 8684), which names addresses.
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MULTIPATH: u8 = 30;

/// The IP packet around a transport header, already rewritten.
pub(super) struct Carrier<'p> {
    pub(super) protocol: u8,
    /// Source and destination address.
    pub(super) ends: &'p [u8],
    /// All of its content was captured.
    pub(super) whole: bool,
    /// Tunnels around it.
    pub(super) depth: usize,
}

impl Carrier<'_> {
    /// Rewrites the content in place; how much of it may stay.
    pub(super) fn rewrite(&self, anonymizer: &Anonymizer<'_>, content: &mut [u8]) -> usize {
        let (kept, checksum_at) = match self.protocol {
            TCP => (tcp(anonymizer, content), 16),
            UDP => (self.udp(anonymizer, content), 6),
            ICMP => (icmp_v4(anonymizer, content), 2),
            ICMP_V6 => (icmp_v6(anonymizer, content), 2),
            _ => return 0,
        };
        self.fix_checksum(content, kept, checksum_at);
        kept
    }

    /// Makes the checksum right where everything it covers is there, and zero where it cannot be.
    fn fix_checksum(&self, content: &mut [u8], kept: usize, at: usize) {
        let length = content.len();
        let Some(field) = place::<2>(content, at) else {
            return;
        };
        // Zero means that the sender computed none (RFC 768).
        let none = self.protocol == UDP && *field == [0; 2];
        *field = [0; 2];
        if none || !self.whole || kept < length {
            return;
        }
        let size = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        let sum = if self.protocol == ICMP {
            checksum(&[content])
        } else {
            // The pseudo header (RFC 9293 §3.1, RFC 8200 §8.1); the order of its parts makes no difference.
            checksum(&[self.ends, &size, &[0, self.protocol], content])
        };
        let sum = if sum == 0 && self.protocol == UDP {
            0xffff
        } else {
            sum
        };
        if let Some(field) = place::<2>(content, at) {
            *field = sum.to_be_bytes();
        }
    }

    fn udp(&self, anonymizer: &Anonymizer<'_>, datagram: &mut [u8]) -> usize {
        let (Some(source), Some(destination)) = (be16(datagram, 0), be16(datagram, 2)) else {
            return 0;
        };
        let uses = |ports: &[u16]| ports.contains(&source) || ports.contains(&destination);
        let depth = self.depth;
        behind(datagram, 8, |payload| {
            if uses(&DNS) {
                if dns::rewrite(anonymizer, payload) {
                    payload.len()
                } else {
                    0
                }
            } else if uses(&DHCP) {
                dhcp::rewrite(anonymizer, payload)
            } else if uses(&[NTP]) {
                ntp(payload)
            } else if destination == VXLAN {
                // Flags, network identifier (RFC 7348 §5).
                behind(payload, 8, |frame| ethernet(anonymizer, frame, depth + 1))
            } else {
                0
            }
        })
    }
}

/// TCP (RFC 9293 §3.1).
fn tcp(anonymizer: &Anonymizer<'_>, segment: &mut [u8]) -> usize {
    let (Some(source), Some(destination), Some(offset)) =
        (be16(segment, 0), be16(segment, 2), segment.get(12).copied())
    else {
        return 0;
    };
    let header = usize::from(offset >> 4) * 4;
    if header < 20 {
        return 0;
    }
    let end = header.min(segment.len());
    if let Some(options) = segment.get_mut(20..end) {
        leave_out_addresses(options);
    }
    let is_dns = DNS.contains(&source) || DNS.contains(&destination);
    behind(segment, end, |payload| {
        if is_dns {
            dns_over_tcp(anonymizer, payload)
        } else {
            web::rewrite(anonymizer, payload)
        }
    })
}

/// Overwrites options that name addresses, and everything behind an option that cannot be read.
fn leave_out_addresses(options: &mut [u8]) {
    let mut at = 0;
    while let Some(kind) = options.get(at).copied() {
        if kind == NO_OPERATION {
            at += 1;
            continue;
        }
        let length = match kind {
            END => 0,
            _ => options.get(at + 1).copied().map_or(0, usize::from),
        };
        match options.get_mut(at..at + length) {
            Some(option) if length >= 2 => {
                if kind == MULTIPATH {
                    option.fill(NO_OPERATION);
                }
                at += length;
            }
            _ => {
                if let Some(rest) = options.get_mut(at..) {
                    rest.fill(END);
                }
                return;
            }
        }
    }
}

/// One message with its length before it (RFC 1035 §4.2.2).
fn dns_over_tcp(anonymizer: &Anonymizer<'_>, payload: &mut [u8]) -> usize {
    let rewritten = payload
        .split_first_chunk_mut::<2>()
        .is_some_and(|(length, message)| {
            usize::from(u16::from_be_bytes(*length)) == message.len()
                && dns::rewrite(anonymizer, message)
        });
    if rewritten { payload.len() } else { 0 }
}

/// NTP without the reference identifier, which is the address of the server's own server (RFC 5905 §7.3).
fn ntp(message: &mut [u8]) -> usize {
    if message.len() < 48 {
        return 0;
    }
    if let Some(reference) = place::<4>(message, 12) {
        *reference = [0; 4];
    }
    48
}

/// The beginning of the packet that an ICMP error quotes, up to the ports and the sequence number.
fn icmp_v4(anonymizer: &Anonymizer<'_>, message: &mut [u8]) -> usize {
    match message.first() {
        // Destination unreachable, source quench, redirect, time exceeded, parameter problem (RFC 792).
        Some(kind @ (3 | 4 | 5 | 11 | 12)) => {
            if *kind == 5
                && let Some(router) = place(message, 4)
            {
                anonymizer.v4_in_place(router);
            }
            behind(message, 8, |quoted| match ipv4_header(anonymizer, quoted) {
                Some(header) => quoted_transport(quoted, header, 9),
                None => 0,
            })
        }
        Some(_) => message.len().min(8),
        None => 0,
    }
}

fn icmp_v6(anonymizer: &Anonymizer<'_>, message: &mut [u8]) -> usize {
    match message.first() {
        // Destination unreachable, packet too big, time exceeded, parameter problem (RFC 4443).
        Some(1..=4) => behind(message, 8, |quoted| {
            for at in [8, 24] {
                match place(quoted, at) {
                    Some(address) => anonymizer.v6_in_place(address),
                    None => return 0,
                }
            }
            quoted_transport(quoted, 40, 6)
        }),
        // Neighbor solicitation and advertisement (RFC 4861 §4.3): the target, without options.
        Some(135 | 136) => match place(message, 8) {
            Some(target) => {
                anonymizer.v6_in_place(target);
                24
            }
            None => 0,
        },
        // Echo request and reply.
        Some(128 | 129) => message.len().min(8),
        _ => message.len().min(4),
    }
}

/// Eight octets of the transport header behind the quoted IP header, without a UDP checksum, which says something of the rest.
fn quoted_transport(quoted: &mut [u8], header: usize, protocol_at: usize) -> usize {
    if quoted.get(protocol_at) == Some(&UDP)
        && let Some(checksum) = place::<2>(quoted, header + 6)
    {
        *checksum = [0; 2];
    }
    match quoted.get(protocol_at) {
        Some(&TCP | &UDP) => quoted.len().min(header + 8),
        _ => quoted.len().min(header),
    }
}
