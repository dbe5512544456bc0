//! Why nothing can be read from an input.

use super::ForeignFormat;

/// An input of which nothing can be read. Each message is one sentence that ends with a way out.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The list of inputs is empty.
    #[error("no input was given: name capture files, a directory of them, or - for standard input")]
    NoInput,
    /// There is no such file or directory.
    #[error("{input}: no such file or directory; check the name and the current directory")]
    NotFound {
        /// The input as shown to the user.
        input: String,
    },
    /// The file may not be read.
    #[error("{input}: permission denied; read it as its owner, or have its owner allow it")]
    PermissionDenied {
        /// The input as shown to the user.
        input: String,
    },
    /// The system could not open or read the file.
    #[error("{input}: cannot be read ({cause}); copy it to a local disk and try again")]
    Unreadable {
        /// The input as shown to the user.
        input: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// None of the files in a directory is a capture.
    #[error(
        "{input}: there is no capture file in this directory; name the directory that holds the files themselves"
    )]
    NoCaptureInDirectory {
        /// The input as shown to the user.
        input: String,
    },
    /// The file, or what is compressed in it, has no octets.
    #[error("{input}: the file is empty; stop the capturing program properly, or record again")]
    Empty {
        /// The input as shown to the user.
        input: String,
    },
    /// The file ends inside its own header.
    #[error(
        "{input}: the capture is cut off inside its file header, after {octets} octets; copy or record it again"
    )]
    HeaderCut {
        /// The input as shown to the user.
        input: String,
        /// Octets there are, after decompression.
        octets: usize,
    },
    /// The compressed file is damaged from its start.
    #[error("{input}: the compressed data is damaged at its start ({cause}); copy the file again")]
    CompressionDamaged {
        /// The input as shown to the user.
        input: String,
        /// What the decompressor said.
        cause: std::io::Error,
    },
    /// The file is something else.
    #[error("{input}: not a pcap or pcapng capture but {format}; {advice}", advice = format.advice())]
    NotACapture {
        /// The input as shown to the user.
        input: String,
        /// What it looks like.
        format: ForeignFormat,
    },
}

impl CaptureError {
    /// The error for an input that the system could not open or read.
    pub(super) fn from_io(input: String, cause: std::io::Error) -> Self {
        match cause.kind() {
            std::io::ErrorKind::NotFound => Self::NotFound { input },
            std::io::ErrorKind::PermissionDenied => Self::PermissionDenied { input },
            _ => Self::Unreadable { input, cause },
        }
    }
}
