//! The value stack, and what else translation remembers; its allocations serve one function after another.
//!
//! A value on the stack may have a narrower or more precise type than its WebAssembly type: a comparison is an `i8` that is 0
//! or 1, a vector has the lanes of the operator that made it. [`Translator::pop`] widens the first, [`Translator::canonical`]
//! makes both what block boundaries expect, and only [`Translator::pop_raw`] sees them as they are.

use std::collections::HashMap;

use cranelift_codegen::entity::packed_option::{PackedOption, ReservedValue};
use cranelift_codegen::entity::{EntityRef, SecondaryMap};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F32, F64, I8, I8X16, I32, I64};
use cranelift_codegen::ir::{Endianness, FuncRef, InstBuilder, MemFlagsData, SigRef, StackSlot, Type, Value};
use cranelift_frontend::Variable;

use crate::abi::artifact::InlinedBody;
use crate::abi::builtins::Builtin;
use crate::abi::fields::StructLayout;
use crate::base::sync::Arc;
use crate::base::{FuncIndex, GlobalIndex, TypeIndex};
use crate::codegen::optimizing::exception::{ReturningCall, Try};
use crate::codegen::optimizing::frame::Frame;
use crate::codegen::optimizing::func::Translator;
use crate::codegen::optimizing::local::FrameLocals;
use crate::codegen::optimizing::signature::SlotType;
use crate::wasm::validate::Features;

/// What translation remembers of one function.
#[derive(Default)]
pub(super) struct State {
    /// Operands.
    pub values: Vec<Value>,
    /// Open blocks.
    pub frames: Vec<Frame>,
    /// Open bodies of `try`, by their frames.
    pub tries: Vec<Try>,
    /// Variables of closed blocks, by type, for the next block: Cranelift's tables grow with blocks times variables.
    pub free_variables: [Vec<Variable>; 6],
    /// Signatures declared.
    pub signatures: Declared<TypeIndex, SigRef>,
    /// Functions declared.
    pub functions: Declared<FuncIndex, FuncRef>,
    /// Signatures for calls that have a handler, by those for calls that have none.
    pub catching_signatures: Declared<SigRef, SigRef>,
    /// The same of functions.
    pub catching_functions: Declared<FuncRef, FuncRef>,
    /// Calls that return with an exception if one comes out of them.
    pub returning_calls: Vec<ReturningCall>,
    /// Signatures of builtins declared.
    pub builtins: [Option<SigRef>; Builtin::ALL.len()],
    /// Constants of the vmctx that the entry block has loaded, by offset.
    pub constants: Vec<(u32, Value)>,
    /// Arguments of the call at hand.
    pub arguments: Vec<Value>,
    /// Stack memory for the results of calls, and its size so far.
    pub area: Option<(StackSlot, u32)>,
    /// Counts `br_table`s, to tell which labels one has met already.
    pub table_stamp: u32,
    /// The frame of the loop that is unrolled, while its body is translated.
    pub unrolled: Option<usize>,
    /// Defined globals that have a region of their own.
    pub global_regions: Vec<GlobalIndex>,
    /// Locals that are in the frame.
    pub frame_locals: FrameLocals,
    /// Layouts of structures met.
    pub struct_layouts: HashMap<TypeIndex, Arc<StructLayout>>,
    /// Bodies in the place of calls, and their bytes.
    pub inlined: Vec<InlinedBody>,
    pub inlined_bytes: usize,
    /// Features met.
    pub detected: Features,
}

impl State {
    /// Forgets the last function, however its translation ended.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.frames.clear();
        self.tries.clear();
        self.free_variables.iter_mut().for_each(Vec::clear);
        self.signatures.clear();
        self.functions.clear();
        self.catching_signatures.clear();
        self.catching_functions.clear();
        self.returning_calls.clear();
        self.builtins = Default::default();
        self.constants.clear();
        self.arguments.clear();
        self.area = None;
        self.table_stamp = 0;
        self.unrolled = None;
        self.global_regions.clear();
        self.frame_locals.clear();
        self.struct_layouts.clear();
        self.inlined.clear();
        self.inlined_bytes = 0;
        self.detected = Features::empty();
    }
}

/// A sparse map that is cheap to clear.
pub(super) struct Declared<K: EntityRef, V: ReservedValue + Copy> {
    by_index: SecondaryMap<K, PackedOption<V>>,
    set: Vec<K>,
}

impl<K: EntityRef, V: ReservedValue + Copy> Declared<K, V> {
    /// The value of a key.
    pub(super) fn get(&self, key: K) -> Option<V> {
        self.by_index[key].expand()
    }

    /// Sets the value of a key that has none.
    pub(super) fn set(&mut self, key: K, value: V) {
        self.by_index[key] = value.into();
        self.set.push(key);
    }

    fn clear(&mut self) {
        for key in self.set.drain(..) {
            self.by_index[key] = PackedOption::default();
        }
    }
}

impl<K: EntityRef, V: ReservedValue + Copy> Default for Declared<K, V> {
    fn default() -> Self {
        Declared { by_index: SecondaryMap::new(), set: Vec::new() }
    }
}

/// Position of a type in [`State::free_variables`].
fn pool(ty: SlotType) -> usize {
    match ty.clif {
        _ if ty.in_heap => 5,
        I32 => 0,
        I64 => 1,
        F32 => 2,
        F64 => 3,
        _ => 4,
    }
}

impl Translator<'_> {
    /// Pushes a result.
    pub(super) fn push(&mut self, value: Value) {
        self.state.values.push(value);
    }

    /// Pops a value as it is.
    pub(super) fn pop_raw(&mut self) -> Value {
        self.state.values.pop().expect("validation keeps the stack balanced")
    }

    /// Pops a value that is no vector.
    pub(super) fn pop(&mut self) -> Value {
        let value = self.pop_raw();
        if self.builder.func.dfg.value_type(value) == I8 { self.builder.ins().uextend(I32, value) } else { value }
    }

    /// Pops two values that are no vectors, the topmost last.
    pub(super) fn pop2(&mut self) -> (Value, Value) {
        let second = self.pop();
        (self.pop(), second)
    }

    /// Pops a vector with the given lanes.
    pub(super) fn pop_vector(&mut self, ty: Type) -> Value {
        let value = self.pop_raw();
        self.as_vector(ty, value)
    }

    /// Pops two vectors with the given lanes, the topmost last.
    pub(super) fn pop2_vectors(&mut self, ty: Type) -> (Value, Value) {
        let second = self.pop_vector(ty);
        (self.pop_vector(ty), second)
    }

    /// Pops something to branch on: anything but zero is true.
    pub(super) fn pop_condition(&mut self) -> Value {
        let value = self.pop_raw();
        self.as_countdown(value)
    }

    /// Pops a value in the type that block boundaries expect.
    pub(super) fn pop_canonical(&mut self) -> Value {
        let value = self.pop_raw();
        self.canonical(value)
    }

    /// A value in the type that block boundaries expect.
    pub(super) fn canonical(&mut self, value: Value) -> Value {
        match self.builder.func.dfg.value_type(value) {
            I8 => self.builder.ins().uextend(I32, value),
            ty if ty.is_vector() => self.as_vector(I8X16, value),
            _ => value,
        }
    }

    /// A vector with the given lanes.
    pub(super) fn as_vector(&mut self, ty: Type, value: Value) -> Value {
        if self.builder.func.dfg.value_type(value) == ty {
            return value;
        }
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        self.builder.ins().bitcast(ty, flags, value)
    }

    /// Makes the topmost values canonical where they are, and says where they begin.
    pub(super) fn canonical_top(&mut self, count: usize) -> usize {
        let start = self.state.values.len() - count;
        for position in start..start + count {
            let value = self.state.values[position];
            self.state.values[position] = self.canonical(value);
        }
        start
    }

    /// A variable that no open block uses.
    pub(super) fn take_variable(&mut self, ty: SlotType) -> Variable {
        match self.state.free_variables[pool(ty)].pop() {
            Some(variable) => variable,
            None => self.new_variable(ty),
        }
    }

    /// Gives a variable back.
    pub(super) fn free_variable(&mut self, ty: SlotType, variable: Variable) {
        self.state.free_variables[pool(ty)].push(variable);
    }

    /// An `i64` from an address or index of a memory or table.
    pub(super) fn index64(&mut self, value: Value, is64: bool) -> Value {
        if is64 { value } else { self.zero_extend(value) }
    }

    /// An address or size, as the guest sees it, from an `i64`.
    pub(super) fn guest_size(&mut self, value: Value, is64: bool) -> Value {
        if is64 { value } else { self.builder.ins().ireduce(I32, value) }
    }

    /// Whether two integers are in the given relation; stays an `i8` until someone wants more.
    pub(super) fn compare(&mut self, condition: IntCC) {
        let (x, y) = self.pop2();
        let result = self.builder.ins().icmp(condition, x, y);
        self.push(result);
    }
}
