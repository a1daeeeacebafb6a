//! A build without WebAssembly's tiers: scripts have none.

use std::time::Duration;

use crate::compile::engine::WasmEngine;
use crate::js::cx::{Completion, Cx};
use crate::shell::ShellConfig;

/// Nothing to say.
#[derive(Debug, Clone, Default)]
pub struct WasmSettings;

impl WasmSettings {
    /// Nothing is made.
    pub fn new(make: impl Fn() -> Result<WasmEngine, String> + Send + Sync + 'static) -> Self {
        let _ = make;
        WasmSettings
    }
}

#[allow(clippy::unnecessary_wraps, reason = "as where there is something to do")]
pub(super) fn install(_: &mut Cx<'_>, _: &ShellConfig) -> Completion<()> {
    Ok(())
}

pub(super) fn has_pending(_: &mut Cx<'_>) -> bool {
    false
}

#[allow(clippy::unnecessary_wraps, reason = "as where there is something to do")]
pub(super) fn run_ready(_: &mut Cx<'_>) -> Completion<bool> {
    Ok(false)
}

pub(super) fn wait(_: &mut Cx<'_>, at_most: Duration) {
    crate::base::sync::thread::sleep(at_most);
}
