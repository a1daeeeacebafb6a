//! From a body to its operators.

use wasmparser::{BinaryReader, FunctionBody};

use crate::abi::call::Place;
use crate::abi::profile;
use crate::asm::x64::integer::{Alu, Store};
use crate::asm::x64::{Condition, Gpr, Mem, Width, Xmm};
use crate::codegen::baseline::function::{Function, Result};
use crate::codegen::baseline::registers::{INT_ARGS, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc, TRACKED_LOCALS, slot};
use crate::codegen::common::bodies;
use crate::codegen::common::operators::Operators;
use crate::codegen::compiler::UnitError;
use crate::wasm::error::{CompileError, CompileErrorKind};

/// Words of locals beyond the tracked ones that are cleared one by one.
const CLEARED_SINGLY: u32 = 8;
/// What all operators on vectors begin with.
const VECTOR: u8 = 0xfd;

impl Function<'_> {
    /// Compiles everything between the prologue and the epilogue.
    ///
    /// # Errors
    ///
    /// The body is invalid or exceeds a limit, this tier does not take it, or somebody said stop.
    pub(super) fn translate(&mut self, body: &FunctionBody<'_>, operators: &mut Operators<'_>) -> Result {
        let result = self.translate_valid(body, operators);
        if result.as_ref().is_err_and(|error| *error != UnitError::Stopped) {
            // What is wrong with a module does not depend on how far a tier came: validation has the first word.
            operators.check_rest()?;
        }
        result
    }

    fn translate_valid(&mut self, body: &FunctionBody<'_>, operators: &mut Operators<'_>) -> Result {
        self.params();
        self.declare_locals(&mut body.get_binary_reader())?;
        self.push_body();
        self.enter();
        while let Some(word) = self.next_operator(operators)? {
            self.position = u32::try_from(operators.position).unwrap_or(u32::MAX);
            if !self.reachable {
                let operator = operators.decode()?;
                self.profile_words += profile::words(operator);
                self.unreachable_operator(operator);
                continue;
            }
            self.count(word as u8);
            match self.frequent_operator(word) {
                Some(size) => operators.pass(size),
                None => self.rare_operator(word as u8, operators)?,
            }
        }
        Ok(())
    }

    /// Comes to the next operator. Nothing behind the last.
    #[inline(always)]
    fn next_operator(&self, operators: &mut Operators<'_>) -> Result<Option<u64>> {
        match operators.begin()? {
            Some(word) => Ok(Some(word)),
            None => self.pause(operators),
        }
    }

    /// At the end of the body, and after so many bytes that somebody may have lost interest in it.
    #[inline(never)]
    fn pause(&self, operators: &mut Operators<'_>) -> Result<Option<u64>> {
        let next = operators.resume();
        if next.is_some() && (self.stop)() { Err(UnitError::Stopped) } else { Ok(next) }
    }

    /// Operators of which bodies have few, and those of an unusual form.
    #[inline(never)]
    fn rare_operator(&mut self, opcode: u8, operators: &mut Operators<'_>) -> Result {
        operators.decode()?;
        self.next = operators.byte_behind();
        let operator = &operators.operator;
        let taken = if opcode == VECTOR {
            self.vector_operator(operator)?
        } else {
            self.control_operator(operator)?
                || self.table_operator(operator)?
                || self.variable_operator(operator)
                || self.call_operator(operator)
                || self.saturating_operator(operator)
                || self.bulk_operator(operator)
                || self.atomic_operator(operator)
                || self.wide_operator(operator)
                || self.object_operator(operator)
                || self.exception_operator(operator)
        };
        if !taken {
            let name = format!("{operator:?}");
            let name = name.split([' ', '{']).next().unwrap_or_default().to_owned();
            return Err(UnitError::TierUnable(format!("operator {name}")));
        }
        Ok(())
    }

    /// Parameters stay in their registers, or are copied from the caller's frame to their slots.
    fn params(&mut self) {
        if self.layout.area_bytes > 0 {
            self.buffers.values.base_bytes = 8;
            self.buffers.values.slot_bytes = 8;
            self.own_area = Some(8);
            self.buffers.asm.store(Store::Double, slot(8), INT_ARGS[1]);
        }
        for (index, &ty) in self.func_type.params.iter().enumerate() {
            let place = self.layout.params[index];
            let kind = Kind::of(ty);
            let reg = match place {
                Place::Int(nth) => {
                    let reg = INT_ARGS[usize::from(nth)];
                    if !kind.is_wide() {
                        // Registers hold 32 bits zero-extended here, which the convention does not say.
                        self.buffers.asm.mov_rr(Width::W32, reg, reg);
                    }
                    Some(reg.into())
                }
                Place::Float(nth) => Some(Xmm(nth).into()),
                Place::Stack(_) | Place::Area(_) => None,
            };
            match (reg, place) {
                (Some(reg), _) if index < TRACKED_LOCALS => self.push(kind, Loc::Reg(reg)),
                (Some(reg), _) => {
                    self.push(kind, Loc::Slot);
                    let value = self.buffers.values.list[index];
                    self.store_reg(kind, value.slot(), reg);
                }
                (None, Place::Stack(offset) | Place::Area(offset)) => {
                    self.push(kind, Loc::Slot);
                    let value = self.buffers.values.list[index];
                    self.copy_memory(kind, value.slot(), Mem::at(Gpr::RBP, 16 + offset.cast_signed()));
                }
                (None, _) => {}
            }
        }
    }

    /// Reads the declarations of the locals behind the parameters. They are zero: known, or cleared in their slots.
    fn declare_locals(&mut self, reader: &mut BinaryReader<'_>) -> Result {
        let params = self.func_type.params.len();
        bodies::read_locals(reader, params, |ty, count| {
            let kind = self.kind(ty);
            for _ in 0..count {
                let is_tracked = self.buffers.values.list.len() < TRACKED_LOCALS;
                self.push(kind, if is_tracked { Loc::Const(0) } else { Loc::Slot });
            }
            Ok::<_, UnitError>(())
        })?;
        let total = self.buffers.values.list.len();
        self.buffers.values.begin_operands();
        self.buffers.values.list_untracked();
        self.clear_slots(params.max(TRACKED_LOCALS), total);
        Ok(())
    }

    fn clear_slots(&mut self, first: usize, end: usize) {
        if first >= end {
            return;
        }
        let (above, bottom) = (self.buffers.values.bytes_below(first), self.buffers.values.bytes_below(end));
        let words = (bottom - above) / 8;
        if words <= CLEARED_SINGLY {
            for word in 1..=words {
                self.store_const(Kind::I64, slot(above + 8 * word), 0);
            }
            return;
        }
        let bytes = i64::from(8 * words);
        let asm = &mut self.buffers.asm;
        asm.mov_ri(SCRATCH, (-bytes).cast_unsigned());
        let again = asm.buffer.here();
        asm.store_imm(Store::Double, Mem::indexed(Gpr::RBP, SCRATCH, 0, slot(above).displacement), 0);
        asm.alu_ri(Alu::Add, Width::W64, SCRATCH, 8);
        asm.jcc(Condition::NotEqual, again);
    }

    pub(super) fn kind(&self, ty: wasmparser::ValType) -> Kind {
        match ty {
            wasmparser::ValType::I32 => Kind::I32,
            wasmparser::ValType::I64 => Kind::I64,
            wasmparser::ValType::F32 => Kind::F32,
            wasmparser::ValType::F64 => Kind::F64,
            wasmparser::ValType::V128 => Kind::V128,
            wasmparser::ValType::Ref(ty) => self.heap_kind(ty.heap_type()),
        }
    }

    pub(super) fn heap_kind(&self, heap: wasmparser::HeapType) -> Kind {
        if bodies::is_in_heap(self.module, heap) { Kind::Ref } else { Kind::Func }
    }

    /// A defect of this compiler.
    pub(super) fn bug(&self, message: &str) -> UnitError {
        CompileError::new(CompileErrorKind::EngineBug, message, Some(self.position as usize)).into()
    }
}
