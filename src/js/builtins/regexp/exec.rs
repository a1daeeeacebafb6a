//! RegExpBuiltinExec (§22.2.7.2) and RegExpExec (§22.2.7.1).
#![forbid(unsafe_code)]

use super::{FLAGS, MATCHER};
use crate::base::sync::Arc;
use crate::js::class::Class;
use crate::js::convert::primitive::MAX_SAFE_INTEGER;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;
use crate::js::string::Text;

/// A match: the places of the whole and of each group, and the groups' names.
pub(super) struct Found {
    pub groups: Vec<Option<(usize, usize)>>,
    names: Vec<(String, Option<(usize, usize)>)>,
    has_indices: bool,
}

impl Found {
    pub fn start(&self) -> usize {
        self.groups[0].map_or(0, |(start, _)| start)
    }

    pub fn end(&self) -> usize {
        self.groups[0].map_or(0, |(_, end)| end)
    }
}

impl<'s> Cx<'s> {
    fn regexp_flag(&self, regexp: Local<'_>, flag: u8) -> bool {
        let value = self.field_value(regexp, FLAGS);
        Text::of_flat(&self.agent.heap, value.heap_ref()).is_some_and(|flags| flags.units().any(|unit| unit == u16::from(flag)))
    }

    /// Looks for a match from a place on. The string is flat.
    fn find_match(&self, regexp: Local<'_>, string: Local<'_>, from: usize, unicode: bool) -> Option<Found> {
        let host = self.field_value(regexp, MATCHER).heap_ref();
        let matcher = self.agent.heap.host_value(host)?.downcast_ref::<Arc<regress::Regex>>()?;
        let found = match self.text(string) {
            Text::Latin1(bytes) if bytes.is_ascii() => {
                let text = std::str::from_utf8(bytes).unwrap_or_default();
                matcher.find_from_ascii(text, from).next()
            }
            text => {
                let units = text.to_vec();
                let place = from;
                match unicode {
                    true => matcher.find_from_utf16(&units, place).next(),
                    false => matcher.find_from_ucs2(&units, place).next(),
                }
            }
        }?;
        let place = |range: Option<regress::Range>| range.map(|range| (range.start, range.end));
        let groups = found.groups().map(place).collect();
        let names = found.named_groups().map(|(name, range)| (name.to_owned(), place(range))).collect();
        Some(Found { groups, names, has_indices: self.regexp_flag(regexp, b'd') })
    }

    /// RegExpBuiltinExec (§22.2.7.2), up to the match.
    pub(super) fn builtin_match(&mut self, regexp: Local<'s>, string: Local<'s>) -> Completion<Option<Found>> {
        self.poll()?;
        self.flatten(string)?;
        // 2. to 8.
        let last_index = self.get(regexp, Name::lastIndex.key())?;
        let last_index = self.to_integer_or_infinity(last_index)?.clamp(0.0, MAX_SAFE_INTEGER);
        let (global, sticky) = (self.regexp_flag(regexp, b'g'), self.regexp_flag(regexp, b'y'));
        let unicode = self.regexp_flag(regexp, b'u') || self.regexp_flag(regexp, b'v');
        let moves = global || sticky;
        let length = self.string_length(string);
        let mut from = if moves { last_index } else { 0.0 };
        // 13.a.
        if from > length as f64 {
            from = -1.0;
        }
        let found = if from < 0.0 {
            None
        } else {
            let mut from = from as usize;
            let text = self.text(string);
            let is_inside = unicode && from > 0 && from < length && (0xdc00..0xe000).contains(&text.at(from));
            if is_inside && (0xd800..0xdc00).contains(&text.at(from - 1)) {
                from -= 1;
            }
            self.find_match(regexp, string, from, unicode).filter(|found| !sticky || found.start() == from)
        };
        match found {
            None => {
                if moves {
                    self.set(regexp, Name::lastIndex.key(), Local::ZERO)?;
                }
                Ok(None)
            }
            Some(found) => {
                if moves {
                    self.set(regexp, Name::lastIndex.key(), Local::number(found.end() as f64))?;
                }
                self.remember_match(string, &found);
                Ok(Some(found))
            }
        }
    }

    fn group_string(&mut self, string: Local<'s>, place: Option<(usize, usize)>) -> Completion<Local<'s>> {
        match place {
            None => Ok(Local::UNDEFINED),
            Some((start, end)) if start >= end => Ok(Name::empty.local()),
            Some((start, end)) => self.substring(string, start, end),
        }
    }

    /// 18. to 34. of RegExpBuiltinExec: the array.
    pub(super) fn match_array(&mut self, string: Local<'s>, found: &Found) -> Completion<Local<'s>> {
        let array = self.new_array(0)?;
        self.add_named(array, Name::index.local(), Local::number(found.start() as f64), Attributes::ALL)?;
        self.add_named(array, Name::input.local(), string, Attributes::ALL)?;
        self.reserve_elements(array, found.groups.len() as u32)?;
        for &place in &found.groups {
            let mut cx = self.open();
            let group = cx.group_string(string, place)?;
            cx.array_push(array, group)?;
        }
        let groups = if found.names.is_empty() { Local::UNDEFINED } else { self.new_object_with(Local::NULL)? };
        for (name, place) in &found.names {
            let mut cx = self.open();
            let key = cx.key(name)?;
            if place.is_some() || cx.get_own_property(groups, key)?.is_none() {
                let group = cx.group_string(string, *place)?;
                cx.create_data_property(groups, key, group)?;
            }
        }
        self.add_named(array, Name::groups.local(), groups, Attributes::ALL)?;
        if found.has_indices {
            let indices = self.indices_array(found)?;
            self.add_named(array, Name::indices.local(), indices, Attributes::ALL)?;
        }
        Ok(array)
    }

    /// MakeMatchIndicesIndexPairArray (§22.2.7.8).
    fn indices_array(&mut self, found: &Found) -> Completion<Local<'s>> {
        let pair = |cx: &mut Cx<'s>, place: Option<(usize, usize)>| match place {
            None => Ok(Local::UNDEFINED),
            Some((start, end)) => cx.array_from(&[Local::number(start as f64), Local::number(end as f64)]),
        };
        let indices = self.new_array(0)?;
        for &place in &found.groups {
            let entry = pair(self, place)?;
            self.array_push(indices, entry)?;
        }
        let groups = if found.names.is_empty() { Local::UNDEFINED } else { self.new_object_with(Local::NULL)? };
        for (name, place) in &found.names {
            let key = self.key(name)?;
            if place.is_some() || self.get_own_property(groups, key)?.is_none() {
                let entry = pair(self, *place)?;
                self.create_data_property(groups, key, entry)?;
            }
        }
        self.create_data_property(indices, Name::groups.key(), groups)?;
        Ok(indices)
    }

    /// RegExpBuiltinExec (§22.2.7.2): an array or null.
    pub(super) fn builtin_exec(&mut self, regexp: Local<'s>, string: Local<'s>) -> Completion<Local<'s>> {
        match self.builtin_match(regexp, string)? {
            Some(found) => self.match_array(string, &found),
            None => Ok(Local::NULL),
        }
    }

    /// RegExpExec (§22.2.7.1).
    pub(super) fn regexp_exec(&mut self, regexp: Local<'s>, string: Local<'s>) -> Completion<Local<'s>> {
        let exec = self.get(regexp, Name::exec.key())?;
        if self.is_callable(exec) {
            let result = self.call(exec, regexp, &[string])?;
            if !result.is_object() && !result.is_null() {
                let text = self.display(result);
                return Err(self.type_error(&format!("{text} is not an object or null")));
            }
            return Ok(result);
        }
        if !self.is(regexp, Class::RegExp) {
            return Err(self.type_error("RegExp.prototype.exec requires that 'this' be a RegExp"));
        }
        self.builtin_exec(regexp, string)
    }

    /// AdvanceStringIndex (§22.2.7.3).
    pub(super) fn advance_index(&mut self, string: Local<'s>, index: u64, unicode: bool) -> Completion<u64> {
        if !unicode || index + 1 >= self.string_length(string) as u64 {
            return Ok(index + 1);
        }
        self.flatten(string)?;
        Ok(index + self.text(string).code_point(index as usize).1 as u64)
    }

    /// After an empty match `lastIndex` goes on by one character.
    pub(super) fn step_over_empty(&mut self, regexp: Local<'s>, string: Local<'s>, unicode: bool) -> Completion<()> {
        let index = self.get(regexp, Name::lastIndex.key())?;
        let index = self.to_length(index)?;
        let next = self.advance_index(string, index, unicode)?;
        self.set(regexp, Name::lastIndex.key(), Local::number(next as f64))
    }

    /// The whole match of a result, as a string.
    pub(super) fn matched_string(&mut self, result: Local<'s>) -> Completion<Local<'s>> {
        let matched = self.get(result, Key::Index(0))?;
        self.to_string(matched)
    }
}
