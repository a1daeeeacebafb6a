//! Randomness (WASI snapshot preview1 document, `random_get`).

use rustix::io::Errno as HostErrno;
use rustix::rand::{GetRandomFlags, getrandom};

use super::errno::{Errno, Outcome};
use super::memory;
use super::table::WasiCall;
use super::wait;

/// How much is filled between two looks at the cancellation probe.
const CHUNK_BYTES: usize = 1 << 20;

/// `random_get`: fills a buffer with bytes of the host's cryptographic generator.
pub(crate) fn random_get(call: &mut WasiCall<'_>, buf: u32, len: u32) -> Outcome {
    let buffer = memory::bytes_mut(call.memory, buf, len)?;
    for chunk in buffer.chunks_mut(CHUNK_BYTES) {
        let mut filled = 0;
        while filled < chunk.len() {
            match getrandom(&mut chunk[filled..], GetRandomFlags::empty()) {
                Ok(0) => return Err(Errno::Io.into()),
                Ok(count) => filled += count,
                Err(HostErrno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            wait::check(call.interrupted)?;
        }
    }
    Ok(())
}
