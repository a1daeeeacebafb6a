//! The types of a generated program: structures and arrays that extend and name one another in one recursion group, the types of
//! functions, and what is a subtype of what.
//!
//! **Invariant:** every type has a value that needs no value of a later type: a field that cannot be null is of an earlier type.

use wasm_encoder::{
    AbstractHeapType, ArrayType, BlockType, CompositeInnerType, CompositeType, FieldType, FuncType, HeapType, RefType,
    StorageType, StructType, SubType, TypeSection, ValType,
};

use super::{Random, Style};

/// What a type is.
#[derive(Debug, Clone)]
pub(super) enum Def {
    Struct(Vec<FieldType>),
    Array(FieldType),
    Func(Vec<ValType>, Vec<ValType>),
}

#[derive(Debug)]
struct Defined {
    def: Def,
    parent: Option<u32>,
}

/// All types of a program; the last are those of blocks and tags, each in a group of its own.
#[derive(Debug)]
pub(super) struct Types {
    defs: Vec<Defined>,
    group: usize,
    style: Style,
}

/// A heap type that the specification names.
pub(super) fn named(ty: AbstractHeapType) -> HeapType {
    HeapType::Abstract { shared: false, ty }
}

/// A reference, null or not.
pub(super) fn nullable(heap: HeapType) -> RefType {
    RefType { nullable: true, heap_type: heap }
}

/// A reference that is not null.
pub(super) fn non_null(heap: HeapType) -> RefType {
    RefType { nullable: false, heap_type: heap }
}

/// The type of a local that holds such values: locals begin with something.
pub(super) fn as_local(ty: ValType) -> ValType {
    match ty {
        ValType::Ref(ty) => ValType::Ref(nullable(ty.heap_type)),
        other => other,
    }
}

/// What a field gives when it is read.
pub(super) fn unpacked(storage: StorageType) -> ValType {
    match storage {
        StorageType::I8 | StorageType::I16 => ValType::I32,
        StorageType::Val(ty) => ty,
    }
}

/// Whether values of it are zero or null to begin with.
pub(super) fn has_default(storage: StorageType) -> bool {
    !matches!(storage, StorageType::Val(ValType::Ref(RefType { nullable: false, .. })))
}

impl Types {
    /// Makes up the recursion group.
    pub(super) fn new(random: &mut Random, style: Style) -> Types {
        let mut types = Types { defs: Vec::new(), group: 0, style };
        let (structs, arrays, funcs) = (3 + random.below(4), 2 + random.below(4), 3 + random.below(2));
        // References may name types that come later: they are in the same group.
        let plan = Plan { structs: structs as u32, arrays: arrays as u32, funcs: funcs as u32 };
        for _ in 0..structs {
            let parent = types.parent(random, 2, |def| matches!(def, Def::Struct(_)));
            let mut fields = match parent.map(|parent| types.def(parent)) {
                Some(Def::Struct(fields)) => fields.clone(),
                _ => Vec::new(),
            };
            for _ in 0..random.below(6) + usize::from(fields.is_empty()) {
                fields.push(types.field(random, &plan));
            }
            types.defs.push(Defined { def: Def::Struct(fields), parent });
        }
        for _ in 0..arrays {
            let parent = types.parent(random, 5, |def| matches!(def, Def::Array(_)));
            let element = match parent.map(|parent| types.def(parent)) {
                Some(Def::Array(element)) => *element,
                _ => types.field(random, &plan),
            };
            types.defs.push(Defined { def: Def::Array(element), parent });
        }
        for _ in 0..funcs {
            let mut values = |most: usize| (0..random.below(most + 1)).map(|_| types.value(random, &plan)).collect();
            let (params, results) = (values(4), values(2));
            types.defs.push(Defined { def: Def::Func(params, results), parent: None });
        }
        types.group = types.defs.len();
        types
    }

    fn parent(&self, random: &mut Random, times: usize, fits: impl Fn(&Def) -> bool) -> Option<u32> {
        let earlier = (0..self.defs.len() as u32).filter(|&index| fits(self.def(index)));
        if random.one_in(times) { pick(random, earlier) } else { None }
    }

    fn field(&self, random: &mut Random, plan: &Plan) -> FieldType {
        let element_type = match random.below(14) {
            0 => StorageType::I8,
            1 => StorageType::I16,
            _ => StorageType::Val(self.value(random, plan)),
        };
        FieldType { element_type, mutable: !random.one_in(5) }
    }

    /// A type of values; while the group is made, of which only the plan is known.
    fn value(&self, random: &mut Random, plan: &Plan) -> ValType {
        match random.below(16) {
            0..=2 => ValType::I32,
            3 | 4 => ValType::I64,
            5 => ValType::F32,
            6 => ValType::F64,
            7 if self.style == Style::Modern => ValType::V128,
            _ => ValType::Ref(self.reference(random, plan)),
        }
    }

    fn reference(&self, random: &mut Random, plan: &Plan) -> RefType {
        let heap = match random.below(20) {
            0..=6 => HeapType::Concrete(random.below(plan.structs as usize) as u32),
            7..=10 => HeapType::Concrete(plan.structs + random.below(plan.arrays as usize) as u32),
            11 => HeapType::Concrete(plan.structs + plan.arrays + random.below(plan.funcs as usize) as u32),
            12 => named(AbstractHeapType::Func),
            13 => named(AbstractHeapType::Extern),
            14 => named(AbstractHeapType::I31),
            15 => named(AbstractHeapType::Eq),
            16 => named(AbstractHeapType::Struct),
            17 => named(AbstractHeapType::Array),
            18 if self.style == Style::Modern => named(AbstractHeapType::Exn),
            _ => HeapType::ANY,
        };
        let is_earlier = matches!(heap, HeapType::Concrete(index) if (index as usize) < self.defs.len());
        if is_earlier && random.one_in(6) { non_null(heap) } else { nullable(heap) }
    }

    /// A type of values of the finished group.
    pub(super) fn random_value(&self, random: &mut Random) -> ValType {
        let count = |fits: fn(&Def) -> bool| self.of_kind(fits).count() as u32;
        let plan = Plan {
            structs: count(|def| matches!(def, Def::Struct(_))),
            arrays: count(|def| matches!(def, Def::Array(_))),
            funcs: count(|def| matches!(def, Def::Func(..))),
        };
        self.value(random, &plan)
    }

    /// What a type is.
    pub(super) fn def(&self, index: u32) -> &Def {
        &self.defs[index as usize].def
    }

    /// The types of the recursion group of a kind.
    pub(super) fn of_kind(&self, fits: impl Fn(&Def) -> bool) -> impl Iterator<Item = u32> {
        let count = if self.group == 0 { self.defs.len() } else { self.group };
        (0..count as u32).filter(move |&index| fits(self.def(index)))
    }

    /// The structures.
    pub(super) fn structs(&self) -> Vec<u32> {
        self.of_kind(|def| matches!(def, Def::Struct(_))).collect()
    }

    /// The arrays.
    pub(super) fn arrays(&self) -> Vec<u32> {
        self.of_kind(|def| matches!(def, Def::Array(_))).collect()
    }

    /// The functions' types that structures may name.
    pub(super) fn funcs(&self) -> Vec<u32> {
        self.of_kind(|def| matches!(def, Def::Func(..))).collect()
    }

    /// The fields of a structure; none of anything else.
    pub(super) fn fields(&self, index: u32) -> &[FieldType] {
        match self.def(index) {
            Def::Struct(fields) => fields,
            _ => &[],
        }
    }

    /// What an array holds.
    pub(super) fn element(&self, index: u32) -> Option<FieldType> {
        match self.def(index) {
            Def::Array(element) => Some(*element),
            _ => None,
        }
    }

    /// Parameters and results of a function's type.
    pub(super) fn signature(&self, index: u32) -> (Vec<ValType>, Vec<ValType>) {
        match self.def(index) {
            Def::Func(params, results) => (params.clone(), results.clone()),
            _ => (Vec::new(), Vec::new()),
        }
    }

    /// A function's type outside of the recursion group.
    pub(super) fn func(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let same = |defined: &Defined| matches!(&defined.def, Def::Func(p, r) if p == params && r == results);
        let known = self.defs.iter().skip(self.group).position(same);
        let position = known.map_or(self.defs.len(), |position| self.group + position);
        if known.is_none() {
            self.defs.push(Defined { def: Def::Func(params.to_vec(), results.to_vec()), parent: None });
        }
        position as u32
    }

    /// The type of a block with these results.
    pub(super) fn block(&mut self, results: &[ValType]) -> BlockType {
        match results {
            [] => BlockType::Empty,
            [one] => BlockType::Result(*one),
            more => BlockType::FunctionType(self.func(&[], more)),
        }
    }

    /// The heap types directly above.
    fn above(&self, heap: HeapType) -> Option<HeapType> {
        use AbstractHeapType::{Any, Array, Eq, Func, I31, Struct};
        match heap {
            HeapType::Concrete(index) => Some(match self.defs[index as usize].parent {
                Some(parent) => HeapType::Concrete(parent),
                None => named(match self.def(index) {
                    Def::Struct(_) => Struct,
                    Def::Array(_) => Array,
                    Def::Func(..) => Func,
                }),
            }),
            HeapType::Abstract { ty: Struct | Array | I31, .. } => Some(named(Eq)),
            HeapType::Abstract { ty: Eq, .. } => Some(named(Any)),
            _ => None,
        }
    }

    /// The most general type above.
    pub(super) fn top(&self, heap: HeapType) -> HeapType {
        self.above(heap).map_or(heap, |above| self.top(above))
    }

    fn is_heap_subtype(&self, sub: HeapType, of: HeapType) -> bool {
        sub == of || self.above(sub).is_some_and(|above| self.is_heap_subtype(above, of))
    }

    /// Whether values of one type are values of the other.
    pub(super) fn is_subtype(&self, sub: ValType, of: ValType) -> bool {
        match (sub, of) {
            (ValType::Ref(sub), ValType::Ref(of)) => {
                (of.nullable || !sub.nullable) && self.is_heap_subtype(sub.heap_type, of.heap_type)
            }
            _ => sub == of,
        }
    }

    /// Those types of the group that are a heap type or below it.
    pub(super) fn below(&self, heap: HeapType) -> Vec<u32> {
        (0..self.group as u32).filter(|&index| self.is_heap_subtype(HeapType::Concrete(index), heap)).collect()
    }

    /// The section.
    pub(super) fn section(&self) -> TypeSection {
        let mut section = TypeSection::new();
        let subtype = |defined: &Defined| {
            let inner = match &defined.def {
                Def::Struct(fields) => CompositeInnerType::Struct(StructType { fields: fields.clone().into() }),
                Def::Array(element) => CompositeInnerType::Array(ArrayType(*element)),
                Def::Func(params, results) => CompositeInnerType::Func(FuncType::new(params.clone(), results.clone())),
            };
            let composite_type = CompositeType { inner, shared: false, descriptor: None, describes: None };
            let is_final = matches!(defined.def, Def::Func(..));
            SubType { is_final, supertype_idxs: defined.parent.into_iter().collect(), composite_type }
        };
        section.ty().rec(self.defs[..self.group].iter().map(subtype));
        for defined in &self.defs[self.group..] {
            section.ty().subtype(&subtype(defined));
        }
        section
    }
}

/// How many types of each kind the group will have.
struct Plan {
    structs: u32,
    arrays: u32,
    funcs: u32,
}

/// One of them, if there is one.
pub(super) fn pick<T>(random: &mut Random, items: impl IntoIterator<Item = T>) -> Option<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    if items.is_empty() { None } else { Some(items.swap_remove(random.below(items.len()))) }
}
