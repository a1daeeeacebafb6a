//! Waiting for the host without losing the guest's deadline.
//!
//! Idea: nothing waits longer than [`SLICE`] at a time; between two slices the cancellation probe is asked.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

use super::errno::{Errno, Outcome};
use super::table::Stop;

/// The longest time between two looks at the cancellation probe.
pub(crate) const SLICE: Duration = Duration::from_millis(10);

/// Answers `Stop::Interrupted` when the probe says so.
pub(crate) fn check(interrupted: &dyn Fn() -> bool) -> Outcome {
    if interrupted() { Err(Stop::Interrupted.into()) } else { Ok(()) }
}

/// Waits for `events` on a descriptor of the host; `EAGAIN` at once when the guest does not want to wait.
pub(crate) fn ready(fd: impl AsFd, events: PollFlags, nonblocking: bool, interrupted: &dyn Fn() -> bool) -> Outcome {
    let mut set = [PollFd::new(&fd, events)];
    loop {
        check(interrupted)?;
        if poll(&mut set, if nonblocking { Duration::ZERO } else { SLICE })? > 0 {
            // An error condition counts as ready: the operation that follows names it.
            return Ok(());
        }
        if nonblocking {
            return Err(Errno::Again.into());
        }
    }
}

/// One look at a set, of at most the given time; a signal ends it early with nothing ready.
pub(crate) fn poll(set: &mut [PollFd<'_>], time: Duration) -> Outcome<usize> {
    let timeout = Timespec::try_from(time).map_err(|_| Errno::Inval)?;
    match rustix::event::poll(set, Some(&timeout)) {
        Ok(count) => Ok(count),
        Err(rustix::io::Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
