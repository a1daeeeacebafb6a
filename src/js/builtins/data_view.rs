//! DataView objects (§25.3).
#![forbid(unsafe_code)]

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::element::Element;
use crate::js::object::typed_array::{VIEW_BUFFER, VIEW_LENGTH, VIEW_OFFSET};

/// Makes `DataView`.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let (_, prototype) = cx.install_constructor(Constructor {
        name: Name::DataView,
        native: data_view,
        length: 1,
        intrinsic: Intrinsic::DataView,
        prototype: Intrinsic::DataViewPrototype,
    })?;
    cx.install_getter(prototype, Name::buffer, buffer)?;
    cx.install_getter(prototype, Name::byteLength, byte_length)?;
    cx.install_getter(prototype, Name::byteOffset, byte_offset)?;
    cx.install_methods(prototype, &GETTERS)?;
    cx.install_methods(prototype, &SETTERS)?;
    cx.install_tag(prototype, "DataView")
}

/// DataView (§25.3.2.1).
fn data_view<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. If NewTarget is undefined, throw a TypeError exception.
    if args.new_target().is_undefined() {
        return Err(cx.type_error("Constructor DataView requires 'new'"));
    }
    // 2. Perform ? RequireInternalSlot(buffer, [[ArrayBufferData]]).
    let (buffer, length) = (cx.arg(args, 0), cx.arg(args, 2));
    if !cx.is_any_buffer(buffer) {
        return Err(cx.type_error("First argument to DataView constructor must be an ArrayBuffer"));
    }
    // 3. Let offset be ? ToIndex(byteOffset).
    let offset = cx.to_index(cx.arg(args, 1))?;
    require_attached(cx, buffer)?;
    let bytes = cx.buffer_byte_length(buffer) as u64;
    if offset > bytes {
        return Err(cx.range_error(&format!("Start offset {offset} is outside the bounds of the buffer")));
    }
    // 7. to 9. Without a length the view of a resizable buffer follows its length.
    let length = if length.is_undefined() {
        (!cx.is_resizable_buffer(buffer)).then(|| bytes - offset)
    } else {
        let length = cx.to_index(length)?;
        check_end(cx, offset, length, bytes)?;
        Some(length)
    };
    // 10. Let O be ? OrdinaryCreateFromConstructor(NewTarget, "%DataView.prototype%", slots).
    let view = cx.create_from_constructor(Class::DataView, args.new_target(), Intrinsic::DataViewPrototype)?;
    // 11. to 14. The prototype's getter may have changed the buffer.
    require_attached(cx, buffer)?;
    let bytes = cx.buffer_byte_length(buffer) as u64;
    if offset > bytes {
        return Err(cx.range_error(&format!("Start offset {offset} is outside the bounds of the buffer")));
    }
    if let Some(length) = length {
        check_end(cx, offset, length, bytes)?;
    }
    cx.set_field(view, VIEW_BUFFER, buffer);
    cx.set_field(view, VIEW_OFFSET, Local::number(offset as f64));
    cx.set_field(view, VIEW_LENGTH, length.map_or(Local::UNDEFINED, |length| Local::number(length as f64)));
    Ok(view)
}

fn require_attached<'s>(cx: &mut Cx<'s>, buffer: Local<'s>) -> Completion<()> {
    if cx.is_detached(buffer) {
        return Err(cx.type_error("Cannot perform DataView on a detached ArrayBuffer"));
    }
    Ok(())
}

fn check_end(cx: &mut Cx<'_>, offset: u64, length: u64, bytes: u64) -> Completion<()> {
    if offset.checked_add(length).is_none_or(|end| end > bytes) {
        return Err(cx.range_error(&format!("Invalid DataView length {length}")));
    }
    Ok(())
}

/// RequireInternalSlot(O, [[DataView]]).
fn require<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str) -> Completion<()> {
    if cx.is(this, Class::DataView) {
        return Ok(());
    }
    let text = cx.display(this);
    Err(cx.type_error(&format!("Method DataView.prototype.{method} called on incompatible receiver {text}")))
}

/// What a view that is out of bounds throws.
fn out_of_bounds<'s>(cx: &mut Cx<'s>, method: &str) -> crate::js::cx::Thrown {
    cx.type_error(&format!("Cannot perform DataView.prototype.{method} on a detached ArrayBuffer"))
}

/// get DataView.prototype.buffer (§25.3.4.1).
fn buffer<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, "buffer")?;
    Ok(cx.field(this, VIEW_BUFFER))
}

/// get DataView.prototype.byteLength (§25.3.4.2).
fn byte_length<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, "byteLength")?;
    match cx.view_bytes(this).map(|(_, _, bytes)| bytes) {
        Some(bytes) => Ok(Local::number(bytes as f64)),
        None => Err(out_of_bounds(cx, "byteLength")),
    }
}

/// get DataView.prototype.byteOffset (§25.3.4.3).
fn byte_offset<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    require(cx, this, "byteOffset")?;
    if cx.view_bytes(this).is_none() {
        return Err(out_of_bounds(cx, "byteOffset"));
    }
    Ok(cx.field(this, VIEW_OFFSET))
}

/// The bits as they lie in bytes, if the lowest one comes first or not.
fn ordered(element: Element, bits: u64, is_little: bool) -> u64 {
    if is_little { bits } else { bits.swap_bytes() >> (64 - 8 * element.size()) }
}

/// GetViewValue (§25.3.1.5).
fn get_view_value<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, element: Element, method: &str) -> Completion<Local<'s>> {
    require(cx, this, method)?;
    // 3. Let getIndex be ? ToIndex(requestIndex).
    let index = cx.to_index(cx.arg(args, 0))?;
    let is_little = cx.to_boolean(cx.arg(args, 1));
    let Some((backing, offset, bytes)) = cx.view_bytes(this) else { return Err(out_of_bounds(cx, method)) };
    // 10. If getIndex + elementSize > viewSize, throw a RangeError exception.
    let is_there = index + element.size() as u64 <= bytes as u64;
    let bits = if is_there { element.load(backing, offset + index as usize) } else { None };
    match bits {
        Some(bits) => cx.element_value(element, ordered(element, bits, is_little)),
        None => Err(cx.range_error("Offset is outside the bounds of the DataView")),
    }
}

/// SetViewValue (§25.3.1.6).
fn set_view_value<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, element: Element, method: &str) -> Completion<Local<'s>> {
    require(cx, this, method)?;
    // 3. Let getIndex be ? ToIndex(requestIndex).
    let index = cx.to_index(cx.arg(args, 0))?;
    // 4. and 5. Convert the value.
    let bits = cx.element_bits(element, cx.arg(args, 1))?;
    let is_little = cx.to_boolean(cx.arg(args, 2));
    let Some((backing, offset, bytes)) = cx.view_bytes(this) else { return Err(out_of_bounds(cx, method)) };
    // 12. If getIndex + elementSize > viewSize, throw a RangeError exception.
    let is_there = index + element.size() as u64 <= bytes as u64;
    if is_there && element.store(backing, offset + index as usize, ordered(element, bits, is_little)) {
        return Ok(Local::UNDEFINED);
    }
    Err(cx.range_error("Offset is outside the bounds of the DataView"))
}

macro_rules! accessors {
    ($($element:ident $get:ident $set:ident,)*) => {
        /// The getters (§25.3.4).
        const GETTERS: [(Name, u32, Native); 11] = [$((Name::$get, 1, get::$get),)*];
        /// The setters (§25.3.4).
        const SETTERS: [(Name, u32, Native); 11] = [$((Name::$set, 2, set::$set),)*];

        #[allow(non_snake_case, reason = "the names are those of the methods")]
        mod get {
            use super::{Args, Completion, Cx, Element, Local};
            $(
                /// A getter of DataView.prototype (§25.3.4).
                pub(super) fn $get<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
                    super::get_view_value(cx, this, args, Element::$element, stringify!($get))
                }
            )*
        }

        #[allow(non_snake_case, reason = "the names are those of the methods")]
        mod set {
            use super::{Args, Completion, Cx, Element, Local};
            $(
                /// A setter of DataView.prototype (§25.3.4).
                pub(super) fn $set<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
                    super::set_view_value(cx, this, args, Element::$element, stringify!($set))
                }
            )*
        }
    };
}

accessors! {
    BigInt64 getBigInt64 setBigInt64,
    BigUint64 getBigUint64 setBigUint64,
    Float16 getFloat16 setFloat16,
    Float32 getFloat32 setFloat32,
    Float64 getFloat64 setFloat64,
    Int8 getInt8 setInt8,
    Int16 getInt16 setInt16,
    Int32 getInt32 setInt32,
    Uint8 getUint8 setUint8,
    Uint16 getUint16 setUint16,
    Uint32 getUint32 setUint32,
}
