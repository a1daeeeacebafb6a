//! Strings: flat ones of one or two bytes a code unit, ropes, slices; the intern table.
//!
//! A concatenation makes a rope, in constant time, which becomes flat when somebody looks into it. A long substring is a slice of a
//! flat string. Property names are atoms ([`atoms`]): one string for each text.
#![forbid(unsafe_code)]

pub mod atoms;
pub mod text;

pub use text::Text;

use crate::heap::{Heap, HeapRef};
use crate::js::class::{HASH, STRING_DATA, STRING_FLAGS, Thing, is_thing};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::string::atoms::ATOM;
use crate::js::value::Value;

/// Most code units of a string.
pub const MAX_LENGTH: usize = (1 << 29) - 24;
/// Shorter concatenations are copied.
const MIN_ROPE: usize = 24;
/// Shorter substrings are copied.
const MIN_SLICE: usize = 24;

/// Offset of a rope's right part, and of where a slice begins in its whole.
const SECOND: u32 = STRING_DATA + 4;

/// The text of a string that is flat, or was made so.
pub(in crate::js) fn text_of(heap: &Heap, string: HeapRef) -> Option<Text<'_>> {
    if let Some(text) = Text::of_flat(heap, string) {
        return Some(text);
    }
    let whole = heap.read_ref(string, STRING_DATA);
    if is_thing(heap, string, Thing::Rope) {
        return if heap.read_ref(string, SECOND).is_null() { Text::of_flat(heap, whole) } else { None };
    }
    let from = heap.read_u32(string, SECOND) as usize;
    Some(Text::of_flat(heap, whole)?.part(from, from + heap.length(string) as usize))
}

impl<'s> Cx<'s> {
    /// A string of a Rust text.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn string(&mut self, text: &str) -> Completion<Local<'s>> {
        if text.is_ascii() {
            return self.string_of(Text::Latin1(text.as_bytes()));
        }
        self.string_of(Text::Utf16(&text.encode_utf16().collect::<Vec<u16>>()))
    }

    /// A string of code units.
    ///
    /// # Errors
    ///
    /// A RangeError when there are too many, a termination when memory is out.
    pub fn string_of(&mut self, text: Text<'_>) -> Completion<Local<'s>> {
        if text.is_empty() {
            return Ok(Name::empty.local());
        }
        if text.len() > MAX_LENGTH {
            return Err(self.range_error("Invalid string length"));
        }
        if text.len() == 1 && text.at(0) < 256 {
            return self.atom(text);
        }
        let narrow = text.narrow();
        let string = match narrow.as_deref().map_or(text, Text::Latin1) {
            Text::Latin1(bytes) => {
                let string = self.allocate_thing(Thing::Latin1, bytes.len() as u32)?;
                self.agent.heap.write_data(string, STRING_DATA, bytes);
                string
            }
            Text::Utf16(units) => {
                let string = self.allocate_thing(Thing::TwoByte, units.len() as u32)?;
                self.agent.heap.write_data16(string, STRING_DATA, units);
                string
            }
        };
        Ok(self.local(Value::string(string)))
    }

    /// A string of UTF-16 code units.
    ///
    /// # Errors
    ///
    /// As [`string_of`](Cx::string_of).
    pub fn string_utf16(&mut self, units: &[u16]) -> Completion<Local<'s>> {
        self.string_of(Text::Utf16(units))
    }

    /// A string of one code point.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn string_of_code_point(&mut self, point: u32) -> Completion<Local<'s>> {
        match point.checked_sub(0x10000) {
            None => self.string_of(Text::Utf16(&[point as u16])),
            Some(rest) => self.string_of(Text::Utf16(&[0xd800 + (rest >> 10) as u16, 0xdc00 + (rest & 0x3ff) as u16])),
        }
    }

    /// The interned string of a text.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn atom(&mut self, text: Text<'_>) -> Completion<Local<'s>> {
        match self.agent.intern(text) {
            Ok(atom) => Ok(self.local(Value::string(atom))),
            Err(error) => Err(self.heap_error(error)),
        }
    }

    /// The key of a Rust text.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn key(&mut self, text: &str) -> Completion<Key<'s>> {
        if let Some(index) = Text::Latin1(text.as_bytes()).as_index() {
            return Ok(Key::Index(index));
        }
        match self.agent.intern_text(text) {
            Ok(atom) => Ok(Key::Name(self.local(Value::string(atom)))),
            Err(error) => Err(self.heap_error(error)),
        }
    }

    /// The key of a string.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn key_of_string(&mut self, string: Local<'_>) -> Completion<Key<'s>> {
        let reference = self.reference(string);
        if self.agent.heap.read_u32(reference, STRING_FLAGS) & ATOM != 0 {
            if let Some(index) = self.text(string).as_index() {
                return Ok(Key::Index(index));
            }
            return Ok(Key::Name(self.local(Value::string(reference))));
        }
        self.flatten(string)?;
        if let Some(index) = self.text(string).as_index() {
            return Ok(Key::Index(index));
        }
        let agent = &mut *self.agent;
        let reference = Value::from_bits(agent.roots.stack[string.slot().expect("a string has a slot")]).heap_ref();
        // The table is asked with the text where it is; only a new atom copies it.
        let units = text_of(&agent.heap, reference).map(|text| match text {
            Text::Latin1(bytes) => Ok(bytes.to_vec()),
            Text::Utf16(units) => Err(units.to_vec()),
        });
        let atom = match units {
            Some(Ok(bytes)) => agent.intern(Text::Latin1(&bytes)),
            Some(Err(units)) => agent.intern(Text::Utf16(&units)),
            None => Ok(reference),
        };
        match atom {
            Ok(atom) => Ok(Key::Name(self.local(Value::string(atom)))),
            Err(error) => Err(self.heap_error(error)),
        }
    }

    /// The string or symbol of a key.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn key_value(&mut self, key: Key<'_>) -> Completion<Local<'s>> {
        match key {
            Key::Index(index) => self.string(&index.to_string()),
            Key::Name(name) => {
                let value = self.value(name);
                Ok(self.local(value))
            }
        }
    }

    /// A key as messages name it.
    pub fn key_text(&mut self, key: Key<'_>) -> String {
        match key {
            Key::Index(index) => index.to_string(),
            Key::Name(name) if name.is_symbol() => {
                let mut cx = self.open();
                let description = cx.symbol_description(name);
                let text = if description.is_string() { cx.rust_text(description).unwrap_or_default() } else { String::new() };
                format!("Symbol({text})")
            }
            Key::Name(name) => self.text(name).to_rust(),
        }
    }

    /// How many code units a string has.
    #[inline]
    pub fn string_length(&self, string: Local<'_>) -> usize {
        self.agent.heap.length(self.reference(string)) as usize
    }

    /// Makes a string flat, so that [`text`](Cx::text) gives all of it.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn flatten(&mut self, string: Local<'_>) -> Completion<()> {
        let reference = self.reference(string);
        let heap = &self.agent.heap;
        if !is_thing(heap, reference, Thing::Rope) || heap.read_ref(reference, SECOND).is_null() {
            return Ok(());
        }
        let length = heap.length(reference) as usize;
        let (mut bytes, mut wide): (Vec<u8>, Vec<u16>) = (Vec::with_capacity(length), Vec::new());
        let mut is_wide = false;
        let mut rest = vec![reference];
        while let Some(part) = rest.pop() {
            match text_of(heap, part) {
                Some(Text::Latin1(text)) if is_wide => wide.extend(text.iter().map(|&byte| u16::from(byte))),
                Some(Text::Latin1(text)) => bytes.extend_from_slice(text),
                Some(Text::Utf16(text)) => {
                    if !is_wide {
                        is_wide = true;
                        wide.reserve(length);
                        wide.extend(bytes.iter().map(|&byte| u16::from(byte)));
                    }
                    wide.extend_from_slice(text);
                }
                None => {
                    rest.push(heap.read_ref(part, SECOND));
                    rest.push(heap.read_ref(part, STRING_DATA));
                }
            }
        }
        let flat = if is_wide {
            let flat = self.allocate_thing(Thing::TwoByte, length as u32)?;
            self.agent.heap.write_data16(flat, STRING_DATA, &wide);
            flat
        } else {
            let flat = self.allocate_thing(Thing::Latin1, length as u32)?;
            self.agent.heap.write_data(flat, STRING_DATA, &bytes);
            flat
        };
        let reference = self.reference(string);
        self.agent.heap.write_ref(reference, STRING_DATA, flat);
        self.agent.heap.write_ref(reference, SECOND, HeapRef::NULL);
        Ok(())
    }

    /// The code units of a string that is flat: of a rope that was never made so, nothing.
    pub fn text(&self, string: Local<'_>) -> Text<'_> {
        let text = text_of(&self.agent.heap, self.reference(string));
        debug_assert!(text.is_some(), "a rope");
        text.unwrap_or(Text::Latin1(&[]))
    }

    /// The code units of a string, owned.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn code_units(&mut self, string: Local<'_>) -> Completion<Vec<u16>> {
        self.flatten(string)?;
        Ok(self.text(string).to_vec())
    }

    /// A string as Rust's text; surrogates without a partner become U+FFFD.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn rust_text(&mut self, string: Local<'_>) -> Completion<String> {
        self.flatten(string)?;
        Ok(self.text(string).to_rust())
    }

    /// Two strings, one behind the other.
    ///
    /// # Errors
    ///
    /// A RangeError when the result is too long, a termination when memory is out.
    pub fn concat(&mut self, left: Local<'_>, right: Local<'_>) -> Completion<Local<'s>> {
        let (left_length, right_length) = (self.string_length(left), self.string_length(right));
        if left_length == 0 || right_length == 0 {
            let value = self.value(if left_length == 0 { right } else { left });
            return Ok(self.local(value));
        }
        let length = left_length + right_length;
        if length > MAX_LENGTH {
            return Err(self.range_error("Invalid string length"));
        }
        if length < MIN_ROPE {
            self.flatten(left)?;
            self.flatten(right)?;
            if let (Text::Latin1(left), Text::Latin1(right)) = (self.text(left), self.text(right)) {
                let mut bytes = [0; MIN_ROPE];
                bytes[..left_length].copy_from_slice(left);
                bytes[left_length..length].copy_from_slice(right);
                return self.string_of(Text::Latin1(&bytes[..length]));
            }
            let units: Vec<u16> = self.text(left).units().chain(self.text(right).units()).collect();
            return self.string_of(Text::Utf16(&units));
        }
        let rope = self.allocate_thing(Thing::Rope, 0)?;
        let (left, right) = (self.reference(left), self.reference(right));
        let heap = &mut self.agent.heap;
        heap.write_u32(rope, crate::layout::heap::LENGTH, length as u32);
        heap.write_ref(rope, STRING_DATA, left);
        heap.write_ref(rope, SECOND, right);
        Ok(self.local(Value::string(rope)))
    }

    /// The code units of a string from `from` up to `to`, which lie inside.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn substring(&mut self, string: Local<'_>, from: usize, to: usize) -> Completion<Local<'s>> {
        self.flatten(string)?;
        let length = to - from;
        if length == self.string_length(string) {
            let value = self.value(string);
            return Ok(self.local(value));
        }
        if length < MIN_SLICE {
            let mut units = [0u16; MIN_SLICE];
            for (unit, from) in units.iter_mut().zip(self.text(string).part(from, to).units()) {
                *unit = from;
            }
            return self.string_of(Text::Utf16(&units[..length]));
        }
        let slice = self.allocate_thing(Thing::Slice, 0)?;
        let mut whole = self.reference(string);
        let mut from = from as u32;
        let heap = &mut self.agent.heap;
        if is_thing(heap, whole, Thing::Slice) {
            from += heap.read_u32(whole, SECOND);
            whole = heap.read_ref(whole, STRING_DATA);
        } else if is_thing(heap, whole, Thing::Rope) {
            whole = heap.read_ref(whole, STRING_DATA);
        }
        heap.write_u32(slice, crate::layout::heap::LENGTH, length as u32);
        heap.write_ref(slice, STRING_DATA, whole);
        heap.write_u32(slice, SECOND, from);
        Ok(self.local(Value::string(slice)))
    }

    /// Whether two strings have the same code units.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn strings_equal(&mut self, left: Local<'_>, right: Local<'_>) -> Completion<bool> {
        let (a, b) = (self.reference(left), self.reference(right));
        let heap = &self.agent.heap;
        if a == b {
            return Ok(true);
        }
        let both_atoms = heap.read_u32(a, STRING_FLAGS) & heap.read_u32(b, STRING_FLAGS) & ATOM != 0;
        if both_atoms || heap.length(a) != heap.length(b) {
            return Ok(false);
        }
        self.flatten(left)?;
        self.flatten(right)?;
        Ok(self.text(left) == self.text(right))
    }

    /// A string's hash, which is kept with it.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(in crate::js) fn string_hash(&mut self, string: Local<'_>) -> Completion<u32> {
        let reference = self.reference(string);
        let known = self.agent.heap.read_u32(reference, HASH);
        if known != 0 {
            return Ok(known);
        }
        self.flatten(string)?;
        let hash = self.text(string).hash();
        let reference = self.reference(string);
        self.agent.heap.write_u32(reference, HASH, hash);
        Ok(hash)
    }

    /// A new symbol (§20.4.1.1). The description is a string or `undefined`.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn new_symbol(&mut self, description: Local<'_>) -> Completion<Local<'s>> {
        // Symbols are keys, which are old from the start.
        let ty = self.agent.types.thing(Thing::Symbol);
        let symbol = match self.agent.heap.allocate_old(ty, 0) {
            Ok(symbol) => symbol,
            Err(error) => return Err(self.heap_error(error)),
        };
        self.agent.symbol_count += 1;
        let hash = self.agent.symbol_count.wrapping_mul(0x9e37_79b9) | 1;
        let description = self.value(description);
        self.agent.heap.write_u32(symbol, HASH, hash);
        self.agent.heap.write_u32(symbol, STRING_FLAGS, ATOM);
        self.agent.heap.write_boxed(symbol, STRING_DATA, description.bits());
        Ok(self.local(Value::symbol(symbol)))
    }

    /// A symbol's description: a string or `undefined`.
    pub fn symbol_description(&mut self, symbol: Local<'_>) -> Local<'s> {
        let value = Value::from_bits(self.agent.heap.read_boxed(self.reference(symbol), STRING_DATA));
        self.local(value)
    }
}

impl Cx<'_> {
    /// Whether two strings of the same length have the same code units. They need not be flat.
    pub(in crate::js) fn units_equal(&self, left: Local<'_>, right: Local<'_>) -> bool {
        let heap = &self.agent.heap;
        let (left, right) = (self.reference(left), self.reference(right));
        match (text_of(heap, left), text_of(heap, right)) {
            (Some(left), Some(right)) => left == right,
            _ => units_of(heap, left) == units_of(heap, right),
        }
    }
}

/// The code units of a string, ropes included.
fn units_of(heap: &Heap, string: HeapRef) -> Vec<u16> {
    let mut units = Vec::with_capacity(heap.length(string) as usize);
    let mut rest = vec![string];
    while let Some(part) = rest.pop() {
        match text_of(heap, part) {
            Some(text) => units.extend(text.units()),
            None => {
                rest.push(heap.read_ref(part, SECOND));
                rest.push(heap.read_ref(part, STRING_DATA));
            }
        }
    }
    units
}
