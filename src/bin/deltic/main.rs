//! The `deltic` command: runs, compiles, validates and inspects modules, and runs spec scripts.
//!
//! One file or folder a subcommand; what they share is `args` (the command line), `load` (files and engines), `exit` (exit statuses and
//! messages), `stats` and `trace`. Nothing is set up before the subcommand asks for it, so that a small program starts at once.
#![forbid(unsafe_code)]

mod args;
mod bench;
mod cache;
mod compile;
mod exit;
mod inspect;
mod invoke;
mod load;
mod progress;
#[cfg_attr(not(feature = "js"), path = "repl_absent.rs")]
mod repl;
mod run;
#[cfg_attr(not(feature = "js"), path = "script_absent.rs")]
mod script;
mod stats;
mod stubs;
#[cfg_attr(not(feature = "js"), path = "test262_absent.rs")]
mod test262;
mod trace;
mod units;
mod validate;
#[cfg_attr(not(feature = "wasi"), path = "wasi_absent.rs")]
mod wasi;
mod wast;
#[cfg_attr(not(all(feature = "js", any(feature = "baseline", feature = "optimizing"))), path = "wpt_absent.rs")]
mod wpt;

use clap::Parser;

use args::{Cli, Command};
use exit::Exit;

/// So that `--stats` can say what compiling takes, and a budget of memory is exact.
#[global_allocator]
static ALLOCATOR: deltic::CountingAllocator = deltic::CountingAllocator::new();

fn main() {
    let cli = Cli::parse();
    let done = match &cli.command {
        Command::Run(args) => trace::traced(&args.engine, || run::run(args)),
        Command::Compile(args) => trace::traced(&args.engine, || compile::compile(args)),
        Command::Validate(args) => trace::traced(&args.engine, || validate::validate(args)),
        Command::Wast(args) => trace::traced(&args.engine, || wast::wast(args)),
        Command::Inspect(args) => inspect::inspect(args),
        Command::Bench(args) => bench::bench(args),
        Command::Snapshot(_) => Err(Exit::later("`deltic snapshot`")),
        Command::Cache(args) => cache::cache(args),
        Command::Build(_) => Err(Exit::later("`deltic build`")),
        Command::Test262(args) => test262::test262(args),
        Command::Wpt(args) => wpt::wpt(args),
        Command::Repl => repl::repl(),
    };
    let status = match done {
        Ok(()) => 0,
        Err(exit) => exit.report(),
    };
    std::process::exit(status);
}
