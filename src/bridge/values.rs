//! ToJSValue and ToWebAssemblyValue (§5.6).

use crate::bridge::companion::{function_object, in_store, is_refused, opaque_object};
use crate::bridge::idl::Kind;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::embed::FromReference;
use crate::js::local::Local;
use crate::wasm::types::{HeapType, RefType, ValType};

/// A value of a guest that the collector knows of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Carried<'s> {
    /// A number, or a function.
    Bits(u128),
    /// A reference of the heap.
    Reference(Local<'s>),
}

/// Whether values of a type are references of the heap.
fn is_in_heap(ty: ValType) -> bool {
    matches!(ty, ValType::Ref(ty) if ty.heap.is_in_heap())
}

/// Has the collector know of a guest's value, before anything is allocated.
pub(super) fn carry<'s>(cx: &mut Cx<'s>, ty: ValType, bits: u128) -> Carried<'s> {
    if is_in_heap(ty) { Carried::Reference(cx.root_reference(bits as u32)) } else { Carried::Bits(bits) }
}

/// The bits of a value, good until the next allocation.
#[inline]
pub(super) fn bits_of(cx: &Cx<'_>, carried: Carried<'_>) -> u128 {
    match carried {
        Carried::Bits(bits) => bits,
        Carried::Reference(local) => u128::from(cx.reference_bits(local)),
    }
}

/// The error of types that scripts have no values of.
pub(super) fn refused(cx: &mut Cx<'_>) -> Thrown {
    cx.type_error("type incompatibility when transforming from/to JS")
}

/// ToJSValue(w).
pub(super) fn to_js<'s>(cx: &mut Cx<'s>, ty: ValType, value: Carried<'s>) -> Completion<Local<'s>> {
    match value {
        Carried::Reference(reference) => match cx.value_of_reference(reference) {
            FromReference::Value(value) => Ok(value),
            FromReference::Foreign(_) if is_refused(ty) => Err(refused(cx)),
            FromReference::Foreign(shown) => opaque_object(cx, shown, Kind::Opaque),
        },
        Carried::Bits(bits) => match ty {
            ValType::I32 => Ok(Local::int(bits as i32)),
            ValType::I64 => cx.bigint_of_i64(bits as i64),
            ValType::F32 => Ok(Local::number(f64::from(f32::from_bits(bits as u32)))),
            ValType::F64 => Ok(Local::number(f64::from_bits(bits as u64))),
            ValType::Ref(ty) if ty.heap.top() == HeapType::Func => match bits as u32 {
                0 => Ok(Local::NULL),
                reference => function_object(cx, reference, None),
            },
            _ => Err(refused(cx)),
        },
    }
}

/// ToWebAssemblyValue(v, type).
pub(super) fn to_guest<'s>(cx: &mut Cx<'s>, value: Local<'s>, ty: ValType) -> Completion<Carried<'s>> {
    Ok(Carried::Bits(match ty {
        ValType::I32 => u128::from(cx.to_int32(value)?.cast_unsigned()),
        ValType::I64 => {
            let bigint = cx.to_bigint(value)?;
            u128::from(cx.low_bits_of(bigint))
        }
        ValType::F32 => u128::from((cx.to_number(value)? as f32).to_bits()),
        ValType::F64 => u128::from(cx.to_number(value)?.to_bits()),
        ValType::V128 => return Err(refused(cx)),
        ValType::Ref(ty) => return to_reference(cx, value, ty),
    }))
}

fn to_reference<'s>(cx: &mut Cx<'s>, value: Local<'s>, ty: RefType) -> Completion<Carried<'s>> {
    let top = ty.heap.top();
    if top == HeapType::Exn {
        return Err(refused(cx));
    }
    let carried = match top {
        _ if value.is_null() => Carried::Bits(0),
        HeapType::Func => match cx.exported_func(value) {
            Some(func) => Carried::Bits(u128::from(func)),
            None => return Err(cx.type_error("WebAssembly objects are opaque: function-typed object expected")),
        },
        _ if cx.embedder_kind(value) == Some(Kind::Opaque as i32) => Carried::Reference(cx.embedder_field(value, 0)),
        _ => Carried::Reference(cx.boxed_reference(value)?),
    };
    if matches!(ty, RefType { nullable: true, heap: HeapType::Extern | HeapType::Func | HeapType::Any }) {
        return Ok(carried);
    }
    let bits = bits_of(cx, carried) as u32;
    match in_store(cx, |store| store.reference_matches(bits, ty))? {
        true => Ok(carried),
        false => Err(cx.type_error(&format!("type incompatibility when transforming from/to JS: {ty} expected"))),
    }
}

/// DefaultValue(type) of the specification: what a value is that was not given. `None` for types without one.
pub(super) fn default_value<'s>(cx: &mut Cx<'s>, ty: ValType) -> Completion<Option<Carried<'s>>> {
    Ok(match ty {
        ValType::Ref(RefType { nullable: true, heap: HeapType::Extern }) => {
            Some(Carried::Reference(cx.boxed_reference(Local::UNDEFINED)?))
        }
        ValType::Ref(RefType { nullable: false, .. }) => None,
        _ => Some(Carried::Bits(0)),
    })
}
