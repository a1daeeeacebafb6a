//! Exceptions in both forms: tries with several clauses, throws, and exceptions that are thrown again.

use wasm_encoder::{BlockType, Catch, ValType};

use super::body::Body;
use super::{AbstractHeapType, Style, named, non_null, nullable};

/// A reference to an exception, or null.
const EXN: ValType = ValType::EXNREF;

/// What a clause catches.
#[derive(Debug, Clone, Copy)]
enum Clause {
    One(usize),
    OneRef(usize),
    All,
    AllRef,
}

impl Clause {
    fn tag(self) -> Option<usize> {
        match self {
            Clause::One(tag) | Clause::OneRef(tag) => Some(tag),
            Clause::All | Clause::AllRef => None,
        }
    }

    fn gives_exception(self) -> bool {
        matches!(self, Clause::OneRef(_) | Clause::AllRef)
    }
}

impl Body<'_> {
    /// A try around statements, and around a value if one is wanted.
    pub(super) fn try_(&mut self, ty: Option<ValType>, depth: u32) {
        match self.program.style {
            Style::Modern => self.try_table(ty, depth),
            Style::Legacy => self.try_legacy(ty, depth),
        }
    }

    fn protected(&mut self, ty: Option<ValType>, depth: u32) {
        for _ in 0..1 + self.random.below(2) {
            self.statement(depth);
        }
        match self.random.below(6) {
            0 => self.throw(depth),
            1 | 2 => {
                self.condition(depth);
                self.open_if(BlockType::Empty);
                self.throw(depth);
                self.close();
            }
            3 => {
                let func_type = self.any_func_type();
                let (_, results) = self.program.types.signature(func_type);
                self.call(func_type, depth);
                self.store_all(&results);
            }
            _ => {}
        }
        if let Some(ty) = ty {
            self.expression(ty, depth);
        }
    }

    fn try_table(&mut self, ty: Option<ValType>, depth: u32) {
        let block = ty.map_or(BlockType::Empty, BlockType::Result);
        let clauses: Vec<Clause> = (0..self.random.below(4)).map(|_| self.clause()).collect();
        let after = self.open_block(block);
        let mut labels = Vec::new();
        let mut stacks = Vec::new();
        for clause in clauses.iter().rev() {
            let mut stack = clause.tag().map_or(Vec::new(), |tag| self.program.tags[tag].clone());
            if clause.gives_exception() {
                stack.push(EXN);
            }
            let block = self.program.types.block(&stack);
            labels.push(self.open_block(block));
            stacks.push(stack);
        }
        labels.reverse();
        stacks.reverse();
        let catch = |(clause, label): (&Clause, _)| {
            let label = self.to(label);
            match *clause {
                Clause::One(tag) => Catch::One { tag: tag as u32, label },
                Clause::OneRef(tag) => Catch::OneRef { tag: tag as u32, label },
                Clause::All => Catch::All { label },
                Clause::AllRef => Catch::AllRef { label },
            }
        };
        let catches: Vec<Catch> = clauses.iter().zip(labels.iter().copied()).map(catch).collect();
        self.open_try_table(block, catches);
        self.protected(ty, depth);
        self.close();
        for (clause, stack) in clauses.iter().zip(stacks) {
            self.branch(after);
            self.close();
            let locals = self.store_all(&stack);
            let exception = clause.gives_exception().then(|| locals[locals.len() - 1]);
            self.handled(ty, depth, exception);
        }
        self.close();
    }

    fn clause(&mut self) -> Clause {
        let tag = self.random.below(self.program.tags.len());
        match self.random.below(8) {
            0..=2 => Clause::One(tag),
            3..=5 => Clause::OneRef(tag),
            6 => Clause::All,
            _ => Clause::AllRef,
        }
    }

    /// What a clause does, with what was caught in locals.
    fn handled(&mut self, ty: Option<ValType>, depth: u32, exception: Option<u32>) {
        self.statement(depth);
        let again = exception.filter(|_| self.random.one_in(3));
        let may_rethrow = !self.catching.is_empty() && self.random.one_in(3);
        if again.is_some() || may_rethrow {
            self.condition(depth);
            self.open_if(BlockType::Empty);
            match again {
                Some(exception) => {
                    self.sink().local_get(exception).throw_ref();
                }
                None => self.rethrow(),
            }
            self.close();
        }
        if let Some(ty) = ty {
            self.expression(ty, depth);
        }
    }

    fn rethrow(&mut self) {
        if let Some(label) = super::types::pick(self.random, self.catching.clone()) {
            let to = self.to(label);
            self.sink().rethrow(to);
        }
    }

    fn try_legacy(&mut self, ty: Option<ValType>, depth: u32) {
        let block = ty.map_or(BlockType::Empty, BlockType::Result);
        let label = self.open_try(block);
        self.protected(ty, depth);
        if self.random.one_in(4) {
            self.close_by_delegate();
            return;
        }
        for _ in 0..self.random.below(3) {
            let tag = self.random.below(self.program.tags.len());
            self.sink().catch(tag as u32);
            let payload = self.program.tags[tag].clone();
            self.store_all(&payload);
            self.catching.push(label);
            self.handled(ty, depth, None);
            self.catching.pop();
        }
        if self.random.one_in(2) {
            self.sink().catch_all();
            self.catching.push(label);
            self.handled(ty, depth, None);
            self.catching.pop();
        }
        self.close();
    }

    /// Throws: a new exception, or one that was caught before.
    pub(super) fn throw(&mut self, depth: u32) {
        if self.program.style == Style::Modern && self.random.one_in(5) {
            let is_risky = self.random.one_in(6);
            if let Some(local) = self.local_of(EXN) {
                if is_risky {
                    // Null would trap.
                    self.sink().local_get(local).throw_ref();
                    return;
                }
                let some = ValType::Ref(non_null(named(AbstractHeapType::Exn)));
                let label = self.open_block(BlockType::Result(some));
                let to = self.to(label);
                self.sink().local_get(local).br_on_non_null(to);
                self.new_exception(depth);
                self.close();
                self.sink().throw_ref();
                return;
            }
        }
        self.new_exception(depth);
    }

    fn new_exception(&mut self, depth: u32) {
        let tag = self.random.below(self.program.tags.len());
        for ty in self.program.tags[tag].clone() {
            self.expression(ty, depth.min(2));
        }
        self.sink().throw(tag as u32);
    }

    /// A reference to an exception, caught for it.
    pub(super) fn exception(&mut self, depth: u32) {
        let block = BlockType::Result(ValType::Ref(nullable(named(AbstractHeapType::Exn))));
        let label = self.open_block(block);
        let to = self.to(label);
        self.open_try_table(BlockType::Empty, vec![Catch::AllRef { label: to }]);
        self.new_exception(depth);
        self.close();
        self.sink().ref_null(named(AbstractHeapType::Exn));
        self.close();
    }
}
