//! The compilers that this build has.

#![forbid(unsafe_code)]

use crate::base::sync::Arc;
use crate::codegen::compiler::Compiler;
use crate::compile::config::EngineError;

type Compilers = Vec<Arc<dyn Compiler>>;

/// One compiler for each tier that this build has.
pub(super) fn built_in() -> Result<Compilers, EngineError> {
    let mut compilers = Vec::new();
    baseline::add(&mut compilers);
    optimizing::add(&mut compilers)?;
    Ok(compilers)
}

#[cfg(feature = "baseline")]
mod baseline {
    use super::{Arc, Compilers};
    use crate::codegen::baseline::Baseline;

    pub(super) fn add(compilers: &mut Compilers) {
        compilers.push(Arc::new(Baseline::new()));
    }
}

#[cfg(not(feature = "baseline"))]
mod baseline {
    use super::Compilers;

    pub(super) fn add(_: &mut Compilers) {}
}

#[cfg(feature = "optimizing")]
mod optimizing {
    use super::{Arc, Compilers, EngineError};
    use crate::codegen::optimizing::Optimizing;

    pub(super) fn add(compilers: &mut Compilers) -> Result<(), EngineError> {
        compilers.push(Arc::new(Optimizing::new().map_err(EngineError::Compiler)?));
        Ok(())
    }
}

#[cfg(not(feature = "optimizing"))]
mod optimizing {
    use super::{Compilers, EngineError};

    pub(super) fn add(_: &mut Compilers) -> Result<(), EngineError> {
        Ok(())
    }
}
