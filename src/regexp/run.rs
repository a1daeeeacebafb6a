//! The backtracking matcher.
//!
//! Problem: patterns have references and assertions, so that no automaton will do, and texts may be so hostile that a match takes for ever.
//! Idea: a stack of its own has the choices not yet tried, and what each slot held before it was written since: to go back is to pop until a
//! choice comes. Choices that one character decides are not pushed at all ([`Op::Branch`], [`Mode::Possessive`]), and a run of single
//! characters is one entry, however long. The stack is bounded; every some thousand steps somebody is asked whether to go on.
//!
//! Invariant: as long as the stack is empty nothing goes back, so that slots are written without a note.
#![forbid(unsafe_code)]

use super::case::canonical;
use super::program::{CompiledSet, Mode, NONE, Op, Program, Run, Start};
use super::subject::Units;

/// So many entries the stack may have: 16 bytes each.
const MAX_ENTRIES: usize = 1 << 22;
/// After so many steps it is asked whether to go on.
const STEPS: u32 = 1 << 13;
/// A stack that has grown beyond this is given back.
const KEPT_ENTRIES: usize = 1 << 14;

/// Why a match was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// Somebody wants it to end.
    #[error("the match was interrupted")]
    Interrupted,
    /// The backtrack stack is full.
    #[error("the match needs too much memory")]
    TooComplex,
}

/// To what a match goes back.
#[derive(Debug, Clone, Copy)]
enum Entry {
    /// Another way.
    Resume { pc: u32, at: u32 },
    /// What a slot held.
    Restore { slot: u32, old: u32 },
    /// A greedy run that can end earlier, but not before `low`.
    Shorter { pc: u32, low: u32, at: u32 },
    /// A lazy run that can go on for so many characters.
    Longer { pc: u32, at: u32, left: u32 },
}

/// Memory that matches use one after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    stack: Vec<Entry>,
    slots: Vec<u32>,
    groups: usize,
}

impl Scratch {
    /// The place of a group in the last match: from where to where. Group 0 is the whole.
    pub fn group(&self, group: usize) -> Option<(usize, usize)> {
        let (start, end) = (*self.slots.get(2 * group)?, *self.slots.get(2 * group + 1)?);
        (group < self.groups && start != NONE && end != NONE).then_some((start as usize, end as usize))
    }
}

pub(super) struct Machine<'a, S> {
    text: S,
    program: &'a Program,
    stack: &'a mut Vec<Entry>,
    slots: &'a mut Vec<u32>,
    steps: u32,
    is_dirty: bool,
    poll: &'a mut dyn FnMut() -> bool,
}

/// Looks for a match from a place on, or only there.
pub(super) fn find<S: Units, const UNICODE: bool>(
    program: &Program,
    text: S,
    from: usize,
    sticky: bool,
    scratch: &mut Scratch,
    poll: &mut dyn FnMut() -> bool,
) -> Result<bool, MatchError> {
    if from > text.len() {
        return Ok(false);
    }
    scratch.groups = program.group_count as usize;
    scratch.slots.clear();
    scratch.slots.resize(program.slot_count as usize, NONE);
    scratch.stack.clear();
    let mut machine =
        Machine { text, program, stack: &mut scratch.stack, slots: &mut scratch.slots, steps: STEPS, is_dirty: false, poll };
    let found = if sticky { machine.attempt::<UNICODE>(from) } else { machine.search::<UNICODE>(from) };
    if scratch.stack.capacity() > KEPT_ENTRIES {
        scratch.stack = Vec::new();
    }
    found
}

impl<S: Units> Machine<'_, S> {
    fn search<const UNICODE: bool>(&mut self, from: usize) -> Result<bool, MatchError> {
        let (program, text) = (self.program, self.text);
        let mut at = from;
        while at <= text.len() {
            at = match &program.start {
                Start::Anywhere => at,
                Start::Beginning if at > 0 => return Ok(false),
                Start::Beginning => return self.attempt::<UNICODE>(at),
                Start::Bytes(bytes) => match text.find_byte(bytes, at) {
                    Some(found) => found,
                    None => return Ok(false),
                },
                Start::Text { text: needle, fewest, most } => {
                    let (fewest, most) = (*fewest as usize, *most as usize);
                    let Some(found) = text.find_text(needle, at + fewest) else { return Ok(false) };
                    // Here, or a little later, but not behind this text if there is no other.
                    let mut start = at.max(found.saturating_sub(most));
                    if UNICODE && start > at && text.char_before::<UNICODE>(start + 1).1 == 2 {
                        start += 1;
                    }
                    start
                }
                Start::Set(set) => match self.find_set::<UNICODE>(&program.sets[*set as usize], at) {
                    Some(found) => found,
                    None => return Ok(false),
                },
            };
            if self.attempt::<UNICODE>(at)? {
                return Ok(true);
            }
            at += if at < text.len() { text.char_at::<UNICODE>(at).1 } else { 1 };
        }
        Ok(false)
    }

    fn find_set<const UNICODE: bool>(&self, set: &CompiledSet, from: usize) -> Option<usize> {
        let mut at = from;
        while at < self.text.len() {
            let (char, width) = self.text.char_at::<UNICODE>(at);
            if set.contains(char) {
                return Some(at);
            }
            at += width;
        }
        None
    }

    /// Counts work, so that nobody waits for ever.
    #[inline(always)]
    fn step(&mut self, count: u32) -> Result<(), MatchError> {
        match self.steps.checked_sub(count) {
            Some(left) => self.steps = left,
            None => {
                self.steps = STEPS;
                if (self.poll)() {
                    return Err(MatchError::Interrupted);
                }
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn push(&mut self, entry: Entry) -> Result<(), MatchError> {
        if self.stack.len() >= MAX_ENTRIES {
            return Err(MatchError::TooComplex);
        }
        self.stack.push(entry);
        Ok(())
    }

    #[inline(always)]
    fn set_slot(&mut self, slot: u32, value: u32) -> Result<(), MatchError> {
        let old = std::mem::replace(&mut self.slots[slot as usize], value);
        if self.stack.is_empty() {
            self.is_dirty = true;
            return Ok(());
        }
        self.push(Entry::Restore { slot, old })
    }

    /// The next choice that was not tried: where to go on. A run is tried one character shorter, or longer.
    fn back<const UNICODE: bool>(&mut self) -> Result<Option<(usize, usize)>, MatchError> {
        self.step(1)?;
        while let Some(entry) = self.stack.pop() {
            match entry {
                Entry::Restore { slot, old } => self.slots[slot as usize] = old,
                Entry::Resume { pc, at } => return Ok(Some((pc as usize, at as usize))),
                Entry::Shorter { pc, low, at } => {
                    let mut at = at as usize;
                    at -= self.text.char_before::<UNICODE>(at).1;
                    if let Some(next) = self.shorter::<UNICODE>(pc, low as usize, at)? {
                        return Ok(Some(next));
                    }
                }
                Entry::Longer { pc, at, left } => {
                    let at = at as usize;
                    let Some(Run { set, .. }) = self.run_at(pc as usize) else { continue };
                    if left > 0 && at < self.text.len() {
                        let (char, width) = self.text.char_at::<UNICODE>(at);
                        if self.program.sets[set as usize].contains(char)
                            && let Some(next) = self.longer::<UNICODE>(pc, at + width, left - 1)?
                        {
                            return Ok(Some(next));
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    #[inline(always)]
    fn run_at(&self, pc: usize) -> Option<Run> {
        match self.program.ops[pc] {
            Op::Run(run) => Some(self.program.runs[run as usize]),
            _ => None,
        }
    }

    /// Ends a greedy run at a place or before it, where what follows may stand.
    #[inline(always)]
    fn shorter<const UNICODE: bool>(&mut self, pc: u32, low: usize, mut at: usize) -> Result<Option<(usize, usize)>, MatchError> {
        let Some(Run { hint, .. }) = self.run_at(pc as usize) else { return Ok(None) };
        if hint != NONE {
            let start = at;
            while at >= self.text.len() || self.text.at(at) != hint {
                if at <= low {
                    return Ok(None);
                }
                at -= self.text.char_before::<UNICODE>(at).1;
            }
            self.step((start - at) as u32 >> 4)?;
        }
        if at > low {
            self.push(Entry::Shorter { pc, low: low as u32, at: at as u32 })?;
        }
        Ok(Some((pc as usize + 1, at)))
    }

    /// Ends a lazy run at a place or behind it, where what follows may stand.
    #[inline(always)]
    fn longer<const UNICODE: bool>(
        &mut self,
        pc: u32,
        mut at: usize,
        mut left: u32,
    ) -> Result<Option<(usize, usize)>, MatchError> {
        let Some(Run { set, hint, .. }) = self.run_at(pc as usize) else { return Ok(None) };
        if hint != NONE {
            let (start, set) = (at, &self.program.sets[set as usize]);
            loop {
                if at >= self.text.len() {
                    return Ok(None);
                }
                let (char, width) = self.text.char_at::<UNICODE>(at);
                if char == hint {
                    break;
                }
                if left == 0 || !set.contains(char) {
                    return Ok(None);
                }
                at += width;
                left -= 1;
            }
            self.step((at - start) as u32 >> 4)?;
        }
        self.push(Entry::Longer { pc, at: at as u32, left })?;
        Ok(Some((pc as usize + 1, at)))
    }

    /// Where a run of single characters ends, and how many they are.
    #[inline(always)]
    fn span<const UNICODE: bool>(&self, set: u32, from: usize, max: u32) -> (usize, u32) {
        let set = &self.program.sets[set as usize];
        let (mut at, mut count, length) = (from, 0, self.text.len());
        while at < length && count < max {
            let (char, width) = self.text.char_at::<UNICODE>(at);
            if !set.contains(char) {
                break;
            }
            at += width;
            count += 1;
        }
        (at, count)
    }

    /// Matches a run: where to go on, if it can be.
    #[inline(always)]
    fn run<const UNICODE: bool>(&mut self, pc: usize, at: usize) -> Result<Option<(usize, usize)>, MatchError> {
        let Some(Run { set, min, max, mode, .. }) = self.run_at(pc) else { return Ok(None) };
        if mode == Mode::Lazy {
            let (low, count) = self.span::<UNICODE>(set, at, min);
            return if count < min { Ok(None) } else { self.longer::<UNICODE>(pc as u32, low, max - min) };
        }
        let (end, count) = self.span::<UNICODE>(set, at, max);
        self.step((end - at) as u32 >> 4)?;
        if count < min {
            return Ok(None);
        }
        if mode == Mode::Possessive || count == min {
            return Ok(Some((pc + 1, end)));
        }
        let low = if min == 0 { at } else { self.span::<UNICODE>(set, at, min).0 };
        self.shorter::<UNICODE>(pc as u32, low, end)
    }

    /// Whether there is a match that begins at a place.
    fn attempt<const UNICODE: bool>(&mut self, from: usize) -> Result<bool, MatchError> {
        // What earlier attempts wrote without a note.
        if std::mem::take(&mut self.is_dirty) {
            self.slots.fill(NONE);
        }
        self.slots[0] = from as u32;
        let (program, text) = (self.program, self.text);
        let (mut pc, mut at) = (0, from);
        macro_rules! back {
            () => {
                match self.back::<UNICODE>()? {
                    Some((next, place)) => {
                        pc = next;
                        at = place;
                        continue;
                    }
                    None => return Ok(false),
                }
            };
        }
        macro_rules! check {
            ($condition:expr) => {
                if !$condition {
                    back!();
                }
            };
        }
        loop {
            let op = program.ops[pc];
            pc += 1;
            match op {
                Op::Match => return Ok(true),
                Op::Fail => back!(),
                Op::Unit(unit) => {
                    check!(at < text.len() && text.at(at) == u32::from(unit));
                    at += 1;
                }
                Op::Units { from, to } => {
                    let units = &program.text[from as usize..to as usize];
                    check!(text.len() - at >= units.len());
                    check!(units.iter().enumerate().all(|(nth, &unit)| text.at(at + nth) == u32::from(unit)));
                    at += units.len();
                }
                Op::EitherUnit(a, b) => {
                    check!(at < text.len());
                    let unit = text.at(at);
                    check!(unit == u32::from(a) || unit == u32::from(b));
                    at += 1;
                }
                Op::Set(set) => {
                    check!(at < text.len());
                    let (char, width) = text.char_at::<UNICODE>(at);
                    check!(program.sets[set as usize].contains(char));
                    at += width;
                }
                Op::UnitBack(unit) => {
                    check!(at > 0 && text.at(at - 1) == u32::from(unit));
                    at -= 1;
                }
                Op::SetBack(set) => {
                    check!(at > 0);
                    let (char, width) = text.char_before::<UNICODE>(at);
                    check!(program.sets[set as usize].contains(char));
                    at -= width;
                }
                Op::Run(_) => match self.run::<UNICODE>(pc - 1, at)? {
                    Some((next, place)) => (pc, at) = (next, place),
                    None => back!(),
                },
                Op::Jump(target) => {
                    self.step(1)?;
                    pc = target as usize;
                }
                Op::Branch { other, first, rest } => {
                    let may = |set: u32| {
                        set == NONE || (at < text.len() && program.sets[set as usize].contains(text.char_at::<UNICODE>(at).0))
                    };
                    if !may(first) {
                        check!(may(rest));
                        pc = other as usize;
                    } else if may(rest) {
                        self.push(Entry::Resume { pc: other, at: at as u32 })?;
                    }
                }
                Op::Save(slot) => self.set_slot(slot, at as u32)?,
                Op::Clear(from, to) => {
                    for slot in from..to {
                        if self.slots[slot as usize] != NONE {
                            self.set_slot(slot, NONE)?;
                        }
                    }
                }
                Op::Zero(slot) => self.set_slot(slot, 0)?,
                Op::Increment(slot) => self.set_slot(slot, self.slots[slot as usize].saturating_add(1))?,
                Op::Repeat { count, limits, exit } => {
                    let (min, max, greedy) = program.limits[limits as usize];
                    let rounds = self.slots[count as usize];
                    if rounds >= max {
                        pc = exit as usize;
                    } else if rounds >= min {
                        let (now, later) = if greedy { (pc, exit) } else { (exit as usize, pc as u32) };
                        self.push(Entry::Resume { pc: later, at: at as u32 })?;
                        pc = now;
                    }
                }
                Op::Progress(slot) => check!(self.slots[slot as usize] != at as u32),
                Op::ProgressBeyond { place, count, min } => {
                    check!(self.slots[place as usize] != at as u32 || self.slots[count as usize] <= min);
                }
                Op::Reference { groups, ignore_case, back } => match self.reference::<UNICODE>(groups, ignore_case, back, at)? {
                    Some(place) => at = place,
                    None => back!(),
                },
                Op::LineStart { multiline } => check!(at == 0 || (multiline && is_line_terminator(text.at(at - 1)))),
                Op::LineEnd { multiline } => {
                    check!(at >= text.len() || (multiline && is_line_terminator(text.at(at))));
                }
                Op::WordBoundary { negative, extended } => {
                    let before = at > 0 && is_word(text.at(at - 1), extended);
                    let behind = at < text.len() && is_word(text.at(at), extended);
                    check!((before != behind) != negative);
                }
                Op::Look { slot, other } => {
                    // As soon as the stack is not empty, all is noted.
                    self.push(Entry::Restore { slot, old: self.slots[slot as usize] })?;
                    self.slots[slot as usize] = at as u32;
                    self.set_slot(slot + 1, self.stack.len() as u32 + 1)?;
                    if other != NONE {
                        self.push(Entry::Resume { pc: other, at: at as u32 })?;
                    }
                }
                Op::LookEnd { slot, negative } => {
                    at = self.slots[slot as usize] as usize;
                    self.leave_look(self.slots[slot as usize + 1] as usize, negative);
                    if negative {
                        back!();
                    }
                }
            }
        }
    }

    /// What was tried inside an assertion is not tried again. What was written stays, or not.
    fn leave_look(&mut self, height: usize, undo: bool) {
        if undo {
            while self.stack.len() > height {
                if let Some(Entry::Restore { slot, old }) = self.stack.pop() {
                    self.slots[slot as usize] = old;
                }
            }
            return;
        }
        let mut kept = height;
        for nth in height..self.stack.len() {
            if let entry @ Entry::Restore { .. } = self.stack[nth] {
                self.stack[kept] = entry;
                kept += 1;
            }
        }
        self.stack.truncate(kept);
    }

    /// BackreferenceMatcher (§22.2.2.7.2).
    fn reference<const UNICODE: bool>(
        &mut self,
        groups: u32,
        ignore_case: bool,
        back: bool,
        at: usize,
    ) -> Result<Option<usize>, MatchError> {
        let place = self.program.groups[groups as usize].iter().find_map(|&group| {
            let (start, end) = (self.slots[2 * group as usize], self.slots[2 * group as usize + 1]);
            (start != NONE && end != NONE).then_some((start as usize, end as usize))
        });
        let Some((start, end)) = place else { return Ok(Some(at)) };
        let length = end - start;
        self.step(length as u32 >> 4)?;
        let from = match back {
            true if at < length => return Ok(None),
            true => at - length,
            false if at + length > self.text.len() => return Ok(None),
            false => at,
        };
        let mut done = 0;
        while done < length {
            let (a, width) = self.text.char_at::<UNICODE>(start + done);
            let (b, _) = self.text.char_at::<UNICODE>(from + done);
            if a != b && !(ignore_case && canonical(a, UNICODE) == canonical(b, UNICODE)) {
                return Ok(None);
            }
            done += width;
        }
        Ok(Some(if back { from } else { at + length }))
    }
}

fn is_line_terminator(unit: u32) -> bool {
    matches!(unit, 0x0a | 0x0d | 0x2028 | 0x2029)
}

fn is_word(unit: u32, extended: bool) -> bool {
    match u8::try_from(unit) {
        Ok(byte) => byte.is_ascii_alphanumeric() || byte == b'_',
        Err(_) => extended && matches!(unit, 0x17f | 0x212a),
    }
}
