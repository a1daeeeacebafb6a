//! `deltic wpt`, where there is no JavaScript, or no WebAssembly for it.

use crate::args::WptArgs;
use crate::exit::Exit;

/// Says so.
pub fn wpt(args: &WptArgs) -> Result<(), Exit> {
    Err(Exit::usage(format_args!("{}: this build has no WebAssembly for JavaScript", args.suite.display())))
}
