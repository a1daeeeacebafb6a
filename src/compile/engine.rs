//! TEMP
#![allow(missing_docs)]
use crate::base::sync::Arc;
use crate::codegen::optimizing::Optimizing;
use crate::compile::config::Config;
use crate::wasm::canonical::TypeRegistry;
#[derive(Debug, Clone)]
pub struct WasmEngine(pub(crate) Arc<Inner>);
#[derive(Debug)]
pub(crate) struct Inner {
    pub config: Config,
    pub types: TypeRegistry,
    pub optimizing: Optimizing,
}
impl WasmEngine {
    pub fn new(config: &Config) -> Result<Self, String> {
        Ok(WasmEngine(Arc::new(Inner { config: config.clone(), types: TypeRegistry::default(), optimizing: Optimizing::new()? })))
    }
    pub fn config(&self) -> &Config {
        &self.0.config
    }
    pub fn types(&self) -> &TypeRegistry {
        &self.0.types
    }
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
