//! In the place of WASI in a build without it.

use std::ffi::{OsStr, OsString};

use deltic::{Isolate, Linker, Trap};

use crate::args::RunArgs;
use crate::exit::Exit;

pub const MODULE_NAME: &str = "wasi_snapshot_preview1";

/// Defines nothing: the linker will name what is missing.
pub fn define(_: &mut Linker, _: &mut Isolate, _: &RunArgs) -> Result<(), Exit> {
    Ok(())
}

/// Defines nothing.
pub fn define_functions(_: &mut Linker) -> Result<(), Exit> {
    Ok(())
}

/// Gives nothing.
pub fn define_silent(_: &mut Isolate, _: &OsStr, _: &[OsString]) -> Result<(), Exit> {
    Ok(())
}

/// No program can leave this way.
pub fn exit_status(_: &Trap) -> Option<u32> {
    None
}
