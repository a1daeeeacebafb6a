//! A bar on the terminal while a module compiles for long.
//!
//! It is drawn on standard error, if that is a terminal and the work takes longer than [`DELAY`]; it is gone when the work is done. What is written
//! to files and pipes does not change by it.

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use deltic::{CompileProgress, Module, SharedBytes, WasmEngine};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::Exit;
use crate::load;

/// Work that is done sooner needs no bar.
const DELAY: Duration = Duration::from_millis(500);

/// Compiles a module, and shows how far that is.
pub fn module(engine: &WasmEngine, path: &Path, bytes: SharedBytes) -> Result<Module, Exit> {
    if !std::io::stderr().is_terminal() {
        return load::module(engine, path, bytes);
    }
    let mut bar = Bar::new(ProgressDrawTarget::stderr());
    let compiling = Module::compile_async(engine, bytes).on_progress(move |progress| bar.show(progress));
    compiling.wait().map_err(|error| Exit::file(path, error))
}

/// Drawn when its time has come.
struct Bar {
    begun: Instant,
    target: Option<ProgressDrawTarget>,
    bar: Option<ProgressBar>,
}

impl Bar {
    fn new(target: ProgressDrawTarget) -> Bar {
        Bar { begun: Instant::now(), target: Some(target), bar: None }
    }

    fn show(&mut self, progress: CompileProgress) {
        if self.begun.elapsed() < DELAY {
            return;
        }
        if let Some(target) = self.target.take() {
            let bar = ProgressBar::with_draw_target(Some(progress.total as u64), target);
            if let Ok(style) = ProgressStyle::with_template("compiling {wide_bar} {pos} of {len} functions, {eta} left") {
                bar.set_style(style);
            }
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(progress.done as u64);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
