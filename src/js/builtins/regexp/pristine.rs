//! Whether a regular expression and its prototype are still as they were made.
//!
//! The methods of §22.2.6 look up `exec`, `flags` and what `flags` asks for. If these are found where they were put, nobody can see whether
//! they were looked up. That is so when the object has the shape of a new regular expression (nothing of its own but a writable `lastIndex`),
//! the prototype has the shape that it had when the realm was made, and what is asked for is still in its places: shapes tell the keys and
//! the attributes, the places' contents tell functions and accessors, of which each change makes another.
#![forbid(unsafe_code)]

use super::legacy::{ORIGINALS, WORDS};
use crate::heap::HeapRef;
use crate::js::class::{Class, class_of};
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::object::Attributes;
use crate::js::object::shape::Shape;
use crate::js::value::Value;

/// Words of the realm's array, from [`ORIGINALS`] on: a regular expression and a result as models, the prototype, its shape, then
/// for each name its place and what is there.
const REGEXP: u32 = ORIGINALS;
const RESULT: u32 = ORIGINALS + 1;
const PROTOTYPE: u32 = ORIGINALS + 2;
const SHAPE: u32 = ORIGINALS + 3;
const PLACES: u32 = ORIGINALS + 4;

/// What methods look up. `exec` is the first.
const NAMES: [Name; 11] = [
    Name::exec,
    Name::flags,
    Name::hasIndices,
    Name::global,
    Name::ignoreCase,
    Name::multiline,
    Name::dotAll,
    Name::unicode,
    Name::unicodeSets,
    Name::sticky,
    Name::sym_match,
];
const _: () = assert!(PLACES + 2 * NAMES.len() as u32 <= WORDS);

/// The place of `lastIndex` in every regular expression: it is its first property, and cannot be deleted.
const LAST_INDEX: u32 = 0;

/// Remembers how the prototype was made.
pub(super) fn install<'s>(cx: &mut Cx<'s>, prototype: Local<'s>) -> Completion<()> {
    let regexp = cx.make_of(Class::RegExp, Intrinsic::RegExpPrototype)?;
    cx.add_named(regexp, Name::lastIndex.local(), Local::ZERO, Attributes::WRITABLE)?;
    let result = cx.new_array(0)?;
    for name in [Name::index, Name::input, Name::groups] {
        cx.add_named(result, name.local(), Local::UNDEFINED, Attributes::ALL)?;
    }
    let words = cx.words();
    for (word, local) in [(REGEXP, regexp), (RESULT, result), (PROTOTYPE, prototype)] {
        let value = cx.value(local);
        cx.write_value(words, word, value);
    }
    let shape = cx.shape(prototype);
    cx.write_value(words, SHAPE, Value::number(f64::from(shape.0.bits())));
    let (mut word, prototype) = (PLACES, cx.reference(prototype));
    for name in NAMES {
        let key = cx.value(name.local());
        // A name that is not there has no place: then nothing is pristine.
        let place = shape.find(&cx.agent.heap, key).map(|found| found.place);
        let value = place.map_or(Value::UNDEFINED, |place| cx.slot_value(prototype, place));
        cx.write_value(words, word, place.map_or(Value::UNDEFINED, |place| Value::int(place.cast_signed())));
        cx.write_value(words, word + 1, value);
        word += 2;
    }
    Ok(())
}

impl<'s> Cx<'s> {
    /// The realm's array of words.
    pub(super) fn words(&self) -> HeapRef {
        self.read_value(self.agent.roots.realm, Intrinsic::RegExpLegacy as u32).heap_ref()
    }

    fn model(&self, word: u32) -> Shape {
        Shape::of(&self.agent.heap, self.read_value(self.words(), word).heap_ref())
    }

    fn finds_originals(&self, regexp: Local<'_>, count: usize) -> bool {
        if !regexp.is_object() {
            return false;
        }
        let (words, regexp) = (self.words(), self.reference(regexp));
        let heap = &self.agent.heap;
        if class_of(heap, regexp) != Class::RegExp || Shape::of(heap, regexp) != self.model(REGEXP) {
            return false;
        }
        let prototype = self.read_value(words, PROTOTYPE).heap_ref();
        let shape = f64::from(Shape::of(heap, prototype).0.bits());
        if self.read_value(words, SHAPE).as_number() != Some(shape) {
            return false;
        }
        (0..count as u32).all(|nth| {
            let place = self.read_value(words, PLACES + 2 * nth).as_int();
            let original = self.read_value(words, PLACES + 2 * nth + 1);
            place.is_some_and(|place| self.slot_value(prototype, place.cast_unsigned()) == original)
        })
    }

    /// Whether `exec` of a regular expression is the builtin one, and `lastIndex` can be written.
    pub(super) fn has_original_exec(&self, regexp: Local<'_>) -> bool {
        self.finds_originals(regexp, 1)
    }

    /// Whether `flags` tells the flags too, and `Symbol.match` that it is a regular expression.
    pub(super) fn is_pristine(&self, regexp: Local<'_>) -> bool {
        self.finds_originals(regexp, NAMES.len())
    }

    /// `lastIndex`, wherever it is not looked up by name.
    pub(super) fn last_index(&self, regexp: Local<'_>) -> Value {
        self.slot_value(self.reference(regexp), LAST_INDEX)
    }

    /// Set ( R, "lastIndex", index, true ) for an object of the class.
    pub(super) fn set_last_index(&mut self, regexp: Local<'s>, index: usize) -> Completion<()> {
        let heap = &self.agent.heap;
        let entry = self.shape(regexp).entry(heap, LAST_INDEX);
        if entry.is_some_and(|(_, attributes)| attributes.has(Attributes::WRITABLE)) {
            let reference = self.reference(regexp);
            self.set_slot_value(reference, LAST_INDEX, Value::number(index as f64));
            return Ok(());
        }
        self.set(regexp, Name::lastIndex.key(), Local::number(index as f64))
    }

    /// A regular expression without pattern, as the constructor makes it.
    pub(super) fn new_regexp(&mut self) -> Completion<Local<'s>> {
        let regexp = self.make_with_shape(Class::RegExp, self.model(REGEXP))?;
        self.reserve_slot(regexp, LAST_INDEX)?;
        let reference = self.reference(regexp);
        self.set_slot_value(reference, LAST_INDEX, Value::ZERO);
        Ok(regexp)
    }

    /// An empty array with the properties `index`, `input` and `groups`.
    pub(super) fn new_result(&mut self, index: usize, input: Local<'s>, groups: Local<'s>) -> Completion<Local<'s>> {
        let array = self.make_with_shape(Class::Array, self.model(RESULT))?;
        self.set_array_length(array, 0);
        self.reserve_slot(array, 2)?;
        let (reference, input, groups) = (self.reference(array), self.value(input), self.value(groups));
        self.set_slot_value(reference, 0, Value::number(index as f64));
        self.set_slot_value(reference, 1, input);
        self.set_slot_value(reference, 2, groups);
        Ok(array)
    }
}
