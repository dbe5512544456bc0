//! `intap live` on real interfaces: network namespaces, pairs of virtual interfaces, a firewall with rules that come and go.
//!
//! Needs the right to make network namespaces (root) and, test by test, `ip`, `nft` and `tcpreplay`; where one is missing the
//! test says so and ends.
#![cfg(all(feature = "live", target_os = "linux"))]

#[cfg(feature = "tables")]
#[path = "support/folder.rs"]
mod folder;
#[path = "support/program.rs"]
#[allow(dead_code, reason = "recordings are replayed, not read")]
mod program;

#[cfg(feature = "tables")]
#[path = "live/tables.rs"]
mod tables;

use program::{Place, fixture};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The server's address in the lab, and the host that the device asks it for.
const SERVER: &str = "203.0.113.10:80";
const HOST: &str = "ctldl.windowsupdate.com";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Network namespaces that vanish with their interfaces when the test ends.
struct Lab {
    names: Vec<String>,
}

impl Lab {
    /// Makes namespaces; `None` where that is not allowed or a tool is missing, with a line that says so.
    fn new(namespaces: &[&str], tools: &[&str]) -> Option<Self> {
        for tool in ["ip"].iter().chain(tools) {
            let found = Command::new(tool)
                .arg("-V")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if found.is_err() {
                eprintln!("SKIPPED: `{tool}` is not installed");
                return None;
            }
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut lab = Self { names: Vec::new() };
        for name in namespaces {
            let full = format!("intap-{}-{number}-{name}", std::process::id());
            let made = Command::new("ip")
                .args(["netns", "add", &full])
                .stderr(Stdio::null())
                .status();
            if !made.is_ok_and(|status| status.success()) {
                eprintln!("SKIPPED: no right to make network namespaces (run as root)");
                return None;
            }
            lab.names.push(full);
            // Nothing but what the test sends is to be on the wire.
            lab.sh(
                name,
                "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1",
            );
            lab.sh(name, "ip link set lo up");
        }
        Some(lab)
    }

    fn full(&self, name: &str) -> &str {
        let found = self
            .names
            .iter()
            .find(|full| full.ends_with(&format!("-{name}")));
        found.expect("a namespace of the lab")
    }

    /// A command in a namespace.
    fn command(&self, name: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.full(name), program]);
        command
    }

    /// Runs a shell line in a namespace; `@name` stands for the full name of another.
    #[track_caller]
    fn sh(&self, name: &str, line: &str) {
        let mut line = line.to_owned();
        for full in &self.names {
            let short = full.rsplit('-').next().expect("a name");
            line = line.replace(&format!("@{short}"), full);
        }
        let status = self.command(name, "sh").args(["-c", &line]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "{name}: {line}"
        );
    }

    /// A pair of interfaces `left` and `right` in one namespace, both up.
    fn pair(&self, name: &str) {
        self.sh(
            name,
            "ip link add left mtu 9000 type veth peer name right mtu 9000 && ip link set left up && ip link set right up",
        );
    }

    /// One of this file's own helpers, in a namespace.
    fn helper(&self, name: &str, helper: &str) -> Running {
        let program = std::env::current_exe().expect("the test's own file");
        let child = self
            .command(name, program.to_str().expect("UTF-8"))
            .args(["--exact", helper, "--ignored", "--nocapture"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Running(child.expect("it starts"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

/// A child that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running monitor with its files.
struct Monitor {
    child: Running,
    place: Place,
}

impl Monitor {
    fn start(lab: &Lab, name: &str, arguments: &[&str]) -> Self {
        Self::start_in(Place::new(), lab, name, arguments)
    }

    fn start_in(place: Place, lab: &Lab, name: &str, arguments: &[&str]) -> Self {
        let child = lab
            .command(name, env!("CARGO_BIN_EXE_intap"))
            .args(["live", "--events", "events.jsonl"])
            .args(arguments)
            .current_dir(place.path())
            .stdout(fs::File::create(place.path().join("out")).expect("a file"))
            .stderr(fs::File::create(place.path().join("err")).expect("a file"))
            .spawn()
            .expect("it starts");
        let monitor = Self {
            child: Running(child),
            place,
        };
        monitor.wait_for("started", Duration::from_secs(15));
        monitor
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.place.path().join(file)).unwrap_or_default()
    }

    /// Every event so far; each line has to be a JSON object with the promised head.
    fn events(&self) -> Vec<Value> {
        let text = self.text("events.jsonl");
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let events: Vec<Value> = whole
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect();
        for (event, number) in events.iter().zip(1_u64..) {
            assert_eq!(event["number"], number);
            assert!(
                event["event"].is_string() && event["time"].is_string(),
                "{event}"
            );
        }
        events
    }

    /// Waits for an event of this name.
    #[track_caller]
    fn wait_for(&self, name: &str, patience: Duration) -> Value {
        let begun = Instant::now();
        loop {
            let found = self
                .events()
                .into_iter()
                .find(|event| event["event"] == name);
            if let Some(event) = found {
                return event;
            }
            assert!(
                begun.elapsed() < patience,
                "no `{name}` after {patience:?}; events:\n{}\nlog:\n{}",
                self.text("events.jsonl"),
                self.text("err")
            );
            sleep(Duration::from_millis(50));
        }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &self.child.0.id().to_string()])
            .status();
        assert!(status.is_ok_and(|status| status.success()));
    }

    /// Every thread has given up what it does not need.
    #[track_caller]
    fn is_enclosed(&self) {
        let tasks = format!("/proc/{}/task", self.child.0.id());
        let mut threads = 0;
        for task in fs::read_dir(tasks).expect("it runs") {
            let status = task.expect("a thread").path().join("status");
            let status = fs::read_to_string(status).unwrap_or_default();
            for line in ["Seccomp:\t2", "NoNewPrivs:\t1", "CapEff:\t0000000000002000"] {
                assert!(status.contains(line), "{line}: {status}");
            }
            threads += 1;
        }
        // The one that judges, the one that captures, the one that records.
        assert!(threads >= 3, "{threads}");
    }

    /// Waits for the end and gives the exit status.
    fn end(&mut self) -> Option<i32> {
        self.child.0.wait().expect("it ends").code()
    }
}

/// What a report says of each device's sets: key, verdict and cause.
fn verdicts(report: &Value) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for client in report["clients"].as_array().expect("clients") {
        for set in client["endpoint_sets"].as_array().expect("sets") {
            let text = |field: &str| set[field].to_string();
            all.push((
                format!("{} {}", client["addresses"], text("key")),
                text("verdict"),
                text("cause"),
            ));
        }
    }
    all
}

#[test]
fn a_recording_on_the_wire_gives_the_same_verdicts_as_its_file() {
    for recording in [
        "span_duplicates/capture.pcap",
        "web_block_page/capture.pcap",
    ] {
        let Some(lab) = Lab::new(&["wire"], &["tcpreplay"]) else {
            return;
        };
        lab.pair("wire");
        let file = fixture("captures").join(recording);
        let mut monitor = Monitor::start(
            &lab,
            "wire",
            &["-i", "right", "--format", "json", "-o", "report.json"],
        );
        let replayed = lab
            .command("wire", "tcpreplay")
            .args(["-q", "-i", "left"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(replayed.is_ok_and(|status| status.success()), "{recording}");
        monitor.signal("TERM");
        let status = monitor.end();
        let live: Value = serde_json::from_str(&monitor.text("report.json")).expect("a report");
        let place = Place::new();
        let run = place.run(&["audit", "--format", "json", file.to_str().expect("UTF-8")]);
        let audited: Value = serde_json::from_str(&run.output).expect("a report");
        assert_eq!(verdicts(&live), verdicts(&audited), "{recording}");
        assert_eq!(status, run.status, "{recording}");
        assert_eq!(
            live["capture"]["interfaces"][0]["dropped"], 0,
            "{recording}"
        );
        let last = monitor.events().pop().expect("events");
        assert_eq!(last["event"], "stopped");
        assert_eq!(last["frames"], live["capture"]["frames"]);
    }
}

#[test]
fn the_packets_behind_an_event_are_a_capture_that_proves_it() {
    let Some(lab) = Lab::new(&["wire"], &["tcpreplay"]) else {
        return;
    };
    lab.pair("wire");
    // The folder is made for a user who could not make it.
    let user = [
        "--user",
        "65534",
        "--record",
        "kept",
        "--record-after",
        "1d",
    ];
    let mut monitor = Monitor::start(&lab, "wire", &[&["-i", "right"], &user[..]].concat());
    let replayed = lab
        .command("wire", "tcpreplay")
        .args(["-q", "-i", "left"])
        .arg(fixture("captures/span_duplicates/capture.pcap"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(replayed.is_ok_and(|status| status.success()));
    let blocked = monitor.wait_for("blocked", Duration::from_secs(60));
    monitor.is_enclosed();
    monitor.signal("TERM");
    monitor.end();
    let events = monitor.events();
    let of = |name: &'static str| events.iter().filter(move |event| event["event"] == name);
    assert_eq!(of("recorded").count(), of("blocked").count());
    let recorded = of("recorded").next().expect("a recording");
    assert_eq!(recorded["of"], blocked["number"]);
    assert_eq!(recorded["host"], blocked["host"]);
    assert_eq!(recorded["missed"], 0);
    let file = recorded["file"].as_str().expect("a name");
    let run = monitor.place.run(&["audit", "--format", "json", file]);
    let report: Value = serde_json::from_str(&run.output).expect("a report");
    assert_eq!(report["capture"]["frames"], recorded["frames"]);
    let set = blocked["endpoint_sets"][0].as_str().expect("a set");
    let proven = verdicts(&report)
        .into_iter()
        .any(|(of, verdict, _)| of.contains(set) && verdict.contains("blocked"));
    assert!(proven, "{}", run.output);
}

#[test]
fn a_rule_that_comes_and_goes_is_told_both_times() {
    let Some(lab) = Lab::new(&["device", "firewall", "server"], &["nft"]) else {
        return;
    };
    lab.sh(
        "device",
        "ip link add uplink type veth peer name inside netns @firewall && ip addr add 10.77.0.2/24 dev uplink && ip link set uplink up",
    );
    lab.sh(
        "server",
        "ip link add uplink type veth peer name outside netns @firewall && ip addr add 203.0.113.10/24 dev uplink && ip link set uplink up",
    );
    lab.sh(
        "firewall",
        "ip addr add 10.77.0.1/24 dev inside && ip link set inside up && ip addr add 203.0.113.1/24 dev outside && \
         ip link set outside up && sysctl -qw net.ipv4.ip_forward=1 && nft add table ip lab && \
         nft add chain ip lab forward '{ type filter hook forward priority 0; }'",
    );
    lab.sh("device", "ip route add default via 10.77.0.1");
    lab.sh("server", "ip route add default via 203.0.113.1");
    let _server = lab.helper("server", "helper_that_serves");
    let mut monitor = Monitor::start(&lab, "firewall", &["-i", "inside", "-o", "report.txt"]);
    let _device = lab.helper("device", "helper_that_asks");
    let reached = monitor.wait_for("reached_first_time", Duration::from_secs(20));
    assert_eq!(reached["host"], HOST);

    lab.sh("firewall", "nft add rule ip lab forward tcp dport 80 drop");
    let switched = Instant::now();
    let blocked = monitor.wait_for("blocked", Duration::from_secs(40));
    // Certain after ten seconds of failure by the rule of `live::watch`; told within ten more.
    assert!(
        switched.elapsed() < Duration::from_secs(24),
        "{:?}",
        switched.elapsed()
    );
    assert_eq!(blocked["host"], HOST);
    // The connection that was open when the rule came may be the first to fail.
    let causes = ["syn_timeout", "reset_before_response", "no_response"];
    assert!(
        causes.iter().any(|cause| blocked["cause"] == *cause),
        "{blocked}"
    );
    assert_eq!(blocked["client"][0], "10.77.0.2");
    assert!(
        blocked["evidence"]
            .as_array()
            .is_some_and(|list| !list.is_empty())
    );

    lab.sh("firewall", "nft flush chain ip lab forward");
    let recovered = monitor.wait_for("recovered", Duration::from_secs(40));
    assert_eq!(recovered["host"], HOST);
    assert_eq!(recovered["since"], blocked["since"]);
    monitor.signal("INT");
    monitor.end();
    assert!(
        monitor.text("report.txt").contains(HOST),
        "{}",
        monitor.text("err")
    );
}

#[test]
fn an_interface_that_goes_away_is_waited_for() {
    let Some(lab) = Lab::new(&["wire"], &[]) else {
        return;
    };
    lab.pair("wire");
    lab.sh(
        "wire",
        "ip link add other type veth peer name far && ip link set other up && ip link set far up",
    );
    let mut monitor = Monitor::start(&lab, "wire", &["-i", "right", "-i", "other", "-o", "r.txt"]);
    lab.sh("wire", "ip link del left");
    let lost = monitor.wait_for("interface_lost", Duration::from_secs(10));
    assert_eq!(lost["interface"], "right");
    lab.pair("wire");
    let back = monitor.wait_for("interface_back", Duration::from_secs(10));
    assert_eq!(back["interface"], "right");
    monitor.signal("TERM");
    assert_eq!(monitor.end(), Some(0), "{}", monitor.text("err"));
}

#[test]
fn a_catalogue_that_is_not_valid_changes_nothing() {
    let Some(lab) = Lab::new(&["wire"], &[]) else {
        return;
    };
    lab.pair("wire");
    let place = Place::new();
    place.write(
        "intap.toml",
        "interface = [\"right\"]\nedition = \"nl\"\noutput = \"now.txt\"\n",
    );
    let mut monitor = Monitor::start_in(place, &lab, "wire", &["--config", "intap.toml"]);
    assert_eq!(monitor.events()[0]["edition"], "nl");

    monitor.place.write(
        "intap.toml",
        "interface = [\"right\"]\nedition = \"klingon\"\n",
    );
    monitor.signal("HUP");
    let refused = monitor.wait_for("reload_refused", Duration::from_secs(10));
    assert!(
        refused["reason"]
            .as_str()
            .is_some_and(|text| text.contains("klingon"))
    );

    monitor.signal("USR1");
    let written = monitor.wait_for("report_written", Duration::from_secs(10));
    assert_eq!(written["place"], "now.txt");
    assert!(monitor.text("now.txt").contains("endpoint list nl"));

    // Replaced as editors and deployment tools do: by another file of the same name.
    monitor
        .place
        .write("new.toml", "interface = [\"right\"]\nedition = \"ja\"\n");
    let path = |name: &str| -> PathBuf { monitor.place.path().join(name) };
    fs::rename(path("new.toml"), path("intap.toml")).expect("renamed");
    monitor.signal("HUP");
    let reloaded = monitor.wait_for("reloaded", Duration::from_secs(10));
    assert_eq!(reloaded["edition"], "ja");
    monitor.signal("TERM");
    assert_eq!(monitor.end(), Some(0), "{}", monitor.text("err"));
    assert!(monitor.text("now.txt").contains("endpoint list ja"));
}

#[test]
fn without_the_right_it_says_what_to_do() {
    let Some(_lab) = Lab::new(&["none"], &["setpriv"]) else {
        return;
    };
    let run = Command::new("setpriv")
        .args([
            "--bounding-set=-all",
            "--inh-caps=-all",
            "--ambient-caps=-all",
        ])
        .args([
            env!("CARGO_BIN_EXE_intap"),
            "live",
            "-i",
            "lo",
            "--duration",
            "1s",
        ])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(said.contains("setcap cap_net_raw+ep"), "{said}");
}

/// Answers every question for an address with that of the lab's server (RFC 1035 §4.1).
fn answer_questions() {
    let socket = UdpSocket::bind("203.0.113.10:53").expect("the address is there");
    let mut message = [0; 512];
    while let Ok((octets, client)) = socket.recv_from(&mut message) {
        let mut answer = message[..octets].to_vec();
        answer[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 10]);
        let _ = socket.send_to(&answer, client);
    }
}

/// Asks for the host's address, as every client does before it connects.
fn ask_for_address(server: SocketAddr) {
    let mut question = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in HOST.split('.') {
        question.push(u8::try_from(label.len()).expect("a label"));
        question.extend(label.as_bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    let _ = socket.set_read_timeout(Some(Duration::from_secs(2)));
    let _ = socket.send_to(&question, (server.ip(), 53));
    let _ = socket.recv(&mut [0; 512]);
}

#[test]
#[ignore = "not a test: the lab's server"]
fn helper_that_serves() {
    std::thread::spawn(answer_questions);
    let listener = TcpListener::bind(SERVER).expect("the address is there");
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
        // A server that closes before it has read everything resets the connection.
        let whole = BufReader::new(&stream)
            .lines()
            .map_while(Result::ok)
            .any(|line| line.is_empty());
        if whole {
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndata",
            );
        }
    }
}

#[test]
#[ignore = "not a test: the lab's device"]
fn helper_that_asks() {
    let server: SocketAddr = SERVER.parse().expect("an address");
    loop {
        ask_for_address(server);
        if let Ok(mut stream) = TcpStream::connect_timeout(&server, Duration::from_secs(4)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
            let _ = write!(
                stream,
                "GET /disallowedcertstl.cab HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
            );
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
        }
        sleep(Duration::from_millis(500));
    }
}
