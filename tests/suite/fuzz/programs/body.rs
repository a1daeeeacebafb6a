//! A function that is being made: its code so far, its locals, and the labels that are open.

use wasm_encoder::{BlockType, Function, HeapType, InstructionSink, ValType};

use super::types::{as_local, pick};
use super::{FUEL, Program, Random};

/// A block that is open. Its number is the number of blocks around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(u32);

/// A function that is being made.
pub(super) struct Body<'p> {
    pub(super) program: &'p mut Program,
    pub(super) random: &'p mut Random,
    pub(super) results: Vec<ValType>,
    /// `try`s in whose clauses the code now is.
    pub(super) catching: Vec<Label>,
    /// Expressions and statements that may still be made.
    pub(super) budget: i32,
    code: Vec<u8>,
    /// Parameters come first.
    locals: Vec<ValType>,
    param_count: usize,
    open: u32,
}

impl<'p> Body<'p> {
    /// A function without code.
    pub(super) fn new(program: &'p mut Program, random: &'p mut Random, params: &[ValType], results: &[ValType]) -> Self {
        let budget = 60 + random.below(200) as i32;
        Body {
            program,
            random,
            results: results.to_vec(),
            catching: Vec::new(),
            budget,
            code: Vec::new(),
            locals: params.to_vec(),
            param_count: params.len(),
            open: 0,
        }
    }

    /// A whole function.
    pub(super) fn function(program: &mut Program, random: &mut Random, func: u32) -> Function {
        let (params, results) = program.types.signature(program.funcs[func as usize]);
        let mut body = Body::new(program, random, &params, &results);
        body.sink().global_get(FUEL).i32_eqz();
        body.open_if(BlockType::Empty);
        results.iter().for_each(|ty| body.leaf(*ty));
        body.sink().return_();
        body.close();
        body.take_fuel();
        for _ in 0..2 + body.random.below(4) {
            body.statement(3);
        }
        let own_type = body.program.funcs[func as usize];
        if body.random.one_in(4) {
            body.tail_call(own_type);
        } else {
            results.iter().for_each(|ty| body.expression(*ty, 3));
        }
        body.finish()
    }

    /// One less.
    pub(super) fn take_fuel(&mut self) {
        self.sink().global_get(FUEL).i32_const(1).i32_sub().global_set(FUEL);
    }

    /// Where code goes.
    pub(super) fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.code)
    }

    /// The finished function.
    pub(super) fn finish(mut self) -> Function {
        self.sink().end();
        let mut function = Function::new_with_locals_types(self.locals[self.param_count..].iter().copied());
        function.raw(self.code);
        function
    }

    // ---- Blocks ----

    fn opened(&mut self) -> Label {
        self.open += 1;
        Label(self.open - 1)
    }

    pub(super) fn open_block(&mut self, ty: BlockType) -> Label {
        self.sink().block(ty);
        self.opened()
    }

    pub(super) fn open_loop(&mut self) -> Label {
        self.sink().loop_(BlockType::Empty);
        self.opened()
    }

    pub(super) fn open_if(&mut self, ty: BlockType) -> Label {
        self.sink().if_(ty);
        self.opened()
    }

    pub(super) fn open_try_table(&mut self, ty: BlockType, catches: Vec<wasm_encoder::Catch>) -> Label {
        self.sink().try_table(ty, catches);
        self.opened()
    }

    pub(super) fn open_try(&mut self, ty: BlockType) -> Label {
        self.sink().try_(ty);
        self.opened()
    }

    pub(super) fn close(&mut self) {
        self.sink().end();
        self.open -= 1;
    }

    /// Closes a `try` by handing its exceptions to one of the labels around it, or to the caller.
    pub(super) fn close_by_delegate(&mut self) {
        self.open -= 1;
        let to = self.random.below(self.open as usize + 1) as u32;
        self.sink().delegate(to);
    }

    /// How an instruction here names a label.
    pub(super) fn to(&self, label: Label) -> u32 {
        self.open - 1 - label.0
    }

    pub(super) fn branch(&mut self, label: Label) {
        let to = self.to(label);
        self.sink().br(to);
    }

    // ---- Locals ----

    /// A new local for such values; null or zero at first.
    pub(super) fn local(&mut self, ty: ValType) -> u32 {
        self.locals.push(as_local(ty));
        self.locals.len() as u32 - 1
    }

    /// A local whose values are of the type.
    pub(super) fn local_of(&mut self, ty: ValType) -> Option<u32> {
        let fits = |local: &u32| self.program.types.is_subtype(self.locals[*local as usize], ty);
        let fitting: Vec<u32> = (0..self.locals.len() as u32).filter(fits).collect();
        pick(self.random, fitting)
    }

    /// Any local, and its type.
    pub(super) fn any_local(&mut self) -> Option<(u32, ValType)> {
        let all: Vec<(u32, ValType)> = (0u32..).zip(self.locals.iter().copied()).collect();
        pick(self.random, all)
    }

    /// Stores what lies on the stack, the last value first, and says where.
    pub(super) fn store_all(&mut self, types: &[ValType]) -> Vec<u32> {
        let locals: Vec<u32> = types.iter().map(|ty| self.local(*ty)).collect();
        for local in locals.iter().rev() {
            self.sink().local_set(*local);
        }
        locals
    }

    /// A type of values.
    pub(super) fn some_type(&mut self) -> ValType {
        self.program.types.random_value(self.random)
    }

    /// A function's index, of those of a type.
    pub(super) fn func_of(&mut self, ty: Option<u32>) -> u32 {
        let funcs = &self.program.funcs;
        let fitting = (0..funcs.len() as u32).filter(|&func| ty.is_none_or(|ty| funcs[func as usize] == ty));
        // Each type of the group has a function.
        pick(self.random, fitting).unwrap_or(0)
    }

    /// One of the types that are a heap type or below it.
    pub(super) fn type_below(&mut self, heap: HeapType) -> Option<u32> {
        let below = self.program.types.below(heap);
        pick(self.random, below)
    }
}
