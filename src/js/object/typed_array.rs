//! TypedArray exotic objects (§10.4.5), and where their elements are now.
#![forbid(unsafe_code)]

use crate::base::sync::Arc;
use crate::heap::HeapRef;
use crate::heap::backing::Backing;
use crate::js::class::Class;
use crate::js::convert::number::{number_to_text, text_to_number};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Key, Local};
use crate::js::object::descriptor::PropertyDescriptor;
use crate::js::object::element::Element;
use crate::js::value::Value;

/// [[ViewedArrayBuffer]].
pub(in crate::js) const VIEW_BUFFER: u32 = 0;
/// [[ByteOffset]].
pub(in crate::js) const VIEW_OFFSET: u32 = 1;
/// [[ArrayLength]] of a typed array, [[ByteLength]] of a data view; undefined when it follows the buffer's.
pub(in crate::js) const VIEW_LENGTH: u32 = 2;
/// The element type of a typed array.
pub(in crate::js) const VIEW_ELEMENT: u32 = 3;

/// Where the elements of a typed array are: good until scripts run.
#[derive(Debug, Clone)]
pub(in crate::js) struct View {
    pub backing: Arc<Backing>,
    pub element: Element,
    /// In bytes.
    pub offset: usize,
    /// In elements.
    pub length: usize,
}

impl View {
    /// The byte at which an element begins.
    #[inline(always)]
    pub fn at(&self, index: usize) -> usize {
        self.offset + (index << self.element.shift())
    }

    /// The bits of an element.
    pub fn load(&self, index: usize) -> Option<u64> {
        if index < self.length { self.element.load(&self.backing, self.at(index)) } else { None }
    }

    /// Writes the bits of an element, if it is there.
    pub fn store(&self, index: usize, bits: u64) {
        if index < self.length {
            self.element.store(&self.backing, self.at(index), bits);
        }
    }
}

/// A whole, not negative number that is in a slot.
#[inline(always)]
fn size_of_value(value: Value) -> usize {
    match value.as_int() {
        Some(int) => int.cast_unsigned() as usize,
        None => value.as_number().unwrap_or(0.0) as usize,
    }
}

impl<'s> Cx<'s> {
    /// The element type of a typed array.
    #[inline]
    pub(in crate::js) fn element_of(&self, array: Local<'_>) -> Element {
        Element::of(self.field_value(array, VIEW_ELEMENT).as_int().unwrap_or(0))
    }

    /// Offset and size in bytes of a view whose elements have `1 << shift` bytes; nothing when it is out of bounds.
    #[inline]
    fn view_extent(&self, view: Value, backing: &Backing, shift: u32) -> Option<(usize, usize)> {
        let (offset, length) = (size_of_value(self.field_of(view, VIEW_OFFSET)), self.field_of(view, VIEW_LENGTH));
        let there = backing.len().checked_sub(offset)?;
        if length.is_undefined() {
            return Some((offset, there >> shift << shift));
        }
        let bytes = size_of_value(length) << shift;
        (bytes <= there).then_some((offset, bytes))
    }

    /// Where the bytes of a typed array or data view are: the backing, offset and size. Nothing when it is out of bounds or detached.
    #[inline]
    pub(in crate::js) fn view_bytes(&self, view: Local<'_>) -> Option<(&Arc<Backing>, usize, usize)> {
        let value = self.value(view);
        let shift = if self.is(view, Class::TypedArray) { self.element_of(view).shift() } else { 0 };
        let backing = self.backing(self.field_of(value, VIEW_BUFFER))?;
        let (offset, bytes) = self.view_extent(value, backing, shift)?;
        Some((backing, offset, bytes))
    }

    /// Where the elements of a typed array are; nothing when it is out of bounds (§10.4.5.14).
    pub(in crate::js) fn view(&self, array: Local<'_>) -> Option<View> {
        let element = self.element_of(array);
        let (backing, offset, bytes) = self.view_bytes(array)?;
        Some(View { backing: backing.clone(), element, offset, length: bytes >> element.shift() })
    }

    /// TypedArrayLength (§10.4.5.13); nothing when it is out of bounds.
    #[inline]
    pub(in crate::js) fn typed_array_length(&self, array: Local<'_>) -> Option<usize> {
        let (_, _, bytes) = self.view_bytes(array)?;
        Some(bytes >> self.element_of(array).shift())
    }

    /// How many elements there are now: none when it is out of bounds.
    pub(in crate::js) fn typed_array_length_now(&self, array: Local<'_>) -> u32 {
        self.typed_array_length(array).and_then(|length| u32::try_from(length).ok()).unwrap_or(0)
    }

    /// IsTypedArrayFixedLength (§10.4.5.15).
    pub(in crate::js) fn typed_array_has_fixed_length(&self, array: Local<'_>) -> bool {
        if self.field_value(array, VIEW_LENGTH).is_undefined() {
            return false;
        }
        let buffer = self.field_value(array, VIEW_BUFFER);
        self.backing(buffer).is_none_or(|backing| !backing.is_resizable() || backing.is_shared())
    }

    /// CanonicalNumericIndexString (§7.1.21).
    #[inline]
    pub(in crate::js) fn canonical_numeric_index(&mut self, key: Key<'_>) -> Completion<Option<f64>> {
        match key {
            Key::Index(index) => Ok(Some(f64::from(index))),
            Key::Name(name) if name.is_string() => Ok(self.canonical_number(name)),
            Key::Name(_) => Ok(None),
        }
    }

    fn canonical_number(&self, name: Local<'_>) -> Option<f64> {
        let text = self.text(name);
        // What numbers' texts begin with: digits, a sign, Infinity, NaN.
        let first = text.get(0).and_then(|unit| u8::try_from(unit).ok())?;
        if !matches!(first, b'0'..=b'9' | b'-' | b'I' | b'N') {
            return None;
        }
        let rust = text.to_rust();
        if rust == "-0" {
            return Some(-0.0);
        }
        let number = text_to_number(text);
        (number_to_text(number) == rust).then_some(number)
    }

    /// IsValidIntegerIndex (§10.4.5.16).
    pub(in crate::js) fn is_valid_integer_index(&self, array: Local<'_>, index: f64) -> bool {
        self.element_place(array, index).is_some()
    }

    /// The number of an element that is there.
    fn element_place(&self, array: Local<'_>, index: f64) -> Option<usize> {
        let place = index as usize;
        if place as f64 != index || (index == 0.0 && index.is_sign_negative()) {
            return None;
        }
        (place < self.typed_array_length(array)?).then_some(place)
    }

    /// TypedArrayGetElement (§10.4.5.17).
    pub(in crate::js) fn typed_array_get(&mut self, array: Local<'_>, index: f64) -> Completion<Local<'s>> {
        let Some(place) = self.element_place(array, index) else { return Ok(Local::UNDEFINED) };
        self.typed_array_at(array, place)
    }

    /// An element; undefined if it is not there.
    pub(in crate::js) fn typed_array_at(&mut self, array: Local<'_>, index: usize) -> Completion<Local<'s>> {
        let element = self.element_of(array);
        let bits = self.view_bytes(array).and_then(|(backing, offset, bytes)| {
            let at = index << element.shift();
            if at < bytes { element.load(backing, offset + at) } else { None }
        });
        match bits {
            Some(bits) => self.element_value(element, bits),
            None => Ok(Local::UNDEFINED),
        }
    }

    /// TypedArraySetElement (§10.4.5.18).
    pub(in crate::js) fn typed_array_set(&mut self, array: Local<'s>, index: f64, value: Local<'s>) -> Completion<()> {
        let element = self.element_of(array);
        let bits = self.element_bits(element, value)?;
        if let Some(place) = self.element_place(array, index) {
            self.typed_array_put(array, place, bits);
        }
        Ok(())
    }

    /// Writes the bits of an element, if it is there.
    pub(in crate::js) fn typed_array_put(&mut self, array: Local<'_>, index: usize, bits: u64) {
        let element = self.element_of(array);
        if let Some((backing, offset, bytes)) = self.view_bytes(array) {
            let at = index << element.shift();
            if at < bytes {
                element.store(backing, offset + at, bits);
            }
        }
    }

    /// [[DefineOwnProperty]] of an element (§10.4.5.3).
    pub(in crate::js) fn typed_array_define(
        &mut self,
        array: Local<'s>,
        index: f64,
        descriptor: PropertyDescriptor<'s>,
    ) -> Completion<bool> {
        // 1.b.i. If IsValidIntegerIndex(O, numericIndex) is false, return false.
        if !self.is_valid_integer_index(array, index) {
            return Ok(false);
        }
        let PropertyDescriptor { configurable, enumerable, writable, .. } = descriptor;
        if [configurable, enumerable, writable].contains(&Some(false)) || descriptor.is_accessor() {
            return Ok(false);
        }
        if let Some(value) = descriptor.value {
            self.typed_array_set(array, index, value)?;
        }
        Ok(true)
    }

    /// An element that is a number, of an object that is known to be a typed array. Nothing: take the long way.
    #[inline]
    pub(in crate::js) fn typed_array_get_index(&self, array: HeapRef, index: u32) -> Option<Value> {
        let array = Value::object(array);
        let element = Element::of(self.field_of(array, VIEW_ELEMENT).as_int()?);
        if element.is_bigint() {
            return None;
        }
        let backing = self.backing(self.field_of(array, VIEW_BUFFER))?;
        let (offset, bytes) = self.view_extent(array, backing, element.shift())?;
        let at = (index as usize) << element.shift();
        if at >= bytes {
            return None;
        }
        Some(element.number(element.load(backing, offset + at)?))
    }

    /// Writes an element of an object that is known to be a typed array, if the value is a number and the elements are, and it is there.
    /// `false`: nothing was done, take the long way.
    #[inline]
    pub(in crate::js) fn typed_array_set_index(&self, array: HeapRef, index: u32, value: Value) -> bool {
        let array = Value::object(array);
        let element = Element::of(self.field_of(array, VIEW_ELEMENT).as_int().unwrap_or(0));
        let (false, Some(number)) = (element.is_bigint(), value.as_number()) else { return false };
        let Some(backing) = self.backing(self.field_of(array, VIEW_BUFFER)) else { return false };
        let Some((offset, bytes)) = self.view_extent(array, backing, element.shift()) else { return false };
        let at = (index as usize) << element.shift();
        at < bytes && element.store(backing, offset + at, element.bits_of_number(number))
    }
}
