//! The contract between the compile service and a tier.

use std::any::Any;
use std::fmt;

use crate::abi::artifact::{Artifact, CodeVariant, Entry, Tier};
use crate::abi::profile::Profile;
use crate::base::DefinedFuncIndex;
use crate::base::sync::Arc;
use crate::codegen::env::CompileEnv;
use crate::wasm::error::CompileError;
use crate::wasm::validate::Features;

/// A tier's compiler. One object serves all workers.
pub trait Compiler: Send + Sync + fmt::Debug {
    /// Which tier it makes.
    fn tier(&self) -> Tier;

    /// Scratch memory for one worker.
    fn new_scratch(&self) -> Scratch;

    /// Validates (unless the unit says that was done) and compiles one function.
    ///
    /// # Errors
    ///
    /// [`UnitError`] says whether the module, the tier or the engine is at fault.
    fn compile(
        &self,
        env: &CompileEnv,
        func: DefinedFuncIndex,
        variant: CodeVariant,
        unit: &mut UnitContext<'_>,
    ) -> Result<Artifact, UnitError>;
}

/// What is known of functions from running them.
pub trait Feedback {
    /// Whether a function does much.
    fn is_hot(&self, func: DefinedFuncIndex) -> bool;

    /// What a function has recorded of its calls.
    fn profile(&self, func: DefinedFuncIndex) -> Option<Arc<Profile>>;
}

/// What a unit gets from its worker.
pub struct UnitContext<'a> {
    /// Memory that the worker keeps between units.
    pub scratch: &'a mut Scratch,
    /// Features that the unit met, local to the task (statement S1-23).
    pub detected: &'a mut Features,
    /// Where the code is to begin. A tier that nothing is entered in but by calls is unable to do others.
    pub entry: Entry,
    /// What is known from running the module: the bodies of functions may be put in the place of calls. None are if nobody says.
    pub feedback: Option<&'a dyn Feedback>,
    /// Whether the body was validated before.
    pub is_valid: bool,
    /// Says true when the unit need not be finished. Asked between passes.
    pub stop: &'a dyn Fn() -> bool,
    /// Told when a phase begins, and so when the one before ends: for figures and traces.
    pub phase: &'a mut dyn FnMut(Phase),
}

/// What a unit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It validates the body.
    Validate,
    /// It makes code, validating at the same time if it has not yet.
    Compile,
}

/// Memory of one worker for one compiler, opaque to the service.
pub struct Scratch(Box<dyn Any + Send>);

impl Scratch {
    /// Wraps a compiler's own scratch.
    pub fn new<T: Any + Send>(scratch: T) -> Self {
        Scratch(Box::new(scratch))
    }

    /// The compiler's own scratch, if it is of this type.
    pub fn get_mut<T: Any + Send>(&mut self) -> Option<&mut T> {
        self.0.downcast_mut()
    }
}

/// Why a unit gave no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitError {
    /// The function is malformed, invalid or beyond a limit: the module does not compile.
    Module(CompileError),
    /// This tier does not take the function, with the reason; another may.
    TierUnable(String),
    /// `stop` said so.
    Stopped,
}

impl From<CompileError> for UnitError {
    fn from(error: CompileError) -> Self {
        UnitError::Module(error)
    }
}
