//! `intap live`: interfaces in; events while it runs, a report at the end.

mod announce;
mod log;
mod recording;
mod settings;
mod signals;
mod size;
#[cfg(feature = "tables")]
mod tables;
mod terminal;

use super::audit::{self, FailOn, Format};
use super::catalog::{self, Choice};
use super::exit_status::ExitStatus;
use super::output::Output;
use super::wants_colour;
use crate::audit::{AuditLimits, AuditOptions, AuditReport, ScenarioPlan};
use crate::catalog::{Catalog, ScenarioFile};
use crate::live::board::Board;
use crate::live::capturing::capture;
use crate::live::filter::Expression;
use crate::live::link::{Message, link};
use crate::live::metrics::Server;
use crate::live::recording::{RecordingDesk, record};
use crate::live::sandbox::{self, Needs};
use crate::live::source::{self, CaptureOptions, Sources};
use crate::live::{Event, EventKind, Monitor, MonitorOptions, Tap};
use crate::observe::Limits;
use announce::Announcer;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use compact_str::CompactString;
use log::Log;
use recording::{RecordingParts, RecordingPlan};
use settings::Settings;
use signals::Signals;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(feature = "tables")]
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use terminal::Inbox;
use tracing::{error, info, warn};

/// The rolling window of verdicts, unless another is asked for: long enough for a device that tries every few minutes.
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// The kernel's buffer in MiB: a second of a full gigabit link fits into two of them.
const BUFFER_MIB: u32 = 64;

/// As tcpdump has it: no packet is longer, not even one that a network card has put together.
const SNAP_LENGTH: u32 = 262_144;

/// Client addresses remembered.
const CLIENTS: u32 = 20_000;

/// Devices that a screen lists.
const LISTED: usize = 500;

/// Longest wait for a message, so that signals are answered.
const PATIENCE: Duration = Duration::from_millis(100);

/// What was typed.
#[derive(Debug, Args)]
#[command(
    after_help = "Signals: SIGTERM and SIGINT end it with a last report, SIGUSR1 writes a report now, SIGHUP reads \
    configuration and catalogue again. docs/live.md has the rest."
)]
pub struct Arguments {
    #[command(flatten)]
    settings: Settings,

    /// Options from a TOML file, under the names they have here; what is typed goes first
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Check options, configuration and catalogue, and end
    #[arg(long)]
    check_config: bool,
}

/// What the monitor judges by; it can be read again while it runs.
struct Rules {
    catalog: Arc<Catalog>,
    audit: AuditOptions,
    window: Duration,
}

impl Arguments {
    /// The command line over the file.
    fn settings(&self) -> anyhow::Result<Settings> {
        let typed = self.settings.clone();
        Ok(match &self.config {
            Some(path) => typed.over(Settings::read(path)?),
            None => typed,
        })
    }
}

impl Rules {
    fn of(settings: &Settings) -> anyhow::Result<Self> {
        let scenarios = ScenarioFile::shipped()?;
        let plan = ScenarioPlan::parse(&settings.scenario, &scenarios).context("--scenario")?;
        let choice = Choice::new(settings.edition.as_deref(), settings.catalog.clone());
        let catalog = choice.open()?.catalog()?;
        let scenario = plan
            .with_region(
                settings.tenant.as_deref(),
                settings.region.as_deref(),
                &catalog,
            )
            .context(if settings.tenant.is_some() {
                "--tenant"
            } else {
                "--region"
            })?;
        Ok(Self {
            catalog: Arc::new(catalog),
            audit: AuditOptions {
                scenario,
                clients: settings.client.clone(),
                keep_timeline: settings.format == Some(Format::Html),
                ..AuditOptions::default()
            },
            window: settings.window.map_or(WINDOW, |span| span.0),
        })
    }
}

/// Watches until told to stop.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let settings = arguments.settings()?;
    let rules = Rules::of(&settings)?;
    let filter = settings
        .filter
        .as_deref()
        .map(Expression::parse)
        .transpose()
        .context("--filter")?;
    if settings.interface.is_empty() {
        bail!("no interface named; give one with -i, `intap interfaces` lists them");
    }
    let mut names = settings.interface.clone();
    let named = names.len();
    names.sort();
    names.dedup();
    if names.len() < named || (named > 1 && names.iter().any(|name| name == "any")) {
        bail!("an interface is named twice (any is all of them); each packet is to be seen once");
    }
    let place = ReportPlace::of(&settings)?;
    let recording = RecordingPlan::of(&settings)?;
    #[cfg(feature = "tables")]
    let tables = tables::Plan::of(&settings)?;
    if arguments.check_config {
        println!("the configuration is valid");
        return Ok(ExitStatus::Clean);
    }
    let log = Log::start();
    let signals = Signals::listen().context("signals")?;
    let sources = Sources::open(
        &settings.interface,
        CaptureOptions {
            buffer_mib: settings.buffer_size.unwrap_or(BUFFER_MIB),
            snap_length: settings.snaplen.unwrap_or(SNAP_LENGTH),
            promiscuous: !settings.no_promiscuous,
            immediate: settings.immediate,
            filter,
        },
    )?;
    warn_of_small_buffer(&settings);
    let announcer = Announcer::open(settings.events.as_deref(), on_screen(&settings))?;
    let metrics = listen(&settings)?;
    if let Some(plan) = &recording {
        plan.make_folder(settings.user.as_deref())?;
    }
    #[cfg(feature = "tables")]
    if let Some(tables) = &tables {
        tables.make_folder(settings.user.as_deref())?;
    }
    enclose(&settings, arguments)?;
    place.check()?;
    let recording = recording
        .map(|plan| plan.open(sources.summaries()))
        .transpose()?;
    #[cfg(feature = "tables")]
    let tables = tables.map(|plan| plan.start(source::now())).transpose()?;
    watch(
        arguments,
        &settings,
        rules,
        sources,
        announcer,
        metrics,
        recording,
        #[cfg(feature = "tables")]
        tables,
        &place,
        &signals,
        &log,
    )
}

/// Whether a screen is shown instead of events on standard output.
fn on_screen(settings: &Settings) -> bool {
    !settings.headless && settings.events.as_deref() != Some(Path::new("-")) && terminal::is_there()
}

/// Where metrics are shown, if anywhere.
fn listen(settings: &Settings) -> anyhow::Result<Option<Server>> {
    let Some(address) = settings.metrics else {
        return Ok(None);
    };
    let server = Server::bind(address)
        .and_then(|server| Ok((server.address()?, server)))
        .with_context(|| format!("--metrics {address}: cannot listen there; give another port or an address of this machine"));
    let (address, server) = server?;
    info!("metrics at http://{address}/metrics");
    if !address.ip().is_loopback() {
        warn!("whoever reaches {address} can read the metrics; they name no device and no host");
    }
    Ok(Some(server))
}

#[allow(clippy::too_many_arguments, reason = "the parts of one run")]
/// Runs the capturing thread beside this one until the end, then writes the last report.
fn watch(
    arguments: &Arguments,
    settings: &Settings,
    rules: Rules,
    sources: Sources,
    mut announcer: Announcer,
    metrics: Option<Server>,
    recording: Option<RecordingParts>,
    #[cfg(feature = "tables")] tables: Option<tables::Tables>,
    place: &ReportPlace,
    signals: &Signals,
    log: &Log,
) -> anyhow::Result<ExitStatus> {
    let limits = AuditLimits::of_monitor(
        usize::try_from(settings.max_clients.unwrap_or(CLIENTS)).unwrap_or(usize::MAX),
    );
    let interfaces: Vec<CompactString> = sources
        .status()
        .into_iter()
        .map(|status| status.name)
        .collect();
    info!(
        "watching {} by endpoint list {}",
        interfaces.join(", "),
        rules.catalog.edition().name
    );
    let options = MonitorOptions {
        audit: rules.audit,
        limits,
        window: rules.window,
    };
    let monitor = Monitor::new(
        rules.catalog,
        ScenarioFile::shipped()?,
        options,
        interfaces,
        source::now(),
    );
    let (sender, receiver) = link();
    let inbox = on_screen(settings).then(Inbox::default);
    let watchers = Watchers {
        listed: inbox.as_ref().map_or(0, |_| LISTED),
        board: Board::new(monitor.snapshot(0)),
        wanted: metrics.is_some() || inbox.is_some(),
        inbox,
    };
    let duration = settings.duration.map(|span| span.0);
    let tap = Tap::new(Limits::of_monitor());
    let (memory, desk, writing) = match recording {
        Some(parts) => (
            Some(parts.memory),
            Some(parts.desk),
            Some((parts.recorder, parts.orders)),
        ),
        None => (None, None, None),
    };
    let ended = std::thread::scope(|scope| {
        let memory = memory.as_ref();
        scope.spawn(move || capture(sources, tap, sender, memory, signals.stop(), duration));
        if let (Some((recorder, orders)), Some(memory)) = (writing, memory) {
            scope.spawn(move || record(recorder, memory, &orders));
        }
        if let Some(server) = metrics {
            scope.spawn(|| server.run(&watchers.board, signals.stop()));
        }
        let screen = watchers.inbox.as_ref().map(|inbox| {
            log.hold();
            let board = &watchers.board;
            scope.spawn(move || terminal::show(board, inbox, signals, wants_colour()))
        });
        let ended = judge(
            arguments,
            monitor,
            &receiver,
            &watchers,
            &mut announcer,
            desk,
            #[cfg(feature = "tables")]
            tables,
            place,
            signals,
        );
        // Whatever ended the judging, the other thread is to end too.
        signals.ask_to_stop();
        drop(receiver);
        if let Some(screen) = screen {
            let shown = screen.join();
            log.release();
            if let Ok(Err(cause)) = shown {
                error!("the screen ended: {cause}");
            }
        }
        ended
    });
    let (report, complete) = ended?;
    info!("stopped after {} frames", report.capture.frames);
    place.write(&report)?;
    if !complete {
        return Ok(ExitStatus::CouldNot);
    }
    Ok(audit::status(
        &report,
        settings.fail_on.unwrap_or(FailOn::Hard),
    ))
}

/// Takes what the capturing thread tells until it has told everything. The last report, and whether everything that goes with it
/// was written.
#[allow(clippy::too_many_arguments, reason = "the parts of one run")]
fn judge(
    arguments: &Arguments,
    mut monitor: Monitor,
    receiver: &Receiver<Message>,
    watchers: &Watchers,
    announcer: &mut Announcer,
    mut desk: Option<RecordingDesk>,
    #[cfg(feature = "tables")] mut tables: Option<tables::Tables>,
    place: &ReportPlace,
    signals: &Signals,
) -> anyhow::Result<(AuditReport, bool)> {
    use crate::facts::FactSink;
    #[cfg(feature = "tables")]
    if tables.is_some() {
        monitor.keep_ended();
    }
    watchers.tell(&monitor.take_events(), announcer)?;
    loop {
        match receiver.recv_timeout(PATIENCE) {
            Ok(Message::Facts(facts)) => facts.into_iter().for_each(|fact| monitor.accept(fact)),
            Ok(Message::Pulse(pulse)) => {
                let now = pulse.now;
                monitor.pulse(*pulse);
                if let Some(desk) = &mut desk {
                    desk.pulse(now);
                    let outcomes = desk.take_outcomes();
                    outcomes.into_iter().for_each(|kind| monitor.tell(kind));
                }
                if watchers.wanted {
                    watchers.board.refresh(|| monitor.snapshot(watchers.listed));
                }
            }
            Ok(Message::End(capture)) => {
                let outcomes = desk.map(RecordingDesk::finish).unwrap_or_default();
                outcomes.into_iter().for_each(|kind| monitor.tell(kind));
                #[cfg(feature = "tables")]
                let tables = tables.take().map(|tables| tables.hand_over(&mut monitor));
                let (report, events) = monitor.finish(*capture);
                #[cfg(feature = "tables")]
                let (report, complete) = tables::finish(tables, report);
                #[cfg(not(feature = "tables"))]
                let complete = true;
                announcer.tell(&events)?;
                return Ok((report, complete));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(anyhow!("the capture ended unexpectedly"));
            }
        }
        if signals.take_reload() {
            reload(arguments, &mut monitor);
            announcer.reopen();
        }
        if signals.take_report() {
            let written = match &watchers.inbox {
                // Standard output is the screen's.
                Some(_) if place.file.is_none() => Ok(None),
                _ => place.write(&monitor.report_so_far()),
            };
            match written {
                Ok(Some(place)) => monitor.tell(EventKind::ReportWritten { place }),
                Ok(None) => warn!("no place for a report; start with -o FILE"),
                Err(cause) => error!("{cause:#}"),
            }
        }
        #[cfg(feature = "tables")]
        if let Some(tables) = &mut tables {
            tables.keep_up(&mut monitor, signals.stop().load(Ordering::Relaxed));
        }
        let events = monitor.take_events();
        if let Some(desk) = &mut desk {
            desk.tell(&events);
        }
        watchers.tell(&events, announcer)?;
    }
}

/// Who looks on while the monitor judges.
struct Watchers {
    /// The newest snapshot.
    board: Board,
    /// Somebody looks at it.
    wanted: bool,
    /// Devices in a snapshot.
    listed: usize,
    /// Events for the screen; `None` without one.
    inbox: Option<Inbox>,
}

impl Watchers {
    fn tell(&self, events: &[Event], announcer: &mut Announcer) -> io::Result<()> {
        if let Some(inbox) = &self.inbox {
            inbox.put(events);
        }
        announcer.tell(events)
    }
}

/// Reads configuration and catalogue again; what is not valid changes nothing.
fn reload(arguments: &Arguments, monitor: &mut Monitor) {
    let rules = arguments
        .settings()
        .and_then(|settings| Rules::of(&settings));
    match rules {
        Ok(rules) => monitor.reload(rules.catalog, rules.audit, rules.window),
        Err(cause) => {
            let reason = crate::facts::printable(format!("{cause:#}").as_bytes(), 2_000);
            monitor.tell(EventKind::ReloadRefused {
                reason: reason.to_string(),
            });
        }
    }
}

fn enclose(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    if settings.no_sandbox {
        if settings.user.is_some() {
            bail!("--user gives up rights and --no-sandbox keeps them; leave one of them out");
        }
        warn!("all rights are kept (--no-sandbox)");
        return Ok(());
    }
    let folder = |path: &PathBuf| match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    // Files are replaced by others of the same name, so the folders are needed, not the files.
    let read = [&arguments.config, &settings.catalog];
    let write = [&settings.output, &settings.events];
    let needs = Needs {
        read: read
            .into_iter()
            .flatten()
            .map(folder)
            .chain(catalog::imported_folder())
            .collect(),
        write: write
            .into_iter()
            .flatten()
            .map(folder)
            .chain(settings.record.clone())
            .chain(tables_folder(settings))
            .collect(),
        reopen: !settings.no_reopen,
        user: settings.user.clone(),
    };
    let enclosed = sandbox::enclose(&needs)?;
    info!(
        "rights given up; capabilities left: {}; Landlock: {}; seccomp: {}",
        if enclosed.capabilities.is_empty() {
            "none".to_owned()
        } else {
            enclosed.capabilities.join(", ")
        },
        enclosed.landlock,
        enclosed.seccomp
    );
    Ok(())
}

#[cfg(feature = "tables")]
fn tables_folder(settings: &Settings) -> Option<PathBuf> {
    settings.tables.clone()
}

#[cfg(not(feature = "tables"))]
fn tables_folder(_: &Settings) -> Option<PathBuf> {
    None
}

/// A buffer of fixed slots holds few packets.
fn warn_of_small_buffer(settings: &Settings) {
    if !settings.immediate {
        return;
    }
    let octets = u64::from(settings.buffer_size.unwrap_or(BUFFER_MIB)) << 20;
    let slots = octets / u64::from(settings.snaplen.unwrap_or(SNAP_LENGTH)).max(1);
    if slots < 16_384 {
        warn!(
            "--immediate divides the buffer into {slots} slots of the snap length; packets beyond are dropped. Leave it out, \
             or give a smaller --snaplen and a larger --buffer-size"
        );
    }
}

/// Where reports go.
struct ReportPlace {
    format: Format,
    /// `None` is standard output.
    file: Option<PathBuf>,
    /// Standard output is taken by events that are read by a program.
    nowhere: bool,
}

impl ReportPlace {
    fn of(settings: &Settings) -> anyhow::Result<Self> {
        let dash = |path: &&PathBuf| path.as_path() == Path::new("-");
        let events_in_file = settings.events.as_ref().is_some_and(|path| !dash(&path));
        if settings.output.as_ref().filter(dash).is_some() && !events_in_file {
            bail!("events and report both go to standard output; give --events FILE or -o FILE");
        }
        let file = settings.output.clone().filter(|path| !dash(&path));
        Ok(Self {
            format: settings.format.unwrap_or(Format::Text),
            nowhere: file.is_none() && !events_in_file && !io::stdout().is_terminal(),
            file,
        })
    }

    /// Finds out now, not after a week, that no report can be written.
    fn check(&self) -> anyhow::Result<()> {
        match &self.file {
            Some(path) => Output::open(Some(path))
                .map(drop)
                .with_context(|| format!("-o {}: no report can be written there", path.display())),
            None => Ok(()),
        }
    }

    /// Writes a report and says where; `None` when there is no place for one.
    fn write(&self, report: &AuditReport) -> anyhow::Result<Option<String>> {
        if self.nowhere {
            return Ok(None);
        }
        let shown = match &self.file {
            Some(path) => {
                crate::facts::printable(path.as_os_str().as_encoded_bytes(), 1_024).to_string()
            }
            None => "standard output".to_owned(),
        };
        audit::write(report, self.format, self.file.as_deref())
            .with_context(|| format!("the report could not be written to {shown}"))?;
        Ok(Some(shown))
    }
}
