//! Clocks (WASI snapshot preview1 document, `clock_res_get`, `clock_time_get`).

use rustix::time::Timespec;

use super::errno::Outcome;
use super::memory;
use super::table::WasiCall;
use super::types::ClockId;

/// Nanoseconds in a second.
pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// Now, in nanoseconds.
pub(crate) fn now_ns(clock: ClockId) -> u64 {
    nanoseconds(rustix::time::clock_gettime(host_clock(clock)))
}

fn host_clock(clock: ClockId) -> rustix::time::ClockId {
    match clock {
        ClockId::Realtime => rustix::time::ClockId::Realtime,
        ClockId::Monotonic => rustix::time::ClockId::Monotonic,
        ClockId::ProcessCpu => rustix::time::ClockId::ProcessCPUTime,
        ClockId::ThreadCpu => rustix::time::ClockId::ThreadCPUTime,
    }
}

/// A time before 1970 has no number in the ABI; zero is the nearest.
fn nanoseconds(time: Timespec) -> u64 {
    timestamp_ns(time.tv_sec, time.tv_nsec)
}

/// Seconds and nanoseconds as the ABI's timestamp.
pub(crate) fn timestamp_ns(seconds: i64, nanoseconds: i64) -> u64 {
    let seconds_ns = u64::try_from(seconds).unwrap_or(0).saturating_mul(SECOND_NS);
    if seconds < 0 { 0 } else { seconds_ns.saturating_add(u64::try_from(nanoseconds).unwrap_or(0)) }
}

/// `clock_res_get`: the resolution of a clock.
pub(crate) fn clock_res_get(call: &mut WasiCall<'_>, id: u32, out: u32) -> Outcome {
    let resolution = rustix::time::clock_getres(host_clock(ClockId::decode(id)?));
    // Zero would read as "no such clock".
    Ok(memory::write_u64(call.memory, out, nanoseconds(resolution).max(1))?)
}

/// `clock_time_get`: the time of a clock. The host's clocks are always as precise as they can be.
pub(crate) fn clock_time_get(call: &mut WasiCall<'_>, id: u32, _precision: u64, out: u32) -> Outcome {
    Ok(memory::write_u64(call.memory, out, now_ns(ClockId::decode(id)?))?)
}
