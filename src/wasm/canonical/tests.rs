//! Equality of recursion groups, subtyping, and that nothing stays behind.

use super::{TypeRegistry, matching};
use crate::base::sync::Arc;
use crate::base::{CanonicalTypeId, TypeIndex};
use crate::wasm::decode::{decode, to_binary};
use crate::wasm::error::CompileErrorKind;
use crate::wasm::module::WasmModule;
use crate::wasm::types::{CompositeKind, CompositeType, FuncType, HeapType, RefType, SubType, ValType};

fn module(text: &str) -> Arc<WasmModule> {
    let binary = to_binary(text.as_bytes()).expect("the text parses");
    decode(binary).expect("the module is valid").module
}

fn ids(registry: &TypeRegistry, text: &str) -> (super::CanonicalTypes, Vec<CanonicalTypeId>) {
    let types = registry.intern_module(&module(text)).expect("within the limits");
    let ids = types.ids().collect();
    (types, ids)
}

/// A module whose types are given, each a group of its own.
fn singles(definitions: impl IntoIterator<Item = SubType>) -> WasmModule {
    let mut module = WasmModule::default();
    for definition in definitions {
        module.rec_groups.push(module.types.next_key());
        module.types.push(definition);
    }
    module
}

fn func(params: impl IntoIterator<Item = ValType>) -> SubType {
    SubType::plain(CompositeType::Func(FuncType::new(params, [])))
}

#[test]
fn equal_groups_are_one_type() {
    let registry = TypeRegistry::default();
    let (_a, a) = ids(&registry, "(module (type (func)) (type (func (param i32))) (type (func)))");
    assert_eq!(a[0], a[2]);
    assert_ne!(a[0], a[1]);
    let (_b, b) = ids(&registry, "(module (type (struct)) (type (func (param i32))) (type (sub (func))))");
    assert_eq!(a[1], b[1]);
    assert!(!a.contains(&b[0]) && !a.contains(&b[2]), "open and final types differ");
    // Recursive groups are compared as wholes, wherever they stand, and by position.
    let pair = "(rec (type (func (result (ref null {0})))) (type (struct (field (mut i8)) (field (ref {1})))))";
    let at = |first: u32| pair.replace("{0}", &(first + 1).to_string()).replace("{1}", &first.to_string());
    let (_c, c) = ids(&registry, &format!("(module {})", at(0)));
    let (_d, d) = ids(&registry, &format!("(module (type (array i16)) {} {})", at(1), at(3)));
    assert_eq!((c[0], c[1]), (d[1], d[2]));
    assert_eq!((c[0], c[1]), (d[3], d[4]));
    let (_e, e) = ids(&registry, "(module (rec (type (func)) (type (func))) (type (func)))");
    assert_eq!(e[2], a[0]);
    assert!(e[0] != e[1] && e[0] != e[2], "a member of a larger group is a type of its own");
}

#[test]
fn references_to_other_groups_count_by_what_they_are() {
    let registry = TypeRegistry::default();
    let (_a, a) = ids(&registry, "(module (type (func (param i64))) (type (func (param (ref 0)))))");
    let (_b, b) = ids(&registry, "(module (type (struct)) (type (func (param i64))) (type (func (param (ref 1)))))");
    let (_c, c) = ids(&registry, "(module (type (func (param i32))) (type (func (param (ref 0)))))");
    assert_eq!(a, b[1..]);
    assert_ne!(a[1], c[1]);
}

#[test]
fn subtypes_are_found_through_their_display() {
    let registry = TypeRegistry::default();
    let text = "(module (type (sub (struct))) (type (sub 0 (struct (field i32)))) (type (sub final 1 (struct (field i32 i32))))
        (type (sub 0 (struct (field i64)))))";
    let (types, ids) = ids(&registry, text);
    let expected =
        [[true, false, false, false], [true, true, false, false], [true, true, true, false], [true, false, false, true]];
    for (sub, row) in expected.iter().enumerate() {
        for (sup, &expected) in row.iter().enumerate() {
            assert_eq!(registry.is_subtype(ids[sub], ids[sup]), expected, "{sub} <: {sup}");
        }
    }
    let deepest = types.ty(TypeIndex::from_u32(2));
    assert_eq!((deepest.depth(), deepest.supertype()), (2, Some(ids[1])));
    assert_eq!(deepest.display(), [ids[0].as_u32(), ids[1].as_u32(), ids[2].as_u32()]);
    assert_eq!(deepest.to_string(), format!("(sub final $t{} (struct (field i32) (field i32)))", ids[1].as_u32()));
    assert!(deepest.matches(HeapType::Eq) && !deepest.matches(HeapType::Array) && !deepest.matches(HeapType::None));
    let refs = |heap: HeapType| (RefType::non_null(heap), RefType::nullable(heap));
    let (sub, sub_null) = refs(deepest.heap());
    let (sup, sup_null) = refs(types.ty(TypeIndex::from_u32(0)).heap());
    assert!(registry.ref_matches(sub, sup) && registry.ref_matches(sub, sup_null) && registry.ref_matches(sub_null, sup_null));
    assert!(!registry.ref_matches(sub_null, sup) && !registry.ref_matches(sup, sub));
}

#[test]
fn abstract_types_match_as_in_the_specification() {
    use HeapType::*;
    let kinds = [CompositeKind::Func, CompositeKind::Struct, CompositeKind::Array];
    let [function, structure, array] = kinds.map(|kind| Canonical(kind, CanonicalTypeId::from_u32(kind as u32)));
    let [just_function, just_structure, just_array] = [function, structure, array].map(HeapType::exact);
    let all = [Func, NoFunc, Extern, NoExtern, Any, Eq, I31, Struct, Array, None, Exn, NoExn, function, structure, array];
    let all: Vec<HeapType> = all.into_iter().chain([just_function, just_structure, just_array]).collect();
    // What each is a subtype of, itself apart.
    let above: [&[HeapType]; 18] = [
        &[],
        &[Func, function, just_function],
        &[],
        &[Extern],
        &[],
        &[Any],
        &[Any, Eq],
        &[Any, Eq],
        &[Any, Eq],
        &[Any, Eq, I31, Struct, Array, structure, array, just_structure, just_array],
        &[],
        &[Exn],
        &[Func],
        &[Any, Eq, Struct],
        &[Any, Eq, Array],
        &[Func, function],
        &[Any, Eq, Struct, structure],
        &[Any, Eq, Array, array],
    ];
    for (&ty, above) in all.iter().zip(above) {
        for &supertype in &all {
            let expected = ty == supertype || above.contains(&supertype);
            assert_eq!(matching::heap_matches(ty, supertype, &|id, supertype| id == supertype), expected, "{ty} <: {supertype}");
        }
    }
}

#[test]
fn functions_match_parameters_the_other_way_round() {
    let (func, null) = (ValType::FUNCREF, ValType::Ref(RefType::nullable(HeapType::NoFunc)));
    let matches = |a: &FuncType, b: &FuncType| matching::func_matches(a, b, &|_, _| false);
    let (general, special) = (FuncType::new([func], [null]), FuncType::new([null], [func]));
    assert!(matches(&general, &special) && !matches(&special, &general));
    assert!(!matches(&general, &FuncType::new([func], [])));
}

#[test]
fn descriptors_belong_to_a_type() {
    let registry = TypeRegistry::default();
    let pair = |at: u32| format!("(rec (type (descriptor {}) (struct)) (type (describes {at}) (struct)))", at + 1);
    let (types, a) = ids(&registry, &format!("(module {})", pair(0)));
    let (_b, b) = ids(&registry, &format!("(module (type (func)) {} {})", pair(1), pair(3)));
    assert_eq!((a[0], a[1]), (b[1], b[2]));
    assert_eq!((a[0], a[1]), (b[3], b[4]));
    let (_c, c) = ids(&registry, "(module (rec (type (struct)) (type (struct))))");
    assert!(c.iter().all(|id| !a.contains(id)), "without the clauses it is another group");
    let [described, descriptor] = [0, 1].map(|index| types.ty(TypeIndex::from_u32(index)));
    assert_eq!((described.clauses().descriptor, described.clauses().describes), (Some(a[1]), None));
    assert_eq!((descriptor.clauses().descriptor, descriptor.clauses().describes), (None, Some(a[0])));
    assert_eq!(described.to_string(), format!("(sub final (descriptor $t{}) (struct))", a[1].as_u32()));

    // A chain is not two pairs, and which type of a group describes which counts.
    let (_d, d) = ids(
        &registry,
        "(module
            (rec (type (descriptor 1) (struct)) (type (describes 0) (descriptor 2) (struct)) (type (describes 1) (struct)))
            (rec (type (descriptor 4) (struct)) (type (describes 3) (struct)) (type (struct)))
            (rec (type (descriptor 8) (struct)) (type (struct)) (type (describes 6) (struct))))",
    );
    let distinct: std::collections::HashSet<_> = d.iter().collect();
    assert_eq!(distinct.len(), d.len());
}

#[test]
fn exact_references_are_types_of_their_own() {
    let registry = TypeRegistry::default();
    let text = "(module (type (sub (struct))) (type (sub 0 (struct (field i32))))
        (type (func (param (ref 0)))) (type (func (param (ref (exact 0))))) (type (func (param (ref null (exact 0)))))
        (rec (type (struct (field (ref 5)))) (type (struct (field (ref (exact 5)))))))";
    let (types, a) = ids(&registry, text);
    let distinct: std::collections::HashSet<_> = a.iter().collect();
    assert_eq!(distinct.len(), a.len());
    let (_b, b) = ids(&registry, "(module (type (func)) (type (sub (struct))) (type (func (param (ref (exact 1))))))");
    assert_eq!((b[1], b[2]), (a[0], a[3]));

    let [base, derived] = [0, 1].map(|index| types.ty(TypeIndex::from_u32(index)));
    let below = |ty, supertype| registry.ref_matches(RefType::non_null(ty), RefType::nullable(supertype));
    assert!(below(derived.heap().exact(), base.heap()) && below(base.heap().exact(), base.heap()));
    assert!(!below(derived.heap().exact(), base.heap().exact()) && !below(base.heap(), base.heap().exact()));
    assert!(below(HeapType::None, base.heap().exact()) && below(base.heap().exact(), HeapType::Eq));
    assert!(base.matches(base.heap().exact()) && derived.matches(base.heap()) && !derived.matches(base.heap().exact()));

    // A type of the host's making holds what it refers to exactly, too.
    let exact = base.heap().exact();
    let host = registry.intern_func(&FuncType::new([ValType::Ref(RefType::nullable(exact))], [])).expect("the type is there");
    assert_eq!(host.id(), a[4]);
    drop((types, _b));
    assert!(registry.hold(exact).is_some_and(|held| held.is_some()));
    drop(host);
    assert!(registry.hold(exact).is_none());
}

#[test]
fn a_type_goes_with_its_last_holder() {
    let registry = TypeRegistry::default();
    let (types, _) = ids(&registry, "(module (type (func)) (type (func (result (ref 0)))))");
    let handle = types.handle(TypeIndex::from_u32(1)).expect("there is such a type");
    assert!(types.handle(TypeIndex::from_u32(2)).is_none());
    assert_eq!(registry.len(), 2);
    drop(types);
    assert_eq!(registry.len(), 2, "the handle holds its type, and that the other");
    let func = handle.as_func().expect("a function type").clone();
    let again = registry.intern_func(&func).expect("the type is there");
    assert_eq!(again, handle);
    drop((handle, again));
    assert!(registry.is_empty());
    assert!(registry.intern_func(&func).is_none(), "what it refers to is gone");
}

#[test]
fn ids_mean_nothing_to_other_engines() {
    let [one, two] = [TypeRegistry::default(), TypeRegistry::default()];
    let handle = one.intern_func(&FuncType::new([], [])).expect("no references");
    let other = two.intern_func(&FuncType::new([], [])).expect("no references");
    assert!(one.owns(&handle) && !two.owns(&handle));
    assert_ne!(handle.id(), other.id());
    assert!(two.get(handle.id()).is_none());
    let refers = FuncType::new([ValType::Ref(RefType::nullable(handle.heap()))], []);
    assert!(one.intern_func(&refers).is_some() && two.intern_func(&refers).is_none());
}

#[test]
fn modules_without_end_leave_nothing_behind() {
    let registry = TypeRegistry::default();
    let kept = registry.intern_func(&FuncType::new([ValType::I32], [])).expect("no references");
    let mut ids = std::collections::HashSet::new();
    for number in 0u32..1_000_000 {
        // Every module has a type of its own; the bits of its number are its parameters.
        let bits = (0..20).map(|bit| if number >> bit & 1 == 1 { ValType::I64 } else { ValType::F32 });
        let module = singles([func([ValType::I32]), func(bits)]);
        let types = registry.intern_module(&module).expect("within the limits");
        assert_eq!(types[TypeIndex::from_u32(0)], kept.id());
        if number % 1000 == 0 {
            assert!(ids.insert(types[TypeIndex::from_u32(1)]), "an id means one type");
            assert_eq!(registry.len(), 2);
        }
    }
    assert_eq!(registry.len(), 1);
    let known = registry.shared.known.lock();
    assert!(known.groups.len() == 1 && known.groups.capacity() < 64 && known.by_id.capacity() < 64);
}

#[test]
fn a_long_chain_of_groups_ends_without_recursion() {
    let registry = TypeRegistry::default();
    let reference = |index| ValType::Ref(RefType::nullable(HeapType::Concrete(CompositeKind::Func, TypeIndex::from_u32(index))));
    let chain = (0..200_000u32).map(|index| func(index.checked_sub(1).map(reference)));
    let types = registry.intern_module(&singles(chain)).expect("within the limits");
    let last = types.handle(TypeIndex::from_u32(199_999)).expect("there is such a type");
    drop(types);
    assert_eq!(registry.len(), 200_000);
    drop(last);
    assert!(registry.is_empty());
}

#[test]
fn tables_for_subtype_checks_are_bounded() {
    let registry = TypeRegistry::default();
    let deep = (0..300_000u32).map(|index| SubType {
        is_final: false,
        supertype: (index > 0).then(|| TypeIndex::from_u32(index.min(63) - 1)),
        ..func([])
    });
    let error = registry.intern_module(&singles(deep)).expect_err("too many");
    assert_eq!(error.kind, CompileErrorKind::Limit);
    assert!(registry.is_empty());
    // A group of a million types is within them.
    let mut group = singles((0..1_000_000).map(|_| func([])));
    group.rec_groups.truncate(1);
    let types = registry.intern_module(&group).expect("within the limits");
    assert_eq!((types.ids().len(), registry.len()), (1_000_000, 1_000_000));
    drop(types);
    assert!(registry.is_empty());
}

#[test]
fn threads_that_make_and_drop_the_same_type_agree() {
    let registry = TypeRegistry::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let one = registry.intern_func(&FuncType::new([ValType::V128], [])).expect("no references");
                    let two = registry.intern_func(&FuncType::new([ValType::V128], [])).expect("no references");
                    assert_eq!(one.id(), two.id());
                    assert_eq!(registry.get(one.id()).expect("it is held").id(), one.id());
                }
            });
        }
    });
    assert!(registry.is_empty());
    assert!(registry.shared.known.lock().groups.is_empty());
}
