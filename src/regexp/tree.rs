//! A pattern as a tree, and what comes with it.
#![forbid(unsafe_code)]

use super::set::CodeSet;

/// The flags that a pattern's meaning depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// `i`
    pub ignore_case: bool,
    /// `m`
    pub multiline: bool,
    /// `s`
    pub dot_all: bool,
    /// `u`
    pub unicode: bool,
    /// `v`
    pub unicode_sets: bool,
}

impl Flags {
    /// HasEitherUnicodeFlag (§22.2.2.9.4): characters are code points, not code units.
    pub fn has_unicode(self) -> bool {
        self.unicode || self.unicode_sets
    }
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(pub(super) &'static str);

/// No end to the number of repetitions.
pub(super) const INFINITE: u32 = u32::MAX;

/// A part of a pattern. The flags `i`, `m` and `s` are already worked in.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Empty,
    /// A character that is the same as no other.
    Char(u32),
    /// One character of a set.
    Set(CodeSet),
    Sequence(Vec<Node>),
    /// From the first preferred to the last.
    Alternatives(Vec<Node>),
    /// A capturing group.
    Group(u32, Box<Node>),
    /// One of the groups, of which at most one takes part in a match.
    BackReference {
        groups: Vec<u32>,
        ignore_case: bool,
    },
    Loop(Box<Loop>),
    Look {
        node: Box<Node>,
        behind: bool,
        negative: bool,
    },
    LineStart {
        multiline: bool,
    },
    LineEnd {
        multiline: bool,
    },
    WordBoundary {
        negative: bool,
        /// With U+017F and U+212A among the word's characters.
        extended: bool,
    },
}

/// A quantified part.
#[derive(Debug, Clone)]
pub(super) struct Loop {
    pub node: Node,
    pub min: u32,
    pub max: u32,
    pub greedy: bool,
    /// The groups inside: from this one up to that, which is not.
    pub groups: (u32, u32),
}

impl Node {
    /// What the part matches, if that is always exactly one character.
    pub fn as_set(&self) -> Option<CodeSet> {
        match self {
            Node::Char(char) => Some(CodeSet::one(*char)),
            Node::Set(set) => Some(set.clone()),
            Node::Sequence(nodes) if nodes.len() == 1 => nodes[0].as_set(),
            Node::Alternatives(nodes) => nodes.iter().try_fold(CodeSet::default(), |all, node| Some(all.union(&node.as_set()?))),
            _ => None,
        }
    }

    /// How many instructions it takes, about.
    pub fn size(&self) -> usize {
        match self {
            Node::Sequence(nodes) | Node::Alternatives(nodes) => {
                nodes.iter().fold(nodes.len(), |sum, node| sum.saturating_add(node.size()))
            }
            Node::Group(_, node) | Node::Look { node, .. } => node.size().saturating_add(2),
            Node::Loop(inner) => {
                let times = if inner.max == INFINITE { inner.min.saturating_add(1) } else { inner.max };
                inner.node.size().saturating_mul(times as usize).saturating_add(4)
            }
            _ => 1,
        }
    }

    /// Whether it may match without a character.
    pub fn may_be_empty(&self) -> bool {
        match self {
            Node::Char(_) | Node::Set(_) => false,
            Node::Sequence(nodes) => nodes.iter().all(Node::may_be_empty),
            Node::Alternatives(nodes) => nodes.iter().any(Node::may_be_empty),
            Node::Group(_, node) => node.may_be_empty(),
            Node::Loop(inner) => inner.min == 0 || inner.node.may_be_empty(),
            _ => true,
        }
    }
}
