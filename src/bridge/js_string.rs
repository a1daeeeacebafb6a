//! Builtins for strings (JS String Builtins): functions that modules import from `wasm:js-string` without anybody giving them.

use crate::base::sync::Arc;
use crate::bridge::call::host_closure;
use crate::bridge::companion::{in_store, new_signature};
use crate::bridge::values::{bits_of, carry, to_guest, to_js};
use crate::compile::module::Module;
use crate::heap::HeapRef;
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::layout::heap::FIELDS;
use crate::wasm::canonical::TypeHandle;
use crate::wasm::module::{Import, ImportKind, WasmModule};
use crate::wasm::types::{CompositeType, HeapType, RefType, StorageType, ValType};

/// The module that they are imported from.
pub(super) const MODULE: &str = "wasm:js-string";

/// What a parameter or result of a builtin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ty {
    I32,
    /// `externref`.
    Any,
    /// `(ref extern)`.
    Text,
    /// `(ref null (array (mut i16)))`.
    Units,
}

/// A builtin.
#[derive(Debug)]
pub(super) struct Builtin {
    name: &'static str,
    params: &'static [Ty],
    result: Ty,
    body: for<'s> fn(&mut Cx<'s>, &[u128]) -> Completion<Given<'s>>,
}

/// What a builtin gives.
enum Given<'s> {
    Int(i32),
    Text(Local<'s>),
}

macro_rules! builtins {
    ($($name:literal ($($param:ident),*) $result:ident $body:ident;)*) => {
        static BUILTINS: &[Builtin] =
            &[$(Builtin { name: $name, params: &[$(Ty::$param),*], result: Ty::$result, body: $body },)*];
    };
}

builtins! {
    "cast" (Any) Text cast;
    "test" (Any) I32 test;
    "fromCharCodeArray" (Units, I32, I32) Text from_char_code_array;
    "intoCharCodeArray" (Any, Units, I32) I32 into_char_code_array;
    "fromCharCode" (I32) Text from_char_code;
    "fromCodePoint" (I32) Text from_code_point;
    "charCodeAt" (Any, I32) I32 char_code_at;
    "codePointAt" (Any, I32) I32 code_point_at;
    "length" (Any) I32 length;
    "concat" (Any, Any) Text concat;
    "substring" (Any, I32, I32) Text substring;
    "equals" (Any, Any) I32 equals;
    "compare" (Any, Any) I32 compare;
}

/// A builtin by its name.
pub(super) fn find(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

fn is_type(module: &WasmModule, wanted: Ty, found: ValType) -> bool {
    match (wanted, found) {
        (Ty::I32, ValType::I32) => true,
        (Ty::Any, found) => found == ValType::EXTERNREF,
        (Ty::Text, found) => found == ValType::Ref(RefType::non_null(HeapType::Extern)),
        (Ty::Units, ValType::Ref(ty)) => ty.nullable && ty.heap.type_index().is_some_and(|index| {
            let ty = &module.types[index];
            let is_units = |ty: &CompositeType| {
                matches!(ty, CompositeType::Array(array) if array.element.mutable && array.element.storage == StorageType::I16)
            };
            ty.is_final && ty.supertype.is_none() && is_units(&ty.composite)
        }),
        _ => false,
    }
}

/// Checks the type of an import that is a builtin.
pub(super) fn check(module: &Module, import: &Import) -> Result<(), String> {
    let types = module.canonical_types();
    let module = module.decoded();
    let (Some(builtin), ImportKind::Func(ty) | ImportKind::FuncExact(ty)) = (find(&import.name), import.kind) else {
        return Err(format!("\"{}\" of {MODULE} is a function", import.name));
    };
    // A type of its own: final, extending none, and in no group with others.
    let is_plain = types.handle(ty).is_some_and(|ty| ty.is_alone()) && {
        let ty = &module.types[ty];
        ty.is_final && ty.supertype.is_none()
    };
    let ty = module.signature(ty);
    let fits = is_plain
        && ty.params.len() == builtin.params.len()
        && ty.params.iter().zip(builtin.params).all(|(&found, &wanted)| is_type(module, wanted, found))
        && matches!(*ty.results, [found] if is_type(module, builtin.result, found));
    if fits { Ok(()) } else { Err(format!("\"{}\" of {MODULE} is of another type than {ty}", import.name)) }
}

/// The reference of a builtin of a type that was checked; nothing if there is none of the name.
pub(super) fn function(cx: &mut Cx<'_>, name: &str, ty: TypeHandle) -> Completion<Option<u32>> {
    let (Some(builtin), Some(signature)) = (find(name), new_signature(ty)) else { return Ok(None) };
    super::companion::js_tag(cx)?;
    let ty = signature.ty.clone();
    let run = host_closure(Arc::new(signature), |cx, _, _, args, results| {
        let mut cx = cx.open();
        let bits = match (builtin.body)(&mut cx, args)? {
            Given::Int(int) => u128::from(int.cast_unsigned()),
            Given::Text(string) => {
                let carried = to_guest(&mut cx, string, ValType::EXTERNREF)?;
                bits_of(&cx, carried)
            }
        };
        results.iter_mut().for_each(|result| *result = bits);
        Ok(())
    });
    let made = in_store(cx, |store| store.new_raw_func(&ty, 0, run))?;
    made.map(Some).map_err(|error| cx.range_error(&error.to_string()))
}

/// An argument as a value.
fn value<'s>(cx: &mut Cx<'s>, bits: u128) -> Completion<Local<'s>> {
    let carried = carry(cx, ValType::EXTERNREF, bits);
    to_js(cx, ValType::EXTERNREF, carried)
}

/// An argument that must be a string: else it is a trap.
fn text<'s>(cx: &mut Cx<'s>, bits: u128) -> Completion<Local<'s>> {
    let found = value(cx, bits)?;
    if found.is_string() { Ok(found) } else { Err(trap(cx, "illegal cast")) }
}

#[cold]
fn trap(cx: &mut Cx<'_>, message: &str) -> crate::js::cx::Thrown {
    super::errors::throw(cx, super::idl::Kind::RuntimeError, message)
}

/// "wasm:js-string" "cast".
fn cast<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    text(cx, args[0]).map(Given::Text)
}

/// "wasm:js-string" "test".
fn test<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    let found = value(cx, args[0])?;
    Ok(Given::Int(i32::from(found.is_string())))
}

/// The array that an argument is.
fn array(cx: &mut Cx<'_>, bits: u128) -> Completion<HeapRef> {
    match HeapRef::from_bits(bits as u32) {
        HeapRef::NULL => Err(trap(cx, "dereferencing a null pointer")),
        array => Ok(array),
    }
}

/// "wasm:js-string" "fromCharCodeArray".
fn from_char_code_array<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    let array = array(cx, args[0])?;
    let (start, end) = (args[1] as u32, args[2] as u32);
    let heap = cx.agent_mut().heap_mut();
    if start > end || end > heap.length(array) {
        return Err(trap(cx, "array element access out of bounds"));
    }
    let units = heap.data16(array, FIELDS + 2 * start, end - start).to_vec();
    cx.string_utf16(&units).map(Given::Text)
}

/// "wasm:js-string" "intoCharCodeArray".
fn into_char_code_array<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    let array = cx.root_reference(args[1] as u32);
    let string = text(cx, args[0])?;
    let units = cx.code_units(string)?;
    let array = cx.reference_bits(array);
    let array = self::array(cx, u128::from(array))?;
    let start = args[2] as u32;
    let heap = cx.agent_mut().heap_mut();
    if u64::from(start) + units.len() as u64 > u64::from(heap.length(array)) {
        return Err(trap(cx, "array element access out of bounds"));
    }
    heap.write_data16(array, FIELDS + 2 * start, &units);
    Ok(Given::Int(units.len() as i32))
}

/// "wasm:js-string" "fromCharCode".
fn from_char_code<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    cx.string_utf16(&[args[0] as u16]).map(Given::Text)
}

/// "wasm:js-string" "fromCodePoint".
fn from_code_point<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    let point = args[0] as u32;
    if point > 0x10_ffff {
        return Err(trap(cx, &format!("Invalid code point {point}")));
    }
    cx.string_of_code_point(point).map(Given::Text)
}

/// "wasm:js-string" "charCodeAt".
fn char_code_at<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    let string = text(cx, args[0])?;
    cx.flatten(string)?;
    match cx.text(string).get(args[1] as u32 as usize) {
        Some(unit) => Ok(Given::Int(i32::from(unit))),
        None => Err(trap(cx, "string offset out of bounds")),
    }
}

/// "wasm:js-string" "codePointAt".
fn code_point_at<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    let string = text(cx, args[0])?;
    cx.flatten(string)?;
    let place = args[1] as u32 as usize;
    let text = cx.text(string);
    if place >= text.len() {
        return Err(trap(cx, "string offset out of bounds"));
    }
    let (point, _) = text.code_point(place);
    Ok(Given::Int(point.cast_signed()))
}

/// "wasm:js-string" "length".
fn length<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    let string = text(cx, args[0])?;
    Ok(Given::Int(cx.string_length(string) as i32))
}

/// Two arguments that must be strings.
fn texts<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<(Local<'s>, Local<'s>)> {
    let second = cx.root_reference(args[1] as u32);
    let first = text(cx, args[0])?;
    let second = text(cx, u128::from(cx.reference_bits(second)))?;
    Ok((first, second))
}

/// "wasm:js-string" "concat".
fn concat<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    let (first, second) = texts(cx, args)?;
    cx.concat(first, second).map(Given::Text)
}

/// "wasm:js-string" "substring".
fn substring<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    let string = text(cx, args[0])?;
    let length = cx.string_length(string);
    let (start, end) = (args[1] as u32 as usize, (args[2] as u32 as usize).min(length));
    // Beyond the end, or with the end before the start, it is empty.
    let (start, end) = if start > end { (0, 0) } else { (start, end) };
    cx.substring(string, start, end).map(Given::Text)
}

/// "wasm:js-string" "equals".
fn equals<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    let second = cx.root_reference(args[1] as u32);
    let first = value(cx, args[0])?;
    let second = cx.reference_bits(second);
    let second = value(cx, u128::from(second))?;
    // Null is equal to itself.
    let is_text = |value: Local<'_>| value.is_null() || value.is_string();
    if !is_text(first) || !is_text(second) {
        return Err(trap(cx, "illegal cast"));
    }
    let is_equal = match first.is_string() && second.is_string() {
        true => cx.strings_equal(first, second)?,
        false => first.is_null() && second.is_null(),
    };
    Ok(Given::Int(i32::from(is_equal)))
}

/// "wasm:js-string" "compare".
fn compare<'s>(cx: &mut Cx<'s>, args: &[u128]) -> Completion<Given<'s>> {
    let (first, second) = texts(cx, args)?;
    cx.flatten(first)?;
    cx.flatten(second)?;
    let ordering = cx.text(first).compare(cx.text(second));
    Ok(Given::Int(ordering as i32))
}
