//! What the language leaves to its host.
#![forbid(unsafe_code)]

use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::source::SourceText;

/// A ModuleRequest Record (§16.2.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRequest {
    /// The specifier.
    pub specifier: String,
    /// Import attributes in order of their keys.
    pub attributes: Vec<(String, String)>,
}

/// What a module is made of.
#[derive(Debug)]
pub enum ModuleText {
    /// Code.
    JavaScript(SourceText),
    /// A text in JSON, whose value is the default export.
    Json(String),
    /// A text, which is the default export.
    Text(String),
}

/// Hooks of the host (§9.5, §16.2.1.10). Each has a default that does nothing.
pub trait Host: Send {
    /// HostPromiseRejectionTracker (§27.2.1.9) with "reject": a promise without a handler was rejected.
    fn promise_rejected(&mut self, cx: &mut Cx<'_>, promise: Local<'_>, reason: Local<'_>) {
        let _ = (cx, promise, reason);
    }

    /// HostPromiseRejectionTracker (§27.2.1.9) with "handle": such a promise has a handler after all.
    fn promise_handled(&mut self, cx: &mut Cx<'_>, promise: Local<'_>) {
        let _ = (cx, promise);
    }

    /// Where a module is that something with a name asks for by a specifier. Places name modules: one for each place.
    ///
    /// # Errors
    ///
    /// What is wrong with the specifier: the message of a TypeError.
    fn resolve_module(&mut self, referrer: Option<&str>, specifier: &str) -> Result<String, String> {
        let _ = referrer;
        Err(format!("Cannot find module '{specifier}'"))
    }

    /// The module at a place. `kind` is the import attribute `type`, or empty.
    ///
    /// # Errors
    ///
    /// Why it cannot be had: the message of a TypeError.
    fn load_module(&mut self, place: &str, kind: &str) -> Result<ModuleText, String> {
        let _ = kind;
        Err(format!("Cannot load module '{place}'"))
    }

    /// HostGetImportMetaProperties (§13.3.12.1.1): fills the `import.meta` of the module at a place.
    ///
    /// # Errors
    ///
    /// What is thrown.
    fn import_meta(&mut self, cx: &mut Cx<'_>, meta: Local<'_>, place: &str) -> Completion<()> {
        let _ = (cx, meta, place);
        Ok(())
    }

    /// A line of text that a script prints.
    fn print(&mut self, text: &str) {
        let _ = text;
    }

    /// A job ended with an uncaught exception.
    fn report_error(&mut self, cx: &mut Cx<'_>, error: Local<'_>) {
        let _ = (cx, error);
    }
}

/// A host that offers nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoHost;

impl Host for NoHost {}
