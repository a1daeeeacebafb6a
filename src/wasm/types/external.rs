//! Types of memories, tables and globals (§2.3.11–13).

use std::fmt;

use super::{RefType, ValType};
use crate::base::limits;

/// The type of a memory (§2.3.12). Limits count pages of `1 << page_size_log2` bytes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemoryType {
    /// Least number of pages.
    pub min: u64,
    /// Largest number of pages.
    pub max: Option<u64>,
    /// Whether addresses are 64-bit.
    pub memory64: bool,
    /// Whether several threads share it.
    pub shared: bool,
    /// Binary logarithm of the page size: 16 unless the custom page sizes proposal says 0.
    pub page_size_log2: u8,
}

impl MemoryType {
    /// Bytes of one page.
    pub fn page_bytes(&self) -> u64 {
        1 << self.page_size_log2
    }

    /// The largest number of bytes that this memory may ever have, by its type and by the implementation's limits.
    pub fn max_bytes(&self) -> u64 {
        let pages64k = if self.memory64 { limits::MEMORY64_PAGE_COUNT } else { limits::MEMORY32_PAGE_COUNT };
        let implementation = pages64k * limits::PAGE_BYTES;
        match self.max {
            Some(max) => max.saturating_mul(self.page_bytes()).min(implementation),
            None => implementation,
        }
    }
}

impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = if self.memory64 { "i64 " } else { "" };
        write!(f, "(memory {address}{}", self.min)?;
        if let Some(max) = self.max {
            write!(f, " {max}")?;
        }
        if self.shared {
            f.write_str(" shared")?;
        }
        if self.page_size_log2 != 16 {
            write!(f, " (pagesize {})", self.page_bytes())?;
        }
        f.write_str(")")
    }
}

/// The type of a table (§2.3.13).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableType {
    /// Type of the elements.
    pub element: RefType,
    /// Least number of elements.
    pub min: u64,
    /// Largest number of elements.
    pub max: Option<u64>,
    /// Whether indices are 64-bit.
    pub table64: bool,
}

impl fmt::Display for TableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = if self.table64 { "i64 " } else { "" };
        write!(f, "(table {address}{}", self.min)?;
        if let Some(max) = self.max {
            write!(f, " {max}")?;
        }
        write!(f, " {})", self.element)
    }
}

/// The type of a global (§2.3.11).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct GlobalType {
    /// Type of the value.
    pub content: ValType,
    /// Whether it may change.
    pub mutable: bool,
}

impl fmt::Display for GlobalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mutable { write!(f, "(global (mut {}))", self.content) } else { write!(f, "(global {})", self.content) }
    }
}
