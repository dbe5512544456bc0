//! `truth.json` of a recording: what its capture contains. `fixtures/README.md` explains the fields.

use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the recordings are.
const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/captures");

/// One recording: a capture and what it contains.
pub struct Recording {
    /// The capture file.
    pub capture: PathBuf,
    /// What it contains.
    pub truth: Truth,
}

/// Names of all recordings, sorted.
pub fn recordings() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(RECORDINGS)
        .expect("fixtures/captures is readable")
        .map(|entry| entry.expect("fixtures/captures is readable"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("an ASCII name"))
        .collect();
    names.sort();
    names
}

/// Reads the recording `name`.
pub fn recording(name: &str) -> Recording {
    let folder = Path::new(RECORDINGS).join(name);
    let path = folder.join("truth.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let truth: Truth =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Recording {
        capture: folder.join(&truth.capture.file),
        truth,
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Truth {
    /// Edition of the endpoint list that the set ids refer to.
    pub reference_edition: String,
    pub capture: Capture,
    pub clients: Vec<Client>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Capture {
    pub file: String,
    pub directions: Directions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Directions {
    Both,
    ClientToServer,
    ServerToClient,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Client {
    pub id: String,
    pub addresses: Vec<String>,
    pub reached: Vec<EndpointSet>,
    pub degraded: Vec<EndpointSet>,
    pub partly_blocked: Vec<EndpointSet>,
    pub blocked: Vec<EndpointSet>,
    pub undetermined: Vec<EndpointSet>,
    pub looked_up_only: Vec<EndpointSet>,
    /// Touched by weak evidence only.
    pub ambiguous: Vec<Ambiguous>,
    /// Required sets that nothing touches.
    pub never_reached: Vec<u32>,
    pub names: Vec<Name>,
    pub flows: Vec<Flow>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct EndpointSet {
    pub set: u32,
    #[serde(default)]
    pub causes: Vec<String>,
    pub first_packet: u64,
    #[serde(default)]
    pub also_acceptable: Vec<String>,
    pub hosts: Vec<Host>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Host {
    /// `None` where the capture shows no name.
    pub name: Option<String>,
    pub state: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Ambiguous {
    pub set: u32,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Name {
    pub name: String,
    pub outcome: String,
    pub sets: Vec<u32>,
    pub queries: Vec<Query>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Query {
    /// With all repetitions.
    pub query_packets: Vec<u64>,
    pub answer_packet: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Flow {
    pub proto: String,
    pub src: String,
    pub sport: u16,
    pub dst: String,
    pub dport: u16,
    pub first_packet: u64,
    pub last_packet: u64,
    /// Copies counted.
    pub packets: u64,
    pub attribution: Attribution,
    pub outcome: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Attribution {
    /// Strongest visible evidence of `name`.
    pub by: Option<String>,
    pub name: Option<String>,
    pub sets: Vec<u32>,
    #[serde(default)]
    pub less_specific_sets: Vec<u32>,
}
