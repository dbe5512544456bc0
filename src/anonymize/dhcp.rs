//! DHCP for IPv4 (RFC 2131, RFC 2132), rewritten in place.

use super::Anonymizer;
use super::frame::place;

/// The magic cookie before the options, and where it stands.
const COOKIE: [u8; 4] = [99, 130, 83, 99];
const COOKIE_AT: usize = 236;

/// Options that tell nothing of the network: subnet mask, lease time, message type, parameter list, largest size, renewal and
/// rebinding times, class identifier.
const HARMLESS: [u8; 8] = [1, 51, 53, 55, 57, 58, 59, 60];
/// Options that are lists of addresses: routers, name servers, broadcast address, NTP servers, NetBIOS name servers, requested
/// address, server.
const ADDRESSES: [u8; 7] = [3, 6, 28, 42, 44, 50, 54];
/// The client's name.
const HOST_NAME: u8 = 12;

/// Rewrites a message; how much of it may stay. Names of servers and boot files, and all other options, are overwritten.
pub(super) fn rewrite(anonymizer: &Anonymizer<'_>, message: &mut [u8]) -> usize {
    if message.get(COOKIE_AT..COOKIE_AT + 4) != Some(&COOKIE) {
        return 0;
    }
    for at in [12, 16, 20, 24] {
        if let Some(address) = place(message, at) {
            anonymizer.v4_in_place(address);
        }
    }
    if let Some(mac) = place(message, 28) {
        anonymizer.mac_in_place(mac);
    }
    if let Some(rest) = message.get_mut(34..COOKIE_AT) {
        rest.fill(0);
    }
    if let Some(options) = message.get_mut(COOKIE_AT + 4..) {
        rewrite_options(anonymizer, options);
    }
    message.len()
}

fn rewrite_options(anonymizer: &Anonymizer<'_>, options: &mut [u8]) {
    let mut at = 0;
    while let Some(code) = options.get(at).copied() {
        // Padding has no length, and behind the end there is only padding.
        if code == 0 {
            at += 1;
            continue;
        }
        let start = at + 2;
        let end = start + options.get(at + 1).copied().map_or(0, usize::from);
        match options.get_mut(start..end) {
            Some(value) if code != 255 => rewrite_option(anonymizer, code, value),
            _ => {
                if let Some(rest) = options.get_mut(at + 1..) {
                    rest.fill(0);
                }
                return;
            }
        }
        at = end;
    }
}

fn rewrite_option(anonymizer: &Anonymizer<'_>, code: u8, value: &mut [u8]) {
    if HARMLESS.contains(&code) {
        return;
    }
    if ADDRESSES.contains(&code) && value.len().is_multiple_of(4) {
        let (addresses, _) = value.as_chunks_mut::<4>();
        for address in addresses {
            anonymizer.v4_in_place(address);
        }
        return;
    }
    let name = std::str::from_utf8(value).map(|name| anonymizer.name(name));
    match name {
        Ok(name) if code == HOST_NAME && name.len() == value.len() => {
            value.copy_from_slice(name.as_bytes());
        }
        _ => value.fill(0),
    }
}
