//! Lazy compilation: a function is compiled when it is first called, by the thread that calls it.
//!
//! *Problem.* Of a large module most functions never run, and those that do are wanted at once. *Idea.* All bodies are validated when the module
//! is loaded, in parallel, so that a call never finds an invalid one; code is made at the first call, which comes through a
//! [thunk](crate::code::CodeSpace::thunk_func). Whoever moves the function's [state byte](crate::compile::state) from idle compiles and
//! publishes it; others who call it meanwhile park until it is there.
//!
//! A lazy job has no units: it is finished when it begins, and what it compiles later is counted in its first slot.
//!
//! **Invariants:** a function is compiled once, however many threads call it first; a unit that gave no code leaves it idle, and the
//! next call tries again and fails in the same way. Who compiles owns the module, so that no token is needed. Model: `tests/loom/lazy.rs`.

#![forbid(unsafe_code)]

use cranelift_entity::EntityRef;

use crate::abi::artifact::{CodeVariant, Entry, Tier};
use crate::base::{DefinedFuncIndex, trace};
use crate::code::CodeError;
use crate::codegen::compiler::UnitError;
use crate::compile::job::CompileJob;
use crate::compile::module::Module;
use crate::compile::native_module::NativeModule;
use crate::compile::parking::Parking;
use crate::compile::refusal;
use crate::compile::runner::Runner;
use crate::compile::state::UnitStates;
use crate::compile::unit::{Unit, UnitFlags};
use crate::wasm::error::{CompileError, CompileErrorKind};

/// Whether a function is there, or the caller must make it: then it is the caller's alone until it is
/// [finished](UnitStates::finish) or [given up](UnitStates::give_up), which must be announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Claim {
    /// It has code.
    Present,
    /// The caller compiles it.
    Claimed,
}

/// Claims a function, or waits until it is there.
pub fn claim(states: &UnitStates, parking: &Parking, func: DefinedFuncIndex, tier: Tier) -> Claim {
    loop {
        let epoch = parking.epoch();
        if states.reached(func) != 0 {
            return Claim::Present;
        }
        if states.request(func, tier) && states.start(func) {
            return Claim::Claimed;
        }
        parking.park(epoch, || false);
    }
}

impl Module {
    /// Compiles the function whose thunk pushed an address, if it has no code yet; gives the address of its code.
    ///
    /// # Errors
    ///
    /// No compiler takes it, or there is no room for its code.
    pub(crate) fn compile_called(&self, variant: CodeVariant, pushed: usize) -> Result<usize, CompileError> {
        let code = self.native().variant(variant);
        let found = code.and_then(|code| {
            let space = code.space.as_ref()?;
            Some((&code.job, space, space.thunk_func(pushed)?))
        });
        let Some((job, space, func)) = found else {
            let message = format!("a call came from {pushed:#x}, where no thunk is");
            return Err(CompileError::new(CompileErrorKind::EngineBug, message, None));
        };
        job.compile_now(self.native(), func)?;
        self.count_features();
        Ok(space.entry(func))
    }
}

impl CompileJob {
    /// Compiles a function here and now, unless another thread does or has.
    pub(super) fn compile_now(&self, native: &NativeModule, func: DefinedFuncIndex) -> Result<(), CompileError> {
        match claim(&self.states, &self.parking, func, self.tier) {
            Claim::Present => Ok(()),
            Claim::Claimed => {
                let unit = Unit { func, tier: self.tier, variant: self.variant, bucket: 0, flags: UnitFlags::empty() };
                let result = self.compile_claimed(native, unit);
                match &result {
                    Ok(tier) => self.states.finish_in(func, *tier),
                    Err(_) => self.states.give_up(func),
                }
                self.parking.announce();
                result.map(|_| ())
            }
        }
    }

    /// Gives the function code, which may be better than the unit asks for; gives the tier.
    fn compile_claimed(&self, native: &NativeModule, unit: Unit) -> Result<Tier, CompileError> {
        if let Some(record) = self.read_record(unit.func) {
            match self.publish_record(native, record) {
                Ok(tier) => return Ok(tier),
                Err(error) => tracing::warn!(target: trace::CACHE, func = ?unit.func, %error, "compiled again"),
            }
        }
        let unit = self.within_budget(unit)?;
        let clock = &self.shared.timing.clock;
        let begun = clock.thread_cpu();
        let deadline = self.unit_deadline();
        let is_late = || self.is_past(deadline);
        let Some(room) = self.wait_for_room(unit, &is_late) else { return Err(self.timeout_of(unit)) };
        let function = self.env.module.func_index(unit.func).index();
        let span =
            tracing::debug_span!(target: trace::COMPILE, "unit", function, worker = 0, tier = ?unit.tier, lazy = true).entered();
        let mut runner = Runner::new(self);
        let result = runner.run(unit, Entry::Call, &is_late);
        drop(span);
        native.features.report(runner.detected);
        let validate = runner.validate;
        drop((runner, room));
        let artifact = result.map_err(|error| match error {
            UnitError::Stopped => self.timeout_of(unit),
            error => self.error_of(unit, error),
        })?;
        let code_bytes = artifact.code.len();
        let published = native.publish(self.variant, vec![artifact]);
        let bytes = published.map_err(|error: CodeError| refusal::compile_error(&error, &self.describe(unit.func)))?;
        self.published(bytes);
        self.count_finished(&[(unit.func, unit.tier)]);
        let cpu = clock.thread_cpu().saturating_sub(begun);
        self.record(unit.func, code_bytes, cpu);
        self.spend(cpu);
        let mut stats = self.stats.workers[0].lock();
        stats.unit_count += 1;
        stats.flush_count += 1;
        *stats.cpu.of(unit.tier, Entry::Call) += cpu;
        stats.validate += validate;
        Ok(unit.tier)
    }
}
