//! What the bridge keeps with an agent.
//!
//! *Which object stands for what.* A function of a guest, a memory, table, global, tag or instance has one object of JavaScript at most at a time.
//! The tables here find it, and hold it as long as that which it stands for: in a collection that frees no instances all of that lives, in one that
//! does ([`liveness`](crate::runtime::liveness)) a function is asked for when its instance is found alive, and the other objects live by themselves.
//! Objects of a guest's heap are shown to scripts by opaque objects, which are found by the reference and forgotten when nobody holds them.

use std::collections::HashMap;

use crate::abi::call::CallLayout;
use crate::base::CanonicalTypeId;
use crate::base::sync::Arc;
use crate::bridge::idl::Kind;
use crate::bridge::pending::Pending;
use crate::compile::engine::WasmEngine;
use crate::heap::{Heap, HeapRef, RootSource, RootVisitor};
use crate::isolate::raw::INTS_MAX;
use crate::js::agent::Agent;
use crate::js::cx::{Completion, Cx};
use crate::js::embed::Companion;
use crate::js::local::Local;
use crate::runtime::liveness::Owned;
use crate::runtime::partner::{Partner, StorePlace, with_store};
use crate::runtime::store::Store;
use crate::wasm::canonical::TypeHandle;
use crate::wasm::types::{HeapType, ValType};

/// Gives the engine when a script first needs one.
pub type EngineSource = Box<dyn FnMut() -> Result<WasmEngine, String> + Send>;

/// How functions of a type are called by scripts.
#[derive(Debug)]
pub(super) struct Signature {
    pub ty: TypeHandle,
    pub layout: CallLayout,
    pub params: Box<[ValType]>,
    pub results: Box<[ValType]>,
    /// Whether scripts cannot call it: it has vectors or references of exceptions.
    pub is_refused: bool,
}

/// What of a signature the usual call needs, which has integers only.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fast {
    pub is_fast: bool,
    pub count: u8,
    /// Whether a parameter is an `i64`.
    pub is_long: [bool; INTS_MAX],
    /// 0 for no result, else its bits.
    pub result_bits: u8,
}

/// See the [module](self).
pub(super) struct Bridge {
    source: EngineSource,
    engine: Option<WasmEngine>,
    place: Option<StorePlace>,
    signatures: Vec<(Arc<Signature>, Fast)>,
    signature_ids: HashMap<CanonicalTypeId, u32>,
    /// By reference; null for those without.
    functions: Vec<HeapRef>,
    objects: HashMap<Owned, HeapRef>,
    /// Opaque objects by the references that they show.
    opaque: HashMap<u32, HeapRef>,
    /// Entries of the function table that nobody holds any more.
    dead: Vec<u32>,
    pub js_tag: Option<u32>,
    pub pending: Pending,
}

impl Companion for Bridge {}

impl Bridge {
    fn visit_objects(&mut self, visitor: &mut dyn RootVisitor) {
        visitor.references(&mut self.functions);
        self.objects.values_mut().for_each(|object| visitor.reference(object));
    }

    fn visit_store(&mut self, visitor: &mut dyn RootVisitor) {
        if let Some(store) = self.place.as_mut().and_then(StorePlace::store) {
            store.visit_all_roots(visitor);
        }
    }
}

impl Bridge {
    /// The object that stands for something, as a reference, if there is one.
    pub(super) fn known_object(&self, owned: Owned) -> Option<u32> {
        self.objects.get(&owned).map(|object| object.bits())
    }

    /// All memories that have an object, with that.
    pub(super) fn known_memories(&mut self) -> Vec<(u32, u32)> {
        let memory = |(owned, object): (&Owned, &HeapRef)| match *owned {
            Owned::Memory(index) => Some((index, object.bits())),
            _ => None,
        };
        self.objects.iter().filter_map(memory).collect()
    }
}

impl RootSource for Bridge {
    fn visit_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.visit_store(visitor);
        self.visit_objects(visitor);
        // Keys move as well.
        let visited = std::mem::take(&mut self.opaque).into_iter().map(|(bits, mut object)| {
            let mut shown = HeapRef::from_bits(bits);
            visitor.reference(&mut shown);
            visitor.reference(&mut object);
            (shown.bits(), object)
        });
        self.opaque = visited.collect();
    }

    fn visit_major_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.visit_store(visitor);
        self.visit_objects(visitor);
    }

    fn visit_own_roots(&mut self, _: &mut dyn RootVisitor) {}

    fn visit_func(&mut self, func: u32, visitor: &mut dyn RootVisitor) {
        if let Some(function) = self.functions.get_mut(func as usize) {
            visitor.reference(function);
        }
    }

    fn marked(&mut self, is_live: &dyn Fn(HeapRef) -> bool) {
        for function in &mut self.functions {
            if !function.is_null() && !is_live(*function) {
                *function = HeapRef::NULL;
            }
        }
        self.objects.retain(|_, object| is_live(*object));
        self.opaque.retain(|&shown, object| is_live(HeapRef::from_bits(shown)) && is_live(*object));
    }
}

impl Partner for Agent {
    fn heap(&self) -> &Heap {
        Agent::heap(self)
    }

    fn heap_and_roots(&mut self) -> (&mut Heap, &mut dyn RootSource) {
        Agent::heap_and_roots(self)
    }

    fn place(&mut self) -> Option<&mut StorePlace> {
        self.companion::<Bridge>()?.place.as_mut()
    }
}

/// Gives an agent its bridge, without an engine.
pub(super) fn begin(cx: &mut Cx<'_>, source: EngineSource) {
    cx.set_companion(Box::new(Bridge {
        source,
        engine: None,
        place: None,
        signatures: Vec::new(),
        signature_ids: HashMap::new(),
        // Null is no function.
        functions: vec![HeapRef::NULL],
        objects: HashMap::new(),
        opaque: HashMap::new(),
        dead: Vec::new(),
        js_tag: None,
        pending: Pending::default(),
    }));
}

/// The engine, made at first use.
pub(super) fn engine(cx: &mut Cx<'_>) -> Completion<WasmEngine> {
    let made = cx.companion::<Bridge>().map(|bridge| match &bridge.engine {
        Some(engine) => Ok(engine.clone()),
        None => (bridge.source)().inspect(|engine| bridge.engine = Some(engine.clone())),
    });
    match made {
        Some(Ok(engine)) => Ok(engine),
        Some(Err(error)) => Err(cx.range_error(&format!("WebAssembly: {error}"))),
        None => Err(cx.type_error("WebAssembly is not there")),
    }
}

/// Makes the store, if there is none.
#[cold]
fn make_store(cx: &mut Cx<'_>) -> Completion<()> {
    let engine = engine(cx)?;
    match Store::new(&engine) {
        Ok(store) => {
            let handle = store.interrupts.handle();
            cx.interrupt().on_terminate(Box::new(move || handle.terminate()));
            let place = StorePlace::new(store, cx.agent_mut().heap_mut());
            if let Some(bridge) = cx.companion::<Bridge>() {
                bridge.place = Some(place);
            }
            Ok(())
        }
        Err(error) => Err(cx.range_error(&format!("WebAssembly: {error}"))),
    }
}

/// Runs something with the store, made at first use. What handles name is kept for that time.
pub(super) fn in_store<R>(cx: &mut Cx<'_>, run: impl FnOnce(&mut Store) -> R) -> Completion<R> {
    if cx.companion::<Bridge>().is_some_and(|bridge| bridge.place.is_none()) {
        make_store(cx)?;
    }
    let dead = cx.companion::<Bridge>().map(|bridge| std::mem::take(&mut bridge.dead)).unwrap_or_default();
    let result = with_store(cx.agent_mut(), |store| {
        dead.into_iter().for_each(|identity| store.func_table.free(identity));
        let scope = store.begin_scope();
        let result = run(store);
        store.end_scope(scope);
        result
    });
    match result {
        Some(result) => Ok(result),
        None => Err(cx.type_error("WebAssembly is in use")),
    }
}

/// The number of the signature of a function.
pub(super) fn signature_of(cx: &mut Cx<'_>, reference: u32) -> Completion<u32> {
    let type_id = in_store(cx, |store| store.func_table.entry_of(reference).map(|entry| entry.type_id))?;
    let id = CanonicalTypeId::from_u32(type_id.unwrap_or(u32::MAX));
    if let Some(&number) = cx.companion::<Bridge>().and_then(|bridge| bridge.signature_ids.get(&id)) {
        return Ok(number);
    }
    let ty = in_store(cx, |store| store.engine().types().get(id))?;
    match ty.and_then(|ty| add_signature(cx, ty)) {
        Some(number) => Ok(number),
        None => Err(cx.type_error("a function of an unknown type")),
    }
}

fn add_signature(cx: &mut Cx<'_>, ty: TypeHandle) -> Option<u32> {
    let signature = new_signature(ty)?;
    let func = &signature;
    let is_int = |ty: &ValType| matches!(ty, ValType::I32 | ValType::I64);
    let is_fast = func.params.len() <= INTS_MAX && func.results.len() <= 1 && func.params.iter().chain(&func.results).all(is_int);
    let mut fast = Fast { is_fast, count: func.params.len().min(INTS_MAX) as u8, ..Fast::default() };
    for (is_long, param) in fast.is_long.iter_mut().zip(&func.params) {
        *is_long = *param == ValType::I64;
    }
    fast.result_bits = match func.results.first() {
        Some(ValType::I32) => 32,
        Some(_) => 64,
        None => 0,
    };
    let id = signature.ty.id();
    let bridge = cx.companion::<Bridge>()?;
    let number = u32::try_from(bridge.signatures.len()).ok()?;
    bridge.signatures.push((Arc::new(signature), fast));
    bridge.signature_ids.insert(id, number);
    Some(number)
}

/// The signature of a type; `None` if that is not a function's.
pub(super) fn new_signature(ty: TypeHandle) -> Option<Signature> {
    let func = ty.as_func()?;
    let (params, results) = (func.params.clone(), func.results.clone());
    let is_refused = params.iter().chain(&results).any(|&ty| is_refused(ty));
    Some(Signature { layout: CallLayout::new(func), params, results, is_refused, ty })
}

/// Whether a script can neither give nor get values of a type.
pub(super) fn is_refused(ty: ValType) -> bool {
    ty == ValType::V128 || matches!(ty, ValType::Ref(ty) if ty.heap.top() == HeapType::Exn)
}

/// What the usual call needs of a signature.
#[inline]
pub(super) fn fast(cx: &mut Cx<'_>, number: i32) -> Fast {
    let bridge = cx.companion::<Bridge>();
    bridge.and_then(|bridge| bridge.signatures.get(number.cast_unsigned() as usize)).map(|found| found.1).unwrap_or_default()
}

/// A signature by its number.
pub(super) fn signature(cx: &mut Cx<'_>, number: i32) -> Option<Arc<Signature>> {
    cx.companion::<Bridge>()?.signatures.get(number.cast_unsigned() as usize).map(|found| Arc::clone(&found.0))
}

/// The object that stands for a function, made at first use. `index` is the function's in its instance, where that is known.
pub(super) fn function_object<'s>(cx: &mut Cx<'s>, reference: u32, index: Option<u32>) -> Completion<Local<'s>> {
    let known = cx.companion::<Bridge>().and_then(|bridge| bridge.functions.get(reference as usize).copied());
    if let Some(known) = known.filter(|known| !known.is_null()) {
        return Ok(cx.root_reference(known.bits()));
    }
    let number = signature_of(cx, reference)?;
    let index = match index {
        Some(index) => index,
        None => in_store(cx, |store| index_of(store, reference))?,
    };
    let length = signature(cx, number.cast_signed()).map_or(0, |signature| signature.params.len() as u32);
    let function = {
        let mut inner = cx.open();
        let name = inner.key(&index.to_string())?;
        let made = inner.new_guest_function(super::call::exported, name, length, number.cast_signed(), reference)?;
        inner.boxed_bits(made)
    };
    let function = cx.local_of_bits(function);
    let bits = cx.reference_bits(function);
    if let Some(bridge) = cx.companion::<Bridge>() {
        if bridge.functions.len() <= reference as usize {
            bridge.functions.resize(reference as usize + 1, HeapRef::NULL);
        }
        bridge.functions[reference as usize] = HeapRef::from_bits(bits);
    }
    Ok(function)
}

/// The index of a function in its instance, or of a host function in the first instance that has it.
fn index_of(store: &Store, reference: u32) -> u32 {
    let position = |funcs: &[u32]| funcs.iter().position(|&func| func == reference);
    let found = match store.func_table.owner(reference) {
        Some(Owned::Instance(instance)) => position(&store.instances[instance as usize].func_refs),
        _ => store.instances.values().find_map(|instance| position(&instance.func_refs)),
    };
    found.and_then(|position| u32::try_from(position).ok()).unwrap_or(0)
}

/// The object that stands for something that the store owns, made at first use.
pub(super) fn object_of<'s>(cx: &mut Cx<'s>, owned: Owned) -> Completion<Local<'s>> {
    let prototype = cx.embedder_intrinsic(kind_of(owned) as u32);
    object_with(cx, owned, prototype)
}

fn kind_of(owned: Owned) -> Kind {
    match owned {
        Owned::Memory(_) => Kind::Memory,
        Owned::Table(_) => Kind::Table,
        Owned::Global(_) => Kind::Global,
        Owned::Tag(_) => Kind::Tag,
        Owned::Instance(_) | Owned::Host(_) => Kind::Instance,
    }
}

/// The same with a prototype, if it is made.
pub(super) fn object_with<'s>(cx: &mut Cx<'s>, owned: Owned, prototype: Local<'_>) -> Completion<Local<'s>> {
    if let Some(known) = cx.companion::<Bridge>().and_then(|bridge| bridge.objects.get(&owned).copied()) {
        return Ok(cx.root_reference(known.bits()));
    }
    let object = cx.new_embedder_object(kind_of(owned) as i32, prototype)?;
    match in_store(cx, |store| store.func_table.add_identity(owned))? {
        Ok(identity) => cx.set_guest(object, identity),
        Err(error) => return Err(cx.range_error(&error.to_string())),
    }
    let bits = cx.reference_bits(object);
    if let Some(bridge) = cx.companion::<Bridge>() {
        bridge.objects.insert(owned, HeapRef::from_bits(bits));
    }
    Ok(object)
}

/// The object that shows a reference which is no value of JavaScript, made at first use.
pub(super) fn opaque_object<'s>(cx: &mut Cx<'s>, shown: Local<'s>, kind: Kind) -> Completion<Local<'s>> {
    let bits = cx.reference_bits(shown);
    if let Some(known) = cx.companion::<Bridge>().and_then(|bridge| bridge.opaque.get(&bits).copied()) {
        return Ok(cx.root_reference(known.bits()));
    }
    let object = if kind == Kind::Exception {
        let prototype = cx.embedder_intrinsic(kind as u32);
        cx.new_embedder_object(kind as i32, prototype)?
    } else {
        cx.new_opaque_object(kind as i32)?
    };
    remember_opaque(cx, shown, object);
    Ok(object)
}

/// Says that an object shows a reference.
pub(super) fn remember_opaque(cx: &mut Cx<'_>, shown: Local<'_>, object: Local<'_>) {
    cx.set_embedder_field(object, 0, shown);
    let (shown, object) = (cx.reference_bits(shown), HeapRef::from_bits(cx.reference_bits(object)));
    if let Some(bridge) = cx.companion::<Bridge>() {
        bridge.opaque.insert(shown, object);
    }
}

/// The tag of exceptions that scripts throw, made at first use.
pub(super) fn js_tag(cx: &mut Cx<'_>) -> Completion<u32> {
    if let Some(tag) = cx.companion::<Bridge>().and_then(|bridge| bridge.js_tag) {
        return Ok(tag);
    }
    let made = in_store(cx, |store| {
        let ty = crate::wasm::types::FuncType::new([ValType::EXTERNREF], []);
        let ty = store.engine().types().intern_func(&ty)?;
        let tag = store.new_tag(ty).ok()?;
        Some(tag)
    })?;
    let Some(tag) = made else { return Err(cx.range_error("no room for a tag")) };
    // Outside of a scope of handles: it is kept as long as the store.
    with_store(cx.agent_mut(), |store| store.pin(Owned::Tag(tag)));
    if let Some(bridge) = cx.companion::<Bridge>() {
        bridge.js_tag = Some(tag);
    }
    Ok(tag)
}
