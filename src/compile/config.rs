//! TEMP
#![allow(missing_docs)]
use crate::codegen::env::CodeSettings;
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) settings: CodeSettings,
    pub(crate) guards: bool,
    pub(crate) stack: usize,
}
impl Default for Config {
    fn default() -> Self {
        Config { settings: CodeSettings::default(), guards: true, stack: crate::base::tuning::MAX_WASM_STACK_BYTES }
    }
}
impl Config {
    pub fn max_wasm_stack_bytes_value(&self) -> usize {
        self.stack
    }
    pub fn memory_guards_value(&self) -> bool {
        self.guards
    }
    pub fn memory_guards(&mut self, on: bool) -> &mut Self {
        self.guards = on;
        self
    }
    pub fn fuel(&mut self, on: bool) -> &mut Self {
        self.settings.fuel = on;
        self
    }
}
