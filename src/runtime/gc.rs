//! Objects of guests: descriptors of their types, allocation, and what arrays do in bulk.

use cranelift_entity::EntityRef;

use crate::abi::fields::{FieldKind, StructLayout, field_kind, storage_log2};
use crate::abi::trap::TrapCode;
use crate::base::{DataIndex, ElemIndex, TypeIndex};
use crate::compile::module::Module;
use crate::heap::{DescriptorRef, Heap, HeapError, HeapRef, SlotKind, TypeDesc};
use crate::layout::heap::{CUSTOM_DESCRIPTOR, FIELDS};
use crate::runtime::error::ResourceError;
use crate::runtime::partner::heap_of;
use crate::runtime::store::Store;
use crate::wasm::canonical::CanonicalType;
use crate::wasm::types::{CompositeType, FieldType};

fn slot_kind(kind: FieldKind) -> SlotKind {
    match kind {
        FieldKind::Data => SlotKind::Data,
        FieldKind::Ref => SlotKind::Ref,
        FieldKind::Func => SlotKind::Func,
    }
}

fn full(error: &HeapError) -> TrapCode {
    tracing::debug!(%error, "a guest's allocation failed");
    TrapCode::OutOfMemory
}

/// Where the elements of an array are.
#[derive(Clone, Copy, Debug)]
struct Elements {
    array: HeapRef,
    offset: u32,
    bytes: u32,
    log2: u8,
    kind: SlotKind,
}

impl Store {
    /// The descriptors of a module's types in this store's heap, by type index; 0 for function types.
    pub(crate) fn descriptors_of(&mut self, module: &Module) -> Result<Box<[u32]>, ResourceError> {
        if !module.decoded().uses_heap {
            return Ok(Box::default());
        }
        let types = module.canonical_types();
        let indices = module.decoded().types.keys();
        indices
            .map(|index| match module.decoded().types[index].composite {
                CompositeType::Func(_) => Ok(0),
                _ => {
                    let handle = types.handle(index).ok_or_else(|| ResourceError("a type that its module lacks".into()))?;
                    self.kept_types.entry(handle.id()).or_insert(handle);
                    self.descriptor(types.ty(index)).map(DescriptorRef::bits)
                }
            })
            .collect()
    }

    /// The descriptor of a type, which somebody keeps; made at first use. Supertypes of a kept type are kept with it.
    fn descriptor(&mut self, ty: &CanonicalType) -> Result<DescriptorRef, ResourceError> {
        if let Some(&known) = self.descriptors.get(&ty.id()) {
            return Ok(known);
        }
        // From the root down: chains of supertypes may be long, and each needs the one above.
        let mut chain = Vec::new();
        let mut above = ty.supertype();
        while let Some(id) = above
            && !self.descriptors.contains_key(&id)
        {
            let handle = self.engine.types().get(id).ok_or_else(|| ResourceError("a supertype is gone".into()))?;
            above = handle.ty().supertype();
            chain.push(handle);
        }
        while let Some(handle) = chain.pop() {
            self.add_descriptor(handle.ty())?;
        }
        self.add_descriptor(ty)
    }

    fn add_descriptor(&mut self, ty: &CanonicalType) -> Result<DescriptorRef, ResourceError> {
        self.ensure_heap()?;
        let parent = ty.supertype().and_then(|id| self.descriptors.get(&id).copied());
        let (slots, layout);
        let desc = match ty.composite() {
            CompositeType::Struct(fields) => {
                layout = StructLayout::new(fields);
                let kinds = fields.fields.iter().map(|field| slot_kind(field_kind(field)));
                let hidden = ty.clauses().descriptor.map(|_| (CUSTOM_DESCRIPTOR, SlotKind::Ref));
                slots = hidden.into_iter().chain(layout.offsets.iter().copied().zip(kinds)).collect::<Vec<_>>();
                TypeDesc::fixed(layout.bytes, &slots)
            }
            CompositeType::Array(array) => {
                TypeDesc::array(storage_log2(array.element.storage), slot_kind(field_kind(&array.element)))
            }
            CompositeType::Func(_) => return Err(ResourceError("functions have no descriptors".into())),
        };
        let desc = TypeDesc { parent, ..desc.client(ty.id().as_u32()) };
        let heap = self.heap_mut().ok_or_else(|| ResourceError("the heap is in use".into()))?;
        let made = heap.add_type(&desc).map_err(|error| ResourceError(error.to_string()))?;
        self.descriptors.insert(ty.id(), made);
        Ok(made)
    }

    fn descriptor_at(&self, instance: usize, ty: TypeIndex) -> DescriptorRef {
        DescriptorRef::from_bits(self.instances[instance].descriptors[ty.index()])
    }

    /// A structure, or an array that takes just so many bytes, all zero.
    pub(crate) fn new_object(&mut self, instance: usize, ty: TypeIndex, bytes: u32) -> Result<HeapRef, TrapCode> {
        let object = &self.instances[instance];
        if let CompositeType::Array(array) = &object.module.decoded().types[ty].composite {
            let length = (bytes - FIELDS) >> storage_log2(array.element.storage);
            return self.new_array(instance, ty, length);
        }
        let descriptor = self.descriptor_at(instance, ty);
        self.with_heap(|heap, roots| heap.allocate(descriptor, roots)).map_err(|_| TrapCode::OutOfMemory)?.map_err(|e| full(&e))
    }

    /// An array, all zero.
    pub(crate) fn new_array(&mut self, instance: usize, ty: TypeIndex, length: u32) -> Result<HeapRef, TrapCode> {
        let descriptor = self.descriptor_at(instance, ty);
        let made = self.with_heap(|heap, roots| heap.allocate_array(descriptor, length, roots));
        made.map_err(|_| TrapCode::OutOfMemory)?.map_err(|e| full(&e))
    }

    /// Sets a field of an object that was just made.
    pub(crate) fn init_field(&mut self, object: HeapRef, field: &FieldType, offset: u32, bits: u128) {
        let Some(heap) = self.heap_mut() else { return };
        match field_kind(field) {
            FieldKind::Ref => heap.write_ref(object, offset, HeapRef::from_bits(bits as u32)),
            _ => heap.write_data(object, offset, &bits.to_le_bytes()[..1 << storage_log2(field.storage)]),
        }
    }

    /// Sets the custom descriptor of a structure that was just made.
    pub(crate) fn init_custom_descriptor(&mut self, object: HeapRef, descriptor: HeapRef) {
        if let Some(heap) = self.heap_mut() {
            heap.write_ref(object, CUSTOM_DESCRIPTOR, descriptor);
        }
    }

    fn heap_ref(&self) -> Result<&Heap, TrapCode> {
        self.heap().ok_or(TrapCode::OutOfMemory)
    }

    fn guest_heap_mut(&mut self) -> Result<&mut Heap, TrapCode> {
        self.heap_mut().ok_or(TrapCode::OutOfMemory)
    }

    /// The elements `start..start + count` of an array.
    fn elements(&self, array: HeapRef, start: u32, count: u32) -> Result<Elements, TrapCode> {
        if array.is_null() {
            return Err(TrapCode::NullArrayReference);
        }
        let heap = self.heap_ref()?;
        let is_inside = start.checked_add(count).is_some_and(|end| end <= heap.length(array));
        if !is_inside {
            return Err(TrapCode::ArrayOutOfBounds);
        }
        let (log2, kind) = heap.element_of(heap.descriptor(array));
        Ok(Elements { array, offset: FIELDS + (start << log2), bytes: count << log2, log2, kind })
    }

    /// Fills elements with a value's bits.
    pub(crate) fn fill_array(&mut self, array: HeapRef, start: u32, bits: u128, count: u32) -> Result<(), TrapCode> {
        let elements = self.elements(array, start, count)?;
        let heap = self.guest_heap_mut()?;
        heap.fill_slots(elements.array, elements.offset, elements.bytes, elements.log2, bits);
        if elements.kind == SlotKind::Ref {
            heap.barrier_range(array, elements.offset, elements.bytes);
        }
        Ok(())
    }

    /// Copies elements from one array to another, or within one.
    pub(crate) fn copy_array(
        &mut self,
        to: HeapRef,
        to_start: u32,
        from: HeapRef,
        start: u32,
        count: u32,
    ) -> Result<(), TrapCode> {
        // Both are looked at before any is found too short, and null is found first (§4.6.6, array.copy).
        if to.is_null() || from.is_null() {
            return Err(TrapCode::NullArrayReference);
        }
        let target = self.elements(to, to_start, count)?;
        let source = self.elements(from, start, count)?;
        let is_ref = target.kind == SlotKind::Ref;
        self.guest_heap_mut()?.copy_slots(to, target.offset, from, source.offset, target.bytes, is_ref);
        Ok(())
    }

    /// The bytes `offset..offset + count << log2` of a data segment.
    fn data_range(&self, instance: usize, data: DataIndex, offset: u32, bytes: u64) -> Result<std::ops::Range<usize>, TrapCode> {
        let object = &self.instances[instance];
        let is_dropped = object.dropped_datas[data.index()];
        let range = if is_dropped { 0..0 } else { object.module.decoded().datas()[data].bytes.clone() };
        let len = range.len() as u64;
        let end = u64::from(offset) + bytes;
        if end > len {
            return Err(TrapCode::MemoryOutOfBounds);
        }
        Ok(range.start + offset as usize..range.start + end as usize)
    }

    /// An array of the bytes of a data segment.
    pub(crate) fn new_array_of_data(
        &mut self,
        instance: usize,
        ty: TypeIndex,
        data: DataIndex,
        offset: u32,
        length: u32,
    ) -> Result<HeapRef, TrapCode> {
        let (log2, _) = self.heap_ref()?.element_of(self.descriptor_at(instance, ty));
        let range = self.data_range(instance, data, offset, u64::from(length) << log2)?;
        let array = self.new_array(instance, ty, length)?;
        let bytes = self.instances[instance].module.wire_bytes().clone();
        self.guest_heap_mut()?.write_data(array, FIELDS, bytes.of(&range));
        Ok(array)
    }

    /// An array of the references of an element segment.
    pub(crate) fn new_array_of_elems(
        &mut self,
        instance: usize,
        ty: TypeIndex,
        elem: ElemIndex,
        offset: u32,
        length: u32,
    ) -> Result<HeapRef, TrapCode> {
        self.elem_range(instance, elem, offset, length)?;
        let array = self.new_array(instance, ty, length)?;
        self.init_array_of_elems(instance, array, elem, 0, offset, length)?;
        Ok(array)
    }

    /// Writes bytes of a data segment to elements.
    pub(crate) fn init_array_of_data(
        &mut self,
        instance: usize,
        array: HeapRef,
        data: DataIndex,
        start: u32,
        offset: u32,
        count: u32,
    ) -> Result<(), TrapCode> {
        let elements = self.elements(array, start, count)?;
        let range = self.data_range(instance, data, offset, u64::from(count) << elements.log2)?;
        let bytes = self.instances[instance].module.wire_bytes().clone();
        self.guest_heap_mut()?.write_data(array, elements.offset, bytes.of(&range));
        Ok(())
    }

    fn elem_range(&self, instance: usize, elem: ElemIndex, offset: u32, count: u32) -> Result<std::ops::Range<usize>, TrapCode> {
        let len = self.instances[instance].elems[elem.index()].as_ref().map_or(0, |references| references.len() as u64);
        let end = u64::from(offset) + u64::from(count);
        if end > len { Err(TrapCode::TableOutOfBounds) } else { Ok(offset as usize..end as usize) }
    }

    /// Writes references of an element segment to elements.
    pub(crate) fn init_array_of_elems(
        &mut self,
        instance: usize,
        array: HeapRef,
        elem: ElemIndex,
        start: u32,
        offset: u32,
        count: u32,
    ) -> Result<(), TrapCode> {
        let elements = self.elements(array, start, count)?;
        let range = self.elem_range(instance, elem, offset, count)?;
        let heap = heap_of(&mut self.heap, &mut self.partner).ok_or(TrapCode::OutOfMemory)?;
        let references = self.instances[instance].elems[elem.index()].as_deref().unwrap_or_default();
        for (nth, &reference) in (0..).zip(&references[range]) {
            heap.write_u32(array, elements.offset + 4 * nth, reference);
        }
        if elements.kind == SlotKind::Ref {
            heap.barrier_range(array, elements.offset, elements.bytes);
        }
        Ok(())
    }
}
