//! Which objects of a store are still needed: instances, memories, tables, globals, tags and host functions.
//!
//! *Problem.* Handles of the host are numbers that nobody counts, instances link to each other freely, also through objects of the
//! heap, and a program that makes a million of them wants their memory back. *Idea.* What a handle names is *pinned* until the scope
//! ends in which the handle was made: a host function's call, [`Isolate::root_scope`](crate::Isolate::root_scope), or else the
//! isolate. From time to time the store marks what can be reached from pins, roots of the heap and stacks, together with a major
//! collection of the heap, for each can lead through the other; it frees the rest.
//!
//! What leads where: an instance to all that it imports and defines, and to what its element segments hold; a table and a global to what they
//! hold; a global in a vmctx, and a function, to the instance; an exception to its tag. Guests on the stack keep all instances of
//! their modules, because a frame does not always tell its instance, and every function that a word of the stack may stand for, in
//! guests' frames or where the host saved their registers. That is more than needed, for a word may be any number, and never less.
//!
//! **Invariants:** a heap that collects by itself frees no instance: then everything here is a root. Objects are freed only when an
//! instance is asked for or the host says so, never while a builtin works with them.

use std::collections::{HashMap, HashSet};
use std::mem;

use crate::abi::vmctx::{INSTANCE, NO_REFERENCE};
use crate::base::tuning::INSTANCE_COLLECTION_MIN;
use crate::code::registry;
use crate::compile::ModuleDebug;
use crate::heap::roots::FuncSet;
use crate::heap::{Heap, HeapRef, NoRoots, RootSource, RootVisitor};
use crate::layout::objects::FUNC_ENTRY_LOG2;
use crate::runtime::activation::Waiting;
use crate::runtime::arena::Key;
use crate::runtime::backtrace;
use crate::runtime::fiber;
use crate::runtime::heap::visit;
use crate::runtime::partner::with_partner_heap;
use crate::runtime::store::Store;
use crate::runtime::value::{Func, Global, Instance, Memory, Table, Tag};
use crate::wasm::module::WasmModule;
use crate::wasm::types::{HeapType, RefType, ValType};

/// Something that a store owns, by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owned {
    /// An instance.
    Instance(u32),
    /// A host function's context.
    Host(u32),
    /// A memory.
    Memory(u32),
    /// A table.
    Table(u32),
    /// A global.
    Global(u32),
    /// A tag.
    Tag(u32),
}

/// What is pinned, and when to look for what is not needed any more.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    stack: Vec<Owned>,
    /// Whether something may have become garbage since the last collection.
    some_released: bool,
    /// The weight of instances made since then, and of those that were left by it.
    made: usize,
    left: usize,
}

/// A scope of handles that has begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope {
    roots: usize,
    pins: usize,
}

impl Store {
    /// Something was made besides instances, of this weight: it may be time to look for what is not needed any more.
    pub(crate) fn count_made(&mut self, weight: usize) {
        self.pins.made += weight;
        self.collect_instances_if_due();
    }

    /// Begins a scope: what the host gets to know by handles from now on is kept until its end.
    #[inline]
    pub(crate) fn begin_scope(&self) -> Scope {
        Scope { roots: self.roots.len(), pins: self.pins.stack.len() }
    }

    /// Ends it.
    #[inline]
    pub(crate) fn end_scope(&mut self, scope: Scope) {
        self.roots.truncate(scope.roots);
        if self.pins.stack.len() > scope.pins {
            self.unpin(scope.pins);
        }
    }

    #[cold]
    fn unpin(&mut self, first: usize) {
        self.pins.some_released = true;
        for owned in self.pins.stack.drain(first..) {
            match owned {
                Owned::Instance(index) => self.instances.unpin(index),
                Owned::Host(index) => self.host_contexts.unpin(index),
                Owned::Memory(index) => self.memories.unpin(index),
                Owned::Table(index) => self.tables.unpin(index),
                Owned::Global(index) => self.globals.unpin(index),
                Owned::Tag(index) => self.tags.unpin(index),
            }
        }
    }

    /// Keeps something until the present scope ends, and gives its key.
    #[inline]
    pub(crate) fn pin(&mut self, owned: Owned) -> Key {
        let (is_new, key) = match owned {
            Owned::Instance(index) => (self.instances.pin(index), self.instances.key(index)),
            Owned::Host(index) => (self.host_contexts.pin(index), self.host_contexts.key(index)),
            Owned::Memory(index) => (self.memories.pin(index), self.memories.key(index)),
            Owned::Table(index) => (self.tables.pin(index), self.tables.key(index)),
            Owned::Global(index) => (self.globals.pin(index), self.globals.key(index)),
            Owned::Tag(index) => (self.tags.pin(index), self.tags.key(index)),
        };
        if is_new {
            self.pins.stack.push(owned);
        }
        key
    }

    /// A handle of an instance, which keeps it in the present scope. The others are alike.
    pub(crate) fn instance_handle(&mut self, index: u32) -> Instance {
        Instance { store: self.id, key: self.pin(Owned::Instance(index)) }
    }

    pub(crate) fn memory_handle(&mut self, index: u32) -> Memory {
        Memory { store: self.id, key: self.pin(Owned::Memory(index)) }
    }

    pub(crate) fn table_handle(&mut self, index: u32) -> Table {
        Table { store: self.id, key: self.pin(Owned::Table(index)) }
    }

    pub(crate) fn global_handle(&mut self, index: u32) -> Global {
        Global { store: self.id, key: self.pin(Owned::Global(index)) }
    }

    pub(crate) fn tag_handle(&mut self, index: u32) -> Tag {
        Tag { store: self.id, key: self.pin(Owned::Tag(index)) }
    }

    /// A handle of a function, by its reference; keeps whom the function belongs to.
    pub(crate) fn func_handle(&mut self, reference: u32) -> Func {
        if let Some(owner) = self.func_table.owner(reference) {
            self.pin(owner);
        }
        Func { store: self.id, key: self.func_table.key(reference) }
    }

    /// Keeps an instance that is being made; [`abandon`](Self::abandon) takes that back.
    pub(crate) fn keep_new_instance(&mut self, index: u32) {
        self.pins.made += self.instances[index as usize].weight();
        self.pin(Owned::Instance(index));
    }

    /// An instance could not be made whole. What holds it already, such as a table that took its functions, goes on holding it (§4.5.4).
    pub(crate) fn abandon(&mut self, index: u32) {
        let pins = &mut self.pins.stack;
        if let Some(position) = pins.iter().rposition(|&pinned| pinned == Owned::Instance(index)) {
            pins.remove(position);
        }
        self.instances.unpin(index);
        self.pins.some_released = true;
    }

    /// Frees what is not needed any more when that is likely to be much.
    #[inline]
    pub(crate) fn collect_instances_if_due(&mut self) {
        let pins = &self.pins;
        if pins.some_released && pins.made >= pins.left.max(INSTANCE_COLLECTION_MIN) {
            self.collect_instances();
        }
    }

    /// Whether a collection may free something.
    pub(crate) fn may_have_garbage(&self) -> bool {
        self.pins.some_released
    }

    /// Collects the heap, if there is one, and frees what nothing needs any more. Does nothing while guests of this store wait on the
    /// stack of another thread.
    pub(crate) fn collect_instances(&mut self) {
        let Some(waiting) = self.waiting() else { return };
        let _span = tracing::debug_span!(target: crate::base::trace::GC, "instances", count = self.instances.len()).entered();
        let collect = |heap: &mut Heap, store: &mut Store, theirs: &mut dyn RootSource| {
            heap.collect_major(&mut Liveness { store, theirs, waiting, work: Vec::new() });
        };
        if let Err(collect) = with_partner_heap(self, collect) {
            match self.heap.take() {
                Some(mut heap) => {
                    collect(&mut heap, self, &mut NoRoots);
                    self.heap = Some(heap);
                }
                // Its partner has the heap, and knows what is alive.
                None if self.is_partnered => return,
                None => {
                    let waiting = self.waiting().unwrap_or_default();
                    Liveness { store: self, theirs: &mut NoRoots, waiting, work: Vec::new() }.visit_major_roots(&mut NoHeap);
                }
            }
        }
        self.sweep();
    }

    /// What functions are called with, by address.
    fn contexts(&self) -> HashMap<u64, Owned> {
        let instances = self.instances.iter().map(|(index, object)| (object.vmctx.as_ptr().addr(), Owned::Instance(index)));
        let hosts = self.host_contexts.iter().map(|(index, context)| (std::ptr::from_ref(&**context).addr(), Owned::Host(index)));
        instances.chain(hosts).map(|(address, owned)| (address as u64, owned)).collect()
    }

    /// Frees what was not found alive.
    fn sweep(&mut self) {
        for (_, host) in self.host_contexts.sweep() {
            self.func_table.free(host.reference);
            self.host_refs.remove(&host.func.identity());
        }
        for (_, tag) in self.tags.sweep() {
            self.func_table.free(tag.identity);
        }
        // Before the instances whose memory some of their cells are in.
        self.globals.sweep();
        self.tables.sweep();
        let memories = self.memories.sweep();
        if !memories.is_empty() {
            let slots = memories.into_iter().filter_map(|(_, memory)| memory.into_slot());
            self.engine.spare_memories().give(slots);
        }
        let instances = self.instances.sweep();
        for (_, instance) in &instances {
            instance.single_refs.iter().for_each(|&reference| self.func_table.free(reference));
            if let Some((first, count)) = instance.func_block {
                self.func_table.free_block(first, count);
            }
        }
        if !instances.is_empty() {
            let used = self.instances.values().map(|instance| (instance.module.identity(), instance.variant)).collect();
            self.reports.retain(&used);
        }
        self.call_shapes.clear();
        self.pins.some_released = false;
        self.pins.made = 0;
        self.pins.left = self.instances.values().map(|instance| instance.weight()).sum();
    }
}

/// Visits nothing: a store without a heap has no references into it.
struct NoHeap;

impl RootVisitor for NoHeap {
    fn reference(&mut self, _slot: &mut HeapRef) {}
    fn func(&mut self, _func: u32) {}
}

/// The roots of a collection that finds out which objects of the store are alive.
struct Liveness<'a> {
    store: &'a mut Store,
    /// Those of the partner.
    theirs: &'a mut dyn RootSource,
    waiting: Vec<Waiting>,
    /// Found alive, and not yet looked into.
    work: Vec<Owned>,
}

impl RootSource for Liveness<'_> {
    /// Of a minor collection, which may come first and moves objects: everything.
    fn visit_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.store.visit_all_roots(visitor);
        self.theirs.visit_roots(visitor);
    }

    fn visit_major_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.store.visit_own_roots(visitor);
        self.theirs.visit_own_roots(visitor);
        self.work.clear();
        for position in 0..self.store.pins.stack.len() {
            self.mark(self.store.pins.stack[position]);
        }
        self.visit_stacks(visitor);
        self.drain(visitor);
    }

    fn visit_func(&mut self, func: u32, visitor: &mut dyn RootVisitor) {
        self.mark_func(func);
        self.drain(visitor);
        self.theirs.visit_func(func, visitor);
    }

    fn marked(&mut self, is_live: &dyn Fn(HeapRef) -> bool) {
        self.theirs.marked(is_live);
    }

    fn funcs_found(&mut self, found: &FuncSet) {
        self.theirs.funcs_found(found);
    }
}

impl Liveness<'_> {
    fn mark(&mut self, owned: Owned) {
        let store = &mut *self.store;
        let is_new = match owned {
            Owned::Instance(index) => store.instances.mark(index),
            Owned::Host(index) => store.host_contexts.mark(index),
            Owned::Memory(index) => store.memories.mark(index),
            Owned::Table(index) => store.tables.mark(index),
            Owned::Global(index) => store.globals.mark(index),
            Owned::Tag(index) => store.tags.mark(index),
        };
        if is_new {
            self.work.push(owned);
        }
    }

    fn mark_func(&mut self, reference: u32) {
        if let Some(owner) = self.store.func_table.owner(reference) {
            self.mark(owner);
        }
    }

    fn drain(&mut self, visitor: &mut dyn RootVisitor) {
        while let Some(owned) = self.work.pop() {
            match owned {
                Owned::Instance(index) => self.visit_instance(index as usize, visitor),
                Owned::Table(index) => {
                    let table = &mut self.store.tables[index as usize];
                    let element = table.declared_type().element;
                    let mut elements = table.take_elements();
                    self.visit_references(element, &mut elements, visitor);
                    self.store.tables[index as usize].return_elements(elements);
                }
                Owned::Global(index) => self.visit_global(index as usize, visitor),
                Owned::Host(index) => visitor.boxed(&mut self.store.host_contexts[index as usize].captured),
                Owned::Memory(_) | Owned::Tag(_) => {}
            }
        }
    }

    fn visit_references(&mut self, ty: RefType, references: &mut [u32], visitor: &mut dyn RootVisitor) {
        if ty.heap.is_in_heap() {
            references.iter_mut().for_each(|reference| visit(reference, visitor));
        } else if ty.heap.top() == HeapType::Func {
            references.iter().for_each(|&reference| self.mark_func(reference));
        }
    }

    fn visit_global(&mut self, index: usize, visitor: &mut dyn RootVisitor) {
        let global = &self.store.globals[index];
        let (ty, mut bits, owner) = (global.ty().content, global.bits() as u32, global.owner());
        if let Some(instance) = owner {
            self.mark(Owned::Instance(instance));
        }
        if let ValType::Ref(ty) = ty {
            // A major collection moves nothing, so that there is nothing to write back.
            self.visit_references(ty, std::slice::from_mut(&mut bits), visitor);
        }
    }

    fn visit_instance(&mut self, index: usize, visitor: &mut dyn RootVisitor) {
        let object = &mut self.store.instances[index];
        let module = object.module.clone();
        // Taken out for the time that they are looked at: what is marked meanwhile may be anything but them.
        let mut elems = mem::take(&mut object.elems);
        let [memories, tables, globals, tags, func_refs] =
            [&mut object.memories, &mut object.tables, &mut object.globals, &mut object.tags, &mut object.func_refs]
                .map(mem::take);
        memories.iter().for_each(|&memory| self.mark(Owned::Memory(memory)));
        tables.iter().for_each(|&table| self.mark(Owned::Table(table)));
        globals.iter().for_each(|&global| self.mark(Owned::Global(global)));
        tags.iter().for_each(|&tag| self.mark(Owned::Tag(tag)));
        func_refs[..module.layout().imported_func_count()].iter().for_each(|&reference| self.mark_func(reference));
        for (references, segment) in elems.iter_mut().zip(module.decoded().elems.values()) {
            if let Some(references) = references {
                self.visit_references(segment.ty, references, visitor);
            }
        }
        if self.store.is_partnered {
            // What the partner keeps for a function is kept as long as the function.
            func_refs.iter().filter(|&&func| func != NO_REFERENCE).for_each(|&func| self.theirs.visit_func(func, visitor));
        }
        let object = &mut self.store.instances[index];
        (object.memories, object.tables, object.globals, object.tags) = (memories, tables, globals, tags);
        (object.func_refs, object.elems) = (func_refs, elems);
    }

    /// What guests on the stack need.
    fn visit_stacks(&mut self, visitor: &mut dyn RootVisitor) {
        self.store.visit_frames(visitor);
        let mut modules: HashSet<*const WasmModule> = HashSet::new();
        let waiting = mem::take(&mut self.waiting);
        for frames in &waiting {
            self.mark_caller(frames.caller_vmctx);
            // SAFETY: the guest's innermost frame has left for the host and waits; its chain leads to the entry frame, and its code
            // is on the stack.
            unsafe {
                backtrace::walk(frames.exit_pc, frames.exit_fp, frames.entry_fp, |pc| {
                    let site = registry::lookup(pc);
                    if let Some(debug) = site.and_then(|site| site.owner.downcast_ref::<ModuleDebug>()) {
                        modules.insert(&raw const *debug.module);
                    }
                    true
                });
            }
        }
        if !waiting.is_empty() {
            let contexts = self.store.contexts();
            // SAFETY: the guests wait on this thread, above the present frame or in calls that are attached to it.
            unsafe { fiber::visit_stacks(&waiting, |word| self.mark_word(word, &contexts)) };
        }
        self.waiting = waiting;
        let on_stack = self.store.instances.iter().filter_map(|(index, object)| {
            let module: *const WasmModule = &raw const **object.module.decoded();
            modules.contains(&module).then_some(index)
        });
        let found: Vec<u32> = on_stack.collect();
        found.into_iter().for_each(|index| self.mark(Owned::Instance(index)));
    }

    /// A word of the stack. Of a function that a guest goes on calling, compiled code may keep its number, the distance or the address of its
    /// entry, or its context; for the dispatch slot it needs one of the others.
    fn mark_word(&mut self, word: u64, contexts: &HashMap<u64, Owned>) {
        self.mark_func(word as u32);
        self.mark_func((word >> 32) as u32);
        let entry = word.wrapping_sub(self.store.func_table.base().addr() as u64);
        for distance in [word, entry] {
            if let Ok(reference) = u32::try_from(distance >> FUNC_ENTRY_LOG2) {
                self.mark_func(reference);
            }
        }
        if let Some(&owned) = contexts.get(&word) {
            self.mark(owned);
        }
    }

    /// Who called last, which need not be on the stack any more if it was a tail call.
    fn mark_caller(&mut self, vmctx: *mut u8) {
        if !vmctx.is_null() {
            // SAFETY: such a vmctx is marked by every collection, so that it is still there.
            let index = unsafe { vmctx.add(INSTANCE as usize).cast::<usize>().read() };
            if let Ok(index) = u32::try_from(index) {
                self.mark(Owned::Instance(index));
            }
        }
    }
}
