//! Operands that are not registers.

use crate::asm::x64::register::Gpr;

/// How much of a general-purpose register an instruction works on. 32 bits clear the upper half.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Width {
    /// 32 bits.
    W32,
    /// 64 bits.
    W64,
}

impl Width {
    /// The bit of the REX prefix.
    #[inline]
    pub(super) fn rex_w(self) -> bool {
        self == Width::W64
    }

    /// Bits.
    pub fn bits(self) -> u8 {
        if self == Width::W64 { 64 } else { 32 }
    }
}

/// `[base + index * 2^scale + displacement]`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Mem {
    /// The base.
    pub base: Gpr,
    /// The index, which is not rsp.
    pub index: Option<Gpr>,
    /// Binary logarithm of what the index is multiplied with.
    pub scale: u8,
    /// The displacement.
    pub displacement: i32,
}

impl Mem {
    /// A base and a displacement.
    #[inline]
    pub fn at(base: Gpr, displacement: i32) -> Mem {
        Mem { base, index: None, scale: 0, displacement }
    }

    /// A base, an index and a displacement.
    #[inline]
    pub fn indexed(base: Gpr, index: Gpr, scale: u8, displacement: i32) -> Mem {
        debug_assert!(index != Gpr::RSP && scale < 4);
        Mem { base, index: Some(index), scale, displacement }
    }
}

/// What a conditional instruction asks of the flags, by its number in encodings. The lowest bit negates.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Condition {
    Overflow = 0,
    NoOverflow = 1,
    Below = 2,
    AboveEqual = 3,
    Equal = 4,
    NotEqual = 5,
    BelowEqual = 6,
    Above = 7,
    Negative = 8,
    NotNegative = 9,
    Parity = 10,
    NoParity = 11,
    Less = 12,
    GreaterEqual = 13,
    LessEqual = 14,
    Greater = 15,
}

impl Condition {
    /// The opposite.
    pub fn negated(self) -> Condition {
        use Condition::*;
        match self {
            Overflow => NoOverflow,
            NoOverflow => Overflow,
            Below => AboveEqual,
            AboveEqual => Below,
            Equal => NotEqual,
            NotEqual => Equal,
            BelowEqual => Above,
            Above => BelowEqual,
            Negative => NotNegative,
            NotNegative => Negative,
            Parity => NoParity,
            NoParity => Parity,
            Less => GreaterEqual,
            GreaterEqual => Less,
            LessEqual => Greater,
            Greater => LessEqual,
        }
    }

    /// The same with the operands exchanged.
    pub fn swapped(self) -> Condition {
        use Condition::*;
        match self {
            Below => Above,
            AboveEqual => BelowEqual,
            BelowEqual => AboveEqual,
            Above => Below,
            Less => Greater,
            GreaterEqual => LessEqual,
            LessEqual => GreaterEqual,
            Greater => Less,
            other => other,
        }
    }
}
