//! Errors of linking and calling, each for its audience.

use std::fmt;

use crate::runtime::trap::Trap;

/// A module cannot be instantiated.
#[derive(Debug)]
#[non_exhaustive]
pub enum LinkError {
    /// No definition was given for an import.
    MissingImport {
        /// The import's module name.
        module: String,
        /// The import's field name.
        field: String,
        /// What is wanted, as text.
        wanted: String,
    },
    /// The definition for an import is of another type.
    IncompatibleImport {
        /// The import's module name.
        module: String,
        /// The import's field name.
        field: String,
        /// What is wanted, as text.
        wanted: String,
        /// What was given, as text.
        found: String,
    },
    /// Memory, table or address space is not to be had, or the host's limiter refused it.
    Resource(String),
    /// A code variant that the memories ask for does not compile.
    Compile(crate::wasm::error::CompileError),
    /// A segment did not fit or the start function trapped.
    Trap(Trap),
    /// The linker has that name already.
    Duplicate {
        /// The module name.
        module: String,
        /// The field name.
        field: String,
    },
    /// The isolate, the module and the linker belong to different engines, or a handle to another isolate or to a scope that has ended.
    Foreign(&'static str),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::MissingImport { module, field, wanted } => {
                write!(f, "unknown import: \"{module}\" \"{field}\" wants {wanted}, nothing found")
            }
            LinkError::IncompatibleImport { module, field, wanted, found } => {
                write!(f, "incompatible import type: \"{module}\" \"{field}\" wants {wanted}, found {found}")
            }
            LinkError::Resource(message) => f.write_str(message),
            LinkError::Compile(error) => error.fmt(f),
            LinkError::Trap(trap) => trap.fmt(f),
            LinkError::Duplicate { module, field } => write!(f, "\"{module}\" \"{field}\" is defined twice"),
            LinkError::Foreign(what) => write!(f, "{what}"),
        }
    }
}

impl std::error::Error for LinkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LinkError::Compile(error) => Some(error),
            LinkError::Trap(trap) => Some(trap),
            _ => None,
        }
    }
}

impl From<Trap> for LinkError {
    fn from(trap: Trap) -> Self {
        LinkError::Trap(trap)
    }
}

/// A call did not return its results.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// The guest trapped.
    Trap(Trap),
    /// Arguments, results or the function do not fit each other.
    Signature {
        /// The function's type, as text.
        wanted: String,
        /// What the caller brought.
        found: String,
    },
    /// The function or an argument belongs to another isolate, or to a scope that has ended.
    Foreign,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Trap(trap) => trap.fmt(f),
            CallError::Signature { wanted, found } => {
                write!(f, "signature mismatch: the function is {wanted}, called with {found}")
            }
            CallError::Foreign => {
                f.write_str("the function or an argument belongs to another isolate, or to a scope that has ended")
            }
        }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CallError::Trap(trap) => Some(trap),
            _ => None,
        }
    }
}

impl From<Trap> for CallError {
    fn from(trap: Trap) -> Self {
        CallError::Trap(trap)
    }
}

/// The host asked for bytes of a memory that it cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryAccessError {
    /// They do not lie in the memory.
    #[error("{len} bytes at {offset} do not lie in a memory of {memory_bytes} bytes")]
    OutOfBounds {
        /// Where they begin.
        offset: u64,
        /// How many they are.
        len: usize,
        /// The memory's size.
        memory_bytes: u64,
    },
    /// The memory belongs to another isolate, or to a scope that has ended.
    #[error("the memory belongs to another isolate, or to a scope that has ended")]
    Foreign,
}

/// Memory, table or address space is not to be had, or an isolate not from an engine that was shut down.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct ResourceError(pub String);

impl From<ResourceError> for LinkError {
    fn from(error: ResourceError) -> Self {
        LinkError::Resource(error.0)
    }
}
