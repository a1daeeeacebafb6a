//! `deltic wpt`.

use std::fmt::Write as _;
use std::io::Write;

use deltic::wpt::{Settings, run};

use crate::args::WptArgs;
use crate::exit::Exit;

/// Runs the conformance suite of the WebAssembly JavaScript API; the last line sums up.
pub fn wpt(args: &WptArgs) -> Result<(), Exit> {
    let out = |text: &str| {
        std::io::stdout().write_all(text.as_bytes()).map_err(|error| Exit::failure(format_args!("standard output: {error}")))
    };
    if !args.suite.is_dir() {
        return out(&format!("{}: the suite is not there\n0 passed, 0 failed, 0 skipped\n", args.suite.display()));
    }
    let known = match &args.expected {
        Some(path) => deltic::test262::expected(&std::fs::read_to_string(path).map_err(|error| Exit::file(path, error))?),
        None => Default::default(),
    };
    let settings = Settings {
        filter: args.filter.clone(),
        timeout: args.timeout.unwrap_or(Settings::default().timeout),
        gc_stress: args.gc_stress,
    };
    let report = run(&args.suite, &settings).map_err(Exit::failure)?;
    if let Some(path) = &args.write_failures {
        let list = report.failed.iter().fold(String::new(), |list, (name, _)| list + name + "\n");
        std::fs::write(path, list).map_err(|error| Exit::file(path, error))?;
    }
    let mut text = String::new();
    let mut surprises = 0;
    for (name, cause) in report.failed.iter().filter(|(name, _)| !known.contains(name)) {
        surprises += 1;
        let _ = writeln!(text, "failed: {name}: {}", cause.lines().next().unwrap_or_default());
    }
    for name in report.passed.iter().filter(|name| known.contains(*name)) {
        surprises += 1;
        let _ = writeln!(text, "passed, though it is expected to fail: {name}");
    }
    let _ = writeln!(text, "{} passed, {} failed, {} skipped", report.passed.len(), report.failed.len(), report.skipped);
    out(&text)?;
    if surprises == 0 { Ok(()) } else { Err(Exit::failed()) }
}
