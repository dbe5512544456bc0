//! Writes seeded, realistic flow tables of any length, to measure `intap summary` with.
//!
//! ```text
//! cargo run --release --example generate_tables -- ROWS FOLDER [SEED]
//! ```
//!
//! Ten sites with 2,000 devices each and thirty days; one flow in nine is stopped. The rows have the columns that real ones have and go
//! through the writer that real ones go through, site by site and day by day; memory stays that of one row group.

use intap::audit::{AuditOptions, Auditor, Cause, FlowReport, Outcome};
use intap::catalog::{Catalog, SetKey};
use intap::facts::{
    Application, CaptureSummary, Establishment, FiveTuple, FlowEnd, FlowRecord, FrameNumber,
    HostName, Seen, TcpFacts, Timestamp, Transport,
};
use intap::tables::{RowMaker, Site, Table, TableWriter, TablesFormat};
use smallvec::smallvec;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

const SITES: u64 = 10;
const DEVICES: u64 = 2_000;
const DAYS: u64 = 30;
/// 2026-11-01T00:00:00Z in seconds.
const BEGINNING: i64 = 1_793_491_200;

/// Hosts with their sets; the last ones belong to none.
const HOSTS: [(&str, Option<u16>); 8] = [
    ("manage.microsoft.com", Some(163)),
    ("login.microsoftonline.com", Some(56)),
    ("login.live.com", Some(97)),
    ("ctldl.windowsupdate.com", Some(164)),
    ("time.windows.com", Some(165)),
    ("sin.notify.windows.com", Some(171)),
    ("www.example.org", None),
    ("cdn.example.net", None),
];

/// xorshift64* (Vigna 2016): enough for shapes, the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate_tables: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rows, folder, seed @ ..] = arguments.as_slice() else {
        return Err(
            "how many rows, and into which folder? For example: 1000000 /tmp/tables".into(),
        );
    };
    let rows: u64 = rows.parse()?;
    let seed: u64 = seed.first().map_or(Ok(1), |seed| seed.parse())?;
    let mut random = Random(seed.max(1));
    let catalog = Catalog::load(Catalog::DEFAULT_EDITION)?;
    let report = Auditor::new(&catalog, AuditOptions::default()).finish(CaptureSummary::default());
    let maker = RowMaker::new(&report, &catalog);
    let mut written = 0;
    for number in 0..SITES {
        let site: Site = format!("site-{number}").parse()?;
        let run = format!("generated-{seed}-{number}");
        let format = TablesFormat::Parquet;
        let mut writer =
            TableWriter::below(Path::new(folder), Table::Flows, format, Some(site), &run);
        let share = rows * (number + 1) / SITES - written;
        for row in 0..share {
            let day = row * DAYS / share.max(1);
            writer.add(maker.flow(&flow(&mut random, day, number, row)))?;
        }
        written += share;
        writer.finish()?;
    }
    Ok(())
}

fn flow(random: &mut Random, day: u64, site: u64, row: u64) -> FlowReport {
    let (host, set) = HOSTS[random.below(HOSTS.len() as u64) as usize];
    let device = random.below(DEVICES);
    let octets = [
        10,
        site as u8,
        (device / 250) as u8,
        (device % 250) as u8 + 1,
    ];
    let originator = SocketAddr::new(IpAddr::from(octets), 49_152 + random.below(16_000) as u16);
    let server = Ipv4Addr::new(20, 37, random.below(256) as u8, random.below(256) as u8);
    let nanoseconds = random.below(86_400_000) as i64 * 1_000_000;
    let start = (BEGINNING + day as i64 * 86_400) * 1_000_000_000 + nanoseconds;
    let seen = |after: u64| Seen {
        frame: FrameNumber(row + 1 + after),
        time: Timestamp(start).plus(Duration::from_millis(after)),
    };
    let outcome = match random.below(27) {
        0 => Outcome::Failed(Cause::SynTimeout),
        1 => Outcome::Failed(Cause::RstAfterClientHello),
        2 => Outcome::Failed(Cause::TcpRefused),
        _ => Outcome::Served,
    };
    let tcp = TcpFacts {
        handshake_rtt: Some(Duration::from_micros(5_000 + random.below(200_000))),
        ..TcpFacts::default()
    };
    FlowReport {
        record: Box::new(FlowRecord {
            five_tuple: FiveTuple {
                originator,
                responder: SocketAddr::new(server.into(), 443),
                transport: Transport::Tcp,
            },
            establishment: Establishment::FromStart,
            end: FlowEnd::Closed,
            first: seen(0),
            last: seen(random.below(60_000)),
            packets: [random.below(200), random.below(400)],
            octets: [random.below(20_000), random.below(500_000)],
            copies: 0,
            truncated_packets: 0,
            vlans: smallvec![],
            originator_mac: None,
            tcp: Some(Box::new(tcp)),
            udp_payload: [0; 2],
            first_datagram: [None; 2],
            application: Some(Application::Tls),
            tunnel: None,
            tls: None,
            quic: None,
            http: None,
            ntp: None,
            icmp_errors: smallvec![],
            limit_reached: None,
        }),
        name: HostName::from_wire(host.as_bytes()),
        source: "sni",
        sets: set.map(SetKey::Id).into_iter().collect(),
        also: smallvec![],
        port_listed: set.map(|_| true),
        outcome,
    }
}
