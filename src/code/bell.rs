//! The bell by which a reporter learns that a report is worth its time.
//!
//! Reports cost a walk over stacks, and nearly always there is nothing to free: so publishers ring when they have replaced code, and a
//! reporter looks at one word. What it shows as live is *owed* another report once its stacks are empty.

use crate::base::sync::atomic::{AtomicU8, Ordering};

const RUNG: u8 = 1;
const OWED: u8 = 2;

/// Shared by one reporter and the spaces that it reports to. Every access is relaxed: the lock of a space's lists orders what the bell is
/// about, and a report that comes one call later is as good.
#[derive(Debug, Default)]
pub struct ReportBell(AtomicU8);

impl ReportBell {
    /// Whether code was replaced since the last report.
    #[inline]
    pub fn is_rung(&self) -> bool {
        self.0.load(Ordering::Relaxed) & RUNG != 0 // orders nothing: see above
    }

    /// The same, or the last report showed code that was replaced.
    #[inline]
    pub fn is_due(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0 // orders nothing: see above
    }

    /// A report follows.
    pub fn clear(&self) {
        self.0.store(0, Ordering::Relaxed); // orders nothing: see above
    }

    pub(in crate::code) fn ring(&self) {
        self.0.fetch_or(RUNG, Ordering::Relaxed); // orders nothing: see above
    }

    pub(in crate::code) fn owe(&self) {
        self.0.fetch_or(OWED, Ordering::Relaxed); // orders nothing: see above
    }
}
