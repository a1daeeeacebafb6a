//! What a tier hands over: one function's machine code and all that is known about it, position-independent.

use crate::abi::trap::TrapCode;
use crate::base::DefinedFuncIndex;
use crate::layout::frame::SAVED_COUNT;

/// A tier. Order is quality: publication refuses a lower one.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tier {
    /// The single-pass compiler.
    Baseline = 1,
    /// Cranelift.
    Optimized = 2,
}

/// Which memories a module's code was compiled for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CodeVariant {
    /// Every 32-bit memory has a reservation with guard pages.
    Guarded = 0,
    /// Every access compares with the memory's length.
    Checked = 1,
}

impl Tier {
    /// The tier with this number.
    pub fn from_u8(number: u8) -> Option<Tier> {
        [Tier::Baseline, Tier::Optimized].into_iter().find(|tier| *tier as u8 == number)
    }
}

impl CodeVariant {
    /// Both.
    pub const ALL: [CodeVariant; 2] = [CodeVariant::Guarded, CodeVariant::Checked];
}

/// Where code of a function begins.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// With a call.
    Call,
    /// At the header of a loop, see [`osr`](crate::abi::osr): by the byte offset of the operator `loop` in the module.
    Loop(u32),
}

/// A place for the first byte of code in a line of the cache.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PlaceInLine(u8);

impl PlaceInLine {
    /// Bytes of a line.
    pub const LINE: u32 = 64;
    /// Places are multiples of this.
    pub const STEP: u32 = 16;
    /// How many there are.
    pub const COUNT: usize = (Self::LINE / Self::STEP) as usize;

    /// All, in order.
    pub fn all() -> impl Iterator<Item = PlaceInLine> + Clone {
        (0..Self::COUNT as u8).map(PlaceInLine)
    }

    /// The place with that number, counted from the beginning of the line.
    pub fn from_u8(number: u8) -> Option<PlaceInLine> {
        (usize::from(number) < Self::COUNT).then_some(PlaceInLine(number))
    }

    /// Its number.
    pub fn as_u8(self) -> u8 {
        self.0
    }

    /// How far it is from the beginning of the line.
    pub fn bytes(self) -> u32 {
        u32::from(self.0) * Self::STEP
    }
}

/// Machine code of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Which function.
    pub func: DefinedFuncIndex,
    /// Where it begins.
    pub entry: Entry,
    /// By which tier.
    pub tier: Tier,
    /// For which memories.
    pub variant: CodeVariant,
    /// The instructions, with the constant pool behind them. Entry is at 0.
    pub code: Box<[u8]>,
    /// Alignment that the code asks for, a power of two.
    pub alignment: u32,
    /// Where in a line of the cache its loops would have it. A wish: it is right wherever it is aligned.
    pub place: Option<PlaceInLine>,
    /// Displacements to fill in at publication.
    pub relocs: Box<[Reloc]>,
    /// Instructions that may trap, by offset.
    pub traps: Box<[TrapSite]>,
    /// Wasm position of every trap site and return address, by code offset.
    pub positions: Box<[Position]>,
    /// Where references are while calls are under way, by return address.
    pub stack_maps: Box<[StackMap]>,
    /// What [stack maps](StackMap) share.
    pub deep_slots: Box<[DeepSlot]>,
    /// Where exceptions are caught, by return address.
    pub handlers: Box<[HandlerSite]>,
    /// What an exception that leaves this function restores.
    pub saved: SavedRegisters,
    /// Bytes of its frame, from the frame pointer down.
    pub frame_bytes: u32,
    /// Bytes of the state that a loop version reads; 0 of others.
    pub state_bytes: u32,
    /// Bodies in the place of calls, in the order of their numbers.
    pub inlined: Box<[InlinedBody]>,
    /// Loops that may go on in a loop version, by return address.
    pub loops: Box<[LoopSite]>,
    /// What [loop sites](LoopSite) share.
    pub loop_values: Box<[LoopValue]>,
    /// How many words it [records](crate::abi::profile) its calls in.
    pub profile_words: u32,
}

impl Artifact {
    /// Code that is called and does nothing that must be told.
    pub fn new(func: DefinedFuncIndex, tier: Tier, variant: CodeVariant, code: Box<[u8]>) -> Artifact {
        Artifact {
            func,
            entry: Entry::Call,
            tier,
            variant,
            code,
            alignment: 16,
            place: None,
            relocs: Box::default(),
            traps: Box::default(),
            positions: Box::default(),
            stack_maps: Box::default(),
            deep_slots: Box::default(),
            handlers: Box::default(),
            saved: SavedRegisters::default(),
            frame_bytes: 0,
            state_bytes: 0,
            inlined: Box::default(),
            loops: Box::default(),
            loop_values: Box::default(),
            profile_words: 0,
        }
    }

    /// Bytes that it holds, for budgets.
    pub fn memory_bytes(&self) -> usize {
        self.code.len()
            + size_of_val(&*self.relocs)
            + size_of_val(&*self.traps)
            + size_of_val(&*self.positions)
            + size_of_val(&*self.stack_maps)
            + size_of_val(&*self.deep_slots)
            + size_of_val(&*self.handlers)
            + size_of_val(&*self.inlined)
            + size_of_val(&*self.loops)
            + size_of_val(&*self.loop_values)
    }
}

/// The header of a loop in baseline code, which asks for better code there.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct LoopSite {
    /// Return address of the call that asks. Its position is that of the operator `loop`.
    pub code_offset: u32,
    /// Bytes of the loop's [state](crate::abi::osr).
    pub state_bytes: u32,
    /// First and end of its values in [`Artifact::loop_values`].
    pub values: (u32, u32),
}

/// A value that is in a register when its loop begins an iteration, and not in its slot.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct LoopValue {
    /// Offset of its slot from the end of the state, downwards.
    pub offset: u32,
    /// Where it is.
    pub register: Register,
}

/// A register with a value: a machine number, and how much of the register counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Register {
    /// A general-purpose register.
    Int(u8),
    /// The low 64 bits of a vector register.
    Float(u8),
    /// All of a vector register.
    Vector(u8),
}

/// References of the heap in a frame whose function has made a call. Calls without any have no map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackMap {
    /// Offset of the return address.
    pub code_offset: u32,
    /// From the stack pointer at the call up to the frame pointer.
    pub frame_bytes: u32,
    /// Offsets from the stack pointer of 32-bit references.
    pub slots: Box<[u32]>,
    /// The first of those that this map shares with others: a position in [`Artifact::deep_slots`], counted from 1; 0 for none.
    pub deep: u32,
}

/// A reference in many maps of a function, as a list that begins anywhere: what lies deep on a stack lies there during many calls, and
/// is said once.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct DeepSlot {
    /// How many bytes below the frame pointer it is.
    pub below_fp: u32,
    /// The next one, as in [`StackMap::deep`]. It is before this one.
    pub next: u32,
}

/// The references in a frame, as bytes below its frame pointer.
pub fn references<'a>(map: &'a StackMap, deep_slots: &'a [DeepSlot]) -> impl Iterator<Item = u32> + 'a {
    let slot_at = |at: u32| Some(deep_slots[at.checked_sub(1)? as usize]);
    let deep = std::iter::successors(slot_at(map.deep), move |slot| slot_at(slot.next));
    map.slots.iter().map(|slot| map.frame_bytes - slot).chain(deep.map(|slot| slot.below_fp))
}

/// The registers that a function saves in its frame, since it uses them and calls preserve them: bit n stands for the nth of rbx r12
/// r13 r14 r15. They lie in this order, one word each, from so many words below the frame pointer as they are, rounded up to
/// an even number.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedRegisters(u8);

impl SavedRegisters {
    /// The position of a register of the machine among those that calls preserve.
    pub fn position(register: u8) -> Option<usize> {
        match register {
            3 => Some(0),
            12..=15 => Some(register as usize - 11),
            _ => None,
        }
    }

    /// The set with those bits.
    pub fn from_bits(bits: u8) -> Option<SavedRegisters> {
        (bits >> SAVED_COUNT == 0).then_some(SavedRegisters(bits))
    }

    /// Its bits.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Adds the register at a position.
    pub fn insert(&mut self, position: usize) {
        debug_assert!(position < SAVED_COUNT);
        self.0 |= 1 << position;
    }

    /// Positions of the registers, and how many bytes below the frame pointer each is.
    pub fn places(self) -> impl Iterator<Item = (usize, u32)> {
        let mut rest = self.0;
        let mut below = 8 * rest.count_ones().next_multiple_of(2);
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let place = (rest.trailing_zeros() as usize, below);
            rest &= rest - 1;
            below -= 8;
            Some(place)
        })
    }
}

/// Where an exception that leaves a call goes. Calls outside of any `try` have none.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct HandlerSite {
    /// Offset of the return address.
    pub code_offset: u32,
    /// Offset of the handler. It wants the exception in rax, and in the registers that calls preserve what they held at the call.
    /// The return address itself: the code there looks for the exception in the isolate block, and takes it out.
    pub handler_offset: u32,
    /// From the stack pointer that the handler wants up to the frame pointer: the one at the call; of code that is returned to, the one
    /// after the callee has popped its arguments.
    pub frame_bytes: u32,
}

/// A 32-bit displacement, relative to its own end, to a word in the code space.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Reloc {
    /// Where the displacement is.
    pub code_offset: u32,
    /// To what.
    pub target: RelocTarget,
}

impl Reloc {
    /// The same in code whose first bytes are cut off.
    pub fn moved(&self, cut_bytes: u32) -> Reloc {
        Reloc { code_offset: self.code_offset - cut_bytes, target: self.target }
    }
}

/// A word that code refers to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RelocTarget {
    /// The dispatch slot of a function of the same module and variant.
    Slot(DefinedFuncIndex),
    /// The budget of such a function, 32 bits. A constant of four bytes stands between the displacement and its instruction's end, from
    /// which it counts.
    Budget(DefinedFuncIndex),
    /// The word that holds the address of a helper in the engine.
    Helper(Helper),
    /// A word of what the code's own function [records](crate::abi::profile) of its calls.
    Profile(u32),
}

/// Helpers that code calls: where the processor lacks an instruction, SystemV all; and [`RecordTarget`](Helper::RecordTarget), which wants
/// the words of an indirect call in r11 and its target in rax, changes r10, r11 and flags, and leaves everything else as it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Helper {
    CeilF32,
    CeilF64,
    FloorF32,
    FloorF64,
    TruncF32,
    TruncF64,
    NearestF32,
    NearestF64,
    FmaF32,
    FmaF64,
    X86Pshufb,
    RecordTarget,
}

impl Helper {
    /// How many there are.
    pub const COUNT: usize = 12;

    /// All, in the order of their numbers.
    pub const ALL: [Helper; Helper::COUNT] = [
        Helper::CeilF32,
        Helper::CeilF64,
        Helper::FloorF32,
        Helper::FloorF64,
        Helper::TruncF32,
        Helper::TruncF64,
        Helper::NearestF32,
        Helper::NearestF64,
        Helper::FmaF32,
        Helper::FmaF64,
        Helper::X86Pshufb,
        Helper::RecordTarget,
    ];
}

const _: () = {
    let mut number = 0;
    while number < Helper::COUNT {
        assert!(Helper::ALL[number] as usize == number);
        number += 1;
    }
};

/// An instruction that may trap.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct TrapSite {
    /// Offset of the instruction.
    pub code_offset: u32,
    /// What its fault means.
    pub trap: TrapCode,
}

/// Wasm position of a code offset.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Offset of a trapping instruction, or of the instruction behind a call.
    pub code_offset: u32,
    /// Byte offset in the module; where a body is [inlined](InlinedBody), a number beyond the module's bytes.
    pub wasm_offset: u32,
}

/// A body in the place of a call. Each has a range of numbers of its own, which stand for positions in it: the same body may be in a function
/// several times.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct InlinedBody {
    /// Whose body.
    pub func: DefinedFuncIndex,
    /// The number of its first byte.
    pub first: u32,
    /// How many numbers it has.
    pub bytes: u32,
    /// Where the body is in the module.
    pub start: u32,
    /// Position of the call that it stands for: a number, if that is in an inlined body.
    pub call: u32,
}

impl InlinedBody {
    /// The first number behind its own.
    pub fn end(&self) -> u32 {
        self.first.saturating_add(self.bytes)
    }
}

/// The functions that a position of a function's code is in, from the inside, each with the byte offset in the module.
pub fn inlined_frames(
    func: DefinedFuncIndex,
    inlined: &[InlinedBody],
    position: u32,
) -> impl Iterator<Item = (DefinedFuncIndex, u32)> + '_ {
    let mut next = Some(position);
    std::iter::from_fn(move || {
        let position = next?;
        let at = inlined.partition_point(|body| body.first <= position);
        match at.checked_sub(1).map(|at| &inlined[at]).filter(|body| position < body.end()) {
            Some(body) => {
                next = Some(body.call);
                Some((body.func, body.start + (position - body.first)))
            }
            None => {
                next = None;
                Some((func, position))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{InlinedBody, SavedRegisters, inlined_frames};
    use crate::base::DefinedFuncIndex;

    #[test]
    fn positions_in_inlined_bodies_have_the_frames_of_the_calls() {
        let func = DefinedFuncIndex::from_u32;
        let inlined = [
            InlinedBody { func: func(1), first: 1000, bytes: 20, start: 300, call: 55 },
            InlinedBody { func: func(2), first: 1020, bytes: 10, start: 400, call: 1004 },
            InlinedBody { func: func(1), first: 1030, bytes: 20, start: 300, call: 60 },
        ];
        let frames =
            |position| inlined_frames(func(7), &inlined, position).map(|(func, at)| (func.as_u32(), at)).collect::<Vec<_>>();
        assert_eq!(frames(55), [(7, 55)]);
        assert_eq!(frames(1019), [(1, 319), (7, 55)]);
        assert_eq!(frames(1020), [(2, 400), (1, 304), (7, 55)]);
        assert_eq!(frames(1031), [(1, 301), (7, 60)]);
    }

    #[test]
    fn saved_registers_lie_below_an_even_number_of_words() {
        let places = |registers: &[u8]| {
            let mut saved = SavedRegisters::default();
            registers.iter().filter_map(|&register| SavedRegisters::position(register)).for_each(|at| saved.insert(at));
            saved.places().collect::<Vec<_>>()
        };
        assert_eq!(places(&[0, 4, 5, 11, 16]), []);
        assert_eq!(places(&[15, 3]), [(0, 16), (4, 8)]);
        assert_eq!(places(&[14, 12, 3]), [(0, 32), (1, 24), (3, 16)]);
    }
}
