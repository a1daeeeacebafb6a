//! RegExpBuiltinExec (§22.2.7.2) and RegExpExec (§22.2.7.1).
#![forbid(unsafe_code)]

use smallvec::SmallVec;

use super::{MATCHER, Matcher};
use crate::base::sync::Arc;
use crate::js::class::{Class, ELEMENTS};
use crate::js::convert::primitive::MAX_SAFE_INTEGER;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;
use crate::js::string::{Text, text_of};
use crate::js::value::Value;
use crate::regexp::{MatchError, Subject};

/// The place of a group.
pub(super) type Place = Option<(usize, usize)>;

/// A match: the places of the whole and of each group.
pub(super) struct Found(SmallVec<[(u32, u32); 8]>);

/// The place of a group that took no part.
const NONE: (u32, u32) = (u32::MAX, u32::MAX);

impl Found {
    fn new(groups: impl Iterator<Item = Place>) -> Self {
        // Strings are shorter than 2³².
        let mut places = SmallVec::new();
        for place in groups {
            places.push(place.map_or(NONE, |(start, end)| (start as u32, end as u32)));
        }
        Found(places)
    }

    pub fn start(&self) -> usize {
        self.0.first().map_or(0, |&(start, _)| start as usize)
    }

    pub fn end(&self) -> usize {
        self.0.first().map_or(0, |&(_, end)| end as usize)
    }

    /// How many groups there are, the whole included.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The whole, then all groups.
    pub fn groups(&self) -> impl Iterator<Item = Place> {
        self.0.iter().map(|&place| (place != NONE).then_some((place.0 as usize, place.1 as usize)))
    }

    fn group(&self, group: u32) -> Place {
        self.0.get(group as usize).filter(|&&place| place != NONE).map(|&(start, end)| (start as usize, end as usize))
    }
}

/// A match, and of what.
type Match = (Arc<Matcher>, Found);

impl<'s> Cx<'s> {
    /// The compiled pattern of a regular expression.
    pub(super) fn matcher(&mut self, regexp: Local<'_>) -> Completion<Arc<Matcher>> {
        let host = self.field_value(regexp, MATCHER);
        let known = host.reference().and_then(|host| self.agent.heap.host_value(host)?.downcast_ref::<Arc<Matcher>>());
        match known {
            Some(matcher) => Ok(Arc::clone(matcher)),
            // A constructor that was called by a getter sees an object before it has its pattern.
            None => Err(self.type_error("the regular expression has no pattern yet")),
        }
    }

    /// Looks for a match from a place on, or only there.
    pub(super) fn find_match(
        &mut self,
        matcher: &Matcher,
        string: Local<'s>,
        from: usize,
        sticky: bool,
    ) -> Completion<Option<Found>> {
        self.flatten(string)?;
        let reference = self.reference(string);
        let agent = &mut *self.agent;
        let subject = match text_of(&agent.heap, reference) {
            Some(Text::Latin1(bytes)) => Subject::Latin1(bytes),
            Some(Text::Utf16(units)) => Subject::Utf16(units),
            None => Subject::Latin1(&[]),
        };
        let (scratch, interrupt) = (&mut agent.regexps.scratch, &agent.interrupt);
        match matcher.regexp.find(subject, from, sticky, scratch, &mut || interrupt.is_set()) {
            Ok(false) => Ok(None),
            Ok(true) => Ok(Some(Found::new((0..matcher.regexp.group_count()).map(|group| scratch.group(group))))),
            Err(MatchError::Interrupted) => Err(self.terminate(crate::js::agent::Termination::Terminated)),
            Err(MatchError::TooComplex) => Err(self.range_error("Maximum call stack size exceeded")),
        }
    }

    /// 2. to 13. of RegExpBuiltinExec (§22.2.7.2): the match.
    pub(super) fn builtin_match(&mut self, regexp: Local<'s>, string: Local<'s>) -> Completion<Option<Match>> {
        self.poll()?;
        // 2. and 3.
        let mut last_index = self.last_index(regexp).as_number();
        if last_index.is_none() {
            let value = self.get(regexp, Name::lastIndex.key())?;
            last_index = Some(self.to_integer_or_infinity(value)?);
        }
        let last_index = last_index.unwrap_or(0.0).clamp(0.0, MAX_SAFE_INTEGER);
        // 4. to 8.
        let matcher = self.matcher(regexp)?;
        let flags = matcher.flags;
        let moves = flags.global || flags.sticky;
        let from = if moves && !last_index.is_nan() { last_index.trunc() } else { 0.0 };
        let length = self.string_length(string);
        // 13.a.
        let found = if from > length as f64 {
            None
        } else {
            let mut from = from as usize;
            if flags.pattern.has_unicode() && from > 0 && from < length {
                self.flatten(string)?;
                let text = self.text(string);
                if (0xdc00..0xe000).contains(&text.at(from)) && (0xd800..0xdc00).contains(&text.at(from - 1)) {
                    from -= 1;
                }
            }
            self.find_match(&matcher, string, from, flags.sticky)?
        };
        let Some(found) = found else {
            // 13.c.
            if moves {
                self.set_last_index(regexp, 0)?;
            }
            return Ok(None);
        };
        // 15. and 16.
        if moves {
            self.set_last_index(regexp, found.end())?;
        }
        self.remember_match(string, &found);
        Ok(Some((matcher, found)))
    }

    /// What a group has matched, or `undefined`.
    pub(super) fn group_string(&mut self, string: Local<'s>, place: Place) -> Completion<Local<'s>> {
        match place {
            None => Ok(Local::UNDEFINED),
            Some((start, end)) if start >= end => Ok(Name::empty.local()),
            Some((start, end)) => self.substring(string, start, end),
        }
    }

    /// An object with a property for each name of a group; `undefined` if there is none.
    pub(super) fn groups_object(
        &mut self,
        matcher: &Matcher,
        found: &Found,
        mut value: impl FnMut(&mut Cx<'s>, Place) -> Completion<Local<'s>>,
    ) -> Completion<Local<'s>> {
        if matcher.regexp.names().is_empty() {
            return Ok(Local::UNDEFINED);
        }
        let groups = self.new_object_with(Local::NULL)?;
        for (name, numbers) in matcher.regexp.names() {
            let key = self.key(name)?;
            let value = value(self, numbers.iter().find_map(|&group| found.group(group)))?;
            self.create_data_property(groups, key, value)?;
        }
        Ok(groups)
    }

    /// 17. to 34. of RegExpBuiltinExec: the array.
    pub(super) fn match_array(&mut self, matcher: &Matcher, string: Local<'s>, found: &Found) -> Completion<Local<'s>> {
        let groups = self.groups_object(matcher, found, |cx, place| cx.group_string(string, place))?;
        let array = self.new_result(found.start(), string, groups)?;
        let count = found.count() as u32;
        let elements = self.allocate_values(count, Value::UNDEFINED)?;
        let reference = self.reference(array);
        self.agent.heap.write_ref(reference, ELEMENTS, elements);
        self.set_array_length(array, count);
        for (nth, place) in (0..count).zip(found.groups()) {
            let mut cx = self.open();
            let group = cx.group_string(string, place)?;
            let (group, array) = (cx.value(group), cx.reference(array));
            let elements = cx.agent.heap.read_ref(array, ELEMENTS);
            cx.write_value(elements, nth, group);
        }
        if matcher.flags.has_indices {
            let indices = self.indices_array(matcher, found)?;
            self.add_named(array, Name::indices.local(), indices, Attributes::ALL)?;
        }
        Ok(array)
    }

    /// MakeMatchIndicesIndexPairArray (§22.2.7.8).
    fn indices_array(&mut self, matcher: &Matcher, found: &Found) -> Completion<Local<'s>> {
        let pair = |cx: &mut Cx<'s>, place: Place| match place {
            None => Ok(Local::UNDEFINED),
            Some((start, end)) => cx.array_from(&[Local::number(start as f64), Local::number(end as f64)]),
        };
        let indices = self.new_array(0)?;
        for place in found.groups() {
            let entry = pair(self, place)?;
            self.array_push(indices, entry)?;
        }
        let groups = self.groups_object(matcher, found, pair)?;
        self.create_data_property(indices, Name::groups.key(), groups)?;
        Ok(indices)
    }

    /// RegExpBuiltinExec (§22.2.7.2): an array or null.
    pub(super) fn builtin_exec(&mut self, regexp: Local<'s>, string: Local<'s>) -> Completion<Local<'s>> {
        self.scope(|cx| {
            let (regexp, string) = (cx.same(regexp), cx.same(string));
            match cx.builtin_match(regexp, string)? {
                Some((matcher, found)) => cx.match_array(&matcher, string, &found),
                None => Ok(Local::NULL),
            }
        })
    }

    /// RegExpExec (§22.2.7.1).
    pub(super) fn regexp_exec(&mut self, regexp: Local<'s>, string: Local<'s>) -> Completion<Local<'s>> {
        if self.has_original_exec(regexp) {
            return self.builtin_exec(regexp, string);
        }
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

    /// All matches of a regular expression that is pristine and global, as RegExpExec after RegExpExec finds them from the
    /// beginning on: `lastIndex` is 0 before and after.
    pub(super) fn all_matches(&mut self, regexp: Local<'s>, string: Local<'s>, matcher: &Matcher) -> Completion<Vec<Found>> {
        self.set_last_index(regexp, 0)?;
        let (mut all, mut from) = (Vec::new(), 0);
        let length = self.string_length(string);
        while from <= length {
            self.poll()?;
            let Some(found) = self.find_match(matcher, string, from, matcher.flags.sticky)? else { break };
            from = found.end();
            if found.start() == found.end() {
                from = self.advance_index(string, from as u64, matcher.flags.pattern.has_unicode())? as usize;
            }
            all.push(found);
        }
        if let Some(last) = all.last() {
            self.remember_match(string, last);
        }
        Ok(all)
    }
}
