//! The HTML report in a real browser: it loads without a complaint, fits the window, filters and sorts, and names off the wire do
//! nothing. Where no Chromium is installed each test says that it was skipped.

#[path = "support/program.rs"]
#[allow(dead_code, reason = "pipes are not needed here")]
mod program;
#[path = "support/truth.rs"]
#[allow(dead_code, reason = "only the recordings are needed here")]
mod truth;
#[path = "support/wire.rs"]
#[allow(dead_code, reason = "lookups are not needed here")]
mod wire;

use program::{Place, fixture};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use wire::{Wire, client_hello};

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A name that acts wherever it is taken for markup.
const HOSTILE: &str = "<img/src=x/onerror=document.title=1>&quot;'\".manage.microsoft.com";

/// What asks the page questions. It is put in place of the policy that would forbid it.
const QUESTIONS: &str = r#"<script>addEventListener("load", () => {
  const answer = {};
  answer.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  answer.images = document.querySelectorAll("img").length;
  answer.scripts = document.querySelectorAll("script").length;
  answer.title = document.title;
  answer.width = innerWidth;
  const bars = [...document.querySelectorAll("[data-rows]")];
  answer.filters = bars.map((bar) => {
    const rows = () => [...document.querySelectorAll(bar.dataset.rows)].filter((row) => row.getClientRects().length).length;
    const input = bar.querySelector("input");
    const type = (text) => { input.value = text; input.dispatchEvent(new Event("input")); return rows(); };
    return [bar.hidden, type(""), type("no such word"), type("")];
  });
  const table = document.querySelector("table.sortable");
  if (table) {
    const order = () => [...table.tBodies[0].rows].map((row) => row.dataset.id);
    const button = table.querySelector("thead button");
    button.click();
    const up = order();
    button.click();
    answer.sorted = [up, order()];
  }
  const result = document.createElement("script");
  result.type = "application/json";
  result.id = "answer";
  result.textContent = JSON.stringify(answer).replaceAll("<", "\\u003c");
  document.body.append(result);
})</script>"#;

fn chromium() -> Option<&'static str> {
    let found = NAMES
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok());
    if found.is_none() {
        eprintln!("skipped: no Chromium is installed");
    }
    found
}

/// The page as the browser has it, and what it complained of.
fn load(browser: &str, place: &Place, page: &str, width: u32) -> (String, String) {
    let url = format!("file://{}", place.path().join(page).display());
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args([
            "--enable-logging=stderr",
            "--v=0",
            "--virtual-time-budget=2000",
        ])
        .arg(format!("--window-size={width},900"))
        .arg(format!(
            "--user-data-dir={}",
            place.path().join("profile").display()
        ))
        .arg(url)
        .output()
        .expect("the browser starts");
    let complaints = String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .map(|line| format!("{line}\n"))
        .collect();
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        complaints,
    )
}

/// Loads the report of a capture as it is, which must give no complaint, and asks it the questions.
fn ask(browser: &str, capture: &Path, widths: &[u32]) -> Vec<Value> {
    let place = Place::new();
    let path = capture.to_str().expect("UTF-8");
    let run = place.run(&["audit", "--format", "html", "-o", "page.html", path]);
    assert!(matches!(run.status, Some(0 | 1)), "{}", run.shown());
    let (page, complaints) = load(browser, &place, "page.html", 1_280);
    assert!(page.contains("<main"), "{path}: {page}");
    assert_eq!(complaints, "", "{path}");
    let text = std::fs::read_to_string(place.path().join("page.html")).expect("the page");
    let start = text
        .find("<meta http-equiv=\"Content-Security-Policy\"")
        .expect("a policy");
    let end = start + text[start..].find('>').expect("its end") + 1;
    place.write(
        "asked.html",
        format!("{}{QUESTIONS}{}", &text[..start], &text[end..]),
    );
    let answers = widths.iter().map(|width| {
        let (page, complaints) = load(browser, &place, "asked.html", *width);
        assert_eq!(complaints, "", "{path}");
        let (_, rest) = page.split_once("id=\"answer\">").expect("an answer");
        let (answer, _) = rest.split_once("</script>").expect("its end");
        serde_json::from_str(answer).expect("JSON")
    });
    answers.collect()
}

#[test]
fn pages_load_fit_and_filter() {
    let Some(browser) = chromium() else { return };
    for name in [
        "firewall_mixed",
        "vxlan_two_clients",
        "snaplen_96",
        "one_way_up",
    ] {
        let capture = truth::recording(name).capture;
        for answer in ask(browser, &capture, &[1_280, 500]) {
            assert_eq!(answer["overflow"], 0, "{name}: {answer}");
            assert_eq!(answer["images"], 0, "{name}: {answer}");
            for filter in answer["filters"].as_array().expect("filters") {
                assert_eq!(filter[0], false, "{name}: {answer}");
                assert!(filter[1].as_u64() > Some(0), "{name}: {answer}");
                assert_eq!(filter[2], 0, "{name}: {answer}");
                assert_eq!(filter[1], filter[3], "{name}: {answer}");
            }
            if name == "vxlan_two_clients" {
                let order = |index: usize| -> Vec<Value> {
                    answer["sorted"][index].as_array().expect("rows").clone()
                };
                let mut backwards = order(1);
                backwards.reverse();
                assert_eq!(order(0), backwards);
                assert_eq!(backwards.len(), 2);
            }
        }
    }
}

#[test]
fn names_off_the_wire_do_nothing() {
    let Some(browser) = chromium() else { return };
    let plain = ask(
        browser,
        &fixture("captures/one_way_up/capture.pcap"),
        &[1_280],
    );
    let mut wire = Wire::new(HOSTILE.as_bytes(), HOSTILE.as_bytes(), HOSTILE.as_bytes());
    wire.connection(
        [20, 37, 153, 10],
        443,
        &client_hello(HOSTILE.as_bytes()),
        None,
    );
    let place = Place::new();
    place.write("hostile.pcapng", wire.finish());
    let hostile = ask(browser, &place.path().join("hostile.pcapng"), &[1_280, 500]);
    for answer in hostile {
        assert_eq!(answer["images"], 0, "{answer}");
        assert_eq!(answer["overflow"], 0, "{answer}");
        assert_eq!(answer["scripts"], plain[0]["scripts"]);
        assert_ne!(answer["title"], "1");
    }
}
