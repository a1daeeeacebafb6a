//! Who is told how functions move between tiers, and who may decide it.
//!
//! Events come on the thread that brings them about: one that runs a guest, or a background one. What is told must be quick and must not
//! call into an isolate or the module.

#![forbid(unsafe_code)]

use std::fmt;
use std::time::Duration;

use crate::abi::artifact::{Entry, Tier};
use crate::base::FuncIndex;
use crate::base::sync::atomic::{AtomicU64, Ordering};
use crate::wasm::wire_bytes::WireBytes;

/// What happened to a function.
#[derive(Debug, Clone)]
pub struct TierEvent<'a> {
    /// The bytes of its module.
    pub wire_bytes: &'a WireBytes,
    /// The function, imported ones counted.
    pub func: FuncIndex,
    /// Which code of it: the one that is called, or that a loop goes on in.
    pub entry: Entry,
    /// What happened.
    pub kind: TierEventKind<'a>,
}

/// Kinds of [`TierEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TierEventKind<'a> {
    /// It has done much in baseline code.
    Asked,
    /// Better code was published.
    Compiled {
        /// By which tier.
        tier: Tier,
        /// Bytes of the code.
        code_bytes: usize,
        /// Processor time that it took.
        cpu: Duration,
    },
    /// There is no better code, and it is not asked for again.
    Refused {
        /// Why.
        reason: &'a str,
    },
    /// A loop has gone on in its version.
    Entered,
}

/// One who is told.
pub trait TierObserver: Send + Sync + fmt::Debug {
    /// Something happened.
    fn tier_event(&self, event: &TierEvent<'_>);
}

/// One who decides in the place of budgets, for tests: every call and every iteration of baseline code asks.
pub trait TierChoice: Send + Sync + fmt::Debug {
    /// Whether the function that has [asked](TierEventKind::Asked) gets the code at once, and, of a loop, goes on in it.
    fn choose(&self, asked: &TierEvent<'_>) -> bool;
}

/// Choices of a generator.
#[derive(Debug)]
pub struct SeededChoice {
    seed: u64,
    count: AtomicU64,
}

/// A call that asks has its function compiled once in so many times.
const CALLS: u64 = 32;
/// A loop goes on in its version once in so many times.
const LOOPS: u64 = 4;

impl SeededChoice {
    /// The choices that follow from a seed.
    pub fn new(seed: u64) -> Self {
        SeededChoice { seed, count: AtomicU64::new(0) }
    }
}

impl TierChoice for SeededChoice {
    fn choose(&self, asked: &TierEvent<'_>) -> bool {
        // Relaxed: any order is one of those that are tested.
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        // SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
        let mut state = self.seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (state ^ state >> 31).is_multiple_of(if asked.entry == Entry::Call { CALLS } else { LOOPS })
    }
}
