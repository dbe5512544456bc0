//! The drawing: a function of the state.

use super::details;
use super::sentence::device;
use super::state::{Columns, Detail, Pane, State, standing};
use super::theme::{Theme, bars, clock, fit, fit_host, grouped, safe, span};
use crate::audit::{Cause, Verdict};
use crate::live::{AreaStatus, ClientStatus};
use crate::report::figures::octets;
use crate::report::wording::{counted, mark, verdict};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table, TableState};
use unicode_width::UnicodeWidthStr;

/// Below this size there is room for a few lines only.
const SMALL: (u16, u16) = (44, 11);

/// From this width on, areas and devices stand side by side.
const WIDE: u16 = 130;

/// From this width on, a table of areas counts devices and traffic.
const BOTH: u16 = 112;

/// Columns that count devices, with their widths.
const DEVICES: [(&str, u16); 5] = [
    ("blocked", 7),
    ("inspected", 9),
    ("in part", 7),
    ("reached", 7),
    ("unclear", 7),
];

/// Columns that count what was sent.
const TRAFFIC: [(&str, u16); 4] = [("attempts", 9), ("failed", 9), ("", 5), ("bytes", 8)];

/// The longest title of a feature area.
const TITLE: u16 = 28;

/// Draws the state.
pub fn draw(state: &State, frame: &mut Frame<'_>) {
    let theme = Theme {
        colour: state.colour,
    };
    let whole = frame.area();
    if whole.width < SMALL.0 || whole.height < SMALL.1 {
        return draw_small(state, theme, frame, whole);
    }
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(whole);
    frame.render_widget(Text::from(head_lines(state, theme, head.width)), head);
    if state.help {
        draw_page(frame, body, theme, "Help", details::help(theme), 0);
    } else if let Some(detail) = &state.detail {
        let (title, lines) = details::of(state, theme, detail);
        draw_page(frame, body, theme, &title, lines, state.scrolled);
    } else {
        draw_panes(state, theme, frame, body);
    }
    frame.render_widget(foot_line(state, theme), foot);
}

/// What matters most, for a terminal of a few lines.
fn draw_small(state: &State, theme: Theme, frame: &mut Frame<'_>, whole: Rect) {
    let mut lines = vec![summary(state, theme)];
    let width = usize::from(whole.width);
    for client in state.shown_devices() {
        let name = device(&client.addresses, client.name.as_ref());
        let text = format!(
            "{} {name} {}",
            mark(standing(client)),
            trouble(client, width)
        );
        lines.push(Line::styled(
            fit(&text, width),
            theme.verdict(standing(client)),
        ));
        if lines.len() >= usize::from(whole.height) {
            break;
        }
    }
    frame.render_widget(Text::from(lines), whole);
}

fn summary(state: &State, theme: Theme) -> Line<'static> {
    let now = &state.snapshot;
    let blocked = match now.devices_blocked {
        0 => Span::styled("none blocked", theme.verdict(Verdict::Reached)),
        count => Span::styled(
            format!("✗ {} blocked", grouped(count)),
            theme.verdict(Verdict::Blocked),
        ),
    };
    let devices = counted(usize::try_from(now.devices).unwrap_or(usize::MAX), "device");
    let mut spans = vec![Span::raw(format!("{devices}, ")), blocked];
    if state.held.is_some() {
        spans.push(Span::styled("  PAUSED", theme.title()));
    }
    Line::from(spans)
}

fn head_lines(state: &State, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let now = &state.snapshot;
    let interfaces: Vec<String> = now
        .interfaces
        .iter()
        .map(|one| match one.up {
            true => safe(&one.name),
            false => format!("{} (lost)", safe(&one.name)),
        })
        .collect();
    let left = format!(
        "intap live  {}  list {}, window {}",
        interfaces.join(" "),
        safe(&now.edition),
        span(now.window)
    );
    let right = format!("since {}, now {} UTC", clock(now.started), clock(now.time));
    let room = usize::from(width).saturating_sub(right.len() + 2);
    let first = format!("{:<room$}  {right}", fit(&left, room));
    let mut second = summary(state, theme);
    second.push_span(format!(
        "   {} frames/s, {}",
        grouped(state.rate.frames),
        bits(state.rate.octets)
    ));
    let dropped: u64 = now
        .interfaces
        .iter()
        .map(|one| one.dropped_by_kernel.saturating_add(one.dropped_by_device))
        .fold(0, u64::saturating_add);
    second.push_span(match dropped {
        0 => Span::raw(", none dropped"),
        count => Span::styled(
            format!(", {} dropped: some may be missing here", grouped(count)),
            theme.verdict(Verdict::Degraded),
        ),
    });
    vec![Line::styled(first, theme.title()), second]
}

/// Octets a second as bits a second.
fn bits(octets: u64) -> String {
    let bits = octets.saturating_mul(8);
    match bits {
        0..=999_999 => format!("{} kbit/s", bits / 1_000),
        1_000_000..=9_999_999_999 => {
            format!("{}.{} Mbit/s", bits / 1_000_000, bits / 100_000 % 10)
        }
        _ => format!("{} Gbit/s", bits / 1_000_000_000),
    }
}

fn foot_line(state: &State, theme: Theme) -> Line<'static> {
    if state.typing {
        return Line::from(vec![
            Span::styled(format!("/{}▏", safe(&state.filter)), theme.title()),
            Span::styled("  Enter keeps the filter, Esc clears it", theme.dim()),
        ]);
    }
    let mut spans = Vec::new();
    if !state.filter.is_empty() {
        spans.push(Span::styled(
            format!("filter: {} (Esc clears)  ", safe(&state.filter)),
            theme.title(),
        ));
    }
    let keys = match (state.help, state.detail.is_some()) {
        (true, _) => "any key goes back",
        (_, true) if matches!(state.detail, Some(Detail::Area(_))) => {
            "Esc back  ↑↓ choose a set  Enter its hosts  PgDn scroll  p pause  ? help  q quit"
        }
        (_, true) => "Esc back  ↑↓ scroll  p pause  ? help  q quit",
        _ => "q quit  Tab next part  ↑↓ choose  Enter details  t traffic  / filter  ? help",
    };
    spans.push(Span::styled(keys, theme.dim()));
    Line::from(spans)
}

fn draw_panes(state: &State, theme: Theme, frame: &mut Frame<'_>, body: Rect) {
    let (areas, devices, events);
    if body.width >= WIDE {
        let [top, below] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(body);
        // Very wide ones have room for all columns.
        let areas_width = if body.width >= BOTH + 70 {
            BOTH + 8
        } else {
            84
        };
        [areas, devices] =
            Layout::horizontal([Constraint::Length(areas_width), Constraint::Fill(1)])
                .spacing(2)
                .areas(top);
        events = below;
    } else {
        let wanted = u16::try_from(state.shown_areas().len()).unwrap_or(u16::MAX);
        let height = wanted.saturating_add(2).clamp(3, (body.height / 3).max(4));
        [areas, devices, events] = Layout::vertical([
            Constraint::Length(height),
            Constraint::Fill(3),
            Constraint::Fill(2),
        ])
        .areas(body);
    }
    draw_areas(state, theme, frame, areas);
    draw_devices(state, theme, frame, devices);
    draw_events(state, theme, frame, events);
}

/// A part's title line; the part that keys move in is marked.
fn titled(state: &State, theme: Theme, pane: Pane, title: &str) -> Block<'static> {
    let (arrow, style) = if state.pane == pane {
        ("▶ ", theme.title())
    } else {
        ("", theme.dim())
    };
    Block::new()
        .borders(Borders::TOP)
        .border_style(theme.dim())
        .title(Span::styled(format!("{arrow}{title} "), style))
}

/// A table that shows its chosen row, or a hint where there is none.
fn draw_rows<'t>(
    frame: &mut Frame<'_>,
    place: Rect,
    block: Block<'static>,
    table: Option<Table<'t>>,
    row: Option<usize>,
    hint: &str,
) {
    let Some(table) = table else {
        frame.render_widget(Paragraph::new(hint.to_owned()).block(block), place);
        return;
    };
    let mut chosen = TableState::default().with_selected(row);
    frame.render_stateful_widget(table.block(block), place, &mut chosen);
}

/// The row that keys move, where they do.
fn chosen(state: &State, pane: Pane, row: usize) -> Option<usize> {
    (state.pane == pane).then_some(row)
}

/// Columns of the table of feature areas, as there is room.
fn columns(state: &State, width: u16) -> Vec<Columns> {
    if width >= BOTH {
        vec![Columns::Devices, Columns::Traffic]
    } else {
        vec![state.columns]
    }
}

/// Heads of some columns, with their widths.
fn heads(columns: Columns) -> &'static [(&'static str, u16)] {
    match columns {
        Columns::Devices => &DEVICES,
        Columns::Traffic => &TRAFFIC,
    }
}

fn draw_areas(state: &State, theme: Theme, frame: &mut Frame<'_>, place: Rect) {
    let areas = state.shown_areas();
    let shown = columns(state, place.width);
    let heads: Vec<(&str, u16)> = shown
        .iter()
        .flat_map(|columns| heads(*columns))
        .copied()
        .collect();
    // A gap before each column.
    let counts_width: u16 = heads.iter().map(|(_, width)| width + 1).sum();
    let trend = place
        .width
        .saturating_sub(counts_width + TITLE + 4)
        .clamp(7, 30);
    let room = usize::from(place.width.saturating_sub(counts_width + trend + 3));
    let rows: Vec<Row<'_>> = areas
        .iter()
        .map(|area| {
            let worst = worst_of(area);
            let points = state.trends.get(&area.area);
            let trend = points.map_or_else(String::new, |points| {
                bars(points.iter().copied(), usize::from(trend))
            });
            let mut cells = vec![
                Cell::from(Span::styled(mark(worst), theme.verdict(worst))),
                Cell::from(fit(area.area.title(), room)),
            ];
            for columns in &shown {
                match columns {
                    Columns::Devices => cells.extend(
                        counts(area).map(|(verdict, count)| count_cell(theme, verdict, count)),
                    ),
                    Columns::Traffic => cells.extend(traffic_cells(theme, area)),
                }
            }
            cells.push(Cell::from(Span::styled(
                trend,
                theme.verdict(Verdict::Blocked),
            )));
            Row::new(cells)
        })
        .collect();
    let unit = match state.columns {
        _ if shown.len() > 1 => "",
        Columns::Devices => "devices",
        Columns::Traffic => "since the start",
    };
    let head = ["", unit]
        .into_iter()
        .map(Cell::from)
        .chain(
            heads
                .iter()
                .map(|(word, _)| Cell::from(Text::from(*word).right_aligned())),
        )
        .chain([Cell::from("trouble")]);
    let widths = [Constraint::Length(1), Constraint::Fill(1)]
        .into_iter()
        .chain(heads.iter().map(|(_, width)| Constraint::Length(*width)))
        .chain([Constraint::Length(trend)]);
    let table = (!rows.is_empty()).then(|| {
        Table::new(rows, widths)
            .header(Row::new(head).style(theme.dim()))
            .row_highlight_style(theme.chosen())
    });
    draw_rows(
        frame,
        place,
        titled(state, theme, Pane::Areas, "Feature areas"),
        table,
        chosen(state, Pane::Areas, state.area_row()),
        nothing(state),
    );
}

/// Attempts, those that failed, their share, and octets.
fn traffic_cells(theme: Theme, area: &AreaStatus) -> [Cell<'static>; 4] {
    let traffic = area.traffic;
    let share = match traffic.failed {
        0 => Span::raw(""),
        // More than none is never shown as none.
        failed => Span::raw(format!(
            "{} %",
            (failed.saturating_mul(100) / traffic.attempts.max(1)).max(1)
        )),
    };
    let right = |span: Span<'static>| Cell::from(Text::from(span).right_aligned());
    [
        right(Span::raw(grouped(traffic.attempts))),
        count_cell(theme, Verdict::Blocked, traffic.failed),
        right(share),
        right(Span::raw(octets(traffic.octets))),
    ]
}

/// What to say where nothing is listed.
fn nothing(state: &State) -> &'static str {
    if state.filter.is_empty() {
        "Nothing of the endpoint list was tried yet."
    } else {
        "Nothing fits the filter; Esc clears it."
    }
}

pub(super) fn counts(area: &AreaStatus) -> [(Verdict, u64); 5] {
    [
        (Verdict::Blocked, area.blocked),
        (Verdict::Intercepted, area.intercepted),
        (Verdict::Degraded, area.degraded),
        (Verdict::Reached, area.reached),
        (Verdict::Inconclusive, area.inconclusive),
    ]
}

pub(super) fn worst_of(area: &AreaStatus) -> Verdict {
    counts(area)
        .into_iter()
        .find(|(_, count)| *count > 0)
        .map_or(Verdict::Inconclusive, |(verdict, _)| verdict)
}

fn count_cell(theme: Theme, verdict: Verdict, count: u64) -> Cell<'static> {
    let (text, style) = match count {
        0 => ("·".to_owned(), theme.dim()),
        count => (grouped(count), theme.verdict(verdict)),
    };
    Cell::from(Text::from(Span::styled(text, style)).right_aligned())
}

fn draw_devices(state: &State, theme: Theme, frame: &mut Frame<'_>, place: Rect) {
    let devices = state.shown_devices();
    let now = state.snapshot.time;
    let width = usize::from(place.width);
    let names = devices
        .iter()
        .map(|client| device(&client.addresses, client.name.as_ref()));
    let name_width = widest(names, width);
    let room = width.saturating_sub(name_width + 11);
    let all = grouped(state.snapshot.devices);
    let rows: Vec<Row<'_>> = devices
        .iter()
        .map(|client| {
            let standing = standing(client);
            Row::new([
                Cell::from(Span::styled(mark(standing), theme.verdict(standing))),
                Cell::from(fit(
                    &device(&client.addresses, client.name.as_ref()),
                    name_width,
                )),
                Cell::from(trouble(client, room)),
                Cell::from(
                    Text::from(Span::styled(span(now.since(client.last_seen)), theme.dim()))
                        .right_aligned(),
                ),
            ])
        })
        .collect();
    let title = format!("Devices, worst first ({} of {all})", rows.len());
    let widths = [
        Constraint::Length(1),
        Constraint::Length(u16::try_from(name_width).unwrap_or(28)),
        Constraint::Fill(1),
        Constraint::Length(7),
    ];
    let table =
        (!rows.is_empty()).then(|| Table::new(rows, widths).row_highlight_style(theme.chosen()));
    draw_rows(
        frame,
        place,
        titled(state, theme, Pane::Devices, &title),
        table,
        chosen(state, Pane::Devices, state.device_row()),
        nothing(state),
    );
}

/// What is wrong with a device, the first thing and how many more.
fn trouble(client: &ClientStatus, width: usize) -> String {
    let blocked = client.sets.iter().filter(|set| set.blocked_now);
    let failing = |set: &&_| failed_in_window(set);
    let mut telling: Vec<_> = blocked.collect();
    if telling.is_empty() {
        telling = client.sets.iter().filter(failing).collect();
    }
    match telling.as_slice() {
        [] => {
            let reached = |set: &&crate::live::SetStatus| set.in_window == Some(Verdict::Reached);
            let count = client.sets.iter().filter(reached).count();
            match count {
                0 => "nothing can be told yet".to_owned(),
                count => format!("{} reached", counted(count, "endpoint set")),
            }
        }
        [first, rest @ ..] => {
            let why = first.cause.map_or_else(
                || verdict(first.in_window.unwrap_or(Verdict::Degraded)),
                Cause::phrase,
            );
            let more = match rest.len() {
                0 => String::new(),
                count => format!(" (+{count})"),
            };
            let room = width.saturating_sub(more.len());
            fit_host(&safe(&first.host), why, room) + &more
        }
    }
}

/// Columns for names: what the widest needs, at most a third of the line.
fn widest(names: impl Iterator<Item = String>, width: usize) -> usize {
    let needed = names.map(|name| name.width()).max().unwrap_or(0);
    needed.clamp(1, (width / 3).max(1))
}

fn failed_in_window(set: &crate::live::SetStatus) -> bool {
    matches!(
        set.in_window,
        Some(Verdict::Blocked | Verdict::Intercepted | Verdict::Degraded)
    )
}

fn draw_events(state: &State, theme: Theme, frame: &mut Frame<'_>, place: Rect) {
    let width = usize::from(place.width);
    let row = state.event_row();
    // What lies below the last line that can be seen need not be made.
    let needed = row.saturating_add(usize::from(place.height));
    let names = state
        .shown_events()
        .take(needed)
        .map(|event| event.device.clone());
    let name_width = widest(names, width);
    let room = width.saturating_sub(name_width + 12);
    let rows: Vec<Row<'_>> = state
        .shown_events()
        .take(needed)
        .map(|event| {
            let (sign, style) = event.verdict.map_or((" ", Style::new()), |verdict| {
                (mark(verdict), theme.verdict(verdict))
            });
            Row::new([
                Cell::from(Span::styled(clock(event.time), theme.dim())),
                Cell::from(Span::styled(sign, style)),
                Cell::from(fit(&event.device, name_width)),
                Cell::from(fit_host(&event.host, &event.text, room)),
            ])
        })
        .collect();
    let widths = [
        Constraint::Length(8),
        Constraint::Length(1),
        Constraint::Length(u16::try_from(name_width).unwrap_or(28)),
        Constraint::Fill(1),
    ];
    let table =
        (!rows.is_empty()).then(|| Table::new(rows, widths).row_highlight_style(theme.chosen()));
    draw_rows(
        frame,
        place,
        titled(state, theme, Pane::Events, "Events, newest first"),
        table,
        chosen(state, Pane::Events, row),
        nothing(state),
    );
}

/// Lines under a title, scrolled no further than to the last of them.
fn draw_page(
    frame: &mut Frame<'_>,
    place: Rect,
    theme: Theme,
    title: &str,
    lines: Vec<Line<'_>>,
    scrolled: usize,
) {
    let block = Block::new()
        .borders(Borders::TOP)
        .border_style(theme.dim())
        .title(Span::styled(format!("{title} "), theme.title()));
    let height = usize::from(place.height.saturating_sub(1));
    let first = scrolled.min(lines.len().saturating_sub(height));
    let text = Text::from_iter(lines.into_iter().skip(first).take(height));
    frame.render_widget(Paragraph::new(text).block(block), place);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::replayed::replay;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use std::sync::Arc;
    use std::time::Duration;

    /// A screen after a real recording went by.
    fn state(recording: &str) -> State {
        let (monitor, events) = replay(recording, Duration::from_secs(30));
        let mut state = State::new(Arc::new(monitor.snapshot(500)), false);
        state.take_events(events);
        state.take_snapshot(Arc::new(monitor.snapshot(500)));
        state
    }

    fn press(state: &mut State, keys: &[KeyCode]) {
        for key in keys {
            state.take_key(KeyEvent::new(*key, KeyModifiers::NONE));
        }
    }

    fn text(state: &State, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(state, frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_screen_shows_areas_devices_worst_first_and_events() {
        insta::assert_snapshot!("panes_80x24", text(&state("firewall_mixed"), 80, 24));
        insta::assert_snapshot!("panes_140x45", text(&state("vxlan_two_clients"), 140, 45));
    }

    #[test]
    fn enter_opens_what_is_chosen_and_escape_goes_back() {
        let mut state = state("firewall_mixed");
        let panes = text(&state, 80, 24);
        press(&mut state, &[KeyCode::Enter]);
        insta::assert_snapshot!("device_80x24", text(&state, 80, 24));
        press(&mut state, &[KeyCode::Esc]);
        assert_eq!(text(&state, 80, 24), panes);
        press(&mut state, &[KeyCode::BackTab, KeyCode::Enter]);
        insta::assert_snapshot!("area_80x24", text(&state, 80, 24));
        let area = text(&state, 80, 24);
        press(&mut state, &[KeyCode::Down, KeyCode::Down, KeyCode::Enter]);
        insta::assert_snapshot!("set_80x24", text(&state, 80, 24));
        press(&mut state, &[KeyCode::Esc, KeyCode::Up, KeyCode::Up]);
        assert_eq!(text(&state, 80, 24), area);
        press(&mut state, &[KeyCode::Esc, KeyCode::Char('?')]);
        insta::assert_snapshot!("help_80x24", text(&state, 80, 24));
    }

    #[test]
    fn areas_count_traffic_on_a_key_and_both_where_there_is_room() {
        let mut state = state("firewall_mixed");
        insta::assert_snapshot!("panes_190x20", text(&state, 190, 20));
        press(&mut state, &[KeyCode::Char('t')]);
        insta::assert_snapshot!("traffic_80x24", text(&state, 80, 24));
    }

    #[test]
    fn a_filter_leaves_what_fits_and_pausing_holds_the_screen_still() {
        let mut state = state("vxlan_two_clients");
        let all = state.shown_devices().len();
        assert_eq!(all, 2);
        let wanted = state.shown_devices()[1].addresses[0];
        press(&mut state, &[KeyCode::Char('/')]);
        for letter in wanted.to_string().chars() {
            press(&mut state, &[KeyCode::Char(letter)]);
        }
        press(&mut state, &[KeyCode::Enter]);
        assert_eq!(state.shown_devices().len(), 1);
        assert!(!state.wants_to_quit());
        press(&mut state, &[KeyCode::Esc]);
        assert_eq!(state.shown_devices().len(), all);

        press(&mut state, &[KeyCode::Char('p')]);
        let still = text(&state, 80, 24);
        let (monitor, events) = replay("firewall_mixed", Duration::from_secs(30));
        state.take_snapshot(Arc::new(monitor.snapshot(500)));
        state.take_events(events);
        assert_eq!(text(&state, 80, 24), still);
        press(&mut state, &[KeyCode::Char('p')]);
        let went_on = text(&state, 80, 24);
        assert_ne!(went_on, still);
    }

    #[test]
    fn no_size_and_no_key_brings_it_down() {
        let mut state = state("firewall_mixed");
        let keys = [
            KeyCode::Tab,
            KeyCode::Down,
            KeyCode::End,
            KeyCode::PageUp,
            KeyCode::Enter,
            KeyCode::PageDown,
            KeyCode::End,
            KeyCode::Home,
            KeyCode::Down,
            KeyCode::Enter,
            KeyCode::Down,
            KeyCode::Esc,
            KeyCode::Esc,
            KeyCode::BackTab,
            KeyCode::Char('t'),
            KeyCode::Char('?'),
            KeyCode::F(5),
            KeyCode::Char('/'),
            KeyCode::Char('\u{202e}'),
            KeyCode::Backspace,
            KeyCode::Char('%'),
            KeyCode::Enter,
            KeyCode::Enter,
            KeyCode::End,
            KeyCode::Esc,
        ];
        for (width, height) in [
            (1, 1),
            (20, 5),
            (44, 11),
            (60, 12),
            (80, 24),
            (131, 12),
            (300, 90),
        ] {
            for key in keys {
                press(&mut state, &[key]);
                text(&state, width, height);
            }
        }
    }

    #[test]
    fn nothing_from_the_network_commands_the_terminal() {
        const ATTACK: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\r\u{9b}31m\u{202e}\u{200b}";
        let (monitor, _) = replay("firewall_mixed", Duration::from_secs(30));
        let mut snapshot = monitor.snapshot(500);
        for client in &mut snapshot.clients {
            client.name = Some(ATTACK.into());
            for set in &mut client.sets {
                set.host = ATTACK.into();
            }
        }
        for host in snapshot.sets.iter_mut().flat_map(|set| &mut set.hosts) {
            host.host = ATTACK.into();
        }
        let mut state = State::new(Arc::new(snapshot), true);
        for keys in [
            &[][..],
            &[KeyCode::Enter],
            &[KeyCode::Esc, KeyCode::BackTab, KeyCode::Enter],
            &[KeyCode::Enter],
        ] {
            press(&mut state, keys);
            let shown = text(&state, 140, 40);
            let driving = shown
                .chars()
                .find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202e}' | '\u{200b}'));
            assert_eq!(driving, None, "{shown}");
            assert!(shown.contains("[2J"), "{shown}");
        }
    }
}
