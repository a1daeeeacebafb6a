//! What ends a guest, to scripts, and what ends a script, to guests.

use crate::abi::exception::EXCEPTION_TAG;
use crate::abi::trap::TrapCode;
use crate::bridge::call::ScriptEnded;
use crate::bridge::companion::{in_store, js_tag, opaque_object};
use crate::bridge::idl::Kind;
use crate::heap::HeapRef;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::embed::FromReference;
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::object::Attributes;
use crate::runtime::liveness::Owned;
use crate::runtime::store::Store;
use crate::runtime::trap::Trap;
use crate::wasm::types::ValType;

/// How a guest ended. An exception is a reference that is good until the next allocation.
#[derive(Debug)]
pub(super) struct Ended {
    trap: Trap,
    exception: Option<u32>,
}

impl Ended {
    /// Before the scope ends in which the trap was had.
    #[cold]
    pub fn new(store: &Store, trap: Trap) -> Self {
        let exception = trap.exception().and_then(|exception| store.roots.get(exception.root)).map(HeapRef::bits);
        Ended { trap, exception }
    }
}

/// Throws what a guest's end is to scripts.
#[cold]
pub(super) fn ended(cx: &mut Cx<'_>, end: Ended) -> Thrown {
    let mut cx = cx.open();
    if let Some(bits) = end.exception {
        let exception = cx.root_reference(bits);
        return match value_of_exception(&mut cx, exception) {
            Ok(value) => cx.throw(value),
            Err(thrown) => thrown,
        };
    }
    match end.trap.code() {
        TrapCode::StackOverflow => cx.recursion_error(),
        TrapCode::Interrupted | TrapCode::DeadlineExceeded | TrapCode::OutOfFuel => cx.end_script(),
        TrapCode::HostError if is_script_end(&end.trap) => cx.end_script(),
        _ => match runtime_error(&mut cx, &end.trap) {
            Ok(error) => cx.throw(error),
            Err(thrown) => thrown,
        },
    }
}

fn is_script_end(trap: &Trap) -> bool {
    std::error::Error::source(trap).is_some_and(|error| error.is::<ScriptEnded>())
}

/// A message as engines for scripts have it.
fn message(trap: &Trap) -> String {
    use TrapCode as T;
    let text = match trap.code() {
        T::MemoryOutOfBounds => "memory access out of bounds",
        T::TableOutOfBounds | T::UndefinedElement => "table index is out of bounds",
        T::UninitializedElement | T::IndirectCallTypeMismatch => "null function or function signature mismatch",
        T::IntegerOverflow => "divide result unrepresentable",
        T::IntegerDivideByZero => "divide by zero",
        T::InvalidConversion => "float unrepresentable in integer range",
        T::CastFailure => "illegal cast",
        T::ArrayOutOfBounds => "array element access out of bounds",
        T::NullReference | T::NullFunctionReference | T::NullStructReference | T::NullArrayReference | T::NullI31Reference => {
            "dereferencing a null pointer"
        }
        T::UnalignedAtomic => "operation does not support unaligned accesses",
        T::ExpectedSharedMemory => "Atomics.wait cannot be called in this context",
        T::HostError => return std::error::Error::source(trap).map_or_else(|| trap.to_string(), ToString::to_string),
        code => code.message(),
    };
    text.to_owned()
}

/// A RuntimeError, in whose stack the frames of guests stand.
fn runtime_error<'s>(cx: &mut Cx<'s>, trap: &Trap) -> Completion<Local<'s>> {
    let prototype = cx.embedder_intrinsic(Kind::RuntimeError as u32);
    let message = message(trap);
    let error = cx.new_error_below(prototype, &message)?;
    let mut stack = format!("RuntimeError: {message}");
    for frame in trap.frames() {
        let name = match (&frame.module_name, &frame.func_name) {
            (Some(module), Some(func)) => format!("{module}.{func} "),
            (None, Some(func)) => format!("{func} "),
            _ => String::new(),
        };
        let at = frame.wasm_offset.map_or_else(String::new, |offset| format!(":{offset:#x}"));
        let place = format!("wasm://wasm:wasm-function[{}]{at}", frame.func_index.as_u32());
        stack.push_str(&if name.is_empty() { format!("\n    at {place}") } else { format!("\n    at {name}({place})") });
    }
    let scripts = cx.stack_text(error);
    if !scripts.is_empty() {
        stack.push('\n');
        stack.push_str(&scripts);
    }
    let stack = cx.string(&stack)?;
    cx.define_data(error, Name::stack.key(), stack, Attributes::HIDDEN)?;
    Ok(error)
}

/// Whether an exception has a tag, which it knows by the tag's entry of the function table.
pub(super) fn has_tag(store: &Store, exception: u32, tag: u32) -> bool {
    let identity = store.heap().map(|heap| heap.read_u32(HeapRef::from_bits(exception), EXCEPTION_TAG));
    identity.is_some_and(|identity| store.func_table.owner(identity) == Some(Owned::Tag(tag)))
}

/// What scripts see of an exception: what they have thrown themselves, or an Exception.
fn value_of_exception<'s>(cx: &mut Cx<'s>, exception: Local<'s>) -> Completion<Local<'s>> {
    let js_tag = js_tag(cx)?;
    let bits = cx.reference_bits(exception);
    let payload = in_store(cx, |store| {
        if !has_tag(store, bits, js_tag) {
            return None;
        }
        store.payload_bits(HeapRef::from_bits(bits)).and_then(|payload| payload.first().map(|&(_, bits)| bits))
    })?;
    match payload {
        Some(bits) => {
            let carried = super::values::carry(cx, ValType::EXTERNREF, bits);
            super::values::to_js(cx, ValType::EXTERNREF, carried)
        }
        None => opaque_object(cx, exception, Kind::Exception),
    }
}

/// The reference of the exception that guests see when a script throws; `None` when the script is being ended.
#[cold]
pub(super) fn thrown_in_guest(cx: &mut Cx<'_>, thrown: Thrown) -> Option<u32> {
    let mut cx = cx.open();
    let value = cx.take_exception(thrown).ok()?;
    if cx.embedder_kind(value) == Some(Kind::Exception as i32) {
        let exception = cx.embedder_field(value, 0);
        if let FromReference::Foreign(exception) = cx.value_of_reference(exception) {
            return Some(cx.reference_bits(exception));
        }
    }
    let made = js_tag(&mut cx).and_then(|tag| {
        let payload = super::values::to_guest(&mut cx, value, ValType::EXTERNREF)?;
        let bits = super::values::bits_of(&cx, payload);
        let made = in_store(&mut cx, |store| store.new_exception(tag, &[bits]))?;
        made.map_err(|error| cx.range_error(&error.to_string()))
    });
    made.ok().map(HeapRef::bits)
}
