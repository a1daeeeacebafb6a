//! The command line. Its forms are a contract: other programs call them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use deltic::OverBudget;

use crate::bench::{Mode, Vs};
use crate::{bench, units};

/// A WebAssembly engine.
#[derive(Debug, Parser)]
#[command(name = "deltic", version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a program: a WASI command, or one exported function
    Run(RunArgs),
    /// Compile a module ahead of time
    Compile(CompileArgs),
    /// Check a module; its first error is printed with the byte offset
    Validate(FileArgs),
    /// Run spec scripts
    Wast(WastArgs),
    /// Show what a module, or a file of compiled code, is made of
    Inspect(InspectArgs),
    /// Draw how fast a function is when: the warm-up of each way to compile, and of other engines
    Bench(BenchArgs),
    #[command(hide = true)]
    Snapshot(LaterArgs),
    /// Look after the cache of compiled code
    Cache(CacheArgs),
    #[command(hide = true)]
    Build(LaterArgs),
    /// Run the conformance suite of JavaScript
    Test262(Test262Args),
    /// Run the conformance suite of the WebAssembly JavaScript API
    Wpt(WptArgs),
    /// Evaluate JavaScript line by line
    Repl,
}

/// Arguments of what is not there yet.
#[derive(Debug, Args)]
pub struct LaterArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Print what it cost as one JSON object, the last line on standard error
    #[arg(long)]
    pub stats: bool,
    /// Call this export, and print its results one a line
    #[arg(long, value_name = "NAME")]
    pub invoke: Option<String>,
    /// Give a directory to the program
    #[arg(long = "dir", value_name = "HOST[::GUEST]", value_parser = units::dir)]
    pub dirs: Vec<(PathBuf, String)>,
    /// Set an environment variable of the program
    #[arg(long = "env", value_name = "K=V", value_parser = units::variable)]
    pub env: Vec<(String, String)>,
    /// Stop the program after this time (s, ms, us)
    #[arg(long, value_name = "D", value_parser = units::duration)]
    pub timeout: Option<Duration>,
    /// Let all memories together have at most this many bytes (K, M, G)
    #[arg(long, value_name = "B", value_parser = units::size)]
    pub max_memory: Option<u64>,
    /// What nobody provides is made: functions trap when they are called, memories and tables are empty
    #[arg(long)]
    pub stub_imports: bool,
    #[arg(long, hide = true, value_name = "BLOB", value_parser = later::<PathBuf>, visible_alias = "snapshot-blob")]
    pub snapshot: Option<PathBuf>,
    #[arg(long, hide = true, value_name = "ENTRY", value_parser = later::<PathBuf>)]
    pub build_snapshot: Option<PathBuf>,
    /// The key that a compiled module was made with, if not the one in the user's cache
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The module, binary, text or compiled (`-` is standard input), or a script or ES module (`.js`, `.mjs`, `.cjs`)
    pub file: PathBuf,
    /// Arguments of the program, or of the function
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct CacheArgs {
    #[command(subcommand)]
    pub action: CacheAction,
}

#[derive(Debug, Subcommand)]
pub enum CacheAction {
    /// Say where it is, and how much it holds
    Stats(CachePlace),
    /// Remove what it holds
    Clean(CachePlace),
    /// Compile modules for the next time that they are run
    Warm(Box<WarmArgs>),
}

#[derive(Debug, Args)]
pub struct CachePlace {
    /// The directory, if not the user's
    #[arg(long, value_name = "DIR")]
    pub cache: Option<String>,
}

#[derive(Debug, Args)]
pub struct WarmArgs {
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Compile with the optimizing tier, which takes longer
    #[arg(long)]
    pub optimize: bool,
    /// The modules, binary or text
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CompileArgs {
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Print what it cost as one JSON object
    #[arg(long)]
    pub stats: bool,
    /// Where to write the compiled module, for `deltic run` with the same key
    #[arg(short, value_name = "OUT")]
    pub out: Option<PathBuf>,
    /// A file of 32 secret bytes, in the place of the key in the user's cache
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The module, binary or text
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct FileArgs {
    #[command(flatten)]
    pub engine: EngineArgs,
    /// The module, binary or text
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct WastArgs {
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Directives that are known to fail, as `FILE: LINE LINE…`; they are named and count as skipped
    #[arg(long, value_name = "LIST")]
    pub known: Option<PathBuf>,
    /// Scripts, or directories of them
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Test262Args {
    /// A checkout of the suite
    pub suite: PathBuf,
    /// Run only so many tests, drawn by the seed
    #[arg(long, value_name = "N")]
    pub sample: Option<usize>,
    /// What the sample is drawn by
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Run only tests whose path below `test/` begins with this
    #[arg(long, value_name = "PREFIX")]
    pub filter: Option<String>,
    /// Give a test this time in each mode (s, ms, us)
    #[arg(long, value_name = "D", value_parser = units::duration)]
    pub timeout: Option<Duration>,
    /// Run so many tests at the same time
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Collect garbage at every allocation
    #[arg(long)]
    pub gc_stress: bool,
    /// A list of tests that are known to fail, a path a line; only what differs from it is printed, and fails the run
    #[arg(long, value_name = "LIST")]
    pub expected: Option<PathBuf>,
    /// Write the paths of the tests that failed to a file
    #[arg(long, value_name = "FILE")]
    pub write_failures: Option<PathBuf>,
    /// Print how many tests passed in each chapter
    #[arg(long)]
    pub chapters: bool,
}

#[derive(Debug, Args)]
pub struct WptArgs {
    /// The folder `test/js-api` of a checkout of WebAssembly/spec
    pub suite: PathBuf,
    /// Run only files whose path has this in it
    #[arg(long, value_name = "S")]
    pub filter: Option<String>,
    /// Give a file this time (s, ms, us)
    #[arg(long, value_name = "D", value_parser = units::duration)]
    pub timeout: Option<Duration>,
    /// Collect garbage at every allocation
    #[arg(long)]
    pub gc_stress: bool,
    /// A list of subtests that are known to fail, one a line; only what differs from it is printed, and fails the run
    #[arg(long, value_name = "FILE")]
    pub expected: Option<PathBuf>,
    /// Write the names of the subtests that failed to a file
    #[arg(long, value_name = "FILE")]
    pub write_failures: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The cache directory whose key the file was made with, if not the user's
    #[arg(long, value_name = "DIR")]
    pub cache: Option<String>,
    /// The key that it was made with, if not the one in a cache directory
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The module, binary or text, or a file of compiled code; `-` is standard input
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Call this export again and again; else "work", "run" or "_start", the first that there is
    #[arg(long, value_name = "NAME")]
    pub invoke: Option<String>,
    /// For how long each engine calls (s, ms, us)
    #[arg(long, value_name = "D", default_value = "2s", value_parser = units::duration)]
    pub time: Duration,
    /// Measure with so many processes of each engine, in turns; medians are shown
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Measure this way to compile only; can be given again
    #[arg(long = "mode", value_name = "MODE", value_parser = bench::named)]
    pub modes: Vec<Mode>,
    /// Compare with another engine: node, bun, wasmtime (through Python's package), all that are found, or NAME=PROGRAM; can be given again
    #[arg(long = "vs", value_name = "PEER", value_parser = bench::vs)]
    pub peers: Vec<Vs>,
    /// Compile with this many threads; 0 compiles where the module is loaded
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Functions that nobody provides trap when they are called
    #[arg(long)]
    pub stub_imports: bool,
    /// What the program is called in the table and in the picture
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Write the curves as a picture
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Write all that was measured
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Measure nothing, and show what --json wrote before; can be given again
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "json", "title"])]
    pub replay: Vec<PathBuf>,
    /// Measure one mode in this process, and print it as one line of JSON
    #[arg(long, hide = true, value_name = "MODE", value_parser = bench::named)]
    pub measure: Option<Mode>,
    /// The module, binary or text
    #[arg(required_unless_present = "replay")]
    pub file: Option<PathBuf>,
    /// Arguments of the function, or of the program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<OsString>,
}

/// Options of everything that makes an engine.
#[derive(Debug, Clone, Args)]
pub struct EngineArgs {
    /// Which compiler to use: baseline, optimized or auto
    #[arg(long, value_name = "TIER", value_parser = tier)]
    pub tier: Option<String>,
    /// Compile everything before the program starts, and not each function when it is first called
    #[arg(long)]
    pub eager: bool,
    /// Compile each function when it is first called, as `run` does anyway
    #[arg(long, conflicts_with = "eager")]
    pub lazy: bool,
    /// Compile with this many threads; 0 compiles where the module is loaded
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Where `run` keeps compiled code, if not in the user's cache directory
    #[arg(long, value_name = "DIR|none")]
    pub cache: Option<String>,
    /// Write a trace that Perfetto and chrome://tracing open
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Tell `perf report` the names of functions, in /tmp/perf-PID.map
    #[arg(long)]
    pub perf_map: bool,
    /// Write code for `perf inject --jit` to jit-PID.dump in a folder, the present one if none is given
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = ".")]
    pub jitdump: Option<PathBuf>,
    /// Say on standard error what the engine does
    #[arg(long, short)]
    pub verbose: bool,
    /// Stop a program, or each script, after about this many operators
    #[arg(long, value_name = "N")]
    pub fuel: Option<u64>,
    /// Check every memory access, in place of guard pages
    #[arg(long)]
    pub no_guard_pages: bool,
    /// Make every NaN the canonical one
    #[arg(long)]
    pub canonicalize_nans: bool,
    /// Give relaxed SIMD the same results on every machine
    #[arg(long)]
    pub deterministic_simd: bool,
    /// Let compiling take about this many bytes at most; fewer functions are compiled at a time then (K, M, G)
    #[arg(long, value_name = "B", value_parser = units::size)]
    pub max_compile_memory: Option<u64>,
    /// Let compiling take this much processor time at most, in all threads together (s, ms, us)
    #[arg(long, value_name = "D", value_parser = units::duration)]
    pub max_compile_cpu: Option<Duration>,
    /// Let compiling the module, or a function that is compiled when it is called, take this long at most (s, ms, us)
    #[arg(long, value_name = "D", value_parser = units::duration)]
    pub max_compile_time: Option<Duration>,
    /// What becomes of functions that --max-compile-cpu leaves no time for: "fail" (as if nothing is said), or "lowest-tier", in which they stay
    #[arg(long, value_name = "WHAT", value_parser = over_budget)]
    pub on_over_budget: Option<OverBudget>,
    /// Most bytes of objects that have grown old, in each heap (K, M, G)
    #[arg(long, value_name = "B", value_parser = units::size)]
    pub max_heap: Option<u64>,
    /// Bytes in which objects are born (K, M, G)
    #[arg(long, value_name = "B", value_parser = units::size)]
    pub nursery: Option<u64>,
    /// Collect garbage at every allocation
    #[arg(long)]
    pub gc_stress: bool,
    /// Let long loops of baseline code end in it
    #[arg(long)]
    pub no_osr: bool,
    /// Leave calls of small and hot functions as they are
    #[arg(long)]
    pub no_inlining: bool,
    /// Record nothing of calls in baseline code
    #[arg(long)]
    pub no_profiles: bool,
    /// Calls of a function in baseline code after which it is compiled again
    #[arg(long, value_name = "N")]
    pub tier_up_calls: Option<u32>,
    /// Compile again at random calls and loops of baseline code, as a generator with this seed decides
    #[arg(long, value_name = "SEED")]
    pub tier_up_stress: Option<u64>,
}

const LATER: &str = "not in this version yet";

fn later<T>(_: &str) -> Result<T, String> {
    Err(LATER.to_owned())
}

fn tier(text: &str) -> Result<String, String> {
    match text {
        "baseline" | "optimized" | "auto" => Ok(text.to_owned()),
        _ => Err("the tiers are baseline, optimized and auto".to_owned()),
    }
}

fn over_budget(text: &str) -> Result<OverBudget, String> {
    match text {
        "fail" => Ok(OverBudget::Fail),
        "lowest-tier" => Ok(OverBudget::LowestTier),
        _ => Err("over budget a function may fail or take the lowest-tier".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_the_file_belongs_to_the_guest() {
        let cli = Cli::try_parse_from(["deltic", "run", "--invoke", "f", "x.wat", "-5", "--stats", "--", "-x"]).expect("parses");
        let Command::Run(args) = cli.command else { panic!("not run") };
        assert_eq!(args.args, ["-5", "--stats", "--", "-x"]);
        assert!(!args.stats);
    }

    #[test]
    fn what_comes_later_says_so() {
        for args in [vec!["run", "--snapshot", "x.blob", "x.wat"], vec!["run", "--build-snapshot", "x.js", "x.wat"]] {
            let error = Cli::try_parse_from(std::iter::once("deltic").chain(args)).expect_err("later");
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(LATER), "{error}");
        }
    }
}
