//! The guest's memory: every pointer is checked here, and nowhere is there another way to it.
//!
//! Idea: a guest pointer is only a number until it has become a range inside the memory's slice; the functions below
//! answer `EFAULT` otherwise. Values are little-endian at any alignment. Vectored I/O becomes slices of the memory itself,
//! so that data is not copied on its way; only iovecs that overlap (for reading) go through a buffer, because two mutable
//! slices of the same bytes do not exist.

use std::ffi::OsStr;
use std::io::{IoSlice, IoSliceMut};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use smallvec::SmallVec;

use super::errno::{Errno, Outcome};

/// How many iovecs one call uses (Linux's `IOV_MAX`). More are legal: the call is then a short read or write.
const IOVEC_COUNT_MAX: usize = 1024;

/// More iovecs than this are refused: the walk over them could not be cancelled.
const IOVEC_COUNT_REFUSED: u32 = 1 << 20;

/// How many bytes one call moves (Linux's limit too), so that a count always fits the ABI's `size`.
const TRANSFER_BYTES_MAX: usize = 0x7fff_f000;

/// Bytes of an `iovec` or `ciovec`: pointer and length.
const IOVEC_BYTES: usize = 8;

/// The longest path that is handed to the host.
const PATH_BYTES_MAX: usize = 4096;

/// The size of the buffer through which overlapping iovecs are read.
const OVERLAP_BYTES_MAX: usize = 64 * 1024;

/// Parts of the memory, checked and not empty, in the guest's order.
pub(crate) type Ranges = SmallVec<[Range<usize>; 8]>;

/// The checked range of `len` bytes at `ptr`.
pub(crate) fn range(memory: &[u8], ptr: u32, len: usize) -> Result<Range<usize>, Errno> {
    let start = usize::try_from(ptr).map_err(|_| Errno::Fault)?;
    let end = start.checked_add(len).ok_or(Errno::Fault)?;
    if end > memory.len() { Err(Errno::Fault) } else { Ok(start..end) }
}

/// `count` records of `record_bytes` at `ptr`.
pub(crate) fn array(memory: &[u8], ptr: u32, count: u32, record_bytes: usize) -> Result<Range<usize>, Errno> {
    let len = usize::try_from(count).ok().and_then(|count| count.checked_mul(record_bytes)).ok_or(Errno::Fault)?;
    range(memory, ptr, len)
}

pub(crate) fn bytes(memory: &[u8], ptr: u32, len: u32) -> Result<&[u8], Errno> {
    let range = array(memory, ptr, len, 1)?;
    memory.get(range).ok_or(Errno::Fault)
}

pub(crate) fn bytes_mut(memory: &mut [u8], ptr: u32, len: u32) -> Result<&mut [u8], Errno> {
    let range = array(memory, ptr, len, 1)?;
    memory.get_mut(range).ok_or(Errno::Fault)
}

/// Writes a record or value at `ptr`.
pub(crate) fn write(memory: &mut [u8], ptr: u32, value: &[u8]) -> Result<(), Errno> {
    let range = range(memory, ptr, value.len())?;
    memory.get_mut(range).ok_or(Errno::Fault)?.copy_from_slice(value);
    Ok(())
}

pub(crate) fn write_u32(memory: &mut [u8], ptr: u32, value: u32) -> Result<(), Errno> {
    write(memory, ptr, &value.to_le_bytes())
}

pub(crate) fn write_u64(memory: &mut [u8], ptr: u32, value: u64) -> Result<(), Errno> {
    write(memory, ptr, &value.to_le_bytes())
}

/// Writes a count of the host as a `size`; one that does not fit is `EOVERFLOW`.
pub(crate) fn write_size(memory: &mut [u8], ptr: u32, value: usize) -> Result<(), Errno> {
    write_u32(memory, ptr, u32::try_from(value).map_err(|_| Errno::Overflow)?)
}

fn read_u32(memory: &[u8], at: usize) -> Result<u32, Errno> {
    let value = memory.get(at..).and_then(|tail| tail.first_chunk::<4>()).ok_or(Errno::Fault)?;
    Ok(u32::from_le_bytes(*value))
}

/// A relative path of the guest.
///
/// Names are bytes here as they are on the host: a name that is not UTF-8 can be listed, opened and removed like any other.
pub(crate) fn path(memory: &[u8], ptr: u32, len: u32) -> Result<&Path, Errno> {
    let name = name(memory, ptr, len)?;
    // cap-std would refuse it too; the answer is the same for every function if it is given here.
    if name.first() == Some(&b'/') {
        return Err(Errno::Notcapable);
    }
    Ok(Path::new(OsStr::from_bytes(name)))
}

fn name(memory: &[u8], ptr: u32, len: u32) -> Result<&[u8], Errno> {
    let name = bytes(memory, ptr, len)?;
    if name.is_empty() {
        return Err(Errno::Noent);
    }
    if name.len() >= PATH_BYTES_MAX {
        return Err(Errno::Nametoolong);
    }
    if name.contains(&0) {
        return Err(Errno::Inval);
    }
    Ok(name)
}

/// The parts of memory that an array of iovecs names.
pub(crate) fn iovecs(memory: &[u8], ptr: u32, count: u32) -> Result<Ranges, Errno> {
    let array = array(memory, ptr, count, IOVEC_BYTES)?;
    if count > IOVEC_COUNT_REFUSED {
        return Err(Errno::Inval);
    }
    let mut ranges = Ranges::new();
    let mut left = TRANSFER_BYTES_MAX;
    for at in array.step_by(IOVEC_BYTES) {
        let (buf, len) = (read_u32(memory, at)?, read_u32(memory, at + 4)?);
        let part = self::array(memory, buf, len, 1)?;
        if part.is_empty() {
            continue;
        }
        // The rest stays unread, and unchecked: a million iovecs must not cost a million checks.
        if ranges.len() == IOVEC_COUNT_MAX || left == 0 {
            break;
        }
        let taken = part.len().min(left);
        left -= taken;
        ranges.push(part.start..part.start + taken);
    }
    Ok(ranges)
}

/// The sum of the ranges' lengths.
pub(crate) fn total_bytes(ranges: &[Range<usize>]) -> usize {
    ranges.iter().fold(0, |sum: usize, range| sum.saturating_add(range.len()))
}

/// The ranges as slices to write from, leaving out the first `skip` bytes and all after `limit` bytes.
pub(crate) fn gather<'m>(
    memory: &'m [u8],
    ranges: &[Range<usize>],
    mut skip: usize,
    mut limit: usize,
) -> SmallVec<[IoSlice<'m>; 8]> {
    let mut slices = SmallVec::new();
    for range in ranges {
        let Some(part) = memory.get(range.clone()) else { continue };
        let (skipped, len) = (skip.min(part.len()), part.len());
        skip -= skipped;
        let part = &part[skipped..len.min(skipped.saturating_add(limit))];
        if !part.is_empty() {
            limit -= part.len();
            slices.push(IoSlice::new(part));
        }
    }
    slices
}

/// Runs `read` on the ranges as slices to read into.
pub(crate) fn scatter(
    memory: &mut [u8],
    ranges: &[Range<usize>],
    read: &mut dyn FnMut(&mut [IoSliceMut<'_>]) -> Outcome<usize>,
) -> Outcome<usize> {
    if let [range] = ranges {
        let part = memory.get_mut(range.clone()).ok_or(Errno::Fault)?;
        return read(&mut [IoSliceMut::new(part)]);
    }
    let mut order: SmallVec<[usize; 8]> = (0..ranges.len()).collect();
    order.sort_unstable_by_key(|&index| ranges[index].start);
    if order.windows(2).any(|pair| ranges[pair[0]].end > ranges[pair[1]].start) {
        return scatter_overlapping(memory, ranges, read);
    }
    read(&mut split(memory, ranges, &order).ok_or(Errno::Fault)?)
}

/// Disjoint ranges, given also in the order of their places, as mutable slices.
fn split<'m>(memory: &'m mut [u8], ranges: &[Range<usize>], order: &[usize]) -> Option<SmallVec<[IoSliceMut<'m>; 8]>> {
    let mut parts: SmallVec<[Option<&'m mut [u8]>; 8]> = ranges.iter().map(|_| None).collect();
    let (mut rest, mut rest_start) = (memory, 0);
    for &index in order {
        let range = &ranges[index];
        let (_, tail) = rest.split_at_mut_checked(range.start.checked_sub(rest_start)?)?;
        let (part, tail) = tail.split_at_mut_checked(range.len())?;
        parts[index] = Some(part);
        (rest, rest_start) = (tail, range.end);
    }
    parts.into_iter().map(|part| part.map(IoSliceMut::new)).collect()
}

/// Reads once into a buffer and deals it out; later iovecs overwrite earlier ones, as they would on the host.
fn scatter_overlapping(
    memory: &mut [u8],
    ranges: &[Range<usize>],
    read: &mut dyn FnMut(&mut [IoSliceMut<'_>]) -> Outcome<usize>,
) -> Outcome<usize> {
    let mut buffer = vec![0; total_bytes(ranges).min(OVERLAP_BYTES_MAX)];
    let count = read(&mut [IoSliceMut::new(&mut buffer)])?.min(buffer.len());
    let mut data = &buffer[..count];
    for range in ranges {
        let (part, rest) = data.split_at(range.len().min(data.len()));
        let target = memory.get_mut(range.start..range.start + part.len()).ok_or(Errno::Fault)?;
        target.copy_from_slice(part);
        data = rest;
    }
    Ok(count)
}
