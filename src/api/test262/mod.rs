//! The conformance suite of the language (test262): finds its tests, runs them on several threads, and says what came of each.
//!
//! A test runs in a realm of its own, of an agent of its own, so that tests can run side by side and none sees another's traces. The
//! harness' files are compiled once for all: compiled scripts need no heap. What a test may ask of its host is in `host`; how one is
//! judged, in `scenario`.
//!
//! **Invariant:** a defect of the engine is a failure in the report, never an end of the run.

mod host;
mod metadata;
mod scenario;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::metadata::Metadata;
use self::scenario::Harness;
use crate::api::suites;
use crate::base::sync::Mutex;

/// Features that this engine does not have by decision. Tests that need one are skipped; all else that fails is a failure.
const SKIPPED_FEATURES: [&str; 4] = ["Temporal", "ShadowRealm", "Atomics.waitAsync", "Intl"];
/// Folders of the suite that are not part of the language.
const FOLDERS: [&str; 3] = ["annexB", "built-ins", "language"];

/// How the suite is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many tests run at the same time; as many as there are processors, when nothing is said.
    pub jobs: Option<usize>,
    /// How long one test may run in each mode.
    pub timeout: Duration,
    /// Only tests whose path below `test/` begins with this.
    pub filter: Option<String>,
    /// Only so many tests, drawn by a seed.
    pub sample: Option<(usize, u64)>,
    /// Collect garbage at every allocation.
    pub gc_stress: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { jobs: None, timeout: Duration::from_secs(20), filter: None, sample: None, gc_stress: false }
    }
}

/// What a run came to. A test counts once, whatever the number of modes in which it ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Tests that did what they should in all modes, by path.
    pub passed: Vec<String>,
    /// Those that did not, by path, and why.
    pub failed: Vec<Failure>,
    /// Tests of features that the engine does not have by decision.
    pub skipped: usize,
}

/// A test that failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// The path below `test/`.
    pub path: String,
    /// The mode and the cause.
    pub cause: String,
}

impl Report {
    /// Tests and failures by chapter: the first two folders of their paths.
    pub fn chapters(&self) -> Vec<(String, usize, usize)> {
        let chapter = |path: &str| path.split('/').take(2).collect::<Vec<_>>().join("/");
        let mut chapters = std::collections::BTreeMap::<String, (usize, usize)>::new();
        for path in &self.passed {
            chapters.entry(chapter(path)).or_default().0 += 1;
        }
        for failure in &self.failed {
            chapters.entry(chapter(&failure.path)).or_default().1 += 1;
        }
        chapters.into_iter().map(|(name, (passed, failed))| (name, passed, failed)).collect()
    }
}

/// Paths of the tests below a checkout of the suite, in order, after filter and sample.
///
/// # Errors
///
/// What could not be read.
pub fn tests(suite: &Path, settings: &Settings) -> Result<Vec<String>, String> {
    let root = suite.join("test");
    if !root.is_dir() || !suite.join("harness").is_dir() {
        return Err(format!("{}: no checkout of test262 (it has no folders \"test\" and \"harness\")", suite.display()));
    }
    let mut paths = Vec::new();
    for folder in FOLDERS {
        suites::walk(&root.join(folder), &|path| path.extension().is_some_and(|extension| extension == "js"), &mut paths)?;
    }
    let below = |path: PathBuf| path.strip_prefix(&root).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let mut tests: Vec<String> = paths.into_iter().map(below).collect();
    tests.retain(|path| {
        !path.contains("_FIXTURE") && settings.filter.as_ref().is_none_or(|filter| path.starts_with(filter.as_str()))
    });
    if let Some((count, seed)) = settings.sample {
        let rank = |path: &String| {
            let hash = blake3::hash(format!("{seed} {path}").as_bytes());
            u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap_or_default())
        };
        tests.sort_by_cached_key(rank);
        tests.truncate(count);
    }
    tests.sort();
    Ok(tests)
}

/// What became of one test.
enum Verdict {
    Passed,
    Failed(String),
    Skipped,
}

/// Runs tests of a checkout of the suite.
///
/// # Errors
///
/// What could not be read.
pub fn run(suite: &Path, settings: &Settings) -> Result<Report, String> {
    let tests = tests(suite, settings)?;
    let harness = Harness::new(suite.join("harness"));
    let report = Mutex::new(Report::default());
    suites::for_each(&tests, settings.jobs, |path| {
        let verdict = run_one(suite, path, settings, &harness);
        let mut report = report.lock();
        match verdict {
            Verdict::Passed => report.passed.push(path.clone()),
            Verdict::Failed(cause) => report.failed.push(Failure { path: path.clone(), cause }),
            Verdict::Skipped => report.skipped += 1,
        }
    });
    let mut report = report.into_inner();
    report.passed.sort();
    report.failed.sort();
    Ok(report)
}

fn run_one(suite: &Path, path: &str, settings: &Settings, harness: &Harness) -> Verdict {
    let file = suite.join("test").join(path);
    let source = match std::fs::read_to_string(&file) {
        Ok(source) => source,
        Err(error) => return Verdict::Failed(format!("cannot be read: {error}")),
    };
    let metadata = Metadata::read(&source);
    let needs =
        |feature: &str| metadata.features.iter().any(|other| other == feature || other.starts_with(&format!("{feature}.")));
    let is_skipped =
        SKIPPED_FEATURES.iter().any(|feature| needs(feature)) || metadata.includes.iter().any(|file| file == "atomicsHelper.js");
    if is_skipped {
        return Verdict::Skipped;
    }
    match harness.run(&file, &source, &metadata, settings) {
        Ok(()) => Verdict::Passed,
        Err(cause) => Verdict::Failed(cause),
    }
}

/// A list of expected failures: a path a line; `#` begins a comment.
pub fn expected(list: &str) -> BTreeSet<String> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}
