//! Calls: direct, imported, through a table, through a reference, and their tail forms.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{FuncRef, InstBuilder, StackSlotData, StackSlotKind, TrapCode as ClifTrap, Value};
use wasmparser::Operator;

use crate::abi::call::needs_return_area;
use crate::abi::trap::TrapCode;
use crate::abi::vmctx::{FUNC_TABLE, TYPE_IDS};
use crate::base::{FuncIndex, TableIndex, TypeIndex};
use crate::codegen::optimizing::func::{Result, Translator, offset32};
use crate::codegen::optimizing::rare_call::Frequency;
use crate::codegen::optimizing::regions::trap_code;
use crate::codegen::optimizing::signature::clif_type;
use crate::layout::block::CALLER_VMCTX;
use crate::layout::objects::{
    FUNC_ENTRY_DEPTH, FUNC_ENTRY_DISPLAY, FUNC_ENTRY_LOG2, FUNC_ENTRY_SLOT, FUNC_ENTRY_TYPE, FUNC_ENTRY_VMCTX,
    IMPORTED_FUNC_SLOT, IMPORTED_FUNC_VMCTX,
};
use crate::wasm::types::{FuncType, HeapType};

/// What a call goes to.
#[derive(Copy, Clone, Debug)]
pub(super) enum Target {
    /// A function of this module: through its dispatch slot, with our own vmctx.
    Defined(FuncRef),
    /// A code address and the vmctx for it.
    Address { code: Value, vmctx: Value },
}

/// The return area that a call passes.
#[derive(Copy, Clone, Debug)]
enum Area {
    /// One in our frame, if the results need it.
    Own,
    /// The one that our caller gave: results of a tail call are our results.
    Callers,
}

const UNINITIALIZED: ClifTrap = trap_code(TrapCode::UninitializedElement);
const MISMATCH: ClifTrap = trap_code(TrapCode::IndirectCallTypeMismatch);
const NULL: ClifTrap = trap_code(TrapCode::NullFunctionReference);

impl Translator<'_> {
    pub(super) fn call_operator(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match *operator {
            Operator::Call { function_index } => {
                let func = FuncIndex::from_u32(function_index);
                let count = self.next_site(operator).count;
                if count == Some(0) {
                    self.note_rare();
                }
                let defined = self.module.defined_func(func);
                if let Some(callee) = defined.filter(|&callee| self.is_inlined(callee, count)) {
                    self.inline(func, callee)?;
                    return Ok(true);
                }
                let frequency = count.map_or(Frequency::Usual, |count| Frequency::of(count, self.evidence()));
                let target = match defined {
                    Some(defined) if frequency == Frequency::Rare => self.rare_target(defined),
                    _ => self.func_target(func),
                };
                self.call(self.module.funcs[func], target, frequency);
            }
            Operator::CallIndirect { type_index, table_index } => {
                let (ty, table) = (TypeIndex::from_u32(type_index), TableIndex::from_u32(table_index));
                let targets = self.next_site(operator).targets;
                let reference = self.pop_element(table);
                self.call_guarded(ty, reference, targets, |this, frequency| {
                    let target = this.checked_target(ty, table, reference);
                    this.call(ty, target, frequency);
                })?;
            }
            Operator::ReturnCall { function_index } => {
                let func = FuncIndex::from_u32(function_index);
                let target = self.func_target(func);
                self.tail_call(self.module.funcs[func], target);
            }
            Operator::ReturnCallIndirect { type_index, table_index } => {
                let ty = TypeIndex::from_u32(type_index);
                let table = TableIndex::from_u32(table_index);
                let reference = self.pop_element(table);
                let target = self.checked_target(ty, table, reference);
                self.tail_call(ty, target);
            }
            Operator::CallRef { type_index } => {
                let ty = TypeIndex::from_u32(type_index);
                let targets = self.next_site(operator).targets;
                self.flush_fuel();
                let reference = self.pop();
                self.call_guarded(ty, reference, targets, |this, frequency| {
                    let entry = this.func_entry(reference);
                    let target = this.entry_target(entry, Some(NULL));
                    this.call(ty, target, frequency);
                })?;
            }
            Operator::ReturnCallRef { type_index } => {
                self.flush_fuel();
                let reference = self.pop();
                let entry = self.func_entry(reference);
                let target = self.entry_target(entry, Some(NULL));
                self.tail_call(TypeIndex::from_u32(type_index), target);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn func_target(&mut self, func: FuncIndex) -> Target {
        self.flush_fuel();
        if let Some(defined) = self.module.defined_func(func) {
            return Target::Defined(self.function(func, defined));
        }
        self.note_caller();
        let import = self.env.layout.imported_func(func);
        let mut word = |field: usize| {
            let offset = offset32(import as usize + field);
            self.builder.ins().load(I64, self.flags.constant, self.vmctx, offset)
        };
        let slot = word(IMPORTED_FUNC_SLOT);
        let vmctx = word(IMPORTED_FUNC_VMCTX);
        // The slot changes whenever better code is published.
        let code = self.builder.ins().load(I64, self.flags.slots, slot, 0);
        Target::Address { code, vmctx }
    }

    /// Pops an index, and gives the element.
    fn pop_element(&mut self, table: TableIndex) -> Value {
        self.flush_fuel();
        let index = self.pop();
        let element = self.element(table, index, TrapCode::UndefinedElement);
        self.builder.ins().load(I32, self.flags.elements, element, 0)
    }

    /// What an element leads to, with its type checked.
    fn checked_target(&mut self, ty: TypeIndex, table: TableIndex, reference: Value) -> Target {
        let entry = self.func_entry(reference);
        match self.module.tables[table].ty.element.heap {
            // The table's type has said it.
            HeapType::Concrete(_, element) | HeapType::Exact(_, element) if self.module.extends(element, ty) => {
                self.entry_target(entry, Some(UNINITIALIZED))
            }
            _ => {
                self.check_type(reference, entry, ty);
                self.entry_target(entry, None)
            }
        }
    }

    /// What an entry of the function table leads to. Null's entry has a null pointer for a slot: where the reference may be null,
    /// reading the slot traps.
    fn entry_target(&mut self, entry: Value, null: Option<ClifTrap>) -> Target {
        self.note_caller();
        // An entry never changes once something refers to it, so its fields are constants.
        let vmctx = self.builder.ins().load(I64, self.flags.constant, entry, offset32(FUNC_ENTRY_VMCTX));
        let slot = self.builder.ins().load(I64, self.flags.constant, entry, offset32(FUNC_ENTRY_SLOT));
        let flags = if null.is_some() { self.flags.slots.with_trap_code(null) } else { self.flags.slots };
        let code = self.builder.ins().load(I64, flags, slot, 0);
        Target::Address { code, vmctx }
    }

    /// The entry of the isolate's function table that a reference names; null has one too.
    pub(super) fn func_entry(&mut self, reference: Value) -> Value {
        let entries = self.vmctx_constant(FUNC_TABLE);
        let reference = self.zero_extend(reference);
        let offset = self.builder.ins().ishl_imm_u(reference, i64::from(FUNC_ENTRY_LOG2));
        self.builder.ins().iadd(entries, offset)
    }

    /// Null has a type of its own, so one comparison covers it; which of the two went wrong is found out of line, and there, too,
    /// whether the function's type extends the expected one, if any type may.
    fn check_type(&mut self, reference: Value, entry: Value, ty: TypeIndex) {
        let found = self.builder.ins().load(I32, self.flags.constant, entry, offset32(FUNC_ENTRY_TYPE));
        let type_ids = self.vmctx_constant(TYPE_IDS);
        let flags = self.constant_here();
        let expected = self.builder.ins().load(I32, flags, type_ids, offset32(4 * ty.as_u32()));
        let differ = self.builder.ins().icmp(IntCC::NotEqual, found, expected);
        let wrong = self.builder.create_block();
        let right = self.builder.create_block();
        self.builder.set_cold_block(wrong);
        self.builder.ins().brif(differ, wrong, &[], right, &[]);
        self.builder.seal_block(wrong);
        self.builder.switch_to_block(wrong);
        self.builder.ins().trapz(reference, UNINITIALIZED);
        if self.module.types[ty].is_final {
            self.builder.ins().trap(MISMATCH);
        } else {
            self.check_supertypes(entry, expected, self.module.subtyping_depth(ty));
            self.builder.ins().jump(right, &[]);
        }
        self.builder.seal_block(right);
        self.builder.switch_to_block(right);
    }

    /// Traps unless the type of an entry extends the expected one, which is at a known depth of its hierarchy.
    fn check_supertypes(&mut self, entry: Value, expected: Value, depth: u32) {
        let found_depth = self.builder.ins().load(I32, self.flags.pinned, entry, offset32(FUNC_ENTRY_DEPTH));
        let above = self.builder.ins().icmp_imm_u(IntCC::UnsignedLessThan, found_depth, i64::from(depth));
        self.builder.ins().trapnz(above, MISMATCH);
        let display = self.builder.ins().load(I64, self.flags.pinned, entry, offset32(FUNC_ENTRY_DISPLAY));
        let extended = self.builder.ins().load(I32, self.flags.pinned, display, offset32(4 * depth));
        let differ = self.builder.ins().icmp(IntCC::NotEqual, extended, expected);
        self.builder.ins().trapnz(differ, MISMATCH);
    }

    /// Tells the isolate whose call this is, for a host function that may be at its end.
    fn note_caller(&mut self) {
        self.builder.ins().store(self.flags.block, self.vmctx, self.block, offset32(CALLER_VMCTX));
    }

    fn call(&mut self, ty: TypeIndex, target: Target, frequency: Frequency) {
        let func_type: &FuncType = self.module.signature(ty);
        let arguments = self.pop_arguments(func_type, target, Area::Own);
        let rare = match frequency {
            Frequency::Rare if !self.is_in_try() => self.rare_call(ty, target, &arguments),
            _ => None,
        };
        let results = match rare {
            Some(results) => results,
            None => {
                let signature = self.signature_of(ty);
                self.catching_call(func_type, signature, target, &arguments)
            }
        };
        self.state.arguments = arguments;
        self.push_results(&results, func_type);
    }

    fn tail_call(&mut self, ty: TypeIndex, target: Target) {
        let func_type: &FuncType = self.module.signature(ty);
        let arguments = self.pop_arguments(func_type, target, Area::Callers);
        match target {
            Target::Defined(func) => self.builder.ins().return_call(func, &arguments),
            Target::Address { code, .. } => {
                let signature = self.signature_of(ty);
                self.builder.ins().return_call_indirect(signature, code, &arguments)
            }
        };
        self.state.arguments = arguments;
        self.reachable = false;
    }

    /// All arguments of a call: vmctx, return area, and what is on the stack. The list is the state's, to be given back.
    fn pop_arguments(&mut self, ty: &FuncType, target: Target, area: Area) -> Vec<Value> {
        let mut arguments = std::mem::take(&mut self.state.arguments);
        arguments.clear();
        arguments.push(match target {
            Target::Defined(_) => self.vmctx,
            Target::Address { vmctx, .. } => vmctx,
        });
        if needs_return_area(&ty.results) {
            arguments.push(match (area, self.area) {
                (Area::Callers, Some(callers)) => callers,
                _ => self.own_area(ty.results.len()),
            });
        }
        let start = self.canonical_top(ty.params.len());
        arguments.extend(self.state.values.drain(start..));
        arguments
    }

    /// The address of stack memory for this many results. All calls share it: results are taken out right after each.
    pub(super) fn own_area(&mut self, results: usize) -> Value {
        let bytes = u32::try_from(16 * results).unwrap_or(u32::MAX);
        let slot = match self.state.area {
            Some((slot, size)) => {
                let size = size.max(bytes);
                self.builder.func.sized_stack_slots[slot].size = size;
                self.state.area = Some((slot, size));
                slot
            }
            None => {
                let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 4);
                let slot = self.builder.create_sized_stack_slot(data);
                self.state.area = Some((slot, bytes));
                slot
            }
        };
        self.builder.ins().stack_addr(I64, slot, 0)
    }

    fn push_results(&mut self, results: &[Value], ty: &FuncType) {
        if !needs_return_area(&ty.results) {
            for (&value, &result) in results.iter().zip(&ty.results) {
                let value = self.tracked(value, result);
                self.push(value);
            }
            return;
        }
        let area = self.own_area(ty.results.len());
        for (position, &result) in ty.results.iter().enumerate() {
            let value = self.builder.ins().load(clif_type(result), self.flags.area, area, offset32(16 * position));
            let value = self.tracked(value, result);
            self.push(value);
        }
    }
}
