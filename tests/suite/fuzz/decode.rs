//! Mutated modules: decoding, validating and compiling them gives a module or an error with a place in the bytes, never a panic.
//!
//! Checked beside that: validating alone, making ready for compiling as functions are called, and compiling in each tier agree; any number of
//! compile tasks gives the same error text.

use deltic::wasm::error::{CompileError, CompileErrorKind};
use deltic::{Config, Module, Strategy, Tier, WasmEngine};

use super::generate;
use super::random::Random;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The bytes are a module.
    Accepted,
    /// The bytes are not, and the error says why.
    Refused,
}

/// The tiers, in the order of the engines for them.
pub const TIERS: [Tier; 2] = [Tier::Baseline, Tier::Optimized];

/// An engine that compiles what is called, and for each tier one that compiles everything on the caller, and one that does not.
#[derive(Debug)]
pub struct Engines {
    lazy: WasmEngine,
    caller: [WasmEngine; 2],
    background: [WasmEngine; 2],
}

impl Engines {
    /// All of them.
    pub fn new() -> Engines {
        let engine = |config: Config, tasks| WasmEngine::new(&config.with_num_compilation_tasks(tasks)).expect("an engine");
        let ahead = |tier| Config::default().with_strategy(Strategy::AheadOfTime).with_tier(tier);
        Engines {
            lazy: engine(Config::default(), 0),
            caller: TIERS.map(|tier| engine(ahead(tier), 0)),
            // However small a module is, the tasks take part.
            background: TIERS.map(|tier| engine(ahead(tier).with_task_body_bytes(0), 2)),
        }
    }

    /// What they say of some bytes.
    pub fn answer(&self, question: Question, bytes: &[u8]) -> Answer {
        match question {
            Question::Validate => Module::validate(&self.lazy, bytes),
            _ => self.module(question, bytes).map(drop),
        }
    }

    /// The module that some bytes are, as its code is there then.
    pub fn module(&self, question: Question, bytes: &[u8]) -> Result<Module, CompileError> {
        let engine = match question {
            Question::Validate | Question::MakeReady => &self.lazy,
            Question::Compile(tier) => &self.caller[usize::from(tier == Tier::Optimized)],
            Question::CompileInBackground(tier) => &self.background[usize::from(tier == Tier::Optimized)],
        };
        Module::new(engine, bytes)
    }
}

/// Ways to ask whether bytes are a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Validate, and compile nothing.
    Validate,
    /// Make a module of which functions are compiled as they are called.
    MakeReady,
    /// Compile everything on the caller.
    Compile(Tier),
    /// Compile everything in the background.
    CompileInBackground(Tier),
}

/// What answers the questions: the engines, or in a canary something that is wrong.
pub type Answer = Result<(), CompileError>;

/// Feeds bytes to the engines.
pub fn check(engines: &Engines, bytes: &[u8]) -> Result<Verdict, String> {
    check_answers(bytes, |question| engines.answer(question, bytes))
}

/// Asks all questions, and compares the answers.
pub fn check_answers(bytes: &[u8], mut answer: impl FnMut(Question) -> Answer) -> Result<Verdict, String> {
    let valid = answer(Question::Validate);
    let ready = answer(Question::MakeReady);
    if text(&valid) != text(&ready) {
        return Err(format!("validated alone: {}; made ready: {}", text(&valid), text(&ready)));
    }
    if let Err(error) = &valid {
        well_formed(error, bytes)?;
    }
    let mut verdict = if valid.is_ok() { Verdict::Accepted } else { Verdict::Refused };
    for tier in TIERS {
        let compiled = answer(Question::Compile(tier));
        let again = answer(Question::CompileInBackground(tier));
        if text(&compiled) != text(&again) {
            return Err(format!("{tier:?} on the caller: {}; in the background: {}", text(&compiled), text(&again)));
        }
        if let Err(error) = &compiled {
            well_formed(error, bytes)?;
        }
        match (&valid, &compiled) {
            _ if text(&valid) == text(&compiled) => {}
            (Ok(()), Err(error)) if matches!(error.kind, CompileErrorKind::Limit | CompileErrorKind::Unsupported) => {
                verdict = Verdict::Refused;
            }
            _ => return Err(format!("validated alone: {}; {tier:?}: {}", text(&valid), text(&compiled))),
        }
    }
    Ok(verdict)
}

fn text(result: &Result<(), CompileError>) -> String {
    result.as_ref().map_or_else(ToString::to_string, |()| "accepted".to_owned())
}

/// An error tells of the module, not of a defect of the engine, and its place lies in the module.
fn well_formed(error: &CompileError, bytes: &[u8]) -> Result<(), String> {
    let inside = error.offset.is_none_or(|offset| offset <= bytes.len());
    let kind = matches!(error.kind, CompileErrorKind::EngineBug | CompileErrorKind::Cancelled);
    if inside && !kind && !error.message.is_empty() { Ok(()) } else { Err(format!("a bad error: {error:?}")) }
}

/// A damaged module from a seed.
pub fn seeded_bytes(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = generate::seeded_module(random.next_u64()).unwrap_or_else(|| b"\0asm\x01\0\0\0".to_vec());
    for _ in 0..=random.below(4) {
        mutate(&mut bytes, &mut random);
    }
    bytes
}

/// Damages bytes in one of several ways, behind the header.
pub fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const HEADER: usize = 8;
    if bytes.len() <= HEADER {
        bytes.extend(random.bytes(4));
        return;
    }
    let at = HEADER + random.below(bytes.len() - HEADER);
    let count = 1 + random.below((bytes.len() - at).min(16));
    match random.below(9) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next_u64() as u8,
        2 => bytes[at] = [0x00, 0x40, 0x7f, 0x80, 0xff, 0xfd, 0xfc, 0x0b][random.below(8)],
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..at + count)),
        5 => {
            let copy = bytes[at..at + count].to_vec();
            let to = HEADER + random.below(bytes.len() - HEADER);
            bytes.splice(to..to, copy);
        }
        6 => {
            let noise = random.bytes(count);
            bytes.splice(at..at, noise);
        }
        // Large numbers where a count or a size stands.
        7 => drop(bytes.splice(at..=at, [0xff, 0xff, 0xff, 0xff, 0x0f])),
        _ => bytes.swap(at, HEADER),
    }
}
