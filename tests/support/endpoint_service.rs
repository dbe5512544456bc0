//! A server on this machine that speaks like the Office 365 endpoint web service, one prepared answer per connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// What the server says to one request.
pub struct Answer(Vec<u8>);

impl Answer {
    /// 200 with this body.
    pub fn json(body: &str) -> Self {
        let length = body.len();
        Self::raw(&format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ))
    }

    /// This status line and these header lines, without a body.
    pub fn status(status: &str, headers: &str) -> Self {
        Self::raw(&format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
        ))
    }

    /// These bytes and nothing else.
    pub fn raw(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// The server; it gives its answers in order, and ends with them.
pub struct EndpointService {
    url: String,
    requests: Receiver<String>,
}

impl EndpointService {
    pub fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = channel();
        thread::spawn(move || {
            for (Answer(bytes), stream) in answers.into_iter().zip(listener.incoming()) {
                let mut stream = stream.unwrap();
                let _ = sender.send(request_line(&mut stream));
                // The client may hang up early, for example on an answer that is too long.
                let _ = stream.write_all(&bytes);
            }
        });
        Self { url, requests }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The first lines of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }
}

/// Reads one request head and gives its first line.
fn request_line(stream: &mut TcpStream) -> String {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let (mut head, mut byte) = (Vec::new(), [0_u8]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    head.lines().next().unwrap_or_default().to_owned()
}
