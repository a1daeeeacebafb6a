//! `--invoke`: arguments from text, results as text. What is printed can be given as an argument again.

use std::ffi::OsString;

use deltic::{FuncType, RefType, Val, ValType};

/// The arguments of a function.
pub fn parse_args(ty: &FuncType, args: &[OsString]) -> Result<Vec<Val>, String> {
    if args.len() != ty.params.len() {
        return Err(format!("{} arguments for a function of type {ty}", args.len()));
    }
    ty.params.iter().zip(args).map(|(&ty, arg)| parse(ty, &arg.to_string_lossy())).collect()
}

fn parse(ty: ValType, text: &str) -> Result<Val, String> {
    let value = match ty {
        ValType::I32 => integer(text, 32).map(|bits| Val::I32(bits as i32)),
        ValType::I64 => integer(text, 64).map(|bits| Val::I64(bits as i64)),
        ValType::F32 => f32_bits(text).map(Val::F32),
        ValType::F64 => f64_bits(text).map(Val::F64),
        ValType::V128 => text.strip_prefix("0x").and_then(|hex| u128::from_str_radix(hex, 16).ok()).map(Val::V128),
        ValType::Ref(RefType { nullable: true, .. }) if text == "null" => Val::default_for(ty),
        ValType::Ref(_) => None,
    };
    value.ok_or_else(|| format!("\"{text}\" is not a value of type {ty}"))
}

/// An integer of so many bits, signed or unsigned, decimal or hexadecimal.
fn integer(text: &str, bits: u32) -> Option<u64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let magnitude = match digits.strip_prefix("0x") {
        Some(hex) if !hex.starts_with(['+', '-']) => u64::from_str_radix(hex, 16).ok()?,
        _ if digits.starts_with(['+', '-']) => return None,
        _ => digits.parse().ok()?,
    };
    let most = if negative { 1 << (bits - 1) } else { u64::MAX >> (64 - bits) };
    let value = if negative { magnitude.wrapping_neg() } else { magnitude };
    (magnitude <= most).then_some(value)
}

/// Sign and payload of `nan:0x…`, the text format's way to write a NaN.
fn nan_payload(text: &str) -> Option<(bool, u64)> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    Some((negative, u64::from_str_radix(text.strip_prefix("nan:0x")?, 16).ok()?))
}

fn f32_bits(text: &str) -> Option<u32> {
    match nan_payload(text) {
        Some((negative, payload)) => {
            let payload = u32::try_from(payload).ok().filter(|payload| (1..1 << 23).contains(payload))?;
            Some(u32::from(negative) << 31 | 0x7f80_0000 | payload)
        }
        None => text.parse().ok().map(f32::to_bits),
    }
}

fn f64_bits(text: &str) -> Option<u64> {
    match nan_payload(text) {
        Some((negative, payload)) => {
            let payload = Some(payload).filter(|payload| (1..1 << 52).contains(payload))?;
            Some(u64::from(negative) << 63 | 0x7ff0_0000_0000_0000 | payload)
        }
        None => text.parse().ok().map(f64::to_bits),
    }
}

/// A value as text.
pub fn show(value: Val) -> String {
    match value {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(bits) => {
            let value = f32::from_bits(bits);
            if value.is_nan() {
                nan(bits >> 31 != 0, u64::from(bits & 0x7f_ffff), 1 << 22)
            } else {
                float(value, value.abs().into())
            }
        }
        Val::F64(bits) => {
            let value = f64::from_bits(bits);
            if value.is_nan() { nan(bits >> 63 != 0, bits & 0xf_ffff_ffff_ffff, 1 << 51) } else { float(value, value.abs()) }
        }
        Val::V128(value) => format!("{value:#034x}"),
        Val::FuncRef(Some(_)) => "funcref".into(),
        Val::ExternRef(Some(_)) => "externref".into(),
        Val::AnyRef(Some(_)) => "anyref".into(),
        Val::ExnRef(Some(_)) => "exnref".into(),
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => "null".into(),
    }
}

fn nan(negative: bool, payload: u64, canonical: u64) -> String {
    let sign = if negative { "-" } else { "" };
    if payload == canonical { format!("{sign}nan") } else { format!("{sign}nan:{payload:#x}") }
}

/// The shortest digits that give the same number again.
fn float<F: std::fmt::Display + std::fmt::LowerExp>(value: F, magnitude: f64) -> String {
    if magnitude == 0.0 || magnitude.is_infinite() || (1e-5..1e16).contains(&magnitude) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_both_signs_and_both_bases() {
        for (text, value) in [("-1", -1), ("4294967295", -1), ("0xffffffff", -1), ("-0x80000000", i32::MIN), ("7", 7)] {
            assert_eq!(parse(ValType::I32, text), Ok(Val::I32(value)), "{text}");
        }
        for wrong in ["", "-", "4294967296", "-2147483649", "1.0", "+-1", "0x", "0x-1", "--1"] {
            assert!(parse(ValType::I32, wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse(ValType::I64, "18446744073709551615"), Ok(Val::I64(-1)));
        assert_eq!(parse(ValType::I64, "-9223372036854775808"), Ok(Val::I64(i64::MIN)));
    }

    #[test]
    fn floats_parse_back() {
        let singles = [0.0f32, -0.0, 1.0, 0.1, f32::MAX, f32::MIN_POSITIVE, 1e-45, f32::INFINITY, f32::NEG_INFINITY];
        for value in singles.map(f32::to_bits).into_iter().chain([0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff]) {
            let text = show(Val::F32(value));
            assert_eq!(parse(ValType::F32, &text), Ok(Val::F32(value)), "{text}");
        }
        let doubles = [0.0f64, -0.0, 1.0 / 3.0, f64::MAX, 5e-324, 1e16, 123_456_789.0, f64::NEG_INFINITY];
        for value in doubles.map(f64::to_bits).into_iter().chain([0x7ff8_0000_0000_0000, 0xfff0_0000_0000_0001]) {
            let text = show(Val::F64(value));
            assert_eq!(parse(ValType::F64, &text), Ok(Val::F64(value)), "{text}");
        }
        assert_eq!(show(Val::F64(1e300f64.to_bits())), "1e300");
        assert_eq!(show(Val::F64(42f64.to_bits())), "42");
    }

    #[test]
    fn vectors_and_references() {
        let value = Val::V128(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        assert_eq!(parse(ValType::V128, &show(value)), Ok(value));
        assert_eq!(parse(ValType::EXTERNREF, "null"), Ok(Val::ExternRef(None)));
        assert!(parse(ValType::FUNCREF, "funcref").is_err());
    }
}
