//! What a WASI program gets from the command line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use deltic::wasi::{DirAccess, WasiCtx, WasiCtxBuilder};
use deltic::wasi::{Exit as GuestExit, add_to_linker};
use deltic::{Isolate, Linker, Trap};

use crate::args::RunArgs;
use crate::exit::Exit;

pub use deltic::wasi::MODULE_NAME;

/// Defines WASI's functions, and gives the program its arguments, variables, directories and streams.
pub fn define(linker: &mut Linker, isolate: &mut Isolate, args: &RunArgs) -> Result<(), Exit> {
    define_functions(linker)?;
    isolate.set_data(context(args)?);
    Ok(())
}

fn context(args: &RunArgs) -> Result<WasiCtx, Exit> {
    let name: &OsStr = args.file.as_os_str();
    let words = std::iter::once(name).chain(args.args.iter().map(OsString::as_os_str));
    let builder = WasiCtxBuilder::new().inherit_stdio().args(words.map(OsStr::as_bytes)).envs(args.env.iter().cloned());
    let preopened =
        args.dirs.iter().try_fold(builder, |builder, (host, guest)| builder.preopen(host, guest.as_str(), DirAccess::ReadWrite));
    preopened.and_then(WasiCtxBuilder::build).map_err(Exit::failure)
}

/// Defines WASI's functions.
pub fn define_functions(linker: &mut Linker) -> Result<(), Exit> {
    add_to_linker(linker).map_err(Exit::failure)
}

/// Gives the next program its name and arguments; it reads nothing, and what it writes goes nowhere.
pub fn define_silent(isolate: &mut Isolate, name: &OsStr, args: &[OsString]) -> Result<(), Exit> {
    let words = std::iter::once(name).chain(args.iter().map(OsString::as_os_str));
    isolate.set_data(WasiCtxBuilder::new().args(words.map(OsStr::as_bytes)).build().map_err(Exit::failure)?);
    Ok(())
}

/// The status that a program left with, if that is why it stopped.
pub fn exit_status(trap: &Trap) -> Option<u32> {
    trap.downcast_ref::<GuestExit>().map(|exit| exit.0)
}
