//! `ArrayBuffer` (§25.1.4 to §25.1.6).
#![forbid(unsafe_code)]

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Makes `ArrayBuffer`.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let (constructor, prototype) = cx.install_constructor(Constructor {
        name: Name::ArrayBuffer,
        native: array_buffer,
        length: 1,
        intrinsic: Intrinsic::ArrayBuffer,
        prototype: Intrinsic::ArrayBufferPrototype,
    })?;
    cx.install_method(constructor, Name::isView, 1, is_view)?;
    cx.install_species(constructor)?;
    cx.install_getter(prototype, Name::byteLength, byte_length)?;
    cx.install_getter(prototype, Name::detached, detached)?;
    cx.install_getter(prototype, Name::maxByteLength, max_byte_length)?;
    cx.install_getter(prototype, Name::resizable, resizable)?;
    cx.install_methods(
        prototype,
        &[
            (Name::resize, 1, resize),
            (Name::slice, 2, slice),
            (Name::transfer, 0, transfer),
            (Name::transferToFixedLength, 0, transfer_to_fixed_length),
        ],
    )?;
    cx.install_tag(prototype, "ArrayBuffer")
}

/// ArrayBuffer (§25.1.4.1).
fn array_buffer<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. If NewTarget is undefined, throw a TypeError exception.
    if args.new_target().is_undefined() {
        return Err(cx.type_error("Constructor ArrayBuffer requires 'new'"));
    }
    // 2. Let byteLength be ? ToIndex(length).
    let length = cx.to_index(cx.arg(args, 0))?;
    // 3. Let requestedMaxByteLength be ? GetArrayBufferMaxByteLengthOption(options).
    let max = cx.max_byte_length_option(cx.arg(args, 1))?;
    cx.allocate_buffer(args.new_target(), length, max, false)
}

/// ArrayBuffer.isView (§25.1.5.1).
fn is_view<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(matches!(cx.class_of(cx.arg(args, 0)), Some(Class::TypedArray | Class::DataView))))
}

/// get ArrayBuffer.prototype.byteLength (§25.1.6.1).
fn byte_length<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.require_buffer(this, Class::ArrayBuffer, "ArrayBuffer.prototype.byteLength")?;
    Ok(Local::number(cx.buffer_byte_length(this) as f64))
}

/// get ArrayBuffer.prototype.detached (§25.1.6.3).
fn detached<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.require_buffer(this, Class::ArrayBuffer, "ArrayBuffer.prototype.detached")?;
    Ok(Local::bool(cx.is_detached(this)))
}

/// get ArrayBuffer.prototype.maxByteLength (§25.1.6.4).
fn max_byte_length<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.require_buffer(this, Class::ArrayBuffer, "ArrayBuffer.prototype.maxByteLength")?;
    let max = cx.backing(cx.value(this)).map_or(0, |backing| backing.max());
    Ok(Local::number(max as f64))
}

/// get ArrayBuffer.prototype.resizable (§25.1.6.5).
fn resizable<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.require_buffer(this, Class::ArrayBuffer, "ArrayBuffer.prototype.resizable")?;
    Ok(Local::bool(cx.is_resizable_buffer(this)))
}

/// ArrayBuffer.prototype.resize (§25.1.6.6).
fn resize<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "ArrayBuffer.prototype.resize";
    // 2. Perform ? RequireInternalSlot(O, [[ArrayBufferMaxByteLength]]).
    cx.require_buffer(this, Class::ArrayBuffer, METHOD)?;
    if !cx.is_resizable_buffer(this) {
        return Err(cx.type_error(&format!("Method {METHOD} called on a fixed-length ArrayBuffer")));
    }
    // 4. Let newByteLength be ? ToIndex(newLength).
    let length = cx.to_index(cx.arg(args, 0))?;
    // 5. If IsDetachedBuffer(O) is true, throw a TypeError exception.
    cx.require_attached(this, METHOD)?;
    // 6. Let hostHandled be ? HostResizeArrayBuffer(O, newByteLength).
    if cx.host_resize(this, length)? {
        return Ok(Local::UNDEFINED);
    }
    let is_done = cx.backing(cx.value(this)).is_some_and(|backing| usize::try_from(length).is_ok_and(|to| backing.resize(to)));
    if !is_done {
        return Err(cx.range_error(&format!("{METHOD}: Invalid length parameter")));
    }
    Ok(Local::UNDEFINED)
}

/// ArrayBuffer.prototype.slice (§25.1.6.7).
fn slice<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "ArrayBuffer.prototype.slice";
    cx.require_buffer(this, Class::ArrayBuffer, METHOD)?;
    // 4. If IsDetachedBuffer(O) is true, throw a TypeError exception.
    cx.require_attached(this, METHOD)?;
    let bounds = (cx.arg(args, 0), cx.arg(args, 1));
    cx.slice_buffer(this, bounds, Class::ArrayBuffer, METHOD)
}

/// ArrayBuffer.prototype.transfer (§25.1.6.8).
fn transfer<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    copy_and_detach(cx, this, args, true)
}

/// ArrayBuffer.prototype.transferToFixedLength (§25.1.6.9).
fn transfer_to_fixed_length<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    copy_and_detach(cx, this, args, false)
}

/// ArrayBufferCopyAndDetach (§25.1.3.6).
fn copy_and_detach<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, preserves: bool) -> Completion<Local<'s>> {
    const METHOD: &str = "ArrayBuffer.prototype.transfer";
    cx.require_buffer(this, Class::ArrayBuffer, METHOD)?;
    let wanted = cx.arg(args, 0);
    // 3. and 4. Let newByteLength be the buffer's, or ? ToIndex(newLength).
    let length = if wanted.is_undefined() { cx.buffer_byte_length(this) as u64 } else { cx.to_index(wanted)? };
    // 5. If IsDetachedBuffer(arrayBuffer) is true, throw a TypeError exception.
    cx.require_attached(this, METHOD)?;
    let Some(from) = cx.buffer_backing(this) else { return Ok(Local::UNDEFINED) };
    let is_resizable = preserves && from.is_resizable();
    // 9. If arrayBuffer.[[ArrayBufferDetachKey]] is not undefined, throw a TypeError exception.
    if !cx.field_value(this, crate::js::builtins::array_buffer::DETACH_KEY).is_undefined() {
        return Err(cx.type_error("Cannot transfer an ArrayBuffer that belongs to something else"));
    }
    let new = if length == from.len() as u64 && is_resizable == from.is_resizable() {
        // Nobody can tell: the bytes change their owner.
        cx.new_buffer_of(from)?
    } else {
        let constructor = cx.intrinsic(Intrinsic::ArrayBuffer);
        let max = is_resizable.then(|| from.max() as u64);
        let new = cx.allocate_buffer(constructor, length, max, false)?;
        if let Some(to) = cx.backing(cx.value(new)) {
            to.copy(0, &from, 0, to.len().min(from.len()));
        }
        new
    };
    cx.detach_array_buffer(this)?;
    Ok(new)
}
