//! What code is good for: everything besides a module's bytes that it depends on.
//!
//! **Invariant:** two engines with equal fingerprints make code that either can run in the place of the other's.

use blake3::hazmat::{self, ChainingValue, HasherExt, Mode};

use crate::abi::artifact::{CodeVariant, Tier};
use crate::abi::cpu::CpuFeatures;
use crate::platform::thread;
use crate::store::CacheKey;

/// A hash of this engine's sources, of the version of its generator of code and of the build's features: whatever changes what code may
/// assume changes it.
pub const BUILD_ID: &str = env!("DELTIC_BUILD_ID");

/// What code is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// The build of the engine.
    pub build: [u8; 32],
    /// Hash of the module's bytes.
    pub module: [u8; 32],
    /// What the processor must have.
    pub cpu: CpuFeatures,
    /// The proposals that the module was validated with.
    pub wasm_features: u64,
    /// The settings that change code, as bits.
    pub settings: u32,
    /// Which memories it is for.
    pub variant: CodeVariant,
    /// The one tier that the engine has been limited to.
    pub tier: Option<Tier>,
    /// Whether everything was compiled in the best tier, before it was asked for.
    pub ahead_of_time: bool,
}

/// Bytes of a module that a thread hashes at a time: a power of two, as subtrees of BLAKE3 are.
const HASHED_TOGETHER: usize = 1 << 20;

/// Bytes of a written fingerprint.
const BYTES: usize = 32 + 32 + 8 + 8 + 4 + 4;

/// A build id in few bytes.
pub fn build_hash() -> [u8; 32] {
    *blake3::hash(BUILD_ID.as_bytes()).as_bytes()
}

/// What tells a module's bytes from all others. A large one is hashed by this thread and by so many others, if they can be had.
pub fn module_hash(wire_bytes: &[u8], others: usize) -> [u8; 32] {
    if wire_bytes.len() <= HASHED_TOGETHER || others == 0 {
        return *blake3::hash(wire_bytes).as_bytes();
    }
    let parts: Vec<(usize, &[u8])> = wire_bytes.chunks(HASHED_TOGETHER).enumerate().collect();
    let parts = thread::share_out(parts, others, |(position, part)| part_of_module_hash(position * HASHED_TOGETHER, part));
    whole_module_hash(&parts)
}

/// What a part of a module, which is not all of it, adds to its hash: a BLAKE3 hash is one of a tree. Parts are of equal size, a power of two from
/// 1 KiB on, but for the last.
pub fn part_of_module_hash(start: usize, part: &[u8]) -> ChainingValue {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(start as u64);
    hasher.update(part).finalize_non_root()
}

/// The [hash of a module](module_hash) from those of its parts, two at least.
pub fn whole_module_hash(parts: &[ChainingValue]) -> [u8; 32] {
    let (left, right) = parts.split_at(left_count(parts.len()));
    *hazmat::merge_subtrees_root(&merged(left), &merged(right), Mode::Hash).as_bytes()
}

/// How many of the parts are in the left half of a tree: the largest power of two below their number.
fn left_count(parts: usize) -> usize {
    parts.div_ceil(2).next_power_of_two()
}

fn merged(leaves: &[ChainingValue]) -> ChainingValue {
    match leaves {
        &[leaf] => leaf,
        _ => {
            let (left, right) = leaves.split_at(left_count(leaves.len()));
            hazmat::merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
        }
    }
}

impl Fingerprint {
    /// As bytes.
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..32].copy_from_slice(&self.build);
        bytes[32..64].copy_from_slice(&self.module);
        bytes[64..72].copy_from_slice(&self.cpu.bits().to_le_bytes());
        bytes[72..80].copy_from_slice(&self.wasm_features.to_le_bytes());
        bytes[80..84].copy_from_slice(&self.settings.to_le_bytes());
        bytes[84] = self.variant as u8;
        bytes[85] = self.tier.map_or(0, |tier| tier as u8);
        bytes[86] = self.ahead_of_time.into();
        bytes
    }

    /// From such bytes; nothing if they are of another length or make no sense.
    pub fn from_bytes(bytes: &[u8]) -> Option<Fingerprint> {
        let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
        let u64_at = |at: usize| bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Some(Fingerprint {
            build: *bytes.first_chunk()?,
            module: *bytes[32..].first_chunk()?,
            cpu: CpuFeatures::from_bits(u64_at(64))?,
            wasm_features: u64_at(72),
            settings: u64_at(80) as u32,
            variant: CodeVariant::ALL.into_iter().find(|variant| *variant as u8 == bytes[84])?,
            tier: match bytes[85] {
                0 => None,
                number => Some(Tier::from_u8(number)?),
            },
            ahead_of_time: match bytes[86] {
                0 => false,
                1 => true,
                _ => return None,
            },
        })
    }

    /// What its code is found by.
    pub fn key(&self) -> CacheKey {
        CacheKey(*blake3::hash(&self.to_bytes()).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_same_however_many_threads_make_it() {
        const PART: usize = HASHED_TOGETHER;
        let bytes: Vec<u8> = (0..7 * PART + 5).map(|n| (n * 7 / 3) as u8).collect();
        for len in [0, 1, PART, PART + 1, 2 * PART, 2 * PART + 1, 3 * PART, 4 * PART, 5 * PART - 1, 6 * PART + 9, bytes.len()] {
            assert_eq!(module_hash(&bytes[..len], 0), module_hash(&bytes[..len], 2), "{len} bytes");
            assert_eq!(module_hash(&bytes[..len], 1), *blake3::hash(&bytes[..len]).as_bytes(), "{len} bytes");
        }
    }

    #[test]
    fn fingerprints_are_read_as_they_were_written_and_each_part_counts() {
        let first = Fingerprint {
            build: build_hash(),
            module: module_hash(b"\0asm", 0),
            cpu: CpuFeatures::V3,
            wasm_features: 1 << 40,
            settings: 0b101,
            variant: CodeVariant::Guarded,
            tier: None,
            ahead_of_time: false,
        };
        let others = [
            Fingerprint { build: [1; 32], ..first },
            Fingerprint { module: [1; 32], ..first },
            Fingerprint { cpu: CpuFeatures::V2, ..first },
            Fingerprint { wasm_features: 1, ..first },
            Fingerprint { settings: 1, ..first },
            Fingerprint { variant: CodeVariant::Checked, ..first },
            Fingerprint { tier: Some(Tier::Optimized), ..first },
            Fingerprint { ahead_of_time: true, ..first },
        ];
        for other in others {
            assert_eq!(Fingerprint::from_bytes(&other.to_bytes()), Some(other));
            assert_ne!(other.key(), first.key());
        }
        assert_eq!(Fingerprint::from_bytes(&first.to_bytes()), Some(first));
        assert_eq!(Fingerprint::from_bytes(&first.to_bytes()[1..]), None);
        for (at, value) in [(71, 0xff), (84, 2), (85, 3), (86, 2)] {
            let mut bytes = first.to_bytes();
            bytes[at] = value;
            assert_eq!(Fingerprint::from_bytes(&bytes), None, "byte {at}");
        }
    }
}
