//! A size as it is typed: a whole number with kB, MB, GB or TB (powers of 1000), or KiB, MiB, GiB or TiB (of 1024), as in `500MB`.

use serde::Deserialize;

/// A number of octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(pub u64);

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "not a size; write a whole number with its unit, such as 500MB or 2GB".to_owned();
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(unit_at);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let unit: u64 = match unit.to_ascii_lowercase().as_str() {
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            _ => return Err(wrong()),
        };
        number
            .checked_mul(unit)
            .filter(|octets| *octets <= 1_000_000_000_000_000)
            .map(Self)
            .ok_or_else(|| "larger than 1000TB; write a smaller size".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!("64MB".parse(), Ok(Size(64_000_000)));
        assert_eq!("1gb".parse(), Ok(Size(1_000_000_000)));
        assert_eq!("5MiB".parse(), Ok(Size(5 << 20)));
        for text in [
            "",
            "5",
            "MB",
            "5 MB",
            "-5MB",
            "5b",
            "99999TB",
            "99999999999999999999TB",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
