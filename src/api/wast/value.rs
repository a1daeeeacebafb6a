//! Values of scripts: arguments, and the patterns that results are compared with.

use wast::core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::token::{F32, F64};
use wast::{WastArg, WastRet};

use crate::api::{ExternRef, Isolate, Val};
use crate::wasm::types::{CompositeKind, HeapType as TypeOf};

/// What `(ref.extern N)` is on this side.
#[derive(Debug, PartialEq, Eq)]
struct HostValue(u32);

/// An argument.
pub(super) fn argument(isolate: &mut Isolate, arg: &WastArg<'_>) -> Result<Val, String> {
    let WastArg::Core(arg) = arg else { return Err("an argument of the component model".into()) };
    Ok(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(u128::from_le_bytes(value.to_le_bytes())),
        WastArgCore::RefNull(heap) => null(heap).unwrap_or(Val::FuncRef(None)),
        WastArgCore::RefExtern(value) => {
            let value = ExternRef::new(&mut *isolate, HostValue(*value)).map_err(|error| error.to_string())?;
            Val::ExternRef(Some(value))
        }
        WastArgCore::RefHost(value) => {
            let value = ExternRef::new(&mut *isolate, HostValue(*value)).map_err(|error| error.to_string())?;
            Val::AnyRef(value.to_any(&mut *isolate))
        }
    })
}

/// Whether results are as the script says; if not, what is wrong.
pub(super) fn compare(isolate: &Isolate, found: &[Val], wanted: &[WastRet<'_>]) -> Result<(), String> {
    if found.len() != wanted.len() {
        return Err(format!("{} results where {} are expected", found.len(), wanted.len()));
    }
    for (position, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let WastRet::Core(wanted) = wanted else { return Err("a result of the component model".into()) };
        if !matches(isolate, *found, wanted) {
            return Err(format!("result {position} is {}, expected {wanted:?}", show(*found)));
        }
    }
    Ok(())
}

fn show(value: Val) -> String {
    match value {
        Val::F32(bits) => format!("f32 {} ({bits:#010x})", f32::from_bits(bits)),
        Val::F64(bits) => format!("f64 {} ({bits:#018x})", f64::from_bits(bits)),
        Val::V128(bits) => format!("v128 {bits:#034x}"),
        other => format!("{other:?}"),
    }
}

fn matches(isolate: &Isolate, found: Val, wanted: &WastRetCore<'_>) -> bool {
    match (wanted, found) {
        (WastRetCore::I32(wanted), Val::I32(found)) => found == *wanted,
        (WastRetCore::I64(wanted), Val::I64(found)) => found == *wanted,
        (WastRetCore::F32(wanted), Val::F32(found)) => f32_matches(found, wanted),
        (WastRetCore::F64(wanted), Val::F64(found)) => f64_matches(found, wanted),
        (WastRetCore::V128(wanted), Val::V128(found)) => v128_matches(found, wanted),
        (WastRetCore::RefNull(None), found) => found.is_null(),
        // The types of two nulls cannot be told apart, but for what is above all of them.
        (WastRetCore::RefNull(Some(heap)), found) => null(heap) == Some(found) || found.is_null() && null(heap).is_none(),
        (WastRetCore::RefAny, Val::AnyRef(found)) => found.is_some(),
        (WastRetCore::RefI31 | WastRetCore::RefI31Shared, Val::AnyRef(Some(found))) => found.as_i31(isolate).is_some(),
        (WastRetCore::RefEq, Val::AnyRef(Some(found))) => found.ty(isolate).is_some_and(|ty| ty != TypeOf::Any),
        (WastRetCore::RefStruct, Val::AnyRef(Some(found))) => {
            matches!(found.ty(isolate), Some(TypeOf::Canonical(CompositeKind::Struct, _)))
        }
        (WastRetCore::RefArray, Val::AnyRef(Some(found))) => {
            matches!(found.ty(isolate), Some(TypeOf::Canonical(CompositeKind::Array, _)))
        }
        (WastRetCore::RefHost(wanted), Val::AnyRef(Some(found))) => {
            let value = found.data(isolate).and_then(|value| value.downcast_ref::<HostValue>());
            value == Some(&HostValue(*wanted))
        }
        (WastRetCore::RefFunc(_), Val::FuncRef(found)) => found.is_some(),
        (WastRetCore::RefExtern(None), Val::ExternRef(found)) => found.is_some(),
        (WastRetCore::RefExtern(Some(wanted)) | WastRetCore::RefHost(wanted), Val::ExternRef(Some(found))) => {
            let value = found.data(isolate).and_then(|value| value.downcast_ref::<HostValue>());
            value == Some(&HostValue(*wanted))
        }
        (WastRetCore::Either(patterns), found) => patterns.iter().any(|wanted| matches(isolate, found, wanted)),
        _ => false,
    }
}

/// Null of a heap type; `None` where the script says only an index, which could be of anything.
fn null(heap: &HeapType<'_>) -> Option<Val> {
    use AbstractHeapType::{Any, Array, Eq, Exn, Extern, Func, I31, NoExn, NoExtern, NoFunc, None as Nothing, Struct};
    let HeapType::Abstract { ty, .. } = heap else { return None };
    Some(match ty {
        Extern | NoExtern => Val::ExternRef(None),
        Func | NoFunc => Val::FuncRef(None),
        Any | Eq | I31 | Struct | Array | Nothing => Val::AnyRef(None),
        Exn | NoExn => Val::ExnRef(None),
        _ => return None,
    })
}

fn f32_matches(found: u32, wanted: &NanPattern<F32>) -> bool {
    const CANONICAL: u32 = 0x7fc0_0000;
    match wanted {
        NanPattern::CanonicalNan => found & 0x7fff_ffff == CANONICAL,
        NanPattern::ArithmeticNan => found & CANONICAL == CANONICAL,
        NanPattern::Value(wanted) => found == wanted.bits,
    }
}

fn f64_matches(found: u64, wanted: &NanPattern<F64>) -> bool {
    const CANONICAL: u64 = 0x7ff8_0000_0000_0000;
    match wanted {
        NanPattern::CanonicalNan => found & 0x7fff_ffff_ffff_ffff == CANONICAL,
        NanPattern::ArithmeticNan => found & CANONICAL == CANONICAL,
        NanPattern::Value(wanted) => found == wanted.bits,
    }
}

fn v128_matches(found: u128, wanted: &V128Pattern) -> bool {
    let lane = |bits: u32, index: usize| (found >> (bits as usize * index)) as u64;
    match wanted {
        V128Pattern::I8x16(lanes) => lanes.iter().enumerate().all(|(index, wanted)| lane(8, index) as i8 == *wanted),
        V128Pattern::I16x8(lanes) => lanes.iter().enumerate().all(|(index, wanted)| lane(16, index) as i16 == *wanted),
        V128Pattern::I32x4(lanes) => lanes.iter().enumerate().all(|(index, wanted)| lane(32, index) as i32 == *wanted),
        V128Pattern::I64x2(lanes) => lanes.iter().enumerate().all(|(index, wanted)| lane(64, index) as i64 == *wanted),
        V128Pattern::F32x4(lanes) => lanes.iter().enumerate().all(|(index, wanted)| f32_matches(lane(32, index) as u32, wanted)),
        V128Pattern::F64x2(lanes) => lanes.iter().enumerate().all(|(index, wanted)| f64_matches(lane(64, index), wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_patterns() {
        for (bits, canonical, arithmetic) in
            [(0x7fc0_0000, true, true), (0xffc0_0000, true, true), (0x7fc0_0001, false, true), (0x7f80_0001, false, false)]
        {
            assert_eq!(f32_matches(bits, &NanPattern::CanonicalNan), canonical);
            assert_eq!(f32_matches(bits, &NanPattern::ArithmeticNan), arithmetic);
        }
        assert!(!f64_matches(f64::INFINITY.to_bits(), &NanPattern::ArithmeticNan));
    }

    #[test]
    fn lanes_are_little_endian() {
        let bits = u128::from_le_bytes([1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0xff, 0xff]);
        assert!(v128_matches(bits, &V128Pattern::I16x8([1, 2, 3, 4, 5, 6, 7, -1])));
        assert!(!v128_matches(bits, &V128Pattern::I16x8([1, 2, 3, 4, 5, 6, 7, -2])));
    }
}
