//! One request's head to one whole answer.

use super::page::{Form, page};
use crate::live::board::Board;
use std::time::Duration;

/// Longest head that is read, in octets.
pub(super) const LONGEST_HEAD: usize = 8 << 10;

/// A state older than this is not a healthy one; pulses come every second.
const STALE: Duration = Duration::from_secs(60);

/// The answer to what was sent so far; `None` when the head may still go on.
pub(super) fn answer(sent: &[u8], board: &Board) -> Option<Vec<u8>> {
    let ends = |end: &[u8]| sent.windows(end.len()).any(|window| window == end);
    if !ends(b"\r\n\r\n") && !ends(b"\n\n") {
        let full = sent.len() >= LONGEST_HEAD;
        return full.then(|| {
            plain(
                "431 Request Header Fields Too Large",
                "the head is too long\n",
            )
        });
    }
    let head = String::from_utf8_lossy(sent);
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Some(plain("400 Bad Request", "this is not HTTP\n"));
    };
    if !version.starts_with("HTTP/1.") {
        return Some(plain("400 Bad Request", "this is not HTTP/1\n"));
    }
    if !matches!(method, "GET" | "HEAD") {
        return Some(whole(
            "405 Method Not Allowed",
            "text/plain; charset=utf-8",
            "Allow: GET, HEAD\r\n",
            "only GET and HEAD\n",
            true,
        ));
    }
    let with_body = method == "GET";
    let say = |status, text: &str| {
        Some(whole(
            status,
            "text/plain; charset=utf-8",
            "",
            text,
            with_body,
        ))
    };
    match target.split('?').next().unwrap_or_default() {
        "/metrics" => {
            let form = form_of(lines);
            let text = page(board.newest(), form);
            Some(whole("200 OK", form.media_type(), "", &text, with_body))
        }
        "/healthz" if board.age() <= STALE => say("200 OK", "ok\n"),
        "/healthz" => say(
            "503 Service Unavailable",
            "nothing was judged for a minute\n",
        ),
        "/" => say("200 OK", "intap live: /metrics and /healthz\n"),
        _ => say("404 Not Found", "there are /metrics and /healthz\n"),
    }
}

fn form_of<'h>(headers: impl Iterator<Item = &'h str>) -> Form {
    let wanted = headers
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| {
            name.eq_ignore_ascii_case("accept")
                && value
                    .to_ascii_lowercase()
                    .contains("application/openmetrics-text")
        });
    if wanted {
        Form::OpenMetrics
    } else {
        Form::Text
    }
}

fn plain(status: &str, text: &str) -> Vec<u8> {
    whole(status, "text/plain; charset=utf-8", "", text, true)
}

/// An answer with its head; without the text when only the head was asked for.
fn whole(status: &str, media_type: &str, more: &str, text: &str, with_body: bool) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n{more}Connection: close\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n",
        text.len()
    );
    let mut answer = head.into_bytes();
    if with_body {
        answer.extend_from_slice(text.as_bytes());
    }
    answer
}
