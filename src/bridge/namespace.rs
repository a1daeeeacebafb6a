//! The namespace object `WebAssembly` (§5.7), and its asynchronous functions.

use crate::bridge::companion::{self, EngineSource, js_tag, object_of};
use crate::bridge::idl::{self, Kind, bytes_of, operation, require_args};
use crate::bridge::instance::import_object;
use crate::bridge::module::{compiled_of, options};
use crate::bridge::pending::{self, Then};
use crate::bridge::{errors, global, imports, instance, memory, module, table, tag};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::object::Attributes;
use crate::runtime::liveness::Owned;

/// Gives the current realm its `WebAssembly`, and the agent what that needs. The engine is asked for when a script first uses it.
///
/// # Errors
///
/// A termination when memory is out.
pub fn install(cx: &mut Cx<'_>, source: EngineSource) -> Completion<()> {
    companion::begin(cx, source);
    cx.set_resize_hook(memory::resize);
    install_in_realm(cx)
}

/// Gives the current realm its `WebAssembly`, in an agent that has what that needs.
///
/// # Errors
///
/// A termination when memory is out.
pub(super) fn install_in_realm(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let cx = &mut cx;
    let namespace = cx.new_object()?;
    let prototypes = [
        module::install(cx, namespace)?,
        instance::install(cx, namespace)?,
        memory::install(cx, namespace)?,
        table::install(cx, namespace)?,
        global::install(cx, namespace)?,
        tag::install_tag(cx, namespace)?,
        tag::install_exception(cx, namespace)?,
        errors::install(cx, namespace, Kind::CompileError)?,
        errors::install(cx, namespace, Kind::LinkError)?,
        errors::install(cx, namespace, Kind::RuntimeError)?,
    ];
    cx.set_embedder_intrinsics(&prototypes)?;
    operation(cx, namespace, "validate", 1, module::validate)?;
    operation(cx, namespace, "compile", 1, compile)?;
    operation(cx, namespace, "instantiate", 1, instantiate)?;
    operation(cx, namespace, "compileStreaming", 1, compile_streaming)?;
    operation(cx, namespace, "instantiateStreaming", 1, instantiate_streaming)?;
    idl::tag(cx, namespace, "WebAssembly")?;
    idl::attribute(cx, namespace, "JSTag", get_js_tag, None)?;
    let (global, key) = (cx.global(), cx.key("WebAssembly")?);
    cx.define_data(global, key, namespace, Attributes::HIDDEN)
}

/// get WebAssembly.JSTag.
fn get_js_tag<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let tag = js_tag(cx)?;
    object_of(cx, Owned::Tag(tag))
}

/// A promise of what a function settles: what that throws rejects it.
fn promised<'s>(cx: &mut Cx<'s>, run: impl FnOnce(&mut Cx<'s>, Local<'s>) -> Completion<()>) -> Completion<Local<'s>> {
    let promise = cx.new_promise()?;
    let begun = run(cx, promise);
    settle_failure(cx, promise, begun)?;
    Ok(promise)
}

/// WebAssembly.compile(bytes, options).
fn compile<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.compile()";
    promised(cx, |cx, promise| {
        require_args(cx, args, 1, WHAT)?;
        let bytes = bytes_of(cx, cx.arg(args, 0), WHAT)?;
        let options = options(cx, cx.arg(args, 1), WHAT)?;
        pending::compile(cx, bytes, options, Then::Give, promise, WHAT)
    })
}

/// WebAssembly.instantiate(bytes, importObject, options), and WebAssembly.instantiate(moduleObject, importObject).
fn instantiate<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.instantiate()";
    promised(cx, |cx, promise| {
        require_args(cx, args, 1, WHAT)?;
        let source = cx.arg(args, 0);
        if let Some(compiled) = compiled_of(cx, source) {
            let object = import_object(cx, cx.arg(args, 1), WHAT)?;
            let values = imports::read(cx, &compiled, object, WHAT)?;
            pending::instantiate(cx, compiled, &values, promise, WHAT);
            return Ok(());
        }
        let bytes = bytes_of(cx, source, WHAT)?;
        let object = import_object(cx, cx.arg(args, 1), WHAT)?;
        let options = options(cx, cx.arg(args, 2), WHAT)?;
        let object = cx.new_global(object);
        pending::compile(cx, bytes, options, Then::Instantiate(object), promise, WHAT)
    })
}

/// WebAssembly.compileStreaming(source, options) (WebAssembly Web API §3).
fn compile_streaming<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    stream(cx, args, "WebAssembly.compileStreaming()", false)
}

/// WebAssembly.instantiateStreaming(source, importObject, options) (WebAssembly Web API §3).
fn instantiate_streaming<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    stream(cx, args, "WebAssembly.instantiateStreaming()", true)
}

/// "Compile a potential WebAssembly response": anything whose `arrayBuffer` gives the bytes, or a promise of that.
fn stream<'s>(cx: &mut Cx<'s>, args: Args<'s>, what: &'static str, instantiates: bool) -> Completion<Local<'s>> {
    promised(cx, |cx, promise| {
        require_args(cx, args, 1, what)?;
        let (object, given) = match instantiates {
            true => (import_object(cx, cx.arg(args, 1), what)?, cx.arg(args, 2)),
            false => (Local::UNDEFINED, cx.arg(args, 1)),
        };
        options(cx, given, what)?;
        let state = [promise, object, given, Local::bool(instantiates)];
        let state = cx.array_from(&state)?;
        let source = cx.arg(args, 0);
        then(cx, source, state, take_response, promise)
    })
}

/// Goes on when a value, or the promise of one, is there. What goes wrong rejects a promise.
fn then<'s>(
    cx: &mut Cx<'s>,
    value: Local<'s>,
    state: Local<'s>,
    next: crate::js::cx::Native,
    promise: Local<'s>,
) -> Completion<()> {
    let constructor = cx.intrinsic(crate::js::intrinsic::Intrinsic::Promise);
    let source = cx.promise_resolve(constructor, value)?;
    let go_on = cx.new_capturing(next, 1, &[state])?;
    let give_up = cx.new_capturing(reject, 1, &[promise])?;
    cx.perform_promise_then(source, go_on, give_up, None).map(drop)
}

fn reject<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let promise = cx.captured(args, 0);
    cx.reject_promise(promise, cx.arg(args, 0))?;
    Ok(Local::UNDEFINED)
}

fn state_of<'s>(cx: &mut Cx<'s>, args: Args<'s>) -> Completion<[Local<'s>; 4]> {
    let state = cx.captured(args, 0);
    let mut found = [Local::UNDEFINED; 4];
    for (nth, place) in (0u32..).zip(&mut found) {
        *place = cx.get(state, nth.into())?;
    }
    Ok(found)
}

/// The response is there.
fn take_response<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let [promise, ..] = state_of(cx, args)?;
    let state = cx.captured(args, 0);
    let response = cx.arg(args, 0);
    let begun = (|| {
        let key = cx.key("arrayBuffer")?;
        let method = if response.is_object() { cx.get_method(response, key)? } else { Local::UNDEFINED };
        if method.is_undefined() {
            return Err(cx.type_error("WebAssembly: Argument 0 must be a Response or a Promise resolving to one"));
        }
        let bytes = cx.call(method, response, &[])?;
        then(cx, bytes, state, take_bytes, promise)
    })();
    settle_failure(cx, promise, begun)
}

/// Its bytes are there.
fn take_bytes<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let [promise, object, given, instantiates] = state_of(cx, args)?;
    let begun = (|| {
        let what = "WebAssembly.compileStreaming()";
        let bytes = bytes_of(cx, cx.arg(args, 0), what)?;
        let options = options(cx, given, what)?;
        let next = if instantiates.as_bool() == Some(true) { Then::Instantiate(cx.new_global(object)) } else { Then::Give };
        pending::compile(cx, bytes, options, next, promise, what)
    })();
    settle_failure(cx, promise, begun)
}

fn settle_failure<'s>(cx: &mut Cx<'s>, promise: Local<'s>, result: Completion<()>) -> Completion<Local<'s>> {
    if let Err(thrown) = result {
        let reason = cx.take_exception(thrown)?;
        cx.reject_promise(promise, reason)?;
    }
    Ok(Local::UNDEFINED)
}
