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
    add_to_linker(linker).map_err(Exit::failure)?;
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

/// The status that a program left with, if that is why it stopped.
pub fn exit_status(trap: &Trap) -> Option<u32> {
    trap.downcast_ref::<GuestExit>().map(|exit| exit.0)
}
