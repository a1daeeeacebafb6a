//! From a body to its operators.

use wasmparser::{BinaryReader, FunctionBody, OperatorsReader};

use crate::abi::call::Place;
use crate::asm::x64::integer::{Alu, Store};
use crate::asm::x64::{Condition, Gpr, Mem, Width, Xmm};
use crate::codegen::baseline::call::vectors;
use crate::codegen::baseline::function::{Function, Result};
use crate::codegen::baseline::registers::{INT_ARGS, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc, TRACKED_LOCALS, slot};
use crate::codegen::common::{bodies, features};
use crate::codegen::compiler::UnitError;
use crate::wasm::error::{CompileError, CompileErrorKind};

/// Locals beyond the tracked ones that are cleared one by one.
const CLEARED_SINGLY: usize = 8;

impl Function<'_> {
    /// Compiles everything between the prologue and the epilogue.
    ///
    /// # Errors
    ///
    /// The body exceeds a limit, or this tier does not take it.
    pub(super) fn translate(&mut self, body: &FunctionBody<'_>) -> Result {
        let mut reader = body.get_binary_reader();
        reader.set_features(self.env.validation.features());
        self.params()?;
        self.declare_locals(&mut reader)?;
        self.push_body();
        self.enter();
        let mut operators = OperatorsReader::new(reader);
        while !operators.eof() {
            let (operator, position) = operators.read_with_offset().map_err(CompileError::from)?;
            self.detected |= features::of(&operator);
            self.position = u32::try_from(position).unwrap_or(u32::MAX);
            let next = usize::try_from(operators.original_position()).ok().and_then(|next| self.env.wire_bytes.get(next));
            self.next = next.copied().unwrap_or(0);
            if !self.reachable {
                self.unreachable_operator(&operator)?;
                continue;
            }
            self.count(&operator);
            let taken = self.variable_operator(&operator)?
                || self.integer_operator(&operator)
                || self.memory_operator(&operator)
                || self.control_operator(&operator)?
                || self.call_operator(&operator)?
                || self.float_operator(&operator)
                || self.convert_operator(&operator)
                || self.table_operator(&operator)?
                || self.atomic_operator(&operator)
                || self.wide_operator(&operator)
                || self.object_operator(&operator)?
                || self.exception_operator(&operator)?;
            if !taken {
                let name = format!("{operator:?}");
                let name = name.split([' ', '{']).next().unwrap_or_default().to_owned();
                return Err(UnitError::TierUnable(format!("operator {name}")));
            }
        }
        operators.finish().map_err(CompileError::from)?;
        Ok(())
    }

    /// Parameters stay in their registers, or are copied from the caller's frame to their slots.
    fn params(&mut self) -> Result {
        if self.layout.area_bytes > 0 {
            self.buffers.values.base_bytes = 8;
            self.buffers.values.slot_bytes = 8;
            self.own_area = Some(8);
            self.buffers.asm.store(Store::Double, slot(8), INT_ARGS[1]);
        }
        for (index, &ty) in self.func_type.params.iter().enumerate() {
            let place = self.layout.params[index];
            let kind = Kind::of(ty).ok_or_else(vectors)?;
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
                    let bits = if kind.is_wide() { Kind::I64 } else { Kind::I32 };
                    self.load_reg(bits, SCRATCH.into(), Mem::at(Gpr::RBP, 16 + offset.cast_signed()));
                    self.store_reg(bits, value.slot(), SCRATCH.into());
                }
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// Reads the declarations of the locals behind the parameters. They are zero: known, or cleared in their slots.
    fn declare_locals(&mut self, reader: &mut BinaryReader<'_>) -> Result {
        let params = self.func_type.params.len();
        bodies::read_locals(reader, params, |ty, count| {
            let kind = self.kind(ty).ok_or_else(vectors)?;
            for _ in 0..count {
                let is_tracked = self.buffers.values.list.len() < TRACKED_LOCALS;
                self.push(kind, if is_tracked { Loc::Const(0) } else { Loc::Slot });
            }
            Ok::<_, UnitError>(())
        })?;
        let total = self.buffers.values.list.len();
        let values = &mut self.buffers.values;
        (values.local_count, values.window) = (total, total);
        values.list_untracked();
        self.clear_slots(params.max(TRACKED_LOCALS), total);
        Ok(())
    }

    fn clear_slots(&mut self, first: usize, end: usize) {
        if first >= end {
            return;
        }
        if end - first <= CLEARED_SINGLY {
            for index in first..end {
                let value = self.buffers.values.list[index];
                self.store_const(Kind::I64, value.slot(), 0);
            }
            return;
        }
        let top = self.buffers.values.list[first].slot();
        let bytes = 8 * (end - first) as i64;
        let asm = &mut self.buffers.asm;
        asm.mov_ri(SCRATCH, (-bytes).cast_unsigned());
        let again = asm.buffer.here();
        asm.store_imm(Store::Double, Mem::indexed(Gpr::RBP, SCRATCH, 0, top.displacement + 8), 0);
        asm.alu_ri(Alu::Add, Width::W64, SCRATCH, 8);
        asm.jcc(Condition::NotEqual, again);
    }

    /// `None` for vectors.
    pub(super) fn kind(&self, ty: wasmparser::ValType) -> Option<Kind> {
        Some(match ty {
            wasmparser::ValType::I32 => Kind::I32,
            wasmparser::ValType::I64 => Kind::I64,
            wasmparser::ValType::F32 => Kind::F32,
            wasmparser::ValType::F64 => Kind::F64,
            wasmparser::ValType::V128 => return None,
            wasmparser::ValType::Ref(ty) => self.heap_kind(ty.heap_type()),
        })
    }

    pub(super) fn heap_kind(&self, heap: wasmparser::HeapType) -> Kind {
        if bodies::is_in_heap(self.module, heap) { Kind::Ref } else { Kind::Func }
    }

    /// A defect of this compiler.
    pub(super) fn bug(&self, message: &str) -> UnitError {
        CompileError::new(CompileErrorKind::EngineBug, message, Some(self.position as usize)).into()
    }
}
