//! The page: every metric with its meaning, in OpenMetrics or in the older text format of Prometheus.

use crate::facts::Timestamp;
use crate::live::EventKind;
use crate::live::snapshot::{AreaStatus, Snapshot};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// The form of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// OpenMetrics 1.0.0, which Prometheus asks for.
    OpenMetrics,
    /// The text format that came before it (0.0.4), for everything else.
    Text,
}

impl Form {
    /// The media type, as a header has it.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The page of one snapshot.
#[must_use]
pub fn page(snapshot: Arc<Snapshot>, form: Form) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Metrics(snapshot)));
    let mut page = String::with_capacity(16 << 10);
    // Writing to a string does not fail.
    let _ = text::encode(&mut page, &registry);
    match form {
        Form::OpenMetrics => page,
        Form::Text => as_text(&page),
    }
}

/// The older format names a counter by its samples, and knows neither units nor an end.
fn as_text(page: &str) -> String {
    let counters: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(page.len());
    for line in page.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let described = ["# HELP ", "# TYPE "].into_iter().find_map(|head| {
            let (name, rest) = line.strip_prefix(head)?.split_once(' ')?;
            counters.contains(name).then_some((head, name, rest))
        });
        match described {
            Some((head, name, rest)) => {
                text.extend([head, name, "_total ", rest]);
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[derive(Debug)]
struct Metrics(Arc<Snapshot>);

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut sheet = Sheet { encoder };
        let now = &*self.0;
        sheet.general(now)?;
        sheet.interfaces(now)?;
        sheet.tables(now)?;
        sheet.devices(now)
    }
}

/// Label names with values.
type Labels<'l> = &'l [(&'static str, &'l str)];

struct Sheet<'e> {
    encoder: DescriptorEncoder<'e>,
}

impl Sheet<'_> {
    fn general(&mut self, now: &Snapshot) -> fmt::Result {
        let version = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("edition", now.edition.as_str()),
        ];
        self.gauge(
            "intap_build_info",
            "Always 1; the version of intap and the edition that is judged by",
            |sample| sample(&version, 1.0),
        )?;
        self.seconds(
            "intap_start_time",
            "When watching began, since 1970",
            seconds(now.started),
        )?;
        self.seconds(
            "intap_state_time",
            "The moment that this page shows, since 1970",
            seconds(now.time),
        )?;
        self.seconds(
            "intap_window",
            "The rolling window of verdicts",
            now.window.as_secs_f64(),
        )?;
        self.counter("intap_frames", "Frames seen", |sample| {
            sample(&[], now.frames)
        })?;
        let bytes = self.encoder.encode_descriptor(
            "intap_wire",
            "What the frames seen measured on the wire",
            Some(&Unit::Bytes),
            MetricType::Counter,
        )?;
        count(bytes, now.octets)?;
        self.counter("intap_events", "Events told, by kind", |sample| {
            EventKind::NAMES.into_iter().try_for_each(|name| {
                let told = now.events.iter().find(|(known, _)| *known == name);
                sample(&[("event", name)], told.map_or(0, |(_, count)| *count))
            })
        })
    }

    fn interfaces(&mut self, now: &Snapshot) -> fmt::Result {
        let all = &now.interfaces;
        self.gauge(
            "intap_interface_up",
            "1 while the interface is watched, 0 while it is waited for",
            |sample| {
                all.iter().try_for_each(|one| {
                    sample(&[("interface", &one.name)], f64::from(u8::from(one.up)))
                })
            },
        )?;
        self.counter(
            "intap_interface_frames",
            "Frames read from the interface",
            |sample| {
                all.iter()
                    .try_for_each(|one| sample(&[("interface", &one.name)], one.frames))
            },
        )?;
        self.counter(
            "intap_interface_dropped_packets",
            "Packets lost before intap saw them: by the kernel for want of buffer, or by the interface",
            |sample| {
                all.iter().try_for_each(|one| {
                    let labels = |by| [("interface", one.name.as_str()), ("by", by)];
                    sample(&labels("kernel"), one.dropped_by_kernel)?;
                    sample(&labels("interface"), one.dropped_by_device)
                })
            },
        )?;
        self.counter(
            "intap_interface_losses",
            "Times the interface went down or away",
            |sample| {
                all.iter()
                    .try_for_each(|one| sample(&[("interface", &one.name)], one.losses))
            },
        )
    }

    fn tables(&mut self, now: &Snapshot) -> fmt::Result {
        let tables = &now.tables;
        self.gauge(
            "intap_table_entries",
            "Entries in the tables now",
            |sample| {
                [
                    ("flows", tables.flows),
                    ("clients", tables.clients),
                    ("hosts", tables.hosts),
                    ("names", tables.names),
                ]
                .into_iter()
                .try_for_each(|(table, entries)| sample(&[("table", table)], float(entries)))
            },
        )?;
        self.counter(
            "intap_table_evictions",
            "Entries let go of early because a table was full",
            |sample| {
                sample(&[("table", "flows")], tables.flows_evicted)?;
                sample(&[("table", "clients")], tables.clients_evicted)
            },
        )?;
        self.counter(
            "intap_clients_expired",
            "Client addresses forgotten after long silence",
            |sample| sample(&[], tables.clients_expired),
        )
    }

    fn devices(&mut self, now: &Snapshot) -> fmt::Result {
        self.gauge("intap_devices", "Devices that are watched", |sample| {
            sample(&[], wide(now.devices))
        })?;
        self.gauge(
            "intap_devices_blocked",
            "Devices for which a host of the endpoint list is blocked now",
            |sample| sample(&[], wide(now.devices_blocked)),
        )?;
        self.gauge(
            "intap_area_devices",
            "Devices by the verdict on their worst endpoint set of a feature area, over the window",
            |sample| {
                now.areas.iter().try_for_each(|area| {
                    by_verdict(area)
                        .into_iter()
                        .try_for_each(|(verdict, devices)| {
                            let labels = [("feature_area", area.area.name()), ("verdict", verdict)];
                            sample(&labels, wide(devices))
                        })
                })
            },
        )?;
        self.gauge(
            "intap_set_devices",
            "Devices by the verdict on an endpoint set, over the window",
            |sample| {
                now.sets.iter().try_for_each(|total| {
                    let set = total.set.to_string();
                    by_verdict(&total.devices)
                        .into_iter()
                        .try_for_each(|(verdict, devices)| {
                            let labels = [
                                ("endpoint_set", set.as_str()),
                                ("feature_area", total.devices.area.name()),
                                ("verdict", verdict),
                            ];
                            sample(&labels, wide(devices))
                        })
                })
            },
        )?;
        self.gauge(
            "intap_blocked_devices",
            "Devices blocked now, by feature area and cause; a device with two causes counts twice",
            |sample| {
                now.blocked.iter().try_for_each(|total| {
                    let labels = [
                        ("feature_area", total.area.name()),
                        ("cause", total.cause.code()),
                    ];
                    sample(&labels, wide(total.devices))
                })
            },
        )
    }

    /// One gauge; `samples` is given what takes its samples. A metric without samples is left out.
    fn gauge(
        &mut self,
        name: &'static str,
        help: &str,
        samples: impl FnOnce(&mut dyn FnMut(Labels<'_>, f64) -> fmt::Result) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = self
            .encoder
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        samples(&mut |labels, value| match labels {
            [] => family.encode_gauge(&value),
            labels => family.encode_family(&labels)?.encode_gauge(&value),
        })
    }

    fn counter(
        &mut self,
        name: &'static str,
        help: &str,
        samples: impl FnOnce(&mut dyn FnMut(Labels<'_>, u64) -> fmt::Result) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = self
            .encoder
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        samples(&mut |labels, value| match labels {
            [] => family.encode_counter::<NoLabelSet, _, u64>(&value, None),
            labels => family
                .encode_family(&labels)?
                .encode_counter::<NoLabelSet, _, u64>(&value, None),
        })
    }

    fn seconds(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.encoder
            .encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?
            .encode_gauge(&value)
    }
}

fn count(mut family: MetricEncoder<'_>, value: u64) -> fmt::Result {
    family.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn by_verdict(devices: &AreaStatus) -> [(&'static str, u64); 5] {
    use crate::audit::Verdict;
    [
        (Verdict::Reached.code(), devices.reached),
        (Verdict::Degraded.code(), devices.degraded),
        (Verdict::Intercepted.code(), devices.intercepted),
        (Verdict::Blocked.code(), devices.blocked),
        (Verdict::Inconclusive.code(), devices.inconclusive),
    ]
}

/// Exact below 2^53, which no count of devices reaches.
#[allow(clippy::cast_precision_loss, reason = "counts are small")]
fn wide(count: u64) -> f64 {
    count as f64
}

#[allow(clippy::cast_precision_loss, reason = "counts are small")]
fn float(count: usize) -> f64 {
    count as f64
}

#[allow(clippy::cast_precision_loss, reason = "microseconds are enough")]
fn seconds(time: Timestamp) -> f64 {
    (time.0 / 1_000) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::InterfaceStatus;
    use crate::live::replayed::replay;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn snapshot() -> Arc<Snapshot> {
        let (monitor, _) = replay("firewall_mixed", Duration::from_secs(60));
        let mut snapshot = monitor.snapshot(0);
        // Interfaces are told by what captures; a name may hold what the format uses itself.
        snapshot.interfaces.push(InterfaceStatus {
            name: "eth\"0\\\n".into(),
            up: true,
            ..InterfaceStatus::default()
        });
        Arc::new(snapshot)
    }

    /// Reads a page of the text format and holds it to the format's rules: every sample after the HELP and TYPE of its own
    /// metric, families in one piece, no series twice, values that are numbers.
    fn read(page: &str) -> BTreeMap<String, f64> {
        let mut series = BTreeMap::new();
        let mut families = BTreeSet::new();
        let (mut helped, mut typed) = (String::new(), String::new());
        assert!(page.ends_with('\n'));
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                helped = rest.split_once(' ').expect("a help text").0.to_owned();
                assert!(families.insert(helped.clone()), "{line}: twice");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert_eq!(name, helped);
                assert!(matches!(kind, "counter" | "gauge"), "{line}");
                assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
                name.clone_into(&mut typed);
            } else {
                let (labelled, value) = line.rsplit_once(' ').expect("a value");
                let name = labelled.split('{').next().expect("a name");
                assert_eq!(name, typed, "{line}");
                let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(
                    name.starts_with("intap_") && name.chars().all(legal),
                    "{line}"
                );
                let value = value.parse().expect("a number");
                assert!(
                    series.insert(labelled.to_owned(), value).is_none(),
                    "{line}: twice"
                );
            }
        }
        series
    }

    #[test]
    fn a_page_follows_the_format_and_says_what_the_snapshot_says() {
        let snapshot = snapshot();
        let series = read(&page(Arc::clone(&snapshot), Form::Text));
        let value = |name: &str| series.get(name).copied();
        assert_eq!(value("intap_frames_total"), Some(wide(snapshot.frames)));
        assert_eq!(value("intap_wire_bytes_total"), Some(wide(snapshot.octets)));
        assert_eq!(value("intap_devices"), Some(1.0));
        assert_eq!(value("intap_devices_blocked"), Some(1.0));
        assert_eq!(value("intap_events_total{event=\"stopped\"}"), Some(0.0));
        assert_eq!(
            value("intap_interface_up{interface=\"eth\\\"0\\\\\\n\"}"),
            Some(1.0)
        );
        for area in &snapshot.areas {
            let name = format!(
                "intap_area_devices{{feature_area=\"{}\",verdict=\"blocked\"}}",
                area.area.name()
            );
            assert_eq!(value(&name), Some(wide(area.blocked)));
        }
        for (name, count) in &snapshot.events {
            let name = format!("intap_events_total{{event=\"{name}\"}}");
            assert_eq!(value(&name), Some(wide(*count)));
        }
        assert!(!snapshot.blocked.is_empty());
        assert!(snapshot.areas.iter().any(|area| area.blocked > 0));
    }

    #[test]
    fn no_label_names_a_device_or_a_host() {
        let snapshot = snapshot();
        let page = page(Arc::clone(&snapshot), Form::OpenMetrics);
        assert!(page.ends_with("# EOF\n") && page.contains("# UNIT intap_wire_bytes bytes\n"));
        let labels: BTreeSet<&str> = page
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('{'))
            .flat_map(|(_, labels)| labels.split("\",").chain([]))
            .filter_map(|label| Some(label.split_once('=')?.0))
            .collect();
        let bounded = [
            "by",
            "cause",
            "edition",
            "endpoint_set",
            "event",
            "feature_area",
            "interface",
            "table",
            "verdict",
            "version",
        ];
        assert!(
            labels.iter().all(|label| bounded.contains(label)),
            "{labels:?}"
        );
        assert!(labels.contains("endpoint_set") && labels.contains("cause"));
        let monitor = replay("firewall_mixed", Duration::from_secs(60)).0;
        for client in monitor.snapshot(10).clients {
            for set in &client.sets {
                assert!(!page.contains(set.host.as_str()), "{}", set.host);
            }
        }
    }
}
