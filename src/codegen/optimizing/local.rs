//! Locals: Cranelift variables, or memory in the frame of a function that has too many of them.
//!
//! Cranelift keeps, for each variable, a table as long as the number of the last block that mentions it. 50,000 locals in a
//! function of a million blocks, which five megabytes can hold, would fill all memory. So translation counts: when variables
//! times blocks pass [`VARIABLE_BLOCKS_MAX`], it begins anew with its locals in the frame.
//!
//! Locals need no definition to be zero: Cranelift takes a variable that was never defined for zero. That makes 50,000 locals
//! that nobody uses cheap.

use std::collections::HashMap;

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::entity::EntityRef;
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{F32, F64, I8X16, I64};
use cranelift_codegen::ir::{InstBuilder, StackSlot, StackSlotData, StackSlotKind, Type, Value};
use cranelift_frontend::Variable;
use wasmparser::BinaryReader;

use crate::codegen::common::bodies;
use crate::codegen::optimizing::func::{Result, Translator, offset32};
use crate::codegen::optimizing::signature::SlotType;

/// Variables times blocks: 0.25 GiB of tables.
const VARIABLE_BLOCKS_MAX: usize = 1 << 26;

/// Where the locals of a function are.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum LocalPlace {
    /// Variables with the same numbers, or of an inlined body with those behind one.
    Variables,
    /// 16 bytes each in a stack slot, made when first wanted. References of the heap are variables all the same: stack maps are made
    /// for values.
    Frame,
}

/// Locals in the frame.
#[derive(Debug, Default)]
pub(super) struct FrameLocals {
    /// Type of each, and where it is once it was wanted.
    places: Vec<(Type, Option<u32>)>,
    /// Those that are variables, by number.
    variables: HashMap<u32, Variable>,
    slot: Option<StackSlot>,
}

impl FrameLocals {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.variables.clear();
        self.slot = None;
    }
}

impl Translator<'_> {
    /// Reads the declarations of the locals behind the parameters, which have the arguments' values if the code is called.
    pub(super) fn declare_locals(&mut self, reader: &mut BinaryReader<'_>, is_called: bool) -> Result {
        self.declare_params(is_called);
        bodies::read_locals(reader, self.func_type.params.len(), |ty, count| {
            for _ in 0..count {
                let ty = self.slot_type(ty);
                self.declare_local(ty);
            }
            Ok(())
        })
    }

    fn declare_params(&mut self, is_called: bool) {
        let first = 1 + usize::from(self.area.is_some());
        let entry = self.builder.current_block().expect("the entry block is open");
        for (position, &ty) in self.func_type.params.iter().enumerate() {
            self.declare_local(SlotType::of(ty));
            if is_called {
                let value = self.builder.block_params(entry)[first + position];
                self.set_local(u32::try_from(position).unwrap_or(u32::MAX), value);
            }
        }
    }

    fn declare_local(&mut self, ty: SlotType) {
        match self.local_place {
            LocalPlace::Variables => {
                self.new_variable(ty);
            }
            LocalPlace::Frame => {
                if ty.in_heap {
                    let variable = self.new_variable(ty);
                    let number = u32::try_from(self.state.frame_locals.places.len()).unwrap_or(u32::MAX);
                    self.state.frame_locals.variables.insert(number, variable);
                }
                self.state.frame_locals.places.push((ty.clif, None));
            }
        }
    }

    /// A variable that nothing else is.
    pub(super) fn new_variable(&mut self, ty: SlotType) -> Variable {
        let variable = self.builder.declare_var(ty.clif);
        if ty.in_heap {
            self.builder.declare_var_needs_stack_map(variable);
        }
        self.block_max = VARIABLE_BLOCKS_MAX / (variable.index() + 1);
        self.next_variable = variable.as_u32() + 1;
        variable
    }

    /// Whether Cranelift's tables of variables are about to become too large.
    pub(super) fn is_overgrown(&self) -> bool {
        self.builder.func.dfg.num_blocks() > self.block_max
    }

    /// The variable that a local is, if it is one.
    fn local_variable(&self, index: u32) -> Option<Variable> {
        match self.local_place {
            LocalPlace::Variables => Some(Variable::from_u32(self.inside.first_local + index)),
            LocalPlace::Frame => self.state.frame_locals.variables.get(&index).copied(),
        }
    }

    pub(super) fn local(&mut self, index: u32) -> Value {
        match self.local_variable(index) {
            Some(variable) => self.builder.use_var(variable),
            None => {
                let (ty, slot, offset) = self.frame_local(index, true);
                let address = self.builder.ins().stack_addr(I64, slot, offset32(offset));
                self.builder.ins().load(ty, self.flags.locals, address, 0)
            }
        }
    }

    pub(super) fn set_local(&mut self, index: u32, value: Value) {
        match self.local_variable(index) {
            Some(variable) => self.builder.def_var(variable, value),
            None => {
                let is_param = (index as usize) < self.func_type.params.len();
                let (_, slot, offset) = self.frame_local(index, !is_param);
                let address = self.builder.ins().stack_addr(I64, slot, offset32(offset));
                self.builder.ins().store(self.flags.locals, value, address, 0);
            }
        }
    }

    /// Type and place of a local in the frame; at the first mention it gets the place, and zero in it if told so.
    fn frame_local(&mut self, index: u32, zero: bool) -> (Type, StackSlot, u32) {
        let locals = &mut self.state.frame_locals;
        let (ty, place) = locals.places[index as usize];
        if let (Some(offset), Some(slot)) = (place, locals.slot) {
            return (ty, slot, offset);
        }
        let slot = *locals
            .slot
            .get_or_insert_with(|| self.builder.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 0, 4)));
        let size = &mut self.builder.func.sized_stack_slots[slot].size;
        let offset = *size;
        *size += 16;
        locals.places[index as usize].1 = Some(offset);
        if zero {
            self.clear_at_entry(ty, slot, offset);
        }
        (ty, slot, offset)
    }

    fn clear_at_entry(&mut self, ty: Type, slot: StackSlot, offset: u32) {
        let entry = self.builder.func.layout.entry_block().expect("the entry block is inserted");
        let zeros = self.builder.func.dfg.constants.insert(vec![0; 16].into());
        let mut cursor = FuncCursor::new(self.builder.func);
        cursor.goto_first_insertion_point(entry);
        let zero = match ty {
            F32 => cursor.ins().f32const(Ieee32::with_bits(0)),
            F64 => cursor.ins().f64const(Ieee64::with_bits(0)),
            I8X16 => cursor.ins().vconst(I8X16, zeros),
            ty => cursor.ins().iconst(ty, 0),
        };
        let address = cursor.ins().stack_addr(I64, slot, offset32(offset));
        cursor.ins().store(self.flags.locals, zero, address, 0);
    }
}
