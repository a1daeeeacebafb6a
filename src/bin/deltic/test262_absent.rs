//! `deltic test262`, where there is no JavaScript.

use crate::args::Test262Args;
use crate::exit::Exit;

/// Says so.
pub fn test262(args: &Test262Args) -> Result<(), Exit> {
    Err(Exit::usage(format_args!("{}: this build has no JavaScript", args.suite.display())))
}
