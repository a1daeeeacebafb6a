//! Generated modules with objects, under an engine that collects at every allocation and under one that hardly ever does: a
//! collection must not be seen.

use deltic::{Config, HeapSettings, WasmEngine};

use super::generate;
use super::observe::{Event, compare};
use super::subject;

/// One engine of each kind.
#[derive(Debug)]
pub struct Engines {
    stressed: WasmEngine,
    relaxed: WasmEngine,
}

impl Engines {
    pub fn new() -> Engines {
        let engine = |heap: HeapSettings| {
            WasmEngine::new(&Config::default().with_num_compilation_tasks(0).with_heap(heap)).expect("an engine")
        };
        let limit = HeapSettings { limit_bytes: 64 << 20, ..HeapSettings::default() };
        Engines {
            stressed: engine(HeapSettings { stress: true, nursery_bytes: 1 << 20, ..limit }),
            relaxed: engine(HeapSettings { nursery_bytes: 32 << 20, ..limit }),
        }
    }
}

/// Compares one module from a seed; what was seen, if the seed makes a module.
pub fn check(engines: &Engines, seed: u64) -> Result<Option<Vec<Event>>, String> {
    let Some(wasm) = generate::seeded_object_module(seed) else { return Ok(None) };
    let stressed = subject::run(&engines.stressed, &wasm, seed)?;
    let relaxed = subject::run(&engines.relaxed, &wasm, seed)?;
    compare(&stressed, &relaxed)?;
    Ok(Some(stressed))
}
