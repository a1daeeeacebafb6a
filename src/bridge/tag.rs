//! `WebAssembly.Tag` and `WebAssembly.Exception` (§5.10, §5.11).

use crate::bridge::companion::{in_store, is_refused, js_tag, object_with, remember_opaque};
use crate::bridge::ended::has_tag;
use crate::bridge::idl::{
    Kind, Member, begin_construct, enforce_range_u32, interface, member, missing, owned, require, require_args,
    require_dictionary, sequence, value_type,
};
use crate::bridge::values::{Carried, bits_of, carry, refused, to_guest, to_js};
use crate::heap::HeapRef;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::runtime::liveness::Owned;
use crate::runtime::store::Store;
use crate::wasm::types::{FuncType, ValType};

/// Words of an Exception: the exception, and its stack.
const EXCEPTION: u32 = 0;
const STACK: u32 = 1;

pub(super) fn install_tag<'s>(cx: &mut Cx<'s>, namespace: Local<'s>) -> Completion<Local<'s>> {
    interface(cx, namespace, Kind::Tag, 1, construct_tag, &[])
}

pub(super) fn install_exception<'s>(cx: &mut Cx<'s>, namespace: Local<'s>) -> Completion<Local<'s>> {
    let members = [Member::Operation("is", 1, is), Member::Operation("getArg", 2, get_arg), Member::Getter("stack", stack)];
    interface(cx, namespace, Kind::Exception, 2, construct_exception, &members)
}

/// Tag(type).
fn construct_tag<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Tag()";
    let prototype = begin_construct(cx, args, Kind::Tag, 1)?;
    let descriptor = cx.arg(args, 0);
    require_dictionary(cx, descriptor, WHAT)?;
    let Some(parameters) = member(cx, descriptor, "parameters")? else { return Err(missing(cx, WHAT, "parameters")) };
    let mut types = Vec::new();
    for ty in sequence(cx, parameters, "WebAssembly.Tag(): 'parameters'")? {
        types.push(value_type(cx, ty, WHAT)?);
    }
    let made = in_store(cx, |store| {
        let ty = store.engine().types().intern_func(&FuncType::new(types, []))?;
        let index = store.new_tag(ty).ok()?;
        store.tag_handle(index);
        Some(index)
    })?;
    match made {
        Some(index) => object_with(cx, Owned::Tag(index), prototype),
        None => Err(cx.range_error("WebAssembly.Tag(): no room for another tag")),
    }
}

/// The index of a tag that is an argument.
fn tag_of<'s>(cx: &mut Cx<'s>, value: Local<'s>, what: &str) -> Completion<u32> {
    if cx.embedder_kind(value) == Some(Kind::Tag as i32)
        && let Owned::Tag(index) = owned(cx, value)?
    {
        return Ok(index);
    }
    Err(cx.type_error(&format!("{what}: Argument 0 must be a WebAssembly tag")))
}

fn params_of(store: &Store, tag: u32) -> Box<[ValType]> {
    store.tags[tag as usize].ty.as_func().map(|ty| ty.params.clone()).unwrap_or_default()
}

/// Exception(exceptionTag, payload, options).
fn construct_exception<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Exception()";
    let prototype = begin_construct(cx, args, Kind::Exception, 2)?;
    let tag = tag_of(cx, cx.arg(args, 0), WHAT)?;
    let payload = sequence(cx, cx.arg(args, 1), "WebAssembly.Exception(): Argument 1")?;
    let options = cx.arg(args, 2);
    require_dictionary(cx, options, WHAT)?;
    let traces = member(cx, options, "traceStack")?.is_some_and(|traces| cx.to_boolean(traces));
    if tag == js_tag(cx)? {
        return Err(cx.type_error("WebAssembly.Exception(): Argument 0 cannot be WebAssembly.JSTag"));
    }
    let params = in_store(cx, |store| params_of(store, tag))?;
    if params.len() != payload.len() {
        return Err(cx.type_error("WebAssembly.Exception(): Number of exception values does not match signature length"));
    }
    let mut carried: Vec<Carried<'s>> = Vec::new();
    for (&ty, value) in params.iter().zip(payload) {
        carried.push(to_guest(cx, value, ty)?);
    }
    let object = cx.new_embedder_object(Kind::Exception as i32, prototype)?;
    if traces {
        let text = format!("Error\n{}", cx.current_stack_text()?);
        let text = cx.string(&text)?;
        cx.set_embedder_field(object, STACK, text);
    }
    let bits: Vec<u128> = carried.iter().map(|&value| bits_of(cx, value)).collect();
    match in_store(cx, |store| store.new_exception(tag, &bits))? {
        Ok(exception) => {
            let exception = cx.root_reference(exception.bits());
            remember_opaque(cx, exception, object);
            Ok(object)
        }
        Err(error) => Err(cx.range_error(&error.to_string())),
    }
}

/// Whether an Exception has a tag.
fn is_tagged<'s>(cx: &mut Cx<'s>, exception: Local<'s>, tag: u32) -> Completion<bool> {
    let shown = cx.embedder_field(exception, EXCEPTION);
    let bits = cx.reference_bits(shown);
    in_store(cx, |store| has_tag(store, bits, tag))
}

/// Exception.prototype.is(exceptionTag).
fn is<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Exception.is()";
    require(cx, this, Kind::Exception, WHAT)?;
    require_args(cx, args, 1, WHAT)?;
    let tag = tag_of(cx, cx.arg(args, 0), WHAT)?;
    is_tagged(cx, this, tag).map(Local::bool)
}

/// Exception.prototype.getArg(exceptionTag, index).
fn get_arg<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Exception.getArg()";
    require(cx, this, Kind::Exception, WHAT)?;
    require_args(cx, args, 2, WHAT)?;
    let tag = tag_of(cx, cx.arg(args, 0), WHAT)?;
    let index = enforce_range_u32(cx, cx.arg(args, 1), "WebAssembly.Exception.getArg(): Index")?;
    if !is_tagged(cx, this, tag)? {
        return Err(cx.type_error("WebAssembly.Exception.getArg(): First argument does not match the exception tag"));
    }
    let shown = cx.embedder_field(this, EXCEPTION);
    let bits = cx.reference_bits(shown);
    let payload = in_store(cx, |store| store.payload_bits(HeapRef::from_bits(bits)).unwrap_or_default())?;
    match payload.get(index as usize) {
        None => Err(cx.range_error("WebAssembly.Exception.getArg(): Index must be convertible to a valid number")),
        Some(&(ty, _)) if is_refused(ty) => Err(refused(cx)),
        Some(&(ty, bits)) => {
            let value = carry(cx, ty, bits);
            to_js(cx, ty, value)
        }
    }
}

/// get Exception.prototype.stack.
fn stack<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, Kind::Exception, "get WebAssembly.Exception.stack")?;
    Ok(cx.embedder_field(this, STACK))
}
