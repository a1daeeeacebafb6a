//! The compilers that this build has.

#![forbid(unsafe_code)]

use crate::abi::cpu::CpuFeatures;
use crate::base::sync::Arc;
use crate::base::trace;
use crate::codegen::compiler::Compiler;
use crate::compile::config::EngineError;

type Compilers = Vec<Arc<dyn Compiler>>;

/// One compiler for each tier that this build has, of those that have enough in these extensions; without any said, in those of this processor.
///
/// # Errors
///
/// This processor lacks some of them, or none of the compilers has enough.
pub(super) fn built_in(features: Option<CpuFeatures>) -> Result<Compilers, EngineError> {
    let host = CpuFeatures::host();
    let features = features.unwrap_or(host);
    if let Some(name) = features.difference(host).names().next() {
        return Err(EngineError::Compiler(format!("this processor lacks {name}, which code is asked to use")));
    }
    let mut compilers = Vec::new();
    baseline::add(&mut compilers, features);
    match optimizing::add(&mut compilers, features) {
        Err(reason) if compilers.is_empty() => Err(EngineError::Compiler(reason)),
        // All is in the baseline tier then.
        Err(reason) => {
            tracing::warn!(target: trace::COMPILE, reason, "no optimizing tier");
            Ok(compilers)
        }
        Ok(()) => Ok(compilers),
    }
}

#[cfg(feature = "baseline")]
mod baseline {
    use super::{Arc, Compilers, CpuFeatures};
    use crate::codegen::baseline::Baseline;

    pub(super) fn add(compilers: &mut Compilers, features: CpuFeatures) {
        compilers.push(Arc::new(Baseline::for_processor(features)));
    }
}

#[cfg(not(feature = "baseline"))]
mod baseline {
    use super::{Compilers, CpuFeatures};

    pub(super) fn add(_: &mut Compilers, _: CpuFeatures) {}
}

#[cfg(feature = "optimizing")]
mod optimizing {
    use super::{Arc, Compilers, CpuFeatures};
    use crate::codegen::optimizing::Optimizing;

    pub(super) fn add(compilers: &mut Compilers, features: CpuFeatures) -> Result<(), String> {
        compilers.push(Arc::new(Optimizing::for_processor(features)?));
        Ok(())
    }
}

#[cfg(not(feature = "optimizing"))]
mod optimizing {
    use super::{Compilers, CpuFeatures};

    pub(super) fn add(_: &mut Compilers, _: CpuFeatures) -> Result<(), String> {
        Ok(())
    }
}
