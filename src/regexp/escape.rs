//! What follows a backslash (§22.2.1 AtomEscape, CharacterClassEscape, CharacterEscape), and the names of groups.
#![forbid(unsafe_code)]

use super::case;
use super::parse::{Parsed, Parser, error};
use super::property::{self, Property};
use super::set::CodeSet;
use super::tree::Node;

fn digit(point: Option<u32>, radix: u32) -> Option<u32> {
    point.and_then(char::from_u32).and_then(|char| char.to_digit(radix))
}

/// What `\s` matches: WhiteSpace and LineTerminator (§12.2, §12.3).
fn white_space() -> CodeSet {
    CodeSet::of(vec![
        (0x09, 0x0d),
        (0x20, 0x20),
        (0xa0, 0xa0),
        (0x1680, 0x1680),
        (0x2000, 0x200a),
        (0x2028, 0x2029),
        (0x202f, 0x202f),
        (0x205f, 0x205f),
        (0x3000, 0x3000),
        (0xfeff, 0xfeff),
    ])
}

impl Parser {
    /// AtomEscape, behind the backslash.
    pub fn atom_escape(&mut self) -> Parsed<Node> {
        let Some(point) = self.peek() else { return error("\\ at end of pattern") };
        if (0x31..=0x39).contains(&point) {
            let start = self.at;
            let number = self.digits().unwrap_or(u64::MAX);
            match u32::try_from(number) {
                Ok(group) if group < self.group_count => {
                    return Ok(Node::BackReference { groups: vec![group], ignore_case: self.flags.ignore_case });
                }
                _ if self.unicode() => return error("Invalid escape"),
                _ => self.at = start,
            }
        }
        if point == u32::from('k') && (self.unicode() || self.has_names) {
            self.at += 1;
            if !self.eat("<") {
                return error("Invalid named reference");
            }
            let name = self.group_name()?;
            return match self.names.iter().find(|(known, _)| *known == name) {
                Some((_, groups)) => Ok(Node::BackReference { groups: groups.clone(), ignore_case: self.flags.ignore_case }),
                None => error("Invalid named capture referenced"),
            };
        }
        if let Some(property) = self.class_escape()? {
            return Ok(self.strings_node(property.chars, property.strings));
        }
        let point = self.character_escape(false)?;
        Ok(self.char_node(point))
    }

    /// Strings, the longest first, and single characters.
    pub fn strings_node(&self, chars: CodeSet, mut strings: Vec<Vec<u32>>) -> Node {
        if strings.is_empty() {
            return self.set_node(&chars);
        }
        strings.sort_by_key(|string| std::cmp::Reverse(string.len()));
        let shorter = strings.partition_point(|string| string.len() > 1);
        let text = |string: &Vec<u32>| Node::Sequence(string.iter().map(|&point| self.char_node(point)).collect());
        let mut alternatives: Vec<Node> = strings.iter().take(shorter).map(text).collect();
        alternatives.push(self.set_node(&chars));
        alternatives.extend(strings.iter().skip(shorter).map(text));
        // A part of its own, whatever stands around it.
        Node::Sequence(vec![Node::Alternatives(alternatives)])
    }

    /// WordCharacters (§22.2.2.9.3).
    fn word_characters(&self) -> CodeSet {
        let mut ranges = vec![(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)];
        if self.unicode() && self.flags.ignore_case {
            ranges.extend([(0x17f, 0x17f), (0x212a, 0x212a)]);
        }
        CodeSet::of(ranges)
    }

    /// MaybeSimpleCaseFolding (§22.2.2.9.9).
    pub fn maybe_folded(&self, set: CodeSet) -> CodeSet {
        if self.flags.unicode_sets && self.flags.ignore_case { case::folded(&set) } else { set }
    }

    /// CharacterComplement (§22.2.2.9.6).
    pub fn complement(&self, set: &CodeSet) -> CodeSet {
        if self.flags.unicode_sets && self.flags.ignore_case {
            return case::all_folded().difference(set);
        }
        set.complement()
    }

    /// CharacterClassEscape, behind the backslash. Nothing is taken if there is none.
    pub fn class_escape(&mut self) -> Parsed<Option<Property>> {
        let Some(kind) = self.peek().and_then(char::from_u32) else { return Ok(None) };
        let set = match kind.to_ascii_lowercase() {
            'd' => CodeSet::range(0x30, 0x39),
            's' => white_space(),
            'w' => self.maybe_folded(self.word_characters()),
            'p' if self.unicode() => {
                self.at += 1;
                let mut property = self.property()?;
                property.chars = self.maybe_folded(property.chars);
                if kind == 'P' {
                    if property.is_of_strings {
                        return error("Invalid property name");
                    }
                    property.chars = self.complement(&property.chars);
                }
                return Ok(Some(property));
            }
            _ => return Ok(None),
        };
        self.at += 1;
        let chars = if kind.is_ascii_uppercase() { self.complement(&set) } else { set };
        Ok(Some(Property { chars, ..Property::default() }))
    }

    /// UnicodePropertyValueExpression in its braces.
    fn property(&mut self) -> Parsed<Property> {
        let mut text = String::new();
        let mut is_closed = false;
        if self.eat("{") {
            while let Some(char) = self.next().and_then(char::from_u32) {
                if char == '}' {
                    is_closed = true;
                    break;
                }
                text.push(char);
            }
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text.as_str(), None),
        };
        match property::lookup(name, value, self.flags.unicode_sets) {
            Some(mut property) if is_closed => {
                if self.flags.ignore_case {
                    let fold = |point: &mut u32| *point = case::canonical(*point, true);
                    property.strings.iter_mut().flatten().for_each(fold);
                }
                Ok(property)
            }
            _ => error("Invalid property name"),
        }
    }

    /// CharacterEscape, or ClassEscape of a single character, behind the backslash.
    pub fn character_escape(&mut self, in_class: bool) -> Parsed<u32> {
        let Some(point) = self.next() else { return error("\\ at end of pattern") };
        let char = char::from_u32(point).unwrap_or('\u{fffd}');
        Ok(match char {
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'v' => 0x0b,
            'b' if in_class => 0x08,
            '-' if in_class && self.unicode() => point,
            'c' => return self.control(in_class),
            '0' if digit(self.peek(), 10).is_none() => 0,
            '0'..='9' if self.unicode() => return error("Invalid decimal escape"),
            '0'..='7' => {
                self.at -= 1;
                self.legacy_octal()
            }
            'x' => match (digit(self.peek(), 16), digit(self.peek_at(1), 16)) {
                (Some(high), Some(low)) => {
                    self.at += 2;
                    high * 16 + low
                }
                _ if self.unicode() => return error("Invalid escape"),
                _ => point,
            },
            'u' => match self.unicode_escape(self.unicode())? {
                Some(escaped) => escaped,
                None if self.unicode() => return error("Invalid Unicode escape"),
                None => point,
            },
            'k' if self.has_names && !self.unicode() => return error("Invalid escape"),
            _ if !self.unicode() => point,
            '^' | '$' | '\\' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '/' => point,
            '&' | '-' | '!' | '#' | '%' | ',' | ':' | ';' | '<' | '=' | '>' | '@' | '`' | '~'
                if in_class && self.flags.unicode_sets =>
            {
                point
            }
            _ => return error("Invalid escape"),
        })
    }

    /// What follows `\c`. Without a letter the backslash stands for itself, and `c` comes next.
    fn control(&mut self, in_class: bool) -> Parsed<u32> {
        match self.peek().and_then(char::from_u32) {
            Some(char)
                if char.is_ascii_alphabetic() || (in_class && !self.unicode() && (char.is_ascii_digit() || char == '_')) =>
            {
                self.at += 1;
                Ok(u32::from(char) % 32)
            }
            _ if self.unicode() => error("Invalid unicode escape"),
            _ => {
                self.at -= 1;
                Ok(0x5c)
            }
        }
    }

    /// LegacyOctalEscapeSequence: at most 0o377.
    fn legacy_octal(&mut self) -> u32 {
        let mut value = 0;
        for _ in 0..3 {
            match digit(self.peek(), 8) {
                Some(digit) if value * 8 + digit <= 0o377 => value = value * 8 + digit,
                _ => break,
            }
            self.at += 1;
        }
        value
    }

    fn hex4(&self, ahead: usize) -> Option<u32> {
        (0..4).try_fold(0, |value, nth| Some(value * 16 + digit(self.peek_at(ahead + nth), 16)?))
    }

    /// RegExpUnicodeEscapeSequence, behind the `u`. Nothing is taken if there is none.
    fn unicode_escape(&mut self, unicode: bool) -> Parsed<Option<u32>> {
        if unicode && self.sees("{") {
            let (mut value, mut ahead) = (0u32, 1);
            while let Some(digit) = digit(self.peek_at(ahead), 16) {
                value = value.saturating_mul(16).saturating_add(digit);
                ahead += 1;
            }
            if ahead == 1 || value > super::set::MAX || self.peek_at(ahead) != Some(u32::from('}')) {
                return error("Invalid Unicode escape");
            }
            self.at += ahead + 1;
            return Ok(Some(value));
        }
        let Some(first) = self.hex4(0) else { return Ok(None) };
        self.at += 4;
        if unicode
            && (0xd800..0xdc00).contains(&first)
            && self.sees("\\u")
            && let Some(second @ 0xdc00..0xe000) = self.hex4(2)
        {
            self.at += 6;
            return Ok(Some(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)));
        }
        Ok(Some(first))
    }

    /// RegExpIdentifierName, and the `>` behind it.
    pub fn group_name(&mut self) -> Parsed<String> {
        let mut name = String::new();
        loop {
            let Some(mut point) = self.next() else { return error("Invalid capture group name") };
            if point == u32::from('>') && !name.is_empty() {
                return Ok(name);
            }
            if point == 0x5c {
                point = match self.eat("u") {
                    true => self.unicode_escape(true)?.unwrap_or(0),
                    false => 0,
                };
            } else if let (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) = (point, self.peek()) {
                self.at += 1;
                point = 0x10000 + ((point - 0xd800) << 10) + (second - 0xdc00);
            }
            match char::from_u32(point) {
                Some(char) if property::is_identifier(point, name.is_empty()) => name.push(char),
                _ => return error("Invalid capture group name"),
            }
        }
    }
}
