//! Files that are not what was written: each is rejected with a reason, or the guest's answers are the right ones, from code that was made again.
//!
//! A flip that nobody looks at is harmless because nobody looks at it: the record of a function that is not called, the bodies of functions that
//! have code. What is looked at was copied and hashed before. The last test says that it is the hashes that these tests rest on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deltic::abi::artifact::CodeVariant;
use deltic::base::DefinedFuncIndex;
use deltic::cache::file::CodeFile;
use deltic::cache::record::Record;
use deltic::store::blob::MemoryBlob;
use deltic::{Config, MacKey, Module, Strategy, WasmEngine};

use super::{GUEST, MemoryStore, Process, cache, check_guest, key};
use crate::support::{Random, engine_with};

/// A small module: its file has some thousand bytes.
const SMALL: &str = r#"(module
    (memory 1) (data (i32.const 4) "\2a")
    (func $next (param i32) (result i32) (i32.add (i32.load8_u (i32.const 4)) (local.get 0)))
    (func (export "f") (param i32) (result i32) (call $next (i32.mul (local.get 0) (i32.const 3))))
    (func (export "unused") (param i32) (result i32) (i32.const 9)))"#;

/// What a damaged file came to.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It was not loaded.
    Rejected,
    /// It was, and what was damaged was compiled again.
    Repaired,
    /// It was, and nobody noticed.
    Unnoticed,
}

/// Loads bytes, and calls what is in them.
fn load(engine: &WasmEngine, bytes: Vec<u8>, key: &MacKey, expected: i32) -> End {
    let loaded = if key.is_secret() {
        Module::deserialize_with_key(engine, bytes, key)
    } else {
        // SAFETY: the bytes were made by this test; what was changed in them is what is tested.
        unsafe { Module::deserialize(engine, bytes) }
    };
    let Ok(module) = loaded else { return End::Rejected };
    let mut process = Process::of(module);
    match process.call("f", 7) {
        Ok(answer) => assert_eq!(answer, expected),
        // Code and bodies are both damaged: then there is nothing to make it of.
        Err(error) => {
            assert!(error.contains("damaged"), "{error}");
            return End::Rejected;
        }
    }
    if process.counts().0 > 0 { End::Repaired } else { End::Unnoticed }
}

#[test]
fn every_bit_and_every_length_of_a_small_file() {
    let engine = engine_with(Config::default().with_strategy(Strategy::AheadOfTime));
    let module = Module::new(&engine, SMALL).expect("a module");
    for key in [MacKey::nobodys(), key()] {
        let bytes = module.serialize_with_key(&key).expect("bytes");
        assert_eq!(load(&engine, bytes.clone(), &key, 63), End::Unnoticed);
        let mut ends = [0; 3];
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            ends[load(&engine, changed, &key, 63) as usize] += 1;
        }
        let [rejected, repaired, unnoticed] = ends;
        // The record of the one function that is not called, and bodies.
        assert!(rejected > 3_000 && repaired > 500 && unnoticed < 2_000, "{ends:?} of {} bytes", bytes.len());
        for len in 0..bytes.len() {
            assert_eq!(load(&engine, bytes[..len].to_vec(), &key, 63), End::Rejected, "{len} bytes");
        }
        assert_eq!(load(&engine, [&bytes[..], &[0]].concat(), &key, 63), End::Rejected);
    }
}

/// Sixty functions, each with a loop, a load and calls, and one that calls them all.
fn large() -> String {
    use std::fmt::Write as _;
    let mut text = String::from("(module (memory 1)");
    for n in 0..60 {
        let _ = write!(
            text,
            "(func $f{n} (param i32) (result i32) (local i32)
                (loop $again
                    (local.set 1 (i32.add (i32.load offset={n} (local.get 0)) (i32.add (local.get 1) (i32.const {n}))))
                    (br_if $again (i32.gt_s (local.tee 0 (i32.sub (local.get 0) (i32.const 3))) (i32.const 0))))
                (local.get 1))"
        );
    }
    text += "(func (export \"f\") (param i32) (result i32)";
    for n in 0..60 {
        let _ = write!(text, "(local.set 0 (i32.add (local.get 0) (call $f{n} (i32.and (local.get 0) (i32.const 31)))))");
    }
    text += "(local.get 0)))";
    text
}

/// What is loaded before it is called is verified no less.
#[test]
fn what_is_loaded_ahead_is_verified() {
    let store = Arc::new(MemoryStore::default());
    let config = Config::default().with_code_cache(cache(&store));
    let mut first = Process::new(config.clone(), GUEST);
    check_guest(&mut first);
    assert!(first.module.keep_code());
    let (key, bytes) = store.only();
    let (mut mended, mut whole) = (0, 0);
    for step in 0..200 {
        let mut changed = bytes.clone();
        changed[bytes.len() * step / 200] ^= 4;
        store.set(key, changed);
        let engine = WasmEngine::new(&config.clone().with_num_compilation_tasks(1)).expect("an engine");
        let module = Module::new(&engine, GUEST).expect("a module");
        // Some rounds let the task go first.
        std::thread::sleep(Duration::from_micros([0, 2_000][step % 2]));
        let mut process = Process::of(module);
        check_guest(&mut process);
        let (compiled, loaded) = process.counts();
        assert_eq!(compiled + loaded, 6, "byte {}", bytes.len() * step / 200);
        mended += usize::from(compiled > 0 && loaded > 0);
        whole += usize::from(loaded == 6);
        assert_eq!(process.module.keep_code(), compiled > 0, "what is damaged is replaced");
    }
    assert!(mended > 50 && whole < 120, "{mended} {whole}");
}

#[test]
fn ten_thousand_bits_and_lengths_of_a_large_file() {
    let text = large();
    let engine = engine_with(Config::default().with_strategy(Strategy::AheadOfTime));
    let module = Module::new(&engine, &text).expect("a module");
    let expected = Process::of(module.clone()).call("f", 7).expect("a number");
    let bytes = module.serialize_with_key(&key()).expect("bytes");
    let ends: [AtomicUsize; 3] = Default::default();
    std::thread::scope(|threads| {
        for seed in 0..2 {
            let (engine, bytes, ends) = (&engine, &bytes, &ends);
            threads.spawn(move || {
                let mut random = Random::new(seed + 1);
                for round in 0..5_000 {
                    let mut changed = bytes.clone();
                    if round % 10 == 0 {
                        changed.truncate(random.next() as usize % bytes.len());
                    } else {
                        let bit = random.next() as usize % (bytes.len() * 8);
                        changed[bit / 8] ^= 1 << (bit % 8);
                    }
                    ends[load(engine, changed, &key(), expected) as usize].fetch_add(1, Ordering::Relaxed); // a figure
                }
            });
        }
    });
    let [rejected, repaired, unnoticed] = ends.map(AtomicUsize::into_inner);
    assert!(rejected >= 1_000 && repaired > 2_000, "{rejected} rejected, {repaired} repaired, {unnoticed} unnoticed");
}

/// A file in the cache that was damaged is told of, worked around, and replaced by a sound one.
#[test]
fn files_in_a_cache_are_repaired() {
    let store = Arc::new(MemoryStore::default());
    let config = Config::default().with_code_cache(cache(&store));
    let mut first = Process::new(config.clone(), SMALL);
    assert_eq!(first.call("f", 7), Ok(63));
    assert!(first.module.keep_code());
    let (file, sound) = store.only();
    let mut repairs = 0;
    for bit in (0..sound.len() * 8).step_by(3) {
        let mut changed = sound.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        store.set(file, changed.clone());
        let mut process = Process::new(config.clone(), SMALL);
        assert_eq!(process.call("f", 7), Ok(63), "bit {bit}");
        if process.counts() != (0, 2) {
            repairs += 1;
            assert!(process.module.keep_code(), "bit {bit}");
            assert_ne!(store.only().1, changed);
            let mut last = Process::new(config.clone(), SMALL);
            assert_eq!((last.call("f", 7), last.counts()), (Ok(63), (0, 2)), "bit {bit}");
        }
    }
    assert!(repairs > 1_000, "{repairs}");
}

/// The tests above would fail of a loader that does not compare hashes: most changed records are records all the same, of other code.
#[test]
fn it_is_the_hashes_that_find_damage() {
    let engine = engine_with(Config::default().with_strategy(Strategy::AheadOfTime));
    let bytes = Module::new(&engine, SMALL).expect("a module").serialize().expect("bytes");
    let file = CodeFile::open(Arc::new(MemoryBlob::new(Arc::new(bytes))), &MacKey::nobodys()).expect("sound");
    let func = DefinedFuncIndex::from_u32(0);
    let record = file.record(func).expect("sound").expect("it is there");
    let mut written = Vec::new();
    record.write(&mut written);
    let is_other = |bit: usize| {
        let mut changed = written.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        Record::read(&changed, func, CodeVariant::Guarded).is_some_and(|read| read.artifact.code != record.artifact.code)
    };
    let others = (0..written.len() * 8).filter(|&bit| is_other(bit)).count();
    assert!(others >= record.artifact.code.len() * 8, "{others} of {} bits", written.len() * 8);
}
