//! Registers.

/// A general-purpose register, by its number in encodings.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gpr(pub u8);

/// A vector register, by its number in encodings.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Xmm(pub u8);

macro_rules! gprs {
    ($($name:ident = $number:literal;)*) => {
        impl Gpr { $(#[allow(missing_docs)] pub const $name: Gpr = Gpr($number);)* }
    };
}

gprs! {
    RAX = 0;
    RCX = 1;
    RDX = 2;
    RBX = 3;
    RSP = 4;
    RBP = 5;
    RSI = 6;
    RDI = 7;
    R8 = 8;
    R9 = 9;
    R10 = 10;
    R11 = 11;
    R12 = 12;
    R13 = 13;
    R14 = 14;
    R15 = 15;
}
