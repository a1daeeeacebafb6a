//! `SharedArrayBuffer` (§25.2.3 to §25.2.5).
#![forbid(unsafe_code)]

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Makes `SharedArrayBuffer`.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let (constructor, prototype) = cx.install_constructor(Constructor {
        name: Name::SharedArrayBuffer,
        native: shared_array_buffer,
        length: 1,
        intrinsic: Intrinsic::SharedArrayBuffer,
        prototype: Intrinsic::SharedArrayBufferPrototype,
    })?;
    cx.install_species(constructor)?;
    cx.install_getter(prototype, Name::byteLength, byte_length)?;
    cx.install_method(prototype, Name::grow, 1, grow)?;
    cx.install_getter(prototype, Name::growable, growable)?;
    cx.install_getter(prototype, Name::maxByteLength, max_byte_length)?;
    cx.install_method(prototype, Name::slice, 2, slice)?;
    cx.install_tag(prototype, "SharedArrayBuffer")
}

/// SharedArrayBuffer (§25.2.3.1).
fn shared_array_buffer<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. If NewTarget is undefined, throw a TypeError exception.
    if args.new_target().is_undefined() {
        return Err(cx.type_error("Constructor SharedArrayBuffer requires 'new'"));
    }
    // 2. Let byteLength be ? ToIndex(length).
    let length = cx.to_index(cx.arg(args, 0))?;
    // 3. Let requestedMaxByteLength be ? GetArrayBufferMaxByteLengthOption(options).
    let max = cx.max_byte_length_option(cx.arg(args, 1))?;
    cx.allocate_buffer(args.new_target(), length, max, true)
}

/// get SharedArrayBuffer.prototype.byteLength (§25.2.5.1).
fn byte_length<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.require_buffer(this, Class::SharedArrayBuffer, "SharedArrayBuffer.prototype.byteLength")?;
    Ok(Local::number(cx.buffer_byte_length(this) as f64))
}

/// SharedArrayBuffer.prototype.grow (§25.2.5.3).
fn grow<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "SharedArrayBuffer.prototype.grow";
    // 2. Perform ? RequireInternalSlot(O, [[ArrayBufferMaxByteLength]]).
    cx.require_buffer(this, Class::SharedArrayBuffer, METHOD)?;
    if !cx.is_resizable_buffer(this) {
        return Err(cx.type_error(&format!("Method {METHOD} called on a fixed-length SharedArrayBuffer")));
    }
    // 4. Let newByteLength be ? ToIndex(newLength).
    let length = cx.to_index(cx.arg(args, 0))?;
    // 5. Let hostHandled be ? HostGrowSharedArrayBuffer(O, newByteLength).
    if cx.host_resize(this, length)? {
        return Ok(Local::UNDEFINED);
    }
    let is_done = cx.backing(cx.value(this)).is_some_and(|backing| usize::try_from(length).is_ok_and(|to| backing.grow(to)));
    if !is_done {
        return Err(cx.range_error(&format!("{METHOD}: Invalid length parameter")));
    }
    Ok(Local::UNDEFINED)
}

/// get SharedArrayBuffer.prototype.growable (§25.2.5.4).
fn growable<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.require_buffer(this, Class::SharedArrayBuffer, "SharedArrayBuffer.prototype.growable")?;
    Ok(Local::bool(cx.is_resizable_buffer(this)))
}

/// get SharedArrayBuffer.prototype.maxByteLength (§25.2.5.5).
fn max_byte_length<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.require_buffer(this, Class::SharedArrayBuffer, "SharedArrayBuffer.prototype.maxByteLength")?;
    let max = cx.backing(cx.value(this)).map_or(0, |backing| backing.max());
    Ok(Local::number(max as f64))
}

/// SharedArrayBuffer.prototype.slice (§25.2.5.6).
fn slice<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "SharedArrayBuffer.prototype.slice";
    cx.require_buffer(this, Class::SharedArrayBuffer, METHOD)?;
    let bounds = (cx.arg(args, 0), cx.arg(args, 1));
    cx.slice_buffer(this, bounds, Class::SharedArrayBuffer, METHOD)
}
