//! `deltic repl`, where there is no JavaScript.

use crate::exit::Exit;

/// Says so.
pub fn repl() -> Result<(), Exit> {
    Err(Exit::usage("this build has no JavaScript"))
}
