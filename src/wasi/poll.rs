//! Waiting for several things (WASI snapshot preview1 document, `poll_oneoff`).
//!
//! Idea: first everything that needs no waiting is collected: errors, files, streams of the embedder. What is left is a
//! set for the host's `poll` and deadlines; the set is polled in slices of at most 10 ms (`wait`) until something is ready.
//! An error of one subscription is an event, not the error of the call.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::clock;
use super::errno::{Errno, Outcome};
use super::fds::{Descriptor, Kind};
use super::host::Class;
use super::memory;
use super::table::WasiCall;
use super::types::{self, ClockId, Event, EventType, Fd, Rights, SubClockFlags, Subscription, SubscriptionKind};
use super::wait;

/// More subscriptions than this are refused; hosts have such a limit too.
const SUBSCRIPTION_COUNT_MAX: u32 = 1 << 16;

/// What a writable stream takes at least.
const WRITABLE_BYTES: u64 = 4096;

/// `poll_oneoff`: waits until at least one subscription has something to tell.
pub(crate) fn poll_oneoff(call: &mut WasiCall<'_>, subscriptions: u32, events: u32, count: u32, out: u32) -> Outcome {
    if count == 0 || count > SUBSCRIPTION_COUNT_MAX {
        return Err(Errno::Inval.into());
    }
    memory::range(call.memory, out, 4)?;
    memory::array(call.memory, events, count, Event::BYTES)?;
    let records = memory::array(call.memory, subscriptions, count, Subscription::BYTES)?;
    let records = memory::read(call.memory, records)?;
    let (records, _) = records.as_chunks();
    let mut plan = Plan::default();
    for record in records {
        plan.add(call, Subscription::decode(record)?);
    }
    let ready = plan.wait(call.interrupted)?;
    // The records were read before the first event is written: the guest may use one place for both.
    let written: Vec<u8> = ready.iter().flat_map(Event::encode).collect();
    memory::write(call.memory, events, &written)?;
    Ok(memory::write_size(call.memory, out, ready.len())?)
}

/// A clock that will ring.
struct Deadline {
    userdata: u64,
    clock: ClockId,
    at_ns: u64,
}

/// What has to be waited for, sorted by how.
#[derive(Default)]
struct Plan<'c> {
    events: Vec<Event>,
    deadlines: Vec<Deadline>,
    /// The host's set, and whose each member is.
    set: Vec<PollFd<'c>>,
    owners: Vec<(u64, EventType, BorrowedFd<'c>)>,
}

impl<'c> Plan<'c> {
    fn add(&mut self, call: &'c WasiCall<'_>, subscription: Subscription) {
        let userdata = subscription.userdata;
        let (event, added) = match subscription.kind {
            SubscriptionKind::Clock { clock, timeout_ns, flags } => {
                (EventType::Clock, self.add_clock(userdata, clock, timeout_ns, flags))
            }
            SubscriptionKind::Fd { fd, event } => (event, self.add_fd(call, userdata, fd, event)),
        };
        if let Err(error) = added {
            self.events.push(Event { userdata, error, event, available_bytes: 0, hangup: false });
        }
    }

    fn add_clock(&mut self, userdata: u64, clock: u32, timeout_ns: u64, flags: u32) -> Result<(), Errno> {
        let flags: SubClockFlags = types::flags(flags)?;
        let deadline = match (ClockId::decode(clock)?, flags.contains(SubClockFlags::ABSTIME)) {
            (ClockId::ProcessCpu | ClockId::ThreadCpu, _) => return Err(Errno::Notsup),
            (clock, true) => Deadline { userdata, clock, at_ns: timeout_ns },
            // A span is a span, whatever happens to the calendar meanwhile.
            (_, false) => {
                let clock = ClockId::Monotonic;
                Deadline { userdata, clock, at_ns: clock::now_ns(clock).saturating_add(timeout_ns) }
            }
        };
        self.deadlines.push(deadline);
        Ok(())
    }

    fn add_fd(&mut self, call: &'c WasiCall<'_>, userdata: u64, fd: Fd, event: EventType) -> Result<(), Errno> {
        let descriptor = call.ctx.fds.any(fd)?;
        let reading = event == EventType::FdRead;
        let direction = if reading { Rights::FD_READ } else { Rights::FD_WRITE };
        descriptor.require(Rights::POLL_FD_READWRITE | direction)?;
        match waiting(descriptor) {
            Some(host) => {
                let flags = if reading { PollFlags::IN | PollFlags::RDHUP } else { PollFlags::OUT };
                self.set.push(PollFd::from_borrowed_fd(host, flags));
                self.owners.push((userdata, event, host));
            }
            None => {
                let available_bytes = if reading { readable_bytes(descriptor) } else { WRITABLE_BYTES };
                self.events.push(Event { userdata, error: Errno::Success, event, available_bytes, hangup: false });
            }
        }
        Ok(())
    }

    /// Waits for the first events and returns all that are there then.
    fn wait(mut self, interrupted: &dyn Fn() -> bool) -> Outcome<Vec<Event>> {
        loop {
            wait::check(interrupted)?;
            let left = self.deadlines.iter().map(Deadline::left_ns).min();
            let slice = match left {
                _ if !self.events.is_empty() => Duration::ZERO,
                Some(ns) => wait::SLICE.min(Duration::from_nanos(ns)),
                None => wait::SLICE,
            };
            if wait::poll(&mut self.set, slice)? > 0 {
                self.collect();
            }
            for deadline in self.deadlines.iter().filter(|deadline| deadline.left_ns() == 0) {
                self.events.push(Event {
                    userdata: deadline.userdata,
                    error: Errno::Success,
                    event: EventType::Clock,
                    available_bytes: 0,
                    hangup: false,
                });
            }
            if !self.events.is_empty() {
                return Ok(self.events);
            }
        }
    }

    /// Makes events of what the host found ready.
    fn collect(&mut self) {
        for (member, &(userdata, event, host)) in self.set.iter().zip(&self.owners) {
            let found = member.revents();
            if found.is_empty() {
                continue;
            }
            let available_bytes = match event {
                EventType::FdRead => rustix::io::ioctl_fionread(host).unwrap_or(1),
                _ => WRITABLE_BYTES,
            };
            let hangup = found.intersects(PollFlags::HUP | PollFlags::RDHUP);
            self.events.push(Event { userdata, error: Errno::Success, event, available_bytes, hangup });
        }
    }
}

impl Deadline {
    fn left_ns(&self) -> u64 {
        self.at_ns.saturating_sub(clock::now_ns(self.clock))
    }
}

/// The host's descriptor, if it can make a reader or writer wait.
fn waiting(descriptor: &Descriptor) -> Option<BorrowedFd<'_>> {
    match &descriptor.kind {
        Kind::Host(host) if host.class != Class::Regular => Some(host.fd.as_fd()),
        _ => None,
    }
}

/// What can be read without waiting from a descriptor that never makes one wait.
fn readable_bytes(descriptor: &Descriptor) -> u64 {
    match &descriptor.kind {
        Kind::Host(host) => {
            let size = rustix::fs::fstat(&host.fd).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0));
            size.saturating_sub(rustix::fs::tell(&host.fd).unwrap_or(0))
        }
        Kind::Input { data, position } => (data.len() - position) as u64,
        Kind::Dir(_) | Kind::Output(_) => 0,
    }
}
