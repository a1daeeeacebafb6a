//! From the tree to instructions (§22.2.2 Pattern Semantics).
//!
//! Inside a lookbehind all goes backwards: sequences from their last part, characters before the place. Otherwise each part is compiled with
//! the knowledge of which characters can follow ([`first`](super::first)).
#![forbid(unsafe_code)]

use std::collections::HashMap;

use super::first::{Follow, Literal, first, is_anchored, literal};
use super::parse::{Pattern, error};
use super::program::{CompiledSet, Mode, NONE, Op, Program, Run, Start};
use super::set::CodeSet;
use super::tree::{Flags, INFINITE, Loop, Node, SyntaxError};

/// A part that takes so many instructions is written down once for each time it is repeated; a larger one is counted.
const MAX_UNROLLED: usize = 64;
/// So many instructions a program may have.
const MAX_OPS: usize = 1 << 20;

struct Compiler {
    ops: Vec<Op>,
    sets: Vec<CompiledSet>,
    known_sets: HashMap<CodeSet, u32>,
    runs: Vec<Run>,
    limits: Vec<(u32, u32, bool)>,
    text: Vec<u16>,
    groups: Vec<Vec<u32>>,
    slot_count: u32,
    unicode: bool,
    back: bool,
    /// Whether the last instruction is a character of the same sequence.
    is_joinable: bool,
}

/// Compiles a pattern.
pub(super) fn compile(pattern: &Pattern, flags: Flags) -> Result<Program, SyntaxError> {
    let mut compiler = Compiler {
        ops: Vec::new(),
        sets: Vec::new(),
        known_sets: HashMap::new(),
        runs: Vec::new(),
        limits: Vec::new(),
        text: Vec::new(),
        groups: Vec::new(),
        slot_count: 2 * pattern.group_count,
        unicode: flags.has_unicode(),
        back: false,
        is_joinable: false,
    };
    compiler.node(&pattern.node, &None)?;
    compiler.ops.push(Op::Save(1));
    compiler.ops.push(Op::Match);
    let start = compiler.start(&pattern.node);
    Ok(Program {
        ops: compiler.ops,
        sets: compiler.sets,
        runs: compiler.runs,
        limits: compiler.limits,
        text: compiler.text,
        groups: compiler.groups,
        slot_count: compiler.slot_count,
        group_count: pattern.group_count,
        unicode: flags.has_unicode(),
        start,
    })
}

impl Compiler {
    fn start(&mut self, node: &Node) -> Start {
        if is_anchored(node) {
            return Start::Beginning;
        }
        if let Some(Literal { text, fewest, most }) = literal(node, self.unicode) {
            let text = Box::new(memchr::memmem::Finder::new(&text).into_owned());
            return Start::Text { text, fewest, most };
        }
        let Some(set) = first(node, &None) else { return Start::Anywhere };
        let bytes: Option<Box<[u8]>> =
            if set.count() <= 3 { set.members().map(|point| u8::try_from(point).ok()).collect() } else { None };
        match bytes {
            Some(bytes) if !bytes.is_empty() => Start::Bytes(bytes),
            _ => Start::Set(self.set(&set)),
        }
    }

    fn set(&mut self, set: &CodeSet) -> u32 {
        if let Some(&known) = self.known_sets.get(set) {
            return known;
        }
        let number = self.sets.len() as u32;
        self.sets.push(CompiledSet::new(set));
        self.known_sets.insert(set.clone(), number);
        number
    }

    fn follow_set(&mut self, follow: &Follow) -> u32 {
        follow.as_ref().map_or(NONE, |set| self.set(set))
    }

    fn here(&self) -> u32 {
        self.ops.len() as u32
    }

    /// An instruction whose target is not known yet.
    fn hole(&mut self, op: Op) -> usize {
        self.ops.push(op);
        self.ops.len() - 1
    }

    /// Lets an instruction go to this place.
    fn fill(&mut self, hole: usize) {
        let here = self.here();
        match &mut self.ops[hole] {
            Op::Jump(target)
            | Op::Branch { other: target, .. }
            | Op::Repeat { exit: target, .. }
            | Op::Look { other: target, .. } => *target = here,
            _ => {}
        }
    }

    fn slots(&mut self, count: u32) -> u32 {
        let first = self.slot_count;
        self.slot_count += count;
        first
    }

    fn node(&mut self, node: &Node, follow: &Follow) -> Result<(), SyntaxError> {
        if self.ops.len() > MAX_OPS {
            return error("Regular expression too large");
        }
        match node {
            Node::Empty => {}
            Node::Char(char) => self.char(*char),
            Node::Set(set) => self.one_of(set),
            Node::Sequence(nodes) if self.back => {
                for node in nodes.iter().rev() {
                    self.node(node, &None)?;
                }
            }
            Node::Sequence(nodes) => {
                let mut follows = vec![follow.clone()];
                for node in nodes.iter().skip(1).rev() {
                    let next = first(node, follows.last().unwrap_or(&None));
                    follows.push(next);
                }
                let mut was_char = false;
                for (node, follow) in nodes.iter().zip(follows.iter().rev()) {
                    let is_char = matches!(node, Node::Char(_));
                    self.is_joinable = is_char && was_char;
                    self.node(node, follow)?;
                    was_char = is_char;
                    self.is_joinable = false;
                }
            }
            Node::Alternatives(nodes) => match node.as_set() {
                Some(set) => self.one_of(&set),
                None => self.alternatives(nodes, follow)?,
            },
            Node::Group(group, node) => {
                let (start, end) = if self.back { (2 * group + 1, 2 * group) } else { (2 * group, 2 * group + 1) };
                self.ops.push(Op::Save(start));
                self.node(node, follow)?;
                self.ops.push(Op::Save(end));
            }
            Node::BackReference { groups, ignore_case } => {
                self.groups.push(groups.clone());
                let groups = self.groups.len() as u32 - 1;
                self.ops.push(Op::Reference { groups, ignore_case: *ignore_case, back: self.back });
            }
            Node::Loop(inner) => self.repeated(inner, follow)?,
            Node::Look { node, behind, negative } => {
                let slot = self.slots(2);
                let look = self.hole(Op::Look { slot, other: NONE });
                let outer = std::mem::replace(&mut self.back, *behind);
                self.node(node, &None)?;
                self.back = outer;
                self.ops.push(Op::LookEnd { slot, negative: *negative });
                if *negative {
                    self.fill(look);
                }
            }
            Node::LineStart { multiline } => self.ops.push(Op::LineStart { multiline: *multiline }),
            Node::LineEnd { multiline } => self.ops.push(Op::LineEnd { multiline: *multiline }),
            Node::WordBoundary { negative, extended } => {
                self.ops.push(Op::WordBoundary { negative: *negative, extended: *extended });
            }
        }
        Ok(())
    }

    fn char(&mut self, char: u32) {
        let is_surrogate = (0xd800..0xe000).contains(&char);
        match u16::try_from(char) {
            // Half of a pair is no character.
            Ok(_) if is_surrogate && self.unicode => self.one_of(&CodeSet::one(char)),
            Ok(unit) if self.back => self.ops.push(Op::UnitBack(unit)),
            Ok(unit) => self.unit(unit),
            Err(_) => self.one_of(&CodeSet::one(char)),
        }
    }

    /// A code unit, together with those before it if nothing goes on between them.
    fn unit(&mut self, unit: u16) {
        let end = self.text.len() as u32;
        match self.ops.last_mut() {
            Some(Op::Units { to, .. }) if *to == end && self.is_joinable => {
                self.text.push(unit);
                *to += 1;
            }
            Some(&mut Op::Unit(before)) if self.is_joinable => {
                self.text.extend([before, unit]);
                self.ops.pop();
                self.ops.push(Op::Units { from: end, to: end + 2 });
            }
            _ => self.ops.push(Op::Unit(unit)),
        }
    }

    fn one_of(&mut self, set: &CodeSet) {
        if set.is_empty() {
            self.ops.push(Op::Fail);
            return;
        }
        let set_number = |compiler: &mut Self| compiler.set(set);
        let is_plain = |unit: u32| unit <= 0xffff && !(0xd800..0xe000).contains(&unit);
        if self.back {
            let set = set_number(self);
            self.ops.push(Op::SetBack(set));
            return;
        }
        let members: Vec<u32> = if set.count() == 2 { set.members().collect() } else { Vec::new() };
        match *members {
            [a, b] if is_plain(a) && is_plain(b) => self.ops.push(Op::EitherUnit(a as u16, b as u16)),
            _ => {
                let set = set_number(self);
                self.ops.push(Op::Set(set));
            }
        }
    }

    fn alternatives(&mut self, nodes: &[Node], follow: &Follow) -> Result<(), SyntaxError> {
        let Some((last, before)) = nodes.split_last() else { return Ok(()) };
        let firsts: Vec<Follow> = nodes.iter().map(|node| if self.back { None } else { first(node, follow) }).collect();
        // What the alternatives behind each can begin with.
        let mut rests: Vec<Follow> = vec![firsts.last().cloned().flatten()];
        for next in firsts.iter().rev().skip(1) {
            let rest = match (next, rests.last()) {
                (Some(next), Some(Some(rest))) => Some(next.union(rest)),
                _ => None,
            };
            rests.push(rest);
        }
        rests.reverse();
        let mut ends = Vec::new();
        for (nth, node) in before.iter().enumerate() {
            let (first, rest) = (self.follow_set(&firsts[nth]), self.follow_set(&rests[nth + 1]));
            let branch = self.hole(Op::Branch { other: NONE, first, rest });
            self.node(node, follow)?;
            ends.push(self.hole(Op::Jump(NONE)));
            self.fill(branch);
        }
        self.node(last, follow)?;
        for end in ends {
            self.fill(end);
        }
        Ok(())
    }

    fn repeated(&mut self, inner: &Loop, follow: &Follow) -> Result<(), SyntaxError> {
        if inner.max == 0 {
            return Ok(());
        }
        if let (Some(set), false) = (inner.node.as_set(), self.back) {
            self.run(&set, inner, follow);
            return Ok(());
        }
        let size = inner.node.size();
        let is_small = |times: u32| size.saturating_mul(times as usize) <= MAX_UNROLLED;
        // The body may be followed by itself.
        let again = match (self.back, first(&inner.node, &None), follow) {
            (false, Some(body), Some(follow)) => Some(body.union(follow)),
            _ => None,
        };
        let is_unrolled = match inner.max {
            1 => true,
            INFINITE => inner.min == 0 || is_small(inner.min),
            max => is_small(max),
        };
        if is_unrolled {
            for _ in 0..inner.min {
                self.round(inner, &again)?;
            }
            return if inner.max == INFINITE {
                self.endless(inner, follow, &again)
            } else {
                self.optional(inner, follow, &again)
            };
        }
        self.counted(inner, &again)
    }

    /// One round of a loop.
    fn round(&mut self, inner: &Loop, again: &Follow) -> Result<(), SyntaxError> {
        let (from, to) = inner.groups;
        if from < to {
            self.ops.push(Op::Clear(2 * from, 2 * to));
        }
        self.node(&inner.node, again)
    }

    /// A choice between a round and what follows the loop. Gives what is to be filled in at the loop's end.
    fn choice(&mut self, inner: &Loop, follow: &Follow, again: &Follow) -> usize {
        let (mut round, mut rest) = (NONE, NONE);
        if !self.back {
            round = self.follow_set(&first(&inner.node, again));
            rest = self.follow_set(follow);
        }
        if inner.greedy {
            return self.hole(Op::Branch { other: NONE, first: round, rest });
        }
        let next = self.here() + 2;
        self.ops.push(Op::Branch { other: next, first: rest, rest: round });
        self.hole(Op::Jump(NONE))
    }

    fn endless(&mut self, inner: &Loop, follow: &Follow, again: &Follow) -> Result<(), SyntaxError> {
        let mark = inner.node.may_be_empty().then(|| self.slots(1));
        let head = self.here();
        let exit = self.choice(inner, follow, again);
        if let Some(mark) = mark {
            self.ops.push(Op::Save(mark));
        }
        self.round(inner, again)?;
        if let Some(mark) = mark {
            self.ops.push(Op::Progress(mark));
        }
        self.ops.push(Op::Jump(head));
        self.fill(exit);
        Ok(())
    }

    fn optional(&mut self, inner: &Loop, follow: &Follow, again: &Follow) -> Result<(), SyntaxError> {
        let mut exits = Vec::new();
        for _ in inner.min..inner.max {
            let mark = inner.node.may_be_empty().then(|| self.slots(1));
            exits.push(self.choice(inner, follow, again));
            if let Some(mark) = mark {
                self.ops.push(Op::Save(mark));
            }
            self.round(inner, again)?;
            if let Some(mark) = mark {
                self.ops.push(Op::Progress(mark));
            }
        }
        for exit in exits {
            self.fill(exit);
        }
        Ok(())
    }

    fn counted(&mut self, inner: &Loop, again: &Follow) -> Result<(), SyntaxError> {
        let mark = inner.node.may_be_empty().then(|| self.slots(1));
        let count = self.slots(1);
        self.ops.push(Op::Zero(count));
        let head = self.here();
        let exit = self.hole(Op::Repeat { count, limits: self.limits.len() as u32, exit: NONE });
        self.limits.push((inner.min, inner.max, inner.greedy));
        self.ops.push(Op::Increment(count));
        if let Some(mark) = mark {
            self.ops.push(Op::Save(mark));
        }
        self.round(inner, again)?;
        if let Some(place) = mark {
            self.ops.push(Op::ProgressBeyond { place, count, min: inner.min });
        }
        self.ops.push(Op::Jump(head));
        self.fill(exit);
        Ok(())
    }

    /// A loop over single characters.
    fn run(&mut self, set: &CodeSet, inner: &Loop, follow: &Follow) {
        let mode = match follow {
            Some(follow) if follow.is_disjoint(set) => Mode::Possessive,
            _ if inner.greedy => Mode::Greedy,
            _ => Mode::Lazy,
        };
        let hint = match follow.as_ref().and_then(CodeSet::single) {
            Some(unit) if unit <= 0xffff && !(0xd800..0xe000).contains(&unit) => unit,
            _ => NONE,
        };
        let set = self.set(set);
        self.runs.push(Run { set, min: inner.min, max: inner.max, mode, hint });
        self.ops.push(Op::Run(self.runs.len() as u32 - 1));
    }
}
