//! `deltic test262`.

use std::fmt::Write as _;
use std::io::Write;

use deltic::test262::{Settings, expected, run};

use crate::args::Test262Args;
use crate::exit::Exit;

/// Runs the language's conformance suite; the last line sums up.
pub fn test262(args: &Test262Args) -> Result<(), Exit> {
    let out = |text: &str| {
        std::io::stdout().write_all(text.as_bytes()).map_err(|error| Exit::failure(format_args!("standard output: {error}")))
    };
    if !args.suite.is_dir() {
        return out(&format!("{}: the suite is not there\n0 passed, 0 failed, 0 skipped\n", args.suite.display()));
    }
    let known = match &args.expected {
        Some(path) => expected(&std::fs::read_to_string(path).map_err(|error| Exit::file(path, error))?),
        None => Default::default(),
    };
    let settings = Settings {
        jobs: args.jobs,
        timeout: args.timeout.unwrap_or(Settings::default().timeout),
        filter: args.filter.clone(),
        sample: args.sample.map(|count| (count, args.seed)),
        gc_stress: args.gc_stress,
    };
    let report = run(&args.suite, &settings).map_err(Exit::failure)?;
    if let Some(path) = &args.write_failures {
        let list = report.failed.iter().fold(String::new(), |list, failure| list + &failure.path + "\n");
        std::fs::write(path, list).map_err(|error| Exit::file(path, error))?;
    }
    let mut text = String::new();
    if args.chapters {
        for (chapter, passed, failed) in report.chapters() {
            let _ = writeln!(text, "{chapter}: {passed} of {}", passed + failed);
        }
    }
    let mut surprises = 0;
    for failure in report.failed.iter().filter(|failure| !known.contains(&failure.path)) {
        surprises += 1;
        let _ = writeln!(text, "failed: {}: {}", failure.path, failure.cause.lines().next().unwrap_or_default());
    }
    for path in report.passed.iter().filter(|path| known.contains(*path)) {
        surprises += 1;
        let _ = writeln!(text, "passed, though it is expected to fail: {path}");
    }
    let _ = writeln!(text, "{} passed, {} failed, {} skipped", report.passed.len(), report.failed.len(), report.skipped);
    out(&text)?;
    if surprises == 0 { Ok(()) } else { Err(Exit::failed()) }
}
