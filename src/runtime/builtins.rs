//! The Rust side of the builtins: what generated code cannot do alone.
//!
//! Each takes the caller's vmctx and returns to its stub, which raises if told so. Bounds follow the specification's rule for bulk
//! operations (§4.4.7): everything is checked before anything is written.

use cranelift_entity::EntityRef;

use crate::abi::trap::TrapCode;
use crate::abi::vmctx::{BLOCK, INSTANCE};
use crate::base::{DataIndex, ElemIndex, FuncIndex, TypeIndex};
use crate::heap::HeapRef;
use crate::layout::IsolateBlock;
use crate::runtime::store::Store;
use crate::runtime::stubs::BuiltinReturn;
use crate::runtime::trap::Raised;
use crate::runtime::wait;

type Outcome = Result<u64, TrapCode>;

/// The value that `memory.grow` and `table.grow` give when they fail.
const GROW_FAILED: u64 = u64::MAX;

/// Runs a builtin's body on the caller's store and instance.
///
/// # Safety
///
/// `vmctx` is the caller's.
#[inline]
unsafe fn run(vmctx: *mut u8, body: impl FnOnce(&mut Store, usize) -> Outcome) -> BuiltinReturn {
    // SAFETY: every vmctx begins with its block, which holds the address of the store; the store's `&mut` outside is suspended in the
    // activation that this builtin was called from.
    let (store, instance) = unsafe {
        let block = vmctx.add(BLOCK as usize).cast::<*mut IsolateBlock>().read();
        (&mut *(*block).isolate.cast::<Store>(), vmctx.add(INSTANCE as usize).cast::<usize>().read())
    };
    match body(store, instance) {
        Ok(value) => BuiltinReturn { value, trapped: 0 },
        Err(code) => {
            store.raise(Raised::Code(code));
            BuiltinReturn { value: 0, trapped: 1 }
        }
    }
}

/// The range `start..start + len` if it lies within `bound`.
fn checked_range(start: u64, len: u64, bound: usize) -> Option<std::ops::Range<usize>> {
    let end = start.checked_add(len).filter(|&end| end <= bound as u64)?;
    Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

impl Store {
    /// Grows a memory by pages; the old size in pages.
    pub(crate) fn grow_memory(&mut self, memory: u32, pages: u64) -> Option<u64> {
        let (object, limiter) = (&mut self.memories[memory as usize], &mut self.limiter);
        let may_grow = |old, desired, max| limiter.as_mut().is_none_or(|limiter| limiter.memory_growing(old, desired, max));
        let had_view = !object.has_no_view();
        let old_pages = object.grow_if(pages, may_grow)?;
        self.views_closed |= had_view && object.has_no_view();
        if object.may_move() {
            self.refresh_memory_bases(memory);
        }
        Some(old_pages)
    }

    /// Rewrites the base that each vmctx keeps of a memory that may have moved.
    fn refresh_memory_bases(&self, memory: u32) {
        for instance in self.instances.values() {
            for (position, _) in instance.memories.iter().enumerate().filter(|&(_, &index)| index == memory) {
                let offset = instance.module.layout().memory_base(crate::base::MemoryIndex::new(position));
                // SAFETY: the offset is that of a memory's base in this instance's layout.
                unsafe { instance.vmctx.write(offset, self.memories[memory as usize].base()) };
            }
        }
    }

    /// Grows a table; the old size.
    pub(crate) fn grow_table(&mut self, table: u32, count: u64, init: u32) -> Option<u64> {
        let object = &self.tables[table as usize];
        let (old, desired) = (object.elements().len() as u64, object.grown_len(count)?);
        let max = object.declared_type().max.unwrap_or(crate::base::limits::TABLE_ELEM_COUNT);
        if !self.may_grow_table(old, desired, max) {
            return None;
        }
        self.tables[table as usize].grow(count, init)
    }

    /// `memory.init`, also used by instantiation.
    pub(crate) fn init_memory(&mut self, instance: usize, memory: u32, data: DataIndex, dst: u64, src: u64, len: u64) -> Outcome {
        let object = &self.instances[instance];
        let wire_bytes = object.module.wire_bytes().clone();
        let is_dropped = object.dropped_datas[data.index()];
        let segment: &[u8] = if is_dropped { &[] } else { wire_bytes.of(&object.module.decoded().datas()[data].bytes) };
        let source = checked_range(src, len, segment.len()).ok_or(TrapCode::MemoryOutOfBounds)?;
        let written = self.memories[memory as usize].write(dst, &segment[source]);
        written.map(|()| 0).map_err(|_| TrapCode::MemoryOutOfBounds)
    }

    /// `table.init`, also used by instantiation.
    pub(crate) fn init_table(&mut self, instance: usize, table: u32, elem: ElemIndex, dst: u64, src: u64, len: u64) -> Outcome {
        let segment: &[u32] = self.instances[instance].elems[elem.index()].as_deref().unwrap_or(&[]);
        let source = checked_range(src, len, segment.len()).ok_or(TrapCode::TableOutOfBounds)?;
        let target = self.tables[table as usize].elements_mut();
        let destination = checked_range(dst, len, target.len()).ok_or(TrapCode::TableOutOfBounds)?;
        target[destination].copy_from_slice(&segment[source]);
        Ok(0)
    }

    fn memory_of(&self, instance: usize, memory: u32) -> u32 {
        self.instances[instance].memories[memory as usize]
    }

    fn table_of(&self, instance: usize, table: u32) -> u32 {
        self.instances[instance].tables[table as usize]
    }
}

macro_rules! builtin {
    ($(#[$doc:meta])* $name:ident($store:ident, $instance:ident $(, $param:ident: $ty:ty)*) $body:block) => {
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// Called by its stub only, with the vmctx of the calling guest.
        pub(crate) unsafe extern "sysv64" fn $name(vmctx: *mut u8 $(, $param: $ty)*) -> BuiltinReturn {
            // SAFETY: the stub passes the caller's vmctx.
            unsafe { run(vmctx, |$store, $instance| $body) }
        }
    };
}

builtin! {
    /// `memory.grow`.
    memory_grow(store, instance, memory: u32, pages: u64) {
        let memory = store.memory_of(instance, memory);
        Ok(store.grow_memory(memory, pages).unwrap_or(GROW_FAILED))
    }
}

/// `memory.copy`, whose bounds generated code has checked. A leaf: it raises nothing and has no exit frame.
///
/// # Safety
///
/// Called by generated code only: both ranges lie in memories of the calling instance.
pub(crate) unsafe extern "sysv64" fn copy_bytes(_vmctx: *mut u8, to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the caller has checked both ranges; no reference to guest memory is alive while the guest runs. In a shared memory other
    // threads may write them: this is the C library's `memmove` then, called for the guest, and nothing here looks at the bytes.
    unsafe { std::ptr::copy(from, to, len) }
}

/// `memory.fill`, whose bounds generated code has checked. A leaf.
///
/// # Safety
///
/// Called by generated code only: the range lies in a memory of the calling instance.
pub(crate) unsafe extern "sysv64" fn fill_bytes(_vmctx: *mut u8, to: *mut u8, byte: u32, len: usize) {
    // SAFETY: the caller has checked the range; no reference to guest memory is alive while the guest runs. In a shared memory, as for
    // `copy_bytes`.
    unsafe { std::ptr::write_bytes(to, byte as u8, len) }
}

builtin! {
    /// `memory.init`; `which` packs the memory (low half) and the segment (high half).
    memory_init(store, instance, which: u64, dst: u64, src: u32, len: u32) {
        let memory = store.memory_of(instance, which as u32);
        let data = DataIndex::from_u32((which >> 32) as u32);
        store.init_memory(instance, memory, data, dst, u64::from(src), u64::from(len))
    }
}

builtin! {
    /// `data.drop`.
    data_drop(store, instance, data: u32) {
        store.instances[instance].dropped_datas[data as usize] = true;
        Ok(0)
    }
}

builtin! {
    /// `table.grow`.
    table_grow(store, instance, table: u32, init: u32, count: u64) {
        let table = store.table_of(instance, table);
        Ok(store.grow_table(table, count, init).unwrap_or(GROW_FAILED))
    }
}

builtin! {
    /// `table.fill`.
    table_fill(store, instance, table: u32, start: u64, value: u32, count: u64) {
        let table = store.table_of(instance, table) as usize;
        let elements = store.tables[table].elements_mut();
        let range = checked_range(start, count, elements.len()).ok_or(TrapCode::TableOutOfBounds)?;
        elements[range].fill(value);
        Ok(0)
    }
}

builtin! {
    /// `table.copy`.
    table_copy(store, instance, dst_table: u32, src_table: u32, dst: u64, src: u64, count: u64) {
        let (to, from) = (store.table_of(instance, dst_table) as usize, store.table_of(instance, src_table) as usize);
        let destination = checked_range(dst, count, store.tables[to].elements().len()).ok_or(TrapCode::TableOutOfBounds)?;
        let source = checked_range(src, count, store.tables[from].elements().len()).ok_or(TrapCode::TableOutOfBounds)?;
        if to == from {
            store.tables[to].elements_mut().copy_within(source, destination.start);
        } else if let Some((to, from)) = store.tables.pair_mut(to, from) {
            to.elements_mut()[destination].copy_from_slice(&from.elements()[source]);
        }
        Ok(0)
    }
}

builtin! {
    /// `table.init`; `which` packs the table (low half) and the segment (high half).
    table_init(store, instance, which: u64, dst: u64, src: u32, count: u32) {
        let table = store.table_of(instance, which as u32);
        let elem = ElemIndex::from_u32((which >> 32) as u32);
        store.init_table(instance, table, elem, dst, u64::from(src), u64::from(count))
    }
}

builtin! {
    /// `elem.drop`.
    elem_drop(store, instance, elem: u32) {
        store.instances[instance].elems[elem as usize] = None;
        Ok(0)
    }
}

builtin! {
    /// `ref.func`.
    ref_func(store, instance, func: u32) {
        // The function table's capacity is the only thing that can run out; a guest sees that as the call stack's end.
        let reference = u32::try_from(instance).ok().and_then(|i| store.func_ref(i, FuncIndex::from_u32(func)).ok());
        reference.map(u64::from).ok_or(TrapCode::StackOverflow)
    }
}

builtin! {
    /// A loop header saw the interrupt word.
    interrupt(store, _instance) {
        store.interrupted().map(|()| 0)
    }
}

builtin! {
    /// More fuel was consumed than given.
    out_of_fuel(store, _instance) {
        store.refuel().map(|()| 0)
    }
}

builtin! {
    /// `memory.atomic.wait32`.
    atomic_wait32(store, instance, memory: u32, address: u64, expected: u32, timeout: i64) {
        let memory = store.memory_of(instance, memory) as usize;
        wait::wait32(&store.memories[memory], &store.interrupts.handle(), address, expected, timeout)
    }
}

builtin! {
    /// `memory.atomic.wait64`.
    atomic_wait64(store, instance, memory: u32, address: u64, expected: u64, timeout: i64) {
        let memory = store.memory_of(instance, memory) as usize;
        wait::wait64(&store.memories[memory], &store.interrupts.handle(), address, expected, timeout)
    }
}

builtin! {
    /// `memory.atomic.notify`.
    atomic_notify(store, instance, memory: u32, address: u64, count: u32) {
        let memory = store.memory_of(instance, memory) as usize;
        wait::notify(&store.memories[memory], address, count)
    }
}

builtin! {
    /// An object of so many bytes: a structure, or an array of a fixed length.
    allocate_object(store, instance, ty: u32, bytes: u32) {
        store.new_object(instance, TypeIndex::from_u32(ty), bytes).map(reference)
    }
}

builtin! {
    /// `array.new_default`.
    array_new_default(store, instance, ty: u32, length: u32) {
        store.new_array(instance, TypeIndex::from_u32(ty), length).map(reference)
    }
}

builtin! {
    /// `array.new_data`; `which` packs the type (low half) and the segment (high half).
    array_new_data(store, instance, which: u64, offset: u32, length: u32) {
        let (ty, data) = (TypeIndex::from_u32(which as u32), DataIndex::from_u32((which >> 32) as u32));
        store.new_array_of_data(instance, ty, data, offset, length).map(reference)
    }
}

builtin! {
    /// `array.new_elem`; `which` packs the type (low half) and the segment (high half).
    array_new_elem(store, instance, which: u64, offset: u32, length: u32) {
        let (ty, elem) = (TypeIndex::from_u32(which as u32), ElemIndex::from_u32((which >> 32) as u32));
        store.new_array_of_elems(instance, ty, elem, offset, length).map(reference)
    }
}

builtin! {
    /// `array.fill`.
    array_fill(store, _instance, array: u32, start: u32, low: u64, high: u64, count: u32) {
        let bits = u128::from(low) | u128::from(high) << 64;
        store.fill_array(HeapRef::from_bits(array), start, bits, count).map(|()| 0)
    }
}

builtin! {
    /// `array.copy`.
    array_copy(store, _instance, to: u32, to_start: u32, from: u32, start: u32, count: u32) {
        store.copy_array(HeapRef::from_bits(to), to_start, HeapRef::from_bits(from), start, count).map(|()| 0)
    }
}

builtin! {
    /// `array.init_data`.
    array_init_data(store, instance, array: u32, data: u32, start: u32, offset: u32, count: u32) {
        store.init_array_of_data(instance, HeapRef::from_bits(array), DataIndex::from_u32(data), start, offset, count).map(|()| 0)
    }
}

builtin! {
    /// `array.init_elem`.
    array_init_elem(store, instance, array: u32, elem: u32, start: u32, offset: u32, count: u32) {
        store.init_array_of_elems(instance, HeapRef::from_bits(array), ElemIndex::from_u32(elem), start, offset, count).map(|()| 0)
    }
}

fn reference(reference: HeapRef) -> u64 {
    u64::from(reference.bits())
}

builtin! {
    /// A new exception. The payload is on the caller's stack.
    new_exception(store, instance, tag: u32, payload: *const u128) {
        let tag = store.instances[instance].tags[tag as usize];
        let count = store.payload_count(tag);
        // Unsafe within the macro's block. Generated code passes the address of 16 bytes, aligned to 16, for each value that the
        // tag's type has.
        let payload = if count == 0 { &[] } else { std::slice::from_raw_parts(payload, count) };
        let made = store.new_exception(tag, payload);
        made.map(|exception| u64::from(exception.bits())).map_err(|_| TrapCode::OutOfMemory)
    }
}

/// Throws an exception, which is not null, out of the calling function.
///
/// # Safety
///
/// Called by its stub only, with the vmctx of the calling guest and a reference to an exception.
pub(crate) unsafe extern "sysv64" fn throw(vmctx: *mut u8, exception: u32) -> BuiltinReturn {
    // SAFETY: as in `run`.
    let store = unsafe { &mut *(*vmctx.add(BLOCK as usize).cast::<*mut IsolateBlock>().read()).isolate.cast::<Store>() };
    BuiltinReturn { value: 0, trapped: u64::from(store.throw(HeapRef::from_bits(exception), None)) }
}
