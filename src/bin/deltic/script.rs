//! `deltic run` of a script or an ES module.

use std::path::Path;

use deltic::WasmEngine;
use deltic::shell::{Shell, ShellConfig, ShellError, WasmSettings};

use crate::args::RunArgs;
use crate::exit::Exit;
use crate::{cache, load};

/// Whether a file is one, by its ending.
pub fn is_script(path: &Path) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| matches!(extension, "js" | "mjs" | "cjs"))
}

/// Runs it to the end of its event loop.
pub fn run(args: &RunArgs) -> Result<(), Exit> {
    // Most scripts need no engine.
    let engine_args = args.engine.clone();
    let make = move || {
        let config = load::config(&engine_args).map_err(Exit::into_message)?;
        let config = match cache::open(engine_args.cache.as_deref()) {
            Some(cache) => config.with_code_cache(cache),
            None => config,
        };
        WasmEngine::new(&config).map_err(|error| error.to_string())
    };
    let config = ShellConfig {
        args: args.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect(),
        max_memory: args.max_memory,
        timeout: args.timeout,
        gc_stress: args.engine.gc_stress,
        wasm: WasmSettings::new(make),
    };
    let mut shell = Shell::new(&config).map_err(|error| Exit::file(&args.file, error))?;
    let result = shell.run_file(&args.file);
    // The process ends, and the heap with it.
    std::mem::forget(shell);
    match result {
        Ok(0) => Ok(()),
        Ok(status) => Err(Exit::guest(status.cast_unsigned())),
        Err(ShellError::TimedOut) => Err(Exit::spent(&args.file)),
        Err(error @ (ShellError::Syntax(_) | ShellError::Uncaught(_))) => Err(Exit::uncaught(error)),
        Err(error) => Err(Exit::file(&args.file, error)),
    }
}
