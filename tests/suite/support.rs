//! What the tests share.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use deltic::abi::artifact::{Artifact, CodeVariant};
use deltic::base::DefinedFuncIndex;
use deltic::codegen::compiler::{Compiler, Scratch, UnitContext, UnitError};
use deltic::codegen::env::CompileEnv;
use deltic::{Config, Instance, Isolate, Linker, Module, WasmEngine};

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether the tests rewrite what they compare with.
pub fn bless() -> bool {
    ["BLESS", "DELTIC_BLESS"].iter().any(|name| std::env::var_os(name).is_some_and(|value| value == "1"))
}

/// All files below a folder with one of these extensions, in order.
pub fn files_below(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a directory entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            found.extend(files_below(&path, extensions));
        } else if path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e)) {
            found.push(path);
        }
    }
    found
}

/// A path below the checkout, with `/`.
pub fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The command, which leaves nothing in the user's cache and finds nothing there.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltic"));
    without_cache(&mut command);
    command
}

/// Has a process do without the user's cache.
pub fn without_cache(command: &mut Command) {
    command.env("HOME", "").env_remove("XDG_CACHE_HOME");
}

/// An engine that compiles where it is asked to: tests run side by side anyway.
pub fn engine() -> WasmEngine {
    engine_with(Config::default())
}

/// An engine of some configuration, without threads.
pub fn engine_with(config: Config) -> WasmEngine {
    WasmEngine::new(&config.with_num_compilation_tasks(0)).expect("an engine")
}

/// A module in the text format, compiled.
pub fn module(engine: &WasmEngine, text: &str) -> Module {
    Module::new(engine, text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// An isolate with an instance of a module without imports.
pub fn instance(text: &str) -> (Isolate, Instance) {
    instance_with(&engine(), text)
}

/// The same, on a given engine.
pub fn instance_with(engine: &WasmEngine, text: &str) -> (Isolate, Instance) {
    let module = module(engine, text);
    let mut isolate = Isolate::new(engine).expect("an isolate");
    let instance = Linker::new(engine).instantiate(&mut isolate, &module).expect("an instance");
    (isolate, instance)
}

/// Numbers that look random and are the same in every run.
pub struct Random(u64);

impl Random {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// See [`around`].
struct Around<F> {
    inner: Arc<dyn Compiler>,
    around: F,
}

/// Compiles a unit with the compiler inside.
pub type Compile<'a> = &'a mut dyn FnMut() -> Result<Artifact, UnitError>;

/// A compiler that asks a closure to compile each unit, which may leave it to the other.
pub fn around<F>(inner: impl Compiler + 'static, around: F) -> Arc<dyn Compiler>
where
    F: Fn(DefinedFuncIndex, Compile<'_>) -> Result<Artifact, UnitError> + Send + Sync + 'static,
{
    Arc::new(Around { inner: Arc::new(inner), around })
}

impl<F> fmt::Debug for Around<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Around").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<F> Compiler for Around<F>
where
    F: Fn(DefinedFuncIndex, Compile<'_>) -> Result<Artifact, UnitError> + Send + Sync,
{
    fn tier(&self) -> deltic::Tier {
        self.inner.tier()
    }

    fn new_scratch(&self) -> Scratch {
        self.inner.new_scratch()
    }

    fn compile(
        &self,
        env: &CompileEnv,
        func: DefinedFuncIndex,
        variant: CodeVariant,
        unit: &mut UnitContext<'_>,
    ) -> Result<Artifact, UnitError> {
        (self.around)(func, &mut || self.inner.compile(env, func, variant, unit))
    }
}
