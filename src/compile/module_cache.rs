//! Equal modules of an engine are one module.
//!
//! *Problem.* Programs load the same bytes again and again: in each isolate, on each request. *Idea.* The engine knows its modules, without keeping
//! them, and gives a handle of one that has the same bytes.
//!
//! Modules are looked up by a hash of some of what stands in front of their code, and compared byte by byte. So a module that is new costs a hash
//! of a few pages, one that is known a comparison, and no two modules are ever mistaken for each other. A stream looks up what it knows when
//! its first function comes, and compares the rest as that comes.
//!
//! ```text
//!             claim                       settle(module)             the module goes
//!  (absent) ----------> InFlight(bytes) ----------------> Ready(weak) ----------> (absent)
//!                           |  settle(error), dropped
//!                           +---------------------------> (absent)
//! ```
//!
//! Only who compiles at once claims, on the thread that compiles: so who waits, waits for a thread that is at work, and never for itself. A stream
//! or a module in the background claims nothing; it is [adopted](ModuleCache::adopt) when it is ready, unless an equal one was faster.
//!
//! **Invariants:** the cache keeps no module alive; weak references are upgraded by who asks for a module, on that thread, and let go of
//! outside of the lock. An entry is removed by its own number only. An error of a module is told to all who wait for it, and leaves nothing behind;
//! if its thread ends in another way, the next who waits compiles.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use smallvec::SmallVec;

use crate::base::rank::{Rank, RankedMutex};
use crate::base::sync::{Arc, Condvar, Mutex};
use crate::base::tuning;
use crate::compile::module::{Module, WeakModule};
use crate::wasm::decode::code_section_start;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::wire_bytes::WireBytes;

/// The modules of an engine, by what their bytes begin with.
#[derive(Debug)]
pub(super) struct ModuleCache {
    /// Of its own, so that nobody can make modules that all have one hash.
    hasher: RandomState,
    modules: RankedMutex<Modules>,
}

#[derive(Debug, Default)]
struct Modules {
    next_number: u64,
    buckets: HashMap<u64, SmallVec<[Entry; 1]>>,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    state: EntryState,
}

#[derive(Debug, Clone)]
enum EntryState {
    InFlight(Arc<InFlight>),
    Ready(WeakModule),
}

/// A module that a thread is compiling.
#[derive(Debug)]
struct InFlight {
    bytes: WireBytes,
    outcome: Mutex<Option<Outcome>>,
    settled: Condvar,
}

#[derive(Debug, Clone)]
enum Outcome {
    /// There is a module, or somebody else must make it.
    LookAgain,
    Failed(CompileError),
}

/// Where a module stands in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryId {
    key: u64,
    number: u64,
}

/// What became of a claim.
enum Claimed<'c> {
    Here(Claim<'c>),
    /// Somebody else was faster, or there are too many that begin alike.
    No,
    Crowded,
}

/// The right, and the duty, to compile a module that others may wait for.
struct Claim<'c> {
    cache: &'c ModuleCache,
    id: EntryId,
    in_flight: Arc<InFlight>,
    is_settled: bool,
}

impl Default for ModuleCache {
    fn default() -> Self {
        ModuleCache { hasher: RandomState::new(), modules: RankedMutex::new(Rank::Modules, Modules::default()) }
    }
}

impl ModuleCache {
    /// The module with these bytes: one that there is, or what `compile` makes, which gets the bytes as a module keeps them.
    pub(super) fn find_or_compile(
        &self,
        bytes: &[u8],
        keep: impl FnOnce() -> WireBytes,
        compile: impl FnOnce(WireBytes) -> Result<Module, CompileError>,
    ) -> Result<Module, CompileError> {
        let Some(key) = self.key_of(bytes) else { return compile(keep()) };
        let mut kept = None;
        let mut keep = Some(keep);
        loop {
            let (found, seen) = self.find(key, bytes);
            match found {
                Some(Found::Ready(module)) => return Ok(module),
                Some(Found::InFlight(in_flight)) => match in_flight.wait() {
                    Outcome::LookAgain => continue,
                    Outcome::Failed(error) => return Err(error),
                },
                None => {}
            }
            let wire_bytes = match (kept.take(), keep.take()) {
                (Some(wire_bytes), _) => wire_bytes,
                (None, Some(keep)) => keep(),
                (None, None) => WireBytes::from(bytes),
            };
            match self.claim(key, seen, &wire_bytes) {
                Claimed::Here(claim) => return claim.settle(compile(wire_bytes)),
                Claimed::No => kept = Some(wire_bytes),
                Claimed::Crowded => return compile(wire_bytes),
            }
        }
    }

    /// A module that is ready and has these bytes.
    pub(super) fn find_ready(&self, bytes: &[u8]) -> Option<Module> {
        match self.find(self.key_of(bytes)?, bytes).0 {
            Some(Found::Ready(module)) => Some(module),
            _ => None,
        }
    }

    /// A module that is ready and begins with these bytes, all that stands in front of its code among them.
    pub(super) fn find_by_begin(&self, begin: &[u8], code_start: usize) -> Option<Module> {
        let key = self.key_of_head(begin.get(..code_start)?);
        let ready = |state: EntryState| match state {
            EntryState::Ready(weak) => weak.upgrade(),
            EntryState::InFlight(_) => None,
        };
        self.entries(key).into_iter().filter_map(|(_, state)| ready(state)).find(|module| module.wire_bytes().starts_with(begin))
    }

    /// A module that was compiled without a claim is ready: gives it, or one with the same bytes that there is.
    pub(super) fn adopt(&self, module: Module) -> Module {
        let Some(key) = self.key_of(module.wire_bytes()) else { return module };
        loop {
            let (found, seen) = self.find(key, module.wire_bytes());
            match found {
                Some(Found::Ready(present)) => return present,
                Some(Found::InFlight(_)) => return module,
                None => {}
            }
            let id = match self.insert(key, seen, EntryState::Ready(module.downgrade())) {
                Inserted::Here(id) => id,
                Inserted::No => continue,
                Inserted::Crowded => return module,
            };
            // A module that stands here is not adopted again: it is found.
            module.set_cache_entry(id);
            return module;
        }
    }

    /// A module goes.
    pub(super) fn forget(&self, id: EntryId) {
        let mut modules = self.modules.lock();
        let Some(bucket) = modules.buckets.get_mut(&id.key) else { return };
        bucket.retain(|entry| entry.number != id.number);
        if bucket.is_empty() {
            modules.buckets.remove(&id.key);
        }
    }

    /// How many modules stand here, ready or not.
    pub(super) fn len(&self) -> usize {
        self.modules.lock().buckets.values().map(SmallVec::len).sum()
    }

    /// What modules with these bytes are looked up by; nothing for those that are not worth it, are text, or have no code.
    fn key_of(&self, bytes: &[u8]) -> Option<u64> {
        if bytes.len() < tuning::SHARED_MODULE_MIN_BYTES {
            return None;
        }
        Some(self.key_of_head(&bytes[..code_section_start(bytes)?]))
    }

    /// Both ends of what stands in front of the code: at the end are elements, which name functions.
    fn key_of_head(&self, head: &[u8]) -> u64 {
        let len = head.len().min(tuning::SHARED_MODULE_HASHED_BYTES);
        self.hasher.hash_one((head.len(), &head[..len], &head[head.len() - len..]))
    }

    /// The entries under a key. What they lead to is looked at, and let go of, outside of the lock.
    fn entries(&self, key: u64) -> SmallVec<[(u64, EntryState); 1]> {
        let modules = self.modules.lock();
        modules.buckets.get(&key).into_iter().flatten().map(|entry| (entry.number, entry.state.clone())).collect()
    }

    /// The entry with these bytes, and the number of the last that was looked at.
    fn find(&self, key: u64, bytes: &[u8]) -> (Option<Found>, Option<u64>) {
        let mut seen = None;
        for (number, state) in self.entries(key) {
            seen = Some(number);
            match state {
                EntryState::Ready(weak) => {
                    if let Some(module) = weak.upgrade().filter(|module| **module.wire_bytes() == *bytes) {
                        return (Some(Found::Ready(module)), seen);
                    }
                }
                EntryState::InFlight(in_flight) => {
                    if *in_flight.bytes == *bytes {
                        return (Some(Found::InFlight(in_flight)), seen);
                    }
                }
            }
        }
        (None, seen)
    }

    /// Adds an entry, if none has come behind those that were seen.
    fn insert(&self, key: u64, seen: Option<u64>, state: EntryState) -> Inserted {
        let mut modules = self.modules.lock();
        let number = modules.next_number;
        let bucket = modules.buckets.entry(key).or_default();
        if bucket.last().is_some_and(|last| seen.is_none_or(|seen| last.number > seen)) {
            return Inserted::No;
        }
        if bucket.len() >= tuning::SHARED_MODULES_ALIKE_MAX {
            return Inserted::Crowded;
        }
        bucket.push(Entry { number, state });
        modules.next_number += 1;
        Inserted::Here(EntryId { key, number })
    }

    fn claim(&self, key: u64, seen: Option<u64>, wire_bytes: &WireBytes) -> Claimed<'_> {
        let in_flight = InFlight { bytes: wire_bytes.clone(), outcome: Mutex::new(None), settled: Condvar::new() };
        let in_flight = Arc::new(in_flight);
        match self.insert(key, seen, EntryState::InFlight(Arc::clone(&in_flight))) {
            Inserted::Here(id) => Claimed::Here(Claim { cache: self, id, in_flight, is_settled: false }),
            Inserted::No => Claimed::No,
            Inserted::Crowded => Claimed::Crowded,
        }
    }

    /// The module of an entry is there.
    fn make_ready(&self, id: EntryId, module: &Module) {
        let ready = EntryState::Ready(module.downgrade());
        let replaced = {
            let mut modules = self.modules.lock();
            let entry = modules.buckets.get_mut(&id.key).and_then(|bucket| bucket.iter_mut().find(|it| it.number == id.number));
            entry.map(|entry| std::mem::replace(&mut entry.state, ready))
        };
        drop(replaced);
    }
}

enum Found {
    Ready(Module),
    InFlight(Arc<InFlight>),
}

enum Inserted {
    Here(EntryId),
    No,
    Crowded,
}

impl Claim<'_> {
    fn settle(mut self, result: Result<Module, CompileError>) -> Result<Module, CompileError> {
        match &result {
            Ok(module) => {
                // In this order: from now on the module removes its entry when it goes.
                module.set_cache_entry(self.id);
                self.cache.make_ready(self.id, module);
            }
            Err(error) => {
                self.cache.forget(self.id);
                // To be given up is no property of the bytes.
                if error.kind != CompileErrorKind::Cancelled {
                    self.in_flight.settle(Outcome::Failed(error.clone()));
                }
            }
        }
        self.in_flight.settle(Outcome::LookAgain);
        self.is_settled = true;
        result
    }
}

impl Drop for Claim<'_> {
    /// If it was not settled, the thread unwinds.
    fn drop(&mut self) {
        if !self.is_settled {
            self.cache.forget(self.id);
            self.in_flight.settle(Outcome::LookAgain);
        }
    }
}

impl InFlight {
    /// The first word counts.
    fn settle(&self, outcome: Outcome) {
        self.outcome.lock().get_or_insert(outcome);
        self.settled.notify_all();
    }

    fn wait(&self) -> Outcome {
        let mut outcome = self.outcome.lock();
        loop {
            match &*outcome {
                Some(outcome) => return outcome.clone(),
                None => self.settled.wait(&mut outcome),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::sync::thread;
    use crate::compile::Config;
    use crate::compile::engine::WasmEngine;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    fn large(answer: u32) -> Vec<u8> {
        let funcs: String = (0..900).map(|n| format!("(func (result i32) i32.const {n})")).collect();
        wat::parse_str(format!("(module {funcs} (func (result i32) i32.const {answer}))")).expect("a module")
    }

    fn compile(engine: &WasmEngine, wire_bytes: WireBytes) -> Result<Module, CompileError> {
        Module::from_decoded(engine, crate::wasm::decode::decode(wire_bytes)?)
    }

    #[test]
    fn a_thread_that_unwinds_leaves_the_module_to_who_waits() {
        let engine = WasmEngine::new(&Config::default()).expect("an engine");
        let (cache, bytes) = (ModuleCache::default(), large(1));
        let keep = || WireBytes::from(&*bytes);
        thread::scope(|threads| {
            let mut waiter = None;
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                cache.find_or_compile(&bytes, keep, |_| {
                    waiter = Some(threads.spawn(|| cache.find_or_compile(&bytes, keep, |bytes| compile(&engine, bytes))));
                    thread::sleep(Duration::from_millis(20));
                    panic!("a defect")
                })
            }));
            assert!(unwound.is_err());
            let module = waiter.expect("it was begun").join().expect("no panic").expect("a module");
            let again = cache.find_ready(&bytes).expect("it is there");
            assert!(module.is_same(&again));
        });
    }

    #[test]
    fn entries_are_removed_by_their_number_only() {
        let engine = WasmEngine::new(&Config::default().with_module_sharing(false)).expect("an engine");
        let (cache, bytes) = (ModuleCache::default(), large(1));
        let make = || compile(&engine, WireBytes::from(&*bytes)).expect("a module");
        let first = cache.adopt(make());
        let id = EntryId { key: cache.key_of(&bytes).expect("a large module"), number: 0 };
        drop(first);
        // Its engine does not know this cache, so that the entry is still there, of a module that is gone.
        assert_eq!((cache.len(), cache.find_ready(&bytes).is_some()), (1, false));
        let second = cache.adopt(make());
        assert!(cache.adopt(make()).is_same(&second) && cache.len() == 2);
        cache.forget(id);
        cache.forget(id);
        assert!(cache.len() == 1 && cache.find_ready(&bytes).is_some_and(|module| module.is_same(&second)));
    }

    #[test]
    fn of_those_that_begin_alike_some_are_found() {
        let engine = WasmEngine::new(&Config::default().with_module_sharing(false)).expect("an engine");
        let cache = ModuleCache::default();
        let all: Vec<Vec<u8>> = (0..12).map(large).collect();
        let find = |bytes: &Vec<u8>| cache.find_or_compile(bytes, || WireBytes::from(&**bytes), |bytes| compile(&engine, bytes));
        let modules: Vec<Module> = all.iter().map(|bytes| find(bytes).expect("a module")).collect();
        assert_eq!(cache.len(), tuning::SHARED_MODULES_ALIKE_MAX);
        let shared = all.iter().zip(&modules).filter(|(bytes, module)| find(bytes).expect("a module").is_same(module));
        assert_eq!(shared.count(), tuning::SHARED_MODULES_ALIKE_MAX);
        assert!(cache.find_ready(b"(module)").is_none() && cache.find_by_begin(b"", 8).is_none());
    }
}
