//! Compiled code that outlives its process. Other processes are other engines here, and processes in [`command`].

mod command;
mod damage;
mod failures;
mod files;
mod large;
#[cfg(feature = "object-store")]
mod objects;
mod serialize;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use deltic::store::blob::MemoryBlob;
use deltic::{Blob, CacheKey, CacheStore, CodeCache, Config, Instance, Isolate, Linker, MacKey, Module, StoreError, WasmEngine};

/// A store in memory, whose contents tests change.
#[derive(Debug, Default)]
pub struct MemoryStore {
    files: Mutex<HashMap<CacheKey, Arc<Vec<u8>>>>,
}

impl MemoryStore {
    /// The one file.
    pub fn only(&self) -> (CacheKey, Vec<u8>) {
        let files = self.files.lock().expect("no panic");
        assert_eq!(files.len(), 1);
        let (key, bytes) = files.iter().next().expect("a file");
        (*key, bytes.to_vec())
    }

    pub fn count(&self) -> usize {
        self.files.lock().expect("no panic").len()
    }

    /// All files.
    pub fn all(&self) -> Vec<(CacheKey, Vec<u8>)> {
        self.files.lock().expect("no panic").iter().map(|(key, bytes)| (*key, bytes.to_vec())).collect()
    }

    pub fn forget(&self, key: &CacheKey) {
        self.files.lock().expect("no panic").remove(key);
    }

    pub fn set(&self, key: CacheKey, bytes: Vec<u8>) {
        self.files.lock().expect("no panic").insert(key, Arc::new(bytes));
    }
}

impl CacheStore for MemoryStore {
    fn get(&self, key: &CacheKey) -> Result<Option<Arc<dyn Blob>>, StoreError> {
        let file = self.files.lock().expect("no panic").get(key).cloned();
        Ok(file.map(|file| Arc::new(MemoryBlob::new(file)) as Arc<dyn Blob>))
    }

    fn put(&self, key: &CacheKey, bytes: &[u8]) -> Result<(), StoreError> {
        self.set(*key, bytes.to_vec());
        Ok(())
    }

    fn remove(&self, key: &CacheKey) -> Result<(), StoreError> {
        self.files.lock().expect("no panic").remove(key);
        Ok(())
    }
}

/// A key of the tests.
pub fn key() -> MacKey {
    MacKey::new([9; 32])
}

/// A cache over a store, for modules of any size.
pub fn cache(store: &Arc<MemoryStore>) -> CodeCache {
    CodeCache::with_store(Arc::clone(store) as Arc<dyn CacheStore>, key()).with_module_bytes_min(0)
}

/// A module in a process of its own.
pub struct Process {
    pub module: Module,
    pub isolate: Isolate,
    pub instance: Instance,
}

impl Process {
    /// Without threads, so that what is compiled when is the same in every run.
    pub fn new(config: Config, text: &str) -> Process {
        let engine = WasmEngine::new(&config.with_num_compilation_tasks(0)).expect("an engine");
        Self::of(Module::new(&engine, text).expect("a module"))
    }

    pub fn of(module: Module) -> Process {
        let engine = module.engine().clone();
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
        Process { module, isolate, instance }
    }

    /// Calls a function of one number.
    pub fn call(&mut self, name: &str, argument: i32) -> Result<i32, String> {
        let func = self.instance.get_typed_func::<i32, i32>(&mut self.isolate, name).expect("a function");
        func.call(&mut self.isolate, argument).map_err(|error| error.to_string())
    }

    /// How many functions were compiled, and how many came from a file.
    pub fn counts(&self) -> (usize, usize) {
        let stats = self.module.compile_stats();
        (stats.finished_by_tier.iter().sum(), stats.loaded)
    }
}

/// Calls of every kind, a loop, a trap, a table, a memory with contents.
pub const GUEST: &str = r#"(module $guest
    (type $unary (func (param i32) (result i32)))
    (memory 1) (data (i32.const 8) "\01\02\03\04")
    (table 4 funcref) (elem (i32.const 0) $double $square)
    (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
    (func $square (type $unary) (i32.mul (local.get 0) (local.get 0)))
    (func (export "sum") (type $unary) (local $n i32)
        (loop $again
            (local.set $n (i32.add (local.get $n) (call $double (local.get 0))))
            (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get $n))
    (func (export "indirect") (type $unary)
        (call_indirect (type $unary) (i32.const 7) (i32.and (local.get 0) (i32.const 1))))
    (func (export "load") (type $unary) (i32.load (local.get 0)))
    (func (export "divide") (type $unary) (i32.div_s (i32.const 100) (local.get 0)))
    (func (export "never") (type $unary) (unreachable)))"#;

/// What [`GUEST`] answers, whatever its code comes from.
pub fn check_guest(process: &mut Process) {
    assert_eq!(process.call("sum", 10), Ok(110));
    assert_eq!((process.call("indirect", 0), process.call("indirect", 1)), (Ok(14), Ok(49)));
    assert_eq!(process.call("load", 8), Ok(0x0403_0201));
    assert_eq!(process.call("divide", 7), Ok(14));
    let trap = process.call("load", 65_533).expect_err("out of bounds");
    assert!(trap.contains("out of bounds memory access"), "{trap}");
    let trap = process.call("divide", 0).expect_err("a division by zero");
    assert!(trap.contains("integer divide by zero"), "{trap}");
}
