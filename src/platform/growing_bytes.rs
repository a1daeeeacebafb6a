//! Bytes that are read while more are written behind them.
//!
//! *Problem.* Workers compile from a module's bytes while the rest of them is still coming. A vector moves when it grows; a list of chunks is no slice.
//! *Idea.* Address space for as much as may come, of which pages are made accessible as bytes come, and a length that readers see. There
//! is one writer, by type; what it has written it never touches again.
//!
//! **Invariants:** bytes below the length that was published do not change and do not move, as long as a reader has them. Readers see no
//! byte above it.

use crate::base::sync::Arc;
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::platform::memory::{MemoryError, Reservation, round_to_page};

/// Pages are made accessible in steps of so many bytes, or of an eighth of what is there: each step is a call of the system.
const STEP_BYTES: usize = 64 << 10;

/// The reader's side. Its bytes are those that were written so far.
#[derive(Debug)]
pub struct GrowingBytes {
    reservation: Reservation,
    len: AtomicUsize,
}

impl AsRef<[u8]> for GrowingBytes {
    fn as_ref(&self) -> &[u8] {
        // Acquire: partner of the release in `append`.
        let len = self.len.load(Ordering::Acquire);
        // SAFETY: so many bytes were committed and written before the length was published. The writer writes above it only, the reservation
        // lives as long as `self`, and nobody has them as `&mut`.
        unsafe { std::slice::from_raw_parts(self.reservation.base(), len) }
    }
}

/// The writer's side. There is one: it is not cloned.
#[derive(Debug)]
pub struct GrowingWriter {
    bytes: Arc<GrowingBytes>,
    committed: usize,
}

impl GrowingWriter {
    /// Room for at most so many bytes; half as many, and again, where address space is short, but no less than the second number.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Reserve`]: not even that.
    pub fn new(max_bytes: usize, min_bytes: usize) -> Result<Self, MemoryError> {
        let mut room = max_bytes;
        let reservation = loop {
            match Reservation::new(room) {
                Err(MemoryError::Reserve { .. }) if room / 2 >= min_bytes.max(1) => room /= 2,
                made => break made?,
            }
        };
        let bytes = Arc::new(GrowingBytes { reservation, len: AtomicUsize::new(0) });
        Ok(GrowingWriter { bytes, committed: 0 })
    }

    /// What readers get.
    pub fn reader(&self) -> &Arc<GrowingBytes> {
        &self.bytes
    }

    /// How many bytes were written.
    pub fn len(&self) -> usize {
        (*self.bytes).as_ref().len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes there is room for.
    pub fn max_bytes(&self) -> usize {
        self.bytes.reservation.len_bytes()
    }

    /// Appends; the one copy that is made. Nothing is appended if there is an error.
    ///
    /// # Errors
    ///
    /// [`MemoryError::TooLarge`] beyond the room that there is, [`MemoryError::Commit`] when memory is short.
    pub fn append(&mut self, more: &[u8]) -> Result<(), MemoryError> {
        // Relaxed: this is the only writer.
        let len = self.bytes.len.load(Ordering::Relaxed);
        let room = self.max_bytes();
        let too_large = MemoryError::TooLarge { bytes: len.saturating_add(more.len()), alignment: 1 };
        let end = len.checked_add(more.len()).filter(|&end| end <= room).ok_or(too_large)?;
        self.commit_to(end)?;
        // SAFETY: the range is committed, inside the reservation, and above the published length, so that nobody reads it; `&mut self` is the
        // only writer. `more` may be bytes of this reservation below the length: the two do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(more.as_ptr(), self.bytes.reservation.base().add(len), more.len()) };
        // Release: partner of the acquire in `as_ref`.
        self.bytes.len.store(end, Ordering::Release);
        Ok(())
    }

    fn commit_to(&mut self, end: usize) -> Result<(), MemoryError> {
        if end <= self.committed {
            return Ok(());
        }
        let step = STEP_BYTES.max(self.committed / 8);
        let generous = self.committed.saturating_add(step).max(end);
        let wanted = round_to_page(generous).unwrap_or(end).min(self.max_bytes());
        self.bytes.reservation.commit(self.committed..wanted)?;
        self.committed = wanted;
        Ok(())
    }

    /// No more bytes will come: address space that is not needed is given back.
    pub fn finish(self) -> Arc<GrowingBytes> {
        // SAFETY: everything above what was committed is inaccessible, so that nobody uses it; below the length all stays.
        unsafe { self.bytes.reservation.release_tail(self.committed) };
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::sync::thread;

    #[test]
    fn what_was_read_stays_while_more_is_written() {
        let mut writer = GrowingWriter::new(1 << 30, 1 << 20).expect("address space");
        let reader = Arc::clone(writer.reader());
        let pattern = |at: usize| (at * 7 + at / 251) as u8;
        let check = move |bytes: &[u8]| bytes.iter().enumerate().all(|(at, &byte)| byte == pattern(at));
        let total = 3 << 20;
        let watcher = thread::spawn(move || {
            let first = loop {
                let bytes = (*reader).as_ref();
                if !bytes.is_empty() {
                    break bytes.as_ptr();
                }
                thread::yield_now();
            };
            loop {
                let bytes = (*reader).as_ref();
                assert!(bytes.as_ptr() == first && check(bytes));
                if bytes.len() == total {
                    return;
                }
            }
        });
        let all: Vec<u8> = (0..total).map(pattern).collect();
        let mut rest = &all[..];
        for len in (1..).map(|n: usize| n * 997) {
            let (now, later) = rest.split_at(len.min(rest.len()));
            writer.append(now).expect("memory");
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        watcher.join().expect("no byte changed");
        let bytes = writer.finish();
        assert!((*bytes).as_ref() == all);
    }

    #[test]
    fn there_is_an_end() {
        let mut writer = GrowingWriter::new(100_000, 1).expect("address space");
        let room = writer.max_bytes();
        writer.append(&vec![1; room - 1]).expect("room");
        assert!(matches!(writer.append(&[2, 3]), Err(MemoryError::TooLarge { .. })));
        writer.append(&[2]).expect("the last one");
        assert!(writer.append(&[3]).is_err() && writer.append(&[]).is_ok());
        let bytes = writer.finish();
        assert_eq!(((*bytes).as_ref().len(), (*bytes).as_ref().last()), (room, Some(&2)));
    }

    #[test]
    fn nothing_may_come() {
        let writer = GrowingWriter::new(1 << 20, 1).expect("address space");
        assert!((*writer.finish()).as_ref().is_empty());
    }
}
