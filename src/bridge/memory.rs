//! `WebAssembly.Memory` (§5.3).
//!
//! A memory's object holds the buffer that shows its bytes. The buffer's detach key is the object, so that no script detaches it, and so that the buffer keeps
//! the memory. When the memory grows, a buffer of fixed length loses its bytes at once, and is detached as soon as scripts go on.

use crate::base::limits::{MEMORY32_PAGE_COUNT, MEMORY64_PAGE_COUNT};
use crate::bridge::companion::{Bridge, in_store, object_with};
use crate::bridge::idl::{
    Kind, Member, address_to_js, address_type, address_value, begin_construct, interface, limits, member, owned, require,
    require_args, require_dictionary,
};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::object::{Attributes, PropertyDescriptor};
use crate::runtime::liveness::Owned;
use crate::wasm::types::MemoryType;

/// What a memory counts for when the store asks itself whether to look for what is not needed: its address space is dear.
const WEIGHT: usize = 8;
/// Word of the object: its buffer.
const BUFFER: u32 = 0;

pub(super) fn install<'s>(cx: &mut Cx<'s>, namespace: Local<'s>) -> Completion<Local<'s>> {
    let members = [
        Member::Operation("grow", 1, grow),
        Member::Operation("toFixedLengthBuffer", 0, to_fixed),
        Member::Operation("toResizableBuffer", 0, to_resizable),
        Member::Getter("buffer", buffer),
    ];
    interface(cx, namespace, Kind::Memory, 1, construct, &members)
}

/// Memory(descriptor).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Memory()";
    let prototype = begin_construct(cx, args, Kind::Memory, 1)?;
    let descriptor = cx.arg(args, 0);
    require_dictionary(cx, descriptor, WHAT)?;
    let memory64 = address_type(cx, descriptor, WHAT)?;
    let (min, max) = limits(cx, descriptor, memory64, WHAT)?;
    let shared = member(cx, descriptor, "shared")?.is_some_and(|shared| cx.to_boolean(shared));
    if max.is_some_and(|max| max < min) {
        return Err(cx.range_error("WebAssembly.Memory(): Property 'maximum': value is below the lower bound"));
    }
    if shared && max.is_none() {
        return Err(cx.type_error("WebAssembly.Memory(): If shared is true, maximum property should be specified."));
    }
    let limit = if memory64 { MEMORY64_PAGE_COUNT } else { MEMORY32_PAGE_COUNT };
    if min > limit || max.is_some_and(|max| max > limit) {
        return Err(cx.range_error("WebAssembly.Memory(): Property 'initial': value is above the upper bound"));
    }
    let ty = MemoryType { min, max, memory64, shared, page_size_log2: 16 };
    let made = in_store(cx, |store| {
        store.count_made(WEIGHT);
        let made = store.new_memory(ty, None).or_else(|_| {
            // What nothing needs any more may have what is missing.
            store.collect_instances();
            store.new_memory(ty, None)
        });
        // It may be garbage one day.
        made.inspect(|&index| _ = store.memory_handle(index))
    })?;
    match made {
        Ok(index) => object_with(cx, Owned::Memory(index), prototype),
        Err(_) => Err(cx.range_error("WebAssembly.Memory(): could not allocate memory")),
    }
}

/// The index of a memory that is the `this` of a method.
fn this_memory<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str) -> Completion<u32> {
    require(cx, this, Kind::Memory, method)?;
    index_of(cx, this)
}

/// The index of a memory's object.
pub(super) fn index_of(cx: &mut Cx<'_>, object: Local<'_>) -> Completion<u32> {
    match owned(cx, object)? {
        Owned::Memory(index) => Ok(index),
        _ => Err(cx.type_error("not a memory")),
    }
}

/// Memory.prototype.grow(delta).
fn grow<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Memory.grow()";
    let index = this_memory(cx, this, WHAT)?;
    require_args(cx, args, 1, WHAT)?;
    let ty = in_store(cx, |store| store.memories[index as usize].declared_type())?;
    let delta = address_value(cx, cx.arg(args, 0), ty.memory64, "WebAssembly.Memory.grow(): Argument 0")?;
    let old = grow_by(cx, index, delta)?;
    match old {
        Some(old) => address_to_js(cx, old, ty.memory64),
        None => Err(cx.range_error("WebAssembly.Memory.grow(): Maximum memory size exceeded")),
    }
}

/// Grows a memory, and refreshes its buffer.
fn grow_by(cx: &mut Cx<'_>, index: u32, delta: u64) -> Completion<Option<u64>> {
    let grown = in_store(cx, |store| {
        let old = store.grow_memory(index, delta);
        store.views_closed = false;
        old
    })?;
    detach_closed(cx)?;
    if grown.is_some() {
        forget_shared(cx, index);
    }
    Ok(grown)
}

/// A buffer of a shared memory shows the length that the memory had: the next one is another.
fn forget_shared(cx: &mut Cx<'_>, index: u32) {
    let Some(bridge) = cx.companion::<Bridge>() else { return };
    let Some(object) = bridge.known_object(Owned::Memory(index)) else { return };
    let mut cx = cx.open();
    let object = cx.root_reference(object);
    let buffer = cx.embedder_field(object, BUFFER);
    let is_shared = cx.is(buffer, crate::js::class::Class::SharedArrayBuffer);
    if is_shared && !cx.is_resizable_buffer(buffer) {
        cx.set_embedder_field(object, BUFFER, Local::UNDEFINED);
    }
}

/// Between guests and scripts, when memories may have grown: detaches the buffers whose bytes are gone. Without any, nothing is allocated.
#[inline]
pub(super) fn follow(cx: &mut Cx<'_>, views_closed: bool) -> Completion<()> {
    if views_closed { detach_closed(cx) } else { Ok(()) }
}

#[cold]
fn detach_closed(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let memories = cx.companion::<Bridge>().map(Bridge::known_memories).unwrap_or_default();
    // Nothing is allocated meanwhile, so that the references stay good.
    for (index, object) in memories {
        let mut cx = cx.open();
        let object = cx.root_reference(object);
        if in_store(&mut cx, |store| store.memories[index as usize].has_no_view())? {
            drop_buffer(&mut cx, object);
        }
    }
    Ok(())
}

/// get Memory.prototype.buffer.
fn buffer<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let index = this_memory(cx, this, "get WebAssembly.Memory.buffer")?;
    let buffer = cx.embedder_field(this, BUFFER);
    if buffer.is_object() {
        return Ok(buffer);
    }
    new_buffer(cx, this, index, None)
}

/// A buffer over the bytes, in place of the one before.
fn new_buffer<'s>(cx: &mut Cx<'s>, this: Local<'s>, index: u32, max: Option<usize>) -> Completion<Local<'s>> {
    let view = in_store(cx, |store| store.memories[index as usize].view(max))?;
    let Some(view) = view else { return Err(cx.range_error("WebAssembly.Memory: the buffer would be too large")) };
    let is_shared = view.is_shared();
    let buffer = cx.new_buffer_of(view)?;
    cx.set_detach_key(buffer, this);
    if is_shared {
        // Scripts cannot tell the class of a frozen object from others, but that it is frozen they can.
        cx.prevent_extensions(buffer)?;
    }
    cx.set_embedder_field(this, BUFFER, buffer);
    Ok(buffer)
}

/// Gives the buffer up, if there is one.
fn drop_buffer<'s>(cx: &mut Cx<'s>, this: Local<'s>) {
    let buffer = cx.embedder_field(this, BUFFER);
    if buffer.is_object() {
        cx.detach_by_owner(buffer);
        cx.set_embedder_field(this, BUFFER, Local::UNDEFINED);
    }
}

/// Memory.prototype.toFixedLengthBuffer().
fn to_fixed<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let index = this_memory(cx, this, "WebAssembly.Memory.toFixedLengthBuffer()")?;
    let buffer = self::buffer(cx, this, args)?;
    // If IsFixedLengthArrayBuffer(buffer) is true, return buffer.
    if !cx.is_resizable_buffer(buffer) {
        return Ok(buffer);
    }
    drop_buffer(cx, this);
    new_buffer(cx, this, index, None)
}

/// Memory.prototype.toResizableBuffer().
fn to_resizable<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let index = this_memory(cx, this, "WebAssembly.Memory.toResizableBuffer()")?;
    let buffer = self::buffer(cx, this, args)?;
    if cx.is_resizable_buffer(buffer) {
        return Ok(buffer);
    }
    let ty = in_store(cx, |store| store.memories[index as usize].declared_type())?;
    // If the memory has a maximum, maxsize is that; else it is 65536 * 65536.
    let max = ty.max.unwrap_or(MEMORY32_PAGE_COUNT).saturating_mul(ty.page_bytes());
    let max = usize::try_from(max).unwrap_or(usize::MAX).min(crate::heap::backing::MAX_BYTES);
    drop_buffer(cx, this);
    new_buffer(cx, this, index, Some(max))
}

/// HostResizeArrayBuffer and HostGrowSharedArrayBuffer: a memory's buffer grows with its memory, by whole pages. `false` for other buffers.
pub(super) fn resize<'s>(cx: &mut Cx<'s>, buffer: Local<'s>, length: u64) -> Completion<bool> {
    let memory = cx.detach_key(buffer);
    if cx.embedder_kind(memory) != Some(Kind::Memory as i32) {
        return Ok(false);
    }
    let index = index_of(cx, memory)?;
    let (now, page) = in_store(cx, |store| {
        let memory = &store.memories[index as usize];
        (memory.len_bytes(), memory.declared_type().page_bytes())
    })?;
    if length < now || !(length - now).is_multiple_of(page) {
        return Err(cx.range_error("WebAssembly.Memory: the buffer grows by whole pages"));
    }
    match grow_by(cx, index, (length - now) / page)? {
        Some(_) => Ok(true),
        None => Err(cx.range_error("WebAssembly.Memory: the buffer cannot grow so much")),
    }
}

/// Defines a property that is there to be read: of frozen objects.
pub(super) fn define_frozen<'s>(cx: &mut Cx<'s>, on: Local<'s>, name: &str, value: Local<'s>) -> Completion<()> {
    let key = cx.key(name)?;
    cx.define_property_or_throw(on, key, PropertyDescriptor::data(value, Attributes::ENUMERABLE)).map(drop)
}
