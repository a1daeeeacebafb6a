//! Clocks: monotonic time, and the processor time of a thread and of the process.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time since some moment in the past; it never goes back.
pub fn monotonic() -> Duration {
    read(ClockId::Monotonic)
}

/// Processor time that the current thread has used.
pub fn thread_cpu_time() -> Duration {
    read(ClockId::ThreadCPUTime)
}

/// Processor time that all threads of the process have used.
pub fn process_cpu_time() -> Duration {
    read(ClockId::ProcessCPUTime)
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    // These clocks start at zero and have valid nanoseconds.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
