//! The guest's memory: every pointer is checked here, and nowhere is there another way to it.
//!
//! Idea: a guest pointer is only a number until it has become a range inside the memory; the functions below
//! answer `EFAULT` otherwise. Values are little-endian at any alignment. Vectored I/O becomes slices of the memory itself,
//! so that data is not copied on its way; only iovecs that overlap (for reading) go through a buffer, because two mutable
//! slices of the same bytes do not exist. Of a shared memory there are no slices at all: everything goes through buffers there,
//! and what was read once is not read again, as another thread may have changed it.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io::{IoSlice, IoSliceMut};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use smallvec::SmallVec;

use super::errno::{Errno, Outcome};
use crate::runtime::shared::SharedMemory;

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

/// How many bytes one call moves from or to a shared memory: it has a buffer of that size. A call with more is a short one.
const SHARED_TRANSFER_BYTES_MAX: usize = 1 << 20;

/// The memory of the calling guest.
#[derive(Debug)]
pub enum GuestMemory<'m> {
    /// It belongs to the guest's isolate, which waits for the call.
    Own(&'m mut [u8]),
    /// Other threads may be using it.
    Shared(&'m SharedMemory),
}

impl GuestMemory<'_> {
    /// Its bytes now; it does not shrink.
    fn len(&self) -> usize {
        match self {
            GuestMemory::Own(bytes) => bytes.len(),
            GuestMemory::Shared(memory) => usize::try_from(memory.len_bytes()).unwrap_or(usize::MAX),
        }
    }
}

/// What a call is to write to the host: bytes, and which parts of them in which order.
pub(crate) struct Outgoing<'m> {
    pub(crate) bytes: Cow<'m, [u8]>,
    pub(crate) ranges: Ranges,
}

/// Parts of the memory, checked and not empty, in the guest's order.
pub(crate) type Ranges = SmallVec<[Range<usize>; 8]>;

/// The checked range of `len` bytes at `ptr`.
pub(crate) fn range(memory: &GuestMemory<'_>, ptr: u32, len: usize) -> Result<Range<usize>, Errno> {
    let start = usize::try_from(ptr).map_err(|_| Errno::Fault)?;
    let end = start.checked_add(len).ok_or(Errno::Fault)?;
    if end > memory.len() { Err(Errno::Fault) } else { Ok(start..end) }
}

/// `count` records of `record_bytes` at `ptr`.
pub(crate) fn array(memory: &GuestMemory<'_>, ptr: u32, count: u32, record_bytes: usize) -> Result<Range<usize>, Errno> {
    let len = usize::try_from(count).ok().and_then(|count| count.checked_mul(record_bytes)).ok_or(Errno::Fault)?;
    range(memory, ptr, len)
}

/// The bytes of a range. It is for the caller to see that they are not too many for a copy.
pub(crate) fn read<'m>(memory: &'m GuestMemory<'_>, range: Range<usize>) -> Result<Cow<'m, [u8]>, Errno> {
    match memory {
        GuestMemory::Own(bytes) => bytes.get(range).map(Cow::Borrowed).ok_or(Errno::Fault),
        GuestMemory::Shared(memory) => {
            let mut bytes = vec![0; range.len()];
            memory.read(range.start as u64, &mut bytes).map_err(|_| Errno::Fault)?;
            Ok(Cow::Owned(bytes))
        }
    }
}

/// Has a range filled from its start on, as far as `fill` says. As for [`read`], it must not be too large.
pub(crate) fn fill(
    memory: &mut GuestMemory<'_>,
    range: Range<usize>,
    fill: &mut dyn FnMut(&mut [u8]) -> Outcome<usize>,
) -> Outcome<usize> {
    match memory {
        GuestMemory::Own(bytes) => fill(bytes.get_mut(range).ok_or(Errno::Fault)?),
        GuestMemory::Shared(memory) => {
            let mut buffer = vec![0; range.len()];
            let count = fill(&mut buffer)?.min(buffer.len());
            memory.write(range.start as u64, &buffer[..count]).map_err(|_| Errno::Fault)?;
            Ok(count)
        }
    }
}

/// Writes a record or value at `ptr`.
pub(crate) fn write(memory: &mut GuestMemory<'_>, ptr: u32, value: &[u8]) -> Result<(), Errno> {
    let range = range(memory, ptr, value.len())?;
    put(memory, range.start, value)
}

fn put(memory: &mut GuestMemory<'_>, at: usize, value: &[u8]) -> Result<(), Errno> {
    match memory {
        GuestMemory::Own(bytes) => {
            let target = bytes.get_mut(at..).and_then(|tail| tail.get_mut(..value.len())).ok_or(Errno::Fault)?;
            target.copy_from_slice(value);
            Ok(())
        }
        GuestMemory::Shared(memory) => memory.write(at as u64, value).map_err(|_| Errno::Fault),
    }
}

pub(crate) fn write_u32(memory: &mut GuestMemory<'_>, ptr: u32, value: u32) -> Result<(), Errno> {
    write(memory, ptr, &value.to_le_bytes())
}

pub(crate) fn write_u64(memory: &mut GuestMemory<'_>, ptr: u32, value: u64) -> Result<(), Errno> {
    write(memory, ptr, &value.to_le_bytes())
}

/// Writes a count of the host as a `size`; one that does not fit is `EOVERFLOW`.
pub(crate) fn write_size(memory: &mut GuestMemory<'_>, ptr: u32, value: usize) -> Result<(), Errno> {
    write_u32(memory, ptr, u32::try_from(value).map_err(|_| Errno::Overflow)?)
}

/// Pointer and length of an iovec.
fn read_iovec(memory: &GuestMemory<'_>, at: usize) -> Result<(u32, u32), Errno> {
    let word = match memory {
        GuestMemory::Own(bytes) => *bytes.get(at..).and_then(|tail| tail.first_chunk()).ok_or(Errno::Fault)?,
        GuestMemory::Shared(memory) => {
            let mut word = [0; IOVEC_BYTES];
            memory.read(at as u64, &mut word).map_err(|_| Errno::Fault)?;
            word
        }
    };
    let word = u64::from_le_bytes(word);
    Ok((word as u32, (word >> 32) as u32))
}

/// A relative path of the guest.
///
/// Names are bytes here as they are on the host: a name that is not UTF-8 can be listed, opened and removed like any other.
pub(crate) fn path<'m>(memory: &'m GuestMemory<'_>, ptr: u32, len: u32) -> Result<Cow<'m, Path>, Errno> {
    let name = name(memory, ptr, len)?;
    // cap-std would refuse it too; the answer is the same for every function if it is given here.
    if name.first() == Some(&b'/') {
        return Err(Errno::Notcapable);
    }
    Ok(match name {
        Cow::Borrowed(name) => Cow::Borrowed(Path::new(OsStr::from_bytes(name))),
        Cow::Owned(name) => Cow::Owned(OsString::from_vec(name).into()),
    })
}

fn name<'m>(memory: &'m GuestMemory<'_>, ptr: u32, len: u32) -> Result<Cow<'m, [u8]>, Errno> {
    let range = array(memory, ptr, len, 1)?;
    if range.is_empty() {
        return Err(Errno::Noent);
    }
    if range.len() >= PATH_BYTES_MAX {
        return Err(Errno::Nametoolong);
    }
    let name = read(memory, range)?;
    if name.contains(&0) {
        return Err(Errno::Inval);
    }
    Ok(name)
}

/// The parts of memory that an array of iovecs names.
pub(crate) fn iovecs(memory: &GuestMemory<'_>, ptr: u32, count: u32) -> Result<Ranges, Errno> {
    let array = array(memory, ptr, count, IOVEC_BYTES)?;
    if count > IOVEC_COUNT_REFUSED {
        return Err(Errno::Inval);
    }
    let mut ranges = Ranges::new();
    let mut left = match memory {
        GuestMemory::Own(_) => TRANSFER_BYTES_MAX,
        GuestMemory::Shared(_) => SHARED_TRANSFER_BYTES_MAX,
    };
    for at in array.step_by(IOVEC_BYTES) {
        let (buf, len) = read_iovec(memory, at)?;
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

/// The bytes that an array of iovecs names, to write them.
pub(crate) fn outgoing<'m>(memory: &'m GuestMemory<'_>, ptr: u32, count: u32) -> Result<Outgoing<'m>, Errno> {
    let ranges = iovecs(memory, ptr, count)?;
    match memory {
        GuestMemory::Own(bytes) => Ok(Outgoing { bytes: Cow::Borrowed(bytes), ranges }),
        GuestMemory::Shared(shared) => {
            let mut bytes = vec![0; total_bytes(&ranges)];
            let (mut rest, mut copied) = (&mut bytes[..], Ranges::new());
            for range in ranges {
                let start = copied.last().map_or(0, |last| last.end);
                copied.push(start..start + range.len());
                let (part, tail) = rest.split_at_mut_checked(range.len()).ok_or(Errno::Fault)?;
                shared.read(range.start as u64, part).map_err(|_| Errno::Fault)?;
                rest = tail;
            }
            Ok(Outgoing { bytes: Cow::Owned(bytes), ranges: copied })
        }
    }
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
    memory: &mut GuestMemory<'_>,
    ranges: &[Range<usize>],
    read: &mut dyn FnMut(&mut [IoSliceMut<'_>]) -> Outcome<usize>,
) -> Outcome<usize> {
    let bytes = match memory {
        GuestMemory::Own(bytes) => bytes,
        GuestMemory::Shared(_) => return scatter_copies(memory, ranges, SHARED_TRANSFER_BYTES_MAX, read),
    };
    if let [range] = ranges {
        let part = bytes.get_mut(range.clone()).ok_or(Errno::Fault)?;
        return read(&mut [IoSliceMut::new(part)]);
    }
    let mut order: SmallVec<[usize; 8]> = (0..ranges.len()).collect();
    order.sort_unstable_by_key(|&index| ranges[index].start);
    if order.windows(2).any(|pair| ranges[pair[0]].end > ranges[pair[1]].start) {
        return scatter_copies(memory, ranges, OVERLAP_BYTES_MAX, read);
    }
    read(&mut split(bytes, ranges, &order).ok_or(Errno::Fault)?)
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
fn scatter_copies(
    memory: &mut GuestMemory<'_>,
    ranges: &[Range<usize>],
    bytes_max: usize,
    read: &mut dyn FnMut(&mut [IoSliceMut<'_>]) -> Outcome<usize>,
) -> Outcome<usize> {
    let mut buffer = vec![0; total_bytes(ranges).min(bytes_max)];
    let count = read(&mut [IoSliceMut::new(&mut buffer)])?.min(buffer.len());
    let mut data = &buffer[..count];
    for range in ranges {
        let (part, rest) = data.split_at(range.len().min(data.len()));
        put(memory, range.start, part)?;
        data = rest;
    }
    Ok(count)
}
