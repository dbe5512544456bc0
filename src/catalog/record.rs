//! Reads one table of a catalogue file field by field, so that every complaint names file, line, record and field.
//!
//! Shipped files are read strictly: the first complaint ends the reading. A user's file is read to its end, and its author
//! gets every complaint at once; a field that cannot be read then counts as absent.

use super::error::{CatalogError, Place};
use crate::facts::printable;
use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is found where a field is missing.
const NOTHING: &str = "nothing";

/// A catalogue file's name and text, to turn offsets into lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn line(&self, offset: usize) -> usize {
        1 + self
            .text
            .bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count()
    }

    /// Parses the text into its top-level table.
    pub(super) fn document(self) -> Result<Record<'a>, CatalogError> {
        let table = DeTable::parse(self.text).map_err(|error| self.syntax(&error))?;
        Ok(Record::new(self, table, None))
    }

    /// As [`Self::document`], with complaints about fields collected in `complaints` instead of ending the reading.
    pub(super) fn forgiving_document(
        self,
        complaints: &Complaints,
    ) -> Result<Record<'a>, Vec<CatalogError>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        if errors.is_empty() {
            Ok(Record::new(self, table, Some(complaints.clone())))
        } else {
            Err(errors.iter().map(|error| self.syntax(error)).collect())
        }
    }

    fn syntax(self, error: &toml::de::Error) -> CatalogError {
        CatalogError::Syntax {
            file: self.file.to_owned(),
            line: self.line(error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        }
    }
}

/// What was found wrong so far, shared by all records of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Complaints(Rc<RefCell<Vec<CatalogError>>>);

impl Complaints {
    pub(super) fn add(&self, complaint: CatalogError) {
        self.0.borrow_mut().push(complaint);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Everything found wrong, in the order of lines. That a field is missing is left out where the field is there and
    /// could not be read.
    pub(super) fn into_sorted(self) -> Vec<CatalogError> {
        let mut all = self.0.take();
        let unreadable: Vec<Box<Place>> = all
            .iter()
            .filter_map(|error| match error {
                CatalogError::Field { place, found, .. } if found != NOTHING => Some(place.clone()),
                _ => None,
            })
            .collect();
        all.retain(|error| match error {
            CatalogError::Field { place, found, .. } if found == NOTHING => !unreadable
                .iter()
                .any(|other| other.record == place.record && other.field == place.field),
            _ => true,
        });
        all.sort_by_key(CatalogError::line);
        all
    }
}

/// One table, from which fields are taken until none is left.
#[derive(Debug)]
pub(super) struct Record<'a> {
    source: Source<'a>,
    name: String,
    at: Range<usize>,
    table: DeTable<'a>,
    asked: Vec<&'static str>,
    readable: bool,
    complaints: Option<Complaints>,
}

impl<'a> Record<'a> {
    fn new(
        source: Source<'a>,
        table: Spanned<DeTable<'a>>,
        complaints: Option<Complaints>,
    ) -> Self {
        let at = table.span();
        Self {
            source,
            name: "the file".to_owned(),
            at,
            table: table.into_inner(),
            asked: Vec::new(),
            readable: true,
            complaints,
        }
    }

    /// Whether everything asked for so far could be read.
    pub(super) fn is_readable(&self) -> bool {
        self.readable
    }

    /// Goes on with `instead` after a complaint, unless reading is strict.
    pub(super) fn forgive<T>(
        &mut self,
        complaint: CatalogError,
        instead: T,
    ) -> Result<T, CatalogError> {
        let Some(complaints) = &self.complaints else {
            return Err(complaint);
        };
        complaints.add(complaint);
        self.readable = false;
        Ok(instead)
    }

    /// Gives the record the name complaints use.
    pub(super) fn rename(&mut self, name: String) {
        self.name = name;
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn line(&self) -> usize {
        self.source.line(self.at.start)
    }

    /// A complaint about `field`.
    pub(super) fn complaint(
        &self,
        field: &str,
        at: &Range<usize>,
        expected: &str,
        found: impl Into<String>,
    ) -> CatalogError {
        CatalogError::Field {
            place: self.place(field, at),
            expected: expected.to_owned(),
            found: found.into(),
        }
    }

    fn place(&self, field: &str, at: &Range<usize>) -> Box<Place> {
        Box::new(Place {
            file: self.source.file.to_owned(),
            line: self.source.line(at.start),
            record: self.name.clone(),
            field: field.to_owned(),
        })
    }

    /// Turns `None` into a complaint that `field` is missing.
    pub(super) fn require<T>(
        &self,
        field: &str,
        expected: &str,
        value: Option<T>,
    ) -> Result<T, CatalogError> {
        value.ok_or_else(|| self.complaint(field, &self.at, expected, NOTHING))
    }

    /// As [`Self::require`], going on with `instead` where complaints are collected.
    pub(super) fn demand<T>(
        &mut self,
        field: &str,
        expected: &str,
        value: Option<T>,
        instead: T,
    ) -> Result<T, CatalogError> {
        match self.require(field, expected, value) {
            Ok(value) => Ok(value),
            Err(complaint) => self.forgive(complaint, instead),
        }
    }

    fn take(&mut self, field: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.asked.push(field);
        self.table.remove(field)
    }

    /// A text field, read by `read`, which says what it expects when the text is not it.
    pub(super) fn parsed<T>(
        &mut self,
        field: &'static str,
        read: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<Option<T>, CatalogError> {
        let Some(value) = self.take(field) else {
            return Ok(None);
        };
        match self.read_text(field, &value, &read) {
            Ok(value) => Ok(Some(value)),
            Err(complaint) => self.forgive(complaint, None),
        }
    }

    /// A text field; `None` when absent.
    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<String>, CatalogError> {
        self.parsed(field, |text| {
            if text.trim().is_empty() {
                Err("some text")
            } else {
                printable_text(text)
            }
        })
    }

    /// A list of texts, each read by `read`; empty when absent. A value that is there twice is a complaint.
    pub(super) fn parsed_list<T: PartialEq>(
        &mut self,
        field: &'static str,
        read: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<Vec<T>, CatalogError> {
        let mut list = Vec::new();
        for value in self.array(field)? {
            match self.read_text(field, &value, &read) {
                Ok(item) if list.contains(&item) => {
                    let found = describe(value.get_ref());
                    let twin = self.complaint(field, &value.span(), "every value once", found);
                    self.forgive(twin, ())?;
                }
                Ok(item) => list.push(item),
                Err(complaint) => self.forgive(complaint, ())?,
            }
        }
        Ok(list)
    }

    /// A list of texts; empty when absent.
    pub(super) fn texts(&mut self, field: &'static str) -> Result<Vec<String>, CatalogError> {
        self.parsed_list(field, printable_text)
    }

    /// A number from 0 to 65535; `None` when absent.
    pub(super) fn number(&mut self, field: &'static str) -> Result<Option<u16>, CatalogError> {
        let Some(value) = self.take(field) else {
            return Ok(None);
        };
        match self.read_number(field, &value, "a number from 0 to 65535") {
            Ok(number) => Ok(Some(number)),
            Err(complaint) => self.forgive(complaint, None),
        }
    }

    /// A list of port numbers; empty when absent.
    pub(super) fn ports(&mut self, field: &'static str) -> Result<Vec<u16>, CatalogError> {
        let expected = "a port number from 1 to 65535";
        let mut list = Vec::new();
        for value in self.array(field)? {
            match self.read_number(field, &value, expected) {
                Ok(0) => {
                    let zero = self.complaint(field, &value.span(), expected, "0");
                    self.forgive(zero, ())?;
                }
                Ok(port) => list.push(port),
                Err(complaint) => self.forgive(complaint, ())?,
            }
        }
        Ok(list)
    }

    /// A yes or no; `None` when absent.
    pub(super) fn flag(&mut self, field: &'static str) -> Result<Option<bool>, CatalogError> {
        let Some(value) = self.take(field) else {
            return Ok(None);
        };
        match value.get_ref() {
            DeValue::Boolean(flag) => Ok(Some(*flag)),
            other => {
                let complaint =
                    self.complaint(field, &value.span(), "true or false", describe(other));
                self.forgive(complaint, None)
            }
        }
    }

    /// The one table called `field`; `None` when absent.
    pub(super) fn table(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Record<'a>>, CatalogError> {
        let Some(value) = self.take(field) else {
            return Ok(None);
        };
        match self.nested(field, value, field.to_owned()) {
            Ok(table) => Ok(Some(table)),
            Err(complaint) => self.forgive(complaint, None),
        }
    }

    /// The tables written as `[[field]]`, named "field number 1" and so on; empty when absent.
    pub(super) fn tables(&mut self, field: &'static str) -> Result<Vec<Record<'a>>, CatalogError> {
        let mut tables = Vec::new();
        for (index, value) in self.array(field)?.into_iter().enumerate() {
            match self.nested(field, value, format!("{field} number {}", index + 1)) {
                Ok(table) => tables.push(table),
                Err(complaint) => self.forgive(complaint, ())?,
            }
        }
        Ok(tables)
    }

    /// Complains about the fields nobody asked for.
    pub(super) fn finish(mut self) -> Result<(), CatalogError> {
        let known = self.asked.join(", ");
        for field in std::mem::take(&mut self.table).keys() {
            let complaint = CatalogError::UnknownField {
                place: self.place(field.get_ref(), &field.span()),
                known: known.clone(),
            };
            self.forgive(complaint, ())?;
        }
        Ok(())
    }

    fn array(&mut self, field: &'static str) -> Result<Vec<Spanned<DeValue<'a>>>, CatalogError> {
        let Some(value) = self.take(field) else {
            return Ok(Vec::new());
        };
        let span = value.span();
        match value.into_inner() {
            DeValue::Array(items) => Ok(items.into_iter().collect()),
            other => {
                let complaint = self.complaint(field, &span, "a list", describe(&other));
                self.forgive(complaint, Vec::new())
            }
        }
    }

    fn nested(
        &self,
        field: &str,
        value: Spanned<DeValue<'a>>,
        name: String,
    ) -> Result<Record<'a>, CatalogError> {
        let at = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Ok(Record {
                source: self.source,
                name,
                at,
                table,
                asked: Vec::new(),
                readable: true,
                complaints: self.complaints.clone(),
            }),
            other => Err(self.complaint(field, &at, "a table", describe(&other))),
        }
    }

    fn read_text<T>(
        &self,
        field: &str,
        value: &Spanned<DeValue<'a>>,
        read: &impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<T, CatalogError> {
        let DeValue::String(text) = value.get_ref() else {
            return Err(self.complaint(
                field,
                &value.span(),
                "text in quotes",
                describe(value.get_ref()),
            ));
        };
        read(text).map_err(|expected| {
            self.complaint(field, &value.span(), expected, describe(value.get_ref()))
        })
    }

    fn read_number(
        &self,
        field: &str,
        value: &Spanned<DeValue<'a>>,
        expected: &str,
    ) -> Result<u16, CatalogError> {
        let number = match value.get_ref() {
            DeValue::Integer(integer) => {
                u16::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            _ => None,
        };
        number.ok_or_else(|| {
            self.complaint(field, &value.span(), expected, describe(value.get_ref()))
        })
    }
}

/// Text that reports may print as it is.
fn printable_text(text: &str) -> Result<String, &'static str> {
    if printable(text.as_bytes(), usize::MAX) == text {
        Ok(text.to_owned())
    } else {
        Err("text without line ends and other control characters")
    }
}

/// How a value is quoted in a complaint.
fn describe(value: &DeValue<'_>) -> Cow<'static, str> {
    match value {
        DeValue::String(text) => format!("{text:?}").into(),
        DeValue::Integer(number) => number.to_string().into(),
        DeValue::Float(number) => number.to_string().into(),
        DeValue::Boolean(flag) => flag.to_string().into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}
