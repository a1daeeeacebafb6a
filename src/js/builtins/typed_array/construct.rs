//! %TypedArray% (§23.2.1, §23.2.2) and its twelve constructors (§23.2.5, §23.2.6).
#![forbid(unsafe_code)]

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;
use crate::js::object::element::Element;
use crate::js::object::shape::Attributes;

/// Makes %TypedArray%, which is no property of the global object.
pub(super) fn install_abstract<'s>(cx: &mut Cx<'s>) -> Completion<(Local<'s>, Local<'s>)> {
    let parent = cx.intrinsic(Intrinsic::FunctionPrototype);
    let above = cx.intrinsic(Intrinsic::ObjectPrototype);
    let prototype = cx.make_object(Class::Ordinary, above)?;
    let name = cx.key("TypedArray")?;
    let constructor = cx.new_native_with(typed_array, name, "", 0, true, parent)?;
    cx.define_data(constructor, Name::prototype.key(), prototype, Attributes::NONE)?;
    cx.define_data(prototype, Name::constructor.key(), constructor, Attributes::HIDDEN)?;
    cx.set_intrinsic(Intrinsic::TypedArray, constructor);
    cx.set_intrinsic(Intrinsic::TypedArrayPrototype, prototype);
    cx.install_methods(constructor, &[(Name::from, 1, from), (Name::of, 0, of)])?;
    cx.install_species(constructor)?;
    Ok((constructor, prototype))
}

/// Makes the constructor of an element type.
pub(super) fn install_concrete(cx: &mut Cx<'_>, element: Element) -> Completion<()> {
    let (name, intrinsic, prototype) = element.constructor();
    let parent = cx.intrinsic(Intrinsic::TypedArray);
    let above = cx.intrinsic(Intrinsic::TypedArrayPrototype);
    let object = cx.make_object(Class::Ordinary, above)?;
    let described = Constructor { name, native: native_of(element), length: 3, intrinsic, prototype };
    let (constructor, prototype) = cx.install_constructor_with(described, parent, object)?;
    let size = Local::int(1 << element.shift());
    cx.install_constant(constructor, Name::BYTES_PER_ELEMENT, size)?;
    cx.install_constant(prototype, Name::BYTES_PER_ELEMENT, size)
}

fn native_of(element: Element) -> Native {
    macro_rules! natives {
        ($($element:ident $function:ident),*) => {{
            $(
                /// A constructor of typed arrays (§23.2.5.1).
                fn $function<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
                    construct(cx, args, Element::$element)
                }
            )*
            match element { $(Element::$element => $function,)* }
        }};
    }
    natives!(
        Int8 int8, Uint8 uint8, Uint8Clamped uint8_clamped, Int16 int16, Uint16 uint16, Int32 int32, Uint32 uint32,
        BigInt64 bigint64, BigUint64 biguint64, Float16 float16, Float32 float32, Float64 float64
    )
}

/// %TypedArray% (§23.2.1.1).
fn typed_array<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    Err(cx.type_error("Abstract class TypedArray not directly constructable"))
}

/// TypedArray (§23.2.5.1).
fn construct<'s>(cx: &mut Cx<'s>, args: Args<'s>, element: Element) -> Completion<Local<'s>> {
    let (name, _, prototype) = element.constructor();
    let new_target = args.new_target();
    if new_target.is_undefined() {
        return Err(cx.type_error(&format!("Constructor {} requires 'new'", name.text())));
    }
    let first = cx.arg(args, 0);
    if !first.is_object() {
        // 6.c.ii. Let elementLength be ? ToIndex(firstArgument).
        let length = cx.to_index(first)?;
        let array = cx.create_from_constructor(Class::TypedArray, new_target, prototype)?;
        cx.allocate_elements(array, element, length)?;
        return Ok(array);
    }
    // 6.b.i. Let O be ? AllocateTypedArray(constructorName, NewTarget, proto).
    let array = cx.create_from_constructor(Class::TypedArray, new_target, prototype)?;
    match cx.class_of(first) {
        Some(Class::TypedArray) => from_typed_array(cx, array, element, first)?,
        Some(Class::ArrayBuffer | Class::SharedArrayBuffer) => {
            let bounds = (cx.arg(args, 1), cx.arg(args, 2));
            from_buffer(cx, array, element, first, bounds)?;
        }
        _ => {
            // 6.b.iv.2. Let usingIterator be ? GetMethod(firstArgument, %Symbol.iterator%).
            let method = cx.get_method(first, Name::sym_iterator.key())?;
            if method.is_undefined() {
                from_array_like(cx, array, element, first)?;
            } else if is_plain_array(cx, first, method)? {
                from_plain_array(cx, array, element, first)?;
            } else {
                let list = collect(cx, first, method)?;
                from_array_like(cx, array, element, list)?;
            }
        }
    }
    Ok(array)
}

/// Whether iterating gives what the elements are: an array with the realm's iterator methods, as they were.
fn is_plain_array<'s>(cx: &mut Cx<'s>, object: Local<'s>, method: Local<'s>) -> Completion<bool> {
    let values = cx.intrinsic(Intrinsic::ArrayProtoValues);
    if !cx.is(object, Class::Array) || !cx.same_value(values, method) {
        return Ok(false);
    }
    Ok(cx.is_array_iteration_plain())
}

/// IteratorToList of an iterable, in an array of the engine's own.
fn collect<'s>(cx: &mut Cx<'s>, object: Local<'s>, method: Local<'s>) -> Completion<Local<'s>> {
    let record = cx.get_iterator_from_method(object, method)?;
    let list = cx.new_array(0)?;
    loop {
        let mut cx = cx.open();
        match cx.iterator_step_value(record)? {
            Some(value) => cx.array_push(list, value)?,
            None => return Ok(list),
        }
    }
}

/// InitializeTypedArrayFromTypedArray (§23.2.5.1.2).
fn from_typed_array<'s>(cx: &mut Cx<'s>, array: Local<'s>, element: Element, source: Local<'s>) -> Completion<()> {
    // 6. If IsTypedArrayOutOfBounds(srcRecord) is true, throw a TypeError exception.
    let Some(view) = cx.view(source) else {
        return Err(cx.type_error("Cannot perform Construct on a detached ArrayBuffer"));
    };
    if view.element == element {
        // 10. CloneArrayBuffer.
        let buffer = cx.field(source, crate::js::object::typed_array::VIEW_BUFFER);
        let buffer = cx.clone_array_buffer(buffer, view.offset, view.length << element.shift())?;
        cx.fill_view(array, element, buffer, 0, Some(view.length));
        return Ok(());
    }
    let is_too_large = view.length > crate::heap::backing::MAX_BYTES >> element.shift();
    if !is_too_large && view.element.is_bigint() != element.is_bigint() {
        // 11.a. and b. The buffer is made before the content types are compared.
        return Err(cx.type_error("Cannot mix BigInt and other types, use explicit conversions"));
    }
    cx.allocate_elements(array, element, view.length as u64)?;
    if let Some(target) = cx.view(array) {
        for index in 0..view.length {
            let Some(bits) = view.load(index) else { break };
            target.store(index, crate::js::builtins::typed_array::change::convert_bits(view.element, element, bits));
        }
    }
    Ok(())
}

/// InitializeTypedArrayFromArrayBuffer (§23.2.5.1.3).
fn from_buffer<'s>(
    cx: &mut Cx<'s>,
    array: Local<'s>,
    element: Element,
    buffer: Local<'s>,
    (offset, length): (Local<'s>, Local<'s>),
) -> Completion<()> {
    let (name, size) = (element.constructor().0.text(), element.size() as u64);
    // 2. Let offset be ? ToIndex(byteOffset).
    let offset = cx.to_index(offset)?;
    if !offset.is_multiple_of(size) {
        return Err(cx.range_error(&format!("start offset of {name} should be a multiple of {size}")));
    }
    // 5. If length is not undefined, then let newLength be ? ToIndex(length).
    let wanted = if length.is_undefined() { None } else { Some(cx.to_index(length)?) };
    // 6. If IsDetachedBuffer(buffer) is true, throw a TypeError exception.
    if cx.is_detached(buffer) {
        return Err(cx.type_error("Cannot perform Construct on a detached ArrayBuffer"));
    }
    let bytes = cx.buffer_byte_length(buffer) as u64;
    let length = match wanted {
        // 8. A length that follows the buffer's.
        None if cx.is_resizable_buffer(buffer) => {
            if offset > bytes {
                return Err(cx.range_error(&format!("Start offset {offset} is outside the bounds of the buffer")));
            }
            None
        }
        None => {
            if !bytes.is_multiple_of(size) {
                return Err(cx.range_error(&format!("byte length of {name} should be a multiple of {size}")));
            }
            if offset > bytes {
                return Err(cx.range_error(&format!("Start offset {offset} is outside the bounds of the buffer")));
            }
            Some((bytes - offset) / size)
        }
        Some(wanted) => {
            if wanted.checked_mul(size).and_then(|count| count.checked_add(offset)).is_none_or(|end| end > bytes) {
                return Err(cx.range_error(&format!("Invalid typed array length: {wanted}")));
            }
            Some(wanted)
        }
    };
    cx.fill_view(array, element, buffer, offset as usize, length.map(|length| length as usize));
    Ok(())
}

/// InitializeTypedArrayFromArrayLike (§23.2.5.1.5), and FromList (§23.2.5.1.4) of an array of the engine's own.
fn from_array_like<'s>(cx: &mut Cx<'s>, array: Local<'s>, element: Element, source: Local<'s>) -> Completion<()> {
    let length = cx.length_of_array_like(source)?;
    cx.allocate_elements(array, element, length)?;
    for index in 0..length {
        let mut cx = cx.open();
        let key = cx.key_of_number(index as f64)?;
        let value = cx.get(source, key)?;
        let bits = cx.element_bits(element, value)?;
        cx.typed_array_put(array, index as usize, bits);
    }
    Ok(())
}

/// The same of an array whose elements would be iterated over: its elements are read before any is converted.
fn from_plain_array<'s>(cx: &mut Cx<'s>, array: Local<'s>, element: Element, source: Local<'s>) -> Completion<()> {
    let length = cx.array_length(source);
    let numbers: Option<Vec<u64>> = match element.is_bigint() {
        true => None,
        false => (0..length)
            .map(|index| cx.own_slot(cx.reference(source), Key::Index(index)))
            .map(|own| own.and_then(|(value, attributes)| if attributes.is_accessor() { None } else { value.as_number() }))
            .map(|number| number.map(|number| element.bits_of_number(number)))
            .collect(),
    };
    if let Some(numbers) = numbers {
        cx.allocate_elements(array, element, u64::from(length))?;
        if let Some(view) = cx.view(array) {
            numbers.into_iter().enumerate().for_each(|(index, bits)| view.store(index, bits));
        }
        return Ok(());
    }
    let list = cx.new_array(0)?;
    let mut index = 0;
    // Getters may change the length.
    while index < cx.array_length(source) {
        let mut cx = cx.open();
        let value = cx.get(source, Key::Index(index))?;
        cx.array_push(list, value)?;
        index += 1;
    }
    from_array_like(cx, array, element, list)
}

/// %TypedArray%.from (§23.2.2.1).
fn from<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "%TypedArray%.from";
    // 2. If IsConstructor(C) is false, throw a TypeError exception.
    if !cx.is_constructor(this) {
        let text = cx.display(this);
        return Err(cx.type_error(&format!("{text} is not a constructor")));
    }
    let (source, mapper, mapper_this) = (cx.arg(args, 0), cx.arg(args, 1), cx.arg(args, 2));
    if !mapper.is_undefined() {
        cx.require_callable(mapper)?;
    }
    // 5. Let usingIterator be ? GetMethod(source, %Symbol.iterator%).
    let method = cx.get_method(source, Name::sym_iterator.key())?;
    let list = if method.is_undefined() { cx.to_object(source)? } else { collect(cx, source, method)? };
    let length = cx.length_of_array_like(list)?;
    // 10. Let targetObj be ? TypedArrayCreateFromConstructor(C, « len »).
    let target = cx.create_typed_array(this, &[Local::number(length as f64)], Some(length), METHOD)?;
    for index in 0..length {
        let mut cx = cx.open();
        let key = cx.key_of_number(index as f64)?;
        let mut value = cx.get(list, key)?;
        if !mapper.is_undefined() {
            value = cx.call(mapper, mapper_this, &[value, Local::number(index as f64)])?;
        }
        cx.set(target, key, value)?;
    }
    Ok(target)
}

/// %TypedArray%.of (§23.2.2.2).
fn of<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 3. If IsConstructor(C) is false, throw a TypeError exception.
    if !cx.is_constructor(this) {
        let text = cx.display(this);
        return Err(cx.type_error(&format!("{text} is not a constructor")));
    }
    let count = args.len();
    let target = cx.create_typed_array(this, &[Local::number(count as f64)], Some(count as u64), "%TypedArray%.of")?;
    for nth in 0..count {
        let mut cx = cx.open();
        let key = cx.key_of_number(nth as f64)?;
        let value = cx.arg(args, nth);
        cx.set(target, key, value)?;
    }
    Ok(target)
}
