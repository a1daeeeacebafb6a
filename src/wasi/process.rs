//! The process (WASI snapshot preview1 document, `proc_exit`, `proc_raise`, `sched_yield`).

use super::errno::{Errno, Outcome};
use super::table::{Stop, WasiCall};
use super::wait;

/// What shells add to a signal's number for the status of a process that it ended.
const SIGNAL_STATUS: u32 = 128;

/// `proc_exit`: the guest ends with a status.
pub(crate) fn proc_exit(_call: &mut WasiCall<'_>, status: u32) -> Outcome {
    Err(Stop::Exit(status).into())
}

/// `proc_raise`: a signal for the guest itself.
///
/// Guests cannot install handlers, so only the default actions are left: end, ignore, or stop. The host process never gets a
/// signal.
pub(crate) fn proc_raise(_call: &mut WasiCall<'_>, signal: u32) -> Outcome {
    match signal {
        // none, chld, cont, urg, winch: ignored.
        0 | 16 | 17 | 22 | 27 => Ok(()),
        // stop, tstp, ttin, ttou: nobody could continue it.
        18..=21 => Err(Errno::Notsup.into()),
        1..=30 => Err(Stop::Exit(SIGNAL_STATUS + signal).into()),
        _ => Err(Errno::Inval.into()),
    }
}

/// `sched_yield`: lets other threads run.
pub(crate) fn sched_yield(call: &mut WasiCall<'_>) -> Outcome {
    std::thread::yield_now();
    wait::check(call.interrupted)
}
