//! Open blocks: where a branch goes, and by which variables its operands travel.
//!
//! Block parameters and results are Cranelift variables: a branch defines them and carries no arguments, and SSA construction
//! finds out which need a phi. A label's block and its variables are made when the first branch wants them, so a block that no
//! branch leaves costs nothing.

use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{Block, Inst};
use cranelift_frontend::Variable;
use smallvec::SmallVec;
use wasmparser::BlockType;

use crate::base::TypeIndex;
use crate::codegen::optimizing::exception_legacy::Clauses;
use crate::codegen::optimizing::func::Translator;
use crate::codegen::optimizing::signature::SlotType;
use crate::codegen::optimizing::unroll::Unrolling;
use crate::wasm::types::{FuncType, ValType};

/// An open block.
#[derive(Debug)]
pub(super) struct Frame {
    pub kind: FrameKind,
    pub ty: BlockType,
    /// Values below the block's parameters.
    pub height: usize,
    /// Whether the block can be reached at all; if not, everything in it is skipped.
    pub live: bool,
    /// Where branches to the label go, once one is wanted.
    pub label: Option<Block>,
    /// Whether any branch or the block's end goes there; the false edge of an `if` does not count.
    pub used: bool,
    /// The label's operands, once there is a label.
    pub variables: SmallVec<[Variable; 2]>,
    /// The last `br_table` that met the label.
    pub table_stamp: u32,
    /// Whether the `else` of an `if` is hardly ever taken.
    pub else_is_cold: bool,
    /// Which copy of the body branches to the label of a loop go on in, if not in this one ([`osr`](crate::codegen::optimizing::osr)).
    pub copy: Option<usize>,
    /// Of a loop whose body is translated several times.
    pub unrolling: Option<Unrolling>,
}

/// Kinds of [`Frame`].
#[derive(Debug)]
pub(super) enum FrameKind {
    /// The body: its label is the function's end.
    Body,
    /// `block`.
    Block,
    /// `loop`: its label is its beginning.
    Loop,
    /// `if`, with the branch that goes to the label until an `else` is found.
    If(Inst),
    /// `else`.
    Else,
    /// `try_table`.
    TryTable,
    /// `try`, in its body.
    Try,
    /// `try`, in one of its clauses.
    Catch(Clauses),
}

impl Translator<'_> {
    fn block_func_type(&self, ty: BlockType) -> Option<&FuncType> {
        match ty {
            BlockType::FuncType(index) => Some(self.module.signature(TypeIndex::from_u32(index))),
            BlockType::Empty | BlockType::Type(_) => None,
        }
    }

    /// Number of parameters of a block.
    pub(super) fn param_count(&self, ty: BlockType) -> usize {
        self.block_func_type(ty).map_or(0, |ty| ty.params.len())
    }

    /// Number of results of a block.
    pub(super) fn result_count(&self, ty: BlockType) -> usize {
        match self.block_func_type(ty) {
            Some(ty) => ty.results.len(),
            None => usize::from(ty != BlockType::Empty),
        }
    }

    /// Whether a block's parameters could be its results as they are.
    pub(super) fn params_are_results(&self, ty: BlockType) -> bool {
        let slots = |types: &[ValType]| types.iter().map(|&ty| SlotType::of(ty)).collect::<SmallVec<[SlotType; 4]>>();
        self.block_func_type(ty).is_some_and(|ty| slots(&ty.params) == slots(&ty.results))
    }

    /// Number of operands of a branch to a frame.
    pub(super) fn label_arity(&self, position: usize) -> usize {
        let frame = &self.state.frames[position];
        match frame.kind {
            FrameKind::Loop => self.param_count(frame.ty),
            FrameKind::Body => self.func_type.results.len(),
            _ => self.result_count(frame.ty),
        }
    }

    /// Type of an operand of a branch to a frame.
    fn label_type(&self, position: usize, operand: usize) -> SlotType {
        let frame = &self.state.frames[position];
        if let FrameKind::Body = frame.kind {
            return SlotType::of(self.func_type.results[operand]);
        }
        match (frame.ty, &frame.kind) {
            (BlockType::FuncType(index), FrameKind::Loop) => {
                SlotType::of(self.module.signature(TypeIndex::from_u32(index)).params[operand])
            }
            (BlockType::FuncType(index), _) => SlotType::of(self.module.signature(TypeIndex::from_u32(index)).results[operand]),
            (BlockType::Type(ty), _) => self.slot_type(ty),
            (BlockType::Empty, _) => SlotType { clif: I32, in_heap: false },
        }
    }

    /// Position of the frame that a branch names.
    pub(super) fn frame_at(&self, relative_depth: u32) -> usize {
        self.state.frames.len() - 1 - relative_depth as usize
    }

    /// Opens a frame whose parameters are on the stack.
    pub(super) fn push_frame(&mut self, kind: FrameKind, ty: BlockType, live: bool) {
        let height = self.state.values.len() - if live { self.param_count(ty) } else { 0 };
        let variables = SmallVec::new();
        let (label, used, table_stamp, else_is_cold, copy, unrolling) = (None, false, 0, false, None, None);
        self.state.frames.push(Frame {
            kind,
            ty,
            height,
            live,
            label,
            used,
            variables,
            table_stamp,
            else_is_cold,
            copy,
            unrolling,
        });
    }

    /// The block that branches to a frame go to, with its variables, made at the first call.
    pub(super) fn label(&mut self, position: usize) -> Block {
        if let Some(label) = self.state.frames[position].label {
            return label;
        }
        let label = self.builder.create_block();
        for operand in 0..self.label_arity(position) {
            let ty = self.label_type(position, operand);
            let variable = self.take_variable(ty);
            self.state.frames[position].variables.push(variable);
        }
        self.state.frames[position].label = Some(label);
        label
    }

    /// Prepares a branch to a frame, with the operands on top of the stack, which keeps them; gives the block to go to.
    pub(super) fn aim(&mut self, position: usize) -> Block {
        self.state.frames[position].used = true;
        self.define_operands(position)
    }

    /// Defines the operands of a frame's label from the top of the stack.
    pub(super) fn define_operands(&mut self, position: usize) -> Block {
        let label = self.label(position);
        let start = self.canonical_top(self.state.frames[position].variables.len());
        for operand in 0..self.state.frames[position].variables.len() {
            let variable = self.state.frames[position].variables[operand];
            self.builder.def_var(variable, self.state.values[start + operand]);
        }
        label
    }

    /// Pushes the operands that branches to a frame have brought.
    pub(super) fn push_label_operands(&mut self, position: usize) {
        for operand in 0..self.state.frames[position].variables.len() {
            let variable = self.state.frames[position].variables[operand];
            let value = self.builder.use_var(variable);
            self.push(value);
        }
    }

    /// Closes the innermost frame and frees its variables.
    pub(super) fn pop_frame(&mut self) -> Frame {
        let position = self.state.frames.len() - 1;
        for operand in 0..self.state.frames[position].variables.len() {
            let ty = self.label_type(position, operand);
            self.free_variable(ty, self.state.frames[position].variables[operand]);
        }
        self.state.frames.pop().expect("a frame is open")
    }
}
