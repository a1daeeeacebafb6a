//! Warm-up: functions are compiled in the background before anybody calls them, or better than they are.
//!
//! *Problem.* A lazy module compiles at the first call, which waits, and finds out by running what is worth better code. A host often knows
//! before. *Idea.* A list of functions with a tier, in the order that the host gives, from which background tasks take one after the
//! other. A function goes through the same [state byte](crate::compile::state) as for calls and tier-ups, so that it is compiled once, whoever is
//! first: what has the tier is passed over, what waits for a tier-up is taken out of turn, and who calls what is being compiled waits for it.
//!
//! **Invariants:** a task asks for a function and begins it in one go: nobody waits for what stands in a list. Tasks hold the job, the
//! token and the list, never the module; a list whose tasks are gone is over.

#![forbid(unsafe_code)]

use std::time::Duration;

use cranelift_entity::EntityRef;

use crate::abi::artifact::{Artifact, Entry, Tier};
use crate::base::sync::Arc;
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::{DefinedFuncIndex, FuncIndex};
use crate::code::space::CodeSpace;
use crate::codegen::compiler::UnitError;
use crate::compile::first_error::FirstError;
use crate::compile::job::CompileJob;
use crate::compile::module::Module;
use crate::compile::native_module::NativeModule;
use crate::compile::parking::Parking;
use crate::compile::runner::Runner;
use crate::compile::tier_up::Told;
use crate::compile::unit::{Unit, UnitFlags};
use crate::tasks::manager::{Outcome, Task, TaskPriority};
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::module::ExportIndex;

/// A function to warm up: by its index, imported ones counted, or by the name that it is exported by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedFunc<'a> {
    /// By index.
    Index(FuncIndex),
    /// By name.
    Export(&'a str),
}

impl From<FuncIndex> for WantedFunc<'_> {
    fn from(index: FuncIndex) -> Self {
        WantedFunc::Index(index)
    }
}

impl<'a> From<&'a str> for WantedFunc<'a> {
    fn from(name: &'a str) -> Self {
        WantedFunc::Export(name)
    }
}

/// There is no such function to compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownFunc {
    /// The module has fewer functions.
    #[error("the module has no function {0}")]
    Index(u32),
    /// It exports no function of this name.
    #[error("the module exports no function \"{0}\"")]
    Export(String),
}

/// Functions on their way, see [`Module::warm_up`]. Dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct WarmUp(Arc<List>);

#[derive(Debug)]
struct List {
    funcs: Vec<(DefinedFuncIndex, Tier)>,
    /// Position of the next.
    next: AtomicUsize,
    /// Functions that are not done with.
    left: AtomicUsize,
    /// Tasks that are posted or run.
    tasks: AtomicUsize,
    first_error: FirstError,
    /// Where those wait who want the end.
    parking: Parking,
}

impl List {
    fn is_over(&self) -> bool {
        // Acquire: partners of `settle` and the end of a task: who sees the end sees errors and code.
        self.left.load(Ordering::Acquire) == 0 || self.tasks.load(Ordering::Acquire) == 0
    }

    fn take(&self) -> Option<(DefinedFuncIndex, Tier)> {
        // Relaxed: each position is given out once; what is there was written before the list was shared.
        self.funcs.get(self.next.fetch_add(1, Ordering::Relaxed)).copied()
    }

    /// One function is done with.
    fn settle(&self) {
        // AcqRel: a release for `is_over`, in whatever order tasks come by.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.parking.announce();
        }
    }
}

impl WarmUp {
    /// Whether [`wait`](Self::wait) would return at once.
    pub fn is_finished(&self) -> bool {
        self.0.is_over()
    }

    /// Waits until each function has its code, or another thread is at it.
    ///
    /// # Errors
    ///
    /// That of the first function that no compiler takes; or the module or the engine has gone before all was done
    /// ([`CompileErrorKind::Cancelled`]). A function that has code and gets no better one is no error.
    pub fn wait(&self) -> Result<(), CompileError> {
        let list = &*self.0;
        while !list.is_over() {
            let epoch = list.parking.epoch();
            list.parking.park(epoch, || list.is_over());
        }
        if let Some(error) = list.first_error.get() {
            return Err(error);
        }
        // Acquire: as in `is_over`.
        if list.left.load(Ordering::Acquire) > 0 {
            return Err(CompileError::new(CompileErrorKind::Cancelled, "the module was given up", None));
        }
        Ok(())
    }
}

impl Module {
    /// Has functions compiled in the background now, in this order: for memories as instances of it had so far, or have by default. Returns
    /// at once; with no compile tasks (or a [choice](crate::compile::observer::TierChoice)) the caller compiles. A function that has the tier
    /// already, or a better one, is passed over, as are those that are imported. An engine with [one tier](crate::compile::Config::with_tier)
    /// uses that.
    ///
    /// # Errors
    ///
    /// A function is not there; then none is compiled.
    pub fn warm_up<'a, F: Into<WantedFunc<'a>>>(
        &self,
        funcs: impl IntoIterator<Item = F>,
        tier: Tier,
        priority: TaskPriority,
    ) -> Result<WarmUp, UnknownFunc> {
        let mut wanted = Vec::new();
        for func in funcs {
            let index = self.find_func(func.into())?;
            wanted.extend(self.decoded().defined_func(index).map(|func| (func, tier)));
        }
        Ok(self.warm_up_list(wanted, priority))
    }

    /// All functions with a body, for [`warm_up`](Self::warm_up).
    pub fn funcs(&self) -> impl Iterator<Item = FuncIndex> + '_ {
        let module = self.decoded();
        module.bodies.keys().map(|func| module.func_index(func))
    }

    /// The functions that are exported, for [`warm_up`](Self::warm_up).
    pub fn exported_funcs(&self) -> impl Iterator<Item = FuncIndex> + '_ {
        self.decoded().exports.iter().filter_map(|export| match export.index {
            ExportIndex::Func(func) => Some(func),
            _ => None,
        })
    }

    fn find_func(&self, func: WantedFunc<'_>) -> Result<FuncIndex, UnknownFunc> {
        let module = self.decoded();
        match func {
            WantedFunc::Index(index) if index.index() < module.funcs.len() => Ok(index),
            WantedFunc::Index(index) => Err(UnknownFunc::Index(index.as_u32())),
            WantedFunc::Export(name) => match module.export(name) {
                Some(ExportIndex::Func(index)) => Ok(index),
                _ => Err(UnknownFunc::Export(name.to_owned())),
            },
        }
    }

    /// Has functions compiled in the background as the module itself says.
    pub(super) fn follow_hints(&self) {
        let (module, config) = (self.decoded(), self.engine().config());
        if !config.compilation_hints() || module.priorities().next().is_none() || self.compiles_itself() {
            return;
        }
        let hints = module.priorities();
        let mut hints: Vec<_> = hints.filter_map(|(index, hint)| Some((module.find_body(index)?, hint))).collect();
        hints.sort_by_key(|&(func, hint)| (hint.compilation, func));
        let mut wanted: Vec<(DefinedFuncIndex, Tier)> = hints.iter().map(|&(func, _)| (func, Tier::Baseline)).collect();
        // Behind all that may be called soon.
        hints.sort_by_key(|&(func, hint)| (hint.optimization, func));
        let better = hints.iter().filter(|(_, hint)| hint.optimization.is_some() && !hint.runs_once());
        wanted.extend(better.map(|&(func, _)| (func, Tier::Optimized)));
        // Nobody waits.
        let _ = self.warm_up_list(wanted, TaskPriority::Background);
    }

    fn warm_up_list(&self, mut funcs: Vec<(DefinedFuncIndex, Tier)>, priority: TaskPriority) -> WarmUp {
        let engine = self.engine();
        let shared = engine.shared();
        for (_, tier) in &mut funcs {
            *tier = engine.config().tier().unwrap_or(*tier).max(shared.first_tier()).min(shared.best_tier());
        }
        let variant = engine.default_variant();
        let task_max = engine.config().num_compilation_tasks().saturating_sub(1).max(1);
        let task_count = task_max.min(funcs.len());
        let (left, tasks) = (AtomicUsize::new(funcs.len()), AtomicUsize::new(task_count));
        let (next, first_error, parking) = (AtomicUsize::new(0), FirstError::default(), Parking::default());
        let list = Arc::new(List { funcs, next, left, tasks, first_error, parking });
        let Some(code) = self.native().variant(variant) else {
            // Nothing can be called yet: it is for who compiles the module.
            list.tasks.store(0, Ordering::Release); // partner: `is_over`
            return WarmUp(list);
        };
        if self.compiles_itself() {
            let mut runner = Runner::inlining(&code.job);
            while let (Some(func), Some(space)) = (list.take(), &code.space) {
                if let Some(record) = code.job.claim_record(func.0, func.1) {
                    code.job.settle_record(self.native(), record);
                } else if let Some(made) = code.job.warm(&mut runner, func, &|| false) {
                    let told = code.job.settle_warm(self.native(), space, made, &runner, &list);
                    code.job.tell_of(told);
                }
                list.settle();
            }
        } else {
            for _ in 0..task_count {
                let task = WarmUpTask { job: Arc::clone(&code.job), list: Arc::clone(&list) };
                // A task that cannot be posted says so as it is dropped.
                let _ = engine.poster().post(priority, Box::new(task));
            }
        }
        WarmUp(list)
    }
}

/// What a unit of a list came to.
struct Made {
    unit: Unit,
    result: Result<Artifact, UnitError>,
    cpu: Duration,
}

impl CompileJob {
    /// Compiles a function in a tier, unless it has that, or somebody is at it.
    fn warm(&self, runner: &mut Runner<'_>, (func, tier): (DefinedFuncIndex, Tier), stop: &dyn Fn() -> bool) -> Option<Made> {
        if self.states.reached(func) >= tier as u8 {
            return None;
        }
        // There is no tier above the best, so that nobody wants another of a function that is queued for it.
        let is_queued = || tier == self.shared.best_tier() && self.states.is_wanted(func, tier);
        if !(self.states.request(func, tier) || is_queued()) || !self.states.start(func) {
            return None;
        }
        let unit = Unit { func, tier, variant: self.variant, bucket: 1, flags: UnitFlags::empty() };
        let (result, cpu) = self.run_unit(runner, unit, Entry::Call, stop);
        Some(Made { unit, result, cpu })
    }

    /// Publishes what was made; gives what [`tell_of`](Self::tell_of) wants, outside of scopes.
    fn settle_warm(&self, native: &NativeModule, space: &CodeSpace, made: Made, runner: &Runner<'_>, list: &List) -> Told {
        let Made { unit, result, cpu } = made;
        let had_code = self.states.reached(unit.func) > 0;
        let error = result.as_ref().err().cloned();
        let settled = self.settle_better(native, space, (unit, Entry::Call), result, runner);
        self.parking.announce();
        if let (Err(reason), false) = (&settled, had_code) {
            let general = || CompileError::new(CompileErrorKind::Unsupported, reason.clone(), None);
            list.first_error.record(unit.func, error.map_or_else(general, |error| self.error_of(unit, error)));
        }
        Told { unit, entry: Entry::Call, settled, cpu }
    }
}

/// Compiles what a list has, one function after the other.
struct WarmUpTask {
    job: Arc<CompileJob>,
    list: Arc<List>,
}

impl Task for WarmUpTask {
    fn run(&mut self) -> Outcome {
        let (job, list) = (&*self.job, &*self.list);
        let timing = &job.shared.timing;
        let deadline = timing.clock.now() + timing.slice;
        let mut runner = Runner::inlining(job);
        while let Some(wanted) = list.take() {
            if let Some(record) = job.claim_record(wanted.0, wanted.1) {
                let Some(scope) = job.token.enter() else {
                    job.states.give_up(wanted.0);
                    job.parking.announce();
                    return Outcome::Done;
                };
                job.settle_record(scope.native_module(), record);
            } else if let Some(made) = job.warm(&mut runner, wanted, &|| job.token.stop_requested()) {
                let scope = if matches!(made.result, Err(UnitError::Stopped)) { None } else { job.token.enter() };
                let Some(scope) = scope else {
                    job.states.give_up(wanted.0);
                    job.parking.announce();
                    return Outcome::Done;
                };
                let native = scope.native_module();
                match native.variant(job.variant).and_then(|code| code.space.as_ref()) {
                    Some(space) => {
                        let told = job.settle_warm(native, space, made, &runner, list);
                        drop(scope);
                        job.tell_of(told);
                    }
                    None => job.states.give_up(wanted.0),
                }
            }
            list.settle();
            if job.token.stop_requested() {
                return Outcome::Done;
            }
            if timing.clock.now() >= deadline {
                return Outcome::Again;
            }
        }
        Outcome::Done
    }
}

impl Drop for WarmUpTask {
    /// The end of a task, run or not.
    fn drop(&mut self) {
        // AcqRel: as in `List::settle`.
        if self.list.tasks.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.list.parking.announce();
        }
    }
}
