//! The part of the JSON report that other programs may rely on, as far as a truth says something about it.
//!
//! Read on its own and not through the library's types: a field that the library renames must be missed here.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Report {
    /// `None` in reports that a test makes up.
    pub capture: Option<Capture>,
    pub clients: Vec<Client>,
    #[serde(default)]
    pub findings: Vec<Finding>,
    pub flows: Vec<Flow>,
    pub lookups: Vec<Lookup>,
}

/// What is wrong.
#[derive(Debug, Deserialize)]
pub struct Finding {
    pub code: String,
    pub severity: String,
    pub summary: String,
}

#[derive(Debug, Deserialize)]
pub struct Capture {
    pub reasons: Vec<Reason>,
}

/// One property of the capture that limits what it proves.
#[derive(Debug, Deserialize)]
pub struct Reason {
    pub code: String,
    pub weight: String,
    pub text: String,
    pub consequence: String,
    pub remedy: String,
}

#[derive(Debug, Deserialize)]
pub struct Client {
    pub addresses: Vec<String>,
    pub endpoint_sets: Vec<EndpointSet>,
}

#[derive(Debug, Deserialize)]
pub struct EndpointSet {
    /// `None` for the article's sections without an id.
    pub id: Option<u32>,
    pub verdict: String,
    pub cause: Option<String>,
    pub first_frame: Option<u64>,
    pub hosts: Vec<Host>,
}

#[derive(Debug, Deserialize)]
pub struct Host {
    pub name: String,
    pub verdict: String,
    pub cause: Option<String>,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// A packet and what it shows.
#[derive(Debug, Deserialize)]
pub struct Evidence {
    pub what: String,
}

#[derive(Debug, Deserialize)]
pub struct Flow {
    pub protocol: String,
    pub originator: String,
    pub originator_port: u16,
    pub responder: String,
    pub responder_port: u16,
    pub first_frame: u64,
    pub name: Option<String>,
    pub endpoint_sets: Vec<u32>,
    pub outcome: String,
}

#[derive(Debug, Deserialize)]
pub struct Lookup {
    pub client: String,
    pub name: String,
    pub outcome: String,
}
