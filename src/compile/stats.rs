//! What compiling cost: times by worker, and how long scopes were waited for and held.
//!
//! Processor and wall time are always measured (a few clock reads per batch); scope times only when the configuration asks, as
//! they cost three clock reads per scope.

#![forbid(unsafe_code)]

use std::time::Duration;

use crate::abi::artifact::{Entry, Tier};
use crate::base::DefinedFuncIndex;
use crate::wasm::validate::Features;

const BUCKET_COUNT: usize = 32;

/// Times, by powers of two of nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Histogram {
    buckets: [u32; BUCKET_COUNT],
    count: u64,
    sum: Duration,
    max: Duration,
}

impl Histogram {
    /// One more.
    pub fn add(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - nanos.leading_zeros()) as usize;
        let bucket = &mut self.buckets[bucket.min(BUCKET_COUNT - 1)];
        *bucket = bucket.saturating_add(1);
        self.count += 1;
        self.sum += time;
        self.max = self.max.max(time);
    }

    /// All of another one.
    pub fn merge(&mut self, other: &Histogram) {
        for (into, from) in self.buckets.iter_mut().zip(other.buckets) {
            *into = into.saturating_add(from);
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The average; zero when there is none.
    pub fn mean(&self) -> Duration {
        u32::try_from(self.count).ok().and_then(|count| self.sum.checked_div(count)).unwrap_or_default()
    }

    /// An upper bound of the given share of them (0.5 is the median), exact to a power of two.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut left = (self.count as f64 * share).ceil() as u64;
        for (bucket, &count) in self.buckets.iter().enumerate() {
            let count = u64::from(count);
            if left <= count {
                return Duration::from_nanos(1 << bucket).min(self.max);
            }
            left -= count;
        }
        self.max
    }
}

/// How scopes were waited for and held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScopeTimes {
    /// From asking for a scope to having it.
    pub wait: Histogram,
    /// From having it to its end.
    pub hold: Histogram,
}

impl ScopeTimes {
    /// All of another one.
    pub fn merge(&mut self, other: &ScopeTimes) {
        self.wait.merge(&other.wait);
        self.hold.merge(&other.hold);
    }
}

/// Processor time by what it was for: the tier that was asked for, as another may have done it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CpuTimes {
    /// Functions in the baseline tier.
    pub baseline: Duration,
    /// Functions in the optimizing tier.
    pub optimized: Duration,
    /// Versions of functions for their loops.
    pub loop_versions: Duration,
}

impl CpuTimes {
    /// The time of one kind of code.
    pub fn of(&mut self, tier: Tier, entry: Entry) -> &mut Duration {
        match (tier, entry) {
            (_, Entry::Loop(_)) => &mut self.loop_versions,
            (Tier::Baseline, Entry::Call) => &mut self.baseline,
            (Tier::Optimized, Entry::Call) => &mut self.optimized,
        }
    }

    /// All of another one.
    pub fn merge(&mut self, other: &CpuTimes) {
        self.baseline += other.baseline;
        self.optimized += other.optimized;
        self.loop_versions += other.loop_versions;
    }

    /// Their sum.
    pub fn sum(&self) -> Duration {
        self.baseline + self.optimized + self.loop_versions
    }
}

/// What one slot of a job did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerStats {
    /// Units compiled.
    pub unit_count: usize,
    /// Batches published.
    pub flush_count: usize,
    /// Slices that ended at their deadline.
    pub yield_count: usize,
    /// Processor time, with what is around compiling: fetching, publishing.
    pub cpu: CpuTimes,
    /// Time in which units validated and did nothing else.
    pub validate: Duration,
    /// Its scopes, when the configuration asks.
    pub scopes: ScopeTimes,
}

impl WorkerStats {
    /// All of another one.
    pub fn merge(&mut self, other: &WorkerStats) {
        self.unit_count += other.unit_count;
        self.flush_count += other.flush_count;
        self.yield_count += other.yield_count;
        self.cpu.merge(&other.cpu);
        self.validate += other.validate;
        self.scopes.merge(&other.scopes);
    }
}

/// What one unit cost: what the simulator replays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitRecord {
    /// Which function.
    pub func: DefinedFuncIndex,
    /// Bytes of its body.
    pub body_bytes: usize,
    /// Bytes of its machine code.
    pub code_bytes: usize,
    /// Processor time to compile it.
    pub cpu: Duration,
}

/// What compiling a module cost so far, all its variants together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompileStats {
    /// Functions with a body.
    pub functions: usize,
    /// Bytes of the code section.
    pub code_bytes: usize,
    /// Bytes of machine code.
    pub native_bytes: usize,
    /// Functions whose code another process had left.
    pub loaded: usize,
    /// Bytes of that code.
    pub loaded_bytes: usize,
    /// Bytes of machine code that were published so far, by tier: baseline, optimized. What was replaced since counts still.
    pub published_by_tier: [usize; 2],
    /// Wall time of decoding and module-level validation. Bodies are validated in their units; those of a module that is compiled
    /// [as it is called](crate::compile::config::Strategy), here.
    pub validate_wall: Duration,
    /// Time that units took to validate bodies, all workers together; a part of `compile_wall` and of `compile_cpu`.
    pub validate_bodies: Duration,
    /// Wall time from the start of compilation to its end.
    pub compile_wall: Duration,
    /// Processor time of all workers, the caller among them.
    pub compile_cpu: Duration,
    /// The same by what it was for.
    pub cpu_times: CpuTimes,
    /// Proposals that the bodies use, as far as tasks have reported.
    pub detected: Features,
    /// Functions by the tier that was asked for: baseline, optimized (statement S1-27).
    pub finished_by_tier: [usize; 2],
    /// Functions that got better code, because they did much or somebody asked for it.
    pub tier_ups: usize,
    /// Calls in the place of which bodies are, in all optimized code that was published so far, loop versions included.
    pub inlined_sites: usize,
    /// Versions of functions for loops that ran in baseline code.
    pub loop_versions: usize,
    /// How often a loop went on in one.
    pub loop_entries: usize,
    /// By slot: 0 is the caller.
    pub workers: Vec<WorkerStats>,
    /// Every unit, in the order in which they ended, when the configuration asks.
    pub units: Vec<UnitRecord>,
}

impl CompileStats {
    /// Scope times of all workers.
    pub fn scopes(&self) -> ScopeTimes {
        let mut all = ScopeTimes::default();
        for worker in &self.workers {
            all.merge(&worker.scopes);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_upper_bounds() {
        let mut times = Histogram::default();
        for nanos in [100, 200, 300, 400, 100_000] {
            times.add(Duration::from_nanos(nanos));
        }
        assert_eq!(times.count(), 5);
        assert_eq!(times.max(), Duration::from_nanos(100_000));
        assert_eq!(times.mean(), Duration::from_nanos(20_200));
        assert_eq!(times.quantile(0.5), Duration::from_nanos(512));
        assert_eq!(times.quantile(1.0), Duration::from_nanos(100_000));
        let mut twice = times;
        twice.merge(&times);
        assert_eq!((twice.count(), twice.sum()), (10, times.sum() * 2));
        assert_eq!(Histogram::default().quantile(0.9), Duration::ZERO);
    }
}
