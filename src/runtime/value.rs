//! Values of untyped calls, and the handles by which Rust names what a store owns.

use crate::heap::HeapRef;
use crate::runtime::arena::Key;
use crate::runtime::rooted::Root;
use crate::runtime::store::{Store, StoreId};
use crate::wasm::types::{HeapType, RefType, ValType};

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// A handle is a number: it is `Copy`, and good for the isolate that gave it. What it names stays as long as the scope in
            /// which the isolate gave it: a host function's call, or [`Isolate::root_scope`](crate::Isolate::root_scope), or else the
            /// isolate; and longer if something else that stays holds it. Afterwards the handle finds nothing.
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub struct $name {
                pub(crate) store: StoreId,
                pub(crate) key: Key,
            }
        )*
    };
}

handles! {
    /// A function, of a guest or of the host.
    Func;
    /// A memory.
    Memory;
    /// A table.
    Table;
    /// A global.
    Global;
    /// An instance of a module.
    Instance;
    /// A tag: what tells exceptions from others, and what they carry.
    Tag;
}

macro_rules! references {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// A handle is a number, and names a root of the isolate that gave it. The root keeps the object alive as long as the scope in
            /// which it was made: a host function's call, or [`Isolate::root_scope`](crate::Isolate::root_scope), or else the
            /// isolate. Afterwards it finds nothing. Two handles may name one object.
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub struct $name {
                pub(crate) store: StoreId,
                pub(crate) root: Root,
            }
        )*
    };
}

references! {
    /// A reference that guests hold as `externref`: a value of the host, or any reference that was made external.
    ExternRef;
    /// A structure, an array or an `i31`.
    AnyRef;
    /// An exception.
    ExnRef;
}

/// A value of any type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Val {
    /// `i32`.
    I32(i32),
    /// `i64`.
    I64(i64),
    /// `f32`, as bits, so that NaN payloads survive.
    F32(u32),
    /// `f64`, as bits.
    F64(u64),
    /// `v128`, little-endian.
    V128(u128),
    /// `funcref`.
    FuncRef(Option<Func>),
    /// `externref`.
    ExternRef(Option<ExternRef>),
    /// `anyref`.
    AnyRef(Option<AnyRef>),
    /// `exnref`.
    ExnRef(Option<ExnRef>),
}

impl Val {
    /// The most general type that the value has.
    pub fn ty(&self) -> ValType {
        match self {
            Val::I32(_) => ValType::I32,
            Val::I64(_) => ValType::I64,
            Val::F32(_) => ValType::F32,
            Val::F64(_) => ValType::F64,
            Val::V128(_) => ValType::V128,
            Val::FuncRef(_) => ValType::Ref(RefType::FUNC),
            Val::ExternRef(_) => ValType::Ref(RefType::EXTERN),
            Val::AnyRef(_) => ValType::Ref(RefType::ANY),
            Val::ExnRef(_) => ValType::Ref(RefType::EXN),
        }
    }

    /// The value that locals of the type begin with (§4.2.1); `None` for references that cannot be null.
    pub fn default_for(ty: ValType) -> Option<Val> {
        Some(match ty {
            ValType::I32 => Val::I32(0),
            ValType::I64 => Val::I64(0),
            ValType::F32 => Val::F32(0),
            ValType::F64 => Val::F64(0),
            ValType::V128 => Val::V128(0),
            ValType::Ref(RefType { nullable: false, .. }) => return None,
            ValType::Ref(ty) => Val::null(ty.heap),
        })
    }

    /// Null, of a heap type.
    pub fn null(heap: HeapType) -> Val {
        match heap.top() {
            HeapType::Extern => Val::ExternRef(None),
            HeapType::Any => Val::AnyRef(None),
            HeapType::Exn => Val::ExnRef(None),
            _ => Val::FuncRef(None),
        }
    }

    /// Whether it is a null reference.
    pub fn is_null(&self) -> bool {
        matches!(self, Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None))
    }

    /// The bits as they stand in a global's cell or a register. Handles that name nothing any more are null; who must not
    /// take them for that asks [`is_foreign`](Self::is_foreign) first.
    pub(crate) fn to_bits(self, store: &Store) -> u128 {
        let bits = |root: Option<Root>| root.and_then(|root| store.roots.get(root)).map_or(0, |found| u128::from(found.bits()));
        match self {
            Val::I32(v) => u128::from(v as u32),
            Val::I64(v) => u128::from(v as u64),
            Val::F32(v) => u128::from(v),
            Val::F64(v) => u128::from(v),
            Val::V128(v) => v,
            Val::FuncRef(f) => u128::from(f.filter(|&f| store.func_entry(f).is_some()).map_or(0, |f| f.key.index)),
            Val::ExternRef(r) => bits(r.map(|r| r.root)),
            Val::AnyRef(r) => bits(r.map(|r| r.root)),
            Val::ExnRef(r) => bits(r.map(|r| r.root)),
        }
    }

    /// The value of a type from bits. A reference gets a root.
    pub(crate) fn from_bits(ty: ValType, bits: u128, store: &mut Store) -> Val {
        let low = bits as u64;
        let reference = bits as u32;
        match ty {
            ValType::I32 => Val::I32(bits as i32),
            ValType::I64 => Val::I64(low as i64),
            ValType::F32 => Val::F32(reference),
            ValType::F64 => Val::F64(low),
            ValType::V128 => Val::V128(bits),
            ValType::Ref(ty) if reference == 0 => Val::null(ty.heap),
            ValType::Ref(ty) if ty.heap.top() == HeapType::Func => Val::FuncRef(Some(store.func_handle(reference))),
            ValType::Ref(ty) => {
                let (store, root) = (store.id, store.roots.add(HeapRef::from_bits(reference)));
                match ty.heap.top() {
                    HeapType::Extern => Val::ExternRef(Some(ExternRef { store, root })),
                    HeapType::Exn => Val::ExnRef(Some(ExnRef { store, root })),
                    _ => Val::AnyRef(Some(AnyRef { store, root })),
                }
            }
        }
    }

    /// Whether it is a number, or a vector, of a type.
    #[inline]
    pub(crate) fn is_number_of(&self, ty: ValType) -> bool {
        matches!(
            (self, ty),
            (Val::I32(_), ValType::I32)
                | (Val::I64(_), ValType::I64)
                | (Val::F32(_), ValType::F32)
                | (Val::F64(_), ValType::F64)
                | (Val::V128(_), ValType::V128)
        )
    }

    /// Whether a handle inside belongs to another store, or names nothing any more.
    pub(crate) fn is_foreign(&self, store: &Store) -> bool {
        let is_gone = |id: StoreId, root: Root| id != store.id || store.roots.get(root).is_none();
        match *self {
            Val::FuncRef(Some(f)) => store.func_entry(f).is_none(),
            Val::ExternRef(Some(r)) => is_gone(r.store, r.root),
            Val::AnyRef(Some(r)) => is_gone(r.store, r.root),
            Val::ExnRef(Some(r)) => is_gone(r.store, r.root),
            _ => false,
        }
    }
}
