//! What a heap tells of itself.

use std::time::Duration;

/// Figures of a heap, since it was made where nothing else is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeapStats {
    /// Minor collections.
    pub minor_count: u64,
    /// Major collections.
    pub major_count: u64,
    /// Objects that a collection gave another place.
    pub moved_objects: u64,
    /// Bytes of objects that went from the nursery to the old generation.
    pub promoted_bytes: u64,
    /// Pauses for minor collections.
    pub minor_pauses: Pauses,
    /// Longest pause for a major collection.
    pub max_major_pause: Duration,
    /// All pauses together.
    pub total_pause: Duration,
    /// Bytes now in use: cells and large objects of the old generation that are not known to be dead, and the used part of the nursery.
    pub used_bytes: u64,
    /// Bytes now of blocks, nursery included.
    pub committed_bytes: u64,
    /// Bytes that the last major collection found alive.
    pub live_bytes: u64,
}

/// How long pauses were: counts by length, 32 classes to a doubling, so that a quantile is right to a thirtieth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    counts: [u32; CLASSES],
    max: Duration,
}

/// Classes to a doubling.
const PARTS: usize = 32;
const PARTS_LOG2: u32 = PARTS.ilog2();
/// The last class begins at 2³² ns.
const CLASSES: usize = PARTS * 32;

impl Default for Pauses {
    fn default() -> Self {
        Pauses { counts: [0; CLASSES], max: Duration::ZERO }
    }
}

/// The class of a pause of so many nanoseconds.
fn class(nanos: u64) -> usize {
    let nanos = nanos.max(PARTS as u64);
    let octave = nanos.ilog2();
    let part = (nanos >> (octave - PARTS_LOG2)) as usize % PARTS;
    (PARTS * octave as usize + part).min(CLASSES - 1)
}

/// The longest pause of a class, in nanoseconds.
fn class_end(class: usize) -> u64 {
    let (octave, part) = (class / PARTS, (class % PARTS) as u64);
    (1 << octave) + ((part + 1) << octave.saturating_sub(PARTS_LOG2 as usize)) - 1
}

impl Pauses {
    pub(in crate::heap) fn add(&mut self, pause: Duration) {
        let count = &mut self.counts[class(u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX))];
        *count = count.saturating_add(1);
        self.max = self.max.max(pause);
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// A length that this share of the pauses does not exceed; zero when there were none.
    pub fn quantile(&self, share: f64) -> Duration {
        let total: u64 = self.counts.iter().map(|&count| u64::from(count)).sum();
        let wanted = (total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (class, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if count > 0 && seen >= wanted {
                return Duration::from_nanos(class_end(class)).min(self.max);
            }
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CLASSES, PARTS, PARTS_LOG2, Pauses, class, class_end};

    #[test]
    fn classes_follow_one_another() {
        for nth in PARTS * PARTS_LOG2 as usize..CLASSES - 1 {
            assert_eq!(class(class_end(nth)), nth);
            assert_eq!(class(class_end(nth) + 1), nth + 1);
        }
    }

    #[test]
    fn quantiles_are_right_to_a_thirtieth() {
        let mut pauses = Pauses::default();
        assert_eq!(pauses.quantile(0.5), Duration::ZERO);
        for micros in 1..=1000 {
            pauses.add(Duration::from_micros(micros));
        }
        for (share, micros) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = pauses.quantile(share).as_secs_f64() * 1e6;
            assert!((found / micros - 1.0).abs() < 0.035, "{share}: {found}");
        }
    }
}
