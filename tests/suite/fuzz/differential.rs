//! Generated modules under Deltic and under another engine: same results, same traps, same memories, globals and tables.
//!
//! The [`Interpreter`] has a decoder, a validator's version and semantics of its own, and no machine code; other oracles are in the package
//! in `fuzz/`. All run the same script ([`observe`](super::observe::observe)); see there for what is compared.

use deltic::codegen::env::CodeSettings;
use deltic::{Config, Strategy, Tier, WasmEngine};

use super::generate;
use super::interpreter::Interpreter;
use super::observe::{Class, Event, compare, ends_comparison};
use super::oracle::Oracle;
use super::subject::{self, Seen};

/// How a comparison ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The bytes made no module that both engines take.
    Nothing,
    /// So many events were the same.
    Same(usize),
}

/// Engines that differ in everything that may not change a guest's results, and the interpreter.
#[derive(Debug)]
pub struct Engines(Vec<WasmEngine>, Interpreter);

impl Engines {
    /// Guard pages or checks; compiling on the caller or in the background; fuel or none; each tier, and from
    /// one to the other.
    pub fn new() -> Engines {
        let settings = |fuel: bool| CodeSettings { fuel, ..CodeSettings::default() };
        let configs = [
            Config::default().with_num_compilation_tasks(0),
            Config::default().with_num_compilation_tasks(0).with_memory_guards(false),
            Config::default().with_num_compilation_tasks(2).with_code_settings(settings(true)),
            Config::default().with_num_compilation_tasks(1).with_memory_guards(false).with_code_settings(settings(true)),
        ];
        let baseline = configs.clone().map(|config| config.with_tier(Tier::Baseline));
        let moving = configs.clone().map(|config| config.with_tier_up_stress(7));
        let ahead = configs.map(|config| config.with_strategy(Strategy::AheadOfTime));
        let configs = ahead.into_iter().chain(baseline).chain(moving).collect::<Vec<_>>();
        Engines(configs.iter().map(|config| WasmEngine::new(config).expect("an engine")).collect(), Interpreter::new())
    }

    /// The engine for a seed.
    pub fn pick(&self, seed: u64) -> &WasmEngine {
        &self.0[(seed % self.0.len() as u64) as usize]
    }
}

/// Compares one generated module.
pub fn check(engines: &Engines, data: &[u8], seed: u64) -> Result<Verdict, String> {
    let Some(wasm) = generate::module(data) else { return Ok(Verdict::Nothing) };
    check_module(engines, &wasm, seed)
}

/// Compares one module.
pub fn check_module(engines: &Engines, wasm: &[u8], seed: u64) -> Result<Verdict, String> {
    let Some((ours, oracle)) = run_both(engines, wasm, wasm, seed)? else { return Ok(Verdict::Nothing) };
    compare(&ours, &oracle).map(Verdict::Same)
}

/// What this engine saw, and what the oracle saw.
pub type Both = (Vec<Event>, Vec<Event>);

/// Runs one module here and another, normally the same, in the oracle. None when the oracle does not take it.
pub fn run_both(engines: &Engines, wasm: &[u8], oracle: &[u8], seed: u64) -> Result<Option<Both>, String> {
    let Some(oracle) = engines.1.run(oracle, seed) else { return Ok(None) };
    let ours = subject::run(engines.pick(seed), wasm, seed)?;
    Ok(Some((ours.events, oracle)))
}

/// Runs one module here and in an oracle, and compares. None when the oracle does not take it.
pub fn check_with(engine: &WasmEngine, oracle: &dyn Oracle, wasm: &[u8], seed: u64) -> Result<Option<Seen>, String> {
    let Some(others) = oracle.run(wasm, seed) else { return Ok(None) };
    let ours = subject::run(engine, wasm, seed)?;
    compare(&ours.events, &others)?;
    Ok(Some(ours))
}

/// How much a list of events says: calls that returned, traps by class.
#[derive(Debug, Default)]
pub struct Tally {
    pub modules: usize,
    pub instances: usize,
    pub returned: usize,
    pub trapped: usize,
    pub thrown: usize,
    /// Where a stack or a heap was used up, nothing was compared from there on.
    pub cut: usize,
    pub moved_objects: u64,
    pub other: Vec<String>,
}

impl Tally {
    /// Counts the events of one module.
    pub fn add(&mut self, events: &[Event]) {
        self.modules += 1;
        for event in events {
            self.cut += usize::from(ends_comparison(event));
            match event {
                Event::Instance(Ok(())) => self.instances += 1,
                Event::Call(_, _, Ok(_)) => self.returned += 1,
                Event::Call(_, _, Err(Class::Other(text))) | Event::Instance(Err(Class::Other(text))) => {
                    self.other.push(text.clone())
                }
                Event::Call(_, _, Err(Class::Exception(_))) => self.thrown += 1,
                Event::Call(_, _, Err(_)) => self.trapped += 1,
                _ => {}
            }
        }
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.returned + self.trapped + self.thrown
    }

    /// The same, and what moved.
    pub fn add_seen(&mut self, seen: &Seen) {
        self.add(&seen.events);
        self.moved_objects += seen.moved_objects;
    }
}
