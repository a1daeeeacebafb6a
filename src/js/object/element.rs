//! Element types of typed arrays (§23.2, table 71), and how their values lie in bytes (§25.1.3.13 to §25.1.3.15).
#![forbid(unsafe_code)]

use crate::heap::backing::{Backing, Word};
use crate::js::convert::primitive::to_int32;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::value::Value;

/// An element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
#[repr(i32)]
pub enum Element {
    Int8,
    Uint8,
    Uint8Clamped,
    Int16,
    Uint16,
    Int32,
    Uint32,
    BigInt64,
    BigUint64,
    Float16,
    Float32,
    Float64,
}

use Element::{BigInt64, BigUint64, Float16, Float32, Float64, Int8, Int16, Int32, Uint8, Uint8Clamped, Uint16, Uint32};

impl Element {
    /// All of them, each at its number.
    pub const ALL: [Element; 12] =
        [Int8, Uint8, Uint8Clamped, Int16, Uint16, Int32, Uint32, BigInt64, BigUint64, Float16, Float32, Float64];

    /// By its number.
    #[inline(always)]
    pub fn of(number: i32) -> Element {
        usize::try_from(number).ok().and_then(|number| Element::ALL.get(number)).copied().unwrap_or(Int8)
    }

    /// How many bytes it has, as a power of two.
    #[inline(always)]
    pub fn shift(self) -> u32 {
        match self {
            Int8 | Uint8 | Uint8Clamped => 0,
            Int16 | Uint16 | Float16 => 1,
            Int32 | Uint32 | Float32 => 2,
            BigInt64 | BigUint64 | Float64 => 3,
        }
    }

    /// How many bytes it has.
    #[inline(always)]
    pub fn size(self) -> usize {
        1 << self.shift()
    }

    /// Whether its values are BigInts: [[ContentType]].
    #[inline(always)]
    pub fn is_bigint(self) -> bool {
        matches!(self, BigInt64 | BigUint64)
    }

    /// Whether its values are integers, and no clamped ones: those that atomic operations know.
    pub fn is_atomic(self) -> bool {
        !matches!(self, Uint8Clamped | Float16 | Float32 | Float64)
    }

    /// The name of the constructor, the constructor, its prototype.
    pub fn constructor(self) -> (Name, Intrinsic, Intrinsic) {
        match self {
            Int8 => (Name::Int8Array, Intrinsic::Int8Array, Intrinsic::Int8ArrayPrototype),
            Uint8 => (Name::Uint8Array, Intrinsic::Uint8Array, Intrinsic::Uint8ArrayPrototype),
            Uint8Clamped => (Name::Uint8ClampedArray, Intrinsic::Uint8ClampedArray, Intrinsic::Uint8ClampedArrayPrototype),
            Int16 => (Name::Int16Array, Intrinsic::Int16Array, Intrinsic::Int16ArrayPrototype),
            Uint16 => (Name::Uint16Array, Intrinsic::Uint16Array, Intrinsic::Uint16ArrayPrototype),
            Int32 => (Name::Int32Array, Intrinsic::Int32Array, Intrinsic::Int32ArrayPrototype),
            Uint32 => (Name::Uint32Array, Intrinsic::Uint32Array, Intrinsic::Uint32ArrayPrototype),
            BigInt64 => (Name::BigInt64Array, Intrinsic::BigInt64Array, Intrinsic::BigInt64ArrayPrototype),
            BigUint64 => (Name::BigUint64Array, Intrinsic::BigUint64Array, Intrinsic::BigUint64ArrayPrototype),
            Float16 => (Name::Float16Array, Intrinsic::Float16Array, Intrinsic::Float16ArrayPrototype),
            Float32 => (Name::Float32Array, Intrinsic::Float32Array, Intrinsic::Float32ArrayPrototype),
            Float64 => (Name::Float64Array, Intrinsic::Float64Array, Intrinsic::Float64ArrayPrototype),
        }
    }

    /// The bits of an element at a byte; nothing behind the end.
    #[inline]
    pub fn load(self, backing: &Backing, at: usize) -> Option<u64> {
        match self.shift() {
            0 => backing.load::<u8>(at).map(u64::from),
            1 => backing.load::<u16>(at).map(u64::from),
            2 => backing.load::<u32>(at).map(u64::from),
            _ => backing.load::<u64>(at),
        }
    }

    /// Writes the bits of an element at a byte. `false` behind the end.
    #[inline]
    pub fn store(self, backing: &Backing, at: usize, bits: u64) -> bool {
        match self.shift() {
            0 => backing.store(at, u8::from_u64(bits)),
            1 => backing.store(at, u16::from_u64(bits)),
            2 => backing.store(at, u32::from_u64(bits)),
            _ => backing.store(at, bits),
        }
    }

    /// The number that bits are. Those of BigInts are none.
    #[inline]
    pub fn number(self, bits: u64) -> Value {
        match self {
            Int8 => Value::int(i32::from(bits as u8 as i8)),
            Uint8 | Uint8Clamped => Value::int(i32::from(bits as u8)),
            Int16 => Value::int(i32::from(bits as u16 as i16)),
            Uint16 => Value::int(i32::from(bits as u16)),
            Int32 => Value::int(bits as u32 as i32),
            Uint32 => Value::number(f64::from(bits as u32)),
            Float16 => Value::number(f16_to_f64(bits as u16)),
            Float32 => Value::number(f64::from(f32::from_bits(bits as u32))),
            Float64 => Value::number(f64::from_bits(bits)),
            BigInt64 | BigUint64 => Value::UNDEFINED,
        }
    }

    /// The bits of a number, converted as the element type does.
    #[inline]
    pub fn bits_of_number(self, number: f64) -> u64 {
        match self {
            Int8 | Uint8 | Int16 | Uint16 | Int32 | Uint32 => u64::from(to_int32(number).cast_unsigned()),
            // ToUint8Clamp (§7.1.12); NaN becomes 0.
            Uint8Clamped => u64::from(number.clamp(0.0, 255.0).round_ties_even() as u8),
            Float16 => u64::from(f64_to_f16(number)),
            Float32 => u64::from((number as f32).to_bits()),
            Float64 => number.to_bits(),
            BigInt64 | BigUint64 => 0,
        }
    }
}

/// The number that the bits of a binary16 are.
pub fn f16_to_f64(bits: u16) -> f64 {
    let (exponent, fraction) = (bits >> 10 & 31, f64::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (fraction + 1024.0) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

/// The bits of the binary16 that is nearest to a number, of two the even one.
pub fn f64_to_f16(number: f64) -> u16 {
    let sign = (number.to_bits() >> 48) as u16 & 0x8000;
    let magnitude = number.abs();
    if number.is_nan() {
        return 0x7e00;
    }
    if magnitude >= 65520.0 {
        return sign | 0x7c00;
    }
    // The distance of two neighbours; below 2⁻¹⁴ it stays the same.
    let exponent = ((magnitude.to_bits() >> 52) as i32 - 1023).max(-14);
    // Exact but for the rounding: 0 to 2048 units.
    let units = (magnitude * 2f64.powi(10 - exponent)).round_ties_even() as u16;
    // A carry into the exponent is what it should be.
    sign | (units + ((exponent + 14) as u16 * 1024))
}

impl<'s> Cx<'s> {
    /// The value that bits of an element type are.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    #[inline]
    pub(in crate::js) fn element_value(&mut self, element: Element, bits: u64) -> Completion<Local<'s>> {
        match element {
            BigInt64 => self.new_bigint(&dashu_int::IBig::from(bits.cast_signed())),
            BigUint64 => self.new_bigint(&dashu_int::IBig::from(bits)),
            element => Ok(Local::of_plain(element.number(bits))),
        }
    }

    /// The bits of a value, converted by ToNumber or ToBigInt first.
    ///
    /// # Errors
    ///
    /// What the conversion throws.
    #[inline]
    pub(in crate::js) fn element_bits(&mut self, element: Element, value: Local<'s>) -> Completion<u64> {
        if element.is_bigint() {
            let bigint = self.to_bigint(value)?;
            return Ok(self.bigint_low_bits(bigint));
        }
        let number = match value.as_number() {
            Some(number) => number,
            None => self.to_number(value)?,
        };
        Ok(element.bits_of_number(number))
    }

    /// A BigInt modulo 2⁶⁴.
    pub(in crate::js) fn bigint_low_bits(&self, bigint: Local<'_>) -> u64 {
        let (heap, reference) = (&self.agent.heap, self.reference(bigint));
        let mut bytes = [0; 8];
        let count = 4 * heap.length(reference).min(2);
        heap.read_data(reference, crate::js::class::STRING_DATA, &mut bytes[..count as usize]);
        let magnitude = u64::from_le_bytes(bytes);
        if self.bigint(bigint) < dashu_int::IBig::ZERO { magnitude.wrapping_neg() } else { magnitude }
    }
}

#[cfg(test)]
mod tests {
    use super::{Element, f16_to_f64, f64_to_f16};

    #[test]
    fn half_floats_round_to_the_nearest_even() {
        for bits in (0..=0xffff_u16).filter(|bits| !f16_to_f64(*bits).is_nan()) {
            assert_eq!(f64_to_f16(f16_to_f64(bits)), bits);
        }
        assert_eq!(f64_to_f16(65519.99), 0x7bff);
        assert_eq!(f64_to_f16(65520.0), 0x7c00);
        assert_eq!((f64_to_f16(2f64.powi(-25)), f64_to_f16(2f64.powi(-25) * 1.0001), f64_to_f16(-0.0)), (0, 1, 0x8000));
        assert_eq!((f64_to_f16(2049.0), f64_to_f16(2051.0)), (f64_to_f16(2048.0), f64_to_f16(2052.0)));
        assert!(f16_to_f64(f64_to_f16(f64::NAN)).is_nan());
    }

    #[test]
    fn clamping_rounds_to_even() {
        let clamped = [f64::NAN, -1.0, 0.5, 1.5, 254.5, 255.5, f64::INFINITY].map(|n| Element::Uint8Clamped.bits_of_number(n));
        assert_eq!(clamped, [0, 0, 0, 2, 254, 255, 255]);
    }
}
