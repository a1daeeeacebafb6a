//! `WebAssembly.Table` (§5.4).

use crate::base::limits::TABLE_ELEM_COUNT;
use crate::bridge::companion::{in_store, object_with};
use crate::bridge::idl::{
    Kind, Member, address_to_js, address_type, address_value, begin_construct, interface, limits, member, missing, owned,
    reference_type, require, require_args, require_dictionary,
};
use crate::bridge::values::{Carried, bits_of, carry, default_value, refused, to_guest, to_js};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::runtime::liveness::Owned;
use crate::wasm::types::{TableType, ValType};

pub(super) fn install<'s>(cx: &mut Cx<'s>, namespace: Local<'s>) -> Completion<Local<'s>> {
    let members = [
        Member::Operation("grow", 1, grow),
        Member::Operation("get", 1, get),
        Member::Operation("set", 1, set),
        Member::Getter("length", length),
    ];
    interface(cx, namespace, Kind::Table, 1, construct, &members)
}

/// Table(descriptor, value).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Table()";
    let prototype = begin_construct(cx, args, Kind::Table, 1)?;
    let descriptor = cx.arg(args, 0);
    require_dictionary(cx, descriptor, WHAT)?;
    let Some(element) = member(cx, descriptor, "element")? else { return Err(missing(cx, WHAT, "element")) };
    let element = cx.to_rust_text(element)?;
    let Some(element) = reference_type(&element) else {
        return Err(cx.type_error("WebAssembly.Table(): Descriptor property 'element' must be a WebAssembly reference type"));
    };
    let table64 = address_type(cx, descriptor, WHAT)?;
    let (min, max) = limits(cx, descriptor, table64, WHAT)?;
    if max.is_some_and(|max| max < min) || min > TABLE_ELEM_COUNT {
        return Err(cx.range_error("WebAssembly.Table(): Property 'initial': value is out of bounds"));
    }
    let ty = TableType { element, min, max, table64 };
    let value = element_of(cx, args, ty)?;
    let bits = bits_of(cx, value) as u32;
    let made = in_store(cx, |store| store.new_table(ty, bits).inspect(|&index| _ = store.table_handle(index)))?;
    match made {
        Ok(index) => object_with(cx, Owned::Table(index), prototype),
        Err(error) => Err(cx.range_error(&format!("{WHAT}: {error}"))),
    }
}

/// The second argument as an element: its default if it is missing.
fn element_of<'s>(cx: &mut Cx<'s>, args: Args<'s>, ty: TableType) -> Completion<Carried<'s>> {
    let ty = ValType::Ref(ty.element);
    if args.len() < 2 || cx.arg(args, 1).is_undefined() {
        return match default_value(cx, ty)? {
            Some(value) => Ok(value),
            None => Err(cx.type_error("WebAssembly.Table: an element is required")),
        };
    }
    to_guest(cx, cx.arg(args, 1), ty)
}

/// The index and type of a table that is the `this` of a method.
fn this_table<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str) -> Completion<(usize, TableType)> {
    require(cx, this, Kind::Table, method)?;
    match owned(cx, this)? {
        Owned::Table(index) => {
            let ty = in_store(cx, |store| store.tables[index as usize].current_type())?;
            Ok((index as usize, ty))
        }
        _ => Err(cx.type_error("not a table")),
    }
}

/// The same, and an address that is the first argument.
fn this_and_address<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, what: &str) -> Completion<(usize, TableType, u64)> {
    let (index, ty) = this_table(cx, this, what)?;
    require_args(cx, args, 1, what)?;
    let address = address_value(cx, cx.arg(args, 0), ty.table64, &format!("{what}: Argument 0"))?;
    Ok((index, ty, address))
}

/// get Table.prototype.length.
fn length<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let (_, ty) = this_table(cx, this, "get WebAssembly.Table.length")?;
    address_to_js(cx, ty.min, ty.table64)
}

/// Table.prototype.grow(delta, value).
fn grow<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Table.grow()";
    let (index, ty, delta) = this_and_address(cx, this, args, WHAT)?;
    let value = element_of(cx, args, ty)?;
    let bits = bits_of(cx, value) as u32;
    let grown = in_store(cx, |store| store.grow_table(index as u32, delta, bits))?;
    match grown {
        Some(old) => address_to_js(cx, old, ty.table64),
        None => Err(cx.range_error(&format!("{WHAT}: failed to grow table by {delta}"))),
    }
}

/// Table.prototype.get(index).
fn get<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Table.get()";
    let (index, ty, position) = this_and_address(cx, this, args, WHAT)?;
    let element = ValType::Ref(ty.element);
    if super::companion::is_refused(element) {
        return Err(refused(cx));
    }
    let found = in_store(cx, |store| {
        usize::try_from(position).ok().and_then(|position| store.tables[index].elements().get(position).copied())
    })?;
    match found {
        Some(bits) => {
            let value = carry(cx, element, u128::from(bits));
            to_js(cx, element, value)
        }
        None => Err(cx.range_error(&format!("{WHAT}: invalid address {position} in a table of size {}", ty.min))),
    }
}

/// Table.prototype.set(index, value).
fn set<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const WHAT: &str = "WebAssembly.Table.set()";
    let (index, ty, position) = this_and_address(cx, this, args, WHAT)?;
    let value = match args.len() {
        1 => element_of(cx, args, ty)?,
        _ => to_guest(cx, cx.arg(args, 1), ValType::Ref(ty.element))?,
    };
    let bits = bits_of(cx, value) as u32;
    let is_set = in_store(cx, |store| {
        let elements = store.tables[index].elements_mut();
        usize::try_from(position).ok().and_then(|position| elements.get_mut(position)).map(|place| *place = bits).is_some()
    })?;
    if !is_set {
        return Err(cx.range_error(&format!("{WHAT}: invalid address {position} in a table of size {}", ty.min)));
    }
    Ok(Local::UNDEFINED)
}
