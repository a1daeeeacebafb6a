//! Loop versions: code that is entered at the header of a loop ([`osr`](crate::abi::osr)).
//!
//! *Problem.* A function in CLIF has one entry block, and the code before a loop decides what its values are. *Idea.* The whole body is
//! translated, but the entry block reads the locals from the loop's state and goes to the header; from where the body begins nobody comes. What is
//! not reached from the loop is deleted by Cranelift before it costs anything; what is reached again, in further iterations of
//! a loop around, stays, and loops stay reducible, since the header is the only way into all of them.
//!
//! Locals are variables, which SSA construction merges. Operands are not: an operand that was pushed before the loop began is a value of
//! code that is not reached. So operands below the blocks around the loop are variables as well: defined where their block begins,
//! and from the state; read at the header, and at each label around it from then on, since it can be come to past the loop.
//!
//! *Loops around it.* If the next iteration of a loop around began in this code, all loops around would be one with the loop, since they have one way in: a
//! loop with a body of many paths, for whose sake Cranelift keeps the values of the innermost loop in the frame. So it goes on elsewhere: the body is translated
//! once more for each loop around, up to [`LOOP_COPIES`], in the same function and entered at that loop's header from the
//! copies before. Each loop has the shape then that it has in the function's code. What a copy does not need is deleted.

use cranelift_codegen::ir::types::{F32, F64, I8X16, I32, I64};
use cranelift_codegen::ir::{AbiParam, ArgumentPurpose, Block, InstBuilder, MemFlagsData, Signature, Type, Value};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::Variable;
use smallvec::SmallVec;
use wasmparser::Operator;

use crate::abi::call::needs_return_area;
use crate::base::tuning::{LOOP_COPIES, LOOP_COPIES_BYTES};
use crate::codegen::common::kind::Kind;
use crate::codegen::common::loop_state::{LoopState, Slot};
use crate::codegen::compiler::UnitError;
use crate::codegen::optimizing::frame::FrameKind;
use crate::codegen::optimizing::func::{Result, Translator, offset32};
use crate::codegen::optimizing::signature::{SlotType, signature};
use crate::wasm::types::FuncType;

/// The loop that a copy of the body is entered at.
pub(super) struct Arrival<'a> {
    state: &'a LoopState,
    /// Address of the end of the state, of the first copy: others find the operands in the variables.
    end: Option<Value>,
    /// Before the header.
    block: Block,
    /// For each operand of the state.
    variables: Vec<Variable>,
    /// The loops around whose iterations begin in other copies.
    others: Vec<Entrance<'a>>,
    /// Where this copy goes there.
    landings: Vec<Landing>,
    /// How many of the blocks around the loop were begun.
    begun: usize,
    /// How many frames are open that were when the header came, if it did: labels of theirs can be come to past the loop.
    open: Option<usize>,
}

/// A copy of the body that is yet to come.
pub(super) struct Entrance<'a> {
    state: &'a LoopState,
    block: Block,
    variables: Vec<Variable>,
    /// Whether a copy goes there.
    is_entered: bool,
}

/// The label of a loop whose iterations begin in another copy.
struct Landing {
    label: Block,
    /// Which of [`Arrival::others`].
    copy: usize,
    /// How many operands lie below the loop's parameters, and the variables of those.
    below: usize,
    params: SmallVec<[Variable; 2]>,
}

/// The loops around a loop for which the body is translated once more, from the inside.
pub(super) fn copied_loops(state: &LoopState, body_bytes: usize) -> impl Iterator<Item = u64> {
    let count = if body_bytes <= LOOP_COPIES_BYTES { LOOP_COPIES } else { 0 };
    state.loops_around().take(count)
}

/// The signature of a loop version.
pub(super) fn loop_signature(ty: &FuncType) -> Signature {
    let mut signature = signature(ty);
    if needs_return_area(&ty.results) {
        signature.returns.clear();
    }
    signature.params = vec![AbiParam::special(I64, ArgumentPurpose::VMContext), AbiParam::new(I64)];
    debug_assert_eq!(signature.call_conv, CallConv::Tail);
    signature
}

impl SlotType {
    fn of_kind(kind: Kind) -> SlotType {
        let clif = match kind {
            Kind::I32 | Kind::Func | Kind::Ref => I32,
            Kind::I64 => I64,
            Kind::F32 => F32,
            Kind::F64 => F64,
            Kind::V128 => I8X16,
        };
        SlotType { clif, in_heap: kind == Kind::Ref }
    }
}

impl<'a> Translator<'a> {
    /// Fills the entry block: reads the locals, which are declared, and goes to where the operands are read. The first state is that of the loop
    /// that is entered, the others of those that have copies.
    pub(super) fn begin_arrival(&mut self, states: &'a [LoopState]) {
        let Some((state, others)) = states.split_first() else { return };
        let entry = self.builder.current_block().expect("the entry block is open");
        let end = self.builder.block_params(entry)[1];
        if let Some(offset) = state.area {
            self.area = Some(self.read_slot(end, I64, offset));
        }
        for (index, slot) in (0..).zip(&state.locals) {
            let value = self.read_slot(end, SlotType::of_kind(slot.kind).clif, slot.offset);
            self.set_local(index, value);
        }
        let first = self.entrance(state);
        let others = others.iter().map(|state| self.entrance(state)).collect();
        self.builder.ins().jump(first.block, &[]);
        self.begin_copy(first, Some(end), others);
    }

    fn entrance(&mut self, state: &'a LoopState) -> Entrance<'a> {
        let variables = state.operands.iter().map(|slot| self.new_variable(SlotType::of_kind(slot.kind))).collect();
        Entrance { state, block: self.builder.create_block(), variables, is_entered: false }
    }

    /// Begins a copy, all ways to which are known, in a block that nobody goes to.
    fn begin_copy(&mut self, entrance: Entrance<'a>, end: Option<Value>, others: Vec<Entrance<'a>>) {
        // There is no exception open, and no operand, at the end of a body.
        debug_assert!(self.state.frames.is_empty() && self.state.tries.is_empty());
        self.state.values.clear();
        self.reachable = true;
        self.fuel = 0;
        self.inside.profile_words = 0;
        self.state.inlined_bytes = 0;
        let Entrance { state, block, variables, .. } = entrance;
        let body = self.builder.create_block();
        self.builder.seal_block(block);
        self.builder.seal_block(body);
        self.builder.switch_to_block(body);
        self.arrival = Some(Arrival { state, end, block, variables, others, landings: Vec::new(), begun: 0, open: None });
    }

    /// Behind a copy: goes from its landings to the copies that they are for, and begins the next one that anybody goes to; false if there
    /// is none.
    pub(super) fn next_copy(&mut self) -> bool {
        let Some(Arrival { variables: own, mut others, landings, .. }) = self.arrival.take() else { return false };
        for Landing { label, copy, below, params } in landings {
            let entrance = &mut others[copy];
            entrance.is_entered = true;
            self.builder.switch_to_block(label);
            for (&from, &to) in own[..below].iter().chain(&params).zip(&entrance.variables) {
                let value = self.builder.use_var(from);
                self.builder.def_var(to, value);
            }
            self.builder.ins().jump(entrance.block, &[]);
        }
        let Some(next) = others.iter().position(|entrance| entrance.is_entered) else { return false };
        let mut others = others.split_off(next);
        let entrance = others.remove(0);
        self.begin_copy(entrance, None, others);
        true
    }

    /// If a loop is one around the loop of this copy that has a copy of its own: the block that its body is in here, which
    /// nobody comes to. Its label leads elsewhere.
    pub(super) fn begin_other_copy(&mut self, position: usize, wasm_offset: u64) -> Option<Block> {
        let arrival = self.arrival.as_ref().filter(|arrival| arrival.open.is_none() && !self.is_inside())?;
        let is_it = |other: &Entrance<'_>| other.state.around.last().is_some_and(|around| around.position == wasm_offset);
        let copy = arrival.others.iter().position(is_it)?;
        let frame = &mut self.state.frames[position];
        frame.copy = Some(copy);
        frame.used = false;
        let body = self.builder.create_block();
        Some(body)
    }

    /// Notes where branches to the label of a loop go, which is closed, if that is another copy.
    pub(super) fn note_landing(&mut self, position: usize) {
        let frame = &self.state.frames[position];
        let (true, Some(copy), Some(label), Some(arrival)) = (frame.used, frame.copy, frame.label, &mut self.arrival) else {
            return;
        };
        let Some(around) = position.checked_sub(1).and_then(|around| arrival.state.around.get(around)) else { return };
        arrival.landings.push(Landing { label, copy, below: around.height, params: frame.variables.clone() });
    }

    fn read_slot(&mut self, end: Value, ty: Type, offset: u32) -> Value {
        // Slots of vectors are aligned to 8.
        self.builder.ins().load(ty, MemFlagsData::new().with_notrap(), end, offset32(-i64::from(offset)))
    }

    /// Before an operator: if it begins a block around the loop, the operands below that become variables.
    pub(super) fn note_block(&mut self, operator: &Operator<'_>, position: u64) {
        let Some(arrival) = self.arrival.as_ref().filter(|_| !self.is_inside()) else { return };
        let begun = arrival.begun;
        let Some(around) = arrival.state.around.get(begun).copied() else { return };
        if around.position != position || arrival.open.is_some() {
            return;
        }
        let first = begun.checked_sub(1).map_or(0, |outside| arrival.state.around[outside].height);
        debug_assert!(!matches!(operator, Operator::End));
        let places = self.operand_places();
        for index in first..around.height {
            self.define_operand(index, &places);
        }
        if let Some(arrival) = &mut self.arrival {
            arrival.begun += 1;
        }
    }

    fn define_operand(&mut self, index: usize, places: &[Option<usize>]) {
        let Some(Some(place)) = places.get(index).copied() else { return };
        let value = self.state.values[place];
        let value = self.canonical(value);
        self.state.values[place] = value;
        if let Some(arrival) = &self.arrival {
            self.builder.def_var(arrival.variables[index], value);
        }
    }

    /// Where the operands of the state are on the stack of values, as far as they are there: there is no exception on it, and a second
    /// copy of what an `if` takes.
    fn operand_places(&self) -> Vec<Option<usize>> {
        let mut places = Vec::new();
        let Some(arrival) = &self.arrival else { return places };
        let mut taken = 0;
        for (frame, around) in self.state.frames.iter().skip(1).zip(&arrival.state.around) {
            let is_if = matches!(frame.kind, FrameKind::If(_) | FrameKind::Else);
            let copied = if is_if { self.param_count(frame.ty) } else { 0 };
            places.extend((taken..frame.height - copied).map(Some));
            taken = frame.height;
            if around.exception.is_some() {
                places.push(None);
            }
        }
        places.extend((taken..self.state.values.len()).map(Some));
        places
    }

    /// Whether the loop that an operator begins is the one that code is entered at.
    pub(super) fn is_arrival(&self, position: u64) -> bool {
        let last = self.arrival.as_ref().and_then(|arrival| arrival.state.around.last());
        !self.is_inside() && last.is_some_and(|around| around.position == position)
    }

    /// Whether what is translated is before the loop that this copy is entered at: it is deleted, unless an iteration of a loop around
    /// comes to it.
    pub(super) fn is_before_arrival(&self) -> bool {
        self.arrival.as_ref().is_some_and(|arrival| arrival.open.is_none())
    }

    /// Comes to the header, whose frame is the innermost, from the entry: with the operands of the state. The block that goes to the header is left.
    pub(super) fn arrive(&mut self, header: Block) {
        let position = self.frame_at(0);
        let Some(Arrival { state, end, block, ref variables, .. }) = self.arrival else { return };
        let variables = variables.clone();
        self.builder.switch_to_block(block);
        let count = self.state.frames[position].variables.len();
        let of_loop = state.operands.len() - count;
        for (index, &Slot { kind, offset, .. }) in state.operands.iter().enumerate() {
            let value = match end {
                Some(end) => self.read_slot(end, SlotType::of_kind(kind).clif, offset),
                None => self.builder.use_var(variables[index]),
            };
            let variable = match index.checked_sub(of_loop) {
                Some(operand) => self.state.frames[position].variables[operand],
                None => variables[index],
            };
            self.builder.def_var(variable, value);
        }
        self.builder.ins().jump(header, &[]);
        if let Some(arrival) = &mut self.arrival {
            arrival.open = Some(position);
        }
    }

    /// At the header, and at each label that can be come to past it: the operands below a frame are what they were on the way here.
    pub(super) fn reload_operands(&mut self, position: usize) {
        let Some(Arrival { state, ref variables, open: Some(open), .. }) = self.arrival else { return };
        if position > open {
            return;
        }
        let height = match position.checked_sub(1) {
            // Parameters of the loop have variables of their own.
            Some(around) if position == state.around.len() => {
                state.around[around].height - self.state.frames[position].variables.len()
            }
            Some(around) => state.around[around].height,
            None => 0,
        };
        let variables = variables[..height].to_vec();
        let places = self.operand_places();
        for (variable, place) in variables.into_iter().zip(places) {
            if let Some(place) = place {
                self.state.values[place] = self.builder.use_var(variable);
            }
        }
    }

    /// A frame is closed: its label is behind.
    pub(super) fn leave_frame(&mut self, position: usize) {
        if let Some(Arrival { open: Some(open), .. }) = &mut self.arrival {
            *open = (*open).min(position.saturating_sub(1));
        }
    }

    /// The exception that a clause of a legacy `try` handles, as a variable: it can be come to past the beginning of the clause.
    pub(super) fn exception_variable(&self, position: usize) -> Option<Variable> {
        let arrival = self.arrival.as_ref()?;
        let around = arrival.state.around.get(position.checked_sub(1)?)?;
        let is_around = arrival.begun >= position && arrival.open.is_none_or(|open| position <= open);
        Some(arrival.variables[around.exception.filter(|_| is_around)?])
    }

    /// What is wrong if the loop was not found.
    pub(super) fn check_arrival(&self) -> Result {
        match &self.arrival {
            Some(arrival) if arrival.block_is_empty(self) => Err(UnitError::TierUnable("the loop is never reached".into())),
            _ => Ok(()),
        }
    }
}

impl Arrival<'_> {
    fn block_is_empty(&self, translator: &Translator<'_>) -> bool {
        translator.builder.func.layout.last_inst(self.block).is_none()
    }
}
