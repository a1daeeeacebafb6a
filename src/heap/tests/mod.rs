//! Tests of the heap: a client whose objects hold references, boxed values and data, against a model of it in Rust.

mod barrier;
mod graph;
mod image;
mod limits;
mod weak;

use std::ptr::NonNull;

use crate::heap::{DescriptorRef, Heap, HeapConfig, SlotKind, TypeDesc};
use crate::layout::HeapState;
use crate::layout::heap::{FIELDS, LENGTH};

/// A heap with the words that generated code would see.
pub(super) struct Client {
    pub heap: Heap,
    pub types: Types,
    /// Freed after the heap, which writes to it.
    state: Box<HeapState>,
}

/// The client's types.
#[derive(Debug, Clone, Copy)]
pub(super) struct Types {
    /// Two references, a boxed value, a number.
    pub node: DescriptorRef,
    /// An array of references.
    pub refs: DescriptorRef,
    /// An array of boxed values.
    pub values: DescriptorRef,
    /// An array of bytes.
    pub bytes: DescriptorRef,
    /// A reference too far away for the bit sets.
    pub wide: DescriptorRef,
    /// References in the header's second word and in the first field.
    pub headed: DescriptorRef,
}

pub(super) const LEFT: u32 = FIELDS;
pub(super) const RIGHT: u32 = FIELDS + 4;
pub(super) const VALUE: u32 = FIELDS + 8;
pub(super) const NUMBER: u32 = FIELDS + 16;
pub(super) const FAR: u32 = 1000;
pub(super) const NODE_SLOTS: [(u32, SlotKind); 3] = [(LEFT, SlotKind::Ref), (RIGHT, SlotKind::Ref), (VALUE, SlotKind::Boxed)];

impl Types {
    pub fn declare(heap: &mut Heap) -> Self {
        let mut add = |ty: TypeDesc<'_>| heap.add_type(&ty).expect("a type");
        Types {
            node: add(TypeDesc::fixed(32, &NODE_SLOTS).client(1)),
            refs: add(TypeDesc::array(2, SlotKind::Ref).client(2)),
            values: add(TypeDesc::array(3, SlotKind::Boxed).client(3)),
            bytes: add(TypeDesc::array(0, SlotKind::Data).client(4)),
            wide: add(TypeDesc::fixed(1016, &[(FAR, SlotKind::Ref)]).client(5)),
            headed: add(TypeDesc::fixed(16, &[(LENGTH, SlotKind::Ref), (LEFT, SlotKind::Ref)]).client(6)),
        }
    }
}

impl Client {
    pub fn new(config: HeapConfig) -> Self {
        let mut state = Box::new(HeapState::none());
        // SAFETY: the box outlives the heap, and only the heap writes to it.
        let mut heap = unsafe { Heap::new(config, NonNull::from(&mut *state)) }.expect("a heap");
        let types = Types::declare(&mut heap);
        Client { heap, types, state }
    }

    /// The state that generated code would see.
    pub fn state(&self) -> &HeapState {
        &self.state
    }
}

/// A small heap, so that tests collect often.
pub(super) fn small() -> HeapConfig {
    HeapConfig { cage_bytes: 64 << 20, nursery_bytes: 64 << 10, ..HeapConfig::default() }
}

pub(super) fn stress() -> HeapConfig {
    HeapConfig { stress: true, stress_major_every: 16, ..small() }
}
