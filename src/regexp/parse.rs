//! From a pattern's text to its tree (§22.2.1, and §B.1.2 without `u` and `v`), with the early errors of §22.2.1.1.
#![forbid(unsafe_code)]

use super::case;
use super::set::CodeSet;
use super::tree::{Flags, INFINITE, Loop, Node, SyntaxError};

/// Groups and classes may lie so deep in one another.
const MAX_DEPTH: u32 = 256;
/// So many groups a pattern may have.
const MAX_GROUPS: u32 = 32_767;

/// The names of groups, with the groups of each.
pub(super) type Names = Vec<(String, Vec<u32>)>;

/// A pattern that was read.
#[derive(Debug)]
pub(super) struct Pattern {
    pub node: Node,
    pub names: Names,
    /// How many groups there are, the whole match included.
    pub group_count: u32,
}

pub(super) type Parsed<T> = Result<T, SyntaxError>;

/// The alternative of a disjunction, each by its number.
type Place = (u32, u32);

pub(super) struct Parser {
    points: Vec<u32>,
    pub at: usize,
    /// The flags here: modifiers change them.
    pub flags: Flags,
    /// Whether there are names, so that `\k` refers to one without `u` too.
    pub has_names: bool,
    pub group_count: u32,
    pub names: Names,
    next_group: u32,
    depth: u32,
    next_disjunction: u32,
    place: Vec<Place>,
    places: Vec<(String, Vec<Place>)>,
}

pub(super) fn error<T>(message: &'static str) -> Parsed<T> {
    Err(SyntaxError(message))
}

/// Reads a pattern.
pub(super) fn parse(pattern: &[u16], flags: Flags) -> Parsed<Pattern> {
    let points = match flags.has_unicode() {
        true => char::decode_utf16(pattern.iter().copied())
            .map(|char| char.map_or_else(|lone| u32::from(lone.unpaired_surrogate()), u32::from))
            .collect(),
        false => pattern.iter().copied().map(u32::from).collect(),
    };
    let mut parser = Parser {
        points,
        at: 0,
        flags,
        has_names: false,
        group_count: 1,
        names: Vec::new(),
        next_group: 1,
        depth: 0,
        next_disjunction: 0,
        place: Vec::new(),
        places: Vec::new(),
    };
    parser.count_groups();
    if parser.group_count > MAX_GROUPS {
        return error("Too many captures");
    }
    let node = parser.disjunction()?;
    match parser.peek() {
        None => Ok(Pattern { node, names: parser.names, group_count: parser.group_count }),
        Some(_) => error("Unmatched ')'"),
    }
}

impl Parser {
    pub fn peek(&self) -> Option<u32> {
        self.points.get(self.at).copied()
    }

    pub fn peek_at(&self, ahead: usize) -> Option<u32> {
        self.points.get(self.at + ahead).copied()
    }

    pub fn next(&mut self) -> Option<u32> {
        let point = self.peek()?;
        self.at += 1;
        Some(point)
    }

    /// Whether a text comes next.
    pub fn sees(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, char)| self.peek_at(ahead) == Some(u32::from(char)))
    }

    /// Takes a text, if it comes next.
    pub fn eat(&mut self, text: &str) -> bool {
        let sees = self.sees(text);
        if sees {
            self.at += text.chars().count();
        }
        sees
    }

    pub fn unicode(&self) -> bool {
        self.flags.has_unicode()
    }

    /// Goes one deeper.
    pub fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return error("Regular expression too large");
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// CountLeftCapturingParensWithin (§22.2.1.2) of the whole pattern, and the groups' names. What is wrong is told later.
    fn count_groups(&mut self) {
        let mut in_class = 0;
        while let Some(point) = self.next() {
            match u8::try_from(point) {
                Ok(b'\\') => self.at += 1,
                Ok(b'[') if in_class == 0 || self.flags.unicode_sets => in_class += 1,
                Ok(b']') if in_class > 0 => in_class -= 1,
                Ok(b'(') if in_class == 0 && self.peek() != Some(u32::from('?')) => self.group_count += 1,
                Ok(b'(') if in_class == 0 && self.sees("?<") && !self.sees("?<=") && !self.sees("?<!") => {
                    self.at += 2;
                    if let Ok(name) = self.group_name() {
                        self.has_names = true;
                        match self.names.iter_mut().find(|(known, _)| *known == name) {
                            Some((_, groups)) => groups.push(self.group_count),
                            None => self.names.push((name, vec![self.group_count])),
                        }
                    }
                    self.group_count += 1;
                }
                _ => {}
            }
        }
        self.at = 0;
    }

    /// Disjunction
    fn disjunction(&mut self) -> Parsed<Node> {
        self.nested(|parser| {
            let disjunction = parser.next_disjunction;
            parser.next_disjunction += 1;
            parser.place.push((disjunction, 0));
            let mut alternatives = vec![parser.alternative()?];
            while parser.eat("|") {
                if let Some(place) = parser.place.last_mut() {
                    place.1 += 1;
                }
                alternatives.push(parser.alternative()?);
            }
            parser.place.pop();
            Ok(match alternatives.pop() {
                Some(only) if alternatives.is_empty() => only,
                Some(last) => {
                    alternatives.push(last);
                    Node::Alternatives(alternatives)
                }
                None => Node::Empty,
            })
        })
    }

    /// Alternative
    fn alternative(&mut self) -> Parsed<Node> {
        let mut nodes = Vec::new();
        while let Some(point) = self.peek() {
            if point == u32::from('|') || point == u32::from(')') {
                break;
            }
            nodes.push(self.term()?);
        }
        Ok(match nodes.pop() {
            None => Node::Empty,
            Some(only) if nodes.is_empty() => only,
            Some(last) => {
                nodes.push(last);
                Node::Sequence(nodes)
            }
        })
    }

    /// Term
    fn term(&mut self) -> Parsed<Node> {
        let first_group = self.next_group;
        let (node, can_repeat) = self.atom()?;
        let groups = (first_group, self.next_group);
        let Some((min, max)) = self.quantifier()? else { return Ok(node) };
        if !can_repeat {
            return error("Nothing to repeat");
        }
        let greedy = !self.eat("?");
        Ok(Node::Loop(Box::new(Loop { node, min, max, greedy, groups })))
    }

    /// Assertion or Atom, and whether a quantifier may follow.
    fn atom(&mut self) -> Parsed<(Node, bool)> {
        let Some(point) = self.next() else { return Ok((Node::Empty, false)) };
        let node = match char::from_u32(point).unwrap_or('\0') {
            '^' => return Ok((Node::LineStart { multiline: self.flags.multiline }, false)),
            '$' => return Ok((Node::LineEnd { multiline: self.flags.multiline }, false)),
            '(' => return self.group(),
            '.' if self.flags.dot_all => Node::Set(CodeSet::all()),
            '.' => Node::Set(line_terminators().complement()),
            '[' => self.class()?,
            '\\' if self.sees("b") || self.sees("B") => {
                let negative = self.next() == Some(u32::from('B'));
                let extended = self.unicode() && self.flags.ignore_case;
                return Ok((Node::WordBoundary { negative, extended }, false));
            }
            '\\' => self.atom_escape()?,
            '*' | '+' | '?' => return error("Nothing to repeat"),
            '{' if self.unicode() => return error("Nothing to repeat"),
            '{' => {
                self.at -= 1;
                if self.quantifier()?.is_some() {
                    return error("Nothing to repeat");
                }
                self.at += 1;
                self.char_node(point)
            }
            '}' | ']' if self.unicode() => return error("Lone quantifier brackets"),
            _ => self.char_node(point),
        };
        Ok((node, true))
    }

    /// A single character, with the others that are the same.
    pub fn char_node(&self, point: u32) -> Node {
        if !self.flags.ignore_case {
            return Node::Char(point);
        }
        let set = case::closure(&CodeSet::one(point), self.unicode());
        if set.single().is_some() { Node::Char(point) } else { Node::Set(set) }
    }

    /// A set of characters, with the others that are the same.
    pub fn set_node(&self, set: &CodeSet) -> Node {
        Node::Set(if self.flags.ignore_case { case::closure(set, self.unicode()) } else { set.clone() })
    }

    /// What stands in parentheses, behind the first.
    fn group(&mut self) -> Parsed<(Node, bool)> {
        if !self.eat("?") {
            return Ok((self.capturing()?, true));
        }
        for (text, behind, negative) in [("=", false, false), ("!", false, true), ("<=", true, false), ("<!", true, true)] {
            if self.eat(text) {
                let node = Box::new(self.inside()?);
                return Ok((Node::Look { node, behind, negative }, !behind && !self.unicode()));
            }
        }
        if self.eat("<") {
            let name = self.group_name()?;
            self.check_duplicate(&name)?;
            return Ok((self.capturing()?, true));
        }
        let outer = self.flags;
        self.modifiers()?;
        let node = self.inside()?;
        self.flags = outer;
        // A group of its own: what is quantified is all of it.
        Ok((Node::Sequence(vec![node]), true))
    }

    fn capturing(&mut self) -> Parsed<Node> {
        let group = self.next_group;
        self.next_group += 1;
        Ok(Node::Group(group, Box::new(self.inside()?)))
    }

    fn inside(&mut self) -> Parsed<Node> {
        let node = self.disjunction()?;
        if self.eat(")") { Ok(node) } else { error("Unterminated group") }
    }

    /// A name may be there again only in another alternative.
    fn check_duplicate(&mut self, name: &str) -> Parsed<()> {
        let is_apart = |other: &[Place]| {
            self.place
                .iter()
                .any(|&(disjunction, alternative)| other.iter().any(|&at| at.0 == disjunction && at.1 != alternative))
        };
        if self.places.iter().any(|(known, place)| known == name && !is_apart(place)) {
            return error("Duplicate capture group name");
        }
        self.places.push((name.to_owned(), self.place.clone()));
        Ok(())
    }

    /// RegularExpressionModifiers, up to the colon.
    fn modifiers(&mut self) -> Parsed<()> {
        let mut seen = Vec::new();
        let (mut on, mut any_off) = (true, false);
        loop {
            let Some(point) = self.next() else { return error("Invalid group") };
            let char = char::from_u32(point).unwrap_or('\0');
            match char {
                ':' => break,
                '-' if on => on = false,
                'i' | 'm' | 's' if !seen.contains(&char) => {
                    seen.push(char);
                    any_off |= !on;
                    match char {
                        'i' => self.flags.ignore_case = on,
                        'm' => self.flags.multiline = on,
                        _ => self.flags.dot_all = on,
                    }
                }
                _ => return error("Invalid group"),
            }
        }
        if !on && !any_off && seen.is_empty() { error("Invalid flag group") } else { Ok(()) }
    }

    /// QuantifierPrefix. Nothing is taken if there is none.
    fn quantifier(&mut self) -> Parsed<Option<(u32, u32)>> {
        for (text, min, max) in [("*", 0, INFINITE), ("+", 1, INFINITE), ("?", 0, 1)] {
            if self.eat(text) {
                return Ok(Some((min, max)));
            }
        }
        let start = self.at;
        if !self.eat("{") {
            return Ok(None);
        }
        let min = self.digits();
        let max = match min {
            Some(_) if self.eat(",") => self.digits().unwrap_or(u64::MAX),
            Some(min) => min,
            None => 0,
        };
        match min {
            Some(min) if self.eat("}") => {
                if min > max {
                    return error("numbers out of order in {} quantifier");
                }
                let clamp = |number: u64| u32::try_from(number).unwrap_or(INFINITE);
                Ok(Some((clamp(min).min(INFINITE - 1), clamp(max))))
            }
            _ if self.unicode() => error("Incomplete quantifier"),
            _ => {
                self.at = start;
                Ok(None)
            }
        }
    }

    /// DecimalDigits, as far as numbers go.
    pub fn digits(&mut self) -> Option<u64> {
        let mut number: Option<u64> = None;
        while let Some(digit) = self.peek().and_then(char::from_u32).and_then(|char| char.to_digit(10)) {
            self.at += 1;
            number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(u64::from(digit)));
        }
        number
    }
}

/// LineTerminator (§12.3).
pub(super) fn line_terminators() -> CodeSet {
    CodeSet::of(vec![(0x0a, 0x0a), (0x0d, 0x0d), (0x2028, 0x2029)])
}
