//! `memory.atomic.wait` and `notify` (threads proposal): the checks, and the way to the memory's waiters.
//!
//! The order of checks is the proposal's: alignment, bounds, then whether the memory is shared. While a thread waits, its isolate's
//! interrupts know the [`Waiter`] and wake it ([`InterruptHandle`]).

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use crate::abi::trap::TrapCode;
use crate::base::sync::model;
use crate::runtime::interrupt::InterruptHandle;
use crate::runtime::memory::MemoryObject;
use crate::runtime::shared::SharedMemory;
use crate::runtime::waiters::{WaitEnd, Waiter};

/// The wait ended by a `notify`.
const WOKEN: u64 = 0;
/// The wait ended because the value was another.
const NOT_EQUAL: u64 = 1;
/// The wait ended by its timeout.
const TIMED_OUT: u64 = 2;

fn check(memory: &MemoryObject, address: u64, bytes: u64) -> Result<(), TrapCode> {
    if !address.is_multiple_of(bytes) {
        return Err(TrapCode::UnalignedAtomic);
    }
    let end = address.checked_add(bytes).filter(|&end| end <= memory.len_bytes());
    end.map(|_| ()).ok_or(TrapCode::MemoryOutOfBounds)
}

fn wait(
    memory: &SharedMemory,
    interrupts: &InterruptHandle,
    address: u64,
    timeout: i64,
    is_expected: impl Fn() -> bool,
) -> Result<u64, TrapCode> {
    if !is_expected() {
        return Ok(NOT_EQUAL);
    }
    // A negative timeout is none, and so is one that the clock cannot express.
    let deadline = u64::try_from(timeout).ok().and_then(|ns| Instant::now().checked_add(Duration::from_nanos(ns)));
    let waiter = Waiter::new(memory.waiters());
    if !interrupts.begin_wait(model::Arc::clone(&waiter)) {
        return Err(TrapCode::Interrupted);
    }
    let end = Waiter::wait(&waiter, address, deadline, is_expected);
    interrupts.end_wait();
    match end {
        WaitEnd::Woken => Ok(WOKEN),
        WaitEnd::NotEqual => Ok(NOT_EQUAL),
        WaitEnd::TimedOut => Ok(TIMED_OUT),
        WaitEnd::Interrupted => Err(TrapCode::Interrupted),
    }
}

pub(crate) fn wait32(
    memory: &MemoryObject,
    interrupts: &InterruptHandle,
    address: u64,
    expected: u32,
    timeout: i64,
) -> Result<u64, TrapCode> {
    check(memory, address, 4)?;
    let memory = memory.as_shared().ok_or(TrapCode::ExpectedSharedMemory)?;
    wait(memory, interrupts, address, timeout, || memory.load32(address) == Some(expected))
}

pub(crate) fn wait64(
    memory: &MemoryObject,
    interrupts: &InterruptHandle,
    address: u64,
    expected: u64,
    timeout: i64,
) -> Result<u64, TrapCode> {
    check(memory, address, 8)?;
    let memory = memory.as_shared().ok_or(TrapCode::ExpectedSharedMemory)?;
    wait(memory, interrupts, address, timeout, || memory.load64(address) == Some(expected))
}

/// Nobody can wait at a memory that is not shared: nobody is woken there.
pub(crate) fn notify(memory: &MemoryObject, address: u64, count: u32) -> Result<u64, TrapCode> {
    check(memory, address, 4)?;
    Ok(memory.as_shared().map_or(0, |memory| u64::from(memory.notify(address, count))))
}
