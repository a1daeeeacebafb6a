//! Which error a failing job reports: the same for any number of workers.
//!
//! Problem: workers meet errors in an order that depends on their number and on luck; the message must not.
//!
//! Idea: the answer is defined without time:
//! 1. if any body of the module is invalid: the invalid body with the lowest function index;
//! 2. else the lowest function index whose unit failed.
//!
//! For (1) the worker that meets an invalid body ends the job at once (the others stop after their present unit), and the owner
//! validates the bodies again. For (2) the job goes on below the failed index only, until every lower unit was seen. The lowest
//! index so far is one word that only falls (`fetch_min` on index and kind, packed), so that asking whether a unit still matters is one load.
//!
//! **Invariant:** the error text that is kept belongs to the lowest word that was recorded.

#![forbid(unsafe_code)]

use cranelift_entity::EntityRef;

use crate::base::DefinedFuncIndex;
use crate::base::rank::{Rank, RankedMutex};
use crate::base::sync::atomic::{AtomicU64, Ordering};
use crate::wasm::error::{CompileError, CompileErrorKind};

const NONE: u64 = u64::MAX;
const KIND_BITS: u32 = 8;
/// In the place of the index: no function's.
const GENERAL: u64 = NONE >> (KIND_BITS + 1);

/// The lowest error of a job so far.
#[derive(Debug)]
pub struct FirstError {
    /// `function index << 8 | kind`, or all ones.
    lowest: AtomicU64,
    text: RankedMutex<Option<(u64, CompileError)>>,
}

impl Default for FirstError {
    fn default() -> Self {
        FirstError { lowest: AtomicU64::new(NONE), text: RankedMutex::new(Rank::Errors, None) }
    }
}

impl FirstError {
    /// Records what is wrong with a function.
    pub fn record(&self, func: DefinedFuncIndex, error: CompileError) {
        self.record_word(word(func.index() as u64, error.kind), error);
    }

    /// Records what is wrong without being a function's fault. Functions come first.
    pub fn record_general(&self, error: CompileError) {
        self.record_word(word(GENERAL, error.kind), error);
    }

    fn record_word(&self, word: u64, error: CompileError) {
        // AcqRel: partner of the acquire in `matters`; the text has its own lock.
        self.lowest.fetch_min(word, Ordering::AcqRel);
        let mut text = self.text.lock();
        if text.as_ref().is_none_or(|(kept, _)| word < *kept) {
            *text = Some((word, error));
        }
    }

    /// Whether a function's unit can still change the answer.
    pub fn matters(&self, func: DefinedFuncIndex) -> bool {
        // Acquire: partner of `record_word`.
        (func.index() as u64) < self.lowest.load(Ordering::Acquire) >> KIND_BITS
    }

    /// Whether anything was recorded.
    pub fn is_some(&self) -> bool {
        // Acquire: partner of `record_word`.
        self.lowest.load(Ordering::Acquire) != NONE
    }

    /// The error with the lowest function index, whose text is made to begin as it should: `described` says for a function how errors of it may
    /// begin, and how they should.
    pub fn get_by(&self, described: impl FnOnce(DefinedFuncIndex) -> (String, String)) -> Option<CompileError> {
        let (word, mut error) = self.text.lock().clone()?;
        let index = word >> KIND_BITS;
        if index < GENERAL {
            let (may, should) = described(DefinedFuncIndex::new(index as usize));
            if let Some(rest) = error.message.strip_prefix(&may) {
                error.message = should + rest;
            }
        }
        Some(error)
    }

    /// The error with the lowest function index.
    pub fn get(&self) -> Option<CompileError> {
        self.text.lock().as_ref().map(|(_, error)| error.clone())
    }
}

fn word(index: u64, kind: CompileErrorKind) -> u64 {
    index << KIND_BITS | kind as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> CompileError {
        CompileError::new(CompileErrorKind::Unsupported, text, None)
    }

    #[test]
    fn the_lowest_index_wins_in_any_order() {
        let func = |n: u32| DefinedFuncIndex::from_u32(n);
        for order in [[3, 7, 5], [7, 5, 3], [5, 3, 7]] {
            let first = FirstError::default();
            assert!(!first.is_some() && first.matters(func(9)));
            first.record_general(error("general"));
            assert!(first.matters(func(9)), "functions come before the rest");
            for n in order {
                first.record(func(n), error(&n.to_string()));
            }
            first.record_general(error("general"));
            let described = |func: DefinedFuncIndex| (func.index().to_string(), format!("function {}", func.index()));
            assert_eq!(first.get_by(described).map(|e| e.message).as_deref(), Some("function 3"));
            assert_eq!(first.get_by(|_| ("x".into(), "y".into())).map(|e| e.message).as_deref(), Some("3"));
            assert_eq!(first.get().map(|e| e.message).as_deref(), Some("3"));
            assert!(first.is_some() && first.matters(func(2)) && !first.matters(func(3)) && !first.matters(func(4)));
        }
    }
}
