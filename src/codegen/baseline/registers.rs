//! Which registers the baseline tier uses for what.
//!
//! | register | use |
//! |---|---|
//! | r15 | vmctx |
//! | r14 | base of memory 0, where that is a constant of the instance |
//! | r11, xmm15 | between two instructions of one operator |
//! | rbx r12 r13 | values that outlive calls; never references of the heap, which the collector finds in the frame only |
//! | all others | values |

use crate::asm::x64::{Gpr, Xmm};

/// A register that can hold a value: 0 to 15 are general-purpose, 16 to 31 vector registers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Reg(u8);

impl Reg {
    #[inline]
    pub(super) fn gpr(self) -> Gpr {
        debug_assert!(!self.is_xmm());
        Gpr(self.0)
    }

    #[inline]
    pub(super) fn xmm(self) -> Xmm {
        debug_assert!(self.is_xmm());
        Xmm(self.0 & 15)
    }

    #[inline]
    pub(super) fn is_xmm(self) -> bool {
        self.0 >= 16
    }

    /// Its number, and back.
    #[inline]
    pub(super) fn number(self) -> u8 {
        self.0
    }

    #[inline]
    pub(super) fn of_number(number: u8) -> Reg {
        Reg(number & 31)
    }

    #[inline]
    pub(super) fn index(self) -> usize {
        usize::from(self.0 & 31)
    }

    #[inline]
    pub(super) fn set(self) -> RegSet {
        RegSet(1 << self.0)
    }
}

impl From<Gpr> for Reg {
    #[inline]
    fn from(gpr: Gpr) -> Reg {
        Reg(gpr.0)
    }
}

impl From<Xmm> for Reg {
    #[inline]
    fn from(xmm: Xmm) -> Reg {
        Reg(16 + xmm.0)
    }
}

/// A set of registers.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RegSet(u32);

impl RegSet {
    pub(super) const EMPTY: RegSet = RegSet(0);

    pub(super) const fn of_gprs<const N: usize>(gprs: [Gpr; N]) -> RegSet {
        let mut bits = 0;
        let mut at = 0;
        while at < N {
            bits |= 1 << gprs[at].0;
            at += 1;
        }
        RegSet(bits)
    }

    #[inline]
    pub(super) const fn union(self, other: RegSet) -> RegSet {
        RegSet(self.0 | other.0)
    }

    #[inline]
    pub(super) const fn minus(self, other: RegSet) -> RegSet {
        RegSet(self.0 & !other.0)
    }

    #[inline]
    pub(super) const fn intersection(self, other: RegSet) -> RegSet {
        RegSet(self.0 & other.0)
    }

    #[inline]
    pub(super) fn contains(self, reg: Reg) -> bool {
        self.0 & reg.set().0 != 0
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(super) fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The first register.
    #[inline]
    pub(super) fn first(self) -> Option<Reg> {
        if self.0 == 0 { None } else { Some(Reg(self.0.trailing_zeros() as u8)) }
    }
}

impl Iterator for RegSet {
    type Item = Reg;

    fn next(&mut self) -> Option<Reg> {
        let first = self.first()?;
        self.0 &= self.0 - 1;
        Some(first)
    }
}

/// The instance.
pub(super) const VMCTX: Gpr = Gpr::R15;
/// The base of memory 0.
pub(super) const MEMORY: Gpr = Gpr::R14;
/// Free between two instructions of one operator.
pub(super) const SCRATCH: Gpr = Gpr::R11;
/// The same for floats and vectors.
pub(super) const FLOAT_SCRATCH: Xmm = Xmm(15);

/// Registers for values that calls preserve.
pub(super) const PRESERVED: RegSet = RegSet::of_gprs([Gpr::RBX, Gpr::R12, Gpr::R13]);
/// Registers for integers that calls do not preserve.
pub(super) const VOLATILE_GPRS: RegSet =
    RegSet::of_gprs([Gpr::RAX, Gpr::RCX, Gpr::RDX, Gpr::RSI, Gpr::RDI, Gpr::R8, Gpr::R9, Gpr::R10]);
/// All registers for integers.
pub(super) const GPRS: RegSet = PRESERVED.union(VOLATILE_GPRS);
/// All registers for floats and vectors; calls preserve none.
pub(super) const XMMS: RegSet = RegSet(0x7fff_0000);
/// What calls do not preserve.
pub(super) const VOLATILE: RegSet = VOLATILE_GPRS.union(XMMS);

/// Arguments, in the order of [`abi::call`](crate::abi::call).
pub(super) const INT_ARGS: [Gpr; 6] = [Gpr::RDI, Gpr::RSI, Gpr::RDX, Gpr::RCX, Gpr::R8, Gpr::R9];
/// Results, in the same order.
pub(super) const INT_RESULTS: [Gpr; 8] = [Gpr::RAX, Gpr::RCX, Gpr::RDX, Gpr::RSI, Gpr::RDI, Gpr::R8, Gpr::R9, Gpr::R10];
