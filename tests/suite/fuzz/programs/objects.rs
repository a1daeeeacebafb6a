//! References and what they lead to: new objects, casts, fields and elements.

use wasm_encoder::{AbstractHeapType, BlockType, FieldType, HeapType, RefType, StorageType, ValType};

use super::body::{Body, Label};
use super::expressions::EQ;
use super::types::{Def, has_default, named, non_null, nullable, pick, unpacked};
use super::{DATA_BYTES, FUNC_SEGMENT, FUNCS, I31_SEGMENT, OBJECTS, SEGMENT_LEN, TABLE_LEN};

/// The longest array is one shorter.
const LENGTHS: usize = 40;

impl Body<'_> {
    /// A reference that needs little code.
    pub(super) fn new_reference(&mut self, ty: RefType) {
        use AbstractHeapType::{Any, Array, Eq, Extern, Func, I31, Struct};
        if ty.nullable && (self.budget < 0 || self.random.one_in(3)) {
            self.sink().ref_null(ty.heap_type);
            return;
        }
        self.budget -= 1;
        match ty.heap_type {
            HeapType::Concrete(index) => match self.program.types.def(index) {
                Def::Struct(_) => self.new_struct(index, 0),
                Def::Array(_) => self.new_array(index, 0),
                Def::Func(..) => {
                    let func = self.func_of(Some(index));
                    self.sink().ref_func(func);
                }
            },
            HeapType::Abstract { ty: Any | Eq | I31, .. } => {
                self.leaf(ValType::I32);
                self.sink().ref_i31();
            }
            HeapType::Abstract { ty: kind @ (Struct | Array), .. } => match self.type_below(super::named(kind)) {
                Some(index) => self.new_reference(non_null(HeapType::Concrete(index))),
                None => {
                    self.sink().unreachable();
                }
            },
            HeapType::Abstract { ty: Func, .. } => {
                let func = self.func_of(None);
                self.sink().ref_func(func);
            }
            HeapType::Abstract { ty: Extern, .. } => {
                self.new_reference(non_null(EQ));
                self.sink().extern_convert_any();
            }
            // References to exceptions are always wanted with null.
            other => {
                self.sink().ref_null(other);
            }
        }
    }

    /// A reference that is made with some effort.
    pub(super) fn reference_operator(&mut self, ty: RefType, depth: u32) {
        use AbstractHeapType::{Any, Array, Eq, Exn, Extern, Func, I31, Struct};
        if self.random.one_in(5) && self.cast(ty, depth) {
            return;
        }
        match ty.heap_type {
            HeapType::Concrete(index) => match self.program.types.def(index) {
                Def::Func(..) => self.new_reference(ty),
                _ => {
                    let index = self.type_below(ty.heap_type).unwrap_or(index);
                    self.new_object(index, depth);
                }
            },
            HeapType::Abstract { ty: Any, .. } if ty.nullable && self.random.one_in(3) => {
                if self.random.one_in(2) {
                    self.small(TABLE_LEN, depth);
                    self.sink().table_get(OBJECTS);
                } else {
                    self.expression(ValType::EXTERNREF, depth);
                    self.sink().any_convert_extern();
                }
            }
            HeapType::Abstract { ty: Any | Eq, .. } if self.random.one_in(3) => {
                self.expression(ValType::I32, depth);
                self.sink().ref_i31();
            }
            HeapType::Abstract { ty: kind @ (Any | Eq | Struct | Array), .. } => match self.type_below(super::named(kind)) {
                Some(index) => self.new_object(index, depth),
                None => self.new_reference(ty),
            },
            HeapType::Abstract { ty: I31, .. } => {
                self.expression(ValType::I32, depth);
                self.sink().ref_i31();
            }
            HeapType::Abstract { ty: Func, .. } if ty.nullable => {
                self.small(TABLE_LEN, depth);
                self.sink().table_get(FUNCS);
            }
            HeapType::Abstract { ty: Extern, .. } => {
                let heap = if ty.nullable { nullable(HeapType::ANY) } else { non_null(HeapType::ANY) };
                self.expression(ValType::Ref(heap), depth);
                self.sink().extern_convert_any();
            }
            HeapType::Abstract { ty: Exn, .. } => self.exception(depth),
            _ => self.new_reference(ty),
        }
    }

    fn new_object(&mut self, index: u32, depth: u32) {
        match self.program.types.def(index) {
            Def::Struct(_) => self.new_struct(index, depth),
            Def::Array(_) => self.new_array(index, depth),
            Def::Func(..) => {
                let func = self.func_of(Some(index));
                self.sink().ref_func(func);
            }
        }
    }

    fn value(&mut self, ty: ValType, depth: u32) {
        if depth == 0 { self.leaf(ty) } else { self.expression(ty, depth) }
    }

    /// A structure; its fields are as deep as is said.
    pub(super) fn new_struct(&mut self, index: u32, depth: u32) {
        let fields = self.program.types.fields(index).to_vec();
        let may_default = fields.iter().all(|field| has_default(field.element_type));
        if may_default && (self.budget < 0 || self.random.one_in(6)) {
            self.sink().struct_new_default(index);
            return;
        }
        for field in fields {
            self.value(unpacked(field.element_type), depth.saturating_sub(1));
        }
        self.sink().struct_new(index);
    }

    /// A number below a bound: known, or computed.
    pub(super) fn small(&mut self, bound: u32, depth: u32) {
        if depth == 0 || self.random.one_in(2) {
            let number = self.random.below(bound as usize) as i32;
            self.sink().i32_const(number);
        } else {
            self.expression(ValType::I32, depth.min(2));
            self.sink().i32_const(bound as i32).i32_rem_u();
        }
    }

    /// An array.
    pub(super) fn new_array(&mut self, index: u32, depth: u32) {
        let Some(element) = self.program.types.element(index) else { return };
        let ty = unpacked(element.element_type);
        match self.random.below(8) {
            0..=2 if has_default(element.element_type) => {
                self.small(LENGTHS as u32, depth);
                self.sink().array_new_default(index);
            }
            3 if matches!(self.segment_for(element.element_type), Some(Segment::Data(_))) => {
                self.segment_range(DATA_BYTES / 16, depth);
                self.sink().array_new_data(index, 0);
            }
            3 => match self.segment_for(element.element_type) {
                Some(Segment::Elements(segment)) => {
                    self.segment_range(SEGMENT_LEN / 2 + 1, depth);
                    self.sink().array_new_elem(index, segment);
                }
                _ => self.new_fixed(index, ty, depth),
            },
            4 | 5 => {
                self.value(ty, depth.saturating_sub(1));
                self.small(LENGTHS as u32, depth);
                self.sink().array_new(index);
            }
            _ => self.new_fixed(index, ty, depth),
        }
    }

    fn new_fixed(&mut self, index: u32, ty: ValType, depth: u32) {
        let count = if self.budget < 0 { 1 } else { self.random.below(6) };
        for _ in 0..count {
            self.value(ty, depth.saturating_sub(1));
        }
        self.sink().array_new_fixed(index, count as u32);
    }

    /// Where such elements can be had from.
    pub(super) fn segment_for(&self, storage: StorageType) -> Option<Segment> {
        let from = |ty: RefType| self.program.types.is_subtype(ValType::Ref(ty), unpacked(storage));
        match storage {
            StorageType::I8 => Some(Segment::Data(1)),
            StorageType::I16 => Some(Segment::Data(2)),
            StorageType::Val(ValType::I32 | ValType::F32) => Some(Segment::Data(4)),
            StorageType::Val(ValType::I64 | ValType::F64) => Some(Segment::Data(8)),
            StorageType::Val(ValType::V128) => Some(Segment::Data(16)),
            StorageType::Val(ValType::Ref(_)) if from(RefType::FUNCREF) => Some(Segment::Elements(FUNC_SEGMENT)),
            StorageType::Val(ValType::Ref(_)) if from(non_null(named(AbstractHeapType::I31))) => {
                Some(Segment::Elements(I31_SEGMENT))
            }
            StorageType::Val(ValType::Ref(_)) => None,
        }
    }

    /// Where to begin and how many, seldom too many.
    pub(super) fn segment_range(&mut self, bound: u32, depth: u32) {
        self.small(bound, depth);
        if self.random.one_in(20) {
            self.sink().i32_const(100);
        } else {
            self.small(bound, depth);
        }
    }

    // ---- Casts ----

    /// A reference of which a cast to the type has something to say.
    fn source_of_cast(&mut self, heap: HeapType) -> Option<RefType> {
        use AbstractHeapType::{Any, Array, Eq, I31, Struct};
        let is_abstract_object = matches!(heap, HeapType::Abstract { ty: Any | Eq | Struct | Array | I31, .. });
        if !is_abstract_object && !matches!(heap, HeapType::Concrete(_)) {
            return None;
        }
        Some(match self.program.types.top(heap) {
            HeapType::Abstract { ty: Any, .. } if self.random.one_in(3) => {
                let is_below_eq = heap != HeapType::ANY;
                nullable(if is_below_eq { EQ } else { HeapType::ANY })
            }
            top => nullable(top),
        })
    }

    /// Takes a reference for what it perhaps is, and something else where it is not; whether there is a cast to the type.
    fn cast(&mut self, ty: RefType, depth: u32) -> bool {
        let Some(from) = self.source_of_cast(ty.heap_type) else { return false };
        let to = if ty.nullable && self.random.one_in(2) { ty } else { non_null(ty.heap_type) };
        match self.random.below(9) {
            0 => {
                self.expression(ValType::Ref(from), depth);
                if to.nullable {
                    self.sink().ref_cast_nullable(to.heap_type);
                } else {
                    self.sink().ref_cast_non_null(to.heap_type);
                }
            }
            1..=4 => {
                let label = self.open_block(BlockType::Result(ValType::Ref(to)));
                self.expression(ValType::Ref(from), depth);
                let target = self.to(label);
                self.sink().br_on_cast(target, from, to).drop();
                self.value(ValType::Ref(to), depth);
                self.close();
            }
            _ => {
                let done = self.open_block(BlockType::Result(ValType::Ref(to)));
                // What fails a cast that takes null is not null.
                let rest = if to.nullable { non_null(from.heap_type) } else { from };
                let failed = self.open_block(BlockType::Result(ValType::Ref(rest)));
                self.expression(ValType::Ref(from), depth);
                let target = self.to(failed);
                self.sink().br_on_cast_fail(target, from, to);
                self.branch(done);
                self.close();
                self.sink().drop();
                self.value(ValType::Ref(to), depth);
                self.close();
            }
        }
        true
    }

    /// Whether a reference is of a type: 0 or 1.
    pub(super) fn test(&mut self, depth: u32) {
        let to = loop {
            if let ValType::Ref(ty) = self.some_type() {
                break ty;
            }
        };
        let Some(from) = self.source_of_cast(to.heap_type) else { return self.leaf(ValType::I32) };
        self.expression(ValType::Ref(from), depth);
        if to.nullable {
            self.sink().ref_test_nullable(to.heap_type);
        } else {
            self.sink().ref_test_non_null(to.heap_type);
        }
    }

    // ---- Fields and elements ----

    fn read_packed(&mut self, storage: StorageType) -> Option<bool> {
        matches!(storage, StorageType::I8 | StorageType::I16).then(|| self.random.one_in(2))
    }

    fn get_field(&mut self, index: u32, field: u32, storage: StorageType) {
        let packed = self.read_packed(storage);
        let mut sink = self.sink();
        match packed {
            None => sink.struct_get(index, field),
            Some(true) => sink.struct_get_s(index, field),
            Some(false) => sink.struct_get_u(index, field),
        };
    }

    /// Reads a field of such a type; whether there is one.
    pub(super) fn read_field(&mut self, ty: ValType, depth: u32) -> bool {
        let types = &self.program.types;
        let mut fitting = Vec::new();
        for index in types.structs() {
            for (field, def) in (0u32..).zip(types.fields(index)) {
                if types.is_subtype(unpacked(def.element_type), ty) {
                    fitting.push((index, field, def.element_type));
                }
            }
        }
        let Some((index, field, storage)) = pick(self.random, fitting) else { return false };
        let object = HeapType::Concrete(index);
        if self.random.one_in(16) {
            self.expression(ValType::Ref(nullable(object)), depth);
            self.get_field(index, field, storage);
            return true;
        }
        let done = self.open_block(BlockType::Result(ty));
        let null = self.open_block(BlockType::Empty);
        self.expression(ValType::Ref(nullable(object)), depth);
        let to = self.to(null);
        self.sink().br_on_null(to);
        self.get_field(index, field, storage);
        self.branch(done);
        self.close();
        self.value(ty, depth.min(1));
        self.close();
        true
    }

    /// Reads an element of such a type; whether there is an array of them.
    pub(super) fn read_element(&mut self, ty: ValType, depth: u32) -> bool {
        let types = &self.program.types;
        let element = |index: u32| types.element(index).map(|element| (index, element.element_type));
        let fits = |found: &(u32, StorageType)| types.is_subtype(unpacked(found.1), ty);
        let fitting: Vec<(u32, StorageType)> = types.arrays().into_iter().filter_map(element).filter(fits).collect();
        let Some((index, storage)) = pick(self.random, fitting) else { return false };
        let done = self.open_block(BlockType::Result(ty));
        let absent = self.open_block(BlockType::Empty);
        self.place(index, depth, absent);
        let packed = self.read_packed(storage);
        let mut sink = self.sink();
        match packed {
            None => sink.array_get(index),
            Some(true) => sink.array_get_s(index),
            Some(false) => sink.array_get_u(index),
        };
        self.branch(done);
        self.close();
        self.value(ty, depth.min(1));
        self.close();
        true
    }

    /// An array and an index, nearly always one that it has; leaves by a label where there is none.
    pub(super) fn place(&mut self, index: u32, depth: u32, absent: Label) {
        let ty = ValType::Ref(nullable(HeapType::Concrete(index)));
        let (array, at) = (self.local(ty), self.local(ValType::I32));
        self.expression(ValType::I32, depth.min(2));
        self.sink().local_set(at);
        self.expression(ty, depth);
        let to = self.to(absent);
        self.sink().local_tee(array).br_on_null(to).array_len().i32_eqz().br_if(to);
        self.sink().local_get(array).local_get(at);
        if !self.random.one_in(30) {
            self.sink().local_get(array).array_len().i32_rem_u();
        }
    }

    /// A structure or array that can be changed, and where.
    pub(super) fn mutable_field(&mut self) -> Option<(u32, u32, FieldType)> {
        let types = &self.program.types;
        let mut mutable = Vec::new();
        for index in types.structs() {
            let fields = (0u32..).zip(types.fields(index)).filter(|(_, field)| field.mutable);
            mutable.extend(fields.map(|(position, field)| (index, position, *field)));
        }
        pick(self.random, mutable)
    }

    /// An array whose elements can be changed.
    pub(super) fn mutable_array(&mut self) -> Option<(u32, FieldType)> {
        let types = &self.program.types;
        let arrays = types.arrays().into_iter().filter_map(|index| types.element(index).map(|element| (index, element)));
        let mutable: Vec<_> = arrays.filter(|(_, element)| element.mutable).collect();
        pick(self.random, mutable)
    }
}

/// What a passive segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    /// Bytes, so many an element.
    Data(u32),
    /// References.
    Elements(u32),
}
