//! Application messages: DNS, TLS, HTTP/1 and NTP, each well formed and shaped like those of a current Windows device.

use super::hosts::Host;
use super::random::Random;
use std::net::IpAddr;

/// DNS record types (RFC 1035 §3.2.2, RFC 3596 §2.1).
pub const TYPE_A: u16 = 1;
const TYPE_CNAME: u16 = 5;
pub const TYPE_AAAA: u16 = 28;

/// Named groups (RFC 8446 §4.2.7; X25519MLKEM768 of draft-ietf-tls-ecdhe-mlkem §3).
const GROUP_X25519: u16 = 29;
const GROUP_X25519_MLKEM768: u16 = 0x11ec;

/// TLS record content types (RFC 8446 §5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// What a ClientHello offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// TLS 1.2 only.
    Tls12,
    /// TLS 1.3 with an X25519 key share.
    Tls13,
    /// TLS 1.3 with a hybrid post-quantum key share, too large for one segment.
    Tls13PostQuantum,
}

/// Appends a value and puts its length in `N` octets before it.
fn prefixed<const N: usize>(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; N]);
    fill(out);
    let length = ((out.len() - at - N) as u64).to_be_bytes();
    out[at..at + N].copy_from_slice(&length[8 - N..]);
}

fn u16_to(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a DNS query for `name` (RFC 1035 §4.1).
pub fn dns_query(out: &mut Vec<u8>, identifier: u16, name: &str, record_type: u16) {
    dns_header(out, identifier, 0x0100, 0);
    dns_question(out, name, record_type);
}

/// Appends the answer to [`dns_query`]: the alias chain of `host` and its addresses of that type.
pub fn dns_answer(out: &mut Vec<u8>, identifier: u16, host: &Host, record_type: u16, ttl: u32) {
    let start = out.len();
    let v4 = if record_type == TYPE_A { host.v4 } else { &[] };
    let v6 = if record_type == TYPE_AAAA {
        host.v6
    } else {
        None
    };
    let count = host.aliases.len() + v4.len() + usize::from(v6.is_some());
    dns_header(out, identifier, 0x8180, count as u16);
    dns_question(out, host.name, record_type);
    // Each owner name is a pointer: to the question first, then to the alias before.
    let mut owner = 12;
    for alias in host.aliases {
        dns_record(out, owner, TYPE_CNAME, ttl);
        prefixed::<2>(out, |out| {
            owner = (out.len() - start) as u16;
            dns_name(out, alias);
        });
    }
    for address in v4 {
        dns_record(out, owner, TYPE_A, ttl);
        prefixed::<2>(out, |out| out.extend_from_slice(address));
    }
    if let Some(groups) = v6 {
        dns_record(out, owner, TYPE_AAAA, ttl);
        prefixed::<2>(out, |out| groups.iter().for_each(|g| u16_to(out, *g)));
    }
}

/// Appends an answer that says the name does not exist (response code 3).
pub fn dns_name_error(out: &mut Vec<u8>, identifier: u16, name: &str, record_type: u16) {
    dns_header(out, identifier, 0x8183, 0);
    dns_question(out, name, record_type);
}

fn dns_header(out: &mut Vec<u8>, identifier: u16, flags: u16, answers: u16) {
    for field in [identifier, flags, 1, answers, 0, 0] {
        u16_to(out, field);
    }
}

fn dns_question(out: &mut Vec<u8>, name: &str, record_type: u16) {
    dns_name(out, name);
    u16_to(out, record_type);
    u16_to(out, 1);
}

fn dns_record(out: &mut Vec<u8>, owner: u16, record_type: u16, ttl: u32) {
    u16_to(out, 0xc000 | owner);
    u16_to(out, record_type);
    u16_to(out, 1);
    out.extend_from_slice(&ttl.to_be_bytes());
}

fn dns_name(out: &mut Vec<u8>, name: &str) {
    for label in name.split('.') {
        prefixed::<1>(out, |out| out.extend_from_slice(label.as_bytes()));
    }
    out.push(0);
}

/// Appends one TLS record.
fn record(out: &mut Vec<u8>, content_type: u8, version: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    out.push(content_type);
    u16_to(out, version);
    prefixed::<2>(out, fill);
}

/// Appends one record of `length` octets that stands for ciphertext.
pub fn encrypted_record(out: &mut Vec<u8>, random: &mut Random, length: usize) {
    record(out, APPLICATION_DATA, 0x0303, |out| {
        random.append(out, length)
    });
}

fn handshake_message(out: &mut Vec<u8>, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    prefixed::<3>(out, fill);
}

fn extension(out: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    u16_to(out, kind);
    prefixed::<2>(out, fill);
}

/// Appends a ClientHello in one record (RFC 8446 §4.1.2).
pub fn client_hello(out: &mut Vec<u8>, random: &mut Random, server_name: &str, offer: Offer) {
    let groups: &[u16] = match offer {
        Offer::Tls13PostQuantum => &[GROUP_X25519_MLKEM768, GROUP_X25519, 23, 24],
        Offer::Tls12 | Offer::Tls13 => &[GROUP_X25519, 23, 24],
    };
    record(out, HANDSHAKE, 0x0301, |out| {
        handshake_message(out, 1, |out| {
            u16_to(out, 0x0303);
            random.append(out, 32);
            let session = if offer == Offer::Tls12 { 0 } else { 32 };
            prefixed::<1>(out, |out| random.append(out, session));
            prefixed::<2>(out, |out| {
                let modern: &[u16] = if offer == Offer::Tls12 {
                    &[]
                } else {
                    &[0x1302, 0x1301]
                };
                for suite in modern.iter().chain(&[
                    0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028, 0xc027, 0x009d, 0x009c,
                ]) {
                    u16_to(out, *suite);
                }
            });
            out.extend_from_slice(&[1, 0]);
            prefixed::<2>(out, |out| {
                extension(out, 0, |out| {
                    prefixed::<2>(out, |out| {
                        out.push(0);
                        prefixed::<2>(out, |out| out.extend_from_slice(server_name.as_bytes()));
                    });
                });
                extension(out, 5, |out| out.extend_from_slice(&[1, 0, 0, 0, 0]));
                extension(out, 10, |out| {
                    prefixed::<2>(out, |out| groups.iter().for_each(|g| u16_to(out, *g)))
                });
                extension(out, 11, |out| out.extend_from_slice(&[1, 0]));
                extension(out, 13, |out| {
                    prefixed::<2>(out, |out| {
                        for scheme in [
                            0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0201, 0x0403, 0x0503, 0x0203,
                        ] {
                            u16_to(out, scheme);
                        }
                    });
                });
                extension(out, 16, |out| {
                    prefixed::<2>(out, |out| {
                        prefixed::<1>(out, |out| out.extend_from_slice(b"h2"));
                        prefixed::<1>(out, |out| out.extend_from_slice(b"http/1.1"));
                    });
                });
                extension(out, 23, |_| {});
                extension(out, 35, |_| {});
                if offer != Offer::Tls12 {
                    extension(out, 43, |out| out.extend_from_slice(&[4, 3, 4, 3, 3]));
                    extension(out, 45, |out| out.extend_from_slice(&[1, 1]));
                    extension(out, 51, |out| {
                        prefixed::<2>(out, |out| {
                            if offer == Offer::Tls13PostQuantum {
                                u16_to(out, GROUP_X25519_MLKEM768);
                                prefixed::<2>(out, |out| random.append(out, 1216));
                            }
                            u16_to(out, GROUP_X25519);
                            prefixed::<2>(out, |out| random.append(out, 32));
                        });
                    });
                }
                extension(out, 0xff01, |out| out.push(0));
            });
        });
    });
}

/// Appends a TLS 1.3 server's first flight: ServerHello, change of cipher, and four records of ciphertext that stand for
/// EncryptedExtensions, Certificate, CertificateVerify and Finished.
pub fn server_flight_13(out: &mut Vec<u8>, random: &mut Random, offer: Offer) {
    let (group, share) = if offer == Offer::Tls13PostQuantum {
        (GROUP_X25519_MLKEM768, 1120)
    } else {
        (GROUP_X25519, 32)
    };
    record(out, HANDSHAKE, 0x0303, |out| {
        handshake_message(out, 2, |out| {
            u16_to(out, 0x0303);
            random.append(out, 32);
            prefixed::<1>(out, |out| random.append(out, 32));
            out.extend_from_slice(&[0x13, 0x02, 0]);
            prefixed::<2>(out, |out| {
                extension(out, 43, |out| u16_to(out, 0x0304));
                extension(out, 51, |out| {
                    u16_to(out, group);
                    prefixed::<2>(out, |out| random.append(out, share));
                });
            });
        });
    });
    record(out, CHANGE_CIPHER_SPEC, 0x0303, |out| out.push(1));
    let certificate = random.between(2200, 3600) as usize;
    for length in [40, certificate, 281, 69] {
        encrypted_record(out, random, length);
    }
}

/// Appends what a TLS 1.3 client sends next: change of cipher and its Finished (SHA-384: 4 + 48 octets, type and tag 17).
pub fn client_finished_13(out: &mut Vec<u8>, random: &mut Random) {
    record(out, CHANGE_CIPHER_SPEC, 0x0303, |out| out.push(1));
    encrypted_record(out, random, 69);
}

/// Appends a TLS 1.2 server's first flight: ServerHello, Certificate, ServerKeyExchange, ServerHelloDone (RFC 5246 §7.3, RFC 8422 §5.4).
pub fn server_flight_12(out: &mut Vec<u8>, random: &mut Random, server_name: &str) {
    record(out, HANDSHAKE, 0x0303, |out| {
        handshake_message(out, 2, |out| {
            u16_to(out, 0x0303);
            random.append(out, 32);
            prefixed::<1>(out, |out| random.append(out, 32));
            out.extend_from_slice(&[0xc0, 0x30, 0]);
            prefixed::<2>(out, |out| {
                extension(out, 23, |_| {});
                extension(out, 0xff01, |out| out.push(0));
            });
        });
        let certificate = super::certificate::certificate(random, server_name);
        handshake_message(out, 11, |out| {
            prefixed::<3>(out, |out| {
                prefixed::<3>(out, |out| out.extend_from_slice(&certificate))
            });
        });
        handshake_message(out, 12, |out| {
            out.push(3);
            u16_to(out, GROUP_X25519);
            prefixed::<1>(out, |out| random.append(out, 32));
            u16_to(out, 0x0804);
            prefixed::<2>(out, |out| random.append(out, 256));
        });
        handshake_message(out, 14, |_| {});
    });
}

/// Appends what a TLS 1.2 client sends next: ClientKeyExchange, change of cipher, Finished as ciphertext.
pub fn client_finished_12(out: &mut Vec<u8>, random: &mut Random) {
    record(out, HANDSHAKE, 0x0303, |out| {
        handshake_message(out, 16, |out| {
            prefixed::<1>(out, |out| random.append(out, 32))
        });
    });
    server_finished_12(out, random);
}

/// Appends a change of cipher and a Finished as ciphertext (AES-GCM: explicit nonce 8, message 16, tag 16).
pub fn server_finished_12(out: &mut Vec<u8>, random: &mut Random) {
    record(out, CHANGE_CIPHER_SPEC, 0x0303, |out| out.push(1));
    record(out, HANDSHAKE, 0x0303, |out| {
        // An explicit nonce that counts from zero, as implementations do, so that no reader takes it for a message type.
        out.extend_from_slice(&[0; 8]);
        random.append(out, 32);
    });
}

/// Appends an encrypted close_notify: in TLS 1.3 it looks like application data.
pub fn close_notify(out: &mut Vec<u8>, random: &mut Random, offer: Offer) {
    if offer == Offer::Tls12 {
        record(out, ALERT, 0x0303, |out| {
            out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 2]);
            random.append(out, 18);
        });
    } else {
        encrypted_record(out, random, 19);
    }
}

/// Appends an HTTP/1.1 request, with a `Range` when `range` is given.
pub fn http_request(
    out: &mut Vec<u8>,
    random: &mut Random,
    server_name: &str,
    range: Option<(u64, u64)>,
) {
    let (path, agent) = match range {
        Some(_) => (
            "filestreamingservice/files",
            "Microsoft-Delivery-Optimization/10.1",
        ),
        None => (
            "msdownload/update/v3/static/trustedr/en",
            "Microsoft-CryptoAPI/10.0",
        ),
    };
    let document = random.bits();
    out.extend_from_slice(
        format!("GET /{path}/{document:016x} HTTP/1.1\r\nHost: {server_name}\r\nAccept: */*\r\n")
            .as_bytes(),
    );
    if let Some((first, last)) = range {
        out.extend_from_slice(format!("Range: bytes={first}-{last}\r\n").as_bytes());
    }
    out.extend_from_slice(
        format!("User-Agent: {agent}\r\nConnection: Keep-Alive\r\n\r\n").as_bytes(),
    );
}

/// Appends the head of the answer to [`http_request`]: 206 for a range, else 200.
pub fn http_response_head(out: &mut Vec<u8>, length: u64, range: Option<(u64, u64)>) {
    let status = if range.is_some() {
        "206 Partial Content"
    } else {
        "200 OK"
    };
    out.extend_from_slice(
        format!("HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n").as_bytes(),
    );
    if let Some((first, last)) = range {
        out.extend_from_slice(
            format!("Content-Range: bytes {first}-{last}/4294967296\r\n").as_bytes(),
        );
    }
    out.extend_from_slice(
        b"Accept-Ranges: bytes\r\nServer: Microsoft-IIS/10.0\r\nConnection: Keep-Alive\r\n\r\n",
    );
}

/// Appends an NTP client's request (RFC 5905 §7.3), version 3 as Windows sends it.
pub fn ntp_request(out: &mut Vec<u8>, nanoseconds: u64) {
    out.extend_from_slice(&[0xdb, 0, 17, 0xe9]);
    out.extend_from_slice(&[0; 36]);
    ntp_time(out, nanoseconds);
}

/// Appends an NTP server's reply at stratum 3.
pub fn ntp_reply(out: &mut Vec<u8>, nanoseconds: u64, requested: u64) {
    out.extend_from_slice(&[
        0x1c, 3, 17, 0xe9, 0, 0, 0x0a, 0, 0, 0, 0x1b, 0, 25, 66, 230, 1,
    ]);
    for time in [
        nanoseconds.saturating_sub(60_000_000_000),
        requested,
        nanoseconds,
        nanoseconds,
    ] {
        ntp_time(out, time);
    }
}

fn ntp_time(out: &mut Vec<u8>, nanoseconds: u64) {
    /// Seconds from 1900 to 1970 (RFC 5905 §6, figure 4).
    const EPOCH: u64 = 2_208_988_800;
    const SECOND: u64 = 1_000_000_000;
    out.extend_from_slice(&((nanoseconds / SECOND + EPOCH) as u32).to_be_bytes());
    out.extend_from_slice(&(((nanoseconds % SECOND) << 32) / SECOND).to_be_bytes()[4..]);
}

/// Builds an address out of what [`Host`] holds.
pub fn address_of(host: &Host, ipv6: bool, pick: u64) -> IpAddr {
    match host.v6 {
        Some(groups) if ipv6 => IpAddr::from(groups),
        _ => IpAddr::from(host.v4[pick as usize % host.v4.len()]),
    }
}
