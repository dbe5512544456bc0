//! What the text report draws on terminals, and that it draws nothing elsewhere.

#[path = "support/pages.rs"]
#[allow(dead_code, reason = "no HTML is needed here")]
mod pages;

#[path = "support/wire.rs"]
#[allow(dead_code, reason = "few kinds of packets are needed here")]
mod wire;

use intap::report::text::{Screen, write};
use std::path::Path;
use unicode_width::UnicodeWidthStr;

fn text(name: &str, screen: Screen) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures");
    text_of(&path.join(name), screen)
}

fn text_of(capture: &Path, screen: Screen) -> String {
    let (facts, summary) = pages::facts(capture);
    let mut out = Vec::new();
    write(&pages::report(facts, summary), screen, &mut out).expect("writing to memory");
    String::from_utf8(out).expect("UTF-8")
}

fn on(columns: usize) -> Screen {
    Screen {
        colour: false,
        columns: Some(columns),
    }
}

#[test]
fn bars_are_drawn_on_terminals_and_nowhere_else() {
    let file = "firewall_mixed/capture.pcapng";
    let plain = text(file, Screen::default());
    assert!(
        !plain.contains(['█', '▏', '▎', '▍', '▌', '▋', '▊', '▉']),
        "{plain}"
    );
    for columns in [52, 60, 79, 80, 200] {
        let drawn = text(file, on(columns));
        let (_, part) = drawn
            .split_once("\nTraffic of each feature area\n")
            .expect("bars");
        let (part, _) = part.split_once("\n\n").expect("an end");
        let lines: Vec<&str> = part.lines().collect();
        assert!(lines.len() > 3, "{part}");
        let mut longest = usize::MAX;
        for line in &lines {
            assert!(line.width() <= columns.min(80), "{columns}: {line}");
            let bar = line
                .chars()
                .filter(|c| ('▏'..='█').contains(c) || *c == '█')
                .count();
            assert!((1..=longest).contains(&bar), "{columns}: {line}");
            longest = bar;
        }
        assert_eq!(
            columns >= 79,
            part.contains(" attempts, "),
            "{columns}: {part}"
        );
        // Everything else is as it is elsewhere.
        let rest = drawn.replacen(&format!("\nTraffic of each feature area\n{part}\n"), "", 1);
        assert_eq!(rest, plain, "{columns}");
    }
    assert_eq!(text(file, on(40)), plain);
}

#[test]
fn bars_have_colour_only_where_colours_are_welcome() {
    let file = "firewall_mixed/capture.pcapng";
    assert!(!text(file, on(80)).contains('\u{1b}'));
    let screen = Screen {
        colour: true,
        columns: Some(80),
    };
    let coloured = text(file, screen);
    let (_, part) = coloured
        .split_once("Traffic of each feature area")
        .expect("bars");
    assert!(
        part.contains("\u{1b}[32m█") && part.contains("\u{1b}[33m█"),
        "{part}"
    );
}

/// Ten hours with a connection each half hour, refused from the sixth hour on.
#[test]
fn attempts_over_hours_are_drawn_on_terminals_and_nowhere_else() {
    let mut wire = wire::Wire::new(b"", b"", b"");
    let request = b"GET / HTTP/1.1\r\nHost: go.microsoft.com\r\n\r\n";
    let served = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for half_hour in 0..20 {
        let answer = (half_hour < 12).then_some(&served[..]);
        wire.connection([20, 37, 153, 10], 80, request, answer);
        wire.wait(1_800);
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), wire.finish()).expect("room");
    let heading = "\nAttempts over time\n";
    assert!(!text_of(file.path(), Screen::default()).contains(heading));
    for (columns, width, spans) in [
        (60, "1 h", 10..=11),
        (80, "15 min", 38..=41),
        (200, "15 min", 38..=41),
    ] {
        let drawn = text_of(file.path(), on(columns));
        let (_, part) = drawn.split_once(heading).expect("a picture");
        let lines: Vec<&str> = part.lines().take(3).collect();
        let [scale, attempts, failed] = lines[..] else {
            panic!("{part}")
        };
        for line in &lines {
            assert!(line.width() <= columns.min(80), "{line}");
        }
        // The recording begins at 22:13:20.
        let wanted = format!("  one column is {width}, from 2023-11-14 22:");
        assert!(scale.starts_with(&wanted), "{part}");
        let blocks = |line: &str, label: &str| -> Vec<char> {
            let line = line.strip_prefix(label).expect("a label");
            let (blocks, most) = line.rsplit_once("  at most ").expect("a count");
            assert!(["1", "2"].contains(&most), "{part}");
            blocks.chars().collect()
        };
        let attempts = blocks(attempts, "  attempts    ");
        let failed = blocks(failed, "  not served  ");
        assert!(spans.contains(&attempts.len()), "{part}");
        assert_eq!(attempts.len(), failed.len(), "{part}");
        let first = failed
            .iter()
            .position(|block| *block != ' ')
            .expect("failures");
        assert!(
            first * 10 >= failed.len() * 5 && first * 10 <= failed.len() * 7,
            "{part}"
        );
    }
    assert!(!text_of(file.path(), on(36)).contains(heading));
    // Nothing is drawn of a short capture.
    assert!(!text("firewall_mixed/capture.pcapng", on(80)).contains(heading));
}
