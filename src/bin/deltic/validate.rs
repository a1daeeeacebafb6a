//! `deltic validate`.

use deltic::Module;

use crate::args::FileArgs;
use crate::exit::Exit;
use crate::load;

/// Success, or the first error.
pub fn validate(args: &FileArgs) -> Result<(), Exit> {
    let bytes = load::read(&args.file)?;
    let engine = load::engine(&load::config(&args.engine)?)?;
    Module::validate(&engine, &bytes).map_err(|error| Exit::file(&args.file, error))
}
