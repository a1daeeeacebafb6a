//! Mutated bodies: each that the quick validator accepts is valid.
//!
//! Modules are decoded once; their bodies are then changed where they stand, many times each.

use std::ops::Range;

use deltic::base::DefinedFuncIndex;
use deltic::wasm::decode::{Decoded, decode};
use deltic::wasm::validate::{BodyMemory, validate_by_wasmparser};

use super::random::Random;

/// What became of mutated bodies.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub invalid: u64,
    pub valid: u64,
    pub accepted: u64,
}

impl Tally {
    /// Adds what was seen of another module.
    pub fn add(&mut self, other: Tally) {
        self.invalid += other.invalid;
        self.valid += other.valid;
        self.accepted += other.accepted;
    }
}

/// Whether a body is accepted: the quick validator, or in a canary something that is wrong.
pub type Accepts<'a> = &'a mut dyn FnMut(&[u8], &Decoded, DefinedFuncIndex) -> bool;

/// The quick validator.
pub fn quick() -> impl FnMut(&[u8], &Decoded, DefinedFuncIndex) -> bool {
    let mut memory = BodyMemory::default();
    move |bytes, decoded, func| decoded.validation.accepts(bytes, &decoded.module, func, &mut memory)
}

/// Mutates bodies of a module so many times, and compares the validators; nothing for what is no module with bodies.
pub fn check(wasm: &[u8], random: &mut Random, mutations: usize, accepts: Accepts<'_>) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let Ok(decoded) = decode(wasm.into()) else { return Ok(tally) };
    let count = decoded.module.bodies.len();
    if count == 0 {
        return Ok(tally);
    }
    let mut memory = BodyMemory::default();
    let mut bytes = decoded.wire_bytes.to_vec();
    for _ in 0..mutations {
        let func = DefinedFuncIndex::from_u32(random.below(count) as u32);
        let range = range(&decoded, func);
        let other = range_of_any(&decoded, random);
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, range.clone(), other.clone(), random);
        }
        let valid = validate_by_wasmparser(&bytes, &decoded.module, &decoded.validation, func, &mut memory);
        let is_accepted = accepts(&bytes, &decoded, func);
        match valid {
            Err(error) if is_accepted => return Err(format!("accepted: {:02x?}, in spite of: {error}", &bytes[range])),
            Err(_) => tally.invalid += 1,
            Ok(()) => tally.valid += 1,
        }
        tally.accepted += u64::from(is_accepted);
        bytes[range.clone()].copy_from_slice(&decoded.wire_bytes[range]);
    }
    Ok(tally)
}

fn range(decoded: &Decoded, func: DefinedFuncIndex) -> Range<usize> {
    let range = &decoded.module.bodies[func];
    range.start as usize..range.end as usize
}

fn range_of_any(decoded: &Decoded, random: &mut Random) -> Range<usize> {
    range(decoded, DefinedFuncIndex::from_u32(random.below(decoded.module.bodies.len()) as u32))
}

/// Operators and types that often change a little of what follows.
const BYTES: [u8; 40] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x1a, 0x1b, 0x20, 0x21, 0x22, 0x23, 0x24, 0x28, 0x36,
    0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x6a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f, 0x6f, 0x70, 0xa7, 0xac, 0xd0, 0xfc, 0xfd,
];

/// Changes a body in one of several ways, without changing its size; some take bytes of another body.
fn mutate(bytes: &mut [u8], range: Range<usize>, other: Range<usize>, random: &mut Random) {
    let at = range.start + random.below(range.len());
    // All but the `end` of the body.
    let rest = (range.end - 1).saturating_sub(at);
    let count = 1 + random.below(rest.clamp(1, 4));
    match random.below(8) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next_u64() as u8,
        2 => bytes[at] = BYTES[random.below(BYTES.len())],
        3 => bytes[at] = bytes[at].wrapping_add([1, 0xff][random.below(2)]),
        // Something is left out, or put in: nothing is done where that came from.
        4 if rest >= count => {
            bytes.copy_within(at + count..range.end - 1, at);
            bytes[range.end - 1 - count..range.end - 1].fill(0x01);
        }
        5 if rest >= count => {
            bytes.copy_within(at..range.end - 1 - count, at + count);
            bytes[at..at + count].fill_with(|| BYTES[random.below(BYTES.len())]);
        }
        6 if rest >= count && other.len() > count => {
            let from = other.start + random.below(other.len() - count);
            bytes.copy_within(from..from + count, at);
        }
        _ => bytes.swap(at, range.start + random.below(range.len())),
    }
}

/// A module from a seed, to be mutated with the numbers that follow.
pub fn seeded_check(number: u64, mutations: usize, accepts: Accepts<'_>) -> Result<Tally, String> {
    let mut random = Random::new(number);
    let seed = random.next_u64();
    let module =
        if number.is_multiple_of(4) { super::generate::seeded_object_module(seed) } else { super::generate::seeded_module(seed) };
    module.map_or(Ok(Tally::default()), |wasm| check(&wasm, &mut random, mutations, accepts))
}
