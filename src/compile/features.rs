//! Which proposals a module uses: the union over all tasks, each kind reported once (statement S1-35).
//!
//! A task collects into a set of its own while it compiles (one shared word per unit was regretted elsewhere) and reports inside
//! a scope when it stops or yields; a cancelled task does not report. The owner counts what is new.

#![forbid(unsafe_code)]

use crate::base::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::wasm::validate::Features;

/// The union of one module.
#[derive(Debug, Default)]
pub struct DetectedFeatures {
    reported: AtomicU32,
    counted: AtomicU32,
}

impl DetectedFeatures {
    /// Adds what a task saw.
    pub fn report(&self, seen: Features) {
        // Relaxed: bits only, nothing is reached through them.
        self.reported.fetch_or(seen.bits(), Ordering::Relaxed);
    }

    /// All that was reported.
    pub fn all(&self) -> Features {
        // Relaxed: see `report`.
        Features::from_bits_truncate(self.reported.load(Ordering::Relaxed))
    }

    /// What was reported and not yet taken; each kind is taken once.
    pub fn take_new(&self) -> Features {
        let all = self.all().bits();
        // Relaxed: see `report`.
        let before = self.counted.fetch_or(all, Ordering::Relaxed);
        Features::from_bits_truncate(all & !before)
    }
}

/// How many modules of an engine use each proposal.
#[derive(Debug, Default)]
pub struct FeatureCounts([AtomicUsize; 32]);

impl FeatureCounts {
    /// One more module uses these.
    pub fn add(&self, features: Features) {
        for feature in features.iter() {
            // Relaxed: a figure.
            self.0[feature.bits().trailing_zeros() as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many modules use this one.
    pub fn get(&self, feature: Features) -> usize {
        // Relaxed: a figure.
        feature.iter().next().map_or(0, |one| self.0[one.bits().trailing_zeros() as usize].load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_once() {
        let detected = DetectedFeatures::default();
        detected.report(Features::SIMD);
        detected.report(Features::SIMD | Features::THREADS);
        assert_eq!(detected.take_new(), Features::SIMD | Features::THREADS);
        detected.report(Features::THREADS | Features::MEMORY64);
        assert_eq!(detected.take_new(), Features::MEMORY64);
        assert_eq!(detected.take_new(), Features::empty());
        let counts = FeatureCounts::default();
        counts.add(Features::SIMD | Features::THREADS);
        counts.add(Features::SIMD);
        assert_eq!((counts.get(Features::SIMD), counts.get(Features::THREADS), counts.get(Features::MEMORY64)), (2, 1, 0));
    }
}
