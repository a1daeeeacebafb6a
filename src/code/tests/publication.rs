//! Publication, dispatch slots, displacements and the registry.

use super::*;
use crate::abi::artifact::{HandlerSite, Helper, PlaceInLine};
use crate::base::tuning;
use crate::code::error::ArtifactDefect;
use crate::code::{CodeError, lookup, missing, trap_at};
use crate::platform::clock;
use crate::platform::fork::FORKING_IN_TESTS;

#[test]
fn published_code_runs_with_every_strategy() {
    for strategy in ExecStrategy::ORDER {
        let space = space_with(3, strategy);
        assert_eq!(space.strategy(), strategy);
        assert_eq!(space.tier(func(0)), None);
        assert_eq!(entry(&space, 0), missing::address());
        assert_eq!(space.publish(vec![constant(0, Tier::Baseline, 42), constant(2, Tier::Optimized, 7)]), Ok(12));
        assert_eq!(space.publish(vec![constant(1, Tier::Baseline, 43)]), Ok(6));
        assert_eq!((call(&space, 0), call(&space, 1), call(&space, 2)), (42, 43, 7));
        assert_eq!((space.tier(func(0)), space.tier(func(2))), (Some(Tier::Baseline), Some(Tier::Optimized)));
        assert_eq!(space.code_bytes(), 18);
        assert_eq!(space.publish(vec![]), Ok(0));
    }
}

#[test]
fn a_lower_tier_is_refused_and_a_higher_one_replaces() {
    let _no_forks = FORKING_IN_TESTS.read();
    let space = space(1);
    space.publish(vec![constant(0, Tier::Baseline, 1)]).unwrap();
    space.publish(vec![constant(0, Tier::Optimized, 2)]).unwrap();
    assert_eq!((call(&space, 0), space.retired_bytes()), (2, 32));
    assert_eq!(space.publish(vec![constant(0, Tier::Baseline, 3)]), Ok(0));
    assert_eq!((call(&space, 0), space.retired_bytes()), (2, 32));
    space.publish(vec![constant(0, Tier::Optimized, 4)]).unwrap();
    assert_eq!((call(&space, 0), space.retired_bytes()), (4, 64));
    // Within one batch too, in any order.
    let batch = |first: Tier, second: Tier| vec![constant(0, first, first as u32), constant(0, second, second as u32)];
    for (first, second) in [(Tier::Baseline, Tier::Optimized), (Tier::Optimized, Tier::Baseline)] {
        let space = super::space(1);
        space.publish(batch(first, second)).unwrap();
        assert_eq!(call(&space, 0), Tier::Optimized as u32);
        assert_eq!(space.tier(func(0)), Some(Tier::Optimized));
        // Code that lost its slot leaves its place at once; code that was replaced waits for reports.
        let lost = if first > second { 32 } else { 0 };
        assert_eq!(
            (space.free_bytes.load(Ordering::Relaxed), space.retired_bytes(), space.code_bytes()),
            (lost, 32 - lost, 12 - lost * 6 / 32)
        );
    }
}

#[test]
fn displacements_reach_slots_and_helpers() {
    for strategy in ExecStrategy::ORDER {
        let space = space_with(4, strategy);
        // The callee has no code yet when its caller is published.
        space.publish(vec![caller(0, 3)]).unwrap();
        space.publish(vec![constant(3, Tier::Baseline, 5)]).unwrap();
        assert_eq!(call(&space, 0), 5);
        space.publish(vec![constant(3, Tier::Optimized, 6)]).unwrap();
        assert_eq!(call(&space, 0), 6);
        // jmp [ceil]
        let code = [0xff, 0x25, 0, 0, 0, 0];
        let relocs = [Reloc { code_offset: 2, target: RelocTarget::Helper(Helper::CeilF64) }].into();
        space.publish(vec![Artifact { relocs, ..artifact(1, Tier::Baseline, &code) }]).unwrap();
        // SAFETY: the code jumps to a function of this type.
        let ceil = unsafe { std::mem::transmute::<usize, extern "sysv64" fn(f64) -> f64>(entry(&space, 1)) };
        assert_eq!(ceil(1.25), 2.0);
    }
}

#[test]
fn every_byte_of_a_function_is_found_and_none_outside() {
    let space = space(2);
    let long = Artifact {
        code: vec![0x90; 1000].into(),
        alignment: 64,
        variant: CodeVariant::Checked,
        // Unsorted on purpose, and one offset with two positions: a call followed by a trapping instruction.
        traps: [(600, TrapCode::IntegerOverflow), (9, TrapCode::Unreachable)]
            .map(|(code_offset, trap)| TrapSite { code_offset, trap })
            .into(),
        positions: [(600, 3), (9, 1), (9, 2), (1000, 4)]
            .map(|(code_offset, wasm_offset)| Position { code_offset, wasm_offset })
            .into(),
        ..artifact(0, Tier::Optimized, &[])
    };
    space.publish(vec![long, constant(1, Tier::Baseline, 1)]).unwrap();
    let (first, second) = (entry(&space, 0), entry(&space, 1));
    assert_eq!(first % 64, 0);
    for pc in first - 64..second + 64 {
        // SAFETY: the space is alive and nothing is freed.
        let (site, trap) = unsafe { (lookup(pc), trap_at(pc)) };
        let expected = if (first..=first + 1000).contains(&pc) {
            Some((func(0), Tier::Optimized, CodeVariant::Checked, pc - first))
        } else if (second..=second + 6).contains(&pc) {
            Some((func(1), Tier::Baseline, CodeVariant::Guarded, pc - second))
        } else {
            None
        };
        assert_eq!(site.map(|site| (site.func, site.tier, site.variant, site.code_offset as usize)), expected, "{pc:#x}");
        let Some(site) = site else { continue };
        assert_eq!(site.owner.downcast_ref::<&str>(), Some(&"owner"));
        assert_eq!(site.trap, trap);
        let expected = match (site.func.as_u32(), site.code_offset) {
            (0, 9) => (Some(TrapCode::Unreachable), Some(1), Some(2)),
            (0, 600) => (Some(TrapCode::IntegerOverflow), Some(3), Some(3)),
            (0, 1000) => (None, Some(4), Some(4)),
            _ => (None, None, None),
        };
        assert_eq!((site.trap, site.wasm_offset, site.trap_wasm_offset), expected);
    }
    for pc in [0, 1, usize::MAX, 1 << 47, (1 << 47) - 1, main as *const () as usize, &raw const space as usize] {
        // SAFETY: no address of a code space.
        assert!(unsafe { lookup(pc) }.is_none());
    }
    let capacity = space.capacity_bytes();
    // SAFETY: the space is alive and nothing is freed.
    assert!(unsafe { lookup(first + capacity) }.is_none());
    drop(space);
    // SAFETY: no address of a code space any more, unless another test has just got the same.
    let after = unsafe { lookup(first) };
    assert!(after.is_none_or(|site| site.owner.downcast_ref::<&str>().is_some()));
}

/// Code that asks for it begins at its place in a line, whether it comes with others, alone, or where other code was.
#[test]
fn code_has_its_place_in_a_line() {
    let space = space(32);
    let with = |index: u32, place: Option<PlaceInLine>, tier| {
        let code = [vec![0x90; 7 * index as usize], vec![0xb8, index as u8, 0, 0, 0, 0xc3]].concat();
        Artifact { place, ..artifact(index, tier, &code) }
    };
    let places = || PlaceInLine::all().map(Some).chain([None]).cycle().zip(0..);
    space.publish(places().take(20).map(|(place, index)| with(index, place, Tier::Baseline)).collect()).unwrap();
    for (place, index) in places().skip(20).take(12) {
        space.publish(vec![with(index, place, Tier::Baseline)]).unwrap();
    }
    for (place, index) in places().take(32) {
        assert!(place.is_none_or(|place| entry(&space, index) as u32 % PlaceInLine::LINE == place.bytes()), "{index}");
        assert_eq!(call(&space, index), index);
    }
}

fn main() {}

#[test]
fn malformed_artifacts_are_refused_whole() {
    let space = space(2);
    let good = || constant(0, Tier::Baseline, 1);
    let reloc = |code_offset, target| Artifact { relocs: [Reloc { code_offset, target }].into(), ..good() };
    let cases = [
        (constant(2, Tier::Baseline, 1), ArtifactDefect::NoSlot(func(2))),
        (artifact(0, Tier::Baseline, &[]), ArtifactDefect::Empty),
        (Artifact { alignment: 3, ..good() }, ArtifactDefect::Alignment(3)),
        (Artifact { alignment: 8192, ..good() }, ArtifactDefect::Alignment(8192)),
        (reloc(3, RelocTarget::Slot(func(0))), ArtifactDefect::Reloc(3)),
        (reloc(u32::MAX, RelocTarget::Slot(func(0))), ArtifactDefect::Reloc(u32::MAX)),
        (reloc(1, RelocTarget::Slot(func(2))), ArtifactDefect::NoSlot(func(2))),
        (
            Artifact { traps: [TrapSite { code_offset: 6, trap: TrapCode::Unreachable }].into(), ..good() },
            ArtifactDefect::Trap(6),
        ),
        (Artifact { positions: [Position { code_offset: 7, wasm_offset: 0 }].into(), ..good() }, ArtifactDefect::Position(7)),
        (
            Artifact { handlers: [HandlerSite { code_offset: 5, handler_offset: 6, frame_bytes: 0 }].into(), ..good() },
            ArtifactDefect::Handler(5),
        ),
    ];
    for (bad, defect) in cases {
        let refused = space.publish(vec![good(), bad.clone()]);
        assert_eq!(refused, Err(CodeError::Malformed { func: bad.func, defect }));
        assert_eq!((space.tier(func(0)), space.code_bytes()), (None, 0));
    }
}

#[test]
fn a_full_space_says_so_and_stays_usable() {
    let options = CodeSpaceOptions { max_bytes: 1 << 20, ..CodeSpaceOptions::new(2, 1 << 30) };
    let space = CodeSpace::with_options(&options, owner()).unwrap();
    let capacity = space.capacity_bytes();
    assert!(capacity < 1 << 20 && capacity > 3 << 18);
    let big = artifact(0, Tier::Baseline, &vec![0xc3; capacity]);
    let refused = space.publish(vec![big, constant(1, Tier::Baseline, 1)]);
    let Err(CodeError::Exhausted { asked, capacity: told }) = refused else { panic!("{refused:?}") };
    assert!(asked > capacity && told == capacity);
    assert_eq!(space.tier(func(1)), None);
    // Filled to the end by small ones, and the last one runs.
    let mut count = 0;
    while space.publish(vec![constant(count % 2, Tier::Baseline, count); 16]).is_ok() {
        count += 1;
    }
    assert_eq!(count as usize, capacity / (16 * 32));
    assert_eq!(call(&space, (count - 1) % 2), count - 1);
}

#[test]
fn capacity_follows_the_module() {
    let capacity = |slot_count, wasm_code_bytes| CodeSpace::new(slot_count, wasm_code_bytes, owner()).unwrap().capacity_bytes();
    assert!(capacity(1, 10) < 1 << 20);
    assert!(capacity(10_000, 10) > 10 << 20);
    assert!((300 << 20..400 << 20).contains(&capacity(1, 10 << 20)));
    let largest = capacity(1_000_000, 1 << 30);
    assert!(largest > 2_000 << 20 && largest < tuning::CODE_SPACE_MAX_BYTES);
    let options = CodeSpaceOptions { max_bytes: 1 << 20, ..CodeSpaceOptions::new(100_000, 0) };
    let refused = CodeSpace::with_options(&options, owner());
    assert!(matches!(refused, Err(CodeError::TooManyFunctions { slot_count: 100_000 })));
    assert!(matches!(CodeSpace::new(usize::MAX, 0, owner()), Err(CodeError::TooManyFunctions { .. })));
}

#[test]
fn spaces_of_many_granules_are_found_at_both_ends() {
    let space = CodeSpace::new(1, 1 << 20, owner()).unwrap();
    let big = Artifact { alignment: 4096, ..artifact(0, Tier::Baseline, &vec![0xc3; 3 << 20]) };
    space.publish(vec![big]).unwrap();
    let start = entry(&space, 0);
    assert_eq!(start % 4096, 0);
    for offset in [0, 1, 1 << 20, (3 << 20) - 1] {
        // SAFETY: the space is alive and nothing is freed.
        let site = unsafe { lookup(start + offset) }.expect("an address of the function");
        assert_eq!(site.code_offset as usize, offset);
    }
}

#[test]
fn publishers_and_readers_at_once() {
    const FUNCS: u32 = 64;
    let rounds = if cfg!(debug_assertions) { 200 } else { 2_000 };
    let space = CodeSpace::new(FUNCS as usize, 1 << 20, owner()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..2)
            .map(|publisher| {
                let space = &space;
                scope.spawn(move || {
                    for round in 0..rounds {
                        let tier = if round * 2 < rounds { Tier::Baseline } else { Tier::Optimized };
                        let first = (round * 5 + publisher * 17) % FUNCS;
                        let batch = (0..8).map(|i| (first + i) % FUNCS).map(|index| constant(index, tier, index));
                        space.publish(batch.collect()).unwrap();
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let mut seen = [None; FUNCS as usize];
                while !done.load(Ordering::Acquire) {
                    for index in 0..FUNCS {
                        let pc = entry(&space, index);
                        if pc == missing::address() {
                            continue;
                        }
                        // SAFETY: the space is alive and nothing is freed.
                        let site = unsafe { lookup(pc + 3) }.expect("a slot leads to registered code");
                        assert_eq!((site.func, site.code_offset), (func(index), 3));
                        assert_eq!(call(&space, index), index);
                        assert!(seen[index as usize] <= Some(site.tier), "a tier never falls");
                        seen[index as usize] = Some(site.tier);
                    }
                }
            });
        }
        let _done = Done(&done);
        for publisher in publishers {
            publisher.join().unwrap();
        }
    });
    assert!((0..FUNCS).all(|index| space.tier(func(index)) == Some(Tier::Optimized)));
}

#[test]
fn no_mapping_is_writable_and_executable() {
    let spaces = ExecStrategy::ORDER.map(|strategy| space_with(2, strategy));
    for space in &spaces {
        space.publish(vec![constant(0, Tier::Baseline, 1)]).unwrap();
        space.publish(vec![constant(1, Tier::Baseline, 1)]).unwrap();
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let executable = maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.contains('x')));
    let mut found = 0;
    for line in executable {
        let (addresses, rest) = line.split_once(' ').unwrap();
        assert!(!rest.starts_with("rwx") && !rest.starts_with("-wx"), "{line}");
        let (low, high) = addresses.split_once('-').unwrap();
        let parse = |text| usize::from_str_radix(text, 16).unwrap();
        found += spaces.iter().filter(|space| (parse(low)..parse(high)).contains(&entry(space, 0))).count();
    }
    assert_eq!(found, spaces.len());
}

/// Not an assertion about time: prints what publication costs, so that a change can be compared with its parent.
#[test]
fn cost_of_publication() {
    let count = if cfg!(debug_assertions) { 4_000 } else { 100_000 };
    for strategy in ExecStrategy::ORDER {
        for batch in [1, 16, 256] {
            let count = if strategy == ExecStrategy::Protect && batch == 1 { count / 20 } else { count };
            let options = CodeSpaceOptions { strategies: &[strategy], ..CodeSpaceOptions::new(count, count * 256) };
            let space = CodeSpace::with_options(&options, owner()).unwrap();
            let first = cost(&space, batch, Tier::Baseline);
            // The second round goes to the pages that the first has touched.
            let reporter = space.add_reporter(Arc::default());
            space.publish((0..count).map(|index| artifact(index as u32, Tier::Optimized, &[0xc3])).collect()).unwrap();
            space.remove_reporter(reporter);
            let second = cost(&space, batch, Tier::Optimized);
            println!("{strategy:?}, batches of {batch}: {first} ns per function of 256 bytes, in touched pages {second} ns");
        }
    }
    let start = clock::thread_cpu_time();
    for _ in 0..100 {
        drop(space(10));
    }
    println!("space for a tiny module: {} ns to make and drop", (clock::thread_cpu_time() - start).as_nanos() / 100);
}

/// Nanoseconds of processor time for each function.
fn cost(space: &CodeSpace, batch: usize, tier: Tier) -> u128 {
    let functions = space.slot_count() / batch * batch;
    let batches: Vec<Vec<Artifact>> = (0..functions / batch)
        .map(|n| (0..batch).map(|i| artifact((n * batch + i) as u32, tier, &[0xc3; 256])).collect())
        .collect();
    let start = clock::thread_cpu_time();
    for batch in batches {
        space.publish(batch).unwrap();
    }
    (clock::thread_cpu_time() - start).as_nanos() / functions as u128
}
