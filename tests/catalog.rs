//! The shipped catalogue, held against figures counted in the published articles, and the rules of matching.

use intap::catalog::{
    Catalog, CatalogError, EditionKind, EndpointSet, FeatureArea, HostPattern, Region, SetKey,
    Standing, check_edition, parse_edition,
};
use intap::facts::Transport;
use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

fn load(edition: &str) -> Catalog {
    Catalog::load(edition).unwrap_or_else(|error| panic!("{error}"))
}

fn set<'c>(catalog: &'c Catalog, key: &str) -> &'c EndpointSet {
    catalog
        .set(&SetKey::parse(key))
        .unwrap_or_else(|| panic!("{key} is missing"))
}

/// The keys of the primary sets, in order.
fn primary(catalog: &Catalog, name: &str) -> Vec<String> {
    catalog.match_host(name).map_or(Vec::new(), |found| {
        found.primary().map(|set| set.key.to_string()).collect()
    })
}

/// The keys of the sets that match less specifically.
fn also(catalog: &Catalog, name: &str) -> Vec<String> {
    catalog.match_host(name).map_or(Vec::new(), |found| {
        found.also().map(|(set, _)| set.key.to_string()).collect()
    })
}

/// A numbered row: id, hosts, prefixes, TCP ports, UDP ports, marked required.
type Row = (u16, usize, usize, &'static [u16], &'static [u16], bool);

const WEB: &[u16] = &[80, 443];
const TLS: &[u16] = &[443];

fn check_rows(edition: &str, rows: &[Row]) {
    let catalog = load(edition);
    let found: Vec<_> = catalog
        .published_sets()
        .filter_map(|set| {
            let (tcp, udp) = (set.tcp_ports.as_slice(), set.udp_ports.as_slice());
            Some((
                set.id()?,
                set.hosts.len(),
                set.prefixes.len(),
                tcp,
                udp,
                set.required?,
            ))
        })
        .collect();
    assert_eq!(found, rows, "{edition}");
}

#[test]
fn portuguese_and_french_rows() {
    let rows: [Row; 18] = [
        (163, 3, 50, WEB, &[], true),
        (172, 8, 0, WEB, &[], true),
        (170, 10, 0, TLS, &[], true),
        (97, 2, 0, TLS, &[], false),
        (164, 14, 0, TLS, &[], true),
        (165, 3, 0, &[], &[123], true),
        (169, 5, 0, TLS, &[], true),
        (173, 3, 0, TLS, &[], true),
        (182, 1, 0, TLS, &[], true),
        (181, 25, 0, TLS, &[], true),
        (187, 2, 0, TLS, &[], true),
        (188, 4, 0, TLS, &[], true),
        (171, 4, 0, TLS, &[], true),
        (178, 12, 0, &[80, 443, 5223], &[], true),
        (179, 1, 0, TLS, &[], true),
        (56, 2, 0, WEB, &[], true),
        (150, 2, 0, TLS, &[], false),
        (59, 1, 0, WEB, &[], true),
    ];
    check_rows("pt", &rows);
    check_rows("fr", &rows);
}

#[test]
fn dutch_rows() {
    check_rows(
        "nl",
        &[
            (163, 3, 50, WEB, &[], true),
            (172, 8, 0, WEB, &[], true),
            (170, 10, 0, TLS, &[], true),
            (97, 2, 0, TLS, &[], true),
            (89, 1, 0, WEB, &[], true),
            (164, 9, 0, WEB, &[], true),
            (165, 1, 0, &[], &[123], true),
            (169, 4, 0, TLS, &[], true),
            (173, 3, 0, TLS, &[], true),
            (182, 1, 0, TLS, &[], true),
            (181, 25, 0, TLS, &[], true),
            (187, 2, 0, TLS, &[], true),
            (188, 4, 0, TLS, &[], true),
            (171, 4, 0, TLS, &[], true),
            (178, 12, 0, &[80, 443, 5223], &[], true),
            (179, 1, 0, TLS, &[], true),
            (56, 2, 0, WEB, &[], true),
            (150, 2, 0, TLS, &[], false),
            (59, 1, 0, WEB, &[], true),
        ],
    );
}

#[test]
fn japanese_rows() {
    check_rows(
        "ja",
        &[
            (163, 3, 50, WEB, &[], true),
            (172, 2, 0, WEB, &[], true),
            (170, 10, 0, TLS, &[], true),
            (97, 2, 0, TLS, &[], true),
            (190, 1, 0, WEB, &[], true),
            (189, 1, 0, TLS, &[], true),
            (164, 7, 0, WEB, &[], true),
            (165, 1, 0, &[], &[123], true),
            (169, 4, 0, TLS, &[], true),
            (173, 3, 0, TLS, &[], true),
            (182, 1, 0, TLS, &[], true),
            (181, 25, 0, TLS, &[], true),
            (187, 2, 0, TLS, &[], true),
            (188, 4, 0, TLS, &[], true),
            (171, 4, 0, TLS, &[], true),
            (178, 12, 0, &[80, 443, 5223], &[], true),
            (179, 1, 0, TLS, &[], true),
            (56, 2, 0, WEB, &[], true),
            (150, 2, 0, TLS, &[], false),
            (59, 1, 0, WEB, &[], true),
        ],
    );
}

#[test]
fn english_rows() {
    // 83 distinct ranges; the newest text adds 7 of Azure Front Door and one that only its consolidated list has.
    for (edition, hosts_163, prefixes_163, hosts_181, hosts_182) in
        [("en-2025-06", 3, 83, 22, 5), ("en-latest", 4, 91, 26, 6)]
    {
        let catalog = load(edition);
        let core = set(&catalog, "163");
        assert_eq!(
            (core.hosts.len(), core.prefixes.len()),
            (hosts_163, prefixes_163),
            "{edition}"
        );
        assert_eq!(set(&catalog, "181").hosts.len(), hosts_181, "{edition}");
        assert_eq!(set(&catalog, "182").hosts.len(), hosts_182, "{edition}");
        assert_eq!(set(&catalog, "170").tcp_ports, [80, 443], "{edition}");
        assert_eq!(set(&catalog, "192").hosts.len(), 2, "{edition}");
        let attestation: usize = ["na", "eu", "ap"]
            .map(|r| {
                set(&catalog, &format!("device-health-attestation-{r}"))
                    .hosts
                    .len()
            })
            .iter()
            .sum();
        assert_eq!(attestation, 16, "{edition}");
    }
    assert_eq!(
        load("en-2025-06")
            .published_sets()
            .filter(|set| set.id().is_some())
            .count(),
        21
    );
    let newest = load("en-latest");
    assert_eq!(
        newest
            .published_sets()
            .filter(|set| set.id().is_some())
            .count(),
        20
    );
    let shared: Vec<_> = set(&newest, "163")
        .prefixes
        .iter()
        .filter(|p| p.shared)
        .map(|p| p.prefix.to_string())
        .collect();
    assert_eq!(
        shared,
        [
            "13.107.219.0/24",
            "13.107.227.0/24",
            "13.107.228.0/23",
            "150.171.97.0/24",
            "2620:1ec:40::/48",
            "2620:1ec:49::/48",
            "2620:1ec:4a::/47"
        ]
    );
    let only_listed = set(&newest, "163")
        .prefixes
        .iter()
        .any(|p| p.prefix.to_string() == "20.189.172.160/27");
    assert!(
        only_listed,
        "the union of table and consolidated list is kept"
    );
}

#[test]
fn chinese_rows_have_no_numbers() {
    let catalog = load("zh-2020");
    assert!(
        catalog
            .published_sets()
            .all(|set| set.id().is_none() && set.required.is_none())
    );
    assert_eq!(catalog.published_sets().count(), 28);
    let service: Vec<_> = catalog
        .published_sets()
        .filter(|set| set.key.to_string().starts_with("manage-"))
        .collect();
    assert_eq!(service.len(), 19);
    assert_eq!(
        service.iter().map(|set| set.hosts.len()).sum::<usize>(),
        74,
        "73 names and one wildcard"
    );
    let wildcard = set(&catalog, "manage-wildcard");
    assert_eq!(wildcard.prefixes.len(), 15);
    assert_eq!(set(&catalog, "manage-wip").tcp_ports, [80, 443, 444]);
    assert_eq!(set(&catalog, "apple-push").tcp_ports, [5223, 443]);
    let units: usize = ["na", "eu", "ap"]
        .map(|r| {
            set(&catalog, &format!("powershell-win32-{r}"))
                .scale_units
                .len()
        })
        .iter()
        .sum();
    assert_eq!(units, 25);
}

#[test]
fn id_less_sections_of_the_table_editions() {
    for edition in ["pt", "fr", "nl", "ja"] {
        let catalog = load(edition);
        let north_america = set(&catalog, "powershell-win32-na");
        assert_eq!(
            north_america.storage_names,
            [
                "naprodimedatapri",
                "naprodimedatasec",
                "naprodimedatahotfix"
            ]
        );
        assert_eq!(north_america.hosts.len(), 3);
        // 30 units; those of older editions are kept beside them, and 2020 has none that is not here.
        let units: usize = ["na", "eu", "ap"]
            .map(|r| {
                set(&catalog, &format!("powershell-win32-{r}"))
                    .scale_units
                    .len()
            })
            .iter()
            .sum();
        assert_eq!(units, 30, "{edition}");
        assert_eq!(set(&catalog, "device-health-attestation-na").hosts.len(), 6);
        assert_eq!(set(&catalog, "microsoft-store").hosts.len(), 4);
        let optimization = set(&catalog, "delivery-optimization");
        assert_eq!(optimization.tcp_ports, [80, 443, 7680]);
        assert_eq!(optimization.udp_ports, [3544]);
        assert_eq!(
            optimization.hosts.len(),
            if edition == "ja" { 2 } else { 3 }
        );
        assert_eq!(catalog.edition().peer_tcp_ports, [7680]);
        assert_eq!(catalog.edition().peer_udp_ports, [3544]);
    }
}

#[test]
fn a_number_listed_twice_keeps_both_sections() {
    for edition in ["pt", "fr", "nl", "ja", "en-2025-06", "en-latest"] {
        let catalog = load(edition);
        let areas = &set(&catalog, "172").feature_areas;
        assert_eq!(
            areas,
            &[FeatureArea::CoreService, FeatureArea::DeliveryOptimization],
            "{edition}"
        );
    }
}

#[test]
fn every_shipped_record_is_in_order() {
    for name in Catalog::edition_names() {
        let catalog = load(name);
        assert_eq!(catalog.edition().name, name);
        let mut keys = HashSet::new();
        for set in catalog.sets() {
            assert!(keys.insert(&set.key), "{name}: {} is there twice", set.key);
            assert!(!set.sections.is_empty(), "{name}: {}", set.key);
            let texts: BTreeSet<_> = set.hosts.iter().map(|host| host.pattern.as_str()).collect();
            for published in &set.published_case {
                assert!(
                    texts.contains(published.to_lowercase().as_str()),
                    "{name}: {} {published}",
                    set.key
                );
            }
        }
        let dated = matches!(catalog.edition().kind, EditionKind::Sovereign)
            || name.starts_with("en")
            || name.starts_with("zh");
        assert_eq!(catalog.edition().date.is_some(), dated, "{name}");
    }
}

#[test]
fn no_feature_area_is_empty() {
    for name in ["ja", "en-latest"] {
        let catalog = load(name);
        for area in FeatureArea::ALL
            .iter()
            .filter(|area| **area != FeatureArea::OrganizationalMessages)
        {
            assert!(
                catalog
                    .sets()
                    .iter()
                    .any(|set| set.feature_areas.contains(area)),
                "{name}: {area}"
            );
        }
    }
}

#[test]
fn the_order_of_editions_is_the_one_of_their_content() {
    let article: Vec<_> = Catalog::edition_names()
        .map(load)
        .filter(|c| c.edition().kind == EditionKind::Article)
        .collect();
    let orders: Vec<_> = article.iter().map(|c| c.edition().order).collect();
    assert!(orders.is_sorted());
    assert_eq!(orders[1], orders[2], "pt and fr are the same text");
    assert_eq!(
        article.last().map(|c| c.edition().name.as_str()),
        Some(Catalog::DEFAULT_EDITION)
    );
}

#[test]
fn names_of_real_devices_in_the_japanese_edition() {
    let ja = load("ja");
    for (name, sets) in [
        ("enterpriseenrollment.manage.microsoft.com", &["163"][..]),
        ("r.manage.microsoft.com", &["163"]),
        ("client.wns.windows.com", &["171"]),
        ("ctldl.windowsupdate.com", &["164"]),
        ("array801.do.dsp.mp.microsoft.com", &["172"]),
        ("fe3cr.delivery.mp.microsoft.com", &["164"]),
        ("2.dl.delivery.mp.microsoft.com", &["164", "172"]),
        ("aadcdn.msauth.net", &["181"]),
        ("go.microsoft.com", &["190"]),
        ("config.edge.skype.com", &["189"]),
        ("swda01-mscdn.manage.microsoft.com", &["170"]),
        ("ztd.dds.microsoft.com", &["autopilot-deployment-service"]),
        ("www.msftconnecttest.com", &["ncsi"]),
        ("naprodimedatapri.azureedge.net", &["powershell-win32-na"]),
        ("displaycatalog.mp.microsoft.com", &["microsoft-store"]),
        ("has.spserv.microsoft.com", &["device-health-attestation"]),
        (
            "x.dm.microsoft.com",
            &["defender-for-endpoint", "endpoint-privilege-management"],
        ),
    ] {
        assert_eq!(primary(&ja, name), sets, "{name}");
    }
    assert_eq!(also(&ja, "swda01-mscdn.manage.microsoft.com"), ["163"]);
    assert_eq!(primary(&ja, "www.contoso.com"), Vec::<String>::new());
    assert_eq!(
        primary(&ja, "login.live.com.corp.contoso.example"),
        Vec::<String>::new()
    );
}

#[test]
fn editions_attribute_differently() {
    let (nl, newest) = (load("nl"), load("en-latest"));
    assert_eq!(primary(&nl, "go.microsoft.com"), ["89"]);
    let newer = nl
        .match_host("config.edge.skype.com")
        .map(|found| found.standing());
    assert_eq!(
        newer,
        Some(Standing::Reference),
        "189 is newer than this edition"
    );
    assert_eq!(primary(&nl, "swda01-mscdn.manage.microsoft.com"), ["163"]);
    assert_eq!(primary(&nl, "2.dl.delivery.mp.microsoft.com"), ["172"]);
    assert_eq!(
        primary(&newest, "geo.prod.do.dsp.mp.microsoft.com"),
        ["164"]
    );
    assert_eq!(primary(&newest, "x.dm.microsoft.com"), ["163"]);
    // An exact host of a section beats the wildcard of a numbered set.
    for name in [
        "imeswda-afd-primary.manage.microsoft.com",
        "macsidecareu.manage.microsoft.com",
    ] {
        assert_eq!(
            newest.match_host(name).unwrap().standing(),
            Standing::Published
        );
        assert!(
            !primary(&newest, name).contains(&"163".to_owned()),
            "{name}"
        );
        assert_eq!(also(&newest, name), ["163"], "{name}");
    }
    assert_eq!(
        primary(&newest, "intunecdnpeasd.manage.microsoft.com"),
        ["179"]
    );
    assert_eq!(
        newest.set(&SetKey::Id(89)).and_then(EndpointSet::id),
        Some(190),
        "89 and 190 are one set"
    );
}

#[test]
fn names_of_older_editions_are_recognised_as_retired() {
    let newest = load("en-latest");
    for (name, key) in [
        ("swda01-mscdn.azureedge.net", "170"),
        ("displaycatalog.md.mp.microsoft.com", "microsoft-store"),
        (
            "rdprelayv3eastusprod-0.support.services.microsoft.com",
            "181",
        ),
        ("trouter-azsc-usea-0-a.trouter.skype.com", "181"),
        ("a.itunes.apple.com", "178"),
        ("12-courier.push.apple.com", "178"),
        ("bg.v4.emdl.ws.microsoft.com", "172"),
    ] {
        assert_eq!(
            primary(&newest, name).first().map(String::as_str),
            Some(key),
            "{name}"
        );
    }
    let retired = |name| newest.match_host(name).map(|found| found.standing());
    assert_eq!(
        retired("swda01-mscdn.azureedge.net"),
        Some(Standing::Retired)
    );
    assert_eq!(
        retired("sub.support.services.microsoft.com"),
        Some(Standing::Published)
    );
    assert_eq!(set(&newest, "178").standing, Standing::Retired);
    let address = newest
        .match_address("13.71.199.65".parse().unwrap())
        .unwrap();
    assert_eq!(
        (address.standing(), address.primary().next().unwrap().id()),
        (Standing::Retired, Some(163))
    );
    // A connectivity probe that two editions list by mistake is no sign of NTP.
    assert_eq!(primary(&newest, "www.msftncsi.com"), ["ncsi"]);
}

#[test]
fn supplementary_hosts_rank_after_numbered_sets() {
    let ja = load("ja");
    assert_eq!(primary(&ja, "enrollment.manage.microsoft.com"), ["163"]);
    assert_eq!(
        also(&ja, "enrollment.manage.microsoft.com"),
        ["mdm-enrollment-discovery"]
    );
    let customer = ja.match_host("enterpriseenrollment.contoso.com").unwrap();
    assert_eq!(customer.standing(), Standing::Supplementary);
    assert!(
        ja.match_host("anything.cloudapp.net").is_none(),
        "a shared domain proves nothing"
    );
}

#[test]
fn microsoft_365_rows_are_for_reference_only() {
    let ja = load("ja");
    let login = ja.match_host("login.windows.net").unwrap();
    assert_eq!(
        (login.standing(), login.primary().next().unwrap().id()),
        (Standing::Reference, None)
    );
    let address = ja.match_address("20.190.160.30".parse().unwrap()).unwrap();
    assert_eq!(address.standing(), Standing::Reference);
    assert_eq!(
        address
            .primary()
            .map(|set| set.key.to_string())
            .collect::<Vec<_>>(),
        ["m365-56"]
    );
    assert!(ja.match_host("www.skype.com").unwrap().is_generic());
    assert!(
        load("us-government")
            .match_host("login.windows.net")
            .is_none()
    );
}

#[test]
fn misprints_are_recognised_in_both_spellings() {
    let (zh, ja) = (load("zh-2020"), load("ja"));
    assert_eq!(
        primary(&zh, "enterpriseregistration.windows.net"),
        ["authentication"]
    );
    assert!(
        zh.match_host("enterpriseregistration。windows。net")
            .unwrap()
            .is_misprint()
    );
    assert_eq!(primary(&zh, "50-courier.push.apple.com"), ["apple-push"]);
    assert_eq!(primary(&ja, "5-courier.push.apple.com"), ["178"]);
    assert!(
        ja.match_host("44-courier.push.apple.com")
            .unwrap()
            .is_misprint()
    );
    for edition in ["zh-2020", "pt", "fr", "nl", "ja"] {
        let catalog = load(edition);
        let asia = set(&catalog, "powershell-win32-ap");
        assert_eq!(asia.storage_names[2], "approdimedatahotifx");
        assert_eq!(asia.misprints[0].meant, "approdimedatahotfix");
        assert_eq!(
            primary(&catalog, "approdimedatahotifx.azureedge.net"),
            ["powershell-win32-ap"]
        );
        assert_eq!(
            primary(&catalog, "approdimedatahotfix.azureedge.net"),
            ["powershell-win32-ap"]
        );
    }
}

#[test]
fn weak_evidence_and_samples_are_marked() {
    let ja = load("ja");
    let found = |name| ja.match_host(name).unwrap();
    assert!(found("aadcdn.msauth.net").is_generic());
    assert!(found("login.live.com").is_generic());
    assert!(!found("remotehelp.microsoft.com").is_generic());
    assert!(!found("r.manage.microsoft.com").is_generic());
    assert!(found("sinwns1011421.wns.windows.com").is_sample());
    assert!(found("amsua0101-remoteassistservice-pubsub.webpubsub.azure.com").is_sample());
    assert!(!found("phobos.apple.com").is_sample());
}

#[test]
fn ports_are_listed_or_not_or_unstated() {
    let ja = load("ja");
    assert_eq!(set(&ja, "165").lists_port(Transport::Udp, 123), Some(true));
    assert_eq!(set(&ja, "189").lists_port(Transport::Udp, 443), Some(false));
    assert_eq!(
        set(&ja, "microsoft-store").lists_port(Transport::Tcp, 443),
        None
    );
    assert_eq!(
        set(&ja, "delivery-optimization").lists_port(Transport::Udp, 3544),
        Some(true)
    );
}

#[test]
fn addresses_go_to_the_longest_prefix() {
    let (ja, newest) = (load("ja"), load("en-latest"));
    for address in ["20.37.153.10", "::ffff:20.37.153.10", "64:ff9b::1425:990a"] {
        let found = ja.match_address(address.parse().unwrap()).unwrap();
        assert_eq!(
            found.primary().map(EndpointSet::id).collect::<Vec<_>>(),
            [Some(163)],
            "{address}"
        );
        assert_eq!(found.prefix().to_string(), "20.37.153.0/24");
        assert!(!found.is_ambiguous());
    }
    let door = newest
        .match_address("2620:1ec:40::7".parse().unwrap())
        .unwrap();
    assert!(door.is_ambiguous());
    assert_eq!(
        door.reference()
            .map(|set| set.key.to_string())
            .collect::<Vec<_>>(),
        ["m365-12"]
    );
    assert!(ja.match_address("192.0.2.1".parse().unwrap()).is_none());
}

#[test]
fn handling_rules_follow_the_edition() {
    for edition in ["pt", "nl", "ja", "en-latest"] {
        let catalog = load(edition);
        assert!(
            catalog
                .inspection_unsupported("r.manage.microsoft.com")
                .is_some(),
            "{edition}"
        );
        assert!(
            catalog
                .inspection_unsupported("checkin.dm.microsoft.com")
                .is_some(),
            "{edition}"
        );
        assert!(
            catalog
                .inspection_unsupported("intunemaape1.eus.attest.azure.net")
                .is_some(),
            "{edition}"
        );
        assert!(
            catalog
                .inspection_unsupported("login.microsoftonline.com")
                .is_none(),
            "{edition}"
        );
        assert_eq!(
            catalog
                .inspection_unsupported("licensing.mp.microsoft.com")
                .is_some(),
            edition == "en-latest"
        );
        assert!(
            catalog
                .needs_unauthenticated_proxy("graph.microsoft.com")
                .is_some(),
            "{edition}"
        );
        assert!(
            catalog
                .needs_unauthenticated_proxy("swda01-mscdn.azureedge.net")
                .is_some(),
            "{edition}"
        );
        assert!(
            catalog
                .needs_partial_content("2.dl.delivery.mp.microsoft.com")
                .is_some(),
            "{edition}"
        );
        assert!(
            catalog
                .needs_partial_content("naprodimedatapri.azureedge.net")
                .is_some(),
            "{edition}"
        );
        assert!(
            catalog.needs_partial_content("go.microsoft.com").is_none(),
            "{edition}"
        );
    }
    let zh = load("zh-2020");
    assert!(
        zh.inspection_unsupported("manage.microsoft.com").is_none(),
        "the 2020 text does not speak of it"
    );
    assert!(
        zh.needs_unauthenticated_proxy("graph.microsoft.com")
            .is_none()
    );
}

#[test]
fn tenant_locations_have_regions() {
    let ja = load("ja");
    assert_eq!(ja.region_of_scale_unit("AMSUB0202"), Some(Region::Europe));
    assert_eq!(
        ja.region_of_scale_unit("AMSUC9999"),
        Some(Region::AsiaPacific)
    );
    assert_eq!(ja.region_of_scale_unit("somewhere"), None);
}

#[test]
fn sovereign_clouds() {
    let government = load("us-government");
    let service = set(&government, "manage");
    assert_eq!(
        (
            service.prefixes.len(),
            service.prefixes.iter().filter(|p| p.shared).count()
        ),
        (22, 3)
    );
    assert_eq!(primary(&government, "x.manage.microsoft.us"), ["manage"]);
    assert!(
        government
            .inspection_unsupported("x.dm.microsoft.us")
            .is_some()
    );
    assert_eq!(
        government
            .match_host("sovereignprodimedatapri.azureedge.net")
            .unwrap()
            .standing(),
        Standing::Retired
    );
    let china = load("china-21vianet");
    assert_eq!(set(&china, "manage").prefixes.len(), 10);
    assert_eq!(
        primary(&china, "imeswdsc-afd-pri.manage.microsoft.com"),
        ["powershell-win32"]
    );
}

#[test]
fn an_unknown_edition_names_the_known_ones() {
    let error = Catalog::load("jp").unwrap_err();
    assert!(matches!(&error, CatalogError::UnknownEdition { known, .. } if known.contains(&"ja")));
    assert_eq!(
        error.to_string(),
        "there is no edition `jp`; known editions: zh-2020, pt, fr, nl, ja, en-2025-06, en-latest, us-government, china-21vianet"
    );
}

#[test]
fn a_user_file_replaces_and_adds_sets() {
    let text = r#"
        [edition]
        name = "contoso"
        kind = "user"
        [[no_tls_inspection]]
        hosts = ["*.contoso.com"]
        stated_for = "our gateway"
        [[set]]
        key = "contoso-gateway"
        feature_areas = ["core-service"]
        sections = ["Ours"]
        description = "Our content gateway"
        hosts = ["gateway.contoso.com", "payloadprod*.blob.core.windows.net"]
        prefixes = ["192.0.2.0/24"]
        tcp_ports = [8443]
        [[set]]
        id = 190
        feature_areas = ["core-service"]
        description = "Endpoint discovery"
        hosts = ["aka.ms"]
    "#;
    let catalog = Catalog::with_user_file("ja", text, "contoso.toml").unwrap();
    assert_eq!(
        primary(&catalog, "gateway.contoso.com"),
        ["contoso-gateway"]
    );
    assert_eq!(
        primary(&catalog, "payloadprod7.blob.core.windows.net"),
        ["contoso-gateway"]
    );
    assert_eq!(primary(&catalog, "aka.ms"), ["190"]);
    assert!(
        catalog
            .inspection_unsupported("gateway.contoso.com")
            .is_some()
    );
    assert!(
        catalog
            .match_address("192.0.2.7".parse().unwrap())
            .is_some()
    );
    assert_eq!(
        catalog.published_sets().count(),
        load("ja").published_sets().count() + 1
    );

    let broken = text.replace("192.0.2.0/24", "192.0.2.1/24");
    assert_eq!(
        Catalog::with_user_file("ja", &broken, "contoso.toml")
            .unwrap_err()
            .to_string(),
        "contoso.toml, line 14: set contoso-gateway, field `prefixes`: expected a prefix without host bits, found \"192.0.2.1/24\""
    );
}

/// A cut or damaged file gives a catalogue or a complaint, never a panic.
#[test]
fn reading_is_total() {
    let text = include_str!("../src/catalog/data/china-21vianet.toml");
    assert!(parse_edition(text, "whole").is_ok());
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let _ = parse_edition(&text[..end], "cut");
    }
    for at in
        (0..text.len()).filter(|at| text.is_char_boundary(*at) && text.is_char_boundary(at + 1))
    {
        for other in ["\"", "[", "0", "*", "<"] {
            let mut damaged = text.to_owned();
            damaged.replace_range(at..=at, other);
            assert_eq!(
                parse_edition(&damaged, "damaged").ok(),
                check_edition(&damaged, "damaged").ok(),
                "both readings accept the same files"
            );
        }
    }
}

proptest::proptest! {
    #[test]
    fn matching_is_total(name in "[a-z0-9.*#<>\u{3002}-]{0,300}", pattern in ".{0,40}") {
        static CATALOG: LazyLock<Catalog> = LazyLock::new(|| load("ja"));
        let _ = CATALOG.match_host(&name);
        let _ = CATALOG.inspection_unsupported(&name);
        if let Ok(pattern) = HostPattern::parse(&pattern) {
            let _ = pattern.matches(&name);
            let _ = pattern.covers(&pattern);
        }
    }
}
