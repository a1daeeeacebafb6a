//! Tools of WebIDL: interfaces, dictionaries, conversions.

use crate::bridge::companion::in_store;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Native, Thrown};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;
use crate::js::object::{Attributes, PropertyDescriptor};
use crate::runtime::liveness::Owned;
use crate::wasm::types::{RefType, ValType};

macro_rules! kinds {
    ($($kind:ident)*) => {
        /// What an object of the bridge's is; and where the realm has its prototype.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Kind { $($kind,)* }

        impl Kind {
            /// The interface's name.
            pub fn name(self) -> &'static str {
                [$(stringify!($kind)),*][self as usize]
            }
        }
    };
}

// The last one is an object of a guest. It has no prototype, and no interface.
kinds! { Module Instance Memory Table Global Tag Exception CompileError LinkError RuntimeError Opaque }

/// A member of an interface or namespace.
#[derive(Debug, Clone, Copy)]
pub(super) enum Member {
    /// An operation: name, length, what it does.
    Operation(&'static str, u32, Native),
    /// A static operation.
    Static(&'static str, u32, Native),
    /// An attribute.
    Getter(&'static str, Native),
    /// An attribute that can be set.
    Attribute(&'static str, Native, Native),
}

/// Defines an operation.
pub(super) fn operation<'s>(cx: &mut Cx<'s>, on: Local<'s>, name: &str, length: u32, native: Native) -> Completion<()> {
    let mut cx = cx.open();
    let key = cx.key(name)?;
    let function = cx.new_native(native, key, length, false)?;
    cx.define_data(on, key, function, Attributes::ALL)
}

/// Defines an attribute.
pub(super) fn attribute<'s>(
    cx: &mut Cx<'s>,
    on: Local<'s>,
    name: &str,
    getter: Native,
    setter: Option<Native>,
) -> Completion<()> {
    let mut cx = cx.open();
    let key = cx.key(name)?;
    let prototype = cx.intrinsic(Intrinsic::FunctionPrototype);
    let get = cx.new_native_with(getter, key, "get", 0, false, prototype)?;
    let set = match setter {
        Some(setter) => cx.new_native_with(setter, key, "set", 1, false, prototype)?,
        None => Local::UNDEFINED,
    };
    let visible = Attributes::from_bits(Attributes::ENUMERABLE.bits() | Attributes::CONFIGURABLE.bits());
    cx.define_property_or_throw(on, key, PropertyDescriptor::accessor(get, set, visible)).map(drop)
}

/// `Symbol.toStringTag`.
pub(super) fn tag<'s>(cx: &mut Cx<'s>, on: Local<'s>, text: &str) -> Completion<()> {
    let mut cx = cx.open();
    let text = cx.string(text)?;
    cx.define_data(on, Name::sym_toStringTag.key(), text, Attributes::CONFIGURABLE)
}

/// Makes an interface in a namespace: its prototype.
pub(super) fn interface<'s>(
    cx: &mut Cx<'s>,
    namespace: Local<'s>,
    kind: Kind,
    length: u32,
    native: Native,
    members: &[Member],
) -> Completion<Local<'s>> {
    let (constructor, prototype) = cx.new_class(kind.name(), length, native)?;
    let key = cx.key(kind.name())?;
    cx.define_data(namespace, key, constructor, Attributes::HIDDEN)?;
    for &member in members {
        match member {
            Member::Operation(name, length, native) => operation(cx, prototype, name, length, native)?,
            Member::Static(name, length, native) => operation(cx, constructor, name, length, native)?,
            Member::Getter(name, getter) => attribute(cx, prototype, name, getter, None)?,
            Member::Attribute(name, getter, setter) => attribute(cx, prototype, name, getter, Some(setter))?,
        }
    }
    tag(cx, prototype, &format!("WebAssembly.{}", kind.name()))?;
    Ok(prototype)
}

/// Begins a constructor: the prototype of what it makes. Refuses a call without `new`, or with fewer arguments.
pub(super) fn begin_construct<'s>(cx: &mut Cx<'s>, args: Args<'s>, kind: Kind, count: usize) -> Completion<Local<'s>> {
    if args.new_target().is_undefined() {
        return Err(cx.type_error(&format!("WebAssembly.{} must be invoked with 'new'", kind.name())));
    }
    require_args(cx, args, count, &format!("WebAssembly.{}()", kind.name()))?;
    cx.embedder_prototype_of(args.new_target(), kind as u32)
}

/// Refuses a call with fewer arguments.
pub(super) fn require_args<'s>(cx: &mut Cx<'s>, args: Args<'s>, count: usize, what: &str) -> Completion<()> {
    if args.len() < count {
        return Err(cx.type_error(&format!("{what}: {count} argument required, but only {} present", args.len())));
    }
    Ok(())
}

/// Refuses a `this`, or another value, that is not of an interface.
pub(super) fn require<'s>(cx: &mut Cx<'s>, value: Local<'s>, kind: Kind, what: &str) -> Completion<()> {
    if cx.embedder_kind(value) == Some(kind as i32) {
        return Ok(());
    }
    Err(cx.type_error(&format!("{what}: Receiver is not a WebAssembly.{}", kind.name())))
}

/// What the store owns for which an object stands.
pub(super) fn owned(cx: &mut Cx<'_>, object: Local<'_>) -> Completion<Owned> {
    let identity = cx.guest_of(object);
    match in_store(cx, |store| store.func_table.owner(identity))? {
        Some(owned) => Ok(owned),
        None => Err(cx.type_error("the object is gone")),
    }
}

/// A dictionary: `undefined` and `null` are empty ones.
pub(super) fn require_dictionary<'s>(cx: &mut Cx<'s>, value: Local<'s>, what: &str) -> Completion<()> {
    if value.is_object() || value.is_nullish() {
        return Ok(());
    }
    Err(cx.type_error(&format!("{what}: Argument 0 must be a descriptor")))
}

/// A member of a dictionary; nothing if it is not there.
pub(super) fn member<'s>(cx: &mut Cx<'s>, dictionary: Local<'s>, name: &str) -> Completion<Option<Local<'s>>> {
    if !dictionary.is_object() {
        return Ok(None);
    }
    let key: Key<'s> = cx.key(name)?;
    let value = cx.get(dictionary, key)?;
    Ok(if value.is_undefined() { None } else { Some(value) })
}

/// The error of a member that is required.
pub(super) fn missing(cx: &mut Cx<'_>, what: &str, name: &str) -> Thrown {
    cx.type_error(&format!("{what}: Property '{name}' is required"))
}

/// Whether addresses are BigInts: `AddressType`.
pub(super) fn address_type<'s>(cx: &mut Cx<'s>, dictionary: Local<'s>, what: &str) -> Completion<bool> {
    let Some(value) = member(cx, dictionary, "address")? else { return Ok(false) };
    let text = cx.to_rust_text(value)?;
    match &*text {
        "i32" => Ok(false),
        "i64" => Ok(true),
        _ => Err(cx.type_error(&format!("{what}: Unknown address type '{text}'; pass 'i32' or 'i64'"))),
    }
}

/// AddressValueToU64(v, addressType).
pub(super) fn address_value<'s>(cx: &mut Cx<'s>, value: Local<'s>, is_long: bool, what: &str) -> Completion<u64> {
    if is_long {
        let bigint = cx.to_bigint(value)?;
        let low = cx.low_bits_of(bigint);
        let back = cx.bigint_of_u64(low)?;
        if cx.bigints_equal(bigint, back) {
            return Ok(low);
        }
        return Err(cx.type_error(&format!("{what} must be convertible to a valid number of 64 bits")));
    }
    enforce_range_u32(cx, value, what).map(u64::from)
}

/// \[EnforceRange\] unsigned long.
pub(super) fn enforce_range_u32<'s>(cx: &mut Cx<'s>, value: Local<'s>, what: &str) -> Completion<u32> {
    let number = cx.to_number(value)?;
    let integer = number.trunc();
    if number.is_finite() && (0.0..=f64::from(u32::MAX)).contains(&integer) {
        return Ok(integer as u32);
    }
    Err(cx.type_error(&format!("{what} must be convertible to a valid number")))
}

/// U64ToAddressValue(v, addressType).
pub(super) fn address_to_js<'s>(cx: &mut Cx<'s>, value: u64, is_long: bool) -> Completion<Local<'s>> {
    if is_long { cx.bigint_of_u64(value) } else { Ok(Local::number(value as f64)) }
}

/// A ValueType.
pub(super) fn value_type<'s>(cx: &mut Cx<'s>, value: Local<'s>, what: &str) -> Completion<ValType> {
    let text = cx.to_rust_text(value)?;
    Ok(match &*text {
        "i32" => ValType::I32,
        "i64" => ValType::I64,
        "f32" => ValType::F32,
        "f64" => ValType::F64,
        "v128" => ValType::V128,
        _ => match reference_type(&text) {
            Some(ty) => ValType::Ref(ty),
            None => return Err(cx.type_error(&format!("{what}: Unknown type '{text}'"))),
        },
    })
}

/// A type of references by its name.
pub(super) fn reference_type(name: &str) -> Option<RefType> {
    match name {
        "externref" => Some(RefType::EXTERN),
        "anyfunc" => Some(RefType::FUNC),
        _ => None,
    }
}

/// A BufferSource's bytes.
pub(super) fn bytes_of<'s>(cx: &mut Cx<'s>, value: Local<'s>, what: &str) -> Completion<Vec<u8>> {
    match cx.class_of(value) {
        Some(Class::SharedArrayBuffer) | None => {}
        Some(_) => {
            if let Some(bytes) = cx.bytes_of_view(value) {
                return Ok(bytes);
            }
        }
    }
    Err(cx.type_error(&format!("{what}: Argument 0 must be a buffer source")))
}

/// The members `initial` and `maximum` of a descriptor, in that order.
pub(super) fn limits<'s>(cx: &mut Cx<'s>, descriptor: Local<'s>, is_long: bool, what: &str) -> Completion<(u64, Option<u64>)> {
    let Some(initial) = member(cx, descriptor, "initial")? else { return Err(missing(cx, what, "initial")) };
    let min = address_value(cx, initial, is_long, &format!("{what}: Property 'initial': value"))?;
    let max = match member(cx, descriptor, "maximum")? {
        Some(maximum) => Some(address_value(cx, maximum, is_long, &format!("{what}: Property 'maximum': value"))?),
        None => None,
    };
    Ok((min, max))
}

/// A sequence: the values of an iterable object. `what` is what is not one.
pub(super) fn sequence<'s>(cx: &mut Cx<'s>, value: Local<'s>, what: &str) -> Completion<Vec<Local<'s>>> {
    let method = if value.is_object() { cx.get_method(value, Name::sym_iterator.key())? } else { Local::UNDEFINED };
    if method.is_undefined() {
        return Err(cx.type_error(&format!("{what} must be iterable")));
    }
    let record = cx.get_iterator_from_method(value, method)?;
    cx.iterator_to_list(record)
}
