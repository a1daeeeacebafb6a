//! Spec scripts (`.wast`): the directives of the specification's test suite, run on this engine.
//!
//! Problem: one suite, many modes. A runner holds engines in one mode; each script gets an isolate of its own, so that scripts
//! can run side by side and none sees another's instances. So has each of a script's threads, with which it shares memories only.
//!
//! What is compared: results bit for bit or by the script's pattern, the *kind* of trap, and for bad modules that they are refused
//! (error texts differ between engines and are ignored). Which proposals are on follows from the script's folder, as the suite has
//! it: a proposal's scripts expect that other proposals do not exist yet.
//!
//! **Invariant:** a defect of the engine is a failure in the report, never an end of the run.

mod compile;
mod features;
mod script;
mod spectest;
mod threads;
mod value;

use std::time::Duration;

use wasmparser::WasmFeatures;

use self::script::Context;
use crate::api::{AsyncYield, Config, EngineError, WasmEngine};
use crate::base::sync::Mutex;

/// How scripts are run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The engine's configuration.
    pub config: Config,
    /// How long one script may run.
    pub timeout: Duration,
    /// How much fuel one script has, where the configuration's code counts it; all that there is, when nothing is said.
    pub fuel: Option<u64>,
    /// Whether each module is written as bytes, and loaded from them, before it is used.
    pub reload: bool,
    /// Modules come as streams, so many bytes at a time; whole, when nothing is said.
    pub chunk_bytes: Option<usize>,
    /// Has all calls be asynchronous, and yield so.
    pub async_yield: Option<AsyncYield>,
}

impl Default for Settings {
    fn default() -> Self {
        let (config, timeout) = (Config::default(), Duration::from_secs(120));
        Settings { config, timeout, fuel: None, reload: false, chunk_bytes: None, async_yield: None }
    }
}

/// What a script, or several, came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Directives that did what the script says.
    pub passed: usize,
    /// Directives that did not.
    pub failed: Vec<Failure>,
    /// Directives that this engine has no notion of.
    pub skipped: usize,
}

/// A directive that did not do what the script says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The script.
    pub file: String,
    /// The directive's line, from 1.
    pub line: usize,
    /// What happened.
    pub message: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl Report {
    /// Adds another report to this one.
    pub fn merge(&mut self, other: Report) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped += other.skipped;
    }
}

/// Runs scripts, all in one mode.
#[derive(Debug)]
pub struct Runner {
    settings: Settings,
    /// One engine for each set of features that a script has asked for.
    engines: Mutex<Vec<(WasmFeatures, WasmEngine)>>,
}

impl Runner {
    /// A runner. Engines are made when a script needs them.
    pub fn new(settings: &Settings) -> Runner {
        Runner { settings: settings.clone(), engines: Mutex::default() }
    }

    /// Runs a script. Its path is for messages, and its folder says which proposals are on.
    pub fn run_script(&self, path: &str, source: &str) -> Report {
        let features = features::features_of(path);
        match self.engine(features) {
            Ok(engine) => script::run(&Context { engine: &engine, features, settings: &self.settings, path, source }),
            Err(error) => {
                let failure = Failure { file: path.to_owned(), line: 1, message: format!("no engine: {error}") };
                Report { failed: vec![failure], ..Report::default() }
            }
        }
    }

    fn engine(&self, features: WasmFeatures) -> Result<WasmEngine, EngineError> {
        let mut engines = self.engines.lock();
        if let Some((_, engine)) = engines.iter().find(|(known, _)| *known == features) {
            return Ok(engine.clone());
        }
        let engine = WasmEngine::new(&self.settings.config.clone().with_features(features))?;
        engines.push((features, engine.clone()));
        Ok(engine)
    }
}
