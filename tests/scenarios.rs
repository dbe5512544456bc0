//! What is said of devices in known situations: clean ones are left in peace, failed ones are told what stopped them first, and every
//! rule has a case in which it speaks. Facts are made by hand; the recordings under `fixtures/` are held against their truth elsewhere.

#[path = "support/device.rs"]
mod device;

use device::{Device, Fate};
use intap::audit::{
    AuditReport, ClientReport, CodeKind, Finding, FindingCode, Progress, Severity, StageState,
    Verdict, explanations,
};
use intap::catalog::{ScenarioFile, SetKey};
use std::process::Command;

fn client(report: &AuditReport) -> &ClientReport {
    report.clients.first().expect("a device")
}

fn verdict(report: &AuditReport, key: &str) -> Verdict {
    client(report)
        .sets
        .iter()
        .find(|set| set.key == SetKey::parse(key))
        .map_or(Verdict::NotExercised, |set| set.verdict)
}

fn with_code(report: &AuditReport, code: FindingCode) -> Option<&Finding> {
    report.findings.iter().find(|finding| finding.code == code)
}

/// Nothing above information, nothing lost, and this scenario.
fn assert_clean(device: &Device, scenario: &str) -> AuditReport {
    let report = device.audit(&[], None);
    let grave: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Information)
        .map(|finding| finding.summary.as_str())
        .collect();
    assert_eq!(grave, [""; 0]);
    assert_eq!(report.summary().hard_failures, 0);
    assert_eq!(
        client(&report).scenario.name,
        scenario,
        "{}",
        client(&report).scenario.why
    );
    assert_eq!(client(&report).progress, Progress::Clear);
    report
}

/// The first finding is critical and about this set.
fn assert_stopped(device: &Device, set: &str, stage: &str) -> AuditReport {
    let report = device.audit(&[], None);
    let first = report.findings.first().expect("a finding");
    assert_eq!(first.severity, Severity::Critical, "{}", first.summary);
    assert_eq!(first.set, Some(SetKey::parse(set)), "{}", first.summary);
    assert!(!first.remedy.is_empty() && !first.consequence.is_empty() && !first.source.is_empty());
    assert!(!first.evidence.is_empty());
    let stop = client(&report).stages.iter().find(|stage| stage.stops);
    assert_eq!(stop.map(|stage| &*stage.name), Some(stage));
    assert!(matches!(client(&report).progress, Progress::Stopped(_)));
    report
}

/// The beginning of Windows' first start.
fn windows() -> Device {
    let mut device = Device::new("10.0.0.5");
    device
        .introduces_itself(Some("MSFT 5.0"), Some("DESKTOP-4711"))
        .cannot_resolve("wpad.contoso.example")
        .http("www.msftconnecttest.com", 200, |_| {})
        .asks_the_time("time.windows.com", true)
        .http("ctldl.windowsupdate.com", 200, |_| {});
    device
}

fn autopilot() -> Device {
    let mut device = windows();
    device
        .reaches(&[
            "login.live.com",
            "ztd.dds.microsoft.com",
            "cs.dds.microsoft.com",
        ])
        .reaches(&[
            "sls.update.microsoft.com",
            "fe3cr.delivery.mp.microsoft.com",
        ])
        .reaches(&["login.microsoftonline.com", "aadcdn.msauth.net"]);
    device
}

fn enrolled() -> Device {
    let mut device = autopilot();
    device
        .reaches(&["enterpriseregistration.windows.net"])
        .reaches(&["enrollment.manage.microsoft.com", "r.manage.microsoft.com"])
        .reaches(&[
            "client.wns.windows.com",
            "swdb01-mscdn.manage.microsoft.com",
        ]);
    device
}

fn macos() -> Device {
    let mut device = Device::new("10.0.0.6");
    device
        .introduces_itself(None, Some("Annes-MacBook-Pro"))
        .http("captive.apple.com", 200, |_| {})
        .asks_the_time("time.apple.com", true)
        .reaches(&[
            "albert.apple.com",
            "iprofiles.apple.com",
            "deviceenrollment.apple.com",
        ])
        .reaches(&["login.microsoftonline.com", "aadcdn.msauth.net"])
        .reaches(&[
            "i.manage.microsoft.com",
            "1-courier.push.apple.com",
            "swscan.apple.com",
        ]);
    device
}

fn ios() -> Device {
    let mut device = Device::new("10.0.0.7");
    device
        .introduces_itself(None, Some("Annes-iPhone"))
        .http("captive.apple.com", 200, |_| {})
        .asks_the_time("time-ios.apple.com", true)
        .reaches(&[
            "albert.apple.com",
            "iprofiles.apple.com",
            "deviceenrollment.apple.com",
        ])
        .reaches(&["login.microsoftonline.com", "i.manage.microsoft.com"])
        .reaches(&["7-courier.push.apple.com", "itunes.apple.com"]);
    device
}

fn android() -> Device {
    let mut device = Device::new("10.0.0.8");
    device
        .introduces_itself(Some("android-dhcp-14"), Some("Pixel-8"))
        .http("connectivitycheck.gstatic.com", 204, |_| {})
        .reaches(&[
            "android.clients.google.com",
            "play.googleapis.com",
            "accounts.google.com",
        ])
        .reaches(&[
            "login.microsoftonline.com",
            "fef.msua06.manage.microsoft.com",
        ])
        // An advertisement filter at home is no failure of the enrollment.
        .reaches(&["fcm.googleapis.com"]);
    device
}

#[test]
fn a_clean_autopilot_enrollment_is_left_in_peace() {
    let report = assert_clean(&enrolled(), "windows-autopilot");
    let stages = &client(&report).stages;
    assert!(
        stages
            .iter()
            .all(|stage| stage.state == StageState::Reached),
        "{stages:?}"
    );
    assert_eq!(
        client(&report).scenario.features().collect::<Vec<_>>(),
        ["windows-apps"]
    );
}

#[test]
fn a_clean_manual_enrollment_without_alias_is_left_in_peace() {
    let mut device = windows();
    device
        .cannot_resolve("EnterpriseEnrollment.contoso.example")
        .reaches(&[
            "enrollment.manage.microsoft.com",
            "login.microsoftonline.com",
        ])
        .reaches(&[
            "enterpriseregistration.windows.net",
            "r.manage.microsoft.com",
        ]);
    let report = device.audit(&[], None);
    assert_eq!(client(&report).scenario.name, "windows-enrollment");
    assert_eq!(report.summary().findings, 0);
    assert_eq!(report.summary().hard_failures, 0);
}

#[test]
fn a_managed_windows_device_at_work_is_left_in_peace() {
    let mut device = windows();
    device.reaches(&[
        "login.live.com",
        "login.microsoftonline.com",
        "r.manage.microsoft.com",
    ]);
    assert_clean(&device, "windows-managed");
}

#[test]
fn clean_apple_and_android_devices_are_left_in_peace() {
    assert_clean(&macos(), "macos-enrollment");
    assert_clean(&ios(), "ios-enrollment");
    assert_clean(&android(), "android-enterprise-enrollment");
    let mut aosp = Device::new("10.0.0.9");
    aosp.http("connectivitycheck.gstatic.com", 204, |_| {})
        .reaches(&[
            "intunecdnpeasd.manage.microsoft.com",
            "login.microsoftonline.com",
        ])
        .reaches(&["r.manage.microsoft.com"]);
    assert_clean(&aosp, "android-aosp-enrollment");
}

#[test]
fn any_part_of_a_clean_enrollment_accuses_nobody() {
    // A recording that begins or ends anywhere in it.
    let names: [&[&str]; 6] = [
        &["ztd.dds.microsoft.com"],
        &["login.live.com", "enterpriseregistration.windows.net"],
        &["login.microsoftonline.com"],
        &["enrollment.manage.microsoft.com"],
        &["swdb01-mscdn.manage.microsoft.com"],
        &["ztd.dds.microsoft.com", "r.manage.microsoft.com"],
    ];
    for part in names {
        let mut device = Device::new("10.0.0.5");
        device.reaches(part);
        let report = device.audit(&[], None);
        assert_eq!(report.summary().findings, 0, "{part:?}");
        assert_eq!(report.summary().hard_failures, 0, "{part:?}");
    }
}

#[test]
fn a_failed_enrollment_names_what_stopped_it_first() {
    let mut device = windows();
    device
        .asks_the_time("time.windows.com", false)
        .tls("client.wns.windows.com", Fate::Dropped)
        .cannot_resolve("login.live.com")
        .reaches(&["enterpriseregistration.windows.net"]);
    assert_stopped(&device, "97", "profile");

    let mut device = autopilot();
    device
        .tls("v10.events.data.microsoft.com", Fate::Dropped)
        .tls("enterpriseregistration.windows.net", Fate::Reset);
    let report = assert_stopped(&device, "59", "join");
    let reached: Vec<&str> = client(&report)
        .stages
        .iter()
        .filter(|stage| stage.state == StageState::Reached)
        .map(|stage| &*stage.name)
        .collect();
    assert_eq!(
        reached,
        [
            "name-resolution",
            "network",
            "time",
            "trust",
            "profile",
            "update",
            "sign-in"
        ]
    );

    let mut device = macos();
    device.tls("portal.manage.microsoft.com", Fate::Dropped);
    let report = device.audit(&[], None);
    assert_eq!(
        report.summary().hard_failures,
        0,
        "one host of a set that works"
    );

    let mut phone = Device::new("10.0.0.7");
    phone
        .introduces_itself(None, Some("Annes-iPhone"))
        .http("captive.apple.com", 200, |_| {})
        .reaches(&["login.microsoftonline.com"])
        .tls("albert.apple.com", Fate::Dropped);
    assert_stopped(&phone, "apple-device-management", "activation");
    let mut phone = android();
    phone.tls("play.google.com", Fate::Dropped);
    assert_stopped(&phone, "android-enterprise", "google");
}

#[test]
fn the_enrollment_server_counts_although_its_set_works() {
    let mut device = autopilot();
    device
        .reaches(&[
            "enterpriseregistration.windows.net",
            "r.manage.microsoft.com",
        ])
        .tls("enrollment.manage.microsoft.com", Fate::Reset);
    assert_stopped(&device, "163", "enrollment");
    device.reaches(&["enterpriseenrollment-s.manage.microsoft.com"]);
    assert_eq!(
        device.audit(&[], None).summary().hard_failures,
        0,
        "another enrollment server does as well"
    );
}

#[test]
fn one_alternative_is_enough_and_the_tenants_region_decides_which() {
    let mut device = enrolled();
    device.tls("swda01-mscdn.manage.microsoft.com", Fate::Dropped);
    assert_eq!(device.audit(&[], None).summary().hard_failures, 0);
    let american = device.audit(&[], Some("north-america"));
    assert_eq!(
        american.summary().hard_failures,
        1,
        "its own region's nodes fail"
    );
    let european = device.audit(&[], Some("europe"));
    assert_eq!(european.summary().hard_failures, 0);
}

#[test]
fn soft_things_are_never_critical() {
    let mut device = enrolled();
    device
        .asks_the_time("time.windows.com", false)
        .tls("sin.notify.windows.com", Fate::Dropped)
        .tls("settings-win.data.microsoft.com", Fate::Dropped)
        .tls("go.microsoft.com", Fate::Reset);
    let report = device.audit(&[], None);
    assert!(
        report
            .findings
            .iter()
            .all(|f| f.severity < Severity::Critical)
    );
    assert!(matches!(client(&report).progress, Progress::Impaired(_)));
}

#[test]
fn a_host_that_every_device_contacts_is_no_remote_help() {
    let mut device = enrolled();
    device.tls("teams.microsoft.com", Fate::Dropped);
    let report = device.audit(&[], None);
    assert!(
        client(&report)
            .scenario
            .features()
            .all(|feature| feature != "remote-help")
    );
    assert_eq!(verdict(&report, "181"), Verdict::Degraded, "as observed");
    assert_eq!(report.summary().findings, 0);
}

#[test]
fn absence_counts_by_who_says_what_the_device_did() {
    // The user says so: registration is missing.
    let mut device = autopilot();
    device.reaches(&["enrollment.manage.microsoft.com", "r.manage.microsoft.com"]);
    let chosen = device.audit(&["windows-autopilot"], None);
    assert_eq!(verdict(&chosen, "59"), Verdict::NeverReached);
    let finding = with_code(&chosen, FindingCode::EndpointsNeverTried).unwrap();
    assert_eq!(
        (finding.severity, &finding.set),
        (Severity::Critical, &Some(SetKey::Id(59)))
    );
    // The traffic proves it: worth a remark.
    let proven = device.audit(&[], None);
    assert_eq!(verdict(&proven, "59"), Verdict::NeverReached);
    assert_eq!(proven.summary().findings, 0);
    assert_eq!(proven.summary().hard_failures, 0);
    // After a stop nothing is missing.
    let mut stopped = windows();
    stopped.tls("login.live.com", Fate::Reset);
    let report = stopped.audit(&["windows-autopilot"], None);
    assert_eq!(report.summary().hard_failures, 1);
    assert_eq!(verdict(&report, "163"), Verdict::NotExercised);
    // By the column everything counts.
    assert_eq!(
        verdict(&stopped.audit(&["all"], None), "178"),
        Verdict::NotExercised
    );
    assert_eq!(
        verdict(&stopped.audit(&["all"], None), "163"),
        Verdict::NeverReached
    );
}

#[test]
fn a_host_that_a_chosen_scenario_needs_is_missed_and_a_sample_is_not() {
    let mut device = Device::new("10.0.0.5");
    device
        .reaches(&[
            "login.microsoftonline.com",
            "remoteassistance.support.services.microsoft.com",
        ])
        .reaches(&["x1.webpubsub.azure.com"]);
    let report = device.audit(&["remote-help"], None);
    let missed: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.code == FindingCode::EndpointsNeverTried)
        .flat_map(|finding| finding.hosts.iter().map(String::as_str))
        .collect();
    assert_eq!(missed, ["remotehelp.microsoft.com"]);
    assert_eq!(verdict(&report, "187"), Verdict::Reached);
}

mod rules {
    use super::*;

    fn only(device: &Device, code: FindingCode) -> Finding {
        let report = device.audit(&[], None);
        let finding = with_code(&report, code);
        finding
            .unwrap_or_else(|| panic!("no {} in {:?}", code.code(), report.findings))
            .clone()
    }

    fn silent(device: &Device, code: FindingCode) {
        let report = device.audit(&[], None);
        assert!(with_code(&report, code).is_none(), "{}", code.code());
    }

    #[test]
    fn proxy_login() {
        let mut device = windows();
        let proxy = "10.0.0.2:3128".parse().unwrap();
        device.tls_at("r.manage.microsoft.com", proxy, Fate::ProxyLogin);
        let finding = only(&device, FindingCode::ProxyLogin);
        assert_eq!(finding.severity, Severity::Critical);
        assert!(finding.source.contains("unauthenticated proxy"));
        let mut other = windows();
        other.tls_at("go.microsoft.com", proxy, Fate::ProxyLogin);
        silent(&other, FindingCode::ProxyLogin);
    }

    #[test]
    fn tls_inspection() {
        let mut device = windows();
        device
            .tls("r.manage.microsoft.com", Fate::Untrusted)
            .tls("manage.microsoft.com", Fate::Untrusted);
        let finding = only(&device, FindingCode::TlsInspection);
        assert_eq!(
            finding.hosts.len(),
            2,
            "the wildcard's own domain fares the same"
        );
        silent(&device, FindingCode::TlsInspectionSuspected);
        device.tls("login.microsoftonline.com", Fate::Untrusted);
        let suspected = only(&device, FindingCode::TlsInspectionSuspected);
        assert!(
            suspected.summary.contains("Contoso Issuing CA 2"),
            "{}",
            suspected.summary
        );
    }

    #[test]
    fn ranges_stripped() {
        let mut device = windows();
        let stripped = |exchange: &mut intap::facts::HttpExchange| exchange.range = true;
        device.http("2.dl.delivery.mp.microsoft.com", 200, stripped);
        let finding = only(&device, FindingCode::RangesStripped);
        assert!(
            finding.source.contains("partial content"),
            "{}",
            finding.source
        );
        let mut well = windows();
        well.http("2.dl.delivery.mp.microsoft.com", 206, |exchange| {
            exchange.range = true;
            exchange.content_range = true;
        });
        silent(&well, FindingCode::RangesStripped);
    }

    #[test]
    fn apex_and_wildcard() {
        let mut device = enrolled();
        device.tls("manage.microsoft.com", Fate::Reset);
        let finding = only(&device, FindingCode::ApexBlocked);
        assert!(finding.remedy.contains("manage.microsoft.com itself"));
        let mut device = enrolled();
        device.tls("portal.manage.microsoft.com", Fate::Reset);
        let finding = only(&device, FindingCode::WildcardPartlyBlocked);
        assert!(finding.remedy.contains("*.manage.microsoft.com"));
        silent(&enrolled(), FindingCode::WildcardPartlyBlocked);
    }

    #[test]
    fn some_addresses() {
        let (one, other) = (
            "23.35.1.1:443".parse().unwrap(),
            "23.35.1.2:443".parse().unwrap(),
        );
        let mut device = enrolled();
        device
            .learns("go.microsoft.com", &["23.35.1.1", "23.35.1.2"])
            .tls_at("go.microsoft.com", one, Fate::Dropped)
            .tls_at("go.microsoft.com", other, Fate::Served);
        let finding = only(&device, FindingCode::SomeAddressesBlocked);
        assert!(
            finding.summary.contains("23.35.1.1 cannot"),
            "{}",
            finding.summary
        );
        // The same address answers later, however often the other one did before.
        for _ in 0..9 {
            device.tls_at("go.microsoft.com", other, Fate::Served);
        }
        device.tls_at("go.microsoft.com", one, Fate::Served);
        silent(&device, FindingCode::SomeAddressesBlocked);
    }

    #[test]
    fn some_ranges() {
        let mut device = windows();
        device
            .tls_at(
                "a.manage.microsoft.com",
                "20.37.153.9:443".parse().unwrap(),
                Fate::Dropped,
            )
            .tls_at(
                "b.manage.microsoft.com",
                "20.42.1.9:443".parse().unwrap(),
                Fate::Served,
            );
        let finding = only(&device, FindingCode::SomeAddressesBlocked);
        assert!(
            finding.summary.contains("20.37.153.0/24"),
            "{}",
            finding.summary
        );
        assert!(finding.remedy.contains("published ranges of set 163"));
    }

    #[test]
    fn off_list_port() {
        let mut device = enrolled();
        device.tls_at(
            "login.live.com",
            "93.184.216.250:8443".parse().unwrap(),
            Fate::Served,
        );
        let finding = only(&device, FindingCode::OffListPort);
        assert_eq!(finding.severity, Severity::Information);
        assert!(
            finding.summary.contains("login.live.com TCP 8443"),
            "{}",
            finding.summary
        );
        silent(&enrolled(), FindingCode::OffListPort);
    }

    #[test]
    fn unlisted_names() {
        let mut device = enrolled();
        device.reaches(&["newthing.intune.microsoft.com", "www.example.com"]);
        let finding = only(&device, FindingCode::UnlistedNames);
        assert_eq!(finding.hosts, ["newthing.intune.microsoft.com"]);
        assert_eq!(finding.severity, Severity::Information);
        silent(&enrolled(), FindingCode::UnlistedNames);
    }

    #[test]
    fn retired_names() {
        let mut device = enrolled();
        device.reaches(&["euprodimedatapri.azureedge.net"]);
        let finding = only(&device, FindingCode::RetiredNames);
        assert_eq!(finding.hosts, ["euprodimedatapri.azureedge.net"]);
        // Apple's set has left the article as a whole; its names are Apple's present ones.
        silent(&macos(), FindingCode::RetiredNames);
    }

    #[test]
    fn ipv6_dead() {
        let mut device = enrolled();
        device.has_ipv6();
        let mut dead = |name, address: &str| {
            device.learns(name, &[address]);
            let server = format!("[{address}]:443").parse().unwrap();
            device.tls_at(name, server, Fate::Dropped);
        };
        dead("login.live.com", "2603:1026::1");
        dead("login.microsoftonline.com", "2603:1026::2");
        let finding = only(&device, FindingCode::Ipv6Dead);
        assert_eq!(
            finding.hosts,
            ["login.live.com", "login.microsoftonline.com"]
        );
        silent(&device, FindingCode::Detour);
        // One host that works over IPv6, and it is those hosts' trouble.
        device.learns("go.microsoft.com", &["2603:1026::3"]).tls_at(
            "go.microsoft.com",
            "[2603:1026::3]:443".parse().unwrap(),
            Fate::Served,
        );
        silent(&device, FindingCode::Ipv6Dead);
        assert_eq!(
            only(&device, FindingCode::Detour).severity,
            Severity::Information
        );
    }

    #[test]
    fn captive_portal() {
        let mut device = Device::new("10.0.0.5");
        device.http("www.msftconnecttest.com", 302, |exchange| {
            exchange.probe_body_genuine = Some(false);
        });
        let finding = only(&device, FindingCode::CaptivePortal);
        assert!(finding.remedy.contains("www.msftconnecttest.com"));
        silent(&enrolled(), FindingCode::CaptivePortal);
    }

    #[test]
    fn detour_and_reachability() {
        let mut device = enrolled();
        device
            .tls("config.office.com", Fate::Dropped)
            .tls_at(
                "go.microsoft.com",
                "23.35.1.1:443".parse().unwrap(),
                Fate::Reset,
            )
            .tls_at(
                "go.microsoft.com",
                "23.35.1.1:443".parse().unwrap(),
                Fate::Served,
            )
            .tls("c.s-microsoft.com", Fate::Reset)
            .reaches(&["clientconfig.passport.net"]);
        for code in [
            FindingCode::EndpointsBlocked,
            FindingCode::EndpointsDegraded,
            FindingCode::EndpointsPartlyBlocked,
        ] {
            assert_eq!(only(&device, code).severity, Severity::Warning);
        }
        let mut resolved = Device::new("10.0.0.5");
        resolved
            .reaches(&["ztd.dds.microsoft.com"])
            .looks_up("login.microsoftonline.com");
        let finding = only(&resolved, FindingCode::EndpointsLookedUpOnly);
        assert_eq!(finding.severity, Severity::Information);
    }
}

/// What the program prints, and how it ends.
fn intap(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_intap"))
        .args(arguments)
        .output()
        .expect("the program starts");
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn wrong_choices_are_told_in_one_line() {
    for (arguments, word) in [
        (
            ["audit", "--scenario", "autopilot", "x"],
            "windows-autopilot",
        ),
        (["audit", "--region", "mars", "x"], "asia-pacific"),
        (["audit", "--tenant", "mine", "x"], "AMSUB0202"),
        (
            ["scenarios", "autopilot", "--format", "text"],
            "windows-autopilot",
        ),
        (["explain", "nonsense", "--format", "json"], "intap explain"),
    ] {
        let (status, out, complaint) = intap(&arguments);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(complaint.contains(word), "{complaint}");
    }
}

#[test]
fn every_code_and_scenario_is_explained_in_80_columns() {
    let mut pages = vec![intap(&["explain"]), intap(&["scenarios"])];
    for explanation in explanations() {
        pages.push(intap(&["explain", explanation.code]));
    }
    for scenario in ScenarioFile::shipped().unwrap().scenarios {
        pages.push(intap(&["scenarios", &scenario.name]));
        let (_, json, _) = intap(&["scenarios", &scenario.name, "--format", "json"]);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value[0]["name"], scenario.name.as_str());
    }
    for (status, page, complaint) in pages {
        assert_eq!((status, complaint.as_str()), (Some(0), ""), "{page}");
        // A path that is longer than a line stays whole behind its label.
        let long = page
            .lines()
            .find(|line| line.chars().count() > 80 && line.split_whitespace().count() > 2);
        assert_eq!(long, None);
    }
}

/// The generated part of a manual page; what people wrote stands before it.
const GENERATED: &str =
    "<!-- From here on written by `UPDATE_DOCS=1 cargo test --test scenarios`. -->\n";

/// Compares a manual page's generated part, or writes it when asked to.
fn check_page(name: &str, generated: &str) {
    let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let written = text.split(GENERATED).next().unwrap().trim_end();
    let expected = format!("{written}\n\n{GENERATED}\n{generated}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    assert!(
        text == expected,
        "docs/{name} is out of date: run UPDATE_DOCS=1 cargo test --test scenarios"
    );
}

#[test]
fn the_manual_explains_every_code() {
    let mut page = String::new();
    let mut heading = "";
    for code in explanations() {
        let kind = match code.kind {
            CodeKind::Finding => "Codes of findings",
            CodeKind::Cause => "Causes",
            CodeKind::Verdict => "Verdicts",
        };
        if kind != heading {
            page.push_str(&format!("## {kind}\n\n"));
            heading = kind;
        }
        page.push_str(&format!(
            "### `{}`\n\n**{}.** {}",
            code.code, code.title, code.when
        ));
        if !code.not.is_empty() {
            page.push_str(&format!(" *Not:* {}", code.not));
        }
        page.push_str(&format!(
            "\n\n- Means: {}\n- Change: {}\n- Source: {}\n\n",
            code.consequence, code.remedy, code.source
        ));
    }
    check_page("findings.md", &format!("{}\n", page.trim_end()));
}

#[test]
fn the_manual_lists_every_scenario() {
    let mut page = "## The scenarios\n\n".to_owned();
    for scenario in ScenarioFile::shipped().unwrap().scenarios {
        let (_, text, _) = intap(&["scenarios", &scenario.name]);
        page.push_str(&format!(
            "### {}\n\n```text\n{}\n```\n\n",
            scenario.name,
            text.trim_end()
        ));
    }
    check_page("scenarios.md", &format!("{}\n", page.trim_end()));
}
