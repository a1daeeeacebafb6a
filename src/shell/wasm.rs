//! `WebAssembly` for scripts.

use std::time::Duration;

use crate::base::sync::Arc;
use crate::bridge;
use crate::compile::config::Config;
use crate::compile::engine::WasmEngine;
use crate::js::cx::{Completion, Cx};
use crate::shell::ShellConfig;

/// How the engine is made, if a script needs one.
#[derive(Clone)]
pub struct WasmSettings(Arc<dyn Fn() -> Result<WasmEngine, String> + Send + Sync>);

impl WasmSettings {
    /// The engine is made by this, when a script first uses it.
    pub fn new(make: impl Fn() -> Result<WasmEngine, String> + Send + Sync + 'static) -> Self {
        WasmSettings(Arc::new(make))
    }
}

impl Default for WasmSettings {
    fn default() -> Self {
        WasmSettings::new(|| WasmEngine::new(&Config::default()).map_err(|error| error.to_string()))
    }
}

impl std::fmt::Debug for WasmSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasmSettings").finish_non_exhaustive()
    }
}

pub(super) fn install(cx: &mut Cx<'_>, config: &ShellConfig) -> Completion<()> {
    let make = Arc::clone(&config.wasm.0);
    bridge::install(cx, Box::new(move || make()))
}

/// Whether something is under way in the background.
pub(super) fn has_pending(cx: &mut Cx<'_>) -> bool {
    bridge::has_pending(cx)
}

/// Settles what is ready.
pub(super) fn run_ready(cx: &mut Cx<'_>) -> Completion<bool> {
    bridge::run_ready(cx)
}

/// Waits for background work, so long at most.
pub(super) fn wait(cx: &mut Cx<'_>, at_most: Duration) {
    bridge::wait(cx, at_most);
}
