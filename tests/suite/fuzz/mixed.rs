//! Frames of both tiers on one stack: a baseline tier that leaves some functions to the other, and tells which it did not take itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use deltic::abi::artifact::{Artifact, CodeVariant};
use deltic::base::DefinedFuncIndex;
use deltic::codegen::baseline::Baseline;
use deltic::codegen::compiler::{Compiler, Scratch, UnitContext, UnitError};
use deltic::codegen::env::CompileEnv;
use deltic::codegen::optimizing::Optimizing;
use deltic::{Config, Tier, WasmEngine};

/// How often the baseline tier said that it does not take a function, by reason.
pub type Refusals = Arc<Mutex<BTreeMap<String, usize>>>;

/// The baseline tier for some functions.
#[derive(Debug)]
struct Some {
    baseline: Baseline,
    takes: fn(usize) -> bool,
    refusals: Refusals,
}

impl Compiler for Some {
    fn tier(&self) -> Tier {
        Tier::Baseline
    }

    fn new_scratch(&self) -> Scratch {
        self.baseline.new_scratch()
    }

    fn compile(
        &self,
        env: &CompileEnv,
        func: DefinedFuncIndex,
        variant: CodeVariant,
        unit: &mut UnitContext<'_>,
    ) -> Result<Artifact, UnitError> {
        if !(self.takes)(func.as_u32() as usize) {
            return Err(UnitError::TierUnable("not asked for".into()));
        }
        let result = self.baseline.compile(env, func, variant, unit);
        if let Err(UnitError::TierUnable(reason)) = &result {
            *self.refusals.lock().expect("nobody panics here").entry(reason.clone()).or_default() += 1;
        }
        result
    }
}

/// An engine without threads whose baseline tier takes the functions, by index, that are asked for.
pub fn engine(config: &Config, takes: fn(usize) -> bool) -> (WasmEngine, Refusals) {
    let config = config.clone().with_num_compilation_tasks(0).with_tier(Tier::Baseline);
    let refusals = Refusals::default();
    let some = Some { baseline: Baseline::new(), takes, refusals: Arc::clone(&refusals) };
    let compilers: Vec<Arc<dyn Compiler>> = vec![Arc::new(some), Arc::new(Optimizing::new().expect("this machine is supported"))];
    (WasmEngine::with_compilers(&config, compilers).expect("an engine"), refusals)
}
