//! Expressions: code that leaves one value of a wanted type on the stack.

use wasm_encoder::{BlockType, MemArg, MemArgTarget, ValType};

use super::body::Body;
use super::types::{as_local, non_null, nullable, pick};
use super::{AbstractHeapType, HeapType, named};

/// The reference type that everything with an identity of its own has.
pub(super) const EQ: HeapType = HeapType::Abstract { shared: false, ty: AbstractHeapType::Eq };

const ANYREF: ValType = ValType::Ref(wasm_encoder::RefType { nullable: true, heap_type: HeapType::ANY });

/// Eight bytes of the memory.
pub(super) const WORD: MemArg = MemArg { offset: 0, align: 3, target: MemArgTarget::Memory(0), ordering: None };

/// Where addresses of 8 bytes lie.
const ADDRESS_MASK: i32 = 0xfff8;

impl Body<'_> {
    /// A value of a type, made in some way.
    pub(super) fn expression(&mut self, ty: ValType, depth: u32) {
        self.budget -= 1;
        if depth == 0 || self.budget < 0 {
            return self.leaf(ty);
        }
        let depth = depth - 1;
        match self.random.below(20) {
            0 | 1 => self.leaf(ty),
            2 => self.conditional(ty, depth),
            3 => {
                self.expression(ty, depth);
                self.expression(ty, depth);
                self.condition(depth);
                self.sink().typed_select(ty);
            }
            4 => {
                let label = self.open_block(BlockType::Result(ty));
                self.statement(depth);
                self.expression(ty, depth);
                if self.random.one_in(2) {
                    self.condition(depth);
                    let to = self.to(label);
                    self.sink().br_if(to);
                }
                self.close();
            }
            5 | 6 => self.try_(Some(ty), depth),
            7 if self.call_for(ty, depth) => {}
            8..=10 if self.read_field(ty, depth) => {}
            11 | 12 if self.read_element(ty, depth) => {}
            _ => self.operator(ty, depth),
        }
    }

    /// A value of a type that needs little code.
    pub(super) fn leaf(&mut self, ty: ValType) {
        if !self.random.one_in(4) && self.variable(ty) {
            return;
        }
        let number = self.number();
        if let ValType::Ref(ty) = ty {
            return self.new_reference(ty);
        }
        let mut sink = self.sink();
        match ty {
            ValType::I32 => sink.i32_const(number as i32),
            ValType::I64 => sink.i64_const(number),
            ValType::F32 => sink.f32_const((f32::from(number as i16) / 8.0).into()),
            ValType::F64 => sink.f64_const((f64::from(number as i32) / 8.0).into()),
            ValType::V128 | ValType::Ref(_) => sink.v128_const(i128::from(number) << 60 | i128::from(number)),
        };
    }

    fn number(&mut self) -> i64 {
        match self.random.below(4) {
            0 => self.random.next_u64() as i64,
            _ => self.random.below(20) as i64 - 4,
        }
    }

    /// A local, a global or an element of a table; whether there is one.
    fn variable(&mut self, ty: ValType) -> bool {
        if let ValType::Ref(wanted) = ty
            && !wanted.nullable
        {
            return self.variable_or_new(wanted.heap_type);
        }
        if self.random.one_in(2)
            && let Some(global) = self.global_of(ty, false)
        {
            self.sink().global_get(global);
            return true;
        }
        if let Some(local) = self.local_of(ty) {
            self.sink().local_get(local);
            return true;
        }
        false
    }

    /// What a variable holds, or something new where that is null.
    fn variable_or_new(&mut self, heap: HeapType) -> bool {
        let (null, ty) = (ValType::Ref(nullable(heap)), ValType::Ref(non_null(heap)));
        if self.budget < 0 || heap == named(AbstractHeapType::Exn) {
            return false;
        }
        self.budget -= 1;
        let label = self.open_block(BlockType::Result(ty));
        let found = self.variable(null);
        if found {
            let to = self.to(label);
            self.sink().br_on_non_null(to);
        }
        self.new_reference(non_null(heap));
        self.close();
        true
    }

    /// A global whose values are of the type.
    pub(super) fn global_of(&mut self, ty: ValType, to_write: bool) -> Option<u32> {
        let program = &self.program;
        let fits = |index: &u32| {
            let (global, mutable) = program.globals[*index as usize];
            let is_fit = if to_write { mutable && global == ty } else { program.types.is_subtype(global, ty) };
            // The first holds fuel.
            is_fit && *index > 0
        };
        pick(self.random, (1..program.globals.len() as u32).filter(fits))
    }

    /// A number that is often zero and often not.
    pub(super) fn condition(&mut self, depth: u32) {
        self.expression(ValType::I32, depth.min(2));
        let mask = [1, 3, 6][self.random.below(3)];
        self.sink().i32_const(mask).i32_and();
    }

    fn conditional(&mut self, ty: ValType, depth: u32) {
        self.condition(depth);
        self.open_if(BlockType::Result(ty));
        self.expression(ty, depth);
        self.sink().else_();
        self.expression(ty, depth);
        self.close();
    }

    fn operator(&mut self, ty: ValType, depth: u32) {
        match ty {
            ValType::I32 => self.i32_operator(depth),
            ValType::I64 => self.i64_operator(depth),
            ValType::F32 => self.f32_operator(depth),
            ValType::F64 => self.f64_operator(depth),
            ValType::V128 => {
                self.expression(ValType::I64, depth);
                self.sink().i64x2_splat();
            }
            ValType::Ref(ty) => self.reference_operator(ty, depth),
        }
    }

    fn i32_operator(&mut self, depth: u32) {
        match self.random.below(12) {
            0..=2 => {
                self.expression(ValType::I32, depth);
                self.expression(ValType::I32, depth);
                let choice = self.random.below(7);
                let mut sink = self.sink();
                match choice {
                    0 => sink.i32_add(),
                    1 => sink.i32_sub(),
                    2 => sink.i32_mul(),
                    3 => sink.i32_xor(),
                    4 => sink.i32_shl(),
                    5 => sink.i32_lt_s(),
                    _ => sink.i32_const(1).i32_or().i32_rem_u(),
                };
            }
            3 => {
                self.expression(ValType::I64, depth);
                self.sink().i32_wrap_i64();
            }
            4 | 5 => self.test(depth),
            6 => {
                let ty = self.some_type();
                let ValType::Ref(ty) = as_local(ty) else { return self.leaf(ValType::I32) };
                self.expression(ValType::Ref(ty), depth);
                self.sink().ref_is_null();
            }
            7 => {
                self.expression(ValType::Ref(nullable(EQ)), depth);
                self.expression(ValType::Ref(nullable(EQ)), depth);
                self.sink().ref_eq();
            }
            8 | 9 => {
                let is_risky = self.random.one_in(12);
                let i31 = named(AbstractHeapType::I31);
                let ty = if is_risky { nullable(i31) } else { non_null(i31) };
                self.expression(ValType::Ref(ty), depth);
                let is_signed = self.random.one_in(2);
                let mut sink = self.sink();
                if is_signed {
                    sink.i31_get_s()
                } else {
                    sink.i31_get_u()
                };
            }
            10 => {
                let is_risky = self.random.one_in(12);
                let array = named(AbstractHeapType::Array);
                let ty = if is_risky { nullable(array) } else { non_null(array) };
                self.expression(ValType::Ref(ty), depth);
                self.sink().array_len();
            }
            _ => {
                self.expression(ValType::I32, depth);
                self.expression(ValType::I32, depth);
                // Now and then by zero.
                if !self.random.one_in(4) {
                    self.sink().i32_const(2).i32_or();
                }
                self.sink().i32_div_u();
            }
        }
    }

    fn i64_operator(&mut self, depth: u32) {
        match self.random.below(8) {
            0 | 1 => {
                self.expression(ValType::I64, depth);
                self.expression(ValType::I64, depth);
                let choice = self.random.below(4);
                let mut sink = self.sink();
                match choice {
                    0 => sink.i64_add(),
                    1 => sink.i64_sub(),
                    2 => sink.i64_mul(),
                    _ => sink.i64_rotl(),
                };
            }
            2 => {
                self.expression(ValType::I32, depth);
                self.sink().i64_extend_i32_s();
            }
            3 => {
                self.expression(ValType::F64, depth);
                self.sink().i64_reinterpret_f64();
            }
            4 => {
                self.address(depth);
                self.sink().i64_load(WORD);
            }
            _ => {
                self.expression(ANYREF, depth);
                let digest = self.program.digest();
                self.sink().i32_const(2).call(digest);
            }
        }
    }

    /// Floats are moved and not computed with, so that there is one answer for NaNs.
    fn f32_operator(&mut self, depth: u32) {
        if self.random.one_in(2) {
            self.expression(ValType::I32, depth);
            self.sink().f32_reinterpret_i32();
        } else {
            self.expression(ValType::F32, depth);
            self.sink().f32_neg();
        }
    }

    fn f64_operator(&mut self, depth: u32) {
        match self.random.below(3) {
            0 => {
                self.expression(ValType::I64, depth);
                self.sink().f64_reinterpret_i64();
            }
            1 => {
                self.expression(ValType::I32, depth);
                self.sink().f64_convert_i32_s();
            }
            _ => {
                self.expression(ValType::F64, depth);
                self.sink().f64_abs();
            }
        }
    }

    /// An address of 8 bytes of the memory.
    pub(super) fn address(&mut self, depth: u32) {
        self.expression(ValType::I32, depth);
        self.sink().i32_const(ADDRESS_MASK).i32_and();
    }

    /// Calls a function that returns one such value; whether there is one.
    fn call_for(&mut self, ty: ValType, depth: u32) -> bool {
        let program = &self.program;
        let fits = |index: &u32| {
            let (_, results) = program.types.signature(*index);
            results.len() == 1 && program.types.is_subtype(results[0], ty)
        };
        let fitting: Vec<u32> = program.types.funcs().into_iter().filter(fits).collect();
        let Some(func_type) = pick(self.random, fitting) else { return false };
        self.call(func_type, depth);
        true
    }
}
