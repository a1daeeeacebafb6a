//! Old code is kept while a stack shows it, freed afterwards, and its place used again.

use super::*;
use crate::code::bell::ReportBell;
use crate::code::{LiveCode, lookup};
use crate::platform::exec;
use crate::platform::fork::FORKING_IN_TESTS;

struct Stack(Vec<usize>);

impl LiveCode for Stack {
    fn visit_pcs(&self, visit: &mut dyn FnMut(usize)) {
        self.0.iter().for_each(|&pc| visit(pc));
    }
}

const EMPTY: Stack = Stack(Vec::new());

fn is_known(pc: usize) -> bool {
    // SAFETY: the tests ask on the thread that frees.
    unsafe { lookup(pc) }.is_some()
}

#[test]
fn code_is_freed_when_every_reporter_has_let_go() {
    let _no_forks = FORKING_IN_TESTS.read();
    exec::prepare_to_serialize();
    let space = space(1);
    let (first, second) = (space.add_reporter(Arc::default()), space.add_reporter(Arc::default()));
    space.publish(vec![constant(0, Tier::Baseline, 1)]).unwrap();
    let old = entry(&space, 0);
    assert_eq!((space.report(first, &EMPTY), space.report(second, &EMPTY)), (0, 0));
    space.publish(vec![constant(0, Tier::Optimized, 2)]).unwrap();
    assert_eq!((space.code_bytes(), space.retired_bytes()), (12, 32));
    // One shows it, as a return address at its very end.
    assert_eq!(space.report(first, &Stack(vec![1, old + 6, usize::MAX])), 0);
    assert_eq!(space.report(second, &EMPTY), 0);
    // A reporter that came later has nothing to say about it, but holds nothing up either.
    let third = space.add_reporter(Arc::default());
    assert!(is_known(old));
    assert_eq!(space.report(first, &EMPTY), 32);
    assert!(!is_known(old));
    assert_eq!((space.code_bytes(), space.retired_bytes()), (6, 0));
    space.remove_reporter(third);
    assert_eq!(call(&space, 0), 2);
    // The place is used again.
    space.publish(vec![constant(0, Tier::Optimized, 3)]).unwrap();
    assert_eq!((entry(&space, 0), call(&space, 0)), (old, 3));
}

#[test]
fn the_bell_says_when_a_report_is_worth_its_time() {
    let _no_forks = FORKING_IN_TESTS.read();
    let space = space(1);
    let bells: [Arc<ReportBell>; 2] = Default::default();
    let [first, second] = bells.each_ref().map(|bell| space.add_reporter(Arc::clone(bell)));
    let heard = || bells.each_ref().map(|bell| (bell.is_rung(), bell.is_due()));
    space.publish(vec![constant(0, Tier::Baseline, 1)]).unwrap();
    assert_eq!(heard(), [(false, false); 2], "nothing was replaced");
    let old = entry(&space, 0);
    space.publish(vec![constant(0, Tier::Baseline, 2)]).unwrap();
    assert_eq!(heard(), [(true, true); 2]);
    bells.iter().for_each(|bell| bell.clear());
    space.report(first, &Stack(vec![old]));
    space.report(second, &EMPTY);
    assert_eq!(heard(), [(false, true), (false, false)], "who shows it owes another report");
    bells[0].clear();
    assert_eq!(space.report(first, &EMPTY), 32);
    assert_eq!(heard(), [(false, false); 2]);
}

#[test]
fn without_reports_nothing_is_freed() {
    let space = space(1);
    for value in 0..100 {
        space.publish(vec![constant(0, Tier::Baseline, value)]).unwrap();
    }
    assert_eq!((space.code_bytes(), space.retired_bytes()), (600, 99 * 32));
}

#[test]
fn a_reporter_that_leaves_holds_nothing() {
    let space = space(1);
    let (first, second) = (space.add_reporter(Arc::default()), space.add_reporter(Arc::default()));
    space.publish(vec![constant(0, Tier::Baseline, 1)]).unwrap();
    let old = entry(&space, 0);
    space.publish(vec![constant(0, Tier::Baseline, 2)]).unwrap();
    assert_eq!(space.report(second, &EMPTY), 0);
    assert_eq!(space.report(first, &Stack(vec![old + 2])), 0);
    space.remove_reporter(first);
    assert_eq!((space.retired_bytes(), space.code_bytes()), (0, 6));
    space.remove_reporter(second);
}

/// A loop version is there as long as baseline code of its function, and then as long as a stack shows it.
#[test]
fn a_loop_version_goes_after_the_code_that_it_is_entered_from() {
    let _no_forks = FORKING_IN_TESTS.read();
    let space = space(2);
    let reporter = space.add_reporter(Arc::default());
    let version = |wasm_offset, value| Artifact {
        entry: Entry::Loop(wasm_offset),
        frame_bytes: 48,
        state_bytes: 24,
        ..constant(0, Tier::Optimized, value)
    };
    space.publish(vec![constant(0, Tier::Baseline, 1), constant(1, Tier::Baseline, 1)]).unwrap();
    let baseline = entry(&space, 0);
    space.publish(vec![version(70, 2)]).unwrap();
    assert_eq!((entry(&space, 0), space.loop_code(func(0), 71), space.loop_code(func(1), 70)), (baseline, None, None));
    let found = space.loop_code(func(0), 70).expect("a version");
    assert_eq!((found.frame_bytes, found.state_bytes), (48, 24));
    // The first stays.
    assert_eq!(space.publish(vec![version(70, 3)]), Ok(0));
    assert_eq!(space.loop_code(func(0), 70), Some(found));
    space.publish(vec![constant(0, Tier::Optimized, 4), version(90, 5)]).unwrap();
    assert_eq!(space.report(reporter, &Stack(vec![baseline + 2])), 0);
    assert!(space.loop_code(func(0), 70).is_some() && space.loop_code(func(0), 90).is_some());
    assert!(space.report(reporter, &Stack(vec![found.address + 2])) > 0);
    assert!(!is_known(baseline) && space.loop_code(func(0), 70).is_none() && space.loop_code(func(0), 90).is_none());
    // One of the versions runs still.
    assert!(space.report(reporter, &Stack(vec![found.address + 2])) > 0);
    assert!(is_known(found.address) && space.retired_bytes() > 0);
    assert!(space.report(reporter, &EMPTY) > 0);
    assert!(!is_known(found.address));
    assert_eq!((space.retired_bytes(), call(&space, 0), call(&space, 1)), (0, 4, 1));
}

#[test]
fn freed_places_fit_other_sizes_and_alignments() {
    let _no_forks = FORKING_IN_TESTS.read();
    exec::prepare_to_serialize();
    let space = space(8);
    let reporter = space.add_reporter(Arc::default());
    let sized = |index, tier, bytes: usize, alignment| Artifact { alignment, ..artifact(index, tier, &vec![0xc3; bytes]) };
    space.publish((0..8).map(|index| sized(index, Tier::Baseline, 100, 16)).collect()).unwrap();
    let old: Vec<usize> = (0..8).map(|index| entry(&space, index)).collect();
    space.publish((0..8).map(|index| sized(index, Tier::Optimized, 100, 16)).collect()).unwrap();
    assert_eq!(space.report(reporter, &EMPTY), 8 * 128);
    // One block of 1 KiB: a big function fits, aligned; what is left takes small ones.
    space.publish(vec![sized(0, Tier::Optimized, 500, 256)]).unwrap();
    assert!(entry(&space, 0).is_multiple_of(256) && (old[0]..old[7]).contains(&entry(&space, 0)));
    space.publish((1..4).map(|index| sized(index, Tier::Optimized, 10, 32)).collect()).unwrap();
    for index in 1..4 {
        assert!((old[0]..old[7] + 112).contains(&entry(&space, index)) && entry(&space, index).is_multiple_of(32));
    }
    for index in 0..8 {
        // SAFETY: asked on the thread that frees.
        let site = unsafe { lookup(entry(&space, index)) }.unwrap();
        assert_eq!((site.func, site.code_offset), (func(index), 0));
        call(&space, index);
    }
}

#[test]
fn pages_that_cannot_be_written_again_are_not_reused() {
    let space = space_with(1, ExecStrategy::Protect);
    let reporter = space.add_reporter(Arc::default());
    space.publish(vec![constant(0, Tier::Baseline, 1)]).unwrap();
    let old = entry(&space, 0);
    space.publish(vec![constant(0, Tier::Optimized, 2)]).unwrap();
    assert_eq!(space.report(reporter, &EMPTY), 32);
    assert!(!is_known(old));
    space.publish(vec![constant(0, Tier::Optimized, 3)]).unwrap();
    assert_ne!(entry(&space, 0), old);
    assert_eq!(call(&space, 0), 3);
}

/// Publishers replace, runners run and report: a runner never meets freed code.
#[test]
fn replacing_running_and_freeing_at_once() {
    const FUNCS: u32 = 8;
    let _no_forks = FORKING_IN_TESTS.read();
    let rounds = if cfg!(debug_assertions) { 300 } else { 5_000 };
    let space = CodeSpace::new(FUNCS as usize, 64 << 10, owner()).unwrap();
    space.publish((0..FUNCS).map(|index| constant(index, Tier::Baseline, index)).collect()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let reporter = space.add_reporter(Arc::default());
            let (space, done) = (&space, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Acquire) {
                    for index in 0..FUNCS {
                        let pc = entry(space, index);
                        // SAFETY: this thread reports between two uses of code only, so that what it has just loaded stays.
                        let site = unsafe { lookup(pc) }.expect("what a slot holds is registered");
                        assert_eq!(site.func, func(index));
                        assert_eq!(call(space, index) % FUNCS, index);
                    }
                    space.report(reporter, &EMPTY);
                }
                space.remove_reporter(reporter);
            });
        }
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for round in 0..rounds {
                        let index = round % FUNCS;
                        space.publish(vec![constant(index, Tier::Baseline, index + FUNCS * round)]).unwrap();
                        assert!(space.metadata(func(index), |metadata| metadata.code_bytes) == Some(6));
                    }
                })
            })
            .collect();
        let _done = Done(&done);
        for publisher in publishers {
            publisher.join().unwrap();
        }
    });
    assert_eq!(space.code_bytes(), 6 * FUNCS as usize);
    assert_eq!(space.retired_bytes(), 0);
    assert!((0..FUNCS).all(|index| call(&space, index) % FUNCS == index));
}
