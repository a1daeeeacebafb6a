//! Library functions for processors that lack an instruction, and one that records calls. [`Helper`] names them; code reaches them through
//! words in its space.
//!
//! The former use the SystemV convention, as Cranelift's library calls do, and give what WebAssembly asks for: rounding that keeps the sign
//! of zero and makes quiet NaNs, fused multiplication with one rounding.

use std::arch::naked_asm;
use std::arch::x86_64::__m128i;

use crate::abi::artifact::Helper;
use crate::abi::profile::TARGETS;

/// The address of each helper, by its number.
pub fn addresses() -> [usize; Helper::COUNT] {
    let mut addresses = [0; Helper::COUNT];
    for (helper, address) in TABLE {
        addresses[helper as usize] = address as usize;
    }
    addresses
}

const TABLE: [(Helper, *const ()); Helper::COUNT] = [
    (Helper::CeilF32, ceil_f32 as *const ()),
    (Helper::CeilF64, ceil_f64 as *const ()),
    (Helper::FloorF32, floor_f32 as *const ()),
    (Helper::FloorF64, floor_f64 as *const ()),
    (Helper::TruncF32, trunc_f32 as *const ()),
    (Helper::TruncF64, trunc_f64 as *const ()),
    (Helper::NearestF32, nearest_f32 as *const ()),
    (Helper::NearestF64, nearest_f64 as *const ()),
    (Helper::FmaF32, fma_f32 as *const ()),
    (Helper::FmaF64, fma_f64 as *const ()),
    (Helper::X86Pshufb, x86_pshufb as *const ()),
    (Helper::RecordTarget, record_target as *const ()),
];

/// WebAssembly wants a quiet NaN; Rust leaves open whether an operation makes one.
fn quiet_f32(nan: f32) -> f32 {
    f32::from_bits(nan.to_bits() | 1 << 22)
}

/// As `quiet_f32`.
fn quiet_f64(nan: f64) -> f64 {
    f64::from_bits(nan.to_bits() | 1 << 51)
}

extern "sysv64" fn ceil_f32(x: f32) -> f32 {
    if x.is_nan() { quiet_f32(x) } else { x.ceil() }
}

extern "sysv64" fn ceil_f64(x: f64) -> f64 {
    if x.is_nan() { quiet_f64(x) } else { x.ceil() }
}

extern "sysv64" fn floor_f32(x: f32) -> f32 {
    if x.is_nan() { quiet_f32(x) } else { x.floor() }
}

extern "sysv64" fn floor_f64(x: f64) -> f64 {
    if x.is_nan() { quiet_f64(x) } else { x.floor() }
}

extern "sysv64" fn trunc_f32(x: f32) -> f32 {
    if x.is_nan() { quiet_f32(x) } else { x.trunc() }
}

extern "sysv64" fn trunc_f64(x: f64) -> f64 {
    if x.is_nan() { quiet_f64(x) } else { x.trunc() }
}

extern "sysv64" fn nearest_f32(x: f32) -> f32 {
    if x.is_nan() { quiet_f32(x) } else { x.round_ties_even() }
}

extern "sysv64" fn nearest_f64(x: f64) -> f64 {
    if x.is_nan() { quiet_f64(x) } else { x.round_ties_even() }
}

extern "sysv64" fn fma_f32(x: f32, y: f32, z: f32) -> f32 {
    x.mul_add(y, z)
}

extern "sysv64" fn fma_f64(x: f64, y: f64, z: f64) -> f64 {
    x.mul_add(y, z)
}

/// `pshufb`: byte `i` of the result is byte `mask[i] & 15` of `bytes`, or 0 if the mask's top bit is set.
#[expect(improper_ctypes_definitions, reason = "the SystemV convention has registers for vectors, and rustc uses them")]
extern "sysv64" fn x86_pshufb(bytes: __m128i, mask: __m128i) -> __m128i {
    let (bytes, mask) = (to_bytes(bytes), to_bytes(mask));
    let shuffled = mask.map(|index| if index & 0x80 == 0 { bytes[usize::from(index & 15)] } else { 0 });
    // SAFETY: both are 16 bytes, and every bit pattern is a vector.
    unsafe { std::mem::transmute::<[u8; 16], __m128i>(shuffled) }
}

const _: () = assert!(TARGETS == 3, "`record_target` has so many pairs written out");

/// Counts the target of an indirect call ([`abi::profile`](crate::abi::profile)) that is not the first: eax has the target, r11 the address of
/// the call's words. A target that was not met before takes the first free pair; behind the last pair others are counted together.
#[unsafe(naked)]
extern "C" fn record_target() {
    naked_asm!(
        "cmp dword ptr [r11], 0",
        "je 2f",
        "cmp dword ptr [r11], eax",
        "je 3f",
        "add r11, 8",
        "cmp dword ptr [r11], 0",
        "je 2f",
        "cmp dword ptr [r11], eax",
        "je 3f",
        "add r11, 8",
        "cmp dword ptr [r11], 0",
        "je 2f",
        "cmp dword ptr [r11], eax",
        "je 3f",
        "inc dword ptr [r11 + 12]",
        "ret",
        "2:",
        "mov dword ptr [r11], eax",
        "3:",
        "inc dword ptr [r11 + 4]",
        "ret",
    )
}

fn to_bytes(vector: __m128i) -> [u8; 16] {
    // SAFETY: both are 16 bytes, and every bit pattern is a byte array.
    unsafe { std::mem::transmute::<__m128i, [u8; 16]>(vector) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_helper_has_its_own_address_in_its_place() {
        for (position, (helper, address)) in TABLE.into_iter().enumerate() {
            assert_eq!(helper as usize, position);
            assert_eq!(addresses()[position], address as usize);
        }
        let mut distinct = addresses().to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), Helper::COUNT);
    }

    #[test]
    fn rounding_keeps_the_sign_of_zero_and_quiets_nan() {
        assert_eq!(ceil_f64(-0.5).to_bits(), (-0.0f64).to_bits());
        assert_eq!(trunc_f32(-0.5).to_bits(), (-0.0f32).to_bits());
        assert_eq!(nearest_f32(-0.5).to_bits(), (-0.0f32).to_bits());
        assert_eq!((nearest_f64(2.5), nearest_f64(3.5), nearest_f32(-1.5)), (2.0, 4.0, -2.0));
        assert_eq!((floor_f32(-0.5), floor_f64(1.9), ceil_f32(1.1), trunc_f64(-1.9)), (-1.0, 1.0, 2.0, -1.0));
        let signalling = std::hint::black_box(f64::from_bits(0x7ff0_0000_0000_0001));
        for quiet in [ceil_f64(signalling), floor_f64(signalling), trunc_f64(signalling), nearest_f64(signalling)] {
            assert_eq!(quiet.to_bits() & (1 << 51), 1 << 51);
        }
        let signalling = std::hint::black_box(f32::from_bits(0x7f80_0001));
        for quiet in [ceil_f32(signalling), floor_f32(signalling), trunc_f32(signalling), nearest_f32(signalling)] {
            assert_eq!(quiet.to_bits() & (1 << 22), 1 << 22);
        }
    }

    #[test]
    fn fma_rounds_once() {
        let x = 1.0 + f64::EPSILON;
        assert_eq!(fma_f64(x, x, -(x * x)), f64::EPSILON * f64::EPSILON);
        let x = 1.0 + f32::EPSILON;
        assert_eq!(fma_f32(x, x, -(x * x)), f32::EPSILON * f32::EPSILON);
    }

    #[test]
    fn the_first_targets_are_counted_apart() {
        let mut words = [0_u32; 8];
        for target in [40_u32, 8, 8, 16, 40, 24, 16, 32, 8, 16] {
            // SAFETY: the helper reads and writes the eight words, and changes the registers that are named.
            unsafe {
                std::arch::asm!("call {helper}", helper = in(reg) record_target as *const (), in("rax") u64::from(target) | 1 << 40,
                    inout("r11") words.as_mut_ptr() => _, out("r10") _);
            }
        }
        assert_eq!(words, [40, 2, 8, 3, 16, 3, 0, 2]);
    }

    #[test]
    fn pshufb_selects_and_clears() {
        let vector = |bytes: [u8; 16]| {
            // SAFETY: both are 16 bytes, and every bit pattern is a vector.
            unsafe { std::mem::transmute::<[u8; 16], __m128i>(bytes) }
        };
        let bytes: [u8; 16] = std::array::from_fn(|i| 100 + i as u8);
        let mut mask = [0x1f; 16];
        mask[1] = 0x80;
        mask[2] = 3;
        let mut expected = [115; 16];
        expected[1] = 0;
        expected[2] = 103;
        assert_eq!(to_bytes(x86_pshufb(vector(bytes), vector(mask))), expected);
    }
}
