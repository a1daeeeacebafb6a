//! Compiling and running scripts.
#![forbid(unsafe_code)]

use crate::base::sync::Arc;
use crate::js::bytecode::ScriptCode;
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::parse::{self, ParseOptions, SyntaxError};
use crate::js::source::SourceText;

/// Parses a script, on any thread. Its functions are generated when they are called.
///
/// # Errors
///
/// An early error.
pub fn compile_script(source: impl Into<Arc<SourceText>>) -> Result<Arc<ScriptCode>, SyntaxError> {
    parse::parse(source.into(), ParseOptions::Script).map(ScriptCode::new)
}

/// Parses a text as the body of a function with parameters: a script whose value is that function. Positions are those of the text.
///
/// # Errors
///
/// An early error.
pub fn compile_wrapped(source: SourceText, parameters: &[&str]) -> Result<Arc<ScriptCode>, SyntaxError> {
    let mut units: Vec<u16> = format!("(function ({}) {{", parameters.join(", ")).encode_utf16().collect();
    let hidden = units.len() as u32;
    let mut text: Vec<u16> = source.text().units().collect();
    if text.starts_with(&[u16::from(b'#'), u16::from(b'!')]) {
        text[..2].fill(u16::from(b'/'));
    }
    units.extend(text);
    units.extend("\n})".encode_utf16());
    compile_script(SourceText::from_units(source.name(), &units).with_hidden(hidden))
}

impl<'s> Cx<'s> {
    /// Compiles and runs a script: its completion value.
    ///
    /// # Errors
    ///
    /// A SyntaxError; what the script throws.
    pub fn eval_source(&mut self, name: &str, text: &str) -> Completion<Local<'s>> {
        match compile_script(SourceText::from_utf8(name, text)) {
            Ok(code) => self.run_script(&code),
            Err(error) => Err(self.throw_syntax_error(name, &error)),
        }
    }

    /// The same for a text without a name.
    ///
    /// # Errors
    ///
    /// As [`eval_source`](Cx::eval_source).
    pub fn eval_text(&mut self, text: &str) -> Completion<Local<'s>> {
        self.eval_source("", text)
    }
}
