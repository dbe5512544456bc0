//! The terminal: keys in, drawings out, on a thread of its own. A terminal that is slow or stopped holds nothing up but itself.

use super::signals::Signals;
use crate::live::Event;
use crate::live::board::Board;
use crate::live::screen::{State, draw};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event as TerminalEvent};
use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Drawings are at least this far apart.
const PAUSE: Duration = Duration::from_millis(250);

/// Events that wait to be shown; the oldest make room.
const WAITING: usize = 1_000;

/// Keys taken before the next drawing, so that pasted text cannot keep it from being drawn.
const KEYS_AT_ONCE: usize = 256;

/// Whether there is somebody who looks and types.
pub fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Events on their way to the screen.
#[derive(Debug, Default)]
pub struct Inbox(Mutex<VecDeque<Event>>);

impl Inbox {
    /// Adds events; never waits for the screen.
    pub fn put(&self, events: &[Event]) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend(events.iter().cloned());
        let surplus = waiting.len().saturating_sub(WAITING);
        waiting.drain(..surplus);
    }

    fn take(&self) -> VecDeque<Event> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Gives the terminal back, whatever happens.
struct Restored(DefaultTerminal);

impl Drop for Restored {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Shows the screen until the reader ends it or a signal does; asks to stop when the reader wants to, or is gone.
///
/// # Errors
///
/// The terminal cannot be written to any more.
pub fn show(board: &Board, inbox: &Inbox, signals: &Signals, colour: bool) -> io::Result<()> {
    let shown = show_until_over(board, inbox, signals, colour);
    signals.ask_to_stop();
    shown
}

fn show_until_over(
    board: &Board,
    inbox: &Inbox,
    signals: &Signals,
    colour: bool,
) -> io::Result<()> {
    let opened = ratatui::try_init().inspect_err(|_| ratatui::restore());
    let mut terminal = Restored(opened?);
    let mut state = State::new(board.newest(), colour);
    let mut drawn: Option<Instant> = None;
    let mut size = terminal.0.size()?;
    while !signals.stop().load(Ordering::Relaxed) && !state.wants_to_quit() {
        if !take_keys(&mut state)? {
            return Ok(());
        }
        let new = terminal.0.size()?;
        if new != size {
            size = new;
            state.draw_again();
        }
        state.take_events(inbox.take());
        state.take_snapshot(board.newest());
        if drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE) && state.take_changed() {
            terminal.0.draw(|frame| draw(&state, frame))?;
            drawn = Some(Instant::now());
        }
        // Keys wake nobody here: one is drawn within a pause, and events of the network come no faster.
        std::thread::sleep(PAUSE / 5);
    }
    Ok(())
}

/// Takes the keys that wait; false when the terminal is gone.
fn take_keys(state: &mut State) -> io::Result<bool> {
    let input = io::stdin();
    let mut asked = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    // Reading from a terminal that hung up would never end.
    if poll(&mut asked, PollTimeout::ZERO).is_ok() {
        let [answered] = asked;
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        if answered
            .revents()
            .is_some_and(|events| events.intersects(gone))
        {
            return Ok(false);
        }
    }
    for _ in 0..KEYS_AT_ONCE {
        if !event::poll(Duration::ZERO)? {
            break;
        }
        match event::read()? {
            TerminalEvent::Key(key) => state.take_key(key),
            _ => state.draw_again(),
        }
    }
    Ok(true)
}
