//! A script, module or eval code with the bytecode of its functions, for all threads.

use super::code::FunctionCode;
use super::generate;
use crate::base::sync::{Arc, OnceLock};
use crate::js::parse::ast::{
    Declarations, FunctionId, FunctionInfo, ModuleInfo, ParsedScript, Scope, ScopeId, StringId, StringTable, Text,
};
use crate::js::source::SourceText;

/// Why a function has no bytecode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// It needs more registers, constants or slots than instructions can name.
    #[error("function too large")]
    TooLarge,
}

/// A parsed script with the bytecode of those functions that were called already.
#[derive(Debug)]
pub struct ScriptCode {
    parsed: ParsedScript,
    functions: Box<[OnceLock<Arc<FunctionCode>>]>,
}

impl ScriptCode {
    /// From a parsed script; no function is generated yet.
    pub fn new(parsed: ParsedScript) -> Arc<Self> {
        let functions = parsed.functions.iter().map(|_| OnceLock::new()).collect();
        Arc::new(Self { parsed, functions })
    }

    /// A function's bytecode, generated now if it was not before. Of two threads that generate it the first wins.
    pub fn function(&self, id: FunctionId) -> Result<&Arc<FunctionCode>, GenerateError> {
        let cell = &self.functions[id.0 as usize];
        if let Some(code) = cell.get() {
            return Ok(code);
        }
        let code = Arc::new(generate::generate(&self.parsed, id)?);
        Ok(cell.get_or_init(|| code))
    }

    /// All that the parser knows.
    pub fn parsed(&self) -> &ParsedScript {
        &self.parsed
    }

    /// What the parser knows of a function.
    pub fn info(&self, id: FunctionId) -> &FunctionInfo {
        self.parsed.function(id)
    }

    /// A scope: the layout of its Environment.
    pub fn scope(&self, id: ScopeId) -> &Scope {
        self.parsed.scope(id)
    }

    /// The script's strings.
    pub fn strings(&self) -> &StringTable {
        &self.parsed.strings
    }

    /// A string.
    pub fn string(&self, id: StringId) -> &Text {
        self.parsed.strings.get(id)
    }

    /// For `DeclareGlobals` and `DeclareEval`.
    pub fn declarations(&self) -> &Declarations {
        &self.parsed.declarations
    }

    /// Imports and exports of a module.
    pub fn module(&self) -> Option<&ModuleInfo> {
        self.parsed.module.as_deref()
    }

    /// Its source text.
    pub fn source(&self) -> &Arc<SourceText> {
        &self.parsed.source
    }
}
