//! First calls of one function: compiled once, and nobody sleeps for ever.

use deltic::abi::artifact::Tier;
use deltic::base::DefinedFuncIndex;
use deltic::compile::lazy::{Claim, claim};
use deltic::compile::parking::Parking;
use deltic::compile::state::UnitStates;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::model;

fn func() -> DefinedFuncIndex {
    DefinedFuncIndex::from_u32(0)
}

struct Code {
    states: UnitStates,
    parking: Parking,
    compiled: UnsafeCell<u32>,
}

impl Code {
    fn new() -> Arc<Code> {
        Arc::new(Code { states: UnitStates::new(1), parking: Parking::default(), compiled: UnsafeCell::new(0) })
    }

    /// A first call; with `fails` the unit gives no code. Whether the function has code then.
    fn call(&self, fails: bool) -> bool {
        if claim(&self.states, &self.parking, func(), Tier::Baseline) == Claim::Claimed {
            // SAFETY: loom checks that no other access is concurrent.
            self.compiled.with_mut(|compiled| unsafe { *compiled += 1 });
            if fails {
                self.states.give_up(func());
            } else {
                self.states.finish(func());
            }
            self.parking.announce();
            return !fails;
        }
        true
    }

    fn compiled(&self) -> u32 {
        // SAFETY: as above.
        self.compiled.with(|compiled| unsafe { *compiled })
    }
}

/// Whoever comes second sees what the first has published, whether it waited or not.
#[test]
fn two_first_calls_compile_once() {
    model(|| {
        let code = Code::new();
        let other = {
            let code = Arc::clone(&code);
            thread::spawn(move || {
                assert!(code.call(false));
                assert_eq!(code.compiled(), 1);
            })
        };
        assert!(code.call(false));
        assert_eq!(code.compiled(), 1);
        other.join().unwrap();
    });
}

/// Who waits for a unit that gives no code makes it itself.
#[test]
fn a_failure_is_not_waited_for() {
    model(|| {
        let code = Code::new();
        let other = {
            let code = Arc::clone(&code);
            thread::spawn(move || code.call(true))
        };
        assert!(code.call(false));
        other.join().unwrap();
        assert!((1..=2).contains(&code.compiled()));
    });
}
