//! From a flow's name or address to the endpoint sets that list it.

use crate::attribution::{FlowName, NameSource};
use crate::catalog::{Catalog, EndpointSet, SetKey, Standing};
use crate::facts::{HostName, Transport};
use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::net::SocketAddr;
use std::sync::Arc;

/// The sets a host belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetMatch {
    /// The sets of the most specific pattern.
    pub primary: SmallVec<[SetKey; 2]>,
    /// The sets of less specific patterns.
    pub also: SmallVec<[SetKey; 2]>,
    /// Any client of the field contacts this host: weak evidence that the set's feature was used.
    pub generic: bool,
    /// Only an older edition lists the name.
    pub retired: bool,
    /// The article lists one of the sets of the most specific pattern.
    pub published: bool,
}

/// How a flow was attributed.
#[derive(Debug, Clone)]
pub struct Attribution {
    /// The host's name; `None` when only its address is known.
    pub name: Option<HostName>,
    /// How the name, or failing that the set, was found: name sources, then `prefix`, then `none`.
    pub source: &'static str,
    /// The name's source.
    pub name_source: NameSource,
    /// The sets.
    pub sets: Arc<SetMatch>,
    /// Some primary set lists the port; `None` when no set does or the flow goes through a proxy.
    pub port_listed: Option<bool>,
    /// The responder is a proxy.
    pub through_proxy: bool,
}

/// Names remembered with their sets; a capture asks for a few names many times.
const NAMES_REMEMBERED: usize = 16_384;

/// Finds the sets of names, and remembers them: of one catalogue only.
#[derive(Debug, Clone, Default)]
pub struct SetFinder {
    /// What was found, by folded name; `None` for names that nothing lists.
    by_name: HashMap<CompactString, Option<Arc<SetMatch>>, RandomState>,
}

impl SetFinder {
    /// The sets that list `name`.
    pub fn of_name(&mut self, catalog: &Catalog, name: &HostName) -> Option<Arc<SetMatch>> {
        let folded = name.folded();
        if let Some(known) = self.by_name.get(&folded) {
            return known.clone();
        }
        let found = sets_of_name(catalog, &folded).map(Arc::new);
        if self.by_name.len() < NAMES_REMEMBERED {
            self.by_name.insert(folded, found.clone());
        }
        found
    }

    /// The sets of `name` or, failing that, of the names it is an alias for. A customer's own name for a service, which no set
    /// of the article lists, touches that service's sets too; its failures (certificates that do not fit it, for one) are its own.
    pub fn of_chain<'n>(
        &mut self,
        catalog: &Catalog,
        name: &'n HostName,
        aliases: impl IntoIterator<Item = &'n HostName>,
    ) -> Option<Arc<SetMatch>> {
        let mut found: Option<Arc<SetMatch>> = None;
        for name in std::iter::once(name).chain(aliases) {
            let Some(sets) = self.of_name(catalog, name) else {
                continue;
            };
            let published = sets.published;
            match &mut found {
                Some(own) if published => {
                    Arc::make_mut(own).also.extend(sets.primary.iter().cloned())
                }
                Some(_) => {}
                None => found = Some(sets),
            }
            if published {
                break;
            }
        }
        found
    }
}

fn sets_of_name(catalog: &Catalog, folded: &str) -> Option<SetMatch> {
    let found = catalog.match_host(folded)?;
    if found.standing() == Standing::Reference {
        return None;
    }
    Some(SetMatch {
        primary: found.primary().map(|set| set.key.clone()).collect(),
        also: found
            .also()
            .filter(|(_, host)| host.standing != Standing::Reference)
            .map(|(set, _)| set.key.clone())
            .collect(),
        generic: found.is_generic(),
        retired: found.standing() == Standing::Retired,
        published: is_published(found.primary()),
    })
}

fn is_published<'s>(mut sets: impl Iterator<Item = &'s EndpointSet>) -> bool {
    sets.any(|set| set.standing == Standing::Published)
}

/// Attributes a flow to `responder` that was named `flow_name`.
#[must_use]
pub fn attribute(
    catalog: &Catalog,
    finder: &mut SetFinder,
    flow_name: FlowName,
    responder: SocketAddr,
    transport: Transport,
) -> Attribution {
    let FlowName {
        name,
        source: name_source,
        aliases,
        through_proxy,
        ..
    } = flow_name;
    let mut source = name_source.code();
    let sets = match &name {
        Some(name) => finder.of_chain(catalog, name, &aliases).unwrap_or_default(),
        None if through_proxy => Arc::default(),
        None => {
            let by_address = sets_of_address(catalog, responder);
            if !by_address.primary.is_empty() {
                source = "prefix";
            }
            Arc::new(by_address)
        }
    };
    let lists = |set: &EndpointSet| set.lists_port(transport, responder.port());
    let port_listed = if through_proxy || sets.primary.is_empty() {
        None
    } else {
        let listed: Vec<Option<bool>> = sets
            .primary
            .iter()
            .filter_map(|key| catalog.set(key))
            .map(lists)
            .collect();
        if listed.contains(&Some(true)) {
            Some(true)
        } else {
            listed.into_iter().flatten().next()
        }
    };
    Attribution {
        name,
        source,
        name_source,
        sets,
        port_listed,
        through_proxy,
    }
}

/// The sets whose published ranges hold the address. Ranges that others share prove nothing on their own.
fn sets_of_address(catalog: &Catalog, responder: SocketAddr) -> SetMatch {
    let Some(found) = catalog.match_address(responder.ip()) else {
        return SetMatch::default();
    };
    if found.standing() == Standing::Reference || found.is_ambiguous() {
        return SetMatch::default();
    }
    SetMatch {
        primary: found.primary().map(|set| set.key.clone()).collect(),
        also: SmallVec::new(),
        generic: false,
        retired: found.standing() == Standing::Retired,
        published: is_published(found.primary()),
    }
}
