//! Text from the network and from capture files never reaches a terminal as it came: control characters, escape sequences and marks
//! that turn the reading direction are escaped wherever a name can come from, and names of any length leave the page in shape.

#[path = "support/program.rs"]
#[allow(dead_code, reason = "recordings and pipes are not needed here")]
mod program;
#[path = "support/wire.rs"]
#[allow(dead_code, reason = "no time passes here")]
mod wire;

use program::{Place, Run};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;
use wire::{Wire, client_hello};

/// Clears the screen, names the window, rings, goes back, and turns the reading direction, in 7 and 8 bits.
const ATTACK: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\r\u{8}\u{9b}31m\u{202e}\u{2066}\u{200b}";

/// A server of set 163's published range, and one outside any.
const LISTED: [u8; 4] = [20, 37, 153, 10];
const OTHER: [u8; 4] = [23, 32, 46, 44];

/// Runs the program on a capture and checks that nothing in its output can drive a terminal.
fn report(capture: Vec<u8>, arguments: &[&str]) -> Run {
    let place = Place::new();
    place.write("hostile.pcapng", capture);
    let run = place.run(&[&["audit", "hostile.pcapng"], arguments].concat());
    for text in [&run.output, &run.complaints] {
        let driving = text.chars().find(|c| {
            (c.is_control() && *c != '\n') || ATTACK.contains(*c) && !c.is_ascii_graphic()
        });
        assert_eq!(driving, None, "{}", run.shown());
    }
    for line in run.output.lines().filter(|_| arguments.is_empty()) {
        assert!(line.width() <= 80, "{line}");
    }
    run
}

fn quiet() -> Wire {
    Wire::new(b"", b"", b"")
}

fn attacking(text: &str) -> Vec<u8> {
    text.replace('@', ATTACK).into_bytes()
}

#[test]
fn what_the_file_says_of_itself() {
    let text = attacking(&"@comment ".repeat(20));
    let long = vec![b'x'; 65_000];
    for comment in [text.as_slice(), &long] {
        let mut wire = Wire::new(comment, &text, &text);
        wire.lookup_of_absent_name(&[b"login", b"live", b"com"]);
        let capture = wire.finish();
        let run = report(capture.clone(), &[]);
        let shown = run.output.matches("\\027[2J").count();
        assert!(shown >= 2, "program, interface: {}", run.shown());
        assert!(run.output.lines().count() < 100, "{}", run.shown());
        report(capture, &["--format", "json"]);
    }
}

#[test]
fn names_in_questions() {
    let mut wire = quiet();
    wire.lookup_of_absent_name(&[ATTACK.as_bytes(), b"manage", b"microsoft", b"com"]);
    wire.lookup_of_absent_name(&[b"\xff\xfe\x80", b"manage", b"microsoft", b"com"]);
    let capture = wire.finish();
    let run = report(capture.clone(), &[]);
    assert!(run.output.contains("\\027[2J"), "{}", run.shown());
    let run = report(capture, &["--format", "json", "--include", "flows,lookups"]);
    let report: Value = serde_json::from_str(&run.output).unwrap();
    let name = report["findings"][0]["hosts"][0].as_str().unwrap();
    assert!(name.contains("\\8238\\8294\\8203.manage"), "{name}");
}

#[test]
fn the_longest_name_is_shortened_for_people_and_whole_for_programs() {
    let label = "verylong".repeat(7);
    let labels = [
        label.as_bytes(),
        label.as_bytes(),
        label.as_bytes(),
        b"manage",
        b"microsoft",
        b"com",
    ];
    let name = format!("{label}.{label}.{label}.manage.microsoft.com");
    let mut wire = quiet();
    wire.lookup_of_absent_name(&labels);
    let capture = wire.finish();
    let text = report(capture.clone(), &[]);
    assert!(!text.output.contains(&name), "{}", text.shown());
    assert!(text.output.contains("…"), "{}", text.shown());
    assert!(
        text.output.contains("manage.microsoft.com"),
        "{}",
        text.shown()
    );
    let json = report(capture, &["--format", "json"]);
    let json: Value = serde_json::from_str(&json.output).unwrap();
    assert_eq!(json["findings"][0]["hosts"][0], name.as_str());
}

#[test]
fn server_names() {
    let mut wire = quiet();
    for name in [
        attacking("@.manage.microsoft.com"),
        [&vec![b'a'; 15_000], &b".manage.microsoft.com"[..]].concat(),
    ] {
        wire.connection(LISTED, 443, &client_hello(&name), None);
    }
    let capture = wire.finish();
    let run = report(capture.clone(), &[]);
    assert!(run.output.contains("\\027[2J"), "{}", run.shown());
    report(capture, &["--format", "json", "--include", "flows,lookups"]);
}

#[test]
fn hosts_and_answers_of_plain_http() {
    let request = |host: &str| {
        attacking(&format!(
            "GET /x@ HTTP/1.1\r\nHost: {host}\r\nUser-Agent: @\r\n\r\n"
        ))
    };
    let answer = attacking(
        "HTTP/1.1 302 Found@\r\nServer: Filter@/1\r\nLocation: http://block@.example/?u=ctldl.windowsupdate.com\r\nContent-Length: 0\r\n\r\n",
    );
    let mut wire = quiet();
    wire.connection(
        OTHER,
        80,
        &request("ctldl.windowsupdate.com"),
        Some(&answer),
    );
    wire.connection(OTHER, 80, &request("@.windowsupdate.com"), None);
    wire.connection(OTHER, 80, &request(&"h".repeat(60_000)), None);
    wire.connection(
        OTHER,
        3_128,
        &attacking("CONNECT @.manage.microsoft.com:443 HTTP/1.1\r\nHost: @\r\n\r\n"),
        Some(&attacking(
            "HTTP/1.1 403 No@\r\nServer: @\r\nContent-Length: 0\r\n\r\n",
        )),
    );
    let capture = wire.finish();
    let run = report(capture.clone(), &[]);
    assert!(
        run.output.contains("block\\027[2J\\027]0;"),
        "{}",
        run.shown()
    );
    report(capture, &["--format", "json", "--include", "flows,lookups"]);
}

#[test]
fn a_thousand_devices_names_and_findings_leave_the_page_bounded() {
    let mut wire = quiet();
    for number in 0..1_000 {
        let label = format!("host{number}");
        wire.lookup_of_absent_name(&[label.as_bytes(), b"manage", b"microsoft", b"com"]);
    }
    let run = report(wire.finish(), &[]);
    assert!(
        run.output.lines().count() < 400,
        "{} lines",
        run.output.lines().count()
    );
}
