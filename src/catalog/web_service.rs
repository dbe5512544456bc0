//! The documents of Microsoft's "Office 365 IP Address and URL web service".
//!
//! In: the text of a `/endpoints`, `/version` or `/changes` answer. Out: its rows, with what could not be understood named
//! and left out. Fields that the service's description does not know are passed over; so is every absent one, because the
//! service omits what is empty. Knows nothing of editions; fetches nothing.

use super::endpoint_set::Category;
use super::host_pattern::HostPattern;
use super::prefix::Prefix;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::str::FromStr;
use thiserror::Error;

/// Most rows of a document. The whole worldwide list of Microsoft 365 has about a hundred; a row may name every port there
/// is, so that rows without end would fill the memory.
const MAX_ROWS: usize = 2_000;

/// One of the clouds the service answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Instance {
    /// The public cloud and GCC.
    Worldwide,
    /// Microsoft 365 operated by 21Vianet.
    China,
    /// US Government DoD.
    UsGovDod,
    /// US Government GCC High.
    UsGovGccHigh,
}

impl Instance {
    /// All instances.
    pub const ALL: [Self; 4] = [
        Self::Worldwide,
        Self::China,
        Self::UsGovDod,
        Self::UsGovGccHigh,
    ];

    /// The name the service uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Worldwide => "Worldwide",
            Self::China => "China",
            Self::UsGovDod => "USGovDoD",
            Self::UsGovGccHigh => "USGovGCCHigh",
        }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Instance {
    type Err = WebServiceError;

    /// The instance with this name, in whatever letter case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|instance| instance.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| WebServiceError::UnknownInstance(text.to_owned()))
    }
}

/// The version of a list: the date and a counter within the day, `YYYYMMDDNN`. Versions compare as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListVersion(Box<str>);

impl ListVersion {
    /// Ten digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| Self(text.into()))
    }

    /// The ten digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The date in it, `YYYY-MM-DD`.
    #[must_use]
    pub fn date(&self) -> String {
        let part = |from: usize, to: usize| self.0.get(from..to).unwrap_or_default();
        format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8))
    }
}

impl fmt::Display for ListVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One row of `/endpoints`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRow {
    /// The immutable number of the set.
    pub id: u16,
    /// `MEM` for Intune, else `Common`, `Exchange`, `SharePoint`, `Skype`.
    pub service_area: String,
    /// The service area for people; `None` when the row has none.
    pub display_name: Option<String>,
    /// Hosts in the order given.
    pub hosts: Vec<HostPattern>,
    /// Prefixes in the order given.
    pub prefixes: Vec<Prefix>,
    /// TCP ports, lowest first.
    pub tcp_ports: Vec<u16>,
    /// UDP ports, lowest first.
    pub udp_ports: Vec<u16>,
    /// Microsoft's network category.
    pub category: Option<Category>,
    /// Whether it is supported over ExpressRoute.
    pub express_route: Option<bool>,
    /// Whether the service calls it required.
    pub required: Option<bool>,
    /// The row's remark.
    pub notes: Option<String>,
}

impl EndpointRow {
    /// Whether the row is one of Intune's. Rows of `Common` come along whatever service area is asked for.
    #[must_use]
    pub fn is_intune(&self) -> bool {
        self.service_area.eq_ignore_ascii_case("MEM")
    }
}

/// A `/endpoints` answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointList {
    /// Its rows, in the order given.
    pub rows: Vec<EndpointRow>,
    /// What was left out because it means nothing, each with row and field.
    pub left_out: Vec<String>,
}

/// One record of `/version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRecord {
    /// The instance, as written.
    pub instance: String,
    /// The newest version of its list.
    pub latest: ListVersion,
}

/// A document of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// The endpoint sets.
    Endpoints(EndpointList),
    /// The newest versions.
    Versions(Vec<VersionRecord>),
    /// Changes between versions: how many, and up to which version.
    Changes {
        /// Number of changes.
        count: usize,
        /// The newest version among them.
        latest: Option<ListVersion>,
    },
}

/// Why a document is none of the service's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WebServiceError {
    /// No instance has this name.
    #[error("there is no instance `{0}`; the service has {known}", known = Instance::ALL.map(Instance::name).join(", "))]
    UnknownInstance(String),
    /// The text is not JSON.
    #[error("not a JSON document of the endpoint web service: {0}")]
    NotJson(String),
    /// The text is JSON of another kind.
    #[error("not a document of the endpoint web service: expected {expected}, found {found}")]
    OtherJson {
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A field does not hold what it should.
    #[error("{record}, field `{field}`: expected {expected}, found {found}")]
    Field {
        /// The record, such as "row 4 (id 163)".
        record: String,
        /// The field.
        field: &'static str,
        /// What should be there.
        expected: &'static str,
        /// What is there; "nothing" for a missing field.
        found: String,
    },
}

/// Reads a document of the service, whichever it is.
///
/// # Errors
///
/// [`WebServiceError`] when it is not JSON, no document of the service, or a field has the wrong type.
pub fn parse_document(text: &str) -> Result<Document, WebServiceError> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| WebServiceError::NotJson(guess(text, &error)))?;
    let records = match &value {
        Value::Array(records) => records.as_slice(),
        // `/version/<instance>` gives the record itself.
        Value::Object(_) => std::slice::from_ref(&value),
        other => {
            return Err(WebServiceError::OtherJson {
                expected: "a list of records",
                found: describe(other),
            });
        }
    };
    let has = |field: &str| {
        records
            .first()
            .and_then(Value::as_object)
            .is_some_and(|record| record.contains_key(field))
    };
    if has("latest") {
        records
            .iter()
            .enumerate()
            .map(version)
            .collect::<Result<_, _>>()
            .map(Document::Versions)
    } else if has("endpointSetId") || has("disposition") {
        Ok(changes(records))
    } else if has("id") || has("serviceArea") {
        endpoints(records).map(Document::Endpoints)
    } else {
        Err(WebServiceError::OtherJson {
            expected: "records with `id` and `serviceArea`",
            found: match records.first() {
                None => "an empty list".to_owned(),
                Some(Value::Object(record)) => {
                    let names: Vec<_> = record
                        .keys()
                        .take(4)
                        .map(|name| format!("`{name}`"))
                        .collect();
                    format!("a record with {}", names.join(", "))
                }
                Some(other) => describe(other),
            },
        })
    }
}

/// Says what a text that is not JSON looks like, in case somebody saved the wrong thing.
fn guess(text: &str, error: &serde_json::Error) -> String {
    let start = text.trim_start();
    if start.is_empty() {
        "it is empty".to_owned()
    } else if start.starts_with('<') {
        "it looks like a web page; perhaps a proxy or a sign-in page answered".to_owned()
    } else if !start.starts_with(['[', '{'])
        && start.lines().next().is_some_and(|line| line.contains(','))
    {
        "it looks like CSV; ask the service for JSON (format=JSON)".to_owned()
    } else {
        error.to_string()
    }
}

fn changes(records: &[Value]) -> Document {
    let version = |record: &Value| ListVersion::parse(record.get("version")?.as_str()?);
    Document::Changes {
        count: records.len(),
        latest: records.iter().filter_map(version).max(),
    }
}

fn version((index, value): (usize, &Value)) -> Result<VersionRecord, WebServiceError> {
    let record = Row::new(index, value)?;
    let latest = record.text("latest")?;
    Ok(VersionRecord {
        instance: record.text("instance")?.unwrap_or_default().to_owned(),
        latest: latest
            .and_then(ListVersion::parse)
            .ok_or_else(|| record.complaint("latest", "a version of ten digits"))?,
    })
}

fn endpoints(records: &[Value]) -> Result<EndpointList, WebServiceError> {
    if records.len() > MAX_ROWS {
        return Err(WebServiceError::OtherJson {
            expected: "at most 2000 rows",
            found: records.len().to_string(),
        });
    }
    let mut left_out = Vec::new();
    let rows = records
        .iter()
        .enumerate()
        .map(|(index, value)| endpoint_row(&Row::new(index, value)?, &mut left_out))
        .collect::<Result<_, _>>()?;
    Ok(EndpointList { rows, left_out })
}

fn endpoint_row(
    record: &Row<'_>,
    left_out: &mut Vec<String>,
) -> Result<EndpointRow, WebServiceError> {
    let area = record.text("serviceArea")?;
    Ok(EndpointRow {
        id: record
            .id
            .ok_or_else(|| record.complaint("id", "a number from 0 to 65535"))?,
        service_area: area
            .ok_or_else(|| record.complaint("serviceArea", "a service area such as \"MEM\""))?
            .to_owned(),
        display_name: record.text("serviceAreaDisplayName")?.map(str::to_owned),
        hosts: record.list("urls", HostPattern::parse, left_out)?,
        prefixes: record.list("ips", prefix, left_out)?,
        tcp_ports: record.ports("tcpPorts", left_out)?,
        udp_ports: record.ports("udpPorts", left_out)?,
        category: record.text("category")?.and_then(|text| {
            let category = Category::from_name(&text.to_ascii_lowercase());
            if category.is_none() {
                left_out.push(record.left_out("category", text, "Optimize, Allow or Default"));
            }
            category
        }),
        express_route: record.flag("expressRoute")?,
        required: record.flag("required")?,
        notes: record.text("notes")?.map(str::to_owned),
    })
}

/// A prefix, or an address for itself alone.
fn prefix(text: &str) -> Result<Prefix, &'static str> {
    Prefix::parse(text).or_else(|complaint| match text.parse() {
        Ok(address) => Ok(Prefix::of_address(address)),
        Err(_) => Err(complaint),
    })
}

/// A record of a document, with the name complaints use.
struct Row<'v> {
    number: usize,
    id: Option<u16>,
    fields: &'v Map<String, Value>,
}

impl<'v> Row<'v> {
    fn new(index: usize, value: &'v Value) -> Result<Self, WebServiceError> {
        let number = index.saturating_add(1);
        let Value::Object(fields) = value else {
            return Err(WebServiceError::OtherJson {
                expected: "a list of records",
                found: format!("{} as row {number}", describe(value)),
            });
        };
        Ok(Self {
            number,
            id: fields
                .get("id")
                .and_then(Value::as_u64)
                .and_then(|id| id.try_into().ok()),
            fields,
        })
    }

    fn name(&self) -> String {
        match self.id {
            Some(id) => format!("row {} (id {id})", self.number),
            None => format!("row {}", self.number),
        }
    }

    /// The field's value; null counts as absent.
    fn get(&self, field: &str) -> Option<&'v Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn complaint(&self, field: &'static str, expected: &'static str) -> WebServiceError {
        WebServiceError::Field {
            record: self.name(),
            field,
            expected,
            found: self
                .get(field)
                .map_or_else(|| "nothing".to_owned(), describe),
        }
    }

    fn left_out(&self, field: &str, value: &str, expected: &str) -> String {
        format!(
            "{}, field `{field}`: {value:?} is left out, expected {expected}",
            self.name()
        )
    }

    fn text(&self, field: &'static str) -> Result<Option<&'v str>, WebServiceError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.complaint(field, "text")),
        }
    }

    fn flag(&self, field: &'static str) -> Result<Option<bool>, WebServiceError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.complaint(field, "true or false")),
        }
    }

    /// A list of texts, each kept once; those that `read` does not understand are left out.
    fn list<T: Clone + Eq + Hash>(
        &self,
        field: &'static str,
        read: impl Fn(&str) -> Result<T, &'static str>,
        left_out: &mut Vec<String>,
    ) -> Result<Vec<T>, WebServiceError> {
        let expected = "a list of texts";
        let items = match self.get(field) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.complaint(field, expected)),
        };
        let (mut seen, mut list) = (HashSet::new(), Vec::new());
        for item in items {
            let text = item
                .as_str()
                .ok_or_else(|| self.complaint(field, expected))?;
            match read(text.trim()) {
                Ok(value) if seen.insert(value.clone()) => list.push(value),
                Ok(_) => {}
                Err(expected) => left_out.push(self.left_out(field, text, expected)),
            }
        }
        Ok(list)
    }

    /// Ports as the service writes them: one text of numbers and ranges between commas, blanks allowed, in any order.
    fn ports(
        &self,
        field: &'static str,
        left_out: &mut Vec<String>,
    ) -> Result<Vec<u16>, WebServiceError> {
        let text = match self.get(field) {
            None => return Ok(Vec::new()),
            Some(Value::String(text)) => text,
            Some(_) => return Err(self.complaint(field, "text such as \"80,443\"")),
        };
        let mut ranges = Vec::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
                (Ok(first), Ok(last)) if 0 < first && first <= last => ranges.push((first, last)),
                _ => left_out.push(self.left_out(
                    field,
                    part,
                    "a port from 1 to 65535, or a range of them",
                )),
            }
        }
        ranges.sort_unstable();
        let mut ports: Vec<u16> = Vec::new();
        for (first, last) in ranges {
            // Ranges that overlap add only what lies above the highest port so far.
            let above = ports
                .last()
                .map_or(first, |highest| first.max(highest.saturating_add(1)));
            if ports.last() != Some(&u16::MAX) {
                ports.extend(above..=last);
            }
        }
        Ok(ports)
    }
}

/// How a value is quoted in a complaint.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a record".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> EndpointList {
        match parse_document(text) {
            Ok(Document::Endpoints(list)) => list,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_row_reads_with_everything_in_it() {
        let list = rows(
            r#"[{"id":163,"serviceArea":"MEM","serviceAreaDisplayName":"Microsoft Intune","urls":["*.Manage.microsoft.com"],
                "ips":["20.37.153.0/24","2620:1ec:40::/48"],"tcpPorts":"443, 80","udpPorts":"3478-3481","expressRoute":false,
                "category":"Allow","required":true,"notes":"n","somethingNew":{"x":[1]}}]"#,
        );
        let row = &list.rows[0];
        assert!(row.is_intune() && list.left_out.is_empty());
        assert_eq!(row.hosts[0].as_str(), "*.manage.microsoft.com");
        assert_eq!(
            (row.tcp_ports.as_slice(), row.prefixes.len()),
            (&[80, 443][..], 2)
        );
        assert_eq!(row.udp_ports, [3478, 3479, 3480, 3481]);
        let overlapping = rows(
            r#"[{"id":1,"serviceArea":"MEM","tcpPorts":"65534-65535, 7-9,8-10,443,7, 65535"}]"#,
        );
        assert_eq!(
            overlapping.rows[0].tcp_ports,
            [7, 8, 9, 10, 443, 65534, 65535]
        );
        assert_eq!(
            (row.required, row.express_route, row.category),
            (Some(true), Some(false), Some(Category::Allow))
        );
    }

    #[test]
    fn everything_but_id_and_service_area_may_be_absent() {
        let list = rows(r#"[{"id":56,"serviceArea":"Common","urls":null}]"#);
        assert!(!list.rows[0].is_intune());
        assert!(list.rows[0].hosts.is_empty() && list.rows[0].tcp_ports.is_empty());
        assert_eq!(list.rows[0].required, None);
    }

    #[test]
    fn what_means_nothing_is_named_and_left_out() {
        let list = rows(
            r#"[{"id":1,"serviceArea":"MEM","urls":["a.com","https://b.com","A.com"],"ips":["10.0.0.1","10.0.0.1/8"],"tcpPorts":"443,0,x,90-80","category":"Best"}]"#,
        );
        assert_eq!(list.rows[0].hosts.len(), 1);
        assert_eq!(list.rows[0].prefixes[0].to_string(), "10.0.0.1/32");
        assert_eq!(list.rows[0].tcp_ports, [443]);
        assert_eq!(list.left_out.len(), 6, "{:?}", list.left_out);
        assert_eq!(
            list.left_out[0],
            "row 1 (id 1), field `urls`: \"https://b.com\" is left out, expected a host name without scheme, port, path or blanks"
        );
    }

    #[test]
    fn the_other_documents_are_recognised() {
        assert_eq!(
            parse_document(
                r#"{"instance":"Worldwide","latest":"2026100100","versions":["2026100100"]}"#
            ),
            Ok(Document::Versions(vec![VersionRecord {
                instance: "Worldwide".to_owned(),
                latest: ListVersion::parse("2026100100").unwrap(),
            }]))
        );
        assert_eq!(
            parse_document(
                r#"[{"id":1,"endpointSetId":163,"disposition":"Change","version":"2026090100"},{"id":2,"disposition":"add","version":"2026100100"}]"#
            ),
            Ok(Document::Changes {
                count: 2,
                latest: ListVersion::parse("2026100100")
            })
        );
    }

    #[test]
    fn complaints_name_row_and_field() {
        for (text, expected) in [
            (
                "",
                "not a JSON document of the endpoint web service: it is empty",
            ),
            (
                "<html>",
                "not a JSON document of the endpoint web service: it looks like a web page; perhaps a proxy or a sign-in page answered",
            ),
            (
                "id,serviceArea\n1,MEM",
                "not a JSON document of the endpoint web service: it looks like CSV; ask the service for JSON (format=JSON)",
            ),
            (
                "3",
                "not a document of the endpoint web service: expected a list of records, found 3",
            ),
            (
                "[]",
                "not a document of the endpoint web service: expected records with `id` and `serviceArea`, found an empty list",
            ),
            (
                r#"[{"a":1}]"#,
                "not a document of the endpoint web service: expected records with `id` and `serviceArea`, found a record with `a`",
            ),
            (
                r#"[{"id":1,"serviceArea":"MEM"},7]"#,
                "not a document of the endpoint web service: expected a list of records, found 7 as row 2",
            ),
            (
                r#"[{"id":"x","serviceArea":"MEM"}]"#,
                "row 1, field `id`: expected a number from 0 to 65535, found \"x\"",
            ),
            (
                r#"[{"id":163}]"#,
                "row 1 (id 163), field `serviceArea`: expected a service area such as \"MEM\", found nothing",
            ),
            (
                r#"[{"id":163,"serviceArea":"MEM","tcpPorts":443}]"#,
                "row 1 (id 163), field `tcpPorts`: expected text such as \"80,443\", found 443",
            ),
            (
                r#"[{"id":163,"serviceArea":"MEM","urls":"a.com"}]"#,
                "row 1 (id 163), field `urls`: expected a list of texts, found \"a.com\"",
            ),
            (
                r#"{"instance":"Worldwide","latest":"new"}"#,
                "row 1, field `latest`: expected a version of ten digits, found \"new\"",
            ),
        ] {
            assert_eq!(
                parse_document(text).unwrap_err().to_string(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn versions_compare_as_text_and_hold_a_date() {
        let version = |text| ListVersion::parse(text).unwrap();
        assert!(version("2026100100") < version("2026100101"));
        assert_eq!(version("2026100101").date(), "2026-10-01");
        assert_eq!(ListVersion::parse("202610010"), None);
        assert_eq!(ListVersion::parse("20261001xx"), None);
    }

    #[test]
    fn instances_are_found_in_any_case() {
        assert_eq!("usgovgcchigh".parse(), Ok(Instance::UsGovGccHigh));
        assert_eq!(
            "mars".parse::<Instance>().unwrap_err().to_string(),
            "there is no instance `mars`; the service has Worldwide, China, USGovDoD, USGovGCCHigh"
        );
    }

    #[test]
    fn reading_is_total() {
        let text = r#"[{"id":163,"serviceArea":"MEM","urls":["*.a.com"],"ips":["10.0.0.0/8"],"tcpPorts":"80, 443","udpPorts":"1-65535,1-65535"}]"#;
        for end in 0..text.len() {
            let _ = parse_document(&text[..end]);
            for other in ["\"", "[", "{", "9", "-", "null"] {
                let mut damaged = text.to_owned();
                damaged.replace_range(end..=end, other);
                let _ = parse_document(&damaged);
            }
        }
        let _ = parse_document(&"[".repeat(100_000));
    }
}
