//! Matching (§3.3): which types are subtypes of which.
//!
//! Whether one defined type extends another is asked of the caller, who knows where definitions are.

use crate::base::CanonicalTypeId;
use crate::wasm::types::{CompositeKind, FieldType, FuncType, HeapType, RefType, StorageType, ValType};

/// Says whether the first type is the second or extends it.
pub type Extends<'a> = &'a dyn Fn(CanonicalTypeId, CanonicalTypeId) -> bool;

/// Heap types (§3.3.3).
pub fn heap_matches(ty: HeapType, supertype: HeapType, extends: Extends<'_>) -> bool {
    use HeapType::{Any, Array, Canonical, CanonicalExact, Concrete, Eq, Exact, I31, Struct};
    if ty == supertype {
        return true;
    }
    match (ty, supertype) {
        (Canonical(_, id) | CanonicalExact(_, id), Canonical(_, supertype)) => extends(id, supertype),
        // An exact type is below itself without "exact". What is above an exact type is it, and what has no objects.
        (Exact(_, index), Concrete(_, supertype)) => index == supertype,
        (Canonical(kind, _) | CanonicalExact(kind, _) | Concrete(kind, _) | Exact(kind, _), _) => {
            let eq = kind != CompositeKind::Func && supertype == Eq;
            eq || supertype == kind.heap() || supertype == kind.heap().top()
        }
        (I31 | Struct | Array, Eq | Any) | (Eq, Any) => true,
        // What is left are the bottom types, which match all that they are related to.
        _ => ty == ty.bottom() && ty == supertype.bottom(),
    }
}

/// Reference types (§3.3.4).
pub fn ref_matches(ty: RefType, supertype: RefType, extends: Extends<'_>) -> bool {
    (supertype.nullable || !ty.nullable) && heap_matches(ty.heap, supertype.heap, extends)
}

/// Value types (§3.3.5).
pub fn val_matches(ty: ValType, supertype: ValType, extends: Extends<'_>) -> bool {
    match (ty, supertype) {
        (ValType::Ref(ty), ValType::Ref(supertype)) => ref_matches(ty, supertype, extends),
        (ty, supertype) => ty == supertype,
    }
}

/// Function types (§3.3.9): parameters the other way round.
pub fn func_matches(ty: &FuncType, supertype: &FuncType, extends: Extends<'_>) -> bool {
    let all = |types: &[ValType], supertypes: &[ValType]| {
        types.len() == supertypes.len()
            && types.iter().zip(supertypes).all(|(&ty, &supertype)| val_matches(ty, supertype, extends))
    };
    all(&supertype.params, &ty.params) && all(&ty.results, &supertype.results)
}

/// Field types (§3.3.8): a field that may change must hold exactly what the other holds.
pub fn field_matches(ty: &FieldType, supertype: &FieldType, extends: Extends<'_>) -> bool {
    let storage = |a: StorageType, b: StorageType| match (a, b) {
        (StorageType::Val(a), StorageType::Val(b)) => val_matches(a, b, extends),
        (a, b) => a == b,
    };
    ty.mutable == supertype.mutable
        && storage(ty.storage, supertype.storage)
        && (!ty.mutable || storage(supertype.storage, ty.storage))
}
