//! Collections: who decides, and what both kinds have in common.

pub mod major;
pub mod minor;

use std::time::Instant;

use crate::heap::error::HeapError;
use crate::heap::heap::Heap;
use crate::heap::roots::RootSource;

/// A major collection comes when the old generation has grown by this factor, in percent, of what was alive after the last.
const GROWTH_PERCENT: u64 = 200;
/// And not before it has so many bytes.
pub(in crate::heap) const MIN_THRESHOLD_BYTES: u64 = 32 << 20;

impl Heap {
    /// Collects the nursery.
    pub fn collect_minor(&mut self, roots: &mut dyn RootSource) {
        let start = Instant::now();
        self.minor(roots);
        self.stats.minor_count += 1;
        self.stats.minor_pauses.add(start.elapsed());
        self.stats.total_pause += start.elapsed();
        self.resources.drop_dead();
    }

    /// Collects everything: afterwards only what is reachable is in use, and weak things to the rest are cleared.
    pub fn collect_major(&mut self, roots: &mut dyn RootSource) {
        let start = Instant::now();
        self.minor(roots);
        self.major(roots);
        self.stats.minor_count += 1;
        self.stats.major_count += 1;
        self.stats.max_major_pause = self.stats.max_major_pause.max(start.elapsed());
        self.stats.total_pause += start.elapsed();
        self.major_threshold = (self.stats.live_bytes * GROWTH_PERCENT / 100).max(MIN_THRESHOLD_BYTES).min(self.limit_bytes);
        self.resources.drop_dead();
    }

    /// Makes room in the nursery, with a major collection when one is due.
    pub(in crate::heap) fn make_room(&mut self, roots: &mut dyn RootSource) -> Result<(), HeapError> {
        self.stress_count = self.stress_count.wrapping_add(1);
        let stress_major = self.config.stress && self.stress_count.is_multiple_of(self.config.stress_major_every.max(1));
        self.collect_minor(roots);
        // Stress mode also looks for stores that forgot the barrier, in generated code above all.
        debug_assert!(
            !self.config.stress || !self.stress_count.is_multiple_of(61) || self.verify() == Ok(()),
            "{:?}",
            self.verify()
        );
        if self.old_bytes() >= self.major_threshold || stress_major {
            self.collect_major(roots);
        }
        self.check_limit(0)
    }

    /// Whether so many bytes more are within the limit, after asking whoever may raise it.
    pub(in crate::heap) fn check_limit(&mut self, wanted_bytes: u64) -> Result<(), HeapError> {
        let used_bytes = self.old_bytes();
        if used_bytes + wanted_bytes <= self.limit_bytes {
            return Ok(());
        }
        if let Some(near) = &mut self.near_limit {
            self.limit_bytes = near(used_bytes + wanted_bytes, self.limit_bytes).max(self.limit_bytes);
        }
        if used_bytes + wanted_bytes <= self.limit_bytes {
            return Ok(());
        }
        Err(HeapError::OutOfMemory { wanted_bytes, used_bytes, limit_bytes: self.limit_bytes })
    }
}
