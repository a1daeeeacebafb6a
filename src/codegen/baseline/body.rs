//! From a body to its operators.

use wasmparser::{BinaryReader, FunctionBody, Operator};

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

/// Where an operator is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Variable,
    Integer,
    Memory,
    Control,
    Call,
    Float,
    Convert,
    Vector,
    /// By none of these, or its first byte does not say by which.
    Rare,
}

/// The families of operators by their first byte (WebAssembly 3.0, § 5.4).
static FAMILIES: [Family; 256] = {
    let mut families = [Family::Rare; 256];
    let mut byte = 0;
    while byte < 256 {
        families[byte] = match byte {
            0x00..=0x05 | 0x0b..=0x0f => Family::Control,
            0x10..=0x15 => Family::Call,
            0x1a..=0x1c | 0x20..=0x24 | 0x41..=0x44 => Family::Variable,
            0x28..=0x40 => Family::Memory,
            0x45..=0x5a | 0x67..=0x8a => Family::Integer,
            0x5b..=0x66 | 0x8b..=0xa6 => Family::Float,
            0xa7..=0xc4 => Family::Convert,
            0xfd => Family::Vector,
            _ => Family::Rare,
        };
        byte += 1;
    }
    families
};

impl Function<'_> {
    /// Compiles everything between the prologue and the epilogue.
    ///
    /// # Errors
    ///
    /// The body is invalid or exceeds a limit, or this tier does not take it.
    pub(super) fn translate(&mut self, body: &FunctionBody<'_>, operators: &mut Operators<'_>) -> Result {
        let result = self.translate_valid(body, operators);
        if result.is_err() {
            // What is wrong with a module does not depend on how far a tier came: validation has the first word.
            while operators.next()? {}
        }
        result
    }

    fn translate_valid(&mut self, body: &FunctionBody<'_>, operators: &mut Operators<'_>) -> Result {
        self.params();
        self.declare_locals(&mut body.get_binary_reader())?;
        self.push_body();
        self.enter();
        self.look_ahead(operators);
        loop {
            let family = FAMILIES[usize::from(self.next)];
            if !operators.next()? {
                return Ok(());
            }
            self.look_ahead(operators);
            self.position = u32::try_from(operators.position).unwrap_or(u32::MAX);
            let operator = &operators.operator;
            if !self.reachable {
                self.profile_words += profile::words(operator);
                self.unreachable_operator(operator);
                continue;
            }
            self.count(operator);
            if !self.operator(family, operator)? && !self.rare_operator(operator)? {
                let name = format!("{operator:?}");
                let name = name.split([' ', '{']).next().unwrap_or_default().to_owned();
                return Err(UnitError::TierUnable(format!("operator {name}")));
            }
        }
    }

    #[inline]
    fn look_ahead(&mut self, operators: &Operators<'_>) {
        let next = usize::try_from(operators.next_position()).ok().and_then(|next| self.env.wire_bytes.get(next));
        self.next = next.copied().unwrap_or(0);
    }

    #[inline]
    fn operator(&mut self, family: Family, operator: &Operator<'_>) -> Result<bool> {
        match family {
            Family::Variable => self.variable_operator(operator),
            Family::Integer => Ok(self.integer_operator(operator)),
            Family::Memory => Ok(self.memory_operator(operator)),
            Family::Control => self.control_operator(operator),
            Family::Call => self.call_operator(operator),
            Family::Float => Ok(self.float_operator(operator)),
            Family::Convert => Ok(self.convert_operator(operator)),
            Family::Vector => self.vector_operator(operator),
            Family::Rare => Ok(false),
        }
    }

    /// Operators of which bodies have few, whose first byte does not say where they belong.
    fn rare_operator(&mut self, operator: &Operator<'_>) -> Result<bool> {
        Ok(self.table_operator(operator)?
            || self.control_operator(operator)?
            || self.convert_operator(operator)
            || self.memory_operator(operator)
            || self.atomic_operator(operator)
            || self.wide_operator(operator)
            || self.object_operator(operator)
            || self.exception_operator(operator))
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
