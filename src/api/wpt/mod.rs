//! The conformance suite of the WebAssembly JavaScript API: the files `test/js-api/**/*.any.js` of the repository WebAssembly/spec, which are written for
//! web-platform-tests. Each runs in a shell of its own, behind the harness and the scripts that it names.
//!
//! **Invariant:** a defect of the engine is a failure in the report, never an end of the run; a file that does not come to its end has failed as a whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::api::suites;
use crate::base::sync::Mutex;
use crate::shell::{Shell, ShellConfig};

/// How many times as long a file may run that says so.
const LONG: u32 = 10;
/// What comes before the harness.
const BEFORE: &str = "globalThis.self = globalThis; globalThis.GLOBAL = { isShadowRealm: () => false, isWindow: () => false, isWorker: () => false };";
/// What comes behind it, and what it leaves: a line of JSON for each subtest.
const BEHIND: &str = "globalThis.__report = null; add_completion_callback((tests, status) => { \
    __report = tests.map(test => [test.name, test.status, String(test.message)]); \
    if (status.status !== 0) __report.push(['(the whole file)', 1, String(status.message)]); });";
const RESULT: &str = "JSON.stringify(__report)";

/// How the suite is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Only files whose path has this in it.
    pub filter: Option<String>,
    /// How long one file may run.
    pub timeout: Duration,
    /// Collect garbage at every allocation.
    pub gc_stress: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { filter: None, timeout: Duration::from_secs(60), gc_stress: false }
    }
}

/// What a run came to. Subtests are named by their file and their own name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Those that did what they should.
    pub passed: Vec<String>,
    /// Those that did not, and why.
    pub failed: Vec<(String, String)>,
    /// Those that found that they do not apply.
    pub skipped: usize,
}

/// Runs the files of a folder.
///
/// # Errors
///
/// What could not be read.
pub fn run(suite: &Path, settings: &Settings) -> Result<Report, String> {
    let suite = &suite.canonicalize().map_err(|error| format!("cannot read {}: {error}", suite.display()))?;
    let mut files = Vec::new();
    suites::walk(suite, &|path| path.to_string_lossy().ends_with(".any.js"), &mut files)?;
    let below = |path: &PathBuf| path.strip_prefix(suite).unwrap_or(path).to_string_lossy().into_owned();
    let mut files: Vec<String> = files.iter().map(below).collect();
    files.retain(|path| settings.filter.as_ref().is_none_or(|filter| path.contains(filter.as_str())));
    files.sort();
    let harness = suite.parent().unwrap_or(suite).join("harness/testharness.js");
    let harness = read(&harness)?;
    let report = Mutex::new(Report::default());
    suites::for_each(&files, None, |path| {
        let result = run_one(suite, path, &harness, settings);
        let mut report = report.lock();
        match result {
            Ok(subtests) => subtests.into_iter().for_each(|subtest| report.add(path, subtest)),
            Err(cause) => report.failed.push((format!("{path}: (the whole file)"), cause)),
        }
    });
    let mut report = report.into_inner();
    report.passed.sort();
    report.failed.sort();
    Ok(report)
}

/// Name, status and message of a subtest.
type Subtest = (String, u64, String);

impl Report {
    fn add(&mut self, path: &str, (name, status, message): Subtest) {
        let name = format!("{path}: {}", name.escape_default());
        match status {
            0 => self.passed.push(name),
            // PRECONDITION_FAILED
            4 => self.skipped += 1,
            _ => self.failed.push((name, message)),
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// The scripts that a test names in its first lines.
fn scripts(suite: &Path, file: &Path, source: &str) -> Vec<PathBuf> {
    let lines = source.lines().take_while(|line| line.starts_with("//"));
    let named = lines.filter_map(|line| line.strip_prefix("// META: script="));
    let place = |name: &str| match name.strip_prefix("/wasm/jsapi/") {
        Some(name) => suite.join(name),
        None => file.parent().unwrap_or(suite).join(name),
    };
    named.map(|name| place(name.trim())).collect()
}

fn run_one(suite: &Path, path: &str, harness: &str, settings: &Settings) -> Result<Vec<Subtest>, String> {
    let file = suite.join(path);
    let source = read(&file)?;
    let mut texts = vec![("before".to_owned(), BEFORE.to_owned()), ("testharness.js".to_owned(), harness.to_owned())];
    texts.push(("behind".to_owned(), BEHIND.to_owned()));
    for script in scripts(suite, &file, &source) {
        texts.push((script.to_string_lossy().into_owned(), read(&script)?));
    }
    texts.push((path.to_owned(), source));
    let is_long = texts.last().is_some_and(|(_, source)| source.contains("// META: timeout=long"));
    let timeout = if is_long { settings.timeout * LONG } else { settings.timeout };
    let config = ShellConfig { timeout: Some(timeout), gc_stress: settings.gc_stress, ..ShellConfig::default() };
    let mut shell = Shell::new(&config).map_err(|error| error.to_string())?;
    let report = shell.run_scripts(&texts, RESULT).map_err(|error| error.to_string())?;
    parse(&report).ok_or_else(|| "the harness did not come to its end".to_owned())
}

fn parse(report: &str) -> Option<Vec<Subtest>> {
    let report: serde_json::Value = serde_json::from_str(report).ok()?;
    let subtest = |entry: &serde_json::Value| {
        let text = |nth: usize| entry.get(nth)?.as_str().map(str::to_owned);
        Some((text(0)?, entry.get(1)?.as_u64()?, text(2)?))
    };
    report.as_array()?.iter().map(subtest).collect()
}
