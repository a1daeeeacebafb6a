//! Which characters a part of a pattern can begin with.
//!
//! A choice whose sides begin with different characters needs no way back: that is most of what makes matching fast. A set here may have too
//! many characters, never too few; `None` is any character, and the end of the text.
#![forbid(unsafe_code)]

use super::set::CodeSet;
use super::tree::Node;

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

/// The text that every match begins with, as far as it is Latin-1.
pub(super) fn prefix(node: &Node, text: &mut Vec<u8>) -> bool {
    match node {
        Node::Empty => true,
        Node::Char(char) => match u8::try_from(*char) {
            Ok(byte) => {
                text.push(byte);
                true
            }
            Err(_) => false,
        },
        Node::Sequence(nodes) => nodes.iter().all(|node| prefix(node, text)),
        Node::Group(_, node) => prefix(node, text),
        _ => false,
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
