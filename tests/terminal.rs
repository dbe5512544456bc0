//! What the text report draws on terminals, and that it draws nothing elsewhere.

#[path = "support/pages.rs"]
#[allow(dead_code, reason = "no HTML is needed here")]
mod pages;

use intap::report::text::{Screen, write};
use std::path::Path;
use unicode_width::UnicodeWidthStr;

fn text(name: &str, screen: Screen) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures");
    let (facts, summary) = pages::facts(&path.join(name));
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
