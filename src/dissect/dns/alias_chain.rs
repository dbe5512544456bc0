//! Puts the aliases of an answer in the order in which a client follows them.
//!
//! Servers may send the records of an answer in any order; the chain starts at the name asked for.

use crate::facts::HostName;

/// A CNAME (RFC 1035 §3.3.1) or DNAME (RFC 6672) record.
#[derive(Debug)]
pub(super) struct Alias {
    /// The name that is an alias, or for a DNAME the name below which all names are.
    pub(super) owner: HostName,
    /// What it stands for.
    pub(super) target: HostName,
    /// DNAME instead of CNAME.
    pub(super) subtree: bool,
}

/// The names behind `start`, in order. CNAMEs that the chain does not reach follow at the end, in the order of the message;
/// a DNAME that nothing reaches is dropped, since its target need not be a host.
pub(super) fn in_order(start: Option<&HostName>, mut aliases: Vec<Alias>) -> Vec<HostName> {
    let mut chain: Vec<HostName> = Vec::with_capacity(aliases.len());
    let mut current = start.cloned();
    // Every turn takes one alias away, so that a circle ends.
    while let Some(name) = current.take() {
        if let Some(index) = aliases.iter().position(|a| !a.subtree && a.owner == name) {
            let target = aliases.remove(index).target;
            current = Some(target);
        } else if let Some((index, target)) = aliases
            .iter()
            .enumerate()
            .find_map(|(index, a)| Some((index, substitute(&name, a)?)))
        {
            aliases.remove(index);
            current = Some(target);
        }
        chain.extend(current.clone());
    }
    for alias in aliases {
        if !alias.subtree && !chain.contains(&alias.target) {
            chain.push(alias.target);
        }
    }
    chain
}

/// What a DNAME makes of `name` (RFC 6672 §2.2): the part above the owner is replaced.
///
/// Servers add the resulting CNAME themselves (RFC 6672 §3.1), so this serves answers that lost it.
fn substitute(name: &HostName, alias: &Alias) -> Option<HostName> {
    if !alias.subtree {
        return None;
    }
    let (name, owner) = (name.as_str().as_bytes(), alias.owner.as_str().as_bytes());
    let (prefix, suffix) = name.split_at_checked(name.len().checked_sub(owner.len())?)?;
    // An escaped dot is no boundary between labels.
    if !suffix.eq_ignore_ascii_case(owner) || !prefix.ends_with(b".") || prefix.ends_with(b"\\.") {
        return None;
    }
    HostName::from_wire(&[prefix, alias.target.as_str().as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HostName {
        HostName::from_wire(text.as_bytes()).unwrap()
    }

    fn cname(owner: &str, target: &str) -> Alias {
        Alias {
            owner: name(owner),
            target: name(target),
            subtree: false,
        }
    }

    fn dname(owner: &str, target: &str) -> Alias {
        Alias {
            subtree: true,
            ..cname(owner, target)
        }
    }

    fn ordered(start: &str, aliases: Vec<Alias>) -> Vec<String> {
        in_order(Some(&name(start)), aliases)
            .iter()
            .map(|n| n.as_str().to_owned())
            .collect()
    }

    #[test]
    fn follows_owners_whatever_the_order_of_records() {
        let aliases = vec![
            cname("c.example", "d.example"),
            cname("B.example", "c.example"),
            cname("a.example", "b.example"),
        ];
        assert_eq!(
            ordered("A.example", aliases),
            ["b.example", "c.example", "d.example"]
        );
    }

    #[test]
    fn what_the_chain_does_not_reach_comes_last() {
        let aliases = vec![
            cname("x.example", "y.example"),
            cname("a.example", "b.example"),
            dname("z.example", "w.example"),
        ];
        assert_eq!(ordered("a.example", aliases), ["b.example", "y.example"]);
    }

    #[test]
    fn a_circle_ends() {
        let aliases = vec![
            cname("a.example", "b.example"),
            cname("b.example", "a.example"),
            cname("a.example", "b.example"),
        ];
        assert_eq!(
            ordered("a.example", aliases),
            ["b.example", "a.example", "b.example"]
        );
    }

    #[test]
    fn a_dname_renames_what_is_below_it_only() {
        let aliases = || {
            vec![
                dname("old.example", "new.example"),
                cname("pc.new.example", "host.example"),
            ]
        };
        assert_eq!(
            ordered("pc.OLD.example", aliases()),
            ["pc.new.example", "host.example"]
        );
        assert_eq!(ordered("old.example", aliases()), ["host.example"]);
        assert_eq!(ordered("pc.very-old.example", aliases()), ["host.example"]);
        assert_eq!(ordered("pc\\.old.example", aliases()), ["host.example"]);
    }
}
