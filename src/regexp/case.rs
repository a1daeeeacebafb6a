//! Canonicalize (§22.2.2.7.3): which characters are the same to the flag `i`.
//!
//! With `u` or `v` it is Unicode's simple case folding, without them the uppercase mapping. Both come from the mappings of Rust's library.
//! A set is closed under it when the pattern is compiled, so that matching does not ask; only back references do.
#![forbid(unsafe_code)]

use super::set::CodeSet;
use crate::base::sync::OnceLock;

/// Characters that have a case lie in these ranges; a test asks all others.
const CASED: [(u32, u32); 22] = [
    (0x41, 0x5a),
    (0x61, 0x7a),
    (0xb5, 0x587),
    (0x10a0, 0x10ff),
    (0x13a0, 0x13ff),
    (0x1c80, 0x1cbf),
    (0x1d79, 0x1d8e),
    (0x1e00, 0x1fff),
    (0x2126, 0x2132),
    (0x214e, 0x2188),
    (0x24b6, 0x24e9),
    (0x2c00, 0x2d2d),
    (0xa640, 0xa7ff),
    (0xab53, 0xabbf),
    (0xfb05, 0xfb06),
    (0xff21, 0xff5a),
    (0x10400, 0x105bf),
    (0x10c80, 0x10cff),
    (0x10d50, 0x10d85),
    (0x118a0, 0x118df),
    (0x16e40, 0x16eff),
    (0x1e900, 0x1e943),
];

/// The mapping to one character, or the character itself.
fn single(mut mapped: impl Iterator<Item = char>, otherwise: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => otherwise,
    }
}

/// Unicode's simple case folding, scf.
fn fold(point: u32) -> u32 {
    let Some(char) = char::from_u32(point) else { return point };
    let folded = match char {
        // Characters whose folding is not the lowercase of their uppercase.
        '\u{131}' => '\u{131}',
        '\u{1e9e}' => '\u{df}',
        '\u{1fd3}' => '\u{390}',
        '\u{1fe3}' => '\u{3b0}',
        '\u{fb05}' => '\u{fb06}',
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => single(char.to_uppercase(), char),
        _ => {
            let upper = single(char.to_uppercase(), char);
            single(upper.to_lowercase(), upper)
        }
    };
    u32::from(folded)
}

/// The uppercase of a code unit, where it is one code unit and does not become ASCII.
fn upper(unit: u32) -> u32 {
    let Some(char) = char::from_u32(unit) else { return unit };
    let upper = u32::from(single(char.to_uppercase(), char));
    if upper > 0xffff || (unit >= 128 && upper < 128) { unit } else { upper }
}

/// Canonicalize (§22.2.2.7.3).
pub(super) fn canonical(point: u32, unicode: bool) -> u32 {
    match point {
        0..0x80 if unicode => u32::from((point as u8).to_ascii_lowercase()),
        0..0x80 => u32::from((point as u8).to_ascii_uppercase()),
        _ if unicode => fold(point),
        0x80..=0xffff => upper(point),
        _ => point,
    }
}

/// The characters that are not alone: each with its canonical one, in the order of the characters, and the other way round.
struct Classes {
    by_member: Vec<(u32, u32)>,
    by_canonical: Vec<(u32, u32)>,
}

fn classes(unicode: bool) -> &'static Classes {
    static CLASSES: [OnceLock<Classes>; 2] = [OnceLock::new(), OnceLock::new()];
    CLASSES[usize::from(unicode)].get_or_init(|| {
        let mut by_member = Vec::new();
        for point in CASED.iter().flat_map(|&(first, last)| first..=last) {
            let canonical = canonical(point, unicode);
            if canonical != point {
                by_member.push((point, canonical));
                by_member.push((canonical, canonical));
            }
        }
        by_member.sort_unstable();
        by_member.dedup();
        let mut by_canonical: Vec<(u32, u32)> = by_member.iter().map(|&(member, canonical)| (canonical, member)).collect();
        by_canonical.sort_unstable();
        Classes { by_member, by_canonical }
    })
}

fn cased() -> CodeSet {
    CodeSet::of(CASED.to_vec())
}

/// The entries of a sorted table whose first part is in a range.
fn within(table: &[(u32, u32)], first: u32, last: u32) -> &[(u32, u32)] {
    let from = table.partition_point(|&(key, _)| key < first);
    let to = table.partition_point(|&(key, _)| key <= last);
    table.get(from..to).unwrap_or_default()
}

/// All characters that are the same as one of the set.
pub(super) fn closure(set: &CodeSet, unicode: bool) -> CodeSet {
    let ascii = set.intersection(&CodeSet::range(0, 127));
    let mut added = Vec::new();
    for point in ascii.members() {
        let byte = point as u8;
        if byte.is_ascii_alphabetic() {
            added.push((u32::from(byte ^ 0x20), u32::from(byte ^ 0x20)));
            match byte | 0x20 {
                b'k' if unicode => added.push((0x212a, 0x212a)),
                b's' if unicode => added.push((0x17f, 0x17f)),
                _ => {}
            }
        }
    }
    // Most sets have none of the others with a case, or all.
    let others = set.difference(&CodeSet::range(0, 127)).intersection(&cased());
    if !others.is_empty() {
        let classes = classes(unicode);
        let keys = others.ranges().iter().flat_map(|&(first, last)| within(&classes.by_member, first, last));
        for &(_, canonical) in keys {
            added.extend(within(&classes.by_canonical, canonical, canonical).iter().map(|&(_, member)| (member, member)));
        }
    }
    if added.is_empty() { set.clone() } else { set.union(&CodeSet::of(added)) }
}

/// MaybeSimpleCaseFolding (§22.2.2.9.9) of a set, with the flags `v` and `i`.
pub(super) fn folded(set: &CodeSet) -> CodeSet {
    let touched = set.intersection(&cased());
    let (mut gone, mut added) = (Vec::new(), Vec::new());
    for &(first, last) in touched.ranges() {
        for &(member, canonical) in within(&classes(true).by_member, first, last) {
            if member != canonical {
                gone.push((member, member));
                added.push((canonical, canonical));
            }
        }
    }
    set.difference(&CodeSet::of(gone)).union(&CodeSet::of(added))
}

/// AllCharacters (§22.2.2.9.5) with the flags `v` and `i`: those that are their own folding.
pub(super) fn all_folded() -> CodeSet {
    folded(&CodeSet::all())
}

#[cfg(test)]
mod tests {
    use super::{canonical, cased, closure};
    use crate::regexp::set::{CodeSet, MAX};

    #[test]
    fn only_the_listed_ranges_have_a_case() {
        let cased = cased();
        for point in (0..=MAX).filter(|&point| !cased.contains(point)) {
            assert_eq!((canonical(point, true), canonical(point, false)), (point, point), "{point:x}");
        }
    }

    #[test]
    fn a_closure_has_all_that_are_the_same() {
        for unicode in [false, true] {
            for point in cased().members() {
                let closed = closure(&CodeSet::one(point), unicode);
                assert!(closed.contains(canonical(point, unicode)) && closed.contains(point), "{point:x}");
                assert!(closed.members().all(|other| canonical(other, unicode) == canonical(point, unicode)), "{point:x}");
            }
        }
        assert_eq!(closure(&CodeSet::one(0x73), true).count(), 3);
        assert_eq!(closure(&CodeSet::one(0x73), false).count(), 2);
    }
}
