//! Which pages of private memory hold something of their own: neither the system's zeros nor a file's bytes.
//!
//! *Problem.* Memory that is used again must hold nothing of its last use. To give its pages back costs a fault for each at the next touch, some
//! microseconds on a virtual machine; to overwrite all of it touches what nobody ever had. *Idea.* The kernel knows the pages. Linux tells them
//! from 6.7 on, by a request to `/proc/self/pagemap`; where it does not, the caller is told so, and gives the pages back.
//!
//! **Invariant:** a page that is not named holds zeros or the bytes of the file that is mapped there. A page that was swapped out is named.
//! The file belongs to the process that opened it: a forked child is told that nothing is known.

use std::fs::File;
use std::ops::Range;
use std::os::fd::AsRawFd;

use smallvec::SmallVec;

use crate::base::sync::OnceLock;
use crate::platform::fork;
use crate::platform::memory::Reservation;

/// Ranges of pages, as offsets in a reservation, in rising order.
pub type PageRanges = SmallVec<[Range<usize>; 16]>;

/// `PAGEMAP_SCAN`, of `linux/fs.h`: it reads and writes a [`ScanRequest`].
const SCAN: u64 = 3 << 30 | (size_of::<ScanRequest>() as u64) << 16 | (b'f' as u64) << 8 | 16;
const IS_FILE: u64 = 1 << 2;
const IS_PRESENT: u64 = 1 << 3;
const IS_SWAPPED: u64 = 1 << 4;
const IS_ZERO_PAGE: u64 = 1 << 5;

/// `struct pm_scan_arg`.
#[repr(C)]
struct ScanRequest {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    /// Out: where the walk ended, before `end` if there was no room for more regions.
    walk_end: u64,
    regions: u64,
    region_count: u64,
    max_pages: u64,
    inverted: u64,
    all_of: u64,
    any_of: u64,
    returned: u64,
}

/// `struct page_region`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// The pages of a range that hold something of their own; `None` where the system does not tell.
pub fn own_pages(reservation: &Reservation, range: Range<usize>) -> Option<PageRanges> {
    static FILE: OnceLock<Option<(File, usize)>> = OnceLock::new();
    let open = || {
        fork::watch();
        let generation = fork::generation();
        File::open("/proc/self/pagemap").ok().map(|file| (file, generation))
    };
    let (file, generation) = FILE.get_or_init(open).as_ref()?;
    if *generation != fork::generation() {
        return None;
    }
    let (start, bytes) = reservation.checked(&range);
    let base = reservation.base().addr();
    let end = start.addr() + bytes;
    let mut regions = [Region { start: 0, end: 0, categories: 0 }; 32];
    let mut found = PageRanges::new();
    let mut from = start.addr();
    while from < end {
        let mut request = ScanRequest {
            size: size_of::<ScanRequest>() as u64,
            flags: 0,
            start: from as u64,
            end: end as u64,
            walk_end: 0,
            regions: regions.as_mut_ptr().addr() as u64,
            region_count: regions.len() as u64,
            max_pages: 0,
            // Not of a file, not the page of zeros that reads of untouched memory see, and there at all.
            inverted: IS_FILE | IS_ZERO_PAGE,
            all_of: IS_FILE | IS_ZERO_PAGE,
            any_of: IS_PRESENT | IS_SWAPPED,
            returned: IS_PRESENT,
        };
        // SAFETY: the request is as the kernel defines it, and names an array with room for so many regions; the kernel only
        // looks at the pages.
        let count = unsafe { libc::ioctl(file.as_raw_fd(), SCAN as _, &raw mut request) };
        let told = regions.get(..usize::try_from(count).ok()?)?;
        for region in told {
            let (start, end) = (region.start as usize - base, region.end as usize - base);
            match found.last_mut() {
                // Regions end where what is returned of them changes.
                Some(last) if last.end == start => last.end = end,
                _ => found.push(start..end),
            }
        }
        let walked = request.walk_end as usize;
        if walked <= from {
            return None;
        }
        from = walked;
    }
    Some(found)
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::own_pages;
    use crate::platform::image::MemoryImage;
    use crate::platform::memory::{Reservation, page_bytes};

    #[test]
    fn what_was_written_is_named_and_what_was_read_is_not() {
        let page = page_bytes();
        let _no_fork = crate::platform::fork::FORKING_IN_TESTS.read().unwrap();
        let reservation = Reservation::new(256 * page).unwrap();
        reservation.commit(0..200 * page).unwrap();
        let image = MemoryImage::new(8 * page, [(0, &[7u8; 1][..]), (5 * page, &[8u8; 1][..])]).unwrap();
        // SAFETY: nobody else knows the pages; those that are touched are accessible.
        unsafe {
            image.map_into(&reservation, 100 * page).unwrap();
            let at = |index: usize| reservation.base().add(index * page);
            for index in (0..80).step_by(2).chain([101, 105, 106]) {
                at(index).write_volatile(1);
            }
            for index in [1, 90, 100, 104] {
                at(index).read_volatile();
            }
        }
        let Some(found) = own_pages(&reservation, 0..200 * page) else { return };
        let single = (0..80).step_by(2).chain([101]).map(|index| index * page..(index + 1) * page);
        let expected: Vec<_> = single.chain(std::iter::once(105 * page..107 * page)).collect();
        assert_eq!(found.as_slice(), expected);
        let part = own_pages(&reservation, 2 * page..3 * page).expect("as before");
        assert_eq!(part.as_slice(), &expected[1..2]);
    }
}
