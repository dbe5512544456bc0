//! Octets per feature area, of all devices together.

use super::octets;
use crate::audit::ClientReport;
use crate::catalog::FeatureArea;
use std::collections::HashSet;

/// One bar.
#[derive(Debug)]
pub struct AreaVolume {
    pub title: &'static str,
    pub name: &'static str,
    pub octets: u64,
    pub words: String,
    /// Share of the largest area, in percent.
    pub share: String,
}

/// The areas with traffic, the largest first. A host counts once for each area that lists it.
#[must_use]
pub fn by_area(clients: &[ClientReport]) -> Vec<AreaVolume> {
    let mut volumes: Vec<(FeatureArea, u64)> = FeatureArea::ALL
        .iter()
        .map(|area| {
            let octets = clients
                .iter()
                .map(|client| octets_where(client, |of| of == *area));
            (*area, octets.fold(0, u64::saturating_add))
        })
        .filter(|(_, octets)| *octets > 0)
        .collect();
    volumes.sort_by_key(|(area, octets)| (std::cmp::Reverse(*octets), *area));
    let largest = volumes.first().map_or(1, |(_, octets)| *octets);
    volumes
        .into_iter()
        .map(|(area, count)| AreaVolume {
            title: area.title(),
            name: area.name(),
            octets: count,
            words: octets(count),
            share: percent(count, largest),
        })
        .collect()
}

/// Octets between a device and the hosts of the endpoint list, each host once.
#[must_use]
pub fn octets_of(client: &ClientReport) -> u64 {
    octets_where(client, |_| true)
}

/// A host stands in each set that lists it, with the same octets every time.
fn octets_where(client: &ClientReport, counts: impl Fn(FeatureArea) -> bool) -> u64 {
    let mut known = HashSet::new();
    client
        .sets
        .iter()
        .filter(|set| counts(set.feature_area))
        .flat_map(|set| set.hosts())
        .filter(|host| known.insert(host.name.as_str()))
        .fold(0, |sum: u64, host| sum.saturating_add(host.octets))
}

/// Tenths of a percent, in whole numbers.
fn percent(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1_000 / u128::from(whole.max(1));
    format!("{}.{}%", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn the_largest_bar_fills_the_line() {
        assert_eq!(percent(u64::MAX, u64::MAX), "100.0%");
        assert_eq!(percent(1, 3), "33.3%");
        assert_eq!(percent(0, 0), "0.0%");
    }
}
