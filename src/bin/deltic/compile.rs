//! `deltic compile`: ahead of time, to a file that `deltic run` takes, or to see what it costs.

use std::io::Write;

use deltic::Strategy;

use crate::args::CompileArgs;
use crate::exit::Exit;
use crate::stats::Meter;
use crate::{cache, load, progress};

/// Compiles, and says what it cost when asked.
pub fn compile(args: &CompileArgs) -> Result<(), Exit> {
    let bytes = load::read(&args.file)?;
    // With --lazy the module is made ready to run, and no more.
    let strategy = if args.engine.lazy { Strategy::Lazy } else { Strategy::AheadOfTime };
    let engine = load::engine(&load::config(&args.engine)?.with_strategy(strategy))?;
    let meter = Meter::start();
    let module = progress::module(&engine, &args.file, bytes)?;
    if let Some(out) = &args.out {
        let key = cache::key(args.engine.cache.as_deref(), args.key.as_deref())?;
        let bytes = module.serialize_with_key(&key).map_err(|error| Exit::file(&args.file, error))?;
        std::fs::write(out, bytes).map_err(|error| Exit::failure(format_args!("cannot write {}: {error}", out.display())))?;
    }
    if args.stats {
        let stats = meter.compiled(&module.compile_stats());
        let written = writeln!(std::io::stdout(), "{stats}");
        written.map_err(|error| Exit::failure(format_args!("standard output: {error}")))?;
    }
    // The process ends: nobody needs the memory.
    std::mem::forget((module, engine));
    Ok(())
}
