//! The language of `--where`: comparisons joined by `and`, `or`, `not` and parentheses.
//!
//! ```text
//! area=enrolment and (outcome!=served or rtt_us>=100000) and host=*.microsoft.com
//! ```

use super::dimension::{Dimension, names};
use polars::prelude::{DataType, Expr, TimeUnit, TimeZone, col, lit};
use std::fmt;

/// Parentheses and negations within each other.
const DEEPEST: usize = 32;

/// Fields that are numbers.
const NUMBERS: [&str; 4] = ["port", "bytes", "packets", "rtt_us"];

/// What is wrong with a condition, as one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(String);

/// A condition that was understood.
#[derive(Clone)]
pub struct Condition(pub(super) Expr);

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").finish_non_exhaustive()
    }
}

/// A word or sign, with the number of the character that it starts at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// In quotes: never a keyword.
    Quoted(String),
    Operator(&'static str),
    Open,
    Close,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what would be right.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        let tokens = tokens(text)?;
        let mut parser = Parser {
            tokens: &tokens,
            depth: 0,
        };
        let expression = parser.alternatives()?;
        match parser.tokens.first() {
            None => Ok(Self(expression)),
            Some(token) => Err(wrong(&format!(
                "`{token}` follows a whole condition; join conditions with `and` or `or`"
            ))),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) | Self::Quoted(word) => f.write_str(word),
            Self::Operator(operator) => f.write_str(operator),
            Self::Open => f.write_str("("),
            Self::Close => f.write_str(")"),
        }
    }
}

fn wrong(what: &str) -> ConditionError {
    ConditionError(what.to_owned())
}

fn tokens(text: &str) -> Result<Vec<Token>, ConditionError> {
    const OPERATORS: [&str; 7] = ["!=", "<=", ">=", "==", "=", "<", ">"];
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(operator) = OPERATORS.iter().find(|sign| rest.starts_with(**sign)) {
            found.push(Token::Operator(if *operator == "==" {
                "="
            } else {
                operator
            }));
            rest = &rest[operator.len()..];
        } else if matches!(first, '(' | ')') {
            found.push(if first == '(' {
                Token::Open
            } else {
                Token::Close
            });
            rest = &rest[1..];
        } else if matches!(first, '"' | '\'') {
            let (word, after) = rest[1..]
                .split_once(first)
                .ok_or_else(|| wrong(&format!("a quotation mark {first} is never closed")))?;
            found.push(Token::Quoted(word.to_owned()));
            rest = after;
        } else {
            let ends = |c: char| c.is_whitespace() || "()=<>!\"'".contains(c);
            let end = rest.find(ends).unwrap_or(rest.len());
            if end == 0 {
                return Err(wrong(&format!(
                    "`{first}` is no operator; there are = != < <= > >="
                )));
            }
            found.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(found)
}

struct Parser<'t> {
    tokens: &'t [Token],
    depth: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<&Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let here = matches!(self.tokens.first(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        if here {
            self.next();
        }
        here
    }

    fn alternatives(&mut self) -> Result<Expr, ConditionError> {
        let mut expression = self.conjunction()?;
        while self.keyword("or") {
            expression = expression.or(self.conjunction()?);
        }
        Ok(expression)
    }

    fn conjunction(&mut self) -> Result<Expr, ConditionError> {
        let mut expression = self.part()?;
        while self.keyword("and") {
            expression = expression.and(self.part()?);
        }
        Ok(expression)
    }

    fn part(&mut self) -> Result<Expr, ConditionError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(wrong(&format!(
                "more than {DEEPEST} parentheses within each other"
            )));
        }
        let expression = if self.keyword("not") {
            self.part()?.not()
        } else if self.tokens.first() == Some(&Token::Open) {
            self.next();
            let inner = self.alternatives()?;
            if self.next() != Some(&Token::Close) {
                return Err(wrong("a parenthesis is never closed"));
            }
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn comparison(&mut self) -> Result<Expr, ConditionError> {
        let field = match self.next() {
            Some(Token::Word(field)) => field.to_ascii_lowercase(),
            Some(token) => {
                return Err(wrong(&format!(
                    "`{token}` stands where a field belongs: {}",
                    fields()
                )));
            }
            None => {
                return Err(wrong(&format!(
                    "a condition is missing; write for example area=authentication, with one of {}",
                    fields()
                )));
            }
        };
        if !is_field(&field) {
            return Err(wrong(&format!(
                "`{field}` is no field; there are {}",
                fields()
            )));
        }
        let operator = match self.next() {
            Some(Token::Operator(operator)) => *operator,
            _ => {
                return Err(wrong(&format!(
                    "after `{field}` one of = != < <= > >= has to follow"
                )));
            }
        };
        let value = match self.next() {
            Some(Token::Word(value) | Token::Quoted(value)) => value.clone(),
            _ => {
                return Err(wrong(&format!(
                    "after `{field}{operator}` a value has to follow, in quotes if it has blanks"
                )));
            }
        };
        compare(&field, operator, &value)
    }
}

fn is_field(field: &str) -> bool {
    NUMBERS.contains(&field)
        || matches!(field, "time" | "failed")
        || Dimension::ALL.iter().any(|one| one.name() == field)
}

fn fields() -> String {
    let mut all: Vec<&str> = Dimension::ALL.iter().map(|one| one.name()).collect();
    all.extend(["time", "failed", "bytes", "packets", "rtt_us"]);
    names(&all)
}

fn compare(field: &str, operator: &str, value: &str) -> Result<Expr, ConditionError> {
    let column = col(field.to_owned());
    if value.eq_ignore_ascii_case("none") {
        return match operator {
            "=" => Ok(column.is_null()),
            "!=" => Ok(column.is_not_null()),
            _ => Err(wrong(&format!(
                "`{field}{operator}none`: none is neither less nor more; use = or !="
            ))),
        };
    }
    let value = if NUMBERS.contains(&field) {
        let number: u64 = value
            .parse()
            .map_err(|_| wrong(&format!("`{value}` is no whole number, which {field} is")))?;
        lit(number)
    } else if matches!(field, "time" | "hour") {
        let time = moment(value).map_err(|error| ConditionError(format!("{field}: {error}")))?;
        lit(time).cast(DataType::Datetime(
            TimeUnit::Nanoseconds,
            Some(TimeZone::UTC),
        ))
    } else if field == "failed" {
        match (operator, value) {
            ("=" | "!=", "true") => lit(true),
            ("=" | "!=", "false") => lit(false),
            _ => {
                return Err(wrong(
                    "failed is true, false or none (the capture cannot tell); compare it with = or !=",
                ));
            }
        }
    } else if field == "date" {
        let date: jiff::civil::Date = value
            .parse()
            .map_err(|_| wrong(&format!("`{value}` is no date such as 2026-11-22")))?;
        lit(date.to_string())
            .str()
            .to_date(polars::prelude::StrptimeOptions::default())
    } else {
        return compare_text(field, operator, value);
    };
    // A number or time that is not known is not equal to any.
    Ok(match operator {
        "=" => column.eq(value),
        "!=" => column.neq_missing(value),
        "<" => column.lt(value),
        "<=" => column.lt_eq(value),
        ">" => column.gt(value),
        _ => column.gt_eq(value),
    })
}

fn compare_text(field: &str, operator: &str, value: &str) -> Result<Expr, ConditionError> {
    let column = col(field.to_owned());
    // The report's word for what the tables call ok.
    let value = match (field, value) {
        ("outcome", "served") => "ok".to_owned(),
        ("host" | "area" | "outcome" | "kind" | "protocol" | "application", value) => {
            value.to_ascii_lowercase()
        }
        (_, value) => value.to_owned(),
    };
    let equal = match (value.strip_prefix('*'), value.strip_suffix('*')) {
        (None, None) => column.clone().eq(lit(value.clone())),
        (Some(end), None) => column.clone().str().ends_with(lit(end.to_owned())),
        (None, Some(start)) => column.clone().str().starts_with(lit(start.to_owned())),
        (Some(_), Some(_)) => {
            return Err(wrong(&format!(
                "`{value}`: one * at the beginning or at the end"
            )));
        }
    };
    match operator {
        "=" => Ok(equal),
        // What has no value is different from any.
        "!=" => Ok(equal.fill_null(lit(false)).not()),
        _ => Err(wrong(&format!("{field} is text; compare it with = or !="))),
    }
}

/// A point in time: RFC 3339, or a date and maybe a time of day, in UTC. Nanoseconds since 1970.
pub(super) fn moment(text: &str) -> Result<i64, String> {
    let complaint = || {
        format!(
            "`{text}` is no time; write 2026-11-22, 2026-11-22T07:30 or 2026-11-22T07:30:00Z (UTC)"
        )
    };
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time,
        Err(_) => text
            .parse::<jiff::civil::DateTime>()
            .ok()
            .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC).ok())
            .map(|zoned| zoned.timestamp())
            .ok_or_else(complaint)?,
    };
    i64::try_from(time.as_nanosecond()).map_err(|_| complaint())
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::{IntoLazy, df};

    /// Which rows (by number) a condition keeps.
    fn kept(condition: &str) -> Vec<u32> {
        let rows = df![
            "row" => [0_u32, 1, 2, 3],
            "area" => [Some("authentication"), Some("core-service"), None, Some("core-service")],
            "host" => ["login.live.com", "manage.microsoft.com", "example.org", "r.manage.microsoft.com"],
            "outcome" => ["ok", "syn_timeout", "ok", "ok"],
            "port" => [443_u32, 443, 80, 8443],
        ]
        .unwrap();
        let condition = Condition::parse(condition).unwrap();
        let rows = rows.lazy().filter(condition.0).collect().unwrap();
        let column = rows.column("row").unwrap().u32().unwrap();
        column.iter().flatten().collect()
    }

    #[test]
    fn conditions_select() {
        assert_eq!(kept("area=core-service and outcome!=served"), [1]);
        assert_eq!(kept("area!=core-service"), [0, 2]);
        assert_eq!(kept("area = none or port>1000"), [2, 3]);
        assert_eq!(kept("host=*.microsoft.com"), [1, 3]);
        assert_eq!(kept("not (host=login* or port<=80)"), [1, 3]);
        assert_eq!(kept("area='core-service' AND port==443"), [1]);
        assert_eq!(kept("port=443 or port=80 and host=example.org"), [0, 1, 2]);
    }

    #[test]
    fn complaints_name_the_place_and_the_way_out() {
        let complaint = |text: &str| Condition::parse(text).err().unwrap().to_string();
        assert!(complaint("").contains("is missing"));
        assert!(complaint("colour=red").contains("`colour` is no field; there are area, set"));
        assert!(complaint("port=https").contains("no whole number"));
        assert!(complaint("area>5").contains("is text"));
        assert!(complaint("area=a area=b").contains("join conditions"));
        assert!(complaint("(area=a").contains("never closed"));
        assert!(complaint("area='a").contains("never closed"));
        assert!(complaint("date=yesterday").contains("no date"));
        assert!(complaint("time>yesterday").contains("2026-11-22T07:30"));
        assert!(complaint("failed>true").contains("true, false or none"));
        assert!(complaint("area!a").contains("no operator"));
        assert!(complaint(&"(".repeat(10_000)).contains("within each other"));
        assert!(complaint(&"not ".repeat(10_000)).contains("within each other"));
    }
}
