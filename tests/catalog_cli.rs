//! `intap catalog` as a user meets it: the program itself, its output and its exit status.

mod support {
    pub mod endpoint_service;
}

use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;
use support::endpoint_service::{Answer, EndpointService};
use tempfile::TempDir;

/// An answer of `/endpoints` with the traps that the service's description allows: blanks in ports, ranges, absent
/// fields, unknown fields, rows of other services, generic wildcards, a host that is none.
const ENDPOINTS: &str = r#"[
  {"id": 163, "serviceArea": "MEM", "serviceAreaDisplayName": "Microsoft Intune",
   "urls": ["*.manage.microsoft.com", "manage.microsoft.com", "NewHost.manage.example.net", "*.azureedge.net"],
   "ips": ["20.37.153.0/24", "192.0.2.0/24", "2001:db8:7::/48"],
   "tcpPorts": "443, 80", "expressRoute": false, "category": "Allow", "required": true},
  {"id": 209, "serviceArea": "MEM", "serviceAreaDisplayName": "Microsoft Intune",
   "urls": ["brandnew.example.net", "https://not-a-host"], "tcpPorts": "443,8000-8002", "udpPorts": "3478",
   "expressRoute": false, "category": "Default", "required": true, "notes": "new", "someFutureField": [1, {"a": null}]},
  {"id": 56, "serviceArea": "Common", "serviceAreaDisplayName": "Microsoft 365 Common and Office Online",
   "urls": ["login.microsoftonline.com", "extra.example.org"], "ips": ["20.190.128.0/18"], "tcpPorts": "80,443",
   "expressRoute": true, "category": "Allow", "required": true}
]"#;

const VERSION: &str =
    r#"{"instance":"Worldwide","latest":"2026100100","versions":["2026100100","2026090100"]}"#;

/// A capture of one enrolment that nothing hindered.
const CLEAN: &str = "fixtures/captures/clean_autopilot/capture.pcap";

/// One user with a data folder of their own.
struct User {
    home: TempDir,
}

impl User {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn intap(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("intap").unwrap();
        command.args(arguments);
        command.env("XDG_DATA_HOME", self.home.path());
        command.env("LOCALAPPDATA", self.home.path());
        for proxy in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
            command.env_remove(proxy).env_remove(proxy.to_lowercase());
        }
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.intap(arguments).output().unwrap()
    }

    /// Standard output of a run that must succeed.
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            stderr(&output)
        );
        stdout(&output)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(arguments)).unwrap()
    }

    /// Standard error of a run that must end with exit status 2.
    fn complaint(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            stdout(&output)
        );
        stderr(&output)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.home.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Imports [`ENDPOINTS`] as version 2026100100.
    fn import(&self) {
        let endpoints = self.file("endpoints.json", ENDPOINTS);
        let version = self.file("version.json", VERSION);
        self.text(&[
            "catalog",
            "import",
            "--from-file",
            &endpoints,
            "--version-file",
            &version,
        ]);
    }

    fn editions_folder(&self) -> std::path::PathBuf {
        self.home.path().join("intap").join("editions")
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap())
        .collect()
}

/// The record of `list` with this key.
fn record<'v>(list: &'v Value, key: &str) -> &'v Value {
    list["endpoint_sets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|set| set["key"] == key)
        .unwrap_or_else(|| panic!("{key} is missing"))
}

#[test]
fn the_list_has_exactly_the_documented_fields() {
    let list = User::new().json(&["catalog", "list", "--edition", "ja", "--format", "json"]);
    let fields = |value: &Value| {
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort_unstable();
        names
    };
    assert_eq!(fields(&list), ["edition", "endpoint_sets"]);
    assert_eq!(list["edition"], "ja");
    for set in list["endpoint_sets"].as_array().unwrap() {
        let mut expected = [
            "id",
            "key",
            "feature_area",
            "description",
            "category",
            "required",
            "express_route",
            "hosts",
            "prefixes",
            "tcp_ports",
            "udp_ports",
            "notes",
        ];
        expected.sort_unstable();
        assert_eq!(fields(set), expected);
    }
    let core = record(&list, "163");
    assert_eq!(
        (&core["id"], &core["category"], &core["required"]),
        (&163.into(), &"Allow".into(), &true.into())
    );
    assert_eq!(core["express_route"], false);
    assert_eq!(
        texts(&core["hosts"]),
        [
            "*.manage.microsoft.com",
            "manage.microsoft.com",
            "enterpriseenrollment.manage.microsoft.com"
        ]
    );
    assert_eq!(texts(&core["prefixes"])[0], "104.46.162.96/27");
    assert_eq!(texts(&core["prefixes"]).len(), 50);
    assert_eq!(core["tcp_ports"], serde_json::json!([80, 443]));
    let store = record(&list, "microsoft-store");
    assert!(store["id"].is_null() && store["category"].is_null() && store["required"].is_null());
    assert_eq!(record(&list, "165")["udp_ports"], serde_json::json!([123]));
}

#[test]
fn every_edition_can_be_listed_and_exported() {
    let user = User::new();
    let editions = user.json(&["catalog", "editions", "--format", "json"]);
    let names: Vec<_> = editions["editions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edition| edition["edition"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "zh-2020",
            "pt",
            "fr",
            "nl",
            "ja",
            "en-2025-06",
            "en-latest",
            "us-government",
            "china-21vianet"
        ]
    );
    for name in &names {
        let list = user.json(&["catalog", "list", "--edition", name, "--format", "json"]);
        let export = user.json(&["catalog", "export", "--edition", name]);
        assert_eq!(&export["edition"]["name"], name);
        let (listed, exported) = (
            list["endpoint_sets"].as_array().unwrap(),
            export["endpoint_sets"].as_array().unwrap(),
        );
        assert_eq!(listed.len(), exported.len());
        for (short, full) in listed.iter().zip(exported) {
            for (field, value) in short.as_object().unwrap() {
                assert_eq!(&full[field], value, "{name} {field}");
            }
        }
        let entries: usize = exported
            .iter()
            .map(|set| {
                let of = |field: &str| set[field].as_array().unwrap().len();
                (of("hosts") + of("prefixes") + of("also_recognised")).max(1)
            })
            .sum();
        let csv = user.text(&["catalog", "export", "--edition", name, "--format", "csv"]);
        assert_eq!(csv.lines().count(), entries + 1, "{name}");
    }
}

#[test]
fn text_is_readable_at_80_columns() {
    let user = User::new();
    for arguments in [
        &["catalog", "list"][..],
        &["catalog", "list", "--edition", "zh-2020"],
        &["catalog", "show", "163"],
        &["catalog", "show", "powershell-win32"],
        &["catalog", "show", "178", "--edition", "fr"],
        &["catalog", "explain", "swda01-mscdn.azureedge.net:443"],
        &["catalog", "diff", "nl", "en-latest"],
        &["catalog", "editions"],
    ] {
        let text = user.text(arguments);
        for line in text.lines() {
            // Only what has no blank to break at may be longer.
            assert!(
                line.chars().count() <= 80 || line.split_whitespace().count() <= 2,
                "{arguments:?}: {line}"
            );
        }
        assert!(!text.contains('\u{1b}'));
    }
}

#[test]
fn sets_are_shown_by_number_key_area_and_heading() {
    let user = User::new();
    let shown = |name: &str| {
        let sets = user.json(&["catalog", "show", name, "--format", "json"]);
        let keys: Vec<_> = sets["endpoint_sets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|set| set["key"].as_str().unwrap().to_owned())
            .collect();
        keys
    };
    assert_eq!(shown("190"), ["190"]);
    assert_eq!(shown("89"), ["190"], "the number it had before");
    assert_eq!(shown("m365-56"), ["m365-56"]);
    assert_eq!(shown("microsoft-store"), ["microsoft-store",]);
    assert_eq!(shown("Remote Help"), ["181", "187", "188"]);
    assert!(shown("powershell-win32").contains(&"powershell-win32-na".to_owned()));
    let retired = user.json(&["catalog", "show", "178", "--format", "json"]);
    assert_eq!(retired["endpoint_sets"][0]["standing"], "retired");
    let region = user.json(&[
        "catalog",
        "show",
        "powershell-win32-ap",
        "--edition",
        "ja",
        "--format",
        "json",
    ]);
    let region = &region["endpoint_sets"][0];
    assert_eq!(region["misprints"][0]["meant"], "approdimedatahotfix");
    assert_eq!(region["region"], "Asia Pacific");
    assert!(texts(&region["scale_units"]).contains(&"AMSUC0101"));
    assert!(
        user.complaint(&["catalog", "show", "164x"])
            .contains("there is no set, feature area or heading `164x`")
    );
}

#[test]
fn explain_says_who_lists_it_how_and_where() {
    let user = User::new();
    let explain = |what: &str, edition: &str| {
        user.json(&[
            "catalog",
            "explain",
            what,
            "--edition",
            edition,
            "--format",
            "json",
        ])
    };
    let answer = explain("Swda01-mscdn.Manage.microsoft.com:443", "ja");
    let matches = answer["matches"].as_array().unwrap();
    assert_eq!(answer["query"], "swda01-mscdn.manage.microsoft.com");
    assert_eq!(
        (&matches[0]["id"], &matches[0]["decides"]),
        (&170.into(), &true.into())
    );
    assert_eq!(
        (
            &matches[0]["tcp_port_listed"],
            &matches[0]["udp_port_listed"]
        ),
        (&true.into(), &false.into())
    );
    assert_eq!(
        (&matches[1]["id"], &matches[1]["pattern"]),
        (&163.into(), &"*.manage.microsoft.com".into())
    );
    assert_eq!(
        answer["no_tls_inspection"].as_str().map(str::is_empty),
        Some(false)
    );
    let in_nl = answer["editions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|edition| edition["edition"] == "nl")
        .unwrap();
    assert_eq!(in_nl["matches"][0]["id"], 163);

    assert_eq!(
        explain("login.live.com", "ja")["matches"][0]["strength"],
        "weak"
    );
    assert_eq!(
        explain("2620:1ec:40::7", "en-latest")["matches"][0]["strength"],
        "shared"
    );
    let off_list = explain("20.37.153.10:8443", "ja");
    assert_eq!(
        (&off_list["kind"], &off_list["port"]),
        (&"address".into(), &8443.into())
    );
    assert_eq!(off_list["matches"][0]["tcp_port_listed"], false);
    let misprint = explain("50-courier.push.apple.com", "ja");
    assert_eq!(misprint["matches"][0]["misprint"], true);
    let nothing = explain("www.contoso.example", "ja");
    assert!(nothing["matches"].as_array().unwrap().is_empty());
    assert!(
        user.text(&["catalog", "explain", "www.contoso.example"])
            .contains("no endpoint set lists it")
    );
    assert!(
        user.text(&["catalog", "explain", "dm.microsoft.com"])
            .contains("and not the name itself")
    );
    assert!(
        user.complaint(&["catalog", "explain", "a b"])
            .contains("expected a host name or an address")
    );
}

#[test]
fn diff_names_what_came_and_went() {
    let change = User::new().json(&["catalog", "diff", "pt", "nl", "--format", "json"]);
    assert_eq!(change["sets_added"][0]["id"], 89);
    assert_eq!(
        texts(&change["hosts_removed"])[0],
        "*.download.windowsupdate.com"
    );
    let changed = change["sets_changed"].as_array().unwrap();
    let of = |id: u16| changed.iter().find(|set| set["id"] == id).unwrap();
    assert_eq!(
        of(97)["required"],
        serde_json::json!({"before": false, "after": true})
    );
    assert_eq!(of(164)["tcp_ports_added"], serde_json::json!([80]));
    assert_eq!(
        texts(&of(165)["hosts_removed"]),
        ["www.msftncsi.com", "www.msftconnecttest.com"]
    );
    assert!(
        User::new()
            .text(&["catalog", "diff", "pt", "fr"])
            .contains("No set differs.")
    );
    assert!(
        User::new()
            .complaint(&["catalog", "diff", "pt", "xx"])
            .contains("there is no edition `xx`")
    );
}

const OWN: &str = r#"
[edition]
name = "contoso"
kind = "user"

[[set]]
key = "contoso-gateway"
feature_areas = ["core-service"]
description = "Our content gateway"
hosts = ["gateway.contoso.example"]
prefixes = ["198.51.100.0/24"]
tcp_ports = [8443]

[[set]]
id = 190
feature_areas = ["core-service"]
description = "Endpoint discovery"
hosts = ["aka.ms"]
tcp_ports = [443]
"#;

#[test]
fn a_file_of_ones_own_is_laid_over_the_edition() {
    let user = User::new();
    let own = user.file("contoso.toml", OWN);
    assert!(
        user.text(&["catalog", "validate", &own])
            .contains("nothing wrong: 2 endpoint sets, 2 hosts, 1 prefix")
    );
    let list = user.json(&[
        "catalog",
        "list",
        "--edition",
        "ja",
        "--catalog",
        &own,
        "--format",
        "json",
    ]);
    assert_eq!(texts(&record(&list, "190")["hosts"]), ["aka.ms"]);
    assert_eq!(
        texts(&record(&list, "contoso-gateway")["prefixes"]),
        ["198.51.100.0/24"]
    );
    let answer = user.json(&[
        "catalog",
        "explain",
        "gateway.contoso.example:8443",
        "--catalog",
        &own,
        "--format",
        "json",
    ]);
    assert_eq!(
        (
            &answer["matches"][0]["key"],
            &answer["matches"][0]["decides"]
        ),
        (&"contoso-gateway".into(), &true.into())
    );
    assert_eq!(
        answer["editions"].as_array().unwrap().last().unwrap()["edition"],
        "contoso"
    );
    let report = user.json(&[
        "audit",
        CLEAN,
        "--catalog",
        &own,
        "--format",
        "json",
        "--fail-on",
        "never",
    ]);
    assert_eq!(report["catalog"]["edition"], "en-latest");
    assert_eq!(report["catalog"]["additions"][0]["edition"], "contoso");
    assert!(
        user.text(&["audit", CLEAN, "--catalog", &own, "--fail-on", "never"])
            .contains("with contoso")
    );
}

#[test]
fn every_error_in_ones_own_file_is_named() {
    let user = User::new();
    let broken = OWN
        .replace("198.51.100.0/24", "198.51.100.1/24")
        .replace("id = 190", "id = \"190\"")
        .replace(
            "tcp_ports = [443]",
            "tcp_ports = [443, 70000]\ncolour = \"red\"",
        );
    let path = user.file("broken.toml", broken);
    let output = user.output(&["catalog", "validate", &path]);
    assert_eq!(output.status.code(), Some(2));
    let expected = [
        "line 11: set contoso-gateway, field `prefixes`: expected a prefix without host bits, found \"198.51.100.1/24\"",
        "line 15: set number 2, field `id`: expected a number from 0 to 65535, found \"190\"",
        "line 19: set number 2, field `tcp_ports`: expected a port number from 1 to 65535, found 70000",
        "line 20: set number 2 has no field `colour`; its fields are id, key, feature_areas, description,",
    ];
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), expected.len() + 1, "{text}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(&format!("{path}, {expected}")), "{line}");
    }
    let json: Value = serde_json::from_str(&stdout(
        &user.output(&["catalog", "validate", &path, "--format", "json"]),
    ))
    .unwrap();
    assert_eq!(
        (&json["valid"], &json["errors"][0]["line"]),
        (&false.into(), &11.into())
    );
    assert_eq!(
        (&json["errors"][0]["record"], &json["errors"][0]["field"]),
        (&"set contoso-gateway".into(), &"prefixes".into())
    );

    let complaint = user.complaint(&["audit", CLEAN, "--catalog", &path]);
    assert_eq!(complaint.lines().count(), expected.len());
    assert!(complaint.lines().all(|line| line.starts_with("intap: ")));
    let syntax = user.file("syntax.toml", "[edition\nname = 1");
    assert!(
        stdout(&user.output(&["catalog", "validate", &syntax])).contains("syntax.toml, line 1: ")
    );
    assert!(
        user.complaint(&["catalog", "validate", "no/such/file.toml"])
            .contains("no/such/file.toml")
    );
    let binary = user.file("binary.toml", b"name = \"\xff\"");
    assert!(
        user.complaint(&["catalog", "validate", &binary])
            .contains("not text in UTF-8: octet 8 does not fit")
    );
}

#[test]
fn an_import_is_kept_whole_with_hash_date_and_source() {
    let user = User::new();
    user.import();
    let stored = user
        .editions_folder()
        .join("imported-worldwide-2026100100.json");
    let stored: Value = serde_json::from_str(&fs::read_to_string(stored).unwrap()).unwrap();
    assert_eq!(stored["document"], ENDPOINTS);
    assert_eq!(stored["sha256"].as_str().unwrap().len(), 64);
    assert!(
        stored["source"]
            .as_str()
            .unwrap()
            .ends_with("endpoints.json")
    );
    assert!(stored["imported"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        (&stored["version"], &stored["instance"]),
        (&"2026100100".into(), &"Worldwide".into())
    );
    let left: Vec<_> = fs::read_dir(user.editions_folder()).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file stays");

    let editions = user.json(&["catalog", "editions", "--format", "json"]);
    let last = editions["editions"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["edition"], &last["kind"]),
        (&"imported-worldwide-2026100100".into(), &"imported".into())
    );
    assert_eq!(
        (&last["beside"], &last["date"]),
        (&"en-latest".into(), &"2026-10-01".into())
    );
    assert!(
        last["source"]
            .as_str()
            .unwrap()
            .contains(stored["sha256"].as_str().unwrap())
    );
}

#[test]
fn an_imported_edition_lists_what_the_service_said() {
    let user = User::new();
    user.import();
    let list = user.json(&[
        "catalog",
        "list",
        "--edition",
        "imported-worldwide-2026100100",
        "--format",
        "json",
    ]);
    let keys: Vec<_> = list["endpoint_sets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|set| set["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["163", "209", "m365-56"]);
    let core = record(&list, "163");
    assert_eq!(
        texts(&core["hosts"]),
        [
            "*.manage.microsoft.com",
            "manage.microsoft.com",
            "newhost.manage.example.net",
            "*.azureedge.net"
        ]
    );
    assert_eq!(core["tcp_ports"], serde_json::json!([80, 443]));
    let new = record(&list, "209");
    assert_eq!(
        (&new["tcp_ports"], &new["udp_ports"]),
        (
            &serde_json::json!([443, 8000, 8001, 8002]),
            &serde_json::json!([3478])
        )
    );
    assert_eq!(
        (texts(&new["hosts"]), texts(&new["notes"])),
        (vec!["brandnew.example.net"], vec!["new"])
    );
    let change = user.json(&[
        "catalog",
        "diff",
        "en-latest",
        "imported-worldwide-2026100100",
        "--format",
        "json",
    ]);
    assert!(texts(&change["hosts_added"]).contains(&"brandnew.example.net"));
}

#[test]
fn an_imported_edition_adds_and_replaces_nothing() {
    let user = User::new();
    user.import();
    let explain = |what: &str| {
        user.json(&[
            "catalog",
            "explain",
            what,
            "--edition",
            "imported-worldwide-2026100100",
            "--format",
            "json",
        ])
    };
    let best = |what: &str| explain(what)["matches"][0].clone();
    let added = best("newhost.manage.example.net");
    assert_eq!(
        (&added["id"], &added["standing"], &added["decides"]),
        (&163.into(), &"imported".into(), &true.into())
    );
    assert_eq!(best("192.0.2.9")["standing"], "imported");
    assert_eq!(best("brandnew.example.net")["id"], 209);
    assert!(
        best("brandnew.example.net")["required"].is_null(),
        "what only the service says is never required"
    );
    // What the article lists stays as it is: exact names and wildcards, retired names too, before the service's wildcard.
    assert_eq!(best("r.manage.microsoft.com")["standing"], "published");
    assert_eq!(best("20.37.153.10")["standing"], "published");
    let retired = best("swda01-mscdn.azureedge.net");
    assert_eq!(
        (&retired["id"], &retired["standing"]),
        (&170.into(), &"retired".into())
    );
    let generic = best("anything.azureedge.net");
    assert_eq!(
        generic["strength"], "reference",
        "a generic wildcard proves nothing"
    );
    assert_eq!(
        best("extra.example.org")["standing"],
        "reference",
        "rows of other services are for reference"
    );
    assert!(
        !explain("newhost.manage.example.net")["editions"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    let plain = user.json(&["audit", CLEAN, "--format", "json", "--fail-on", "never"]);
    let with = user.json(&[
        "audit",
        CLEAN,
        "--edition",
        "imported-worldwide-2026100100",
        "--format",
        "json",
        "--fail-on",
        "never",
    ]);
    assert_eq!(plain["clients"], with["clients"]);
    assert_eq!(with["catalog"]["edition"], "en-latest");
    assert_eq!(
        with["catalog"]["additions"][0]["edition"],
        "imported-worldwide-2026100100"
    );
    assert!(plain["catalog"]["additions"].as_array().unwrap().is_empty());
}

#[test]
fn other_documents_of_the_service_are_recognised() {
    let user = User::new();
    let import = |text: &str| {
        let path = user.file("document.json", text);
        user.complaint(&["catalog", "import", "--from-file", &path])
    };
    assert!(
        import(VERSION)
            .contains("an answer of /version (Worldwide 2026100100), which lists no endpoints")
    );
    let changes = r#"[{"id":1,"endpointSetId":163,"disposition":"Change","impact":"AddedIp","version":"2026100100","add":{"effectiveDate":"20261101","ips":["192.0.2.0/24"]}}]"#;
    assert!(import(changes).contains("an answer of /changes (1 changes up to version 2026100100)"));
    assert!(import("<html>sign in</html>").contains("it looks like a web page"));
    assert!(import("id,serviceArea\n163,MEM").contains("it looks like CSV"));
    assert!(import("[]").contains("an empty list"));
    assert!(
        import(r#"[{"id":163,"serviceArea":"MEM","tcpPorts":[443]}]"#)
            .contains("row 1 (id 163), field `tcpPorts`: expected text")
    );
    assert!(import(r#"[{"serviceArea":"MEM"}]"#).contains("row 1, field `id`: expected a number"));
    assert!(!user.editions_folder().exists(), "nothing was stored");
}

#[test]
fn imports_without_version_and_in_utf_16_and_twice() {
    let user = User::new();
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(ENDPOINTS.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let path = user.file("wide.json", wide);
    let text = user.text(&[
        "catalog",
        "import",
        "--from-file",
        &path,
        "--instance",
        "china",
    ]);
    assert!(
        text.contains("Imported imported-china-") && text.contains("china-21vianet and replaces"),
        "{text}"
    );
    assert!(text.contains("The version is not known"));
    assert!(
        text.contains("field `urls`: \"https://not-a-host\" is left"),
        "{text}"
    );
    assert!(
        user.text(&[
            "catalog",
            "import",
            "--from-file",
            &path,
            "--instance",
            "china"
        ])
        .contains("there already")
    );

    user.import();
    let changed = user.file("changed.json", ENDPOINTS.replace("brandnew", "newer"));
    let version = user.file("version.json", VERSION);
    let text = user.text(&[
        "catalog",
        "import",
        "--from-file",
        &changed,
        "--version-file",
        &version,
    ]);
    assert!(
        text.contains("It replaces another import of this version"),
        "{text}"
    );
    assert!(
        user.complaint(&[
            "catalog",
            "import",
            "--from-file",
            &path,
            "--instance",
            "mars"
        ])
        .contains("there is no instance `mars`")
    );
    assert!(
        user.complaint(&[
            "catalog",
            "import",
            "--from-file",
            &path,
            "--instance",
            "China",
            "--version-file",
            &version
        ])
        .contains("names no version for China")
    );
}

#[test]
fn a_damaged_import_is_refused_and_named() {
    let user = User::new();
    user.import();
    let path = user
        .editions_folder()
        .join("imported-worldwide-2026100100.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("brandnew", "hijacked")).unwrap();
    let complaint = user.complaint(&[
        "catalog",
        "list",
        "--edition",
        "imported-worldwide-2026100100",
    ]);
    assert!(
        complaint.contains("changed since it was imported"),
        "{complaint}"
    );
    let output = user.output(&["catalog", "editions"]);
    assert!(output.status.success() && stderr(&output).contains("changed since it was imported"));
    fs::write(&path, "{").unwrap();
    assert!(
        user.complaint(&["audit", CLEAN, "--edition", "imported-worldwide-2026100100"])
            .contains("not an imported edition")
    );
    let unknown = user.complaint(&["catalog", "list", "--edition", "../../../etc/passwd"]);
    assert!(
        unknown.contains("imported-worldwide-2026100100"),
        "the imported ones are named too: {unknown}"
    );
}

#[test]
fn arguments_never_command_the_terminal() {
    let user = User::new();
    for arguments in [
        &["catalog", "explain", "a\u{1b}]0;x\u{7}.com"][..],
        &["catalog", "explain", "a \u{1b}[2J"],
        &["catalog", "show", "\u{1b}[2J"],
        &["catalog", "list", "--edition", "\u{1b}[2J\u{202e}"],
        &["catalog", "\u{1b}[2Jlist"],
        &["catalog", "validate", "\u{1b}[2J"],
        &["catalog", "update", "--url", "http://\u{1b}[2J"],
        &["audit", "\u{1b}[2J"],
    ] {
        let output = user.output(arguments);
        for text in [stdout(&output), stderr(&output)] {
            assert!(
                !text.contains(['\u{1b}', '\u{7}', '\u{202e}']),
                "{arguments:?}: {text:?}"
            );
        }
    }
    let hostile = user.file(
        "hostile.toml",
        OWN.replace("Our content gateway", "\\u001b[2J \\u202e"),
    );
    let complaint = user.complaint(&["catalog", "list", "--catalog", &hostile]);
    assert!(complaint.contains("set contoso-gateway, field `description`: expected text without line ends and other control characters"));
    assert!(!complaint.contains(['\u{1b}', '\u{202e}']));
    let formula = user.file(
        "formula.toml",
        OWN.replace("Our content gateway", "=1+1, \\\"x\\\""),
    );
    let csv = user.text(&[
        "catalog",
        "export",
        "--format",
        "csv",
        "--catalog",
        &formula,
    ]);
    assert!(
        csv.contains(",\"'=1+1, \"\"x\"\"\","),
        "no formula in a spreadsheet"
    );
}

fn update(user: &User, service: &EndpointService, more: &[&str]) -> Output {
    let mut arguments = vec!["catalog", "update", "--url", service.url()];
    arguments.extend(more);
    user.output(&arguments)
}

#[test]
fn update_asks_for_the_version_first_and_for_the_list_only_when_it_is_new() {
    let user = User::new();
    let service = EndpointService::start(vec![Answer::json(VERSION), Answer::json(ENDPOINTS)]);
    let output = update(&user, &service, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stdout(&output).contains(
            "Imported imported-worldwide-2026100100: 2 rows of Intune, 1 of other services"
        )
    );
    let asked = service.requests();
    assert_eq!(asked.len(), 2);
    let query = asked[0]
        .strip_prefix("GET /version/Worldwide?clientrequestid=")
        .unwrap();
    let guid = query.strip_suffix(" HTTP/1.1").unwrap();
    assert_eq!((guid.len(), guid.matches('-').count()), (36, 4));
    assert_eq!(
        asked[1],
        format!("GET /endpoints/Worldwide?ServiceAreas=MEM&clientrequestid={guid} HTTP/1.1")
    );
    let stored = fs::read_to_string(
        user.editions_folder()
            .join("imported-worldwide-2026100100.json"),
    )
    .unwrap();
    let stored: Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(
        stored["source"],
        format!("{}/endpoints/Worldwide?ServiceAreas=MEM", service.url())
    );

    let service = EndpointService::start(vec![Answer::json(VERSION)]);
    let output = update(&user, &service, &[]);
    assert!(
        output.status.success()
            && stdout(&output).starts_with("Nothing to fetch: the newest version is 2026100100")
    );
    assert_eq!(service.requests().len(), 1);

    let newer = VERSION.replace("2026100100", "2026110100");
    let service = EndpointService::start(vec![Answer::json(&newer), Answer::json(ENDPOINTS)]);
    assert!(update(&user, &service, &[]).status.success());
    assert!(
        user.editions_folder()
            .join("imported-worldwide-2026110100.json")
            .exists()
    );
    assert!(
        user.editions_folder()
            .join("imported-worldwide-2026100100.json")
            .exists(),
        "older ones stay"
    );
}

#[test]
fn update_fetches_other_clouds() {
    let user = User::new();
    let version = r#"[{"instance":"Worldwide","latest":"2026100100"},{"instance":"USGovGCCHigh","latest":"2026093000"}]"#;
    let service = EndpointService::start(vec![Answer::json(version), Answer::json(ENDPOINTS)]);
    let output = update(&user, &service, &["--instance", "usgovgcchigh"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("us-government"));
    assert!(service.requests()[1].starts_with("GET /endpoints/USGovGCCHigh?"));
    assert!(
        user.editions_folder()
            .join("imported-usgovgcchigh-2026093000.json")
            .exists()
    );
}

#[test]
fn update_is_polite_and_says_when_to_come_back() {
    let user = User::new();
    for (header, expected) in [
        ("Retry-After: 120\r\n", "come back in 120 seconds, after 20"),
        (
            "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n",
            "come back after Wed, 21 Oct 2026 07:28:00 GMT",
        ),
        ("", "come back in 3600 seconds"),
    ] {
        let service = EndpointService::start(vec![
            Answer::json(VERSION),
            Answer::status("429 Too Many Requests", header),
        ]);
        let output = update(&user, &service, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert_eq!(service.requests().len(), 2, "asked once and not again");
    }
    assert!(!user.editions_folder().exists());
}

#[test]
fn update_survives_servers_that_are_not_the_service() {
    let user = User::new();
    let huge = format!("[{}", " ".repeat(9 * 1024 * 1024));
    let answers = [
        (
            Answer::status("302 Found", "Location: https://login.example/\r\n"),
            "answered 302, a redirection",
        ),
        (Answer::status("404 Not Found", ""), "answered 404"),
        (Answer::status("500 Oops", ""), "answered 500"),
        (
            Answer::json("<html>Please sign in</html>"),
            "it looks like a web page",
        ),
        (Answer::json(ENDPOINTS), "not an answer of /version"),
        (
            Answer::json(r#"{"instance":"China","latest":"2026100100"}"#),
            "names no version for Worldwide",
        ),
        (
            Answer::json(r#"{"instance":"Worldwide","latest":"..\/..\/x"}"#),
            "expected a version of ten digits",
        ),
        (Answer::json(&huge), "limit"),
        (
            Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{"),
            "/version/Worldwide",
        ),
        (Answer::raw("no http at all\r\n\r\n"), "/version/Worldwide"),
        (Answer::raw(""), "/version/Worldwide"),
    ];
    for (answer, expected) in answers {
        let service = EndpointService::start(vec![answer]);
        let output = update(&user, &service, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains(expected),
            "{expected}: {}",
            stderr(&output)
        );
        assert!(stderr(&output).contains("intap catalog import --from-file"));
    }
    assert!(!user.editions_folder().exists());
    assert!(
        user.complaint(&["catalog", "update", "--url", "http://endpoints.example"])
            .contains("expected https")
    );
}

#[test]
fn update_uses_the_proxy_of_the_environment() {
    let user = User::new();
    let proxy = EndpointService::start(vec![Answer::status("403 Forbidden", "")]);
    let output = user
        .intap(&["catalog", "update", "--url", "https://endpoints.example"])
        .env("HTTPS_PROXY", proxy.url())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        proxy.requests()[0].starts_with("CONNECT endpoints.example:443 "),
        "{:?}",
        proxy.requests()
    );
}

#[test]
fn nothing_but_update_needs_a_data_folder() {
    let output = Command::cargo_bin("intap")
        .unwrap()
        .args(["catalog", "explain", "login.live.com"])
        .env("XDG_DATA_HOME", Path::new("relative"))
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}
