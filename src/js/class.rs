//! The kinds of JavaScript's objects and of the heap's own things, one table each.
//!
//! An object of class *C* is, from its start: the heap's descriptor (which tells *C*), the shape (the header's second word), the array of
//! its named properties, the array of its elements, its identity hash, and from [`FIRST_FIELD`] on the boxed words that *C* has as internal slots.
#![forbid(unsafe_code)]

use crate::heap::{DescriptorRef, Heap, HeapError, HeapRef, ObjectKind, SlotKind, TypeDesc};
use crate::layout::heap::{FIELDS, LENGTH};

/// Offset of an object's shape.
pub(in crate::js) const SHAPE: u32 = LENGTH;
/// Offset of the array of an object's named properties that do not lie in the object.
pub(in crate::js) const SLOTS: u32 = FIELDS;
/// Offset of an object's elements.
pub(in crate::js) const ELEMENTS: u32 = FIELDS + 4;
/// Offset of an object's identity hash, by which tables find it wherever it moves; 0 as long as nobody has asked for it.
pub(in crate::js) const IDENTITY_HASH: u32 = FIELDS + 8;
/// Offset, in functions of Rust and objects of the embedder, of a function of a guest that the object stands for or keeps; 0 for none.
/// In other objects these 4 bytes are free.
pub(in crate::js) const GUEST: u32 = FIELDS + 12;
/// Offset of an object's first internal slot, of its first property in ordinary objects.
pub(in crate::js) const FIRST_FIELD: u32 = FIELDS + 16;
/// How many properties lie in an ordinary object itself.
pub(in crate::js) const INLINE_SLOTS: u32 = 4;

const CLIENT_BASE: u32 = 0x4a53_0000;

macro_rules! classes {
    ($($(#[$doc:meta])* $class:ident $fields:literal,)*) => {
        /// What an object is, besides its properties.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum Class { $($(#[$doc])* $class,)* }

        impl Class {
            const ALL: &'static [(Class, u32)] = &[$((Class::$class, $fields),)*];
        }
    };
}

classes! {
    /// An object with nothing but properties.
    Ordinary 4,
    /// An array (§10.4.2): its length, and whether that is writable.
    Array 2,
    /// A function of a script: see the interpreter.
    Closure 6,
    /// A function of Rust: its number in the table, whether it constructs, its realm, two words of its own, its name.
    Native 6,
    /// A bound function (§10.4.1): target, `this`, arguments.
    Bound 3,
    /// A proxy (§10.5): target, handler, whether it can be called, whether it constructs.
    Proxy 4,
    /// An arguments object without mapping (§10.4.4).
    Arguments 0,
    /// An arguments object whose elements are parameters: environment, which slot each is.
    MappedArguments 2,
    /// An error: its stack trace.
    Error 2,
    /// A Boolean object.
    Boolean 1,
    /// A Number object.
    Number 1,
    /// A String object (§10.4.3).
    String 1,
    /// A Symbol object.
    Symbol 1,
    /// A BigInt object.
    BigInt 1,
    /// A date: its time value.
    Date 1,
    /// A regular expression: source, flags, compiled form, realm, legacy flag.
    RegExp 5,
    /// A map: its table.
    Map 2,
    /// A set: its table.
    Set 2,
    /// A weak map.
    WeakMap 2,
    /// A weak set.
    WeakSet 2,
    /// A weak reference.
    WeakRef 1,
    /// A finalization registry: callback, cells, realm, number.
    FinalizationRegistry 4,
    /// An array buffer: what owns its bytes, whether it is resizable, the key to detach it, whether it is immutable.
    ArrayBuffer 4,
    /// A shared array buffer.
    SharedArrayBuffer 4,
    /// A typed array (§10.4.5): buffer, offset, length (undefined when it follows the buffer), element type.
    TypedArray 4,
    /// A data view: buffer, offset, length.
    DataView 4,
    /// A promise: state, result, reactions, handled.
    Promise 6,
    /// A generator: state, frame, and more of the interpreter's.
    Generator 8,
    /// An async generator: state, frame, queue.
    AsyncGenerator 8,
    /// The state of an async function.
    AsyncFunction 8,
    /// The iterator over properties of `for`-`in`.
    ForIn 6,
    /// An array iterator.
    ArrayIterator 4,
    /// A map iterator.
    MapIterator 4,
    /// A set iterator.
    SetIterator 4,
    /// A string iterator.
    StringIterator 3,
    /// An iterator over matches.
    RegExpStringIterator 6,
    /// An iterator helper.
    IteratorHelper 10,
    /// What `Iterator.from` makes.
    WrapForValidIterator 3,
    /// A synchronous iterator in an asynchronous loop.
    AsyncFromSyncIterator 3,
    /// A module's namespace (§10.4.6).
    ModuleNamespace 3,
    /// A disposable stack.
    DisposableStack 3,
    /// An async disposable stack.
    AsyncDisposableStack 3,
    /// What `JSON.rawJSON` makes.
    RawJson 0,
    /// An object of the embedder: what it is, and three words of its own. See [`embed`](crate::js::embed).
    Embedder 4,
    /// An embedder's object that is opaque: it has no properties and no prototype, and never gets any.
    Opaque 4,
    /// A shadow of the global object, or another object of the engine that no script sees.
    Internal 4,
}

impl Class {
    /// How many internal slots it has.
    pub fn field_count(self) -> u32 {
        Class::ALL[self as usize].1
    }

    /// How many named properties lie in the object itself.
    pub(in crate::js) fn inline_slots(self) -> u32 {
        if self == Class::Ordinary { INLINE_SLOTS } else { 0 }
    }
}

/// What the heap holds besides objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub(in crate::js) enum Thing {
    /// A string of Latin-1 characters. Data begins at [`STRING_DATA`].
    Latin1,
    /// A string of 16-bit code units.
    TwoByte,
    /// Two strings, one behind the other.
    Rope,
    /// A part of a flat string.
    Slice,
    /// A symbol.
    Symbol,
    /// A BigInt: digits of 32 bits from the lowest, and a sign.
    BigInt,
    /// An array of boxed values.
    Values,
    /// Elements that are far apart or have attributes: see [`elements`](crate::js::object::elements).
    Sparse,
    /// An array of references.
    Refs,
    /// An array of bytes.
    Bytes,
    /// An array of 32-bit words.
    Words,
    /// A shape.
    Shape,
    /// The keys of shapes.
    PropertyTable,
    /// A getter and a setter.
    Accessor,
    /// A reference that does not keep its target alive.
    Weak,
    /// A table whose values live as long as their keys.
    Ephemerons,
    /// A boxed value, for places that hold references only.
    Primitive,
}

/// Offset of a string's hash, and of a symbol's.
pub(in crate::js) const HASH: u32 = FIELDS;
/// Offset of a string's flags.
pub(in crate::js) const STRING_FLAGS: u32 = FIELDS + 4;
/// The flag of symbols that are private names.
pub(in crate::js) const PRIVATE: u32 = 2;
/// Offset of a flat string's characters, of a rope's left part, of a slice's whole, of a BigInt's digits.
pub(in crate::js) const STRING_DATA: u32 = FIELDS + 8;

const THINGS: u32 = 17;

/// The descriptors of one heap.
#[derive(Debug)]
pub(in crate::js) struct Types {
    classes: Vec<DescriptorRef>,
    things: Vec<DescriptorRef>,
}

/// What the descriptor of something says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::js) enum Is {
    Object(Class),
    Thing(u32),
    Other,
}

fn thing_desc(thing: Thing) -> TypeDesc<'static> {
    let with_header = |bytes, desc: TypeDesc<'static>| TypeDesc { fixed_bytes: bytes, ..desc };
    match thing {
        Thing::Latin1 => with_header(STRING_DATA, TypeDesc::array(0, SlotKind::Data)),
        Thing::TwoByte => with_header(STRING_DATA, TypeDesc::array(1, SlotKind::Data)),
        Thing::BigInt => with_header(STRING_DATA, TypeDesc::array(2, SlotKind::Data)),
        Thing::Rope => TypeDesc::fixed(24, &[(16, SlotKind::Ref), (20, SlotKind::Ref)]),
        Thing::Slice => TypeDesc::fixed(24, &[(16, SlotKind::Ref)]),
        Thing::Symbol => TypeDesc::fixed(24, &[(16, SlotKind::Boxed)]),
        Thing::Values | Thing::Sparse => TypeDesc::array(3, SlotKind::Boxed),
        Thing::Refs => TypeDesc::array(2, SlotKind::Ref),
        Thing::Bytes => TypeDesc::array(0, SlotKind::Data),
        Thing::Words => TypeDesc::array(2, SlotKind::Data),
        Thing::Shape => TypeDesc::fixed(crate::js::object::shape::SHAPE_BYTES, crate::js::object::shape::SHAPE_SLOTS),
        Thing::PropertyTable => TypeDesc::fixed(16, &[(8, SlotKind::Ref), (12, SlotKind::Ref)]),
        Thing::Accessor => TypeDesc::fixed(24, &[(8, SlotKind::Boxed), (16, SlotKind::Boxed)]),
        Thing::Primitive => TypeDesc::fixed(16, &[(8, SlotKind::Boxed)]),
        Thing::Weak => TypeDesc { kind: ObjectKind::Weak, ..TypeDesc::fixed(16, &[]) },
        Thing::Ephemerons => TypeDesc { kind: ObjectKind::Ephemerons, ..TypeDesc::fixed(FIELDS, &[]) },
    }
}

impl Types {
    /// Makes the descriptors.
    pub fn new(heap: &mut Heap) -> Result<Self, HeapError> {
        let mut types = Types { classes: Vec::new(), things: Vec::new() };
        for &(class, fields) in Class::ALL {
            let mut slots = vec![(SHAPE, SlotKind::Ref), (SLOTS, SlotKind::Ref), (ELEMENTS, SlotKind::Ref)];
            slots.extend((0..fields).map(|nth| (FIRST_FIELD + 8 * nth, SlotKind::Boxed)));
            if matches!(class, Class::Native | Class::Embedder) {
                slots.push((GUEST, SlotKind::Func));
            }
            let desc = TypeDesc::fixed(FIRST_FIELD + 8 * fields, &slots).client(CLIENT_BASE + class as u32);
            types.classes.push(heap.add_type(&desc.opaque())?);
        }
        use Thing::{
            Accessor, BigInt, Bytes, Ephemerons, Latin1, Primitive, PropertyTable, Refs, Rope, Shape, Slice, Sparse, Symbol,
            TwoByte, Values, Weak, Words,
        };
        let things = [
            Latin1,
            TwoByte,
            Rope,
            Slice,
            Symbol,
            BigInt,
            Values,
            Sparse,
            Refs,
            Bytes,
            Words,
            Shape,
            PropertyTable,
            Accessor,
            Weak,
            Ephemerons,
            Primitive,
        ];
        for (nth, thing) in things.into_iter().enumerate() {
            debug_assert_eq!(nth, thing as usize);
            let client = CLIENT_BASE + 0x100 + thing as u32;
            types.things.push(heap.add_type(&thing_desc(thing).client(client).opaque())?);
        }
        Ok(types)
    }

    pub fn class(&self, class: Class) -> DescriptorRef {
        self.classes[class as usize]
    }

    pub fn thing(&self, thing: Thing) -> DescriptorRef {
        self.things[thing as usize]
    }
}

/// What something in the heap is.
#[inline]
pub(in crate::js) fn is(heap: &Heap, reference: HeapRef) -> Is {
    let client = heap.client_of(heap.descriptor(reference)).wrapping_sub(CLIENT_BASE);
    match Class::ALL.get(client as usize) {
        Some(&(class, _)) => Is::Object(class),
        None if client.wrapping_sub(0x100) < THINGS => Is::Thing(client - 0x100),
        None => Is::Other,
    }
}

/// The class of an object.
#[inline]
pub(in crate::js) fn class_of(heap: &Heap, object: HeapRef) -> Class {
    match is(heap, object) {
        Is::Object(class) => class,
        Is::Thing(_) | Is::Other => Class::Internal,
    }
}

/// Whether it is one of the heap's own things of a kind.
#[inline]
pub(in crate::js) fn is_thing(heap: &Heap, reference: HeapRef, thing: Thing) -> bool {
    heap.client_of(heap.descriptor(reference)) == CLIENT_BASE + 0x100 + thing as u32
}
