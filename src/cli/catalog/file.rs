//! Reads a text file that a person or another program wrote.

use anyhow::{Context, bail};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Longest file read, in octets. The whole worldwide list of Microsoft 365 takes less than 200 KiB.
pub const LONGEST_TEXT: u64 = 8 * 1024 * 1024;

/// The text of a file, or of standard input for `-`.
///
/// # Errors
///
/// Names the file, and what is wrong with it.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    read_text_within(path, LONGEST_TEXT)
}

/// The text of a file of at most `limit` octets, or of standard input for `-`.
///
/// # Errors
///
/// Names the file, and what is wrong with it.
pub fn read_text_within(path: &Path, limit: u64) -> anyhow::Result<String> {
    let most = limit.saturating_add(1);
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    let name = path.display();
    read.with_context(|| name.to_string())?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        bail!("{name}: longer than {} MiB", limit >> 20);
    }
    decode(bytes).with_context(|| name.to_string())
}

/// UTF-8, with or without byte order mark, or the UTF-16 that Windows PowerShell writes.
fn decode(bytes: Vec<u8>) -> anyhow::Result<String> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().copied().map(unit).collect();
        match String::from_utf16(&units) {
            Ok(text) if odd.is_empty() => Ok(text),
            _ => bail!("not valid UTF-16"),
        }
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => text(rest.to_vec()),
        _ => text(bytes),
    }
}

fn text(bytes: Vec<u8>) -> anyhow::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        anyhow::anyhow!(
            "not text in UTF-8: octet {} does not fit",
            error.utf8_error().valid_up_to()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_windows_programs_are_read() {
        let utf8 = |bytes: &[u8]| decode(bytes.to_vec()).map_err(|error| error.to_string());
        assert_eq!(utf8(b"[]"), Ok("[]".to_owned()));
        assert_eq!(utf8(b"\xef\xbb\xbf[]"), Ok("[]".to_owned()));
        assert_eq!(utf8(b"\xff\xfe[\0]\0"), Ok("[]".to_owned()));
        assert_eq!(utf8(b"\xfe\xff\0[\0]"), Ok("[]".to_owned()));
        assert_eq!(utf8(b"\xff\xfe[\0]"), Err("not valid UTF-16".to_owned()));
        assert_eq!(
            utf8(b"a\xff"),
            Err("not text in UTF-8: octet 1 does not fit".to_owned())
        );
    }
}
