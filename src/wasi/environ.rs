//! Arguments and environment (WASI snapshot preview1 document, `args_get` and following, `environ_get` and following).

use super::errno::{Errno, Outcome};
use super::memory::{self, GuestMemory};
use super::table::WasiCall;

/// Bytes of a guest pointer.
const POINTER_BYTES: usize = 4;

/// `args_get`: the arguments, NUL-terminated, and an array of pointers to them.
pub(crate) fn args_get(call: &mut WasiCall<'_>, argv: u32, buf: u32) -> Outcome {
    Ok(write_strings(call.memory, &call.ctx.args, argv, buf)?)
}

/// `args_sizes_get`: how many arguments, and how many bytes they need.
pub(crate) fn args_sizes_get(call: &mut WasiCall<'_>, count: u32, size: u32) -> Outcome {
    Ok(write_sizes(call.memory, &call.ctx.args, count, size)?)
}

/// `environ_get`: the variables as `NAME=VALUE`, NUL-terminated, and an array of pointers to them.
pub(crate) fn environ_get(call: &mut WasiCall<'_>, environ: u32, buf: u32) -> Outcome {
    Ok(write_strings(call.memory, &call.ctx.env, environ, buf)?)
}

/// `environ_sizes_get`: how many variables, and how many bytes they need.
pub(crate) fn environ_sizes_get(call: &mut WasiCall<'_>, count: u32, size: u32) -> Outcome {
    Ok(write_sizes(call.memory, &call.ctx.env, count, size)?)
}

fn write_sizes(memory: &mut GuestMemory<'_>, strings: &[Vec<u8>], count: u32, size: u32) -> Result<(), Errno> {
    let total: usize = strings.iter().map(|string| string.len() + 1).sum();
    memory::write_size(memory, count, strings.len())?;
    memory::write_size(memory, size, total)
}

fn write_strings(memory: &mut GuestMemory<'_>, strings: &[Vec<u8>], pointers: u32, buf: u32) -> Result<(), Errno> {
    let (mut slot, mut target) = (pointers as usize, buf as usize);
    for string in strings {
        let at = |place: usize| u32::try_from(place).map_err(|_| Errno::Fault);
        memory::write_u32(memory, at(slot)?, at(target)?)?;
        memory::write(memory, at(target)?, string)?;
        memory::write(memory, at(target + string.len())?, &[0])?;
        slot += POINTER_BYTES;
        target += string.len() + 1;
    }
    Ok(())
}
