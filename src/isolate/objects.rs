//! Objects of guests in the host's hands: what they are, and their fields.

use std::any::Any;

use crate::abi::fields::{StructLayout, storage_log2};
use crate::base::CanonicalTypeId;
use crate::heap::HeapRef;
use crate::isolate::scope::AsScope;
use crate::layout::heap::{CUSTOM_DESCRIPTOR, FIELDS};
use crate::runtime::store::Store;
use crate::runtime::value::{AnyRef, ExternRef, Val};
use crate::wasm::canonical::TypeHandle;
use crate::wasm::types::{CompositeType, FieldType, HeapType, StorageType};

/// The reference that a handle names; `None` when it is another isolate's, or its scope has ended.
fn named(store: &Store, any: AnyRef) -> Option<HeapRef> {
    if any.store == store.id { store.roots.get(any.root) } else { None }
}

fn canonical(store: &Store, object: HeapRef) -> Option<&TypeHandle> {
    let heap = store.heap().filter(|_| object.is_object())?;
    store.kept_types.get(&CanonicalTypeId::from_u32(heap.client_of(heap.descriptor(object))))
}

fn composite(store: &Store, object: HeapRef) -> Option<CompositeType> {
    canonical(store, object).map(|handle| handle.ty().composite().clone())
}

fn read(store: &mut Store, object: HeapRef, field: FieldType, offset: u32) -> Option<Val> {
    let mut bytes = [0; 16];
    let heap = store.heap()?;
    heap.read_data(object, offset, &mut bytes[..1 << storage_log2(field.storage)]);
    let bits = u128::from_le_bytes(bytes);
    Some(match field.storage {
        StorageType::I8 => Val::I32(i32::from(bits as u8)),
        StorageType::I16 => Val::I32(i32::from(bits as u16)),
        StorageType::Val(ty) => Val::from_bits(ty, bits, store),
    })
}

impl AnyRef {
    /// A number as an `i31`: its low 31 bits.
    pub fn from_i31(mut scope: impl AsScope, number: i32) -> AnyRef {
        let store = scope.store_mut();
        AnyRef { store: store.id, root: store.roots.add(HeapRef::i31(number)) }
    }

    /// The number, if it is an `i31`.
    pub fn as_i31(&self, scope: &impl AsScope) -> Option<i32> {
        named(scope.store(), *self)?.as_i31()
    }

    /// What it is: `i31`, a structure or array type of the engine, or `any` for a value of the host.
    pub fn ty(&self, scope: &impl AsScope) -> Option<HeapType> {
        let store = scope.store();
        store.heap_type_of(named(store, *self)?)
    }

    /// The same reference, external.
    pub fn to_extern(&self, mut scope: impl AsScope) -> Option<ExternRef> {
        let store = scope.store_mut();
        let reference = named(store, *self)?;
        Some(ExternRef { store: store.id, root: store.roots.add(reference) })
    }

    /// The value of the host that it is, if it is one.
    pub fn data<'a>(&self, scope: &'a impl AsScope) -> Option<&'a (dyn Any + Send)> {
        let store = scope.store();
        store.heap()?.host_value(named(store, *self)?)
    }

    /// A field of a structure. Packed fields are zero-extended.
    pub fn field(&self, mut scope: impl AsScope, index: usize) -> Option<Val> {
        let store = scope.store_mut();
        let object = named(store, *self)?;
        let CompositeType::Struct(ty) = composite(store, object)? else { return None };
        let field = *ty.fields.get(index)?;
        read(store, object, field, StructLayout::new(&ty).offsets[index])
    }

    /// The custom descriptor of a structure, if its type has one.
    pub fn custom_descriptor(&self, mut scope: impl AsScope) -> Option<AnyRef> {
        let store = scope.store_mut();
        let object = named(store, *self)?;
        canonical(store, object)?.ty().clauses().descriptor?;
        let found = store.heap()?.read_ref(object, CUSTOM_DESCRIPTOR);
        Some(AnyRef { store: store.id, root: store.roots.add(found) })
    }

    /// How many elements an array has; `None` if it is none.
    pub fn array_len(&self, scope: &impl AsScope) -> Option<u32> {
        let store = scope.store();
        let object = named(store, *self)?;
        matches!(composite(store, object)?, CompositeType::Array(_)).then(|| store.heap().map(|heap| heap.length(object)))?
    }

    /// An element of an array. Packed elements are zero-extended.
    pub fn element(&self, mut scope: impl AsScope, index: u32) -> Option<Val> {
        let store = scope.store_mut();
        let object = named(store, *self)?;
        let CompositeType::Array(ty) = composite(store, object)? else { return None };
        let is_inside = store.heap().is_some_and(|heap| index < heap.length(object));
        is_inside.then(|| read(store, object, ty.element, FIELDS + (index << storage_log2(ty.element.storage))))?
    }
}

impl ExternRef {
    /// The same reference, as guests look into it.
    pub fn to_any(&self, mut scope: impl AsScope) -> Option<AnyRef> {
        let store = scope.store_mut();
        let reference = store.roots.get(self.root).filter(|_| self.store == store.id)?;
        Some(AnyRef { store: store.id, root: store.roots.add(reference) })
    }
}

#[cfg(all(test, feature = "optimizing", not(feature = "loom")))]
mod tests {
    use crate::compile::config::HeapSettings;
    use crate::compile::{Config, Module, WasmEngine};
    use crate::isolate::{Isolate, Linker};
    use crate::runtime::value::Val;

    #[test]
    fn an_array_as_long_as_a_descriptor_is_far_does_not_have_it() {
        let heap = HeapSettings { nursery_bytes: 1 << 20, ..HeapSettings::default() };
        let engine = WasmEngine::new(&Config::default().with_num_compilation_tasks(0).with_heap(heap)).expect("an engine");
        let text = r#"(module
            (rec (type $a (sub (descriptor $d) (struct (field i32)))) (type $d (sub (describes $a) (struct))))
            (type $bytes (array (mut i8)))
            (global $d (export "d") (ref (exact $d)) (struct.new $d))
            (func (export "churn") (local i32)
                (loop (drop (array.new_default $bytes (i32.const 10000)))
                    (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000)))))
            (func $is (param anyref) (result i32)
                (block $yes (result (ref $a))
                    (drop (br_on_cast_desc_eq $yes anyref (ref $a) (local.get 0) (global.get $d)))
                    (return (i32.const 0)))
                (drop) (i32.const 1))
            (func (export "object") (result i32) (call $is (struct.new_desc $a (i32.const 7) (global.get $d))))
            (func (export "array") (param i32) (result i32) (call $is (array.new_default $bytes (local.get 0)))))"#;
        let module = Module::new(&engine, text).expect("a module");
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
        let churn = instance.get_typed_func::<(), ()>(&mut isolate, "churn").expect("an export");
        let object = instance.get_typed_func::<(), i32>(&mut isolate, "object").expect("an export");
        let array = instance.get_typed_func::<i32, i32>(&mut isolate, "array").expect("an export");
        let global = instance.get_global(&mut isolate, "d").expect("an export");
        churn.call(&mut isolate, ()).expect("room");
        let Some(Val::AnyRef(Some(descriptor))) = global.get(&mut isolate) else { panic!("a descriptor") };
        let bits = super::named(isolate.store(), descriptor).expect("it is held").bits();
        assert!(bits < 64 << 20, "it is old by now, at {bits:#x}");
        assert_eq!(array.call(&mut isolate, bits.cast_signed()).expect("room"), 0);
        assert_eq!(object.call(&mut isolate, ()).expect("room"), 1);
    }
}
