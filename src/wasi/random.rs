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
    let place = memory::array(call.memory, buf, len, 1)?;
    for start in place.clone().step_by(CHUNK_BYTES) {
        let chunk = start..place.end.min(start + CHUNK_BYTES);
        memory::fill(call.memory, chunk, &mut |chunk| fill(chunk, call.interrupted))?;
    }
    Ok(())
}

fn fill(chunk: &mut [u8], interrupted: &dyn Fn() -> bool) -> Outcome<usize> {
    let mut filled = 0;
    while filled < chunk.len() {
        match getrandom(&mut chunk[filled..], GetRandomFlags::empty()) {
            Ok(0) => return Err(Errno::Io.into()),
            Ok(count) => filled += count,
            Err(HostErrno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        wait::check(interrupted)?;
    }
    Ok(filled)
}
