//! The interfaces that packets can be captured on.

use super::error::LiveError;
use crate::facts::printable;
use pcap::{ConnectionStatus, Device};
use std::net::IpAddr;

/// Longest description kept, in characters.
const DESCRIPTION: usize = 128;

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name, printable.
    pub name: String,
    /// What the system says of it, printable.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// It is switched on.
    pub up: bool,
    /// It is running.
    pub running: bool,
    /// It leads back to this machine only.
    pub loopback: bool,
    /// It is a Wi-Fi interface.
    pub wireless: bool,
    /// A cable or network is connected; `None` where that cannot be said.
    pub connected: Option<bool>,
}

/// All interfaces, in the order that libpcap prefers. Listing them takes no right.
///
/// # Errors
///
/// What libpcap says.
pub fn list() -> Result<Vec<Interface>, LiveError> {
    let devices = Device::list().map_err(|error| LiveError::Other {
        interface: "interfaces".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(devices.into_iter().map(Interface::from).collect())
}

impl From<Device> for Interface {
    fn from(device: Device) -> Self {
        let shown = |text: &str| printable(text.as_bytes(), DESCRIPTION).to_string();
        Self {
            name: shown(&device.name),
            description: device.desc.as_deref().map(shown),
            addresses: device.addresses.iter().map(|known| known.addr).collect(),
            up: device.flags.is_up(),
            running: device.flags.is_running(),
            loopback: device.flags.is_loopback(),
            wireless: device.flags.is_wireless(),
            connected: match device.flags.connection_status {
                ConnectionStatus::Connected => Some(true),
                ConnectionStatus::Disconnected => Some(false),
                ConnectionStatus::Unknown | ConnectionStatus::NotApplicable => None,
            },
        }
    }
}
