//! One function as bytes: its artifact, and what is known from running it.
//!
//! ```text
//! length of what is known: 4 bytes, little-endian
//! what is known           numbers as in `words`, lists of offsets as differences
//! instructions            with the constants behind them, nothing filled in
//! ```
//!
//! **Invariant:** [`read`](Record::read) gives back what [`write`](Record::write) was given, or nothing. It neither panics nor takes more
//! memory than a few times the bytes; whether offsets lie in the code is looked at by publication, as of all artifacts.

use cranelift_entity::EntityRef;

use super::words::{Reader, Writer};
use crate::abi::artifact::{
    Artifact, CodeVariant, DeepSlot, Entry, HandlerSite, Helper, InlinedBody, LoopSite, LoopValue, PlaceInLine, Position,
    Register, Reloc, RelocTarget, SavedRegisters, StackMap, Tier, TrapSite,
};
use crate::abi::trap::TrapCode;
use crate::base::DefinedFuncIndex;

/// Bytes in front of what is known.
const LENGTH_BYTES: usize = 4;

/// A function that was compiled in some process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its code, entered by calls.
    pub artifact: Artifact,
    /// What has become of its budget, if it has any.
    pub budget: Option<KeptBudget>,
    /// What it has recorded of its calls: the [portable](crate::abi::profile::Profile::portable) words.
    pub profile: Box<[u32]>,
}

/// What a function has done towards better code, however much the process that goes on with it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptBudget {
    /// So much of its budget.
    Used(u32),
    /// There is no better code for it.
    Lasting,
}

impl Record {
    /// Appends the record to some bytes.
    pub fn write(&self, to: &mut Vec<u8>) {
        let start = to.len();
        to.extend_from_slice(&[0; LENGTH_BYTES]);
        let mut writer = Writer { bytes: std::mem::take(to) };
        write_known(&mut writer, self);
        *to = writer.bytes;
        let known = u32::try_from(to.len() - start - LENGTH_BYTES).unwrap_or(u32::MAX);
        to[start..start + LENGTH_BYTES].copy_from_slice(&known.to_le_bytes());
        to.extend_from_slice(&self.artifact.code);
    }

    /// The record that some bytes are.
    pub fn read(bytes: &[u8], func: DefinedFuncIndex, variant: CodeVariant) -> Option<Record> {
        let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
        let (known, code) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let mut reader = Reader::new(known);
        let record = read_known(&mut reader, Artifact::new(func, Tier::Baseline, variant, code.into()))?;
        reader.rest().is_empty().then_some(record)
    }
}

fn write_known(to: &mut Writer, record: &Record) {
    let artifact = &record.artifact;
    to.u8(artifact.tier as u8);
    to.u32(artifact.alignment);
    to.u8(artifact.place.map_or(0, |place| place.as_u8() + 1));
    to.u8(artifact.saved.bits());
    to.u32(artifact.frame_bytes);
    to.u32(artifact.state_bytes);
    to.u32(artifact.profile_words);
    write_relocs(to, &artifact.relocs);
    to.len(artifact.traps.len());
    artifact.traps.iter().fold(0, |before, site| {
        to.near(site.code_offset, before);
        to.u8(site.trap as u8);
        site.code_offset
    });
    to.len(artifact.positions.len());
    artifact.positions.iter().fold((0, 0), |before, position| {
        to.near(position.code_offset, before.0);
        to.near(position.wasm_offset, before.1);
        (position.code_offset, position.wasm_offset)
    });
    write_maps(to, artifact);
    to.len(artifact.handlers.len());
    for site in &artifact.handlers {
        to.u32(site.code_offset);
        to.near(site.handler_offset, site.code_offset);
        to.u32(site.frame_bytes);
    }
    to.len(artifact.inlined.len());
    for body in &artifact.inlined {
        to.u32(body.func.as_u32());
        to.u32(body.first);
        to.u32(body.bytes);
        to.u32(body.start);
        to.u32(body.call);
    }
    write_loops(to, artifact);
    match record.budget {
        None => to.u8(0),
        Some(KeptBudget::Used(used)) => {
            to.u8(1);
            to.u32(used);
        }
        Some(KeptBudget::Lasting) => to.u8(2),
    }
    to.len(record.profile.len());
    record.profile.iter().for_each(|&word| to.u32(word));
}

fn read_known(from: &mut Reader<'_>, mut artifact: Artifact) -> Option<Record> {
    artifact.tier = Tier::from_u8(from.u8()?)?;
    artifact.alignment = from.u32()?;
    artifact.place = match from.u8()? {
        0 => None,
        number => Some(PlaceInLine::from_u8(number - 1)?),
    };
    artifact.saved = SavedRegisters::from_bits(from.u8()?)?;
    artifact.frame_bytes = from.u32()?;
    artifact.state_bytes = from.u32()?;
    artifact.profile_words = from.u32()?;
    artifact.relocs = read_relocs(from)?;
    let mut before = 0;
    artifact.traps = from.list(|from| {
        before = from.near(before)?;
        Some(TrapSite { code_offset: before, trap: TrapCode::from_u8(from.u8()?)? })
    })?;
    let mut before = (0, 0);
    artifact.positions = from.list(|from| {
        before = (from.near(before.0)?, from.near(before.1)?);
        Some(Position { code_offset: before.0, wasm_offset: before.1 })
    })?;
    read_maps(from, &mut artifact)?;
    artifact.handlers = from.list(|from| {
        let code_offset = from.u32()?;
        Some(HandlerSite { code_offset, handler_offset: from.near(code_offset)?, frame_bytes: from.u32()? })
    })?;
    artifact.inlined = from.list(|from| {
        let func = read_func(from)?;
        Some(InlinedBody { func, first: from.u32()?, bytes: from.u32()?, start: from.u32()?, call: from.u32()? })
    })?;
    read_loops(from, &mut artifact)?;
    let budget = match from.u8()? {
        0 => None,
        1 => Some(KeptBudget::Used(from.u32()?)),
        2 => Some(KeptBudget::Lasting),
        _ => return None,
    };
    let profile = from.list(Reader::u32)?;
    Some(Record { artifact, budget, profile })
}

fn read_func(from: &mut Reader<'_>) -> Option<DefinedFuncIndex> {
    // The last number is reserved.
    from.u32().filter(|&func| func != u32::MAX).map(DefinedFuncIndex::from_u32)
}

const SLOT: u8 = 0;
const BUDGET: u8 = 1;
const HELPER: u8 = 2;
const PROFILE: u8 = 3;

fn write_relocs(to: &mut Writer, relocs: &[Reloc]) {
    to.len(relocs.len());
    relocs.iter().fold(0, |before, reloc| {
        to.near(reloc.code_offset, before);
        let (kind, number) = match reloc.target {
            RelocTarget::Slot(func) => (SLOT, func.as_u32()),
            RelocTarget::Budget(func) => (BUDGET, func.as_u32()),
            RelocTarget::Helper(helper) => (HELPER, helper as u32),
            RelocTarget::Profile(word) => (PROFILE, word),
        };
        to.u8(kind);
        to.u32(number);
        reloc.code_offset
    });
}

fn read_relocs(from: &mut Reader<'_>) -> Option<Box<[Reloc]>> {
    let mut code_offset = 0;
    from.list(|from| {
        code_offset = from.near(code_offset)?;
        let target = match from.u8()? {
            SLOT => RelocTarget::Slot(read_func(from)?),
            BUDGET => RelocTarget::Budget(read_func(from)?),
            HELPER => RelocTarget::Helper(*Helper::ALL.get(from.u32()? as usize)?),
            PROFILE => RelocTarget::Profile(from.u32()?),
            _ => return None,
        };
        Some(Reloc { code_offset, target })
    })
}

fn write_maps(to: &mut Writer, artifact: &Artifact) {
    to.len(artifact.stack_maps.len());
    for map in &artifact.stack_maps {
        to.u32(map.code_offset);
        to.u32(map.frame_bytes);
        to.u32(map.deep);
        to.len(map.slots.len());
        map.slots.iter().for_each(|&slot| to.u32(slot));
    }
    to.len(artifact.deep_slots.len());
    for slot in &artifact.deep_slots {
        to.u32(slot.below_fp);
        to.u32(slot.next);
    }
}

fn read_maps(from: &mut Reader<'_>, artifact: &mut Artifact) -> Option<()> {
    artifact.stack_maps = from.list(|from| {
        let (code_offset, frame_bytes, deep) = (from.u32()?, from.u32()?, from.u32()?);
        Some(StackMap { code_offset, frame_bytes, deep, slots: from.list(Reader::u32)? })
    })?;
    artifact.deep_slots = from.list(|from| Some(DeepSlot { below_fp: from.u32()?, next: from.u32()? }))?;
    Some(())
}

const INT: u8 = 0;
const FLOAT: u8 = 1;
const VECTOR: u8 = 2;

fn write_loops(to: &mut Writer, artifact: &Artifact) {
    to.len(artifact.loops.len());
    for site in &artifact.loops {
        to.u32(site.code_offset);
        to.u32(site.state_bytes);
        to.u32(site.values.0);
        to.near(site.values.1, site.values.0);
    }
    to.len(artifact.loop_values.len());
    for value in &artifact.loop_values {
        to.u32(value.offset);
        let (kind, number) = match value.register {
            Register::Int(number) => (INT, number),
            Register::Float(number) => (FLOAT, number),
            Register::Vector(number) => (VECTOR, number),
        };
        to.u8(kind);
        to.u8(number);
    }
}

fn read_loops(from: &mut Reader<'_>, artifact: &mut Artifact) -> Option<()> {
    artifact.loops = from.list(|from| {
        let (code_offset, state_bytes, first) = (from.u32()?, from.u32()?, from.u32()?);
        Some(LoopSite { code_offset, state_bytes, values: (first, from.near(first)?) })
    })?;
    artifact.loop_values = from.list(|from| {
        let offset = from.u32()?;
        let register = match (from.u8()?, from.u8()?) {
            (INT, number) => Register::Int(number),
            (FLOAT, number) => Register::Float(number),
            (VECTOR, number) => Register::Vector(number),
            _ => return None,
        };
        Some(LoopValue { offset, register })
    })?;
    Some(())
}

/// Whether an artifact is one that a record is made of: code that is entered by calls.
pub fn is_recordable(artifact: &Artifact) -> bool {
    artifact.entry == Entry::Call && DefinedFuncIndex::new(artifact.func.index()).as_u32() != u32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn func(n: u32) -> DefinedFuncIndex {
        DefinedFuncIndex::from_u32(n)
    }

    /// Something of everything.
    fn sample() -> Record {
        let mut artifact = Artifact::new(func(7), Tier::Optimized, CodeVariant::Checked, (0..100).collect());
        artifact.alignment = 32;
        artifact.place = PlaceInLine::from_u8(3);
        artifact.saved = SavedRegisters::from_bits(0b10101).expect("five registers");
        (artifact.frame_bytes, artifact.state_bytes, artifact.profile_words) = (4_096, 24, 10);
        artifact.relocs = [
            (4, RelocTarget::Slot(func(0))),
            (80, RelocTarget::Budget(func(300))),
            (12, RelocTarget::Helper(Helper::RecordTarget)),
            (90, RelocTarget::Profile(9)),
        ]
        .map(|(code_offset, target)| Reloc { code_offset, target })
        .into();
        artifact.traps = TrapCode::ALL.iter().zip(0..).map(|(&trap, code_offset)| TrapSite { code_offset, trap }).collect();
        artifact.positions = [(3, 5_000), (9, 4_990), (9, u32::MAX)]
            .map(|(code_offset, wasm_offset)| Position { code_offset, wasm_offset })
            .into();
        artifact.stack_maps = Box::new([
            StackMap { code_offset: 8, frame_bytes: 64, slots: [0, 4, 60].into(), deep: 2 },
            StackMap { code_offset: 9, frame_bytes: 64, slots: Box::default(), deep: 0 },
        ]);
        artifact.deep_slots = Box::new([DeepSlot { below_fp: 8, next: 0 }, DeepSlot { below_fp: 16, next: 1 }]);
        artifact.handlers = Box::new([HandlerSite { code_offset: 50, handler_offset: 20, frame_bytes: 16 }]);
        artifact.inlined = Box::new([InlinedBody { func: func(1), first: 9_000, bytes: 10, start: 400, call: 401 }]);
        artifact.loops = Box::new([LoopSite { code_offset: 30, state_bytes: 16, values: (0, 3) }]);
        artifact.loop_values =
            [Register::Int(3), Register::Float(15), Register::Vector(7)].map(|register| LoopValue { offset: 8, register }).into();
        Record { artifact, budget: Some(KeptBudget::Used(70_000)), profile: [0, 77, 3, u32::MAX].into() }
    }

    fn bytes(record: &Record) -> Vec<u8> {
        let mut bytes = Vec::new();
        record.write(&mut bytes);
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Record> {
        Record::read(bytes, func(7), CodeVariant::Checked)
    }

    #[test]
    fn what_was_written_is_read() {
        let full = sample();
        assert_eq!(read(&bytes(&full)).as_ref(), Some(&full));
        let artifact = Artifact::new(func(7), Tier::Baseline, CodeVariant::Checked, [0xc3].into());
        let plain = Record { artifact, budget: None, profile: Box::default() };
        assert_eq!(read(&bytes(&plain)).as_ref(), Some(&plain));
        assert!(bytes(&plain).len() < 40, "{} bytes", bytes(&plain).len());
        let mut behind = vec![1, 2, 3];
        full.write(&mut behind);
        assert_eq!(behind[3..], bytes(&full));
    }

    /// What no writer writes gives nothing, or another record: nothing panics, and nothing is longer than what it was read from.
    #[test]
    fn bytes_of_any_kind_are_a_record_or_none() {
        let good = bytes(&sample());
        for len in 0..good.len() {
            let _ = read(&good[..len]);
        }
        let mut accepted = 0;
        for bit in 0..good.len() * 8 {
            let mut changed = good.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            accepted += usize::from(read(&changed).is_some());
        }
        assert!(accepted > 800, "at least the code may be anything: {accepted}");
        assert_eq!(read(&[0xff; 64]), None);
        assert_eq!(read(&[4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
