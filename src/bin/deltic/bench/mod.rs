//! `deltic bench`: warm-up curves. How much work each way to compile, and each other engine, does per millisecond, against the time since the
//! first byte of the module was asked for.
//!
//! One exported function is one unit of work; it is called again and again. Each measurement is a process of its own, so that nothing is warm
//! before it begins: `child` for the engine's modes (see `modes`), scripts for `peers`. What comes back is a `report` of `curve`s,
//! shown as a `table` and a `picture`.
//!
//! A WASI command is run as many times as fit, each time in a fresh instance, which is a part of its time.
#![forbid(unsafe_code)]

mod child;
mod curve;
mod modes;
mod peers;
mod picture;
mod report;
mod table;

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deltic::inspect::Inspection;
use deltic::{ExternType, FuncType};
use serde_json::Value;

pub use modes::{Mode, named};
pub use peers::{Vs, vs};

use self::report::{Measurement, Report, Series};
use crate::args::BenchArgs;
use crate::exit::Exit;
use crate::{load, wasi};

/// What a WASI command exports.
const COMMAND: &str = "_start";
/// What is called where nothing is named: the first that is there.
const USUAL: [&str; 3] = ["work", "run", COMMAND];

/// Measures, or reads what was measured, and shows it.
pub fn bench(args: &BenchArgs) -> Result<(), Exit> {
    if let Some(mode) = args.measure {
        return child::measure(args, mode);
    }
    let reports = match &args.file {
        Some(file) => vec![measure(args, file)?],
        None => args.replay.iter().map(|path| replay(path)).collect::<Result<_, _>>()?,
    };
    let tables: Vec<String> = reports.iter().map(table::render).collect();
    let written = std::io::stdout().write_all(tables.join("\n").as_bytes());
    written.map_err(|error| Exit::failure(format_args!("standard output: {error}")))?;
    if let (Some(path), Some(report)) = (&args.json, reports.first()) {
        std::fs::write(path, format!("{}\n", report.to_json())).map_err(|error| Exit::file(path, error))?;
    }
    if let Some(path) = &args.svg {
        let picture = picture::svg(&reports).map_err(|error| Exit::file(path, error))?;
        std::fs::write(path, picture).map_err(|error| Exit::file(path, error))?;
    }
    Ok(())
}

fn replay(path: &Path) -> Result<Report, Exit> {
    let text = std::fs::read(path).map_err(|error| Exit::failure(format_args!("cannot read {}: {error}", path.display())))?;
    let value: Value = serde_json::from_slice(&text).map_err(|error| Exit::file(path, error))?;
    Report::from_json(&value).ok_or_else(|| Exit::file(path, "not what --json writes"))
}

fn measure(args: &BenchArgs, file: &Path) -> Result<Report, Exit> {
    let bytes = load::read(file)?;
    let found = deltic::inspect::inspect(&bytes).map_err(|error| Exit::file(file, error))?;
    let (name, ty) = function(args, file, &found)?;
    check_imports(args, file, &found)?;
    let binary = Binary::of(file, &bytes)?;
    let task = peers::task(args, &binary.path, name, ty)?;

    let modes = if args.modes.is_empty() { &modes::MODES[..] } else { &args.modes };
    let peers = peers::find(&args.peers);
    let names = modes.iter().map(|mode| mode.name).chain(peers.iter().map(peers::Peer::name));
    let mut series: Vec<Series> = names.map(Series::new).collect();
    // In turns, so that what else the machine does meets all alike.
    for _ in 0..args.runs {
        let (own, other) = series.split_at_mut(modes.len());
        for (mode, series) in modes.iter().zip(own) {
            series.runs.push(measure_mode(args, *mode, &binary.path, name)?);
        }
        for (peer, series) in peers.iter().zip(other) {
            match task.clone().and_then(|task| peer.measure(&task)) {
                Ok((measurement, version)) => {
                    series.runs.push(measurement);
                    series.name = [peer.name()].into_iter().chain(version.as_deref()).collect::<Vec<_>>().join(" ");
                }
                Err(reason) => series.failure = Some(reason),
            }
        }
    }
    let words = args.args.iter().map(|word| word.to_string_lossy());
    let call = std::iter::once(name.into()).chain(words).collect::<Vec<_>>().join(" ");
    let stem = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
    Ok(Report { title: args.title.clone().unwrap_or_else(|| stem.into_owned()), call, series })
}

/// The function that is one unit of work.
fn function<'a>(args: &'a BenchArgs, file: &Path, found: &'a Inspection) -> Result<(&'a str, &'a FuncType), Exit> {
    let is_func = |(name, ty): &'a (String, ExternType)| match ty {
        ExternType::Func(ty) => Some((name.as_str(), ty)),
        _ => None,
    };
    let funcs: Vec<(&str, &FuncType)> = found.exports.iter().filter_map(is_func).collect();
    let wanted: Vec<&str> = args.invoke.as_deref().map_or_else(|| USUAL.to_vec(), |name| vec![name]);
    let chosen = wanted.iter().find_map(|wanted| funcs.iter().find(|(name, _)| name == wanted));
    chosen.copied().ok_or_else(|| {
        let names: Vec<&str> = funcs.iter().map(|(name, _)| *name).collect();
        let names = if names.is_empty() { "none".into() } else { names.join(", ") };
        let wanted = wanted.join("\", \"");
        Exit::file(file, format_args!("no exported function \"{wanted}\"; --invoke names another. Exported functions: {names}"))
    })
}

fn check_imports(args: &BenchArgs, file: &Path, found: &Inspection) -> Result<(), Exit> {
    let missing = found
        .imports
        .iter()
        .find(|(module, _, ty)| module != wasi::MODULE_NAME && !(args.stub_imports && matches!(ty, ExternType::Func(_))));
    match missing {
        None => Ok(()),
        Some((module, name, ty)) => {
            let message =
                format!("imports \"{module}\" \"{name}\" {ty}, and only WASI is there; --stub-imports makes functions that trap");
            Err(Exit::file(file, message))
        }
    }
}

/// Runs this program again, for one mode. What goes wrong there was printed there.
fn measure_mode(args: &BenchArgs, mode: Mode, binary: &Path, name: &str) -> Result<Measurement, Exit> {
    let program = std::env::current_exe().map_err(|error| Exit::failure(format_args!("this program is not found: {error}")))?;
    let mut command = Command::new(program);
    command.args(["bench", "--measure", mode.name, "--invoke", name]);
    command.arg("--time").arg(format!("{}us", args.time.as_micros()));
    if let Some(jobs) = args.jobs {
        command.arg("--jobs").arg(jobs.to_string());
    }
    if args.stub_imports {
        command.arg("--stub-imports");
    }
    command.arg(binary).args(&args.args).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| Exit::failure(format_args!("{}: {error}", mode.name)))?;
    if !output.status.success() {
        return Err(output.status.code().map_or_else(Exit::failed, |status| Exit::guest(status.cast_unsigned())));
    }
    let value: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    value.as_ref().and_then(Measurement::from_json).ok_or_else(|| Exit::failure(format_args!("{}: no measurement", mode.name)))
}

/// The module in the binary format, which all engines read: the file itself, or one that goes away.
struct Binary {
    path: PathBuf,
    folder: Option<PathBuf>,
}

impl Binary {
    fn of(file: &Path, bytes: &[u8]) -> Result<Binary, Exit> {
        let Cow::Owned(binary) = wat::parse_bytes(bytes).map_err(|error| Exit::file(file, error))? else {
            return Ok(Binary { path: file.to_owned(), folder: None });
        };
        let folder = std::env::temp_dir().join(format!("deltic-bench-{}", std::process::id()));
        std::fs::create_dir(&folder).map_err(|error| Exit::file(&folder, error))?;
        let mut name = OsString::from(file.file_stem().unwrap_or(file.as_os_str()));
        name.push(".wasm");
        let made = Binary { path: folder.join(name), folder: Some(folder) };
        std::fs::write(&made.path, binary).map_err(|error| Exit::file(&made.path, error))?;
        Ok(made)
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // What is left in the folder for temporary files is not worth a message.
        let _ = self.folder.take().map(std::fs::remove_dir_all);
    }
}
