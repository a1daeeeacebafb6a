//! What can be wrong with a store, and with what it gives.

use std::io;
use std::path::{Path, PathBuf};

use crate::base::sync::Arc;

/// A store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A file or directory could not be used.
    #[error("cannot {action} {path}: {error}")]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// Others may read or change what only its owner may.
    #[error("{path} is not used: {reason}")]
    Unsafe {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A store of somebody else's says so.
    #[error("{0}")]
    Other(String),
}

impl StoreError {
    pub(in crate::store) fn file(action: &'static str, path: &Path, error: io::Error) -> Self {
        StoreError::File { action, path: path.to_owned(), error: Arc::new(error) }
    }
}

/// Why a container was not used, in the order in which it is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// It is shorter than a header.
    #[error("{bytes} bytes are too few")]
    TooShort {
        /// Its length.
        bytes: u64,
    },
    /// It begins with something else.
    #[error("not a file of this kind")]
    Magic,
    /// Its format is another version's.
    #[error("written in version {found} of the format, not {expected}")]
    FormatVersion {
        /// Its version.
        found: u32,
        /// This program's.
        expected: u32,
    },
    /// It is as long as it does not say.
    #[error("{found} bytes long, and not {expected}")]
    Length {
        /// Its length.
        found: u64,
        /// What it says.
        expected: u64,
    },
    /// It has a key of its own, or none, and another one was given.
    #[error("{0}")]
    Authentication(&'static str),
    /// The header is not what was written, or not by who has this key.
    #[error("its authentication code does not match")]
    Mac,
    /// A section is missing, or lies outside.
    #[error("its table of sections makes no sense")]
    Table,
    /// The contents of a section are not what was written.
    #[error("section {section} is damaged")]
    Section {
        /// Which one.
        section: &'static str,
    },
    /// A part of a section is not what was written.
    #[error("a part of section {section} is damaged, at byte {offset}")]
    Part {
        /// Of which.
        section: &'static str,
        /// Where it begins in the file.
        offset: u64,
    },
    /// It was made for something else.
    #[error("made for {0}")]
    Other(String),
}

impl From<io::Error> for Rejected {
    fn from(error: io::Error) -> Self {
        Rejected::Unreadable(error.to_string())
    }
}
