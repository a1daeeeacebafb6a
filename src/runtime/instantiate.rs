//! Instantiation (§4.5.4): link, allocate, initialize, start, in the specification's order.

use std::mem::MaybeUninit;

use cranelift_entity::EntityRef;

use crate::abi::artifact::CodeVariant;
use crate::abi::vmctx::{DESCRIPTORS, FUNC_REFS, GlobalPlace, INSTANCE, NO_REFERENCE, SLOTS};
use crate::base::sync::atomic::AtomicUsize;
use crate::base::{GlobalIndex, MemoryIndex, TableIndex, TagIndex, trace};
use crate::compile::cached::{DataFile, KeptImage};
use crate::compile::module::Module;
use crate::heap::HeapRef;
use crate::layout::frame::INT_ARG_COUNT;
use crate::layout::{ImportedFunc, V128Cell};
use crate::platform::spare::MappedImage;
use crate::runtime::error::{LinkError, ResourceError};
use crate::runtime::func_image::FuncImage;
use crate::runtime::global::GlobalObject;
use crate::runtime::image::{self, DataImages};
use crate::runtime::instance::{InstanceObject, VmCtx};
use crate::runtime::link::{Extern, LinkedImports};
use crate::runtime::memory::MemoryObject;
use crate::runtime::shared::SharedMemory;
use crate::runtime::store::Store;
use crate::runtime::table::TableObject;
use crate::runtime::trap::Trap;
use crate::runtime::value::Instance;
use crate::wasm::module::{ConstExpr, DataMode, ElemItems, ElemMode, WasmModule};
use crate::wasm::types::RefType;

impl Store {
    /// Makes an instance of a module with one definition per import, in the import section's order.
    ///
    /// # Errors
    ///
    /// A definition does not fit, memory is not to be had, a segment does not fit, or the start function traps.
    pub fn instantiate(&mut self, module: &Module, imports: &[Extern]) -> Result<Instance, LinkError> {
        let check = |store: &Store| store.check_imports(module, imports);
        self.make_instance(module, imports, check)
    }

    /// Makes an instance of a module whose imports were linked before.
    ///
    /// # Errors
    ///
    /// As for `instantiate`.
    pub(crate) fn instantiate_linked(&mut self, module: &Module, imports: &LinkedImports) -> Result<Instance, LinkError> {
        self.make_instance(module, imports.externs(), |store| store.check_linked(imports))
    }

    fn make_instance(
        &mut self,
        module: &Module,
        imports: &[Extern],
        check: impl Fn(&Store) -> Result<(), LinkError>,
    ) -> Result<Instance, LinkError> {
        let instance = self.begin_checked(module, imports, check)?;
        let started = self.start_function(instance).map_or(Ok(()), |(slot, vmctx)| self.run_start(slot, vmctx));
        self.end_instance(instance, started.map_err(LinkError::Trap))
    }

    /// Makes an instance but for its start function. It is to be [ended](Self::end_instance).
    pub(crate) fn begin_instance(&mut self, module: &Module, imports: &[Extern]) -> Result<u32, LinkError> {
        self.begin_checked(module, imports, |store| store.check_imports(module, imports))
    }

    fn begin_checked(
        &mut self,
        module: &Module,
        imports: &[Extern],
        check: impl Fn(&Store) -> Result<(), LinkError>,
    ) -> Result<u32, LinkError> {
        let _span = tracing::debug_span!(target: trace::INSTANTIATE, "instantiate").entered();
        self.collect_instances_if_due();
        check(self)?;
        let is_first = module.count_instance();
        let instance = match self.allocate(module, imports, is_first) {
            // Address space and memory of instances that nothing needs may do.
            Err(LinkError::Resource(_)) if self.may_have_garbage() => {
                self.collect_instances();
                // Definitions whose scope has ended may be gone now.
                check(self)?;
                self.allocate(module, imports, is_first)?
            }
            other => other?,
        };
        self.keep_new_instance(instance);
        let variant = self.instances[instance as usize].variant;
        if let Some(image) = FuncImage::for_instance(module, variant, is_first) {
            self.add_func_image(instance, image);
        }
        match self.initialize(instance, module) {
            Ok(()) => Ok(instance),
            Err(error) => self.end_instance(instance, Err(error)).map(|_| instance),
        }
    }

    /// Ends an instantiation: with an instance, or without.
    pub(crate) fn end_instance(&mut self, instance: u32, result: Result<(), LinkError>) -> Result<Instance, LinkError> {
        match result {
            Ok(()) => Ok(self.instance_handle(instance)),
            Err(error) => {
                self.abandon(instance);
                Err(error)
            }
        }
    }

    /// Dispatch slot and vmctx of an instance's start function, if it has one. That has neither parameters nor results.
    pub(crate) fn start_function(&self, instance: u32) -> Option<(*const AtomicUsize, *mut u8)> {
        let object = &self.instances[instance as usize];
        object.module.decoded().start.map(|start| object.callee(start))
    }

    fn initialize(&mut self, instance: u32, module: &Module) -> Result<(), LinkError> {
        let decoded = module.decoded();
        let before_datas = self.init_globals(instance, decoded).and_then(|()| {
            self.init_tables(instance, decoded)?;
            self.init_elems(instance, decoded)
        });
        if let Err(error) = before_datas {
            self.forget_early_images(instance, module)?;
            return Err(error);
        }
        self.init_datas(instance, module)
    }

    /// Makes the instance and all that it defines, so that every word generated code reads is there.
    fn allocate(&mut self, module: &Module, imports: &[Extern], is_first: bool) -> Result<u32, LinkError> {
        let decoded = module.decoded();
        if decoded.uses_heap {
            self.ensure_heap()?;
        }
        let (memories, tables, globals) = self.own_objects(module, imports, is_first)?;
        let tags = self.own_tags(module, imports)?;
        let variant = self.choose_variant(&memories, decoded);
        module.ensure_variant(variant).map_err(LinkError::Compile)?;
        self.reports.register(module, variant);
        let layout = module.layout();
        let type_ids = module.type_ids().as_ptr();
        let func_table = self.func_table.base();
        let descriptors = self.descriptors_of(module)?;
        let mut func_refs = vec![NO_REFERENCE; decoded.funcs.len()].into_boxed_slice();
        let imported = || imports.iter().filter_map(|given| if let Extern::Func(func) = given { Some(*func) } else { None });
        for (reference, func) in func_refs.iter_mut().zip(imported()) {
            *reference = func.key.index;
        }
        let vmctx = VmCtx::new(layout, self.block_ptr(), type_ids, func_table);
        // SAFETY: all offsets come from the layout that the vmctx was made with.
        unsafe {
            vmctx.write(DESCRIPTORS, descriptors.as_ptr());
            vmctx.write(FUNC_REFS, func_refs.as_ptr());
            vmctx.write(SLOTS, module.slots(variant));
            for (position, entry) in imported().filter_map(|func| self.func_entry(func)).enumerate() {
                vmctx.write(layout.imported_func_at(position), ImportedFunc { slot: entry.slot, vmctx: entry.vmctx });
            }
            for (position, &memory) in memories.iter().enumerate() {
                let object = &self.memories[memory as usize];
                vmctx.write(layout.memory_base(MemoryIndex::new(position)), object.base());
                vmctx.write(layout.memory_def(MemoryIndex::new(position)), std::ptr::from_ref(object.def()));
            }
            for (position, &table) in tables.iter().enumerate() {
                vmctx.write(layout.table_def(TableIndex::new(position)), self.tables[table as usize].def());
            }
            for (position, &tag) in tags.iter().enumerate() {
                vmctx.write(layout.tag(TagIndex::new(position)), self.tags[tag as usize].identity);
            }
        }
        let index = self.instances.insert(Box::new(InstanceObject {
            vmctx,
            module: module.clone(),
            variant,
            descriptors,
            func_refs,
            func_block: None,
            single_refs: Vec::new(),
            memories: memories.into_boxed_slice(),
            tables: tables.into_boxed_slice(),
            globals: globals.into_boxed_slice(),
            tags,
            elems: vec![None; decoded.elems.len()].into_boxed_slice(),
            dropped_datas: vec![false; decoded.data_count()].into_boxed_slice(),
        }))?;
        let object = &mut self.instances[index as usize];
        // SAFETY: the field is in the header.
        unsafe { object.vmctx.write(INSTANCE, index as usize) };
        let mut globals = object.globals.to_vec();
        for (position, ty) in decoded.globals.values().enumerate() {
            match layout.global(GlobalIndex::new(position)) {
                GlobalPlace::Pointer(offset) => {
                    let cell = self.globals[globals[position] as usize].cell();
                    // SAFETY: the offset is the layout's.
                    unsafe { object.vmctx.write(offset, cell) };
                }
                GlobalPlace::Cell(offset) => {
                    let cell = object.vmctx.field::<V128Cell>(offset);
                    let ty = module.canonical_types().global_type(*ty);
                    // SAFETY: the vmctx lives as long as the instance, and the global no longer: it keeps the instance.
                    globals.push(self.globals.insert(unsafe { GlobalObject::in_vmctx(ty, cell, index) })?);
                }
            }
        }
        object.globals = globals.into_boxed_slice();
        Ok(index)
    }

    /// Store positions of the module's memories, tables and imported globals.
    #[allow(clippy::type_complexity)]
    fn own_objects(
        &mut self,
        module: &Module,
        imports: &[Extern],
        is_first: bool,
    ) -> Result<(Vec<u32>, Vec<u32>, Vec<u32>), LinkError> {
        let decoded = module.decoded();
        let (mut memories, mut tables, mut globals) = (Vec::new(), Vec::new(), Vec::with_capacity(decoded.globals.len()));
        for given in imports {
            match given {
                Extern::Memory(memory) => memories.push(memory.key.index),
                Extern::Table(table) => tables.push(table.key.index),
                Extern::Global(global) => globals.push(global.key.index),
                Extern::Func(_) | Extern::Tag(_) => {}
            }
        }
        let images = DataImages::for_instance(module, is_first);
        for (index, ty) in decoded.memories.iter().skip(decoded.imported_memory_count) {
            let image = images.and_then(|images| images.get(index));
            memories.push(self.new_memory(*ty, image.map(|image| &image.mapped))?);
        }
        for table in decoded.tables.values().skip(decoded.imported_table_count) {
            tables.push(self.new_table(module.canonical_types().table_type(table.ty), 0)?);
        }
        Ok((memories, tables, globals))
    }

    /// Store positions of the module's tags.
    fn own_tags(&mut self, module: &Module, imports: &[Extern]) -> Result<Box<[u32]>, LinkError> {
        let given = imports.iter().filter_map(|given| if let Extern::Tag(tag) = given { Some(tag.key.index) } else { None });
        let mut tags: Vec<u32> = given.collect();
        for &ty in module.decoded().tags.values().skip(tags.len()) {
            let ty = module.canonical_types().handle(ty).ok_or_else(|| ResourceError("a tag without a type".into()))?;
            tags.push(self.new_tag(ty)?);
        }
        Ok(tags.into_boxed_slice())
    }

    /// Makes a memory, if the host allows. It may have the image already that the module's data will be.
    pub(crate) fn new_memory(
        &mut self,
        ty: crate::wasm::types::MemoryType,
        image: Option<&MappedImage>,
    ) -> Result<u32, ResourceError> {
        let bytes = ty.min.saturating_mul(ty.page_bytes());
        if !self.may_grow_memory(0, bytes, ty.max_bytes()) {
            return Err(ResourceError(format!("limit: the host refuses a memory of {bytes} bytes")));
        }
        let guards = self.engine.config().memory_guards();
        self.memories.insert(MemoryObject::new(ty, guards, self.engine.spare_memories(), image)?)
    }

    /// The store's part of a shared memory, made at first use. The host gives it, so that the limiter is not asked.
    pub(crate) fn add_shared_memory(&mut self, memory: &SharedMemory) -> Result<u32, ResourceError> {
        let known = self.memories.iter().find(|(_, known)| known.as_shared().is_some_and(|known| known.is_same(memory)));
        match known {
            Some((position, _)) => Ok(position),
            None => self.memories.insert(MemoryObject::Shared(memory.clone())),
        }
    }

    /// Makes a table, if the host allows.
    pub(crate) fn new_table(&mut self, ty: crate::wasm::types::TableType, init: u32) -> Result<u32, ResourceError> {
        if !self.may_grow_table(0, ty.min, ty.max.unwrap_or(crate::base::limits::TABLE_ELEM_COUNT)) {
            return Err(ResourceError(format!("limit: the host refuses a table of {} elements", ty.min)));
        }
        self.tables.insert(TableObject::new(ty, init)?)
    }

    /// Checked code when a memory that guarded code would not check has no guard.
    fn choose_variant(&self, memories: &[u32], decoded: &WasmModule) -> CodeVariant {
        let unguarded = memories.iter().zip(decoded.memories.values()).any(|(&memory, ty)| {
            let relies_on_guard = !ty.memory64 && ty.page_size_log2 == 16;
            relies_on_guard && !self.memories[memory as usize].is_guarded()
        });
        if unguarded || !self.engine.config().memory_guards() { CodeVariant::Checked } else { CodeVariant::Guarded }
    }

    fn init_globals(&mut self, instance: u32, decoded: &WasmModule) -> Result<(), LinkError> {
        for (position, init) in decoded.global_inits.values().enumerate() {
            let bits = self.eval_const(instance, init)?;
            let global = self.instances[instance as usize].globals[decoded.imported_global_count + position];
            self.globals[global as usize].set_bits(bits);
        }
        Ok(())
    }

    fn init_tables(&mut self, instance: u32, decoded: &WasmModule) -> Result<(), LinkError> {
        for (index, table) in decoded.tables.iter().skip(decoded.imported_table_count) {
            if let Some(init) = &table.init {
                let reference = self.eval_const(instance, init)? as u32;
                let object = self.instances[instance as usize].tables[index.index()];
                self.tables[object as usize].elements_mut().fill(reference);
            }
        }
        Ok(())
    }

    fn init_elems(&mut self, instance: u32, decoded: &WasmModule) -> Result<(), LinkError> {
        for (index, elem) in &decoded.elems {
            if !matches!(elem.mode, ElemMode::Declared) {
                let references = self.eval_elem(instance, elem.ty, &elem.items)?;
                self.instances[instance as usize].elems[index.index()] = Some(references);
            }
        }
        for (index, elem) in &decoded.elems {
            if let ElemMode::Active { table, offset } = &elem.mode {
                let start = self.eval_const(instance, offset)? as u64;
                let object = self.instances[instance as usize].tables[table.index()];
                let count = elem.items.len() as u64;
                self.init_table(instance as usize, object, index, start, 0, count)
                    .map_err(|code| LinkError::Trap(Trap::new(code, Vec::new())))?;
                self.instances[instance as usize].elems[index.index()] = None;
            }
        }
        Ok(())
    }

    fn eval_elem(&mut self, instance: u32, ty: RefType, items: &ElemItems) -> Result<Box<[u32]>, LinkError> {
        match items {
            ElemItems::Funcs(funcs) => Ok(self.func_refs(instance, funcs)?),
            ElemItems::Exprs(exprs) if ty.heap.is_in_heap() => self.eval_objects(instance, exprs),
            ElemItems::Exprs(exprs) => exprs.iter().map(|expr| self.eval_const(instance, expr).map(|bits| bits as u32)).collect(),
        }
    }

    /// References that later expressions may move, by collecting, before the segment holds them.
    fn eval_objects(&mut self, instance: u32, exprs: &[ConstExpr]) -> Result<Box<[u32]>, LinkError> {
        let scope = self.roots.len();
        let mut made = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let reference = HeapRef::from_bits(self.eval_const(instance, expr)? as u32);
            made.push(self.roots.add(reference));
        }
        let references = made.into_iter().map(|root| self.roots.get(root).map_or(0, HeapRef::bits)).collect();
        self.roots.truncate(scope);
        Ok(references)
    }

    fn init_datas(&mut self, instance: u32, module: &Module) -> Result<(), LinkError> {
        let decoded = module.decoded();
        if decoded.data_count() == 0 {
            return Ok(());
        }
        let images = DataImages::known(module);
        let mapped: Vec<bool> = decoded.memories.keys().map(|memory| self.map_image(instance, images, memory)).collect();
        if let Some(images) = images
            && images.are_all()
            && decoded.memories.keys().zip(&mapped).all(|(memory, mapped)| *mapped || images.get(memory).is_none())
        {
            self.instances[instance as usize].dropped_datas.fill(true);
            return Ok(());
        }
        if images.is_none()
            && let Some(kept) = module.kept_data()
            && self.place_all_kept(instance, module, kept)?
        {
            self.instances[instance as usize].dropped_datas.fill(true);
            return Ok(());
        }
        if !decoded.has_datas() {
            return Err(ResourceError(String::from("the module's file was changed while it was in use")).into());
        }
        for (memory, _) in
            decoded.memories.keys().zip(&mapped).skip(decoded.imported_memory_count).filter(|(_, mapped)| !**mapped)
        {
            if let Some(range) = image::dense_range(decoded, memory) {
                let object = self.instances[instance as usize].memories[memory.index()];
                if let Some(slot) = self.memories[object as usize].slot_mut() {
                    slot.populate(range);
                }
            }
        }
        for (index, data) in decoded.datas() {
            if let DataMode::Active { memory, offset } = &data.mode {
                if !mapped[memory.index()] {
                    let start = self.eval_const(instance, offset)? as u64;
                    let object = self.instances[instance as usize].memories[memory.index()];
                    let len = data.bytes.len() as u64;
                    self.init_memory(instance as usize, object, index, start, 0, len)
                        .map_err(|code| LinkError::Trap(Trap::new(code, Vec::new())))?;
                }
                self.instances[instance as usize].dropped_datas[index.index()] = true;
            }
        }
        Ok(())
    }

    /// Gives memories what they begin with, as far as it is sound; says whether that was all.
    fn place_all_kept(&mut self, instance: u32, module: &Module, kept: &DataFile) -> Result<bool, LinkError> {
        for image in kept.images() {
            if !self.place_kept(instance, module, kept, image)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives a memory what it begins with: pages that were prepared, or a copy.
    fn place_kept(&mut self, instance: u32, module: &Module, kept: &DataFile, image: &KeptImage) -> Result<bool, LinkError> {
        let object = self.instances[instance as usize].memories[image.memory.index()];
        let memory = &mut self.memories[object as usize];
        if let Some(mut pages) = kept.take_prepared(image) {
            if let Some(slot) = memory.slot_mut() {
                // SAFETY: the memory was made for this instance, its contents are still all zero, and no view of it exists.
                let moved = unsafe { slot.move_in(&mut pages) };
                if moved.map_err(|error| ResourceError(format!("limit: a memory cannot be filled: {error}")))? {
                    return Ok(true);
                }
            }
            return Ok(memory.write(pages.offset() as u64, pages.bytes()).is_ok());
        }
        if module.sound_data().is_none() {
            return Ok(false);
        }
        if let Some(slot) = memory.slot_mut() {
            slot.populate(image.start..image.start + kept.bytes(image).len());
        }
        Ok(kept.dense(image).all(|(start, bytes)| memory.write(start as u64, bytes).is_ok()))
    }

    /// Maps a memory's image, if it has one and the system lets it.
    fn map_image(&mut self, instance: u32, images: Option<&DataImages>, memory: MemoryIndex) -> bool {
        let Some(image) = images.and_then(|images| images.get(memory)) else { return false };
        let object = self.instances[instance as usize].memories[memory.index()];
        let Some(slot) = self.memories[object as usize].slot_mut() else { return false };
        // SAFETY: the memory was made for this instance, its contents are still all zero, and no view of it exists.
        slot.has_image(&image.mapped.image) || unsafe { slot.map_image(&image.mapped) }.is_ok()
    }

    /// Takes data away that memories were made with, of an instance that is given up before its data segments come: what has got hold of
    /// its functions meanwhile, by an element segment, sees zeros (§4.5.4).
    #[cold]
    fn forget_early_images(&mut self, instance: u32, module: &Module) -> Result<(), LinkError> {
        let object = &self.instances[instance as usize];
        let own = object.memories[module.decoded().imported_memory_count..].to_vec();
        for memory in own {
            if let Some(slot) = self.memories[memory as usize].slot_mut() {
                // SAFETY: nobody has a view of the bytes, as no guest runs and the host has the store only when this returns.
                unsafe { slot.unmap_image() }.map_err(|error| ResourceError(error.to_string()))?;
            }
        }
        Ok(())
    }

    fn run_start(&mut self, slot: *const AtomicUsize, vmctx: *mut u8) -> Result<(), Trap> {
        let mut args = [MaybeUninit::uninit(); INT_ARG_COUNT];
        args[0].write(vmctx as u64);
        // SAFETY: the slot and the vmctx are those of the start function, which has neither parameters nor results.
        unsafe { self.enter_guest_ints(slot, args) }.map(|_| ())
    }
}
