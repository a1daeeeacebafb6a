//! `deltic wast`.

use std::io::Write;
use std::path::{Path, PathBuf};

use deltic::wast::{Failure, Report, Runner, Settings};

use crate::args::WastArgs;
use crate::exit::Exit;
use crate::load;

/// Runs scripts in order; the last line sums up.
pub fn wast(args: &WastArgs) -> Result<(), Exit> {
    let settings = Settings { config: load::config(&args.engine)?, fuel: args.engine.fuel, ..Settings::default() };
    let runner = Runner::new(&settings);
    let known = args.known.as_deref().map(Known::read).transpose()?.unwrap_or_default();
    let mut total = Report::default();
    for path in scripts(&args.files)? {
        let source = std::fs::read_to_string(&path);
        let source = source.map_err(|error| Exit::failure(format_args!("cannot read {}: {error}", path.display())))?;
        let mut report = runner.run_script(&path.to_string_lossy(), &source);
        report.failed.retain(|failure| {
            let is_known = known.has(failure);
            let _ = writeln!(std::io::stderr(), "{}{failure}", if is_known { "skipped: " } else { "" });
            report.skipped += usize::from(is_known);
            !is_known
        });
        total.merge(report);
    }
    let written =
        writeln!(std::io::stdout(), "{} passed, {} failed, {} skipped", total.passed, total.failed.len(), total.skipped);
    written.map_err(|error| Exit::failure(format_args!("standard output: {error}")))?;
    if total.failed.is_empty() { Ok(()) } else { Err(Exit::failed()) }
}

/// Directives that are known to fail.
#[derive(Default)]
struct Known(Vec<(PathBuf, Vec<usize>)>);

impl Known {
    fn read(path: &Path) -> Result<Known, Exit> {
        let list = std::fs::read_to_string(path);
        let list = list.map_err(|error| Exit::failure(format_args!("cannot read {}: {error}", path.display())))?;
        let mut known = Known::default();
        for (number, line) in (1..).zip(list.lines()).filter(|(_, line)| !line.starts_with('#') && !line.is_empty()) {
            let parsed = line.split_once(": ").and_then(|(file, lines)| {
                let lines: Result<Vec<usize>, _> = lines.split(' ').map(str::parse).collect();
                Some((PathBuf::from(file), lines.ok()?))
            });
            let wrong = || Exit::failure(format_args!("{}:{number}: wanted \"FILE: LINE LINE…\"", path.display()));
            known.0.push(parsed.ok_or_else(wrong)?);
        }
        Ok(known)
    }

    fn has(&self, failure: &Failure) -> bool {
        let path = Path::new(&failure.file);
        self.0.iter().any(|(file, lines)| path.ends_with(file) && lines.contains(&failure.line))
    }
}

/// The files, and what is below the directories.
fn scripts(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Exit> {
    let mut scripts = Vec::new();
    for path in paths {
        if path.is_dir() { walk(path, &mut scripts)? } else { scripts.push(path.clone()) }
    }
    Ok(scripts)
}

fn walk(dir: &Path, scripts: &mut Vec<PathBuf>) -> Result<(), Exit> {
    let failed = |error| Exit::failure(format_args!("cannot read {}: {error}", dir.display()));
    let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, scripts)?;
        } else if path.extension().is_some_and(|extension| extension == "wast") {
            scripts.push(path);
        }
    }
    Ok(())
}
