//! Cranelift's passes, with a look at the stop flag in front of each.
//!
//! *Problem.* Cranelift compiles a function in one call, which takes seconds for the largest that we give it; the passes that take longest, lowering,
//! register allocation and emission, are behind one function of its interface. *Idea.* Cranelift tells a profiler of the thread when a pass begins.
//! Ours asks whether to stop, and if so unwinds to here, as by a panic that nobody is told of.
//!
//! **Invariants:** nothing that a pass has left half done is used again: the context is thrown away. The profiler of the host's thread is in its place
//! again when we return, however we do. Where the program is built to abort at panics nothing is unwound, and a function is compiled to its end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::timing::{Pass, Profiler, set_thread_profiler};
use cranelift_codegen::{CodegenResult, CompiledCode, Context};
use scoped_tls_hkt::scoped_thread_local;

use crate::codegen::compiler::UnitError;

/// Says true when the function need not be finished.
pub(super) type StopFlag<'a> = &'a (dyn Fn() -> bool + 'a);

scoped_thread_local!(
    /// Of the function that this thread compiles.
    static STOP: for<'a> StopFlag<'a>
);

/// Asks whether to stop when a pass begins.
struct Polls;

/// What is thrown.
struct Stopped;

impl Profiler for Polls {
    fn start_pass(&self, _pass: Pass) -> Box<dyn Any> {
        if cfg!(panic = "unwind") && STOP.is_set() && STOP.with(|stop| stop()) {
            // No panic of its own: the hook for panics is not called.
            resume_unwind(Box::new(Stopped));
        }
        Box::new(())
    }
}

/// Has the thread's profiler in its place again when it is dropped.
struct Restore(Option<Box<dyn Profiler>>);

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(before) = self.0.take() {
            drop(set_thread_profiler(before));
        }
    }
}

/// Compiles the function of a context, unless the flag says at the beginning of a pass that it need not be. A context whose function
/// was given up is a new one.
///
/// # Errors
///
/// [`UnitError::Stopped`]; Cranelift's are the result.
pub(super) fn compile(
    context: &mut Context,
    isa: &dyn TargetIsa,
    stop: StopFlag<'_>,
) -> Result<CodegenResult<CompiledCode>, UnitError> {
    let restore = Restore(Some(set_thread_profiler(Box::new(Polls))));
    let run = || {
        let compiled = STOP.set(stop, || context.compile_stencil(isa, &mut ControlPlane::default()));
        compiled.map(|stencil| stencil.apply_params(&context.func.params))
    };
    let result = catch_unwind(AssertUnwindSafe(run));
    drop(restore);
    result.map_err(|thrown| {
        if !thrown.is::<Stopped>() {
            resume_unwind(thrown);
        }
        *context = Context::new();
        UnitError::Stopped
    })
}
