//! Which characters a part of a pattern can begin with.
//!
//! A choice whose sides begin with different characters needs no way back: that is most of what makes matching fast. A set here may have too
//! many characters, never too few; `None` is any character, and the end of the text.
#![forbid(unsafe_code)]

use super::set::CodeSet;
use super::tree::{INFINITE, Node};

/// What comes next; `None` if nothing is known.
pub(super) type Follow = Option<CodeSet>;

/// Sets of more ranges are not worth it.
const MAX_RANGES: usize = 64;

/// The characters that a part and what follows it can begin with.
pub(super) fn first(node: &Node, follow: &Follow) -> Follow {
    let set = match node {
        Node::Char(char) => CodeSet::one(*char),
        Node::Set(set) => set.clone(),
        Node::Sequence(nodes) => return nodes.iter().rev().fold(follow.clone(), |follow, node| first(node, &follow)),
        Node::Alternatives(nodes) => {
            nodes.iter().try_fold(CodeSet::default(), |all, node| Some(all.union(&first(node, follow)?)))?
        }
        Node::Group(_, node) => return first(node, follow),
        Node::Loop(inner) if inner.node.may_be_empty() || inner.min == 0 => first(&inner.node, follow)?.union(follow.as_ref()?),
        Node::Loop(inner) => return first(&inner.node, &None),
        Node::BackReference { .. } => return None,
        // What takes no character.
        _ => return follow.clone(),
    };
    (set.ranges().len() <= MAX_RANGES).then_some(set)
}

/// A text of Latin-1 that every match has, and how many code units of the match lie before it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Literal {
    pub text: Vec<u8>,
    pub fewest: u32,
    pub most: u32,
}

/// A text farther away from a match's beginning says too little about that.
const MAX_DISTANCE: u32 = 32;

/// The longest text that every match has near its beginning; of several, the first.
pub(super) fn literal(node: &Node, unicode: bool) -> Option<Literal> {
    let mut search = Literals { unicode, fewest: 0, most: 0, now: Literal::default(), best: Literal::default() };
    search.visit(node);
    search.end();
    (search.best.text.len() > 1).then_some(search.best)
}

struct Literals {
    unicode: bool,
    fewest: u32,
    most: u32,
    now: Literal,
    best: Literal,
}

impl Literals {
    /// Goes through a part; false where nothing is known any more.
    fn visit(&mut self, node: &Node) -> bool {
        match node {
            Node::Char(char) => match u8::try_from(*char) {
                Ok(byte) => {
                    if self.now.text.is_empty() {
                        (self.now.fewest, self.now.most) = (self.fewest, self.most);
                    }
                    self.now.text.push(byte);
                    self.advance(Some((1, 1)))
                }
                Err(_) => self.other(node),
            },
            Node::Sequence(nodes) => nodes.iter().all(|node| self.visit(node)),
            Node::Group(_, node) => self.visit(node),
            Node::Set(_) | Node::Alternatives(_) | Node::Loop(_) | Node::BackReference { .. } => self.other(node),
            // What takes no character.
            _ => true,
        }
    }

    fn other(&mut self, node: &Node) -> bool {
        self.end();
        self.advance(width(node, self.unicode))
    }

    fn advance(&mut self, width: Option<(u32, u32)>) -> bool {
        let Some((fewest, most)) = width else { return false };
        self.fewest = self.fewest.saturating_add(fewest);
        self.most = self.most.saturating_add(most);
        // A text that has begun goes on.
        self.most <= MAX_DISTANCE || !self.now.text.is_empty()
    }

    fn end(&mut self) {
        let ended = std::mem::take(&mut self.now);
        if ended.text.len() > self.best.text.len() {
            self.best = ended;
        }
    }
}

/// How many code units a part takes, at least and at most; `None` if nobody knows.
fn width(node: &Node, unicode: bool) -> Option<(u32, u32)> {
    match node {
        Node::Char(char) if unicode => Some(if *char > 0xffff { (2, 2) } else { (1, 1) }),
        Node::Char(_) => Some((1, 1)),
        Node::Set(_) => Some((1, if unicode { 2 } else { 1 })),
        Node::Sequence(nodes) => nodes.iter().try_fold((0u32, 0u32), |(fewest, most), node| {
            let (a, b) = width(node, unicode)?;
            Some((fewest.saturating_add(a), most.saturating_add(b)))
        }),
        Node::Alternatives(nodes) => nodes.iter().try_fold((u32::MAX, 0), |(fewest, most), node| {
            let (a, b) = width(node, unicode)?;
            Some((fewest.min(a), most.max(b)))
        }),
        Node::Group(_, node) => width(node, unicode),
        Node::Loop(inner) if inner.max != INFINITE => {
            let (fewest, most) = width(&inner.node, unicode)?;
            Some((fewest.saturating_mul(inner.min), most.saturating_mul(inner.max)))
        }
        Node::Loop(_) | Node::BackReference { .. } => None,
        _ => Some((0, 0)),
    }
}

/// Whether a match can only begin where the text begins.
pub(super) fn is_anchored(node: &Node) -> bool {
    match node {
        Node::LineStart { multiline } => !multiline,
        Node::Sequence(nodes) => nodes.first().is_some_and(is_anchored),
        Node::Alternatives(nodes) => nodes.iter().all(is_anchored),
        Node::Group(_, node) => is_anchored(node),
        _ => false,
    }
}
