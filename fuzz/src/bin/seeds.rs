//! Runs the fuzz targets from seeds, on a stable toolchain and for a bounded time.
//!
//! `seeds TARGET [--from N] [--count N] [--seconds S] [--patience S] [--out DIR] [--keep] [--file MODULE] [--engine N]`, with TARGET one of differential, objects,
//! programs, legacy, bodies, decode, streams, stored, token, all. `legacy` needs Node: `$NODE`, or `node` on the path.
//! What fails is printed with its seed, and its module is written to the folder. A seed that takes longer than the patience, 30 s if
//! nothing else is said, is printed, and the process aborts: a debugger or a core file then shows where its threads stand.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deltic::WasmEngine;
use deltic_fuzz::collect::{self, Mode};
use deltic_fuzz::differential::{Tally, check_with};
use deltic_fuzz::node::{Node, event_as_javascript};
use deltic_fuzz::observe::compare;
use deltic_fuzz::oracle::Oracle;
use deltic_fuzz::programs::{self, Style};
use deltic_fuzz::random::{Random, mix};
use deltic_fuzz::subject::{self, Seen};
use deltic_fuzz::wasmtime::Wasmtime;
use deltic_fuzz::{bodies, decode, differential, generate, stored, token};

/// The bytes that failed, and how they end in a file's name.
type Input = (Vec<u8>, &'static str);

struct Options {
    target: String,
    from: u64,
    count: u64,
    limit: Duration,
    patience: Duration,
    out: PathBuf,
    /// Write each module of objects before it is run: for seeds that end the process.
    keep: bool,
    /// A module to run in place of a generated one, binary or text, and the engine for it.
    file: Option<PathBuf>,
    engine: Option<u64>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        target: String::new(),
        from: 0,
        count: u64::MAX,
        limit: Duration::from_secs(60),
        patience: Duration::from_secs(30),
        out: PathBuf::from("artifacts"),
        keep: false,
        file: None,
        engine: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
        match arg.as_str() {
            "--from" => options.from = number(value()?)?,
            "--count" => options.count = number(value()?)?,
            "--seconds" => options.limit = Duration::from_secs(number(value()?)?),
            "--patience" => options.patience = Duration::from_secs(number(value()?)?),
            "--file" => options.file = Some(PathBuf::from(value()?)),
            "--engine" => options.engine = Some(number(value()?)?),
            "--keep" => options.keep = true,
            "--out" => options.out = PathBuf::from(value()?),
            _ if arg.starts_with('-') || !options.target.is_empty() => return Err(format!("what is {arg}?")),
            _ => options.target = arg,
        }
    }
    Ok(options)
}

/// The seed that runs now, and since when; a thread of its own looks at it, as a seed that hangs cannot.
struct Watchdog(Arc<Mutex<Option<(u64, Instant)>>>);

impl Watchdog {
    fn new(name: &str, patience: Duration) -> Watchdog {
        let present: Arc<Mutex<Option<(u64, Instant)>>> = Arc::default();
        let (watched, name) = (Arc::downgrade(&present), name.to_owned());
        std::thread::spawn(move || {
            // The thread ends with the target: the other reference is the target's.
            while let Some(present) = watched.upgrade() {
                let present = *present.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((seed, _)) = present.filter(|(_, began)| began.elapsed() > patience) {
                    println!("{name} seed {seed}: runs for more than {} s", patience.as_secs());
                    std::process::abort();
                }
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Watchdog(present)
    }

    fn watch(&self, seed: Option<u64>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seed.map(|seed| (seed, Instant::now()));
    }
}

/// Writes a file to the folder.
fn keep(options: &Options, name: &str, bytes: &[u8]) {
    let path = options.out.join(name);
    if let Err(error) = std::fs::create_dir_all(&options.out).and_then(|()| std::fs::write(&path, bytes)) {
        println!("{}: {error}", path.display());
    }
}

/// Runs one target for many seeds: how many failed.
fn run(name: &str, options: &Options, mut check: impl FnMut(u64) -> Result<(), (String, Input)>) -> usize {
    let began = Instant::now();
    let watchdog = Watchdog::new(name, options.patience);
    let (mut done, mut failed) = (0u64, 0);
    for seed in options.from..options.from.saturating_add(options.count) {
        if began.elapsed() > options.limit {
            break;
        }
        done += 1;
        watchdog.watch(Some(seed));
        let result = catch_unwind(AssertUnwindSafe(|| check(seed)));
        watchdog.watch(None);
        let result = result.unwrap_or_else(|_| Err(("a panic, see above".into(), (Vec::new(), "panic"))));
        if let Err((problem, (bytes, kind))) = result {
            failed += 1;
            println!("{name} seed {seed}: {problem}");
            keep(options, &format!("{name}-{seed}.{kind}"), &bytes);
        }
    }
    println!("{name}: {done} seeds from {} in {:.1} s, {failed} failed", options.from, began.elapsed().as_secs_f64());
    failed
}

fn run_differential(options: &Options) -> usize {
    let engines = differential::Engines::new();
    run("differential", options, |seed| {
        let Some(wasm) = generate::seeded_module(seed) else { return Ok(()) };
        let checked = catch_unwind(AssertUnwindSafe(|| differential::check_module(&engines, &wasm, seed)));
        let result = checked.unwrap_or_else(|_| Err("a panic, see above".into()));
        result.map(|_| ()).map_err(|problem| (problem, (wasm, "wasm")))
    })
}

/// Modules with objects under one engine of each mode in turn, and in an oracle: what was seen is counted, and under stress something
/// must have moved.
fn run_objects(
    name: &str,
    options: &Options,
    make: impl Fn(u64) -> Option<Vec<u8>>,
    check: impl Fn(&WasmEngine, &[u8], u64) -> Result<Option<Seen>, String>,
) -> usize {
    let engines = collect::Engines::new();
    let (mut tally, mut stressed, mut refused) = (Tally::default(), Tally::default(), 0u64);
    let failed = run(name, options, |number| {
        let seed = mix(number);
        let made = match &options.file {
            Some(file) => wat::parse_file(file).map_err(|error| (error.to_string(), (Vec::new(), "wasm"))).map(Some)?,
            None => make(seed),
        };
        let Some(wasm) = made else { return Ok(()) };
        let number = options.engine.unwrap_or(number);
        if options.keep {
            keep(options, &format!("{name}-{number}.wasm"), &wasm);
        }
        let checked = catch_unwind(AssertUnwindSafe(|| check(engines.pick(number), &wasm, seed)));
        match checked.unwrap_or_else(|_| Err("a panic, see above".into())) {
            Ok(Some(seen)) => {
                let tally = if engines.mode(number) == Mode::Stress { &mut stressed } else { &mut tally };
                tally.add_seen(&seen);
                // As many texts as can be read.
                tally.other.truncate(10);
                Ok(())
            }
            Ok(None) => {
                refused += 1;
                Ok(())
            }
            Err(problem) => Err((problem, (wasm, "wasm"))),
        }
    });
    println!("{name}: at ease and with a small nursery {tally:?}");
    println!("{name}: under stress {stressed:?}");
    println!("{name}: {} calls compared, {refused} modules refused by the oracle", tally.calls() + stressed.calls());
    if stressed.modules > 0 && stressed.moved_objects == 0 {
        println!("{name}: no object was ever moved under stress");
        return failed + 1;
    }
    failed
}

/// What wasm-smith makes with objects and exceptions, against wasmtime.
fn run_smith(options: &Options) -> usize {
    let oracle = Wasmtime::new();
    let check = |engine: &WasmEngine, wasm: &[u8], seed| check_with(engine, &oracle, wasm, seed);
    run_objects("objects", options, generate::seeded_object_module, check)
}

/// Programs of our own, against wasmtime, which must take them all.
fn run_programs(options: &Options) -> usize {
    let oracle = Wasmtime::new();
    let check = |engine: &WasmEngine, wasm: &[u8], seed| match check_with(engine, &oracle, wasm, seed)? {
        None => Err(oracle.refusal(wasm).unwrap_or_default()),
        seen => Ok(seen),
    };
    run_objects("programs", options, |seed| Some(programs::module(seed, Style::Modern)), check)
}

/// Programs of our own with exceptions of the older form, against Node.
fn run_legacy(options: &Options) -> usize {
    let oracle = match Node::new() {
        Ok(node) => node,
        Err(problem) => {
            println!("legacy: {problem}");
            return usize::from(options.target == "legacy");
        }
    };
    let check = |engine: &WasmEngine, wasm: &[u8], seed| {
        let Some(others) = oracle.run(wasm, seed) else { return Ok(None) };
        let ours = subject::run(engine, wasm, seed)?;
        let events: Vec<_> = ours.events.iter().cloned().map(event_as_javascript).collect();
        compare(&events, &others)?;
        Ok(Some(ours))
    };
    run_objects("legacy", options, |seed| Some(programs::module(seed, Style::Legacy)), check)
}

/// Mutated bodies, so many of each module.
fn run_bodies(options: &Options) -> usize {
    const MUTATIONS: usize = 5000;
    let (mut tally, mut quick) = (bodies::Tally::default(), bodies::quick());
    let failed = run("bodies", options, |seed| {
        let checked = catch_unwind(AssertUnwindSafe(|| bodies::seeded_check(seed, MUTATIONS, &mut quick)));
        let result = checked.unwrap_or_else(|_| Err("a panic, see above".into()));
        result.map(|seen| tally.add(seen)).map_err(|problem| (problem, (Vec::new(), "wasm")))
    });
    println!("bodies: {tally:?}");
    failed
}

fn run_decode(options: &Options) -> usize {
    let engines = decode::Engines::new();
    run("decode", options, |seed| {
        let bytes = decode::seeded_bytes(seed);
        let checked = catch_unwind(AssertUnwindSafe(|| decode::check(&engines, &bytes)));
        let result = checked.unwrap_or_else(|_| Err("a panic, see above".into()));
        result.map(|_| ()).map_err(|problem| (problem, (bytes, "wasm")))
    })
}

/// Checks that have nothing but a seed.
fn run_seeds(name: &str, options: &Options, check: impl Fn(u64) -> Result<(), String>) -> usize {
    run(name, options, |seed| {
        let checked = catch_unwind(AssertUnwindSafe(|| check(mix(seed))));
        let result = checked.unwrap_or_else(|_| Err("a panic, see above".into()));
        result.map_err(|problem| (problem, (seed.to_string().into_bytes(), "seed")))
    })
}

fn run_streams(options: &Options) -> usize {
    let engines = stored::Engines::new();
    run_seeds("streams", options, |seed| stored::check_stream(&engines, seed).map(drop))
}

fn run_stored(options: &Options) -> usize {
    let engines = stored::Engines::new();
    run_seeds("stored", options, |seed| stored::check_file(&engines, seed).map(drop))
}

fn run_token(options: &Options) -> usize {
    let modules = token::Modules::new();
    run("token", options, |seed| {
        let mut random = Random::new(seed);
        let steps = 10 + random.below(120);
        let steps = random.bytes(steps);
        token::check(&modules, &steps).map(|_| ()).map_err(|problem| (problem, (steps, "steps")))
    })
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    let targets: [(&str, fn(&Options) -> usize); 9] = [
        ("differential", run_differential),
        ("objects", run_smith),
        ("programs", run_programs),
        ("legacy", run_legacy),
        ("bodies", run_bodies),
        ("decode", run_decode),
        ("streams", run_streams),
        ("stored", run_stored),
        ("token", run_token),
    ];
    let chosen = targets.iter().filter(|(name, _)| options.target == *name || options.target == "all");
    let results: Vec<usize> = chosen.map(|(_, target)| target(&options)).collect();
    if results.is_empty() {
        eprintln!("name a target: differential, objects, programs, legacy, bodies, decode, streams, stored, token or all");
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(results.iter().any(|&failed| failed > 0)))
}
