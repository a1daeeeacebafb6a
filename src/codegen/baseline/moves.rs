//! Moving several values at once, none of which may be lost: arguments of calls, results, operands of branches.
//!
//! First what goes to memory, from the registers as they are; then what goes to registers, in an order in which no source is overwritten
//! before it was read. A cycle is broken by the scratch register. (Boissinot et al., *Revisiting Out-of-SSA Translation for
//! Correctness, Code Quality, and Efficiency*, CGO 2009, algorithm 1.)

use crate::asm::x64::Mem;
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, Reg, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc, Value};

/// Where a value goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Reg(Reg),
    Memory(Mem),
    /// A stack argument: integers of 32 bits fill its eight bytes, since callees may load them all.
    Argument(Mem),
}

/// One of several moves.
#[derive(Copy, Clone, Debug)]
pub(super) struct Move {
    pub target: Target,
    pub value: Value,
}

impl Function<'_> {
    /// Adds a move to those that are collected, unless it is none.
    pub(super) fn add_move(&mut self, target: Target, value: Value) {
        let is_there = match (target, value.loc()) {
            (Target::Reg(to), Loc::Reg(from)) => to == from,
            (Target::Memory(to), _) => value.is_in_slot() && to == value.slot(),
            _ => false,
        };
        if !is_there {
            self.buffers.moves.push(Move { target, value });
        }
    }

    /// Does what was collected. Only the flags stay as they were.
    #[inline]
    pub(super) fn do_moves(&mut self) {
        if !self.buffers.moves.is_empty() {
            self.do_all_moves();
        }
    }

    fn do_all_moves(&mut self) {
        let mut moves = std::mem::take(&mut self.buffers.moves);
        let to_memory = self.do_stores(&moves);
        if to_memory < moves.len() {
            if to_memory > 0 {
                moves.retain(|found| matches!(found.target, Target::Reg(_)));
            }
            self.do_loads(&mut moves);
        }
        moves.clear();
        self.buffers.moves = moves;
    }

    /// Gives how many there were.
    fn do_stores(&mut self, moves: &[Move]) -> usize {
        let mut count = 0;
        for &Move { target, value } in moves {
            let (mem, stored) = match target {
                Target::Reg(_) => continue,
                Target::Memory(mem) => (mem, value.kind()),
                Target::Argument(mem) if value.kind().is_float_or_vector() => (mem, value.kind()),
                Target::Argument(mem) => (mem, Kind::I64),
            };
            count += 1;
            match value.loc() {
                Loc::Reg(reg) => self.store_reg(stored, mem, reg),
                Loc::Const(bits) => self.store_const(stored, mem, bits),
                Loc::Slot if stored == value.kind() => self.copy_memory(stored, mem, value.slot()),
                Loc::Slot => {
                    self.load_reg(value.kind(), SCRATCH.into(), value.slot());
                    self.store_reg(stored, mem, SCRATCH.into());
                }
            }
        }
        count
    }

    fn do_loads(&mut self, moves: &mut [Move]) {
        // Constants and loads read no register, and may overwrite what others read: they come last.
        let mut waiting = moves.len();
        let mut at = 0;
        while at < waiting {
            if matches!(moves[at].value.loc(), Loc::Reg(_)) {
                at += 1;
            } else {
                waiting -= 1;
                moves.swap(at, waiting);
            }
        }
        let (between_registers, rest) = moves.split_at_mut(waiting);
        self.move_registers(between_registers);
        for &mut Move { target, value } in rest {
            match (target, value.loc()) {
                (Target::Reg(to), Loc::Const(bits)) => self.load_const(value.kind(), to, bits),
                (Target::Reg(to), Loc::Slot) => self.load_reg(value.kind(), to, value.slot()),
                _ => {}
            }
        }
    }

    fn move_registers(&mut self, moves: &mut [Move]) {
        let mut waiting = moves.len();
        while waiting > 0 {
            let before = waiting;
            let mut at = 0;
            while at < waiting {
                let (Target::Reg(to), Loc::Reg(from)) = (moves[at].target, moves[at].value.loc()) else { return };
                // What another move reads is written after that.
                let is_read = (0..waiting).any(|other| other != at && moves[other].value.loc() == Loc::Reg(to));
                if is_read && from != to {
                    at += 1;
                    continue;
                }
                if from != to {
                    self.move_reg(moves[at].value.kind(), to, from);
                }
                waiting -= 1;
                moves.swap(at, waiting);
            }
            if waiting == before {
                self.break_cycle(&mut moves[..waiting]);
            }
        }
    }

    /// Every register that is left is read by another move: one is read into the scratch register now, and written from there.
    fn break_cycle(&mut self, moves: &mut [Move]) {
        let Move { target: Target::Reg(to), value } = moves[0] else { return };
        // Whole registers, whatever part of them counts.
        let (kind, scratch): (Kind, Reg) =
            if value.kind().is_float_or_vector() { (Kind::V128, FLOAT_SCRATCH.into()) } else { (Kind::I64, SCRATCH.into()) };
        self.move_reg(kind, scratch, to);
        for found in moves {
            if found.value.loc() == Loc::Reg(to) {
                found.value = found.value.with_loc(Loc::Reg(scratch));
            }
        }
    }
}
