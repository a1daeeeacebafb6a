//! Modules with objects, under engines that collect at different times: a collection must not be seen.

use deltic::codegen::env::CodeSettings;
use deltic::{Config, HeapSettings, WasmEngine};

use super::observe::compare;
use super::programs::Style;
use super::subject::Seen;
use super::{generate, mixed, programs, subject};

/// When an engine collects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Hardly ever.
    Plain,
    /// At every allocation.
    Stress,
    /// Often: objects are born in little room.
    Small,
}

/// Which functions the baseline tier compiles.
type Takes = fn(usize) -> bool;

const ALL: Takes = |_| true;
const NONE: Takes = |_| false;
/// Frames of both tiers lie on one stack.
const HALF: Takes = |func| func.is_multiple_of(2);

/// Engines of each mode, with and without guard pages and fuel.
#[derive(Debug)]
pub struct Engines(Vec<(Mode, WasmEngine)>);

impl Engines {
    pub fn new() -> Engines {
        let config = |mode: Mode, nursery_bytes: u32, is_checked: bool| {
            let heap = HeapSettings { limit_bytes: 64 << 20, nursery_bytes, stress: mode == Mode::Stress };
            let settings = CodeSettings { fuel: is_checked, ..CodeSettings::default() };
            let config = Config::default().with_heap(heap);
            config.with_memory_guards(!is_checked).with_code_settings(settings)
        };
        let engine = |mode, nursery_bytes, is_checked, takes: Takes| {
            (mode, mixed::engine(&config(mode, nursery_bytes, is_checked), takes).0)
        };
        // Functions and loops change their tier as they run.
        let moving = |mode, nursery_bytes, is_checked, seed| {
            let config = config(mode, nursery_bytes, is_checked).with_num_compilation_tasks(0).with_tier_up_stress(seed);
            (mode, WasmEngine::new(&config).expect("an engine"))
        };
        Engines(vec![
            engine(Mode::Plain, 4 << 20, false, NONE),
            engine(Mode::Stress, 64 << 10, false, ALL),
            moving(Mode::Stress, 64 << 10, false, 1),
            engine(Mode::Small, 64 << 10, true, HALF),
            moving(Mode::Small, 256 << 10, true, 2),
            engine(Mode::Plain, 4 << 20, true, ALL),
            engine(Mode::Stress, 1 << 20, true, NONE),
            engine(Mode::Small, 256 << 10, false, HALF),
        ])
    }

    /// The engine for a seed.
    pub fn pick(&self, seed: u64) -> &WasmEngine {
        &self.0[(seed % self.0.len() as u64) as usize].1
    }

    /// The mode of that engine.
    pub fn mode(&self, seed: u64) -> Mode {
        self.0[(seed % self.0.len() as u64) as usize].0
    }
}

/// What one kind of module, from a seed, showed under the first so many engines.
fn check_under(engines: &Engines, count: usize, wasm: &[u8], seed: u64) -> Result<Seen, String> {
    let mut first: Option<Seen> = None;
    for (mode, engine) in &engines.0[..count] {
        let seen = subject::run(engine, wasm, seed)?;
        match &mut first {
            Some(first) => {
                compare(&seen.events, &first.events).map_err(|problem| format!("{mode:?}, the oracle not: {problem}"))?;
                first.moved_objects += seen.moved_objects;
            }
            None => first = Some(seen),
        }
    }
    first.ok_or_else(|| "no engine".into())
}

/// Compares one module of wasm-smith from a seed; what was seen, if the seed makes a module.
pub fn check(engines: &Engines, seed: u64) -> Result<Option<Seen>, String> {
    let Some(wasm) = generate::seeded_object_module(seed) else { return Ok(None) };
    check_under(engines, 2, &wasm, seed).map(Some)
}

/// Compares one program of our own.
pub fn check_program(engines: &Engines, seed: u64, style: Style) -> Result<Seen, String> {
    check_under(engines, 3, &programs::module(seed, style), seed)
}
