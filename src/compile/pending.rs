//! A module that is being compiled.

#![forbid(unsafe_code)]

use crate::compile::events::{CompileEvent, EventSink};
use crate::compile::job::JobKind;
use crate::compile::module::Module;
use crate::compile::streaming::Validating;
use crate::wasm::error::{CompileError, CompileErrorKind};

/// How far a compilation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompileProgress {
    /// Functions that are done with: compiled, or validated if they are compiled when they are called.
    pub done: usize,
    /// All of them; 0 as long as that is not known.
    pub total: usize,
}

/// A module on its way. Dropping it gives the compilation up, and returns at once: units that run are asked to stop, and what they
/// make is dropped.
#[derive(Debug)]
#[must_use = "dropping it cancels the compilation"]
pub struct PendingModule {
    waits_for: WaitsFor,
    module: Module,
}

#[derive(Debug)]
enum WaitsFor {
    /// All functions.
    Code,
    /// Of a stream whose functions are compiled as they are called: that its bodies are valid.
    Bodies(Validating),
    /// The module is another's, and ready.
    Nothing,
}

impl PendingModule {
    pub(super) fn new(module: Module) -> Self {
        PendingModule { waits_for: WaitsFor::Code, module }
    }

    pub(super) fn validating(module: Module, validating: Validating) -> Self {
        PendingModule { waits_for: WaitsFor::Bodies(validating), module }
    }

    /// A module that is ready: the bell rings at once.
    pub(super) fn ready(module: Module, sink: Option<&dyn EventSink>) -> Self {
        if let Some(sink) = sink {
            sink.wake();
        }
        PendingModule { waits_for: WaitsFor::Nothing, module }
    }

    /// Whether [`wait`](Self::wait) would return at once. Without background tasks it becomes true only by waiting.
    pub fn is_finished(&self) -> bool {
        match &self.waits_for {
            WaitsFor::Nothing => true,
            WaitsFor::Bodies(validating) => validating.job().is_settled(),
            WaitsFor::Code => self.module.job().is_none_or(|job| job.progress.is_settled()),
        }
    }

    /// How far it is.
    pub fn progress(&self) -> CompileProgress {
        self.module.job().map_or_else(CompileProgress::default, |job| job.compile_progress())
    }

    /// Works along until the module is compiled.
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn wait(self) -> Result<Module, CompileError> {
        let result = match &self.waits_for {
            WaitsFor::Nothing => Ok(()),
            WaitsFor::Bodies(validating) => validating.wait(&self.module),
            WaitsFor::Code => {
                let variant = self.module.engine().default_variant();
                self.module.begin(variant, JobKind::Eager, false)?.wait(self.module.engine())
            }
        };
        match &result {
            Ok(()) => self.module.dispatch_end(CompileEvent::FinishedCompilation),
            Err(error) if error.kind != CompileErrorKind::Cancelled => self.module.dispatch_end(CompileEvent::Failed),
            Err(_) => self.module.dispatch_events(),
        }
        result?;
        let engine = self.module.engine().clone();
        let module = match self.waits_for {
            WaitsFor::Nothing => return Ok(self.module),
            WaitsFor::Bodies(_) => self.module.ready(),
            WaitsFor::Code => self.module.compiled(),
        };
        module.map(|module| engine.adopt(module))
    }

    /// Has a callback called, on a thread that dispatches, for what happens from now on; at once, if the compilation has ended. It is
    /// released with the last event, or when this is dropped.
    pub fn add_callback(&self, callback: impl FnMut(CompileEvent) + Send + 'static) {
        self.module.add_callback(callback);
    }

    /// Calls the callbacks for what has happened since the last time, on this thread.
    pub fn dispatch_events(&self) {
        self.module.dispatch_events();
    }
}
