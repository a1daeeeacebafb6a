//! What is wrong with a module, and where.

use std::fmt;

/// A module that cannot be compiled: malformed, invalid, beyond a limit, or beyond what the compiler takes.
///
/// Its text is the same for any number of compile tasks: the error with the lowest offset wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// What kind of problem it is.
    pub kind: CompileErrorKind,
    /// What is wrong.
    pub message: String,
    /// Byte offset in the module, where the problem has one.
    pub offset: Option<usize>,
}

/// Kinds of [`CompileError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompileErrorKind {
    /// The text format does not parse.
    Text,
    /// The binary is malformed or invalid.
    Invalid,
    /// An implementation limit of [`crate::base::limits`] was exceeded.
    Limit,
    /// The module's machine code does not fit its code space.
    CodeSpace,
    /// The system gives no memory for code: no address space, nothing executable, or no room behind it.
    CodeMemory,
    /// No tier takes the function.
    Unsupported,
    /// The time for compiling the module is over.
    Timeout,
    /// There is no processor time left for compiling the module, or for the engine.
    Budget,
    /// Compilation was cancelled by the owner or by engine shutdown.
    Cancelled,
    /// A file of compiled code is damaged, or of no use here.
    Precompiled,
    /// The file of a module cannot be read, or was changed while the module was in use.
    File,
    /// A defect of this engine: a compile unit panicked or the code generator refused its own input.
    EngineBug,
}

impl CompileError {
    /// An invalid or malformed binary.
    pub fn invalid(message: impl Into<String>, offset: usize) -> Self {
        CompileError { kind: CompileErrorKind::Invalid, message: message.into(), offset: Some(offset) }
    }

    /// A limit that was exceeded.
    pub fn limit(message: impl Into<String>, offset: Option<usize>) -> Self {
        CompileError { kind: CompileErrorKind::Limit, message: message.into(), offset }
    }

    /// An error of another kind.
    pub fn new(kind: CompileErrorKind, message: impl Into<String>, offset: Option<usize>) -> Self {
        CompileError { kind, message: message.into(), offset }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            CompileErrorKind::Text => "text format: ",
            CompileErrorKind::Invalid | CompileErrorKind::File => "",
            CompileErrorKind::Limit => "limit: ",
            CompileErrorKind::CodeSpace => "code space: ",
            CompileErrorKind::CodeMemory => "code memory: ",
            CompileErrorKind::Unsupported => "unsupported: ",
            CompileErrorKind::Timeout => "timeout: ",
            CompileErrorKind::Budget => "budget: ",
            CompileErrorKind::Cancelled => "cancelled: ",
            CompileErrorKind::Precompiled => "precompiled: ",
            CompileErrorKind::EngineBug => "engine bug: ",
        };
        write!(f, "{kind}{}", self.message)?;
        match self.offset {
            Some(offset) => write!(f, " (at offset {offset:#x})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CompileError {}

impl From<wasmparser::BinaryReaderError> for CompileError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        CompileError::invalid(error.message(), usize::try_from(error.offset()).unwrap_or(usize::MAX))
    }
}
