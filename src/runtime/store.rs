//! The store: everything that the instances of one isolate own.
//!
//! It is boxed and never moves, so that the isolate block can hold its address. Generated code holds raw addresses of its objects, and
//! instances link to each other freely: what nothing needs any more is found by marking ([`liveness`](crate::runtime::liveness)).

use crate::base::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::ptr::NonNull;

use crate::abi::vmctx::NO_REFERENCE;
use crate::base::{CanonicalTypeId, FuncIndex};
use crate::compile::engine::WasmEngine;
use crate::heap::{DescriptorRef, Heap, HeapRef};
use crate::layout::block::{ActivationWords, NO_STACK};
use crate::layout::frame::SAVED_COUNT;
use crate::layout::{FuncEntry, HeapState, IsolateBlock};
use crate::runtime::arena::Arena;
use crate::runtime::backtrace::TraceBuffer;
use crate::runtime::call_shapes::CallShapes;
use crate::runtime::error::ResourceError;
use crate::runtime::exception::TagObject;
use crate::runtime::fault;
use crate::runtime::fiber::AsyncCalls;
use crate::runtime::func_image::FuncImage;
use crate::runtime::func_table::FuncTable;
use crate::runtime::global::GlobalObject;
use crate::runtime::host::{HostContext, HostFunc};
use crate::runtime::instance::InstanceObject;
use crate::runtime::interrupt::InterruptTarget;
use crate::runtime::isolate_block::BlockMemory;
use crate::runtime::limiter::ResourceLimiter;
use crate::runtime::liveness::{Owned, Pins};
use crate::runtime::memory::MemoryObject;
use crate::runtime::osr::LoopStates;
use crate::runtime::partner::Partner;
use crate::runtime::reports::CodeReports;
use crate::runtime::rooted::HostRoots;
use crate::runtime::stubs;
use crate::runtime::table::TableObject;
use crate::runtime::trap::Raised;
use crate::runtime::value::{Func, Val};
use crate::wasm::canonical::{TypeHandle, matching};
use crate::wasm::types::{HeapType, RefType, ValType};

/// Tells the handles of one store from those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(u32);

/// See the module's documentation.
pub struct Store {
    pub(crate) id: StoreId,
    pub(crate) engine: WasmEngine,
    /// Before the block: who interrupts from another thread is kept away from it first.
    pub(crate) interrupts: InterruptTarget,
    pub(crate) block: BlockMemory,
    pub(crate) func_table: FuncTable,
    /// Before `instances` in no order that matters: a vmctx is only raw memory to them.
    pub(crate) memories: Arena<MemoryObject>,
    pub(crate) tables: Arena<TableObject>,
    pub(crate) globals: Arena<GlobalObject>,
    pub(crate) tags: Arena<TagObject>,
    /// Boxed, and the contexts too: generated code and function references hold their addresses.
    pub(crate) instances: Arena<Box<InstanceObject>>,
    pub(crate) host_contexts: Arena<Box<HostContext>>,
    /// Which of these the host's handles keep.
    pub(crate) pins: Pins,
    /// References of host functions that this store has contexts for already, by definition.
    pub(crate) host_refs: HashMap<usize, u32>,
    /// Before the block in no order that matters: it writes there only while it is used.
    pub(crate) heap: Option<Box<Heap>>,
    /// Whether its heap is a partner's.
    pub(crate) is_partnered: bool,
    /// Whether a memory has grown away from under a view of it, which the partner has not noticed yet.
    pub(crate) views_closed: bool,
    /// The partner, while one is lent.
    pub(crate) partner: Option<NonNull<dyn Partner>>,
    /// Descriptors of types in the heap.
    pub(crate) descriptors: HashMap<CanonicalTypeId, DescriptorRef>,
    /// What the host's handles name.
    pub(crate) roots: HostRoots,
    /// Types of what the host made here.
    pub(crate) kept_types: HashMap<CanonicalTypeId, TypeHandle>,
    /// What untyped calls know of types.
    pub(crate) call_shapes: CallShapes,
    pub(crate) limiter: Option<Box<dyn ResourceLimiter>>,
    pub(crate) raised: Option<Raised>,
    /// The exception that leaves the present activation, or null.
    pub(crate) exception: HeapRef,
    /// Descriptors of exceptions, by the types of their tags.
    pub(crate) exception_types: HashMap<CanonicalTypeId, DescriptorRef>,
    pub(crate) trace: TraceBuffer,
    pub(crate) depth: usize,
    pub(crate) async_calls: AsyncCalls,
    /// What loops go on with in other code.
    pub(crate) loops: LoopStates,
    /// To whom it says which code is on its stacks.
    pub(crate) reports: CodeReports,
    /// Host state, one value of each type.
    pub(crate) host_data: HashMap<TypeId, Box<dyn Any + Send>>,
}

// SAFETY: the raw pointers of a store (block, vmctx, definitions, slots) lead only to what the store owns or keeps alive through
// modules and host functions, which are `Send + Sync`; host data is `Send`. A partner is lent only while the store is
// borrowed. Whoever moves the store moves the right to all of it.
unsafe impl Send for Store {}

impl Store {
    /// An empty store.
    ///
    /// # Errors
    ///
    /// Address space is not to be had, or the engine was shut down (statement S1-42).
    pub fn new(engine: &WasmEngine) -> Result<Box<Self>, ResourceError> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        if engine.is_shut_down() {
            return Err(ResourceError("the engine was shut down".into()));
        }
        fault::install().map_err(|error| ResourceError(error.to_string()))?;
        let func_table = FuncTable::new(engine.spare_func_tables())?;
        let block = BlockMemory::new(IsolateBlock {
            stack_limit: AtomicUsize::new(NO_STACK),
            interrupt: AtomicU32::new(0),
            pending_trap: AtomicU32::new(0),
            fuel_consumed: AtomicI64::new(0),
            func_table: func_table.base(),
            activation: ActivationWords::NONE,
            returned_exception: 0,
            rare_callee: 0,
            rare_int: 0,
            rare_float: [0; 2],
            fault_pc: 0,
            fault_fp: 0,
            fault_address: 0,
            handler_pc: 0,
            handler_sp: 0,
            handler_fp: 0,
            handler_exception: 0,
            handler_saves: [0; SAVED_COUNT],
            handler_registers: [0; SAVED_COUNT],
            heap: HeapState::none(),
            isolate: std::ptr::null_mut(),
            builtins: stubs::builtin_addresses(),
        })
        .map_err(|error| ResourceError(error.to_string()))?;
        // SAFETY: both are of the store, which drops the target first.
        let interrupts = unsafe { InterruptTarget::new(&block) };
        let mut store = Box::new(Store {
            // Relaxed: only uniqueness matters.
            id: StoreId(NEXT.fetch_add(1, Ordering::Relaxed)),
            engine: engine.clone(),
            block,
            func_table,
            memories: Arena::default(),
            tables: Arena::default(),
            globals: Arena::default(),
            tags: Arena::default(),
            instances: Arena::default(),
            host_contexts: Arena::default(),
            pins: Pins::default(),
            host_refs: HashMap::new(),
            heap: None,
            is_partnered: false,
            views_closed: false,
            partner: None,
            descriptors: HashMap::new(),
            roots: HostRoots::default(),
            kept_types: HashMap::new(),
            call_shapes: CallShapes::default(),
            limiter: None,
            raised: None,
            exception: HeapRef::from_bits(0),
            exception_types: HashMap::new(),
            trace: TraceBuffer::default(),
            depth: 0,
            async_calls: AsyncCalls::default(),
            loops: LoopStates::default(),
            interrupts,
            reports: CodeReports::default(),
            host_data: HashMap::new(),
        });
        store.block.isolate = (&raw mut *store).cast();
        engine.spare_memories().add_user();
        Ok(store)
    }

    /// The engine.
    pub fn engine(&self) -> &WasmEngine {
        &self.engine
    }

    #[inline]
    pub(crate) fn block_ptr(&mut self) -> *mut IsolateBlock {
        &raw mut *self.block
    }

    /// The entry of a function, if it belongs to this store.
    #[inline]
    pub(crate) fn func_entry(&self, func: Func) -> Option<&FuncEntry> {
        if func.store == self.id { self.func_table.find(func.key) } else { None }
    }

    /// The type of a function, if it belongs to this store.
    pub fn func_type(&self, func: Func) -> Option<TypeHandle> {
        let entry = self.func_entry(func)?;
        self.engine.types().get(CanonicalTypeId::from_u32(entry.type_id))
    }

    /// Keeps the type that a heap type names, for an object of the host's making; `false` when the engine does not have it.
    pub(crate) fn keep_type(&mut self, heap: HeapType) -> bool {
        match self.engine.types().hold(heap) {
            Some(Some(handle)) => {
                self.kept_types.insert(handle.id(), handle);
                true
            }
            Some(None) => true,
            None => false,
        }
    }

    /// Whether a value is of a type, whose references are canonical. References are looked at, not only their static types.
    pub(crate) fn is_instance(&self, value: &Val, ty: ValType) -> bool {
        let ValType::Ref(ty) = ty else { return value.ty() == ty };
        match *value {
            Val::FuncRef(Some(func)) => {
                let handle = || self.func_type(func);
                ty.heap == HeapType::Func || handle().is_some_and(|handle| handle.ty().matches(ty.heap))
            }
            Val::ExternRef(Some(_)) => ty.heap == HeapType::Extern,
            Val::AnyRef(Some(any)) => {
                let found = self.roots.get(any.root).and_then(|reference| self.heap_type_of(reference));
                found.is_some_and(|found| {
                    matching::heap_matches(found.exact(), ty.heap, &|a, b| self.engine.types().is_subtype(a, b))
                })
            }
            Val::ExnRef(Some(_)) => ty.heap == HeapType::Exn,
            Val::FuncRef(None) => ty.nullable && ty.heap.top() == HeapType::Func,
            Val::ExternRef(None) => ty.nullable && ty.heap.top() == HeapType::Extern,
            Val::AnyRef(None) => ty.nullable && ty.heap.top() == HeapType::Any,
            Val::ExnRef(None) => ty.nullable && ty.heap.top() == HeapType::Exn,
            _ => false,
        }
    }

    /// Whether a reference is of a type, which is canonical. `bits` are a function's, or an object's of the heap.
    pub(crate) fn reference_matches(&self, bits: u32, ty: RefType) -> bool {
        if bits == 0 {
            return ty.nullable;
        }
        match ty.heap.top() {
            HeapType::Func => {
                let found = self.func_table.entry_of(bits).map(|entry| CanonicalTypeId::from_u32(entry.type_id));
                let found = found.and_then(|id| self.engine.types().get(id));
                ty.heap == HeapType::Func || found.is_some_and(|found| found.ty().matches(ty.heap))
            }
            HeapType::Extern => ty.heap == HeapType::Extern,
            HeapType::Exn => ty.heap == HeapType::Exn,
            _ => self.heap_type_of(HeapRef::from_bits(bits)).is_some_and(|found| {
                matching::heap_matches(found.exact(), ty.heap, &|a, b| self.engine.types().is_subtype(a, b))
            }),
        }
    }

    /// The type of what a reference of the `any` hierarchy names; `None` for null.
    pub(crate) fn heap_type_of(&self, reference: HeapRef) -> Option<HeapType> {
        if reference.as_i31().is_some() {
            return Some(HeapType::I31);
        }
        let heap = self.heap().filter(|_| reference.is_object())?;
        let id = CanonicalTypeId::from_u32(heap.client_of(heap.descriptor(reference)));
        // What is no structure and no array is a value of the host; `NO_CLIENT` is the id of no type.
        Some(self.kept_types.get(&id).map_or(HeapType::Any, |handle| handle.ty().heap()))
    }

    /// The reference of an instance's function, made at first use.
    pub(crate) fn func_ref(&mut self, instance: u32, func: FuncIndex) -> Result<u32, ResourceError> {
        let object = &mut self.instances[instance as usize];
        let position = func.as_u32() as usize;
        if let Some(&reference) = object.func_refs.get(position)
            && reference != NO_REFERENCE
        {
            return Ok(reference);
        }
        let (slot, vmctx) = object.callee(func);
        let ty = object.module.canonical_types().ty(object.module.decoded().funcs[func]);
        let reference = self.func_table.add(slot, vmctx, ty, Owned::Instance(instance))?;
        object.func_refs[position] = reference;
        object.single_refs.push(reference);
        Ok(reference)
    }

    /// Makes references to the functions that an image has, of a new instance that has made none yet.
    pub(crate) fn add_func_image(&mut self, instance: u32, image: &FuncImage) {
        let object = &mut *self.instances[instance as usize];
        let entries = image.entries();
        if let Some(first) = self.func_table.add_block(entries, object.vmctx.as_ptr(), Owned::Instance(instance)) {
            let imported = object.module.layout().imported_func_count();
            image.write_references(first, &mut object.func_refs[imported..]);
            object.func_block = Some((first, entries.len()));
        }
    }

    /// References of many functions of an instance: what is the same for all is looked up once.
    pub(crate) fn func_refs(&mut self, instance: u32, funcs: &[FuncIndex]) -> Result<Box<[u32]>, ResourceError> {
        let (func_table, object) = (&mut self.func_table, &mut *self.instances[instance as usize]);
        let InstanceObject { vmctx, module, variant, func_refs, single_refs, .. } = object;
        let (decoded, types, slots) = (module.decoded(), module.canonical_types(), module.slots(*variant));
        let owner = Owned::Instance(instance);
        let mut references = Vec::with_capacity(funcs.len());
        for &func in funcs {
            let known = &mut func_refs[func.as_u32() as usize];
            // What is imported has its reference, and so has what is in the module's image.
            if *known == NO_REFERENCE
                && let Some(defined) = decoded.defined_func(func)
            {
                let slot = slots.wrapping_add(defined.as_u32() as usize);
                *known = func_table.add(slot, vmctx.as_ptr(), types.ty(decoded.funcs[func]), owner)?;
                single_refs.push(*known);
            }
            references.push(*known);
        }
        Ok(references.into_boxed_slice())
    }

    /// The reference of a host function in this store, made at first use.
    pub(crate) fn host_func_ref(&mut self, func: &HostFunc) -> Result<u32, ResourceError> {
        if let Some(&reference) = self.host_refs.get(&func.identity()) {
            return Ok(reference);
        }
        let types = self.engine.types();
        let ty = match func.canonical_type() {
            Some(ty) => Some(ty.clone()).filter(|ty| types.owns(ty)),
            None => types.intern_func(func.ty()),
        };
        let ty =
            ty.ok_or_else(|| ResourceError(format!("{} is of another engine, or refers to a type that is gone", func.ty())))?;
        let context = HostContext::new(self.block_ptr(), func.clone(), ty);
        let index = self.host_contexts.insert(context)?;
        let context = &mut self.host_contexts[index as usize];
        let slot: *const AtomicUsize = &context.slot;
        let vmctx = (&raw const **context).cast_mut().cast::<u8>();
        let reference = self.func_table.add(slot, vmctx, context.ty.ty(), Owned::Host(index))?;
        context.reference = reference;
        // The context keeps the definition alive, so its identity stays taken.
        self.host_refs.insert(func.identity(), reference);
        Ok(reference)
    }

    /// Asks the host whether a memory may grow.
    pub(crate) fn may_grow_memory(&mut self, current: u64, desired: u64, max: u64) -> bool {
        self.limiter.as_mut().is_none_or(|limiter| limiter.memory_growing(current, desired, max))
    }

    /// Asks the host whether a table may grow.
    pub(crate) fn may_grow_table(&mut self, current: u64, desired: u64, max: u64) -> bool {
        self.limiter.as_mut().is_none_or(|limiter| limiter.table_growing(current, desired, max))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Nobody has a handle's view of a memory any more, and no guest runs.
        let memories = std::mem::take(&mut self.memories);
        let pool = self.engine.spare_memories();
        pool.give(memories.into_values().filter_map(MemoryObject::into_slot));
        pool.remove_user();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("id", &self.id).field("instances", &self.instances.len()).finish_non_exhaustive()
    }
}
