//! `deltic run` of a script, where there is no JavaScript.

use std::path::Path;

use crate::args::RunArgs;
use crate::exit::Exit;

/// None is.
pub fn is_script(_: &Path) -> bool {
    false
}

/// Says so.
pub fn run(args: &RunArgs) -> Result<(), Exit> {
    Err(Exit::usage(format_args!("{}: this build has no JavaScript", args.file.display())))
}
