//! Tests that hold our reading of messages against hickory-proto's, an implementation that shares nothing with ours.

use super::{DnsMessage, parse};
use crate::facts::HostName;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::svcb::{Alpn, IpHint, SvcParamKey, SvcParamValue};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, HTTPS, MX, NULL, SOA, SVCB, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use proptest::prelude::*;
use std::net::IpAddr;

/// hickory's name as we show it: no dot at the end, `None` for the root.
fn shown(name: &Name) -> Option<String> {
    let text = name.to_ascii();
    let text = text.strip_suffix('.').unwrap_or(&text);
    (!text.is_empty()).then(|| text.to_owned())
}

fn ours(name: Option<&HostName>) -> Option<String> {
    name.map(|name| name.as_str().to_owned())
}

fn name() -> impl Strategy<Value = Name> {
    let label = "[a-zA-Z0-9_][a-zA-Z0-9_-]{0,20}";
    let suffix = prop_oneof![
        Just("manage.microsoft.com."),
        Just("microsoft.com."),
        Just("example."),
    ];
    (prop::collection::vec(label, 1..5), suffix).prop_map(|(labels, suffix)| {
        Name::from_ascii(format!("{}.{suffix}", labels.join("."))).unwrap()
    })
}

fn address() -> impl Strategy<Value = RData> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|a| RData::A(A(a.into()))),
        any::<[u8; 16]>().prop_map(|a| RData::AAAA(AAAA(a.into()))),
    ]
}

fn service() -> impl Strategy<Value = RData> {
    let parameters =
        (any::<u16>(), any::<[u8; 4]>(), any::<[u8; 16]>()).prop_map(|(port, v4, v6)| {
            vec![
                (
                    SvcParamKey::Alpn,
                    SvcParamValue::Alpn(Alpn(vec!["h3".to_owned(), "h2".to_owned()])),
                ),
                (SvcParamKey::Port, SvcParamValue::Port(port)),
                (
                    SvcParamKey::Ipv4Hint,
                    SvcParamValue::Ipv4Hint(IpHint(vec![A(v4.into())])),
                ),
                (
                    SvcParamKey::Ipv6Hint,
                    SvcParamValue::Ipv6Hint(IpHint(vec![AAAA(v6.into())])),
                ),
            ]
        });
    (
        1_u16..9,
        prop_oneof![Just(Name::root()), name()],
        parameters,
    )
        .prop_map(|(priority, target, parameters)| {
            RData::HTTPS(HTTPS(SVCB::new(priority, target, parameters)))
        })
}

/// Records that say nothing about hosts, of types dns-parser knows and does not know.
fn bystander() -> impl Strategy<Value = RData> {
    let data = prop::collection::vec(any::<u8>(), 1..60);
    prop_oneof![
        (
            prop_oneof![Just(46_u16), Just(50), Just(43), Just(65_280)],
            data
        )
            .prop_map(|(code, data)| RData::Unknown {
                code: code.into(),
                rdata: NULL::with(data)
            }),
        name().prop_map(|exchange| RData::MX(MX::new(10, exchange))),
        "[a-z ]{1,30}".prop_map(|text| RData::TXT(TXT::new(vec![text]))),
    ]
}

prop_compose! {
    /// A response: a chain of aliases with addresses at its end, bystanders, services, all in any order.
    fn response()(
        mut names in prop::collection::hash_set(name(), 1..6).prop_map(|names| names.into_iter().collect::<Vec<_>>()),
        addresses in prop::collection::vec(address(), 0..6),
        services in prop::collection::vec(service(), 0..3),
        bystanders in prop::collection::vec(bystander(), 0..4),
        ttls in prop::collection::vec(0_u32..0x7fff_ffff, 20),
        query_type in prop_oneof![Just(RecordType::A), Just(RecordType::AAAA), Just(RecordType::HTTPS)],
        edns in prop::option::of(0_u8..4),
        code in 0_u8..12,
        authority in prop::option::of((name(), name(), any::<u32>())),
    )(
        answers in Just({
            let last = names.last().unwrap().clone();
            let aliases = names.windows(2).map(|pair| (pair[0].clone(), RData::CNAME(CNAME(pair[1].clone()))));
            aliases
                .chain(addresses.into_iter().chain(services).chain(bystanders).map(|data| (last.clone(), data)))
                .zip(&ttls)
                .map(|((owner, data), ttl)| Record::from_rdata(owner, *ttl, data))
                .collect::<Vec<_>>()
        }).prop_shuffle(),
        asked in Just(names.remove(0)),
        id in any::<u16>(),
        query_type in Just(query_type),
        edns in Just(edns),
        code in Just(code),
        authority in Just(authority),
    ) -> Message {
        let mut message = Message::new(id, MessageType::Response, OpCode::Query);
        message.metadata.response_code = ResponseCode::from(0, code);
        message.add_query(Query::query(asked.clone(), query_type));
        message.insert_answers(answers);
        if let Some((server, mailbox, minimum)) = authority {
            let soa = SOA::new(server, mailbox, 1, 2, 3, 4, minimum);
            message.add_authority(Record::from_rdata(asked, 900, RData::SOA(soa)));
        }
        if let Some(high) = edns {
            let mut record = Edns::new();
            record.set_rcode_high(high);
            message.metadata.response_code = ResponseCode::from(high, code);
            message.set_edns(record);
        }
        message
    }
}

/// The chain from the first question's name, by hickory's reading.
fn chain(message: &Message) -> Vec<Option<String>> {
    let mut chain = Vec::new();
    let mut current = message.queries[0].name().clone();
    while let Some(target) = message
        .answers
        .iter()
        .find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == current => Some(target.0.clone()),
            _ => None,
        })
    {
        chain.push(shown(&target));
        current = target;
    }
    chain
}

fn assert_same(ours_read: &DnsMessage, theirs: &Message) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours_read.id, theirs.metadata.id);
    prop_assert_eq!(
        ours_read.response_code,
        u16::from(theirs.metadata.response_code)
    );
    let [question] = ours_read.questions.as_slice() else {
        return Err(TestCaseError::fail("one question was asked"));
    };
    prop_assert_eq!(
        ours(question.name.as_ref()),
        shown(theirs.queries[0].name())
    );
    prop_assert_eq!(
        question.query_type,
        u16::from(theirs.queries[0].query_type())
    );
    let aliases: Vec<_> = ours_read
        .cnames
        .iter()
        .map(|alias| ours(Some(alias)))
        .collect();
    prop_assert_eq!(aliases, chain(theirs));
    let addresses: Vec<_> = ours_read
        .addresses
        .iter()
        .map(|h| (ours(h.owner.as_ref()), h.address))
        .collect();
    let expected: Vec<_> = theirs
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::A(address) => Some((shown(&record.name), IpAddr::V4(address.0))),
            RData::AAAA(address) => Some((shown(&record.name), IpAddr::V6(address.0))),
            _ => None,
        })
        .collect();
    prop_assert_eq!(addresses, expected);
    prop_assert_eq!(
        ours_read.ttl,
        theirs.answers.iter().map(|record| record.ttl).min()
    );
    let authority = theirs
        .authorities
        .iter()
        .find_map(|record| match &record.data {
            RData::SOA(soa) => Some(soa.minimum.min(record.ttl)),
            _ => None,
        });
    prop_assert_eq!(ours_read.negative_ttl, authority);
    let asked = theirs.queries[0].query_type();
    prop_assert_eq!(
        ours_read.answered,
        theirs.answers.iter().any(|r| r.record_type() == asked)
    );
    assert_same_services(ours_read, theirs)
}

fn assert_same_services(ours_read: &DnsMessage, theirs: &Message) -> Result<(), TestCaseError> {
    let services: Vec<&SVCB> = theirs
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::HTTPS(service) => Some(&service.0),
            _ => None,
        })
        .collect();
    prop_assert_eq!(ours_read.hints.len(), services.len());
    for (hint, service) in ours_read.hints.iter().zip(services) {
        prop_assert_eq!(ours(hint.target.as_ref()), shown(&service.target_name));
        let mut addresses: Vec<IpAddr> = Vec::new();
        for (_, value) in &service.svc_params {
            match value {
                SvcParamValue::Alpn(alpn) => prop_assert_eq!(&hint.alpn, &alpn.0),
                SvcParamValue::Port(port) => prop_assert_eq!(hint.port, Some(*port)),
                SvcParamValue::Ipv4Hint(hints) => {
                    addresses.extend(hints.0.iter().map(|a| IpAddr::V4(a.0)))
                }
                SvcParamValue::Ipv6Hint(hints) => {
                    addresses.extend(hints.0.iter().map(|a| IpAddr::V6(a.0)))
                }
                _ => {}
            }
        }
        prop_assert_eq!(&hint.addresses, &addresses);
    }
    Ok(())
}

proptest! {
    #[test]
    fn reads_what_hickory_reads(message in response()) {
        let octets = message.to_vec().unwrap();
        let theirs = Message::from_vec(&octets).unwrap();
        let ours_read = parse(&octets, true).unwrap();
        prop_assert!(!ours_read.cut_short);
        assert_same(&ours_read, &theirs)?;
    }

    /// Whatever hickory accepts after damage, we do not refuse: its question is there.
    #[test]
    fn refuses_nothing_that_hickory_reads(message in response(), at in 12_usize..600, with in 1_u8..) {
        let mut octets = message.to_vec().unwrap();
        let at = 12 + (at - 12) % (octets.len() - 12);
        octets[at] ^= with;
        if let Ok(theirs) = Message::from_vec(&octets) {
            let ours_read = parse(&octets, true).unwrap();
            prop_assert_eq!(ours_read.questions.len(), 1);
            prop_assert_eq!(ours_read.questions[0].query_type, u16::from(theirs.queries[0].query_type()));
        }
    }
}
