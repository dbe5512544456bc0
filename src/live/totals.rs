//! All devices added up: per feature area, endpoint set, host, and cause.
//!
//! In come the watched devices, of which there may be tens of thousands with a dozen hosts each; a screen wants this a few
//! times a minute at least, so each device and host is touched once and little is allocated.

use super::monitor::{Watched, WatchedHost};
use super::snapshot::{AreaStatus, BlockedTotal, HostTotal, MOST_HOSTS, SetTotal};
use crate::audit::standing::Traffic;
use crate::audit::{Auditor, Cause, Verdict};
use crate::catalog::{FeatureArea, SetKey};
use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Sums under way.
pub(super) struct Totals<'w> {
    areas: BTreeMap<FeatureArea, AreaStatus>,
    sets: HashMap<&'w SetKey, AreaStatus, RandomState>,
    blocked: BTreeMap<(FeatureArea, Cause), u64>,
    hosts: HashMap<(&'w SetKey, &'w CompactString), HostTotal, RandomState>,
}

impl<'w> Totals<'w> {
    /// The sums over `devices`, with hosts where they are wanted.
    pub(super) fn of(devices: impl Iterator<Item = &'w Watched>, with_hosts: bool) -> Self {
        let mut totals = Self {
            areas: BTreeMap::new(),
            sets: HashMap::default(),
            blocked: BTreeMap::new(),
            hosts: HashMap::default(),
        };
        for device in devices {
            totals.add(device);
            if with_hosts {
                for (name, host) in &device.hosts {
                    totals.add_host(name, host);
                }
            }
        }
        totals
    }

    fn add(&mut self, device: &'w Watched) {
        // Sets are in the order of areas.
        for sets in device.sets.chunk_by(|a, b| a.area == b.area) {
            let mut worst: Option<(FeatureArea, Verdict)> = None;
            let mut causes: SmallVec<[Cause; 4]> = SmallVec::new();
            for set in sets {
                if let Some(verdict) = set.in_window {
                    worst = Some((set.area, worst.map_or(verdict, |(_, one)| one.max(verdict))));
                    self.sets
                        .entry(&set.set)
                        .or_insert_with(|| AreaStatus::none(set.area))
                        .count(verdict);
                }
                if let (true, Some(cause)) = (set.blocked_now, set.cause)
                    && !causes.contains(&cause)
                {
                    causes.push(cause);
                    let count = self.blocked.entry((set.area, cause)).or_default();
                    *count = count.saturating_add(1);
                }
            }
            if let Some((area, verdict)) = worst {
                self.areas
                    .entry(area)
                    .or_insert_with(|| AreaStatus::none(area))
                    .count(verdict);
            }
        }
    }

    fn add_host(&mut self, name: &'w CompactString, host: &'w WatchedHost) {
        let Some(verdict) = host.in_window else {
            return;
        };
        for set in &host.sets {
            let total = self.hosts.entry((set, name)).or_insert_with(|| HostTotal {
                host: name.clone(),
                blocked: 0,
                failing: 0,
                reached: 0,
                unclear: 0,
                causes: SmallVec::new(),
            });
            let blocked = host.watch.cause();
            let counter = match verdict {
                _ if blocked.is_some() => &mut total.blocked,
                Verdict::Blocked | Verdict::Degraded | Verdict::Intercepted => &mut total.failing,
                Verdict::Reached | Verdict::NotExercised => &mut total.reached,
                Verdict::Inconclusive | Verdict::NeverReached => &mut total.unclear,
            };
            *counter = counter.saturating_add(1);
            if let Some(cause) = blocked.or(host.cause) {
                match total.causes.iter_mut().find(|(known, _)| *known == cause) {
                    Some((_, count)) => *count = count.saturating_add(1),
                    None => total.causes.push((cause, 1)),
                }
            }
        }
    }

    /// The sums in the catalogue's order.
    pub(super) fn into_lists(
        mut self,
        auditor: &Auditor<'_>,
    ) -> (Vec<AreaStatus>, Vec<SetTotal>, Vec<BlockedTotal>) {
        for (area, status) in &mut self.areas {
            status.traffic = auditor.traffic_of_area(*area);
        }
        for (set, status) in &mut self.sets {
            status.traffic = auditor.traffic_of_set(set);
        }
        let mut hosts: HashMap<&SetKey, Vec<HostTotal>, RandomState> = HashMap::default();
        for ((set, _), mut total) in self.hosts {
            total
                .causes
                .sort_unstable_by_key(|(cause, count)| (Reverse(*count), *cause));
            hosts.entry(set).or_default().push(total);
        }
        let mut sets: Vec<SetTotal> = self
            .sets
            .into_iter()
            .map(|(set, devices)| {
                let mut hosts = hosts.remove(set).unwrap_or_default();
                hosts.sort_unstable_by(|a, b| {
                    let rank = |host: &HostTotal| {
                        Reverse((host.blocked, host.failing, host.reached, host.unclear))
                    };
                    rank(a).cmp(&rank(b)).then_with(|| a.host.cmp(&b.host))
                });
                let more_hosts = hosts.len().saturating_sub(MOST_HOSTS);
                hosts.truncate(MOST_HOSTS);
                SetTotal {
                    set: set.clone(),
                    devices,
                    hosts,
                    more_hosts,
                }
            })
            .collect();
        sets.sort_unstable_by(|a, b| (a.devices.area, &a.set).cmp(&(b.devices.area, &b.set)));
        let blocked = self
            .blocked
            .into_iter()
            .map(|((area, cause), devices)| BlockedTotal {
                area,
                cause,
                devices,
            })
            .collect();
        (self.areas.into_values().collect(), sets, blocked)
    }
}

impl AreaStatus {
    fn none(area: FeatureArea) -> Self {
        Self {
            area,
            reached: 0,
            degraded: 0,
            intercepted: 0,
            blocked: 0,
            inconclusive: 0,
            traffic: Traffic::default(),
        }
    }

    fn count(&mut self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Reached | Verdict::NotExercised => &mut self.reached,
            Verdict::Degraded => &mut self.degraded,
            Verdict::Intercepted => &mut self.intercepted,
            Verdict::Blocked => &mut self.blocked,
            Verdict::Inconclusive | Verdict::NeverReached => &mut self.inconclusive,
        };
        *counter = counter.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditLimits, AuditOptions};
    use crate::catalog::Catalog;
    use crate::live::SetStatus;
    use std::sync::Arc;
    use std::time::Instant;

    /// Devices with ten hosts each, of two hundred; the first host of every tenth device is blocked in the window.
    fn devices(count: usize, catalog: &Catalog) -> Vec<Watched> {
        let sets: Vec<_> = catalog.sets().iter().take(20).collect();
        (0..count)
            .map(|device| {
                let mut watched = Watched::default();
                for host in 0..10 {
                    let set = sets[(device + host) % sets.len()];
                    let failed = host == 0 && device % 10 == 0;
                    let verdict = if failed {
                        Verdict::Blocked
                    } else {
                        Verdict::Reached
                    };
                    let mut known = WatchedHost::default();
                    known.sets.push(set.key.clone());
                    known.in_window = Some(verdict);
                    known.cause = failed.then_some(Cause::SynTimeout);
                    let name = format!("{}.manage.microsoft.com", (device + host) % 200);
                    watched.hosts.insert(name.into(), known);
                }
                let mut statuses: Vec<SetStatus> = (0..10)
                    .map(|host| {
                        let set = sets[(device + host) % sets.len()];
                        let failed = host == 0 && device % 10 == 0;
                        SetStatus {
                            set: set.key.clone(),
                            area: set.feature_area(),
                            in_window: Some(if failed {
                                Verdict::Blocked
                            } else {
                                Verdict::Reached
                            }),
                            ever_reached: true,
                            blocked_now: failed,
                            cause: failed.then_some(Cause::SynTimeout),
                            host: "manage.microsoft.com".into(),
                        }
                    })
                    .collect();
                statuses.sort_by_key(|status| (status.area, status.set.clone()));
                watched.sets = statuses.into_boxed_slice();
                watched
            })
            .collect()
    }

    #[test]
    fn every_device_and_host_counts_once() {
        let catalog = Arc::new(Catalog::load(Catalog::DEFAULT_EDITION).unwrap());
        let auditor = Auditor::monitor(
            Arc::clone(&catalog),
            AuditOptions::default(),
            AuditLimits::of_monitor(1_000),
        );
        let devices = devices(20_000, &catalog);
        // No test depends on it; `--nocapture` shows it.
        for with_hosts in [false, true] {
            let time = || {
                let begun = Instant::now();
                let lists = Totals::of(devices.iter(), with_hosts).into_lists(&auditor);
                drop(std::hint::black_box(lists));
                begun.elapsed()
            };
            let best = (0..5).map(|_| time()).min().unwrap_or_default();
            println!("20,000 devices, 10 hosts (listed: {with_hosts}): {best:?}");
        }
        let (areas, sets, blocked) = Totals::of(devices.iter(), true).into_lists(&auditor);
        let sum = |count: fn(&HostTotal) -> u64| -> u64 {
            sets.iter().flat_map(|set| &set.hosts).map(count).sum()
        };
        assert_eq!(sum(|host| host.failing), 2_000);
        assert_eq!(sum(|host| host.reached), 198_000);
        assert_eq!(
            blocked.iter().map(|total| total.devices).sum::<u64>(),
            2_000
        );
        let worst: u64 = areas.iter().map(|area| area.blocked).sum();
        assert_eq!(worst, 2_000);
        let first = sets.iter().find(|set| set.devices.blocked > 0).unwrap();
        assert_eq!(
            first.hosts[0].causes[..],
            [(Cause::SynTimeout, first.hosts[0].failing)]
        );
    }
}
