//! `memory.atomic.wait` and `notify` (threads proposal).
//!
//! While a memory belongs to one isolate nobody can notify a waiter: a wait ends by its timeout or by an interrupt, and `notify` wakes
//! nobody. The checks (alignment, bounds, sharedness) are those of the proposal. The waiter table that spans isolates comes with
//! memories that span isolates.

use std::time::{Duration, Instant};

use crate::abi::trap::TrapCode;
use crate::runtime::interrupt::InterruptHandle;
use crate::runtime::memory::MemoryObject;

/// The wait ended because the value was another.
const NOT_EQUAL: u64 = 1;
/// The wait ended by its timeout.
const TIMED_OUT: u64 = 2;
/// How often a waiter looks for an interrupt.
const SLICE: Duration = Duration::from_millis(10);

fn read<const N: usize>(memory: &MemoryObject, address: u64) -> Result<[u8; N], TrapCode> {
    if !address.is_multiple_of(N as u64) {
        return Err(TrapCode::UnalignedAtomic);
    }
    let start = usize::try_from(address).map_err(|_| TrapCode::MemoryOutOfBounds)?;
    let end = start.checked_add(N).ok_or(TrapCode::MemoryOutOfBounds)?;
    let bytes = memory.bytes().get(start..end).ok_or(TrapCode::MemoryOutOfBounds)?;
    bytes.try_into().map_err(|_| TrapCode::MemoryOutOfBounds)
}

fn wait(memory: &MemoryObject, interrupts: &InterruptHandle, equal: bool, timeout: i64) -> Result<u64, TrapCode> {
    if !memory.declared_type().shared {
        return Err(TrapCode::ExpectedSharedMemory);
    }
    if !equal {
        return Ok(NOT_EQUAL);
    }
    let deadline = u64::try_from(timeout).ok().and_then(|ns| Instant::now().checked_add(Duration::from_nanos(ns)));
    loop {
        if interrupts.is_pending() {
            return Err(TrapCode::Interrupted);
        }
        let left = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(TIMED_OUT);
        }
        std::thread::sleep(left.min(SLICE));
    }
}

pub(crate) fn wait32(
    memory: &MemoryObject,
    interrupts: &InterruptHandle,
    address: u64,
    expected: u32,
    timeout: i64,
) -> Result<u64, TrapCode> {
    let now = u32::from_le_bytes(read(memory, address)?);
    wait(memory, interrupts, now == expected, timeout)
}

pub(crate) fn wait64(
    memory: &MemoryObject,
    interrupts: &InterruptHandle,
    address: u64,
    expected: u64,
    timeout: i64,
) -> Result<u64, TrapCode> {
    let now = u64::from_le_bytes(read(memory, address)?);
    wait(memory, interrupts, now == expected, timeout)
}

pub(crate) fn notify(memory: &MemoryObject, address: u64, _count: u32) -> Result<u64, TrapCode> {
    read::<4>(memory, address)?;
    Ok(0)
}
