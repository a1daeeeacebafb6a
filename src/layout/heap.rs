//! The heap as generated code sees it: references, object headers, type descriptors, the words of allocation and of the barrier.
//!
//! A *reference* is the 32-bit offset of an object in its isolate's cage; 0 is null, and an odd value is an `i31`. An object
//! begins with the offset of its *descriptor*, an object in the same cage, and a word that is an array's length or belongs to
//! the descriptor's owner. Fields follow at fixed offsets. So nothing in the cage depends on where the cage is.

use std::mem::offset_of;

/// A cage starts at a multiple of this, and is at most this long.
pub const CAGE_ALIGN: u64 = 1 << 32;
/// The first bytes of a cage are never mapped: reading a field of null faults, if its offset is smaller.
pub const NULL_PAGE_BYTES: u32 = 64 * 1024;
/// Objects start at multiples of this.
pub const OBJECT_ALIGN: u32 = 8;
/// The null reference.
pub const NULL: u32 = 0;
/// Bit 0 of a reference that is an `i31`; the number stands above it.
pub const I31_TAG: u32 = 1;

/// Offset in an object of the reference to its descriptor. In a free cell this word is 0.
pub const DESCRIPTOR: u32 = 0;
/// Offset in an object of an array's length, or of a word that the descriptor's owner may use. It may be a reference.
pub const LENGTH: u32 = 4;
/// Offset in a structure, if its type has a custom descriptor, of the reference to that.
pub const CUSTOM_DESCRIPTOR: u32 = LENGTH;
/// Offset of an object's first field or element.
pub const FIELDS: u32 = 8;

/// Binary logarithm of the bytes of a card.
pub const CARD_LOG2: u32 = 9;

/// Upper 16 bits from which on a 64-bit boxed value is a reference: numbers are canonical NaNs at most, and end below. Four tags.
pub const BOXED_REF_TAG: u64 = 0xfffc;
/// Position of those bits.
pub const BOXED_TAG_SHIFT: u32 = 48;

/// Larger objects are born old. What is smaller is always born young, so that who initializes it needs no barrier.
pub const MAX_YOUNG_BYTES: u32 = 16 * 1024;
/// `kind` of a descriptor of objects with fields.
pub const KIND_STRUCT: u8 = 0;
/// `kind` of a descriptor of arrays.
pub const KIND_ARRAY: u8 = 1;
/// Guests can look into both, and into nothing of a greater kind.
const _: () = assert!(KIND_STRUCT < KIND_ARRAY);

/// A descriptor: what the collector, and a cast, need to know of an object. It is itself an object, and never moves.
///
/// Behind the fixed part stand the display, which is as long as `display_count` says and at least [`MIN_DISPLAY`], and then
/// `slot_count` words that list slots, for types whose slots the bit sets cannot hold.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Descriptor {
    /// The descriptor of descriptors.
    pub descriptor: u32,
    /// Bytes of this descriptor, header included.
    pub descriptor_bytes: u32,
    /// A `heap::ObjectKind`.
    pub kind: u8,
    /// Binary logarithm of an array's element.
    pub element_log2: u8,
    /// A `heap::SlotKind`: what an array's elements are.
    pub element_slot: u8,
    /// Words of 8 bytes of a small object with fields whose slots are those of `ref_bits` and `func_bits`; 0 for any other.
    pub small_words: u8,
    /// Bytes of an object, or of an array without elements; a multiple of 4, header included.
    pub fixed_bytes: u32,
    /// Bit n: the 4 bytes at `LENGTH + 4n` are a reference.
    pub ref_bits: u64,
    /// Bit n: the 4 bytes at `LENGTH + 4n` are an index into the function table.
    pub func_bits: u64,
    /// Bit n: the 8 bytes at `LENGTH + 4n` are a boxed value.
    pub boxed_bits: u64,
    /// What the owner of the type calls it: for a Wasm type its canonical id.
    pub client: u32,
    /// Words in the slot list.
    pub slot_count: u32,
    /// How many supertypes this type has: its own place in the display.
    pub depth: u32,
    /// Words in the display.
    pub display_count: u32,
}

/// Displays have at least so many entries: a cast to a type of a smaller depth needs no check of the length.
pub const MIN_DISPLAY: u32 = 8;

/// Offset of `kind`.
pub const DESCRIPTOR_KIND: u32 = offset_of!(Descriptor, kind) as u32;
/// Offset of `ref_bits`.
pub const DESCRIPTOR_REF_BITS: u32 = offset_of!(Descriptor, ref_bits) as u32;
/// Bit of `ref_bits` that says that the word at [`LENGTH`] is a reference, wherever else the type has its slots. Of what guests have,
/// that is so in structures with a custom descriptor, and in no others.
pub const HEADER_REF_BIT: u64 = 1;
/// Offset of `client`.
pub const DESCRIPTOR_CLIENT: u32 = offset_of!(Descriptor, client) as u32;
/// Offset of `display_count`.
pub const DESCRIPTOR_DISPLAY_COUNT: u32 = offset_of!(Descriptor, display_count) as u32;
/// Offset of the display: descriptors of all supertypes from the root down to the type itself.
pub const DESCRIPTOR_DISPLAY: u32 = size_of::<Descriptor>() as u32;
const _: () = assert!(DESCRIPTOR_DISPLAY == 56);

/// The words of a heap that generated code uses. They lie in the isolate's block.
///
/// The barrier: storing `value` into `object` calls the runtime if `object < barrier_object && value >= barrier_value`. While
/// nothing is marked that is "an old object gets a young value".
#[repr(C)]
#[derive(Debug)]
pub struct HeapState {
    /// Address of reference 0. Null while the isolate has no heap.
    pub cage: *mut u8,
    /// Reference of the next object in the nursery.
    pub top: u32,
    /// End of what may be allocated without the runtime.
    pub limit: u32,
    /// See the type.
    pub barrier_object: u32,
    /// See the type.
    pub barrier_value: u32,
    /// Address of the card of reference 0.
    pub cards: *mut u8,
}

impl HeapState {
    /// The state before there is a heap: no allocation fits.
    pub const fn none() -> Self {
        HeapState {
            cage: std::ptr::null_mut(),
            top: 0,
            limit: 0,
            barrier_object: 0,
            barrier_value: u32::MAX,
            cards: std::ptr::null_mut(),
        }
    }
}

/// Offset of `cage`.
pub const HEAP_CAGE: usize = offset_of!(HeapState, cage);
/// Offset of `top`.
pub const HEAP_TOP: usize = offset_of!(HeapState, top);
/// Offset of `limit`.
pub const HEAP_LIMIT: usize = offset_of!(HeapState, limit);
/// Offset of `barrier_object`.
pub const HEAP_BARRIER_OBJECT: usize = offset_of!(HeapState, barrier_object);
/// Offset of `cards`.
pub const HEAP_CARDS: usize = offset_of!(HeapState, cards);
/// Offset of `barrier_value`.
pub const HEAP_BARRIER_VALUE: usize = offset_of!(HeapState, barrier_value);
