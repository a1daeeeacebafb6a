//! Where values are: the locals and the operand stack, each in a register, in its slot of the frame, or a constant.
//!
//! Several values may be in one register: a copy made by `local.get` costs nothing until one of them changes. A value has a slot of its own
//! from the start, in the order of the stack; it is written when the register is needed for something else. What is in a register
//! may be in its slot as well (`saved`), and is dropped from the register then without a store. A slot is 8 bytes, or 16 for a vector, which is
//! not aligned more than others.
//!
//! **Bounded work:** locals from the 64th on are always in their slots, and so are operands that lie deeper than 16 below a block's
//! start. What is saved and compared at a label is bounded by that, whatever the function.

use std::fmt;

use crate::abi::osr::STATE_BELOW_FP;
use crate::asm::x64::{Gpr, Mem};
use crate::codegen::baseline::registers::{Reg, RegSet};
pub(super) use crate::codegen::common::kind::Kind;

/// Locals that may be in registers.
pub(super) const TRACKED_LOCALS: usize = 64;
/// Operands below a block's start that may be in registers.
pub(super) const TRACKED_OPERANDS: usize = 16;
/// Bytes below the frame pointer where registers are saved.
pub(super) const SAVE_AREA_BYTES: u32 = STATE_BELOW_FP;

/// Where a value is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Loc {
    Reg(Reg),
    /// Known: its bits, zero-extended. The only vector that is known so is zero.
    Const(u64),
    /// In its slot.
    Slot,
}

/// A local or an operand: two words. What is written and copied as words, and not in pieces of other sizes, the processor need not wait for.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// If it is known: its bits, zero-extended. Zero of others.
    bits: u64,
    /// From the lowest byte: its register, or another place; its kind; whether its slot holds it too; and, in the upper half, its slot.
    word: u64,
}

/// The places of a value that are no registers.
const CONST: u8 = 0xfe;
const SLOT: u8 = 0xff;
const SAVED: u64 = 1 << 16;

impl Value {
    /// A value whose slot does not hold it, unless it is there. `offset` is bytes below the save area to the slot's first byte.
    #[inline]
    pub(super) fn new(kind: Kind, loc: Loc, offset: u32) -> Value {
        Value { bits: 0, word: u64::from(offset) << 32 | u64::from(kind as u8) << 8 }.with_loc(loc)
    }

    /// The same value elsewhere.
    #[inline]
    pub(super) fn with_loc(self, loc: Loc) -> Value {
        let (place, bits) = match loc {
            Loc::Reg(reg) => (reg.number(), 0),
            Loc::Const(bits) => (CONST, bits),
            Loc::Slot => (SLOT, 0),
        };
        Value { bits, word: self.word & !0xff | u64::from(place) }
    }

    /// The same value at one place, and nowhere else.
    #[inline]
    pub(super) fn only_at(self, loc: Loc) -> Value {
        let mut value = self.with_loc(loc);
        value.set_saved(false);
        value
    }

    #[inline]
    pub(super) fn loc(&self) -> Loc {
        match self.word as u8 {
            SLOT => Loc::Slot,
            CONST => Loc::Const(self.bits),
            number => Loc::Reg(Reg::of_number(number)),
        }
    }

    /// Whether both are in one register.
    #[inline]
    pub(super) fn is_in_register_of(&self, other: &Value) -> bool {
        let place = self.word as u8;
        place < CONST && place == other.word as u8
    }

    #[inline]
    pub(super) fn kind(&self) -> Kind {
        Kind::of_number((self.word >> 8) as u8)
    }

    /// Whether its slot holds it too.
    #[inline]
    pub(super) fn is_saved(&self) -> bool {
        self.word & SAVED != 0
    }

    #[inline]
    pub(super) fn set_saved(&mut self, is_saved: bool) {
        self.word = self.word & !SAVED | if is_saved { SAVED } else { 0 };
    }

    /// Its slot: bytes below the save area to the slot's first byte.
    #[inline]
    pub(super) fn offset(&self) -> u32 {
        (self.word >> 32) as u32
    }

    /// Its slot.
    #[inline]
    pub(super) fn slot(&self) -> Mem {
        slot(self.offset())
    }

    /// Whether its slot holds it.
    #[inline]
    pub(super) fn is_in_slot(&self) -> bool {
        self.is_saved() || self.word as u8 == SLOT
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}, slot {}", self.kind(), self.loc(), self.offset())?;
        if self.is_saved() { f.write_str(" saved") } else { Ok(()) }
    }
}

/// A slot of the frame.
#[inline]
pub(super) fn slot(offset: u32) -> Mem {
    Mem::at(Gpr::RBP, -((SAVE_AREA_BYTES + offset).cast_signed()))
}

/// A reference that stays in its slot, see [`Values`].
#[derive(Copy, Clone, Debug)]
pub(super) struct Deep {
    pub offset: u32,
    pub before: u32,
}

/// Some of the tracked locals, by index; in order when iterated over.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(u64);

const _: () = assert!(TRACKED_LOCALS <= 64);

impl Bits {
    #[inline]
    pub(super) fn set(&mut self, index: usize, is_in: bool) {
        self.0 = self.0 & !(1 << index) | u64::from(is_in) << index;
    }

    #[inline]
    pub(super) fn contains(self, index: usize) -> bool {
        self.0 >> index & 1 != 0
    }

    #[inline]
    pub(super) fn union(self, other: Bits) -> Bits {
        Bits(self.0 | other.0)
    }

    #[inline]
    pub(super) fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

impl Iterator for Bits {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let index = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        (index < u64::BITS).then_some(index as usize)
    }
}

impl DoubleEndedIterator for Bits {
    #[inline]
    fn next_back(&mut self) -> Option<usize> {
        let index = self.0.checked_ilog2()?;
        self.0 ^= 1 << index;
        Some(index as usize)
    }
}

/// All values, and how many of them each register holds.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub list: Vec<Value>,
    uses: [u32; 32],
    /// When each register was last given a value, or another copy of the one that it has.
    used_at: [u32; 32],
    /// How many times that happened.
    clock: u32,
    used: RegSet,
    pub local_count: usize,
    /// Tracked locals that are elsewhere than in their slots. Most are not, most of the time: nobody looks through all of them.
    outside: Bits,
    /// The first operand that may be elsewhere than in its slot.
    pub window: usize,
    /// Operands below it are in no register: a deep stack is not looked through again and again.
    pub floor: usize,
    /// References in slots that hold them for long: locals beyond the tracked ones, and operands below [`listed`](Self::listed), each
    /// with the one before it.
    pub deep_references: Vec<Deep>,
    /// The last of those that are still there, counted from 1.
    last_deep: u32,
    /// Operands below it, which are all below the floor, were looked through for references.
    listed: usize,
    /// Bytes of slots that belong to no value.
    pub base_bytes: u32,
    /// Most bytes of slots so far.
    pub slot_bytes: u32,
    /// Registers that were ever used.
    pub touched: RegSet,
}

impl Values {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.uses = [0; 32];
        (self.used_at, self.clock) = ([0; 32], 0);
        self.used = RegSet::EMPTY;
        self.touched = RegSet::EMPTY;
        self.deep_references.clear();
        (self.last_deep, self.listed) = (0, 0);
        self.outside = Bits::default();
        (self.local_count, self.window, self.floor, self.base_bytes, self.slot_bytes) = (0, 0, 0, 0, 0);
    }

    /// Registers that hold values.
    #[inline]
    pub(super) fn used(&self) -> RegSet {
        self.used
    }

    /// How many values a register holds.
    #[inline]
    pub(super) fn uses(&self, reg: Reg) -> u32 {
        self.uses[reg.index()]
    }

    #[inline]
    pub(super) fn hold(&mut self, loc: Loc) {
        if let Loc::Reg(reg) = loc {
            self.clock += 1;
            self.used_at[reg.index()] = self.clock;
            self.hold_again(reg);
        }
    }

    /// The same where it is no use: a state that was before is brought back.
    #[inline]
    fn hold_again(&mut self, reg: Reg) {
        self.uses[reg.index()] += 1;
        self.used = self.used.union(reg.set());
        self.touched = self.touched.union(reg.set());
    }

    /// The one of some registers whose values were used longest ago.
    pub(super) fn least_recently_used(&self, among: RegSet) -> Option<Reg> {
        self.used.intersection(among).min_by_key(|reg| self.used_at[reg.index()])
    }

    #[inline]
    pub(super) fn release(&mut self, loc: Loc) {
        if let Loc::Reg(reg) = loc {
            self.uses[reg.index()] -= 1;
            if self.uses[reg.index()] == 0 {
                self.used = self.used.minus(reg.set());
            }
        }
    }

    /// Bytes of the slots below a position.
    pub(super) fn bytes_below(&self, position: usize) -> u32 {
        if position == 0 { self.base_bytes } else { self.list[position - 1].offset() }
    }

    /// Adds a value on top.
    #[inline]
    pub(super) fn push(&mut self, kind: Kind, loc: Loc) {
        let offset = self.bytes_below(self.list.len()) + kind.slot_bytes();
        self.slot_bytes = self.slot_bytes.max(offset);
        self.hold(loc);
        self.list.push(Value::new(kind, loc, offset));
    }

    /// Takes the topmost value off. What held it still does not hold anything else until something is allocated.
    #[inline]
    pub(super) fn pop(&mut self) -> Value {
        let value = self.list.pop().expect("validation has counted the operands");
        self.release(value.loc());
        self.window = self.window.min(self.list.len());
        self.floor = self.floor.min(self.list.len());
        self.listed = self.listed.min(self.list.len());
        value
    }

    /// Operands below a position stay in their slots.
    pub(super) fn raise_window(&mut self, window: usize) {
        self.window = self.window.max(window);
        self.floor = self.floor.max(window);
    }

    /// The operands that may be in registers.
    #[inline]
    pub(super) fn operands(&self) -> std::ops::Range<usize> {
        self.floor.max(self.window).max(self.local_count)..self.list.len()
    }

    /// How many locals may be in registers.
    #[inline]
    pub(super) fn tracked(&self) -> usize {
        self.local_count.min(TRACKED_LOCALS)
    }

    /// The locals that are elsewhere than in their slots, in order.
    #[inline]
    pub(super) fn outside(&self) -> Bits {
        self.outside
    }

    /// What was pushed so far are the locals.
    pub(super) fn begin_operands(&mut self) {
        let total = self.list.len();
        (self.local_count, self.window) = (total, total);
        for index in 0..self.tracked() {
            self.outside.set(index, self.list[index].loc() != Loc::Slot);
        }
    }

    /// Adds the slots that hold references of the heap to a list, but for those that lie deep, which are looked through once: of them it
    /// gives the last, counted from 1.
    pub(super) fn list_references(&mut self, to: &mut Vec<u32>) -> u32 {
        let offset_in_slot = |value: &Value| (value.kind() == Kind::Ref && value.is_in_slot()).then_some(value.offset());
        to.extend(self.list[..self.tracked()].iter().filter_map(offset_in_slot));
        // Those of operands that were taken off since lie above the slots of those that are left.
        let listed = self.listed.max(self.local_count);
        let end = self.bytes_below(listed);
        while let Some(deep) =
            self.last_deep.checked_sub(1).map(|at| self.deep_references[at as usize]).filter(|deep| deep.offset > end)
        {
            self.last_deep = deep.before;
        }
        let floor = self.operands().start.max(listed);
        for index in listed..floor {
            if let Some(offset) = offset_in_slot(&self.list[index]) {
                self.add_deep(offset);
            }
        }
        self.listed = floor;
        to.extend(self.list[floor..].iter().filter_map(offset_in_slot));
        self.last_deep
    }

    fn add_deep(&mut self, offset: u32) {
        self.deep_references.push(Deep { offset, before: self.last_deep });
        self.last_deep = self.deep_references.len() as u32;
    }

    /// Notes the locals beyond the tracked ones that are references.
    pub(super) fn list_untracked(&mut self) {
        for index in TRACKED_LOCALS..self.local_count {
            if self.list[index].kind() == Kind::Ref {
                self.add_deep(self.list[index].offset());
            }
        }
    }

    /// Moves a value.
    #[inline]
    pub(super) fn set_loc(&mut self, index: usize, loc: Loc) {
        self.hold(loc);
        let old = self.list[index];
        self.list[index] = old.with_loc(loc);
        self.release(old.loc());
        if index < self.tracked() {
            self.outside.set(index, loc != Loc::Slot);
        }
    }

    /// Takes off what is above a height.
    pub(super) fn truncate(&mut self, height: usize) {
        while self.list.len() > height {
            self.pop();
        }
    }

    /// What [`restore`](Self::restore) needs, added to a list: the locals [outside](Self::outside) of their slots, and operands.
    pub(super) fn save(&self, to: &mut Vec<Value>) {
        to.extend(self.outside.map(|index| self.list[index]));
        to.extend_from_slice(&self.list[self.window.max(self.local_count)..]);
    }

    /// Brings back what was saved with this window and height, and these locals outside of their slots.
    pub(super) fn restore(&mut self, window: usize, height: usize, outside: Bits, saved: &[Value]) {
        self.uses = [0; 32];
        self.used = RegSet::EMPTY;
        (self.window, self.floor) = (window, window);
        self.listed = self.listed.min(window);
        // Operands that were there then and are below are untouched; those above come from the list.
        self.list.truncate(height);
        let (of_locals, of_operands) = saved.split_at(outside.count());
        for index in self.outside {
            let value = &mut self.list[index];
            *value = value.only_at(Loc::Slot);
        }
        for (index, value) in outside.zip(of_locals) {
            self.list[index] = *value;
        }
        self.outside = outside;
        self.list.truncate(window.max(self.local_count));
        self.list.extend_from_slice(of_operands);
        debug_assert_eq!(self.list.len(), height);
        for value in saved {
            if let Loc::Reg(reg) = value.loc() {
                self.hold_again(reg);
            }
        }
    }
}
