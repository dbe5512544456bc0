//! A small HTTP server: one thread, no connection waits for another, everything has a bound.

use super::request::{LONGEST_HEAD, answer};
use crate::live::board::Board;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Connections at one time; the oldest makes room for a new one.
const CONNECTIONS: usize = 32;

/// A connection lasts no longer, whatever it does.
const LIFETIME: Duration = Duration::from_secs(5);

/// Longest wait, so that the end is noticed, in milliseconds.
const PATIENCE: u16 = 200;

/// After the listener refused, as without file descriptors, the next try waits this long.
const REST: Duration = Duration::from_millis(200);

/// Shows the newest snapshot to whoever asks.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Listens at `address`. Call it before rights are given up.
    ///
    /// # Errors
    ///
    /// The address is taken, or not one of this machine.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener })
    }

    /// Where it listens: the address it was given, with the port that the system chose for port 0.
    ///
    /// # Errors
    ///
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop` is set.
    pub fn run(self, board: &Board, stop: &AtomicBool) {
        let mut connections: Vec<Connection> = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let ready = self.wait(&connections);
            let mut ready = ready.into_iter();
            let knocks = ready.next().unwrap_or(false);
            connections.retain_mut(|connection| {
                let open = !ready.next().unwrap_or(false) || connection.go_on(board);
                open && connection.since.elapsed() < LIFETIME
            });
            if knocks {
                self.accept(&mut connections);
            }
        }
    }

    /// Which of the listener and the connections have something to do.
    fn wait(&self, connections: &[Connection]) -> Vec<bool> {
        let mut asked: Vec<PollFd<'_>> = Vec::with_capacity(connections.len().saturating_add(1));
        asked.push(PollFd::new(self.listener.as_fd(), PollFlags::POLLIN));
        for connection in connections {
            let wanted = match connection.state {
                State::Reading(_) | State::Draining(_) => PollFlags::POLLIN,
                State::Writing { .. } => PollFlags::POLLOUT,
            };
            asked.push(PollFd::new(connection.stream.as_fd(), wanted));
        }
        match poll(&mut asked, PollTimeout::from(PATIENCE)) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Vec::new(),
            Err(_) => {
                std::thread::sleep(REST);
                return Vec::new();
            }
        }
        asked.iter().map(|one| one.any().unwrap_or(true)).collect()
    }

    fn accept(&self, connections: &mut Vec<Connection>) {
        match self.listener.accept() {
            Ok((stream, _)) => {
                if stream.set_nonblocking(true).is_err() {
                    return;
                }
                let connection = Connection {
                    stream,
                    since: Instant::now(),
                    state: State::Reading(Vec::new()),
                };
                if connections.len() >= CONNECTIONS {
                    connections.remove(0);
                }
                connections.push(connection);
            }
            Err(error) if is_passing(&error) => {}
            Err(_) => std::thread::sleep(REST),
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted
    )
}

struct Connection {
    stream: TcpStream,
    since: Instant,
    state: State,
}

enum State {
    /// The head so far.
    Reading(Vec<u8>),
    /// The answer, and how much of it is gone.
    Writing { answer: Vec<u8>, gone: usize },
    /// The answer is gone; what the other side still sends is read, this many octets at most, for closing on it would take the
    /// answer away again.
    Draining(usize),
}

impl Connection {
    /// Does what can be done without waiting; false when it is over.
    fn go_on(&mut self, board: &Board) -> bool {
        match self.step(board) {
            Ok(open) => open,
            Err(error) => is_passing(&error),
        }
    }

    fn step(&mut self, board: &Board) -> io::Result<bool> {
        match &mut self.state {
            State::Reading(head) => {
                let mut part = [0; 1 << 10];
                let room = LONGEST_HEAD.saturating_sub(head.len()).min(part.len());
                let read = self.stream.read(&mut part[..room])?;
                head.extend_from_slice(&part[..read]);
                if let Some(answer) = answer(head, board) {
                    self.state = State::Writing { answer, gone: 0 };
                }
                Ok(read > 0)
            }
            State::Writing { answer, gone } => {
                let rest = answer.get(*gone..).unwrap_or_default();
                let written = self.stream.write(rest)?;
                *gone = gone.saturating_add(written);
                if *gone >= answer.len() {
                    self.stream.shutdown(Shutdown::Write)?;
                    self.state = State::Draining(64 << 10);
                }
                Ok(written > 0)
            }
            State::Draining(left) => {
                let read = self.stream.read(&mut [0; 1 << 10])?;
                *left = left.saturating_sub(read);
                Ok(read > 0 && *left > 0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Snapshot;
    use std::thread;

    /// Runs a server while `test` talks to it.
    fn with_server(test: impl FnOnce(SocketAddr)) {
        let server = Server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = server.address().unwrap();
        let board = Board::new(Snapshot::default());
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| server.run(&board, &stop));
            let tested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(address)));
            stop.store(true, Ordering::Relaxed);
            if let Err(failure) = tested {
                std::panic::resume_unwind(failure);
            }
        });
    }

    fn connect(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
    }

    fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = connect(address);
        // A server that has heard enough may close before all is sent.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    fn first_line(answer: &str) -> &str {
        answer.lines().next().unwrap_or_default()
    }

    #[test]
    fn every_request_gets_one_whole_answer() {
        with_server(|address| {
            let page = ask(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
            assert!(page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"));
            let (head, body) = page.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
            let open = ask(
                address,
                b"GET /metrics HTTP/1.1\r\naccept: Application/OpenMetrics-Text;version=1.0.0\r\n\r\n",
            );
            assert!(open.contains("openmetrics-text; version=1.0.0") && open.ends_with("# EOF\n"));
            let head = ask(address, b"HEAD /metrics HTTP/1.0\r\n\r\n");
            assert!(head.starts_with("HTTP/1.1 200 OK") && head.ends_with("\r\n\r\n"));
            for (request, wanted) in [
                (&b"GET /healthz HTTP/1.1\r\n\r\n"[..], "HTTP/1.1 200 OK"),
                (
                    b"GET /../etc/passwd HTTP/1.1\r\n\r\n",
                    "HTTP/1.1 404 Not Found",
                ),
                (
                    b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
                    "HTTP/1.1 405 Method Not Allowed",
                ),
                (b"\x16\x03\x01\x00\xff\n\n", "HTTP/1.1 400 Bad Request"),
                (b"GET /metrics HTTP/2\r\n\r\n", "HTTP/1.1 400 Bad Request"),
            ] {
                assert_eq!(first_line(&ask(address, request)), wanted);
            }
            let endless = vec![b'a'; LONGEST_HEAD];
            assert_eq!(
                first_line(&ask(address, &endless)),
                "HTTP/1.1 431 Request Header Fields Too Large"
            );
        });
    }

    #[test]
    fn who_is_slow_or_many_holds_nobody_up_and_is_let_go_of() {
        with_server(|address| {
            let mut slow: Vec<TcpStream> = (0..CONNECTIONS * 3)
                .map(|_| {
                    let mut stream = connect(address);
                    let _ = stream.write_all(b"GET /metr");
                    stream
                })
                .collect();
            let begun = Instant::now();
            let page = ask(address, b"GET /metrics HTTP/1.1\r\n\r\n");
            assert!(page.starts_with("HTTP/1.1 200 OK"));
            assert!(begun.elapsed() < LIFETIME / 2, "{:?}", begun.elapsed());
            for stream in &mut slow {
                let ended = stream.read(&mut [0; 16]);
                assert!(
                    !matches!(&ended, Err(error) if is_passing(error)),
                    "still open: {ended:?}"
                );
            }
        });
    }
}
