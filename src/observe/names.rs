//! What devices say of themselves: host names in DHCP, NetBIOS and multicast DNS.

use super::datagrams::Service;
use crate::decode::{Packet, UdpDatagram};
use crate::dissect::dns::DnsMessage;
use crate::dissect::{dhcp, nbns};
use crate::facts::{HostName, HostSighting, MacAddress, Seen};
use compact_str::CompactString;
use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;

/// What a datagram of one of these services tells about a device.
#[must_use]
pub fn from_datagram(
    service: Service,
    datagram: &UdpDatagram<'_>,
    packet: &Packet<'_>,
    seen: Seen,
) -> Option<HostSighting> {
    match service {
        Service::Dhcp => from_dhcp(datagram, packet, seen),
        Service::Dhcp6 => {
            let message = dhcp::parse_v6(datagram.payload)?;
            let address = message.addresses.first().copied()?;
            message.fqdn.as_ref()?;
            Some(sighting(
                IpAddr::V6(address),
                None,
                packet,
                message.fqdn,
                "dhcp",
                message.vendor_class,
                seen,
            ))
        }
        Service::Nbns => {
            let message = nbns::parse(datagram.payload)?;
            let address = message
                .names_host()
                .then(|| message.addresses.first().copied())
                .flatten()?;
            Some(sighting(
                IpAddr::V4(address),
                None,
                packet,
                Some(message.name),
                "nbns",
                None,
                seen,
            ))
        }
        Service::Dns(_) | Service::Ntp | Service::Other => None,
    }
}

fn from_dhcp(datagram: &UdpDatagram<'_>, packet: &Packet<'_>, seen: Seen) -> Option<HostSighting> {
    let message = dhcp::parse(datagram.payload, datagram.payload_length)?;
    let address = if message.from_client {
        message.client_address.or(message.requested_address)
    } else {
        message.assigned_address
    }?;
    let name = message
        .from_client
        .then_some(message.host_name.or(message.fqdn))
        .flatten();
    let vendor_class = message.vendor_class.filter(|_| message.from_client);
    if name.is_none() && vendor_class.is_none() && message.client_mac.is_none() {
        return None;
    }
    Some(sighting(
        IpAddr::V4(address),
        message.client_mac,
        packet,
        name,
        "dhcp",
        vendor_class,
        seen,
    ))
}

/// A responder's own name: the owner of the address it sends from (RFC 6762 §8).
#[must_use]
pub fn from_mdns(message: &DnsMessage, packet: &Packet<'_>, seen: Seen) -> Option<HostSighting> {
    let own = message
        .addresses
        .iter()
        .chain(&message.additional_addresses)
        .find(|record| message.response && record.address == packet.ip.source)?;
    let name = own.owner.as_ref()?.as_str();
    let name = HostName::from_wire(name.strip_suffix(".local").unwrap_or(name).as_bytes());
    Some(sighting(
        packet.ip.source,
        packet.link.source_mac,
        packet,
        name,
        "mdns",
        None,
        seen,
    ))
}

fn sighting(
    address: IpAddr,
    mac: Option<MacAddress>,
    packet: &Packet<'_>,
    name: Option<HostName>,
    name_source: &'static str,
    vendor_class: Option<CompactString>,
    seen: Seen,
) -> HostSighting {
    HostSighting {
        address,
        mac,
        vlans: packet.link.vlans.clone(),
        name_source: name.as_ref().map(|_| name_source),
        name,
        vendor_class,
        seen,
    }
}

/// What makes a sighting of an address a new one.
#[must_use]
pub fn fingerprint(sighting: &HostSighting) -> u64 {
    let mut state = FixedState::default().build_hasher();
    sighting.name.hash(&mut state);
    sighting.vendor_class.hash(&mut state);
    sighting.mac.hash(&mut state);
    state.finish()
}
