//! Modules that come in pieces, and code that comes from damaged files.
//!
//! A stream of any bytes, in chunks of any sizes, ends as the same bytes do at once. A module whose code was kept, and whose file was damaged
//! since, runs as if it had none: what was damaged is found before it is run.

use std::sync::{Arc, Mutex, PoisonError};

use deltic::store::blob::MemoryBlob;
use deltic::{
    Blob, CacheKey, CacheStore, CodeCache, Config, MacKey, Module, StoreError, Strategy, StreamingCompiler, TaskPriority, Tier,
    WasmEngine,
};

use super::decode::{self, Verdict};
use super::generate;
use super::observe::compare;
use super::random::Random;
use super::subject;

/// A store of one file.
#[derive(Debug, Default)]
struct OneFile(Mutex<Option<(CacheKey, Arc<Vec<u8>>)>>);

impl OneFile {
    fn slot(&self) -> std::sync::MutexGuard<'_, Option<(CacheKey, Arc<Vec<u8>>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheStore for OneFile {
    fn get(&self, key: &CacheKey) -> Result<Option<Arc<dyn Blob>>, StoreError> {
        let found = self.slot().as_ref().filter(|(kept, _)| kept == key).map(|(_, bytes)| Arc::clone(bytes));
        Ok(found.map(|bytes| Arc::new(MemoryBlob::new(bytes)) as Arc<dyn Blob>))
    }

    fn put(&self, key: &CacheKey, bytes: &[u8]) -> Result<(), StoreError> {
        *self.slot() = Some((*key, Arc::new(bytes.to_vec())));
        Ok(())
    }

    fn remove(&self, _: &CacheKey) -> Result<(), StoreError> {
        *self.slot() = None;
        Ok(())
    }
}

/// Engines that have no code of any module: one for each strategy, and one to compare with.
#[derive(Debug)]
pub struct Engines {
    streaming: [WasmEngine; 3],
    plain: WasmEngine,
}

fn engine(config: &Config) -> WasmEngine {
    WasmEngine::new(&config.clone().with_module_sharing(false)).expect("an engine")
}

impl Engines {
    /// All of them.
    pub fn new() -> Engines {
        let config = Config::default().with_num_compilation_tasks(1).with_task_body_bytes(0);
        let streaming = [Strategy::Lazy, Strategy::Eager, Strategy::AheadOfTime];
        Engines {
            streaming: streaming.map(|strategy| engine(&config.clone().with_strategy(strategy))),
            plain: engine(&Config::default().with_num_compilation_tasks(0)),
        }
    }
}

/// A damaged module in pieces: the same module, or the same error, as in one.
pub fn check_stream(engines: &Engines, seed: u64) -> Result<Verdict, String> {
    let mut random = Random::new(seed);
    let seed = random.next_u64();
    let whole = if random.one_in(3) { generate::seeded_module(seed) } else { None };
    let bytes = whole.unwrap_or_else(|| decode::seeded_bytes(seed));
    let engine = &engines.streaming[random.below(3)];
    let whole = Module::new(engine, &bytes).map(drop);
    let largest = [1, 5, 100, 3_000][random.below(4)];
    let mut stream = StreamingCompiler::new(engine);
    let mut rest = &bytes[..];
    let mut pushed = Ok(());
    while !rest.is_empty() && pushed.is_ok() {
        let (chunk, left) = rest.split_at(rest.len().min(1 + random.below(largest)));
        (pushed, rest) = (stream.push(chunk), left);
        if random.one_in(400) {
            stream.abort();
            return Ok(Verdict::Refused);
        }
    }
    let streamed = pushed.and_then(|()| stream.finish().map(drop));
    if streamed != whole {
        return Err(format!("in one: {whole:?}; in pieces of {largest} at most: {streamed:?}"));
    }
    Ok(if whole.is_ok() { Verdict::Accepted } else { Verdict::Refused })
}

/// What a damaged file came to.
#[derive(Debug, Default, Clone, Copy)]
pub struct Stored {
    /// The file was refused as a whole.
    pub refused: usize,
    /// It was taken.
    pub taken: usize,
}

/// A module whose file is damaged, or not: it does what it does without a file. `None` for seeds that are no module.
pub fn check_file(engines: &Engines, seed: u64) -> Result<Option<Stored>, String> {
    let mut random = Random::new(seed);
    let Some(wasm) = generate::seeded_module(random.next_u64()) else { return Ok(None) };
    let store = Arc::new(OneFile::default());
    let cache =
        || CodeCache::with_store(Arc::clone(&store) as Arc<dyn CacheStore>, MacKey::new([5; 32])).with_module_bytes_min(0);
    let config = Config::default().with_num_compilation_tasks(random.below(2));
    let Ok(module) = Module::new(&engine(&config.clone().with_code_cache(cache())), &wasm) else { return Ok(None) };
    let tier = if random.one_in(2) { Tier::Baseline } else { Tier::Optimized };
    let warmed = module.warm_up(module.funcs(), tier, TaskPriority::UserBlocking).map_err(|error| error.to_string())?.wait();
    if warmed.is_err() || !module.keep_code() {
        return Ok(None);
    }
    drop(module);
    let whole = random.one_in(8);
    if let Some((_, bytes)) = store.slot().as_mut().filter(|_| !whole) {
        let bytes = Arc::make_mut(bytes);
        for _ in 0..=random.below(3) {
            decode::mutate(bytes, &mut random);
        }
    }
    let seed = random.next_u64();
    let damaged = cache();
    let ours = subject::run(&engine(&config.with_code_cache(damaged.clone())), &wasm, seed)?;
    let expected = subject::run(&engines.plain, &wasm, seed)?;
    compare(&ours.events, &expected.events)?;
    let stats = damaged.stats();
    if whole && stats.hits == 0 {
        return Err(format!("an undamaged file was not taken: {stats:?}"));
    }
    Ok(Some(Stored { refused: stats.rejected, taken: stats.hits }))
}
