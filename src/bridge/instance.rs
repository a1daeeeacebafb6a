//! `WebAssembly.Instance` (§5.2), and the object of its exports.

use crate::bridge::companion::{function_object, in_store, object_of, object_with};
use crate::bridge::idl::{Kind, Member, begin_construct, interface, require};
use crate::bridge::imports;
use crate::bridge::memory::define_frozen;
use crate::bridge::module::{Compiled, argument};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::runtime::liveness::Owned;
use crate::runtime::store::Store;
use crate::wasm::module::ExportIndex;
use cranelift_entity::EntityRef;

/// Word of the object: its exports.
const EXPORTS: u32 = 0;

pub(super) fn install<'s>(cx: &mut Cx<'s>, namespace: Local<'s>) -> Completion<Local<'s>> {
    interface(cx, namespace, Kind::Instance, 1, construct, &[Member::Getter("exports", exports)])
}

/// Instance(module, importObject).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Instance()";
    let prototype = begin_construct(cx, args, Kind::Instance, 1)?;
    let compiled = argument(cx, args, 1, WHAT)?;
    let imports = import_object(cx, cx.arg(args, 1), WHAT)?;
    let values = imports::read(cx, &compiled, imports, WHAT)?;
    let index = imports::instantiate(cx, &compiled, &values, WHAT)?;
    object(cx, &compiled, index, prototype)
}

/// An argument that is an object, or not given.
pub(super) fn import_object<'s>(cx: &mut Cx<'s>, value: Local<'s>, what: &str) -> Completion<Local<'s>> {
    if value.is_object() || value.is_undefined() {
        return Ok(value);
    }
    Err(cx.type_error(&format!("{what}: Argument 1 must be an object")))
}

/// "Instantiate" with values that were read: the object of an instance, with the realm's prototype.
pub(super) fn instantiate<'s>(cx: &mut Cx<'s>, compiled: &Compiled, values: &[Local<'s>], what: &str) -> Completion<Local<'s>> {
    let index = imports::instantiate(cx, compiled, values, what)?;
    let prototype = cx.embedder_intrinsic(Kind::Instance as u32);
    object(cx, compiled, index, prototype)
}

/// What an export is.
enum Found {
    Func(u32, u32),
    Owned(Owned),
}

fn find(store: &mut Store, instance: u32, export: ExportIndex) -> Option<Found> {
    if let ExportIndex::Func(func) = export {
        return store.func_ref(instance, func).ok().map(|reference| Found::Func(reference, func.as_u32()));
    }
    let object = &store.instances[instance as usize];
    Some(Found::Owned(match export {
        ExportIndex::Table(table) => Owned::Table(object.tables[table.index()]),
        ExportIndex::Memory(memory) => Owned::Memory(object.memories[memory.index()]),
        ExportIndex::Global(global) => Owned::Global(object.globals[global.index()]),
        ExportIndex::Tag(tag) => Owned::Tag(object.tags[tag.index()]),
        ExportIndex::Func(_) => return None,
    }))
}

/// "Initialize an instance object", with "create an exports object".
fn object<'s>(cx: &mut Cx<'s>, compiled: &Compiled, index: u32, prototype: Local<'s>) -> Completion<Local<'s>> {
    let instance = object_with(cx, Owned::Instance(index), prototype)?;
    let exports = cx.new_object_with(Local::NULL)?;
    for export in &compiled.module.decoded().exports {
        let mut cx = cx.open();
        let value = match in_store(&mut cx, |store| find(store, index, export.index))? {
            Some(Found::Func(reference, position)) => function_object(&mut cx, reference, Some(position))?,
            Some(Found::Owned(owned)) => object_of(&mut cx, owned)?,
            None => return Err(cx.range_error("no room for another function")),
        };
        let exports = cx.same(exports);
        define_frozen(&mut cx, exports, &export.name, value)?;
    }
    cx.prevent_extensions(exports)?;
    cx.set_embedder_field(instance, EXPORTS, exports);
    Ok(instance)
}

/// get Instance.prototype.exports.
fn exports<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, Kind::Instance, "get WebAssembly.Instance.exports")?;
    Ok(cx.embedder_field(this, EXPORTS))
}
