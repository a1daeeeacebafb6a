//! The state byte: one unit per request, one compile per unit.

use deltic::abi::artifact::Tier;
use deltic::base::DefinedFuncIndex;
use deltic::compile::state::{UnitPhase, UnitStates};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::model;

fn func() -> DefinedFuncIndex {
    DefinedFuncIndex::from_u32(0)
}

/// Two callers ask for the same function: one of them queues its unit.
#[test]
fn one_unit_per_request() {
    model(|| {
        let states = Arc::new(UnitStates::new(1));
        let other = {
            let states = Arc::clone(&states);
            thread::spawn(move || states.request(func(), Tier::Baseline))
        };
        let mine = states.request(func(), Tier::Optimized);
        assert!(mine ^ other.join().unwrap());
        assert_eq!(states.phase(func()), UnitPhase::Queued);
    });
}

/// Two workers find the same unit, in two queues: one compiles it, and who sees that it is done sees what was published.
#[test]
fn one_compile_per_unit() {
    model(|| {
        let states = Arc::new(UnitStates::all_queued(1, Tier::Optimized));
        let published = Arc::new(UnsafeCell::new(0));
        let work = |states: &UnitStates, published: &UnsafeCell<i32>| {
            let mine = states.start(func());
            if mine {
                // SAFETY: loom checks that no other access is concurrent.
                published.with_mut(|published| unsafe { *published += 1 });
                states.finish(func());
            }
            mine
        };
        let other = {
            let (states, published) = (Arc::clone(&states), Arc::clone(&published));
            thread::spawn(move || work(&states, &published))
        };
        let mine = work(&states, &published);
        if states.phase(func()) == UnitPhase::Done {
            // SAFETY: as above.
            published.with(|published| assert_eq!(unsafe { *published }, 1));
        }
        assert!(mine ^ other.join().unwrap());
        assert_eq!(states.reached(func()), Tier::Optimized as u8);
    });
}

/// A worker gives its unit back while another one looks for work: it is compiled in the end, once at a time.
#[test]
fn given_back_and_taken_over() {
    model(|| {
        let states = Arc::new(UnitStates::all_queued(1, Tier::Optimized));
        let scratch = Arc::new(UnsafeCell::new(0));
        let other = {
            let (states, scratch) = (Arc::clone(&states), Arc::clone(&scratch));
            thread::spawn(move || {
                let mine = states.start(func());
                if mine {
                    // SAFETY: loom checks that no other access is concurrent.
                    scratch.with_mut(|scratch| unsafe { *scratch += 1 });
                    states.finish(func());
                }
                mine
            })
        };
        if states.start(func()) {
            // SAFETY: as above.
            scratch.with_mut(|scratch| unsafe { *scratch += 1 });
            states.give_back(func());
        }
        let other = other.join().unwrap();
        assert_eq!(states.phase(func()), if other { UnitPhase::Done } else { UnitPhase::Queued });
    });
}

/// A function with code is refused better one while another thread asks for it: at no moment does that one get to queue it again.
#[test]
fn refused_while_another_asks() {
    model(|| {
        let states = Arc::new(UnitStates::all_queued(1, Tier::Baseline));
        assert!(states.start(func()));
        states.finish(func());
        assert!(states.request(func(), Tier::Optimized));
        let other = {
            let states = Arc::clone(&states);
            thread::spawn(move || states.request(func(), Tier::Optimized))
        };
        assert!(states.start(func()));
        states.refuse(func());
        assert!(!other.join().unwrap());
        assert!(states.is_refused(func(), Tier::Optimized));
        assert_eq!(states.reached(func()), Tier::Baseline as u8);
    });
}
