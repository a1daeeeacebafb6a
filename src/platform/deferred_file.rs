//! A file of which some is kept in memory at once, and the rest when it is wanted.
//!
//! *Problem.* To know what a large file is all of it must be read, once; to use it, often a small part is enough. New pages for all of it take
//! longer than reading it. *Idea.* It is read part by part through small buffers, by several threads, and each part is shown to who wants to
//! know what it is; only ranges that are wanted go to memory. What the rest was is remembered by who has seen it, and it is compared with that when it is read again.
//!
//! **Invariant:** bytes that were given out never change.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::base::sync::{Mutex, OnceLock};
use crate::platform::memory::{Reservation, prefer_large_pages};
use crate::platform::thread;

/// Says whether a part, which begins there, is what it was.
type Compare = Box<dyn Fn(usize, &[u8]) -> bool + Send + Sync>;

/// See the module's documentation.
pub struct DeferredFile {
    file: File,
    place: Reservation,
    len: usize,
    part_bytes: usize,
    /// What is not there until somebody wants it, in order.
    absent: Box<[Absent]>,
    is_same: Compare,
}

/// A range that is read when it is wanted.
struct Absent {
    range: Range<usize>,
    /// Whether it is there, and was what it had been.
    came: OnceLock<bool>,
}

// SAFETY: the memory is this one's. A range of it is read where it was written before this was made known, or before its `came` was set, and else
// written by who sets that.
unsafe impl Send for DeferredFile {}
// SAFETY: as above.
unsafe impl Sync for DeferredFile {}

impl fmt::Debug for DeferredFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredFile").field("file", &self.file).field("len", &self.len).finish_non_exhaustive()
    }
}

impl DeferredFile {
    /// Reads a file of a length that is known, in parts, by this thread and so many others; gives what was seen in each part. What is absent are
    /// ranges in order, within the length, that do not touch. A part that is read again is what it was if the same is seen in it.
    ///
    /// # Errors
    ///
    /// The system's; the file is shorter by now.
    pub fn read<S: Clone + PartialEq + Send + Sync + 'static>(
        file: File,
        (len, part_bytes): (usize, usize),
        absent: Vec<Range<usize>>,
        others: usize,
        see: impl Fn(usize, &[u8]) -> S + Send + Sync + 'static,
    ) -> io::Result<(DeferredFile, Vec<S>)> {
        let present = gaps(&absent, len);
        let mut this = Self::unread(file, (len, part_bytes), absent)?;
        let seen: Vec<S> = this.read_parts(parts(0..len, part_bytes), &present, others, &see)?;
        this.is_same = compare(seen.clone(), part_bytes, see);
        Ok((this, seen))
    }

    /// The same of a file of which it is known what is not absent, one range behind the other, and what was seen in each part: nothing is read. Nothing if
    /// these are fewer or more bytes.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn recall<S: PartialEq + Send + Sync + 'static>(
        file: File,
        (len, part_bytes): (usize, usize),
        absent: Vec<Range<usize>>,
        present: &[u8],
        (seen, see): (Vec<S>, impl Fn(usize, &[u8]) -> S + Send + Sync + 'static),
    ) -> io::Result<Option<DeferredFile>> {
        let ranges = gaps(&absent, len);
        if present.len() != ranges.iter().map(Range::len).sum::<usize>() {
            return Ok(None);
        }
        let mut this = Self::unread(file, (len, part_bytes), absent)?;
        this.is_same = compare(seen, part_bytes, see);
        let mut rest = present;
        for range in ranges {
            let (bytes, behind) = rest.split_at(range.len());
            // SAFETY: the range lies in the reservation, and nobody else knows of that.
            unsafe { this.place.base().wrapping_add(range.start).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
            rest = behind;
        }
        Ok(Some(this))
    }

    /// One of which nothing was read yet.
    fn unread(file: File, (len, part_bytes): (usize, usize), absent: Vec<Range<usize>>) -> io::Result<DeferredFile> {
        let place = Reservation::new(len).and_then(|place| place.commit(0..len).map(|()| place)).map_err(io::Error::other)?;
        let absent = absent.into_iter().map(|range| Absent { range, came: OnceLock::new() }).collect();
        Ok(DeferredFile { file, place, len, part_bytes, absent, is_same: Box::new(|_, _| false) })
    }

    /// How many bytes there are, absent ones among them.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All that was never absent, one range behind the other.
    pub fn first_present(&self) -> Vec<u8> {
        let absent: Vec<Range<usize>> = self.absent.iter().map(|absent| absent.range.clone()).collect();
        // SAFETY: these were written before this was made known.
        let ranges = gaps(&absent, self.len).into_iter().map(|range| unsafe { self.bytes(range) });
        ranges.collect::<Vec<&[u8]>>().concat()
    }

    /// Bytes that begin at a position and are there, as many as follow each other; none if the first is absent.
    pub fn present_from(&self, position: usize) -> &[u8] {
        let behind = &self.absent[self.absent.partition_point(|absent| absent.range.end <= position)..];
        let next = behind.iter().find(|absent| absent.came.get().is_none());
        let end = next.map_or(self.len, |absent| absent.range.start);
        // SAFETY: these were written before this was made known or before their `came` was set, and nobody writes them again.
        if position < end { unsafe { self.bytes(position..end) } } else { &[] }
    }

    /// Reads what is absent in a range, once, by this thread and so many others. Says whether all of it is what it was; a file that was changed meanwhile is
    /// told of by `false`, and those bytes are any.
    pub fn want(&self, range: Range<usize>, others: usize) -> bool {
        let wanted = self.absent.iter().filter(|absent| absent.range.start < range.end && range.start < absent.range.end);
        let mut is_same = true;
        for absent in wanted {
            // Whatever is said of another.
            is_same &= *absent.came.get_or_init(|| self.bring(&absent.range, others));
        }
        is_same
    }

    /// All bytes; any in the place of those that were changed.
    pub fn all(&self) -> &[u8] {
        self.want(0..self.len, 0);
        // SAFETY: all were written.
        unsafe { self.bytes(0..self.len) }
    }

    /// Brings an absent range; nobody else does.
    fn bring(&self, range: &Range<usize>, others: usize) -> bool {
        if others > 0 {
            // All that is left, and soon. For a part that is wanted behind a program's back they are not worth what the system does to find them.
            // SAFETY: the range is absent: nobody has its bytes.
            prefer_large_pages(unsafe {
                std::slice::from_raw_parts_mut(self.place.base().wrapping_add(range.start), range.len())
            });
        }
        let same =
            self.read_parts(parts(self.whole_parts(range), self.part_bytes), std::slice::from_ref(range), others, &self.is_same);
        same.is_ok_and(|same| same.into_iter().all(|same| same))
    }

    /// From the beginning of a range's first part to the end of its last one.
    fn whole_parts(&self, range: &Range<usize>) -> Range<usize> {
        range.start / self.part_bytes * self.part_bytes..range.end.next_multiple_of(self.part_bytes).min(self.len)
    }

    /// Reads whole parts through buffers, and keeps those bytes of them that lie in ranges, which are the caller's to write.
    fn read_parts<S: Send>(
        &self,
        parts: Vec<Range<usize>>,
        keep: &[Range<usize>],
        others: usize,
        see: &(impl Fn(usize, &[u8]) -> S + Sync),
    ) -> io::Result<Vec<S>> {
        let buffers = Mutex::new(Vec::new());
        let read = |part: Range<usize>| {
            let mut buffer: Vec<u8> = buffers.lock().pop().unwrap_or_default();
            buffer.resize(part.len(), 0);
            self.file.read_exact_at(&mut buffer, part.start as u64)?;
            let seen = see(part.start, &buffer);
            for kept in keep {
                let common = kept.start.max(part.start)..kept.end.min(part.end);
                if !common.is_empty() {
                    let bytes = &buffer[common.start - part.start..common.end - part.start];
                    // SAFETY: the range lies in the reservation and is the caller's; parts do not overlap.
                    unsafe { self.place.base().wrapping_add(common.start).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
                }
            }
            buffers.lock().push(buffer);
            Ok(seen)
        };
        thread::share_out(parts, others, read).into_iter().collect()
    }

    /// # Safety
    ///
    /// The range lies within the length, and nobody writes it any more.
    unsafe fn bytes(&self, range: Range<usize>) -> &[u8] {
        // SAFETY: the reservation is committed; the rest by contract.
        unsafe { std::slice::from_raw_parts(self.place.base().wrapping_add(range.start), range.len()) }
    }
}

/// Whether the same is seen in a part as before.
fn compare<S: PartialEq + Send + Sync + 'static>(
    seen: Vec<S>,
    part_bytes: usize,
    see: impl Fn(usize, &[u8]) -> S + Send + Sync + 'static,
) -> Compare {
    Box::new(move |start, part| seen.get(start / part_bytes) == Some(&see(start, part)))
}

/// A range that begins with a part, part by part.
fn parts(whole: Range<usize>, part_bytes: usize) -> Vec<Range<usize>> {
    whole.clone().step_by(part_bytes).map(|start| start..(start + part_bytes).min(whole.end)).collect()
}

/// What is around ranges that are in order.
fn gaps(ranges: &[Range<usize>], len: usize) -> Vec<Range<usize>> {
    let starts = std::iter::once(0).chain(ranges.iter().map(|range| range.end));
    let ends = ranges.iter().map(|range| range.start).chain(std::iter::once(len));
    starts.zip(ends).map(|(start, end)| start..end).filter(|range| !range.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const PART: usize = 4 << 10;

    fn sum(_start: usize, bytes: &[u8]) -> u64 {
        bytes.iter().fold(7, |sum: u64, &byte| sum.wrapping_mul(31) + u64::from(byte))
    }

    fn read(path: &Path, len: usize, absent: &[Range<usize>]) -> io::Result<(DeferredFile, Vec<u64>)> {
        DeferredFile::read(File::open(path)?, (len, PART), absent.to_vec(), 1, sum)
    }

    #[test]
    fn what_is_absent_comes_when_it_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let contents: Vec<u8> = (0..10 * PART + 77).map(|n| (n * 7 / 3) as u8).collect();
        let absences: [&[(usize, usize)]; 5] =
            [&[], &[(0, 1)], &[(5, 9), (100, 9 * PART)], &[(PART, 2 * PART), (3 * PART, 10 * PART + 77)], &[(0, 10 * PART + 77)]];
        for absent in absences {
            let absent: &[Range<usize>] = &absent.iter().map(|&(start, end)| start..end).collect::<Vec<_>>();
            for change in [None, Some(3), Some(5 * PART), Some(10 * PART + 70)] {
                std::fs::write(&path, &contents).unwrap();
                let (read, sums) = read(&path, contents.len(), absent).unwrap();
                assert_eq!((read.len(), sums.len()), (contents.len(), 11));
                for position in [0, 4, 5, 50, PART, 3 * PART, 9 * PART + 5, contents.len()] {
                    let next = absent.iter().find(|range| range.end > position);
                    let end = next.map_or(contents.len(), |range| range.start.max(position));
                    assert_eq!(read.present_from(position), &contents[position..end]);
                }
                if let Some(at) = change {
                    let mut other = contents.clone();
                    other[at] ^= 1;
                    std::fs::write(&path, &other).unwrap();
                }
                // A part is what it was or not, as a whole.
                let in_part =
                    |range: &Range<usize>, at: usize| (range.start / PART * PART..range.end.next_multiple_of(PART)).contains(&at);
                let is_seen = |range: &Range<usize>| change.is_some_and(|at| in_part(range, at));
                if let Some(first) = absent.first() {
                    assert_eq!(read.want(first.clone(), 0), !is_seen(first), "{absent:?} {change:?}");
                    assert!(read.present_from(first.start).len() >= first.len());
                }
                let intact = !absent.iter().any(is_seen);
                assert_eq!(read.want(0..contents.len(), 1), intact, "{absent:?} {change:?}");
                assert!(read.all() == contents || !intact);
                assert_eq!(read.present_from(7), &read.all()[7..]);
            }
        }
    }

    #[test]
    fn a_file_that_is_known_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut contents: Vec<u8> = (0..10 * PART + 77).map(|n| (n * 7 / 3) as u8).collect();
        std::fs::write(&path, &contents).unwrap();
        let absent = [100..PART * 3 + 5, 4 * PART..10 * PART];
        let (first, sums) = read(&path, contents.len(), &absent).unwrap();
        let present = first.first_present();
        let recall = |present: &[u8]| {
            let (file, sizes) = (File::open(&path).unwrap(), (10 * PART + 77, PART));
            DeferredFile::recall(file, sizes, absent.to_vec(), present, (sums.clone(), sum)).unwrap()
        };
        let file = recall(&present).expect("as many bytes");
        assert_eq!(file.first_present(), present);
        assert_eq!(file.present_from(0), &contents[..100]);
        assert_eq!(file.present_from(3 * PART + 5), &contents[3 * PART + 5..4 * PART]);
        assert!(file.want(0..contents.len(), 0) && file.all() == contents);
        assert!(recall(&present[1..]).is_none() && recall(&[&present[..], b"x"].concat()).is_none());
        // A change in a part of which something is wanted is found then.
        for at in [5 * PART, PART, 50, 3 * PART] {
            contents[at] ^= 1;
            std::fs::write(&path, &contents).unwrap();
            let file = recall(&present).expect("as many bytes");
            assert!(file.first_present() == present && !file.want(0..contents.len(), 0), "{at}");
            contents[at] ^= 1;
        }
    }

    #[test]
    fn files_become_shorter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let contents = vec![7; 10 * PART];
        std::fs::write(&path, &contents[..9]).unwrap();
        assert!(read(&path, contents.len(), &[]).is_err());
        std::fs::write(&path, &contents).unwrap();
        let read = read(&path, contents.len(), std::slice::from_ref(&(100..9 * PART))).unwrap().0;
        std::fs::write(&path, &contents[..9]).unwrap();
        assert!(!read.want(0..10 * PART, 1) && read.all().len() == contents.len());
    }

    /// Several threads want the same and other ranges.
    #[test]
    fn ranges_come_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let contents: Vec<u8> = (0..64 * PART).map(|n| (n * 7 / 3) as u8).collect();
        std::fs::write(&path, &contents).unwrap();
        let absent: Vec<Range<usize>> = (0..32).map(|n| n * 2 * PART + 9..(n * 2 + 1) * PART).collect();
        let (read, _) = read(&path, contents.len(), &absent).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (read, absent, contents) = (&read, &absent, &contents);
                scope.spawn(move || {
                    for n in 0..32 {
                        let range = &absent[(n * 5 + thread) % 32];
                        assert!(read.want(range.clone(), 0));
                        assert_eq!(&read.present_from(range.start)[..range.len()], &contents[range.clone()]);
                    }
                });
            }
        });
        assert_eq!(read.all(), contents);
    }
}
