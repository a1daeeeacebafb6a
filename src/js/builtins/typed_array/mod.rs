//! TypedArray objects (§23.2).
//!
//! | file | what |
//! |---|---|
//! | `mod` | the abstract operations; %TypedArray%.prototype |
//! | `construct` | %TypedArray% and its twelve constructors, `from`, `of` |
//! | `access` | the accessors, `at`, iterators, `with` |
//! | `callbacks` | methods that call a function for each element |
//! | `search` | includes, indexOf, lastIndexOf, join |
//! | `change` | fill, reverse, copyWithin, set |
//! | `copy` | slice, subarray, toReversed |
//! | `sort` | sort, toSorted |
//! | `base64` | the encodings of Uint8Array |
#![forbid(unsafe_code)]

mod access;
mod base64;
mod callbacks;
mod change;
mod construct;
mod copy;
mod search;
mod sort;

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::object::element::Element;
use crate::js::object::shape::Attributes;
use crate::js::object::typed_array::{VIEW_BUFFER, VIEW_ELEMENT, VIEW_LENGTH, VIEW_OFFSET};

/// Makes %TypedArray% and its constructors.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let (_, prototype) = construct::install_abstract(&mut cx)?;
    install_prototype(&mut cx, prototype)?;
    for element in Element::ALL {
        construct::install_concrete(&mut cx.open(), element)?;
    }
    base64::install(&mut cx)
}

fn install_prototype<'s>(cx: &mut Cx<'s>, prototype: Local<'s>) -> Completion<()> {
    cx.install_getter(prototype, Name::buffer, access::buffer)?;
    cx.install_getter(prototype, Name::byteLength, access::byte_length)?;
    cx.install_getter(prototype, Name::byteOffset, access::byte_offset)?;
    cx.install_getter(prototype, Name::length, access::length)?;
    cx.install_methods(
        prototype,
        &[
            (Name::at, 1, access::at),
            (Name::copyWithin, 2, change::copy_within),
            (Name::entries, 0, access::entries),
            (Name::every, 1, callbacks::every),
            (Name::fill, 1, change::fill),
            (Name::filter, 1, callbacks::filter),
            (Name::find, 1, callbacks::find),
            (Name::findIndex, 1, callbacks::find_index),
            (Name::findLast, 1, callbacks::find_last),
            (Name::findLastIndex, 1, callbacks::find_last_index),
            (Name::forEach, 1, callbacks::for_each),
            (Name::includes, 1, search::includes),
            (Name::indexOf, 1, search::index_of),
            (Name::join, 1, search::join),
            (Name::keys, 0, access::keys),
            (Name::lastIndexOf, 1, search::last_index_of),
            (Name::map, 1, callbacks::map),
            (Name::reduce, 1, callbacks::reduce),
            (Name::reduceRight, 1, callbacks::reduce_right),
            (Name::reverse, 0, change::reverse),
            (Name::set, 1, change::set),
            (Name::slice, 2, copy::slice),
            (Name::some, 1, callbacks::some),
            (Name::sort, 1, sort::sort),
            (Name::subarray, 2, copy::subarray),
            (Name::toLocaleString, 0, search::to_locale_string),
            (Name::toReversed, 0, copy::to_reversed),
            (Name::toSorted, 1, sort::to_sorted),
        ],
    )?;
    // The same function object as Array.prototype.toString.
    let to_string = cx.intrinsic(Intrinsic::ArrayProtoToString);
    cx.define_data(prototype, Name::toString.key(), to_string, Attributes::HIDDEN)?;
    cx.install_method(prototype, Name::values, 0, access::values)?;
    cx.install_method(prototype, Name::with, 2, access::with)?;
    let values = cx.get(prototype, Name::values.key())?;
    cx.define_data(prototype, Name::sym_iterator.key(), values, Attributes::HIDDEN)?;
    cx.install_getter(prototype, Name::sym_toStringTag, access::to_string_tag)
}

impl<'s> Cx<'s> {
    /// ValidateTypedArray (§23.2.4.4) and TypedArrayLength.
    pub(in crate::js) fn validate_typed_array(&mut self, value: Local<'_>, method: &str) -> Completion<usize> {
        if !self.is(value, Class::TypedArray) {
            return Err(self.type_error(&format!("{method}: this is not a typed array.")));
        }
        match self.typed_array_length(value) {
            Some(length) => Ok(length),
            None => Err(self.type_error(&format!("Cannot perform {method} on a detached ArrayBuffer"))),
        }
    }

    /// A typed array that shows a part of a buffer; without a length it follows the buffer's.
    pub(in crate::js) fn fill_view(
        &mut self,
        array: Local<'_>,
        element: Element,
        buffer: Local<'_>,
        offset: usize,
        length: Option<usize>,
    ) {
        self.set_field(array, VIEW_BUFFER, buffer);
        self.set_field(array, VIEW_OFFSET, Local::number(offset as f64));
        self.set_field(array, VIEW_LENGTH, length.map_or(Local::UNDEFINED, |length| Local::number(length as f64)));
        self.set_field(array, VIEW_ELEMENT, Local::int(element as i32));
    }

    /// AllocateTypedArray (§23.2.5.1.1) with a length, of the realm's own constructor.
    ///
    /// # Errors
    ///
    /// A RangeError when there is not so much memory.
    pub(in crate::js) fn new_typed_array(&mut self, element: Element, length: usize) -> Completion<Local<'s>> {
        let (_, _, prototype) = element.constructor();
        let array = self.make_of(Class::TypedArray, prototype)?;
        self.allocate_elements(array, element, length as u64)?;
        Ok(array)
    }

    /// AllocateTypedArrayBuffer (§23.2.5.1.6).
    fn allocate_elements(&mut self, array: Local<'_>, element: Element, length: u64) -> Completion<()> {
        if length > (crate::heap::backing::MAX_BYTES >> element.shift()) as u64 {
            return Err(self.range_error(&format!("Invalid typed array length: {length}")));
        }
        let buffer = self.new_array_buffer(length << element.shift())?;
        self.fill_view(array, element, buffer, 0, Some(length as usize));
        Ok(())
    }

    /// TypedArrayCreateFromConstructor (§23.2.4.2). `wanted` is the length that is asked for.
    fn create_typed_array(
        &mut self,
        constructor: Local<'s>,
        args: &[Local<'s>],
        wanted: Option<u64>,
        method: &str,
    ) -> Completion<Local<'s>> {
        // 1. Let newTypedArray be ? Construct(constructor, argumentList).
        let array = self.construct(constructor, args, constructor)?;
        let length = self.validate_typed_array(array, method)?;
        // 3. If the number of elements in argumentList is 1 and it is a Number, the length must do.
        if wanted.is_some_and(|wanted| (length as u64) < wanted) {
            return Err(self.type_error(&format!("{method}: the new typed array is too short")));
        }
        Ok(array)
    }

    /// TypedArraySpeciesCreate (§23.2.4.1).
    fn create_typed_array_species(
        &mut self,
        exemplar: Local<'s>,
        args: &[Local<'s>],
        wanted: Option<u64>,
        method: &str,
    ) -> Completion<Local<'s>> {
        let element = self.element_of(exemplar);
        let (_, default, _) = element.constructor();
        let constructor = self.species_constructor(exemplar, default)?;
        let array = self.create_typed_array(constructor, args, wanted, method)?;
        // 4. If result.[[ContentType]] is not exemplar.[[ContentType]], throw a TypeError exception.
        if self.element_of(array).is_bigint() != element.is_bigint() {
            return Err(self.type_error("Content type of source and target typed arrays is different"));
        }
        Ok(array)
    }

    fn require_callable(&mut self, value: Local<'_>) -> Completion<()> {
        if self.is_callable(value) {
            return Ok(());
        }
        let text = self.display(value);
        Err(self.type_error(&format!("{text} is not a function")))
    }
}
