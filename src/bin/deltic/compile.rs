//! `deltic compile`: ahead of time. The code is thrown away: this version has no file format for it.

use std::io::Write;

use crate::args::CompileArgs;
use crate::exit::Exit;
use crate::load;
use crate::stats::Meter;

/// Compiles, and says what it cost when asked.
pub fn compile(args: &CompileArgs) -> Result<(), Exit> {
    let bytes = load::read(&args.file)?;
    let engine = load::engine(&load::config(&args.engine)?)?;
    let meter = Meter::start();
    let module = load::module(&engine, &args.file, bytes)?;
    if args.stats {
        let stats = meter.compiled(&module.compile_stats());
        let written = writeln!(std::io::stdout(), "{stats}");
        written.map_err(|error| Exit::failure(format_args!("standard output: {error}")))?;
    }
    Ok(())
}
