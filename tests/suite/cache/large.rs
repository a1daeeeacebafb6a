//! Large modules: their data is kept laid out, and of their files no more is read than they need.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deltic::{CacheKey, CodeCache, Config, Isolate, Linker, Module, Strategy, Tier, WasmEngine};

use super::{MemoryStore, Process, cache};

/// Bytes of the data, at their addresses: each the lowest byte of its address times 7, from `START` on.
const DATA_BYTES: usize = 600 << 10;
const START: usize = 70_001;

/// A module whose data is in many segments, with small ones over large ones; `more` is behind them. Behind its code is a large custom section.
fn program(more: &str) -> String {
    let mut datas = String::new();
    let byte = |at: usize| format!("\\{:02x}", (at * 7) as u8);
    for start in (START..START + DATA_BYTES).step_by(3_000) {
        let end = (start + 3_000).min(START + DATA_BYTES);
        datas += &format!("(data (i32.const {start}) \"{}\")", (start..end).map(byte).collect::<String>());
    }
    datas += "(data (i32.const 100000) \"overwritten\")";
    // Functions of some size, so that the code section is left in the file.
    let body = "(local.set 1 (i32.add (local.get 1) (i32.mul (local.get 0) (i32.const 77777))))".repeat(200);
    let funcs: String = (0..20)
        .map(|n| {
            format!(
                "(func (export \"f{n}\") (param i32) (result i32) (local i32) {body} (i32.add (local.get 1) (i32.const {n})))"
            )
        })
        .collect();
    let custom = "debug".repeat(100_000);
    format!(
        r#"(module $large (memory (export "memory") 20) {funcs}
            (func (export "byte") (param i32) (result i32) (i32.load8_u (local.get 0)))
            (func (export "set") (param i32) (result i32) (i32.store8 (local.get 0) (i32.const 1)) (i32.const 0))
            (func (export "later") (param i32) (result i32) (memory.init 1 (local.get 0) (i32.const 0) (i32.const 1)) (i32.const 5))
            {datas} {more} (@custom "debug" (after last) "{custom}"))"#
    )
}

fn expected(at: usize) -> i32 {
    let text = b"overwritten";
    match at {
        100_000..100_011 => text[at - 100_000].into(),
        START.. if at < START + DATA_BYTES => i32::from((at * 7) as u8),
        _ => 0,
    }
}

fn check_data(process: &mut Process) {
    for at in
        [0, START - 1, START, START + 1, 99_999, 100_000, 100_010, 100_011, 300_000, START + DATA_BYTES - 1, START + DATA_BYTES]
    {
        assert_eq!(process.call("byte", at as i32), Ok(expected(at)), "{at}");
    }
}

fn f(n: i32, argument: i32) -> i32 {
    argument.wrapping_mul(77_777).wrapping_mul(200).wrapping_add(n)
}

fn config(store: &Arc<MemoryStore>) -> Config {
    Config::default().with_code_cache(cache(store)).with_num_compilation_tasks(0)
}

/// A file with a module, of which `from_file` leaves most where it is.
fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.wasm");
    fs::write(&path, bytes).expect("a file");
    (folder, path)
}

fn load(config: &Config, path: &PathBuf) -> Process {
    let engine = WasmEngine::new(config).expect("an engine");
    Process::of(Module::from_file(&engine, path).expect("a module"))
}

/// A first process that has called some functions, and kept them.
fn warm(config: &Config, path: &PathBuf) {
    let mut first = load(config, path);
    check_data(&mut first);
    assert_eq!(first.call("f3", 5), Ok(f(3, 5)));
    assert_eq!(first.counts(), (2, 0));
    assert!(first.module.keep_code());
}

/// A module in a file, of which a first process has kept the code of some functions.
struct Known {
    bytes: Vec<u8>,
    path: PathBuf,
    store: Arc<MemoryStore>,
    config: Config,
    _folder: tempfile::TempDir,
}

impl Known {
    fn new() -> Known {
        let bytes = wat::parse_str(program("")).expect("a module");
        let (_folder, path) = file(&bytes);
        let store = Arc::new(MemoryStore::default());
        let config = config(&store);
        warm(&config, &path);
        Known { bytes, path, store, config, _folder }
    }
}

#[test]
fn data_is_kept_laid_out() {
    for config in
        [Config::default(), Config::default().with_memory_guards(false), Config::default().with_strategy(Strategy::Eager)]
    {
        let store = Arc::new(MemoryStore::default());
        let config = config.with_code_cache(cache(&store));
        let text = program("");
        let mut first = Process::new(config.clone(), &text);
        check_data(&mut first);
        assert!(first.module.keep_code());
        assert_eq!(store.count(), 2, "code and data");
        let mut second = Process::new(config, &text);
        check_data(&mut second);
        assert_eq!(second.counts().0, 0);
        // Its segments are dropped, as those of others are.
        assert_eq!(second.call("set", 100_000), Ok(0));
        assert!(second.call("later", 9).expect_err("a trap").contains("out of bounds"));
        // Another instance begins with the same, whatever the first has written.
        let linker = Linker::new(second.module.engine());
        let mut isolate = Isolate::new(second.module.engine()).expect("an isolate");
        for _ in 0..3 {
            let instance = linker.instantiate(&mut isolate, &second.module).expect("an instance");
            let byte = instance.get_typed_func::<i32, i32>(&mut isolate, "byte").expect("a function");
            let set = instance.get_typed_func::<i32, i32>(&mut isolate, "set").expect("a function");
            for at in [START, 100_000, 200_000] {
                assert_eq!(byte.call(&mut isolate, at as i32).expect("a byte"), expected(at));
                set.call(&mut isolate, at as i32).expect("written");
                assert_eq!(byte.call(&mut isolate, at as i32).expect("a byte"), 1);
            }
        }
        assert_eq!(second.call("byte", 100_000), Ok(1));
    }
}

/// Passive segments are not laid out: everything is decoded.
#[test]
fn modules_with_other_segments() {
    let store = Arc::new(MemoryStore::default());
    let text = program("(data \"passive\")").replace("memory.init 1", &format!("memory.init {}", DATA_BYTES.div_ceil(3_000) + 1));
    for count in [0, 1, 1] {
        let mut process = Process::new(config(&store), &text);
        assert_eq!(store.count(), count);
        check_data(&mut process);
        assert_eq!((process.call("later", 9), process.call("byte", 9)), (Ok(5), Ok(i32::from(b'p'))));
        process.module.keep_code();
    }
}

#[test]
fn files_are_read_as_far_as_they_are_wanted() {
    let Known { bytes, path, config, _folder, .. } = Known::new();
    let mut second = load(&config, &path);
    check_data(&mut second);
    assert_eq!((second.call("f3", 6), second.counts()), (Ok(f(3, 6)), (0, 2)));
    // One that is replaced meanwhile does not matter.
    fs::remove_file(&path).expect("removed");
    assert_eq!((second.call("f4", 6), second.counts()), (Ok(f(4, 6)), (1, 2)));
    assert!(**second.module.wire_bytes() == *bytes);
    let engine = WasmEngine::new(&Config::default()).expect("an engine");
    let written: &'static [u8] = second.module.serialize().expect("bytes").leak();
    // SAFETY: they are of this process.
    let copy = unsafe { Module::deserialize(&engine, written) }.expect("a module");
    assert_eq!(Process::of(copy).call("f7", 6), Ok(f(7, 6)));
}

/// A file that is written to while its module is in use: what was not read yet is refused, and nothing else changes.
#[test]
fn files_that_are_changed_in_their_place() {
    let Known { bytes, path, config, _folder, .. } = Known::new();
    let changes: [fn(&mut Vec<u8>); 3] = [
        |bytes| bytes.truncate(1_000),
        |bytes| {
            let code = bytes.windows(4).position(|window| window == b"later").unwrap_or(5_000);
            bytes[code + 3_000] ^= 1;
        },
        |bytes| bytes.fill(0),
    ];
    for change in changes {
        fs::write(&path, &bytes).expect("a file");
        let mut process = load(&config, &path);
        let mut changed = bytes.clone();
        change(&mut changed);
        fs::write(&path, &changed).expect("a file");
        check_data(&mut process);
        assert_eq!((process.call("f3", 6), process.counts()), (Ok(f(3, 6)), (0, 2)));
        for _ in 0..2 {
            let error = process.call("f4", 6).expect_err("its body is gone");
            assert!(error.contains("the module's file was changed while it was in use"), "{error}");
        }
        assert!(process.module.serialize().is_err());
        process.module.keep_code();
    }
    fs::write(&path, &bytes).expect("a file");
    assert_eq!(load(&config, &path).call("f4", 6), Ok(f(4, 6)));
}

#[test]
fn files_of_every_kind() {
    let store = Arc::new(MemoryStore::default());
    let engine = WasmEngine::new(&config(&store)).expect("an engine");
    let (folder, path) = file(b"(module (func (export \"f\") (param i32) (result i32) local.get 0))");
    assert_eq!(Process::of(Module::from_file(&engine, &path).expect("text")).call("f", 3), Ok(3));
    let error = Module::from_file(&engine, folder.path().join("none")).expect_err("it is not there").to_string();
    assert!(error.contains("cannot read") && error.contains("none"), "{error}");
    assert!(Module::from_file(&engine, folder.path()).is_err());
    // Large, and not valid in a body, which is not kept at first.
    let mut bytes = wat::parse_str(program("")).expect("a module");
    bytes[3_000..3_040].fill(0xff);
    fs::write(&path, &bytes).expect("a file");
    assert!(Module::from_file(&engine, &path).is_err());
    fs::write(&path, "x".repeat(1 << 20)).expect("a file");
    assert!(Module::from_file(&engine, &path).expect_err("no module").to_string().contains("magic"));
}

/// A file that has not changed is not hashed again, and one that has is, whatever has changed.
#[test]
fn files_that_have_not_changed_are_known() {
    let bytes = wat::parse_str(program("")).expect("a module");
    let (folder, path) = file(&bytes);
    let files_in = |name: &str| {
        let folders = fs::read_dir(folder.path().join(name)).expect("a folder").filter_map(Result::ok);
        let folders = folders.filter(|entry| entry.path().is_dir());
        folders.map(|entry| fs::read_dir(entry.path()).expect("a folder").count()).sum::<usize>()
    };
    let config = |name: &str, trusts: bool| {
        let cache = CodeCache::in_directory(folder.path().join(name)).expect("a directory").with_file_times(trusts);
        Config::default().with_code_cache(cache).with_num_compilation_tasks(0)
    };
    warm(&config("young", true), &path);
    assert_eq!(files_in("young"), 2, "it may yet change within this second");
    std::thread::sleep(Duration::from_millis(3_500));
    warm(&config("hashed", false), &path);
    warm(&config("known", true), &path);
    assert_eq!((files_in("hashed"), files_in("known")), (2, 3));
    // One that was too young the first time is old enough the second.
    assert!(!load(&config("young", true), &path).module.keep_code());
    assert_eq!(files_in("young"), 3);
    for name in ["young", "hashed", "known"] {
        let mut process = load(&config(name, true), &path);
        check_data(&mut process);
        assert_eq!((process.call("f3", 6), process.call("f4", 6), process.counts()), (Ok(f(3, 6)), Ok(f(4, 6)), (1, 2)));
    }
    // Written to in its place, with the old time of modification: another constant at the end of `f3`.
    let metadata = fs::metadata(&path).expect("a file");
    let mut changed = bytes.clone();
    let end = [0x20, 0x01, 0x41, 0x03, 0x6a, 0x0b];
    let at = changed.windows(end.len()).position(|window| window == end).expect("the end of a body");
    changed[at + 3] = 0x2a;
    fs::write(&path, &changed).expect("a file");
    let time = metadata.modified().expect("a time");
    fs::File::options().write(true).open(&path).expect("a file").set_modified(time).expect("a time");
    for trusts in [true, false] {
        let mut process = load(&config("known", trusts), &path);
        check_data(&mut process);
        assert_eq!((process.call("f3", 6), process.counts()), (Ok(f(42, 6)), (2, 0)));
    }
}

/// Data in the cache that is damaged, or gone, costs time, and is made again.
#[test]
fn damaged_data_is_repaired() {
    let Known { path, store, config, _folder, .. } = Known::new();
    let (key, sound) = store.all().into_iter().max_by_key(|(_, bytes)| bytes.len()).expect("the data");
    let damages: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes[0] ^= 1,
        |bytes| bytes[200] ^= 4,
        |bytes| bytes[100_000] ^= 128,
        |bytes| bytes.truncate(90_000),
        |bytes| bytes.clear(),
    ];
    for damage in damages {
        let mut damaged = sound.clone();
        damage(&mut damaged);
        store.set(key, damaged);
        for is_repaired in [false, true] {
            let mut process = load(&config, &path);
            check_data(&mut process);
            assert_eq!(process.counts(), (0, 1));
            assert_eq!(is_data(&store, key, &sound), is_repaired);
            assert!(!process.module.keep_code(), "no new code");
            assert!(is_data(&store, key, &sound));
        }
    }
    store.forget(&key);
    check_data(&mut load(&config, &path));
}

/// The first instance has a copy that was verified; the next ones map the file, which is verified for them. Where it was written to meanwhile
/// they have the module's own segments.
#[test]
fn data_is_verified_where_it_is_used() {
    let far = 1_200_000;
    let bytes = wat::parse_str(program(&format!("(data (i32.const {far}) \"far\")"))).expect("a module");
    let (folder, path) = file(&bytes);
    let cache = || CodeCache::in_directory(folder.path().join("cache")).expect("a directory");
    let config = || Config::default().with_code_cache(cache()).with_num_compilation_tasks(0);
    warm(&config(), &path);
    let largest = || {
        let folders = fs::read_dir(folder.path().join("cache")).expect("a folder").filter_map(Result::ok);
        let folders = folders.filter(|entry| entry.path().is_dir());
        let files = folders.flat_map(|entry| fs::read_dir(entry.path()).expect("a folder").filter_map(Result::ok));
        files.map(|entry| entry.path()).max_by_key(|path| fs::metadata(path).map_or(0, |file| file.len()))
    };
    let data = largest().expect("the data");
    let sound = fs::read(&data).expect("bytes");
    let begin = sound.windows(11).position(|window| window == b"overwritten").expect("a segment");
    // A byte of a segment, and a zero between two.
    for (at, bit) in [(begin + 3, 1), (begin + far - 70_000 - 100_000, 8)] {
        let config = config();
        let mut first = load(&config, &path);
        check_data(&mut first);
        let mut changed = sound.clone();
        assert!(changed[at] == 0 || at < begin + 11);
        changed[at] ^= bit;
        // In its place: the same file.
        fs::write(&data, &changed).expect("written");
        for _ in 0..3 {
            let mut next = Process::of(first.module.clone());
            check_data(&mut next);
            assert_eq!((next.call("byte", far as i32), next.call("byte", far as i32 - 70_000)), (Ok(i32::from(b'f')), Ok(0)));
        }
        check_data(&mut first);
        assert_eq!(config.code_cache().expect("a cache").stats().rejected, 1);
        assert!(!data.exists());
        // What is gone is made again.
        first.module.keep_code();
        assert_eq!(fs::read(&data).expect("bytes"), sound);
    }
}

fn is_data(store: &MemoryStore, key: CacheKey, bytes: &[u8]) -> bool {
    store.all().iter().any(|(found, contents)| *found == key && contents == bytes)
}

/// Optimized code, and with threads, from a file that is read as it is wanted.
#[test]
fn bodies_are_read_by_whom_wants_them() {
    let bytes = wat::parse_str(program("")).expect("a module");
    let (_folder, path) = file(&bytes);
    let store = Arc::new(MemoryStore::default());
    warm(&config(&store), &path);
    let threaded = Config::default().with_code_cache(cache(&store)).with_num_compilation_tasks(2);
    let mut process = load(&threaded, &path);
    let warmed = process.module.warm_up(process.module.funcs(), Tier::Optimized, deltic::TaskPriority::UserBlocking);
    let calls: Vec<_> = (0..20).map(|n| (process.call(&format!("f{n}"), 3), f(n, 3))).collect();
    calls.into_iter().for_each(|(found, expected)| assert_eq!(found, Ok(expected)));
    warmed.expect("begun").wait().expect("compiled");
    assert!(process.counts().0 >= 20, "{:?}", process.counts());
    check_data(&mut process);
}
