//! Classes in brackets (§22.2.1 CharacterClass): ranges, and with `v` sets of strings too.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;

use super::case;
use super::parse::{Parsed, Parser, error};
use super::property::Property;
use super::set::CodeSet;
use super::tree::Node;

/// What a class of the flag `v` names: characters, and strings that are not of one character.
#[derive(Debug, Default)]
struct Operand {
    chars: CodeSet,
    strings: BTreeSet<Vec<u32>>,
    /// MayContainStrings (§22.2.1.6)
    may_contain_strings: bool,
}

/// A part of a class without `v`: a character, or a set.
enum Atom {
    Char(u32),
    Set(CodeSet),
}

impl Parser {
    /// CharacterClass, behind the bracket.
    pub fn class(&mut self) -> Parsed<Node> {
        if self.flags.unicode_sets {
            let operand = self.nested(Self::set_contents)?;
            return Ok(self.strings_node(operand.chars, operand.strings.into_iter().collect()));
        }
        let negative = self.eat("^");
        let mut ranges = Vec::new();
        while !self.eat("]") {
            let first = self.class_atom()?;
            if !self.sees("-") || self.sees("-]") || self.peek_at(1).is_none() {
                add(&mut ranges, first);
                continue;
            }
            self.at += 1;
            match (first, self.class_atom()?) {
                (Atom::Char(first), Atom::Char(last)) if first > last => {
                    return error("Range out of order in character class");
                }
                (Atom::Char(first), Atom::Char(last)) => ranges.push((first, last)),
                _ if self.unicode() => return error("Invalid character class"),
                (first, last) => {
                    add(&mut ranges, first);
                    add(&mut ranges, last);
                    ranges.push((0x2d, 0x2d));
                }
            }
        }
        let mut set = CodeSet::of(ranges);
        if self.flags.ignore_case {
            set = case::closure(&set, self.unicode());
        }
        Ok(match set.single() {
            _ if negative => Node::Set(set.complement()),
            Some(single) => Node::Char(single),
            None => Node::Set(set),
        })
    }

    /// ClassAtom
    fn class_atom(&mut self) -> Parsed<Atom> {
        match self.next() {
            None => error("Unterminated character class"),
            Some(0x5c) => match self.class_escape()? {
                Some(property) => Ok(Atom::Set(property.chars)),
                None => Ok(Atom::Char(self.character_escape(true)?)),
            },
            Some(point) => Ok(Atom::Char(point)),
        }
    }

    /// ClassContents with `v`, up to the closing bracket.
    fn set_contents(&mut self) -> Parsed<Operand> {
        let negative = self.eat("^");
        let mut result = Operand::default();
        if !self.sees("]") {
            result = self.set_operand(true)?;
            if self.sees("&&") {
                while self.eat("&&") {
                    if self.sees("&") {
                        return error("Invalid set operation in character class");
                    }
                    let other = self.set_operand(false)?;
                    result.chars = result.chars.intersection(&other.chars);
                    result.strings.retain(|string| other.strings.contains(string));
                    result.may_contain_strings &= other.may_contain_strings;
                }
            } else if self.sees("--") {
                while self.eat("--") {
                    let other = self.set_operand(false)?;
                    result.chars = result.chars.difference(&other.chars);
                    result.strings.retain(|string| !other.strings.contains(string));
                }
            } else {
                while self.peek().is_some() && !self.sees("]") {
                    if self.sees("&&") || self.sees("--") {
                        return error("Invalid set operation in character class");
                    }
                    let other = self.set_operand(true)?;
                    result.chars = result.chars.union(&other.chars);
                    result.strings.extend(other.strings);
                    result.may_contain_strings |= other.may_contain_strings;
                }
            }
        }
        if !self.eat("]") {
            let end = self.peek().is_none();
            return error(if end { "Unterminated character class" } else { "Invalid set operation in character class" });
        }
        if negative {
            if result.may_contain_strings {
                return error("Negated character class may contain strings");
            }
            result.chars = self.complement(&result.chars);
        }
        Ok(result)
    }

    /// ClassSetOperand, or ClassSetRange where one may be.
    fn set_operand(&mut self, range: bool) -> Parsed<Operand> {
        if self.eat("[") {
            return self.nested(Self::set_contents);
        }
        if self.eat("\\q{") {
            return self.strings();
        }
        if self.sees("\\") {
            self.at += 1;
            if let Some(Property { chars, strings, is_of_strings }) = self.class_escape()? {
                return Ok(Operand { chars, strings: strings.into_iter().collect(), may_contain_strings: is_of_strings });
            }
            self.at -= 1;
        }
        let first = self.set_character()?;
        let mut last = first;
        // Two hyphens are a subtraction.
        if range && self.sees("-") && !self.sees("--") {
            self.at += 1;
            last = self.set_character()?;
            if first > last {
                return error("Range out of order in character class");
            }
        }
        Ok(Operand { chars: self.maybe_folded(CodeSet::range(first, last)), ..Operand::default() })
    }

    /// ClassSetCharacter
    fn set_character(&mut self) -> Parsed<u32> {
        const DOUBLE: &str = "&!#$%*+,.:;<=>?@^`~";
        let Some(point) = self.next() else { return error("Unterminated character class") };
        let char = char::from_u32(point).unwrap_or('\u{fffd}');
        match char {
            '\\' => self.character_escape(true),
            '(' | ')' | '[' | ']' | '{' | '}' | '/' | '-' | '|' => error("Invalid character in character class"),
            _ if DOUBLE.contains(char) && self.peek() == Some(point) => error("Invalid set operation in character class"),
            _ => Ok(point),
        }
    }

    /// ClassStringDisjunction, behind `\q{`.
    fn strings(&mut self) -> Parsed<Operand> {
        let mut operand = Operand::default();
        let (mut singles, mut string) = (Vec::new(), Vec::new());
        loop {
            let Some(point) = self.peek() else { return error("Invalid escape") };
            if point != u32::from('|') && point != u32::from('}') {
                let point = self.set_character()?;
                string.push(if self.flags.ignore_case { case::canonical(point, true) } else { point });
                continue;
            }
            self.at += 1;
            match *string {
                [single] => singles.push((single, single)),
                _ => {
                    operand.may_contain_strings = true;
                    operand.strings.insert(std::mem::take(&mut string));
                }
            }
            string.clear();
            if point == u32::from('}') {
                operand.chars = CodeSet::of(singles);
                return Ok(operand);
            }
        }
    }
}

fn add(ranges: &mut Vec<(u32, u32)>, atom: Atom) {
    match atom {
        Atom::Char(char) => ranges.push((char, char)),
        Atom::Set(set) => ranges.extend(set.ranges()),
    }
}
