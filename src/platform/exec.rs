//! Executable memory that is never writable and executable at once.
//!
//! *Problem.* Code arrives function by function while other threads run the functions before it, often on the same page. *Idea.* The
//! memory is a file without a name, mapped twice: readable and executable where code runs, readable and writable somewhere
//! that nothing else knows. Writing is a plain copy, whatever the other threads do. Systems that refuse this are asked for less,
//! in this order:
//!
//! 1. [`ExecStrategy::Memfd`]: an anonymous file (with `MFD_EXEC`, on old systems without);
//! 2. [`ExecStrategy::TempFile`]: a file in a temporary directory, unlinked at once;
//! 3. [`ExecStrategy::Protect`]: one anonymous mapping whose pages are writable first and executable later, never again the
//!    former. No other thread can run code of a page being written, so writes are whole pages that no earlier write touched
//!    ([`ExecMemory::granule_bytes`]); disjoint pages need no lock between their writers;
//! 4. [`ExecError::Refused`], with all three answers.
//!
//! **Invariants:** no mapping has both rights, nor gains write access after execute access. The writable alias does not survive
//! into a forked child (`MADV_DONTFORK`), whose code pages stay shared with the parent: the child runs the code that is there and
//! cannot add any ([`ExecError::Forked`]). Pages that a child may run are never written again by the parent
//! ([`ExecMemory::may_rewrite`]).

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::ptr;

use rustix::fs::{FallocateFlags, MemfdFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::mm::{self, Advice, MapFlags, MprotectFlags, ProtFlags};
use rustix::thread::{MembarrierCommand, membarrier};

use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::sync::{Mutex, OnceLock};
use crate::base::tuning;
use crate::platform::fork;
use crate::platform::memory::{Reservation, page_bytes};

/// A way to get executable memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExecStrategy {
    /// An anonymous file, mapped twice.
    Memfd,
    /// An unlinked temporary file, mapped twice.
    TempFile,
    /// One mapping whose pages change from writable to executable.
    Protect,
}

impl ExecStrategy {
    /// All, in the order in which they are tried.
    pub const ORDER: [ExecStrategy; 3] = [ExecStrategy::Memfd, ExecStrategy::TempFile, ExecStrategy::Protect];
}

/// Why there is no executable memory, or why it cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// The system refuses every way that was tried.
    #[error("the system gives no executable memory ({})", describe(.0))]
    Refused(Vec<Refusal>),
    /// The file behind the memory cannot grow.
    #[error("no room for {bytes} bytes of code: {errno}")]
    Backing {
        /// How many bytes.
        bytes: usize,
        /// The system's answer.
        errno: Errno,
    },
    /// The access to pages cannot be changed.
    #[error("cannot change the protection of {bytes} bytes of code: {errno}")]
    Protect {
        /// How many bytes.
        bytes: usize,
        /// The system's answer.
        errno: Errno,
    },
    /// The process is a forked child of the one that made this memory.
    #[error("code cannot be added by a forked child to the memory of its parent")]
    Forked,
}

/// Why the system does not give executable memory in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What was tried.
    pub strategy: ExecStrategy,
    /// The system's answer.
    pub errno: Errno,
}

impl Refusal {
    /// Whether less memory might have been given.
    pub fn is_shortage(&self) -> bool {
        self.errno == Errno::NOMEM
    }
}

fn describe(refusals: &[Refusal]) -> String {
    let parts: Vec<String> = refusals.iter().map(|Refusal { strategy, errno }| format!("{strategy:?}: {errno}")).collect();
    parts.join("; ")
}

/// Memory for code, at the end of a reservation.
#[derive(Debug)]
pub struct ExecMemory {
    reservation: Reservation,
    start: usize,
    len_bytes: usize,
    backing: Backing,
    generation: usize,
    fork_count: usize,
}

#[derive(Debug)]
enum Backing {
    /// Mapped twice; `file` is kept where disk space must be asked for.
    Dual { writable: *mut u8, file: Option<GrowingFile>, populated_bytes: AtomicUsize },
    /// Mapped once.
    Single,
}

/// A file of fixed size whose storage is allocated step by step, so that a full disk is an error and not a bus error.
#[derive(Debug)]
struct GrowingFile {
    file: OwnedFd,
    allocated_bytes: Mutex<usize>,
}

// SAFETY: `writable` is an address owned by this object; who may write through it and when is the contract of `write`.
unsafe impl Send for ExecMemory {}
// SAFETY: as above.
unsafe impl Sync for ExecMemory {}

impl ExecMemory {
    /// Turns the part of a reservation from `start`, a multiple of the page size, to its end into executable memory. The
    /// strategies are tried in order; the default is [`ExecStrategy::ORDER`].
    ///
    /// # Errors
    ///
    /// [`ExecError::Refused`] with the system's answer for each strategy.
    pub fn new(reservation: Reservation, start: usize, strategies: &[ExecStrategy]) -> Result<Self, ExecError> {
        fork::watch();
        let (exec, len_bytes) = reservation.checked(&(start..reservation.len_bytes()));
        let mut refusals = Vec::new();
        for &strategy in strategies {
            let backing = match strategy {
                ExecStrategy::Memfd => memfd().and_then(|file| map_twice(exec, len_bytes, file, false)),
                ExecStrategy::TempFile => temp_file().and_then(|file| map_twice(exec, len_bytes, file, true)),
                ExecStrategy::Protect => probe_protect(exec),
            };
            match backing {
                Ok(backing) => {
                    let (generation, fork_count) = (fork::generation(), fork::fork_count());
                    return Ok(ExecMemory { reservation, start, len_bytes, backing, generation, fork_count });
                }
                Err(errno) => {
                    refusals.push(Refusal { strategy, errno });
                    // SAFETY: nobody uses the memory yet. Should it fail, what half succeeded goes with the reservation.
                    let _ = unsafe { reservation.decommit(start..start + len_bytes) };
                }
            }
        }
        Err(ExecError::Refused(refusals))
    }

    /// Where code runs: the lowest executable address.
    pub fn base(&self) -> *const u8 {
        self.reservation.base().wrapping_add(self.start)
    }

    /// How many bytes are executable.
    pub fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// The reservation that it is the end of.
    pub fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// Ranges given to [`write`](Self::write) start and end at multiples of this.
    pub fn granule_bytes(&self) -> usize {
        match self.backing {
            Backing::Dual { .. } => 1,
            Backing::Single => page_bytes(),
        }
    }

    /// Whether ranges whose code nobody needs any more may be written again. Not where pages are executable for good, and not
    /// after a fork: the child may be running what this process has no use for.
    pub fn may_rewrite(&self) -> bool {
        matches!(self.backing, Backing::Dual { .. }) && fork::fork_count() == self.fork_count
    }

    /// Lets `fill` write a range, by offsets from [`base`](Self::base).
    ///
    /// # Errors
    ///
    /// [`ExecError`] names what the system refuses; `fill` was not called then, or the range stays without execute access.
    ///
    /// # Safety
    ///
    /// Until this returns the range is the caller's alone: no thread writes, reads or runs any of it. A range that was written
    /// before is written again only while [`may_rewrite`](Self::may_rewrite).
    pub unsafe fn write(&self, range: Range<usize>, fill: impl FnOnce(&mut [u8])) -> Result<(), ExecError> {
        assert!(range.start <= range.end && range.end <= self.len_bytes, "{range:?} is inside the executable memory");
        assert!(range.start.is_multiple_of(self.granule_bytes()) && range.end.is_multiple_of(self.granule_bytes()));
        match &self.backing {
            Backing::Dual { writable, file, populated_bytes } => {
                if fork::generation() != self.generation {
                    return Err(ExecError::Forked);
                }
                if let Some(file) = file {
                    file.allocate_to(range.end, self.len_bytes)?;
                }
                self.populate(*writable, populated_bytes, range.clone());
                // SAFETY: the alias is mapped in this process, the range is inside, and by contract it is the caller's alone.
                fill(unsafe { std::slice::from_raw_parts_mut(writable.add(range.start), range.len()) });
            }
            Backing::Single => {
                let start = self.base().cast_mut().wrapping_add(range.start);
                protect(start, range.len(), MprotectFlags::READ | MprotectFlags::WRITE)?;
                // SAFETY: the pages are writable now, and by contract the caller's alone.
                fill(unsafe { std::slice::from_raw_parts_mut(start, range.len()) });
                protect(start, range.len(), MprotectFlags::READ | MprotectFlags::EXEC)?;
            }
        }
        Ok(())
    }

    /// Lets the system make pages of the alias ahead of their first touch, many at a time. Where there is little code it would make more than
    /// are needed.
    fn populate(&self, writable: *mut u8, populated_bytes: &AtomicUsize, range: Range<usize>) {
        const STEP: usize = tuning::CODE_POPULATE_BYTES;
        let done = populated_bytes.load(Ordering::Relaxed); // a hint: pages that are not populated are made when they are touched
        let end = range.end;
        let (start, wanted) = if end > done {
            let start = if done == STEP { end / page_bytes() * page_bytes() } else { done };
            (start, end.next_multiple_of(STEP).min(self.len_bytes))
        } else if done == STEP && range.len() >= 4 * page_bytes() {
            // Of the first step as many as are written at once.
            (range.start / page_bytes() * page_bytes(), end)
        } else {
            return;
        };
        // Relaxed: as above; who loses leaves it to the other.
        if end > done && populated_bytes.compare_exchange(done, wanted, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        // SAFETY: the range lies in the alias; making pages changes nothing that they hold.
        let made = unsafe { mm::madvise(writable.wrapping_add(start).cast(), wanted - start, Advice::LinuxPopulateWrite) };
        if let Err(errno) = made {
            // Systems before Linux 5.14 do not know it.
            tracing::trace!(%errno, "pages of code were not populated");
        }
    }

    /// Which strategy the system accepted.
    pub fn strategy(&self) -> ExecStrategy {
        match self.backing {
            Backing::Dual { file: None, .. } => ExecStrategy::Memfd,
            Backing::Dual { file: Some(_), .. } => ExecStrategy::TempFile,
            Backing::Single => ExecStrategy::Protect,
        }
    }

    /// The addresses of the writable alias, for tests.
    #[cfg(test)]
    pub(crate) fn writable_alias(&self) -> Option<*mut u8> {
        match self.backing {
            Backing::Dual { writable, .. } => Some(writable),
            Backing::Single => None,
        }
    }
}

impl Drop for ExecMemory {
    fn drop(&mut self) {
        // In a forked child the alias is not mapped, and its addresses may be another mapping's by now.
        if let Backing::Dual { writable, .. } = self.backing
            && fork::generation() == self.generation
        {
            // SAFETY: the alias is owned, and references into it end with `write`.
            if let Err(errno) = unsafe { mm::munmap(writable.cast(), self.len_bytes) } {
                tracing::debug!(%errno, "the writable alias was not unmapped");
            }
        }
    }
}

impl GrowingFile {
    /// Storage is asked for in steps of this size.
    const STEP_BYTES: usize = 256 << 10;

    fn allocate_to(&self, end: usize, len_bytes: usize) -> Result<(), ExecError> {
        let mut allocated = self.allocated_bytes.lock();
        if end <= *allocated {
            return Ok(());
        }
        let wanted = end.next_multiple_of(Self::STEP_BYTES).min(len_bytes);
        let bytes = wanted - *allocated;
        rustix::fs::fallocate(&self.file, FallocateFlags::empty(), *allocated as u64, bytes as u64)
            .map_err(|errno| ExecError::Backing { bytes, errno })?;
        *allocated = wanted;
        Ok(())
    }
}

/// Makes every processor that runs this process forget instructions that it has fetched already. Needed where bytes that were
/// instructions are replaced by others; where the system does not offer it, the processor's own coherence has to do.
pub fn serialize_cores() {
    if prepare_to_serialize() {
        let _ = membarrier(MembarrierCommand::PrivateExpeditedSyncCore);
    }
}

/// Whether the system was told that this process will [serialize its cores](serialize_cores), and what it said to that.
static SERIALIZES: OnceLock<bool> = OnceLock::new();

/// Whether [`serialize_cores`] takes no longer than the message to other processors does.
pub fn is_ready_to_serialize() -> bool {
    SERIALIZES.get().is_some()
}

/// Tells the system that this process will [serialize its cores](serialize_cores), once. In a process of several threads that takes tens of milliseconds: Linux
/// waits until each processor has been idle or elsewhere. Gives whether it can be done.
pub fn prepare_to_serialize() -> bool {
    *SERIALIZES.get_or_init(|| membarrier(MembarrierCommand::RegisterPrivateExpeditedSyncCore).is_ok())
}

/// [Prepares](prepare_to_serialize) where that takes no time: while there is one thread.
pub fn prepare_to_serialize_if_alone() {
    // A directory for each, `.` and `..`.
    if !is_ready_to_serialize() && rustix::fs::stat("/proc/self/task").is_ok_and(|tasks| tasks.st_nlink == 3) {
        prepare_to_serialize();
    }
}

fn memfd() -> Result<OwnedFd, Errno> {
    match rustix::fs::memfd_create("deltic-code", MemfdFlags::CLOEXEC | MemfdFlags::EXEC) {
        // Systems before Linux 6.3 do not know the flag, and need none.
        Err(Errno::INVAL) => rustix::fs::memfd_create("deltic-code", MemfdFlags::CLOEXEC),
        other => other,
    }
}

/// A file without a name, in the first directory that takes one.
fn temp_file() -> Result<OwnedFd, Errno> {
    let mut refusal = Errno::NOENT;
    for directory in ["/tmp", "/var/tmp", "/dev/shm"] {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::EXCL;
        match rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR | Mode::XUSR) {
            Ok(file) => return Ok(file),
            Err(errno) => refusal = errno,
        }
    }
    Err(refusal)
}

/// Maps a file executable at `exec` and writable anywhere.
fn map_twice(exec: *mut u8, len_bytes: usize, file: OwnedFd, keep: bool) -> Result<Backing, Errno> {
    rustix::fs::ftruncate(&file, len_bytes as u64)?;
    let rights = (ProtFlags::READ | ProtFlags::EXEC, ProtFlags::READ | ProtFlags::WRITE);
    // SAFETY: the executable range belongs to a reservation that the caller gives away; nobody uses its contents.
    unsafe { mm::mmap(exec.cast(), len_bytes, rights.0, MapFlags::SHARED | MapFlags::FIXED, &file, 0)? };
    // SAFETY: without a fixed address a new mapping touches no other.
    let writable = unsafe { mm::mmap(ptr::null_mut(), len_bytes, rights.1, MapFlags::SHARED, &file, 0)? };
    // SAFETY: the range was just mapped; the advice concerns forked children only.
    let advised = unsafe { mm::madvise(writable, len_bytes, Advice::LinuxDontFork) };
    if let Err(errno) = advised {
        // SAFETY: the range was just mapped, and nobody knows it.
        unsafe { mm::munmap(writable, len_bytes)? };
        return Err(errno);
    }
    let file = keep.then(|| GrowingFile { file, allocated_bytes: Mutex::new(0) });
    let populated_bytes = AtomicUsize::new(tuning::CODE_POPULATE_BYTES);
    Ok(Backing::Dual { writable: writable.cast(), file, populated_bytes })
}

/// Finds out whether pages may become executable.
fn probe_protect(exec: *mut u8) -> Result<Backing, Errno> {
    let bytes = page_bytes();
    // SAFETY: the page belongs to a reservation that the caller gives away; nobody uses its contents.
    unsafe {
        mm::mprotect(exec.cast(), bytes, MprotectFlags::READ | MprotectFlags::WRITE)?;
        exec.write_volatile(0xcc);
        mm::mprotect(exec.cast(), bytes, MprotectFlags::READ | MprotectFlags::EXEC)?;
        mm::mprotect(exec.cast(), bytes, MprotectFlags::empty())?;
    }
    Ok(Backing::Single)
}

fn protect(start: *mut u8, bytes: usize, rights: MprotectFlags) -> Result<(), ExecError> {
    // SAFETY: the caller owns the range and runs nothing in it.
    unsafe { mm::mprotect(start.cast(), bytes, rights) }.map_err(|errno| ExecError::Protect { bytes, errno })
}
