//! Time as the task loop sees it: behind a trait, so that a test can turn the hands.

use std::fmt;
use std::time::Duration;

use crate::platform::clock;

/// A clock.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Time since some fixed moment; never goes back.
    fn now(&self) -> Duration;

    /// Processor time that the calling thread has used.
    fn thread_cpu(&self) -> Duration;
}

/// The system's clocks.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        clock::monotonic()
    }

    fn thread_cpu(&self) -> Duration {
        clock::thread_cpu_time()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_forward() {
        let clock = SystemClock;
        let (now, cpu) = (clock.now(), clock.thread_cpu());
        assert!(clock.now() >= now);
        assert!(clock.thread_cpu() >= cpu);
    }
}
