//! `intap live --tables`: the rows of an audit, files that are there whole or not at all, and disks that are full.

use super::folder::files;
use super::{Lab, Monitor, Place, Running, fixture};
use intap::tables::Table;
use polars::prelude::{ParquetReader, SerReader};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

const PATIENCE: Duration = Duration::from_secs(40);

fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with('.'))
}

fn replay(lab: &Lab, arguments: &[&str], recording: &str) -> Running {
    let child = lab
        .command("wire", "tcpreplay")
        .args(["-q", "-i", "left"])
        .args(arguments)
        .arg(fixture("captures").join(recording))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(child.expect("it starts"))
}

/// What a statement gives over the tables below `folder`, as CSV.
#[track_caller]
fn ask(place: &Place, folder: &str, statement: &str) -> String {
    let run = place.run(&["summary", folder, "--format", "csv", "--sql", statement]);
    assert_eq!(run.status, Some(0), "{statement}\n{}", run.shown());
    run.output
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_recording_on_the_wire_gives_the_rows_of_an_audit() {
    for (recording, format) in [
        ("web_block_page/capture.pcap", "parquet"),
        ("dns_faults/capture.pcap", "csv"),
        ("tls_inspection/capture.pcap", "jsonl"),
    ] {
        let Some(lab) = Lab::new(&["wire"], &["tcpreplay"]) else {
            return;
        };
        lab.pair("wire");
        let place = Place::new();
        // As the program's manual has it: all options may come from the file.
        place.write(
            "intap.toml",
            format!(
                "interface = [\"right\"]\noutput = \"report.txt\"\ntables = \"live\"\ntables-format = \"{format}\"\n\
                 site = \"hq\"\ntables-every = \"2s\"\nkeep = \"30d\"\nmax-bytes = \"1GB\"\n"
            ),
        );
        let mut monitor = Monitor::start_in(place, &lab, "wire", &["--config", "intap.toml"]);
        let status = replay(&lab, &[], recording).0.wait();
        assert!(status.is_ok_and(|status| status.success()), "{recording}");
        monitor.signal("TERM");
        assert!(monitor.end().is_some_and(|status| status < 2));
        let log = monitor.text("err");
        assert!(log.contains("below live in all"), "{log}");
        let report = monitor.text("report.txt");
        assert!(
            report.contains("\nTables    ") && report.contains("below live"),
            "{report}"
        );
        let place = &monitor.place;
        let capture = fixture("captures").join(recording);
        place.run(&[
            "audit",
            capture.to_str().expect("UTF-8"),
            "--tables",
            "file",
        ]);
        for statement in [
            "SELECT client, name, outcome, endpoint_set, responder_port, count(*) AS n, sum(packets_originator) AS po, \
             sum(packets_responder) AS pr, sum(bytes_originator) AS bo, sum(bytes_responder) AS br FROM flows \
             GROUP BY client, name, outcome, endpoint_set, responder_port \
             ORDER BY client, name, outcome, endpoint_set, responder_port",
            "SELECT client, name, type, outcome, endpoint_set, count(*) AS n FROM lookups \
             GROUP BY client, name, type, outcome, endpoint_set ORDER BY client, name, type, outcome, endpoint_set",
            // The newest of the snapshots: what docs/tables.md tells to ask.
            "SELECT client, endpoint_set, verdict, cause, attempts, served FROM verdicts \
             JOIN (SELECT run, max(as_of) AS as_of FROM verdicts GROUP BY run) AS newest USING (run, as_of) \
             ORDER BY client, endpoint_set",
        ] {
            let (live, file) = (ask(place, "live", statement), ask(place, "file", statement));
            assert!(live.lines().count() > 3, "{live}");
            assert_eq!(live, file, "{recording}: {statement}");
        }
        let of_site = files(&place.path().join("live"));
        for path in &of_site {
            let path = path.to_str().expect("UTF-8");
            assert!(
                path.contains("/site=hq/date=20") && path.contains("-live-20"),
                "{path}"
            );
        }
    }
}

/// Every file is a whole table or bears a name that says that it is none.
fn check_whole(place: &Place) -> usize {
    let mut rows = 0;
    for path in files(&place.path().join("t")) {
        if is_unfinished(&path) {
            continue;
        }
        let shown = path.display();
        let text = || fs::read_to_string(&path).expect("UTF-8");
        rows += match path.extension().and_then(|extension| extension.to_str()) {
            Some("parquet") => ParquetReader::new(File::open(&path).expect("a file"))
                .finish()
                .unwrap_or_else(|error| panic!("{shown}: {error}"))
                .height(),
            Some("jsonl") => {
                let text = text();
                assert!(text.ends_with('\n'), "{shown}");
                for line in text.lines() {
                    let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
                    assert!(row["run"].is_string(), "{shown}");
                }
                text.lines().count()
            }
            Some("csv") => {
                let text = text();
                assert!(text.ends_with('\n') && text.starts_with("run,"), "{shown}");
                text.lines().count() - 1
            }
            _ => panic!("{shown}"),
        };
    }
    rows
}

#[test]
fn killed_at_any_moment_it_leaves_whole_tables() {
    let Some(lab) = Lab::new(&["wire"], &["tcpreplay"]) else {
        return;
    };
    lab.pair("wire");
    let endless = ["-l", "0", "--pps", "4000"];
    let _traffic = replay(&lab, &endless, "firewall_mixed/capture.pcapng");
    let mut place = Place::new();
    let mut unfinished = 0;
    for round in 0_u64..20 {
        let format = ["parquet", "csv", "jsonl"][usize::try_from(round % 3).expect("small")];
        let _ = fs::remove_file(place.path().join("events.jsonl"));
        let mut arguments = vec!["-i", "right", "-o", "r.txt", "--tables", "t"];
        arguments.extend(["--tables-every", "1s", "--tables-rows", "1000"]);
        arguments.extend(["--tables-format", format]);
        if round % 2 == 0 {
            arguments.extend(["--site", "hq"]);
        }
        let mut monitor = Monitor::start_in(place, &lab, "wire", &arguments);
        // Other moments in each run of the test: all over the first part, and where it is completed, a second after the start.
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
        let chance = u64::from(now.subsec_micros());
        sleep(Duration::from_millis(match round / 2 % 2 {
            0 => 150 + chance % 1_100,
            _ => 950 + chance % 250,
        }));
        monitor.child.0.kill().expect("it runs");
        assert_eq!(monitor.end(), None, "{}", monitor.text("err"));
        place = monitor.place;
        let left = files(&place.path().join("t"));
        unfinished = left.iter().filter(|path| is_unfinished(path)).count();
    }
    println!("{unfinished} files are unfinished");
    let rows = check_whole(&place);
    assert!(rows > 100, "{rows}");
    for table in ["lookups", "verdicts"] {
        let counted = ask(&place, "t", &format!("SELECT count(*) AS n FROM {table}"));
        assert_ne!(counted, "n\n0\n", "{table}");
    }
    // What is left of killed runs goes once it is certain that nobody works on it.
    for path in files(&place.path().join("t")) {
        if is_unfinished(&path) {
            let file = File::options().write(true).open(&path).expect("a file");
            let long_ago = SystemTime::now() - Duration::from_secs(3_600);
            file.set_modified(long_ago).expect("a time");
        }
    }
    let _ = fs::remove_file(place.path().join("events.jsonl"));
    let options = ["-i", "right", "-o", "r.txt", "--tables", "t"];
    let mut monitor = Monitor::start_in(place, &lab, "wire", &options);
    monitor.signal("TERM");
    assert!(monitor.end().is_some_and(|status| status < 2));
    let left = files(&monitor.place.path().join("t"));
    assert!(
        !left.iter().any(|path| is_unfinished(path)),
        "{unfinished} were unfinished: {left:?}"
    );
}

#[test]
fn old_parts_go_at_the_start_and_those_of_others_stay() {
    let Some(lab) = Lab::new(&["wire"], &[]) else {
        return;
    };
    lab.pair("wire");
    let place = Place::new();
    let old =
        "t/flows/site=hq/date=2020-01-02/flows-live-20200102T030000Z-0123456789abcdef-0-0.parquet";
    let audited = "t/flows/site=hq/date=2020-01-02/flows-0123456789abcdef-0.parquet";
    let alone =
        "t/lookups/site=hq/date=2020-01-03/lookups-live-20200103T030000Z-0123456789abcdef-1-0.csv";
    for file in [old, audited, alone] {
        place.write(file, "");
    }
    let arguments = [
        "-i", "right", "-o", "r.txt", "--tables", "t", "--keep", "30d",
    ];
    let mut monitor = Monitor::start_in(place, &lab, "wire", &arguments);
    let path = |name: &str| monitor.place.path().join(name);
    wait_until("the old parts stay", || {
        !path(old).exists() && !path(alone).exists()
    });
    assert!(path(audited).exists());
    wait_until("the empty folder stays", || {
        !path(alone).parent().expect("a folder").exists()
    });
    monitor.signal("TERM");
    assert_eq!(monitor.end(), Some(0), "{}", monitor.text("err"));
}

#[test]
fn another_user_gets_a_folder_of_his_own() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let Some(lab) = Lab::new(&["wire"], &[]) else {
        return;
    };
    lab.pair("wire");
    let place = Place::new();
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(place.path(), mode).expect("a mode");
    let place_of_root = place.path().join("closed");
    fs::create_dir(&place_of_root).expect("a folder");
    let arguments = ["-i", "right", "--user", "65534", "--tables", "t"];
    let mut monitor = Monitor::start_in(place, &lab, "wire", &arguments);
    monitor.signal("TERM");
    assert_eq!(monitor.end(), Some(0), "{}", monitor.text("err"));
    let written = files(&monitor.place.path().join("t"));
    assert_eq!(written.len(), Table::ALL.len(), "{written:?}");
    for path in written {
        assert_eq!(fs::metadata(path).expect("a file").uid(), 65_534);
    }
    // What was there before stays whose it is, and what cannot be written is said at once.
    let run = lab
        .command("wire", env!("CARGO_BIN_EXE_intap"))
        .args([
            "live",
            "-i",
            "right",
            "--user",
            "65534",
            "--duration",
            "9s",
            "--tables",
        ])
        .arg(&place_of_root)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(said.contains("no table can be written there"), "{said}");
}

/// A small disk of its own.
struct Disk(PathBuf);

impl Disk {
    fn new(at: PathBuf) -> Option<Self> {
        fs::create_dir_all(&at).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
            .arg(&at)
            .stderr(Stdio::null())
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: no right to mount a small disk (run as root)");
            return None;
        }
        Some(Self(at))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_once_and_survived() {
    let Some(lab) = Lab::new(&["wire"], &["tcpreplay"]) else {
        return;
    };
    lab.pair("wire");
    let place = Place::new();
    let Some(disk) = Disk::new(place.path().join("disk")) else {
        return;
    };
    let endless = ["-l", "0", "--pps", "2000"];
    let _traffic = replay(&lab, &endless, "firewall_mixed/capture.pcapng");
    let arguments = [
        "-i",
        "right",
        "-o",
        "r.txt",
        "--tables",
        "disk/t",
        "--tables-every",
        "1s",
    ];
    let mut monitor = Monitor::start_in(place, &lab, "wire", &arguments);
    let tables = || files(&disk.0.join("t"));
    let whole = || tables().into_iter().filter(|path| !is_unfinished(path));
    wait_until("no table", || whole().count() > 1);
    let ballast = disk.0.join("ballast");
    let mut file = File::create(&ballast).expect("a file");
    while file.write_all(&[1; 65_536]).is_ok() {}
    let before: Vec<(PathBuf, Vec<u8>)> = whole()
        .map(|path| (path.clone(), fs::read(path).expect("a file")))
        .collect();
    let stopped = monitor.wait_for("tables_stopped", PATIENCE);
    assert!(
        stopped["reason"]
            .as_str()
            .is_some_and(|why| why.contains("disk/t"))
    );
    // Nothing is told while nothing changes.
    sleep(Duration::from_secs(4));
    let told = |monitor: &Monitor, name: &str| {
        let events = monitor.events();
        events.iter().filter(|event| event["event"] == name).count()
    };
    assert_eq!(told(&monitor, "tables_stopped"), 1);
    assert_eq!(told(&monitor, "tables_resumed"), 0);
    drop(file);
    fs::remove_file(&ballast).expect("it goes");
    monitor.wait_for("tables_resumed", PATIENCE);
    monitor.signal("TERM");
    assert!(
        monitor.end().is_some_and(|status| status < 2),
        "{}",
        monitor.text("err")
    );
    for (path, content) in before {
        assert!(fs::read(&path).is_ok_and(|now| now == content), "{path:?}");
    }
    assert!(whole().count() > 4);
    ask(
        &monitor.place,
        "disk/t",
        "SELECT count(*) AS n FROM verdicts",
    );
    drop(disk);
}

#[test]
fn values_out_of_range_are_refused_with_a_way_out() {
    let place = Place::new();
    let refused = |arguments: &[&str], said: &str| {
        let fixed = ["live", "-i", "lo", "--check-config"];
        let run = place.run(&[&fixed, arguments].concat());
        assert_eq!(run.status, Some(2), "{}", run.shown());
        assert!(run.complaints.contains(said), "{}", run.shown());
    };
    refused(&["--tables", "t", "--keep", "30"], "30d");
    refused(
        &["--tables", "t", "--keep", "10m"],
        "shorter than --tables-every",
    );
    refused(&["--tables", "t", "--max-bytes", "10"], "2GB");
    refused(&["--tables", "t", "--max-bytes", "0GB"], "10GB");
    refused(&["--tables", "t", "--tables-every", "2d"], "at most 1d");
    refused(&["--tables", "t", "--site", "../x"], "becomes a folder");
    refused(&["--keep", "30d"], "--tables FOLDER");
    refused(&["--site", "hq"], "--tables FOLDER");
    for line in [
        "keep = \"30\"",
        "max-bytes = 5",
        "tables-rows = 1",
        "tables-format = \"xml\"",
        "site = \"a/b\"",
    ] {
        place.write("bad.toml", format!("tables = \"t\"\n{line}\n"));
        let key = line.split(' ').next().expect("a key");
        refused(&["--config", "bad.toml"], key);
    }
    assert!(!place.path().join("t").exists());
}
