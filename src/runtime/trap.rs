//! Traps as Rust sees them.

use std::any::Any;
use std::error::Error;
use std::fmt;

use crate::abi::trap::TrapCode;
use crate::base::FuncIndex;
use crate::runtime::error::CallError;
use crate::runtime::value::ExnRef;

/// An error that a host function returned.
pub type HostError = Box<dyn Error + Send + Sync + 'static>;

/// Why a guest stopped, and where: the innermost frame first.
pub struct Trap(Box<Inner>);

struct Inner {
    code: TrapCode,
    frames: Vec<Frame>,
    host_error: Option<HostError>,
    exception: Option<ExnRef>,
}

/// A guest frame of a backtrace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Name of the module, where it has one.
    pub module_name: Option<String>,
    /// Which function.
    pub func_index: FuncIndex,
    /// Name of the function, where the module names it.
    pub func_name: Option<String>,
    /// Byte offset in the module of the instruction, where it is known.
    pub wasm_offset: Option<usize>,
}

impl Trap {
    pub(crate) fn new(code: TrapCode, frames: Vec<Frame>) -> Self {
        Trap(Box::new(Inner { code, frames, host_error: None, exception: None }))
    }

    /// An exception that no guest caught. One that came from another guest through a host function keeps the frames from there.
    pub(crate) fn from_exception(exception: ExnRef, carrier: Option<HostError>, frames: Vec<Frame>) -> Self {
        let carried = carrier.and_then(|error| match error.downcast::<Trap>() {
            Ok(trap) => Some(trap.0.frames),
            Err(error) => match error.downcast::<CallError>().map(|error| *error) {
                Ok(CallError::Trap(trap)) => Some(trap.0.frames),
                _ => None,
            },
        });
        let (code, frames) = (TrapCode::UncaughtException, carried.unwrap_or(frames));
        Trap(Box::new(Inner { code, frames, host_error: None, exception: Some(exception) }))
    }

    pub(crate) fn from_host(error: HostError, frames: Vec<Frame>) -> Self {
        // A guest's trap that travels through a host function stays what it is: its frames are complete.
        let error = match error.downcast::<CallError>().map(|error| *error) {
            Ok(CallError::Trap(trap)) => return trap,
            Ok(error) => error.into(),
            Err(error) => error,
        };
        match error.downcast::<Trap>() {
            Ok(trap) => *trap,
            Err(error) => Trap(Box::new(Inner { code: TrapCode::HostError, frames, host_error: Some(error), exception: None })),
        }
    }

    /// Why the guest stopped.
    pub fn code(&self) -> TrapCode {
        self.0.code
    }

    /// The guest's frames, innermost first. Very deep stacks are cut.
    pub fn frames(&self) -> &[Frame] {
        &self.0.frames
    }

    /// The host function's error, when that is why.
    pub fn host_error(&self) -> Option<&HostError> {
        self.0.host_error.as_ref()
    }

    /// The exception that no guest caught, when that is why. It is a handle of the isolate that was called: a host function that
    /// returns this error throws the exception again.
    pub fn exception(&self) -> Option<ExnRef> {
        self.0.exception
    }

    /// The host function's error, if it is of this type.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.host_error.as_ref().and_then(|error| error.downcast_ref())
    }
}

impl fmt::Debug for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trap")
            .field("code", &self.0.code)
            .field("frames", &self.0.frames)
            .field("host_error", &self.0.host_error)
            .field("exception", &self.0.exception)
            .finish()
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.host_error {
            Some(error) => write!(f, "{error}")?,
            None if self.0.exception.is_some() => f.write_str(self.0.code.message())?,
            None => write!(f, "trap: {}", self.0.code.message())?,
        }
        for (depth, frame) in self.0.frames.iter().enumerate() {
            write!(f, "\n  {depth}: {frame}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let module = self.module_name.as_deref().unwrap_or("<module>");
        match &self.func_name {
            Some(name) => write!(f, "{module}!{name}")?,
            None => write!(f, "{module}!func[{}]", self.func_index.as_u32())?,
        }
        match self.wasm_offset {
            Some(offset) => write!(f, " at {offset:#x}"),
            None => Ok(()),
        }
    }
}

impl Error for Trap {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.host_error.as_deref().map(|error| -> &(dyn Error + 'static) { error })
    }
}

/// What ended an activation other than its return.
pub(crate) enum Raised {
    /// The fault handler or a builtin, by code.
    Code(TrapCode),
    /// A host function's error.
    Host(HostError),
    /// The exception of the store, and the host function's error that it came in.
    Exception(Option<HostError>),
    /// A host function's panic, to be resumed where the activation was entered.
    Panic(Box<dyn Any + Send>),
}
