//! Properties of Unicode (§22.2.2.10): what `\p{…}` names.
//!
//! `unicode.txt` has a line for each: its kind, its names, and ranges as pairs of hexadecimal numbers, how many code points lie before
//! the range (since the last one) and how many follow its first. `=` begins a list of others of that kind that it is made of.
#![forbid(unsafe_code)]

use super::set::{CodeSet, MAX};

const TABLE: &str = include_str!("unicode.txt");

/// What a property names: code points, and strings of several.
#[derive(Debug, Default, Clone)]
pub(super) struct Property {
    pub chars: CodeSet,
    pub strings: Vec<Vec<u32>>,
    /// Whether it is one of the properties of strings.
    pub is_of_strings: bool,
}

/// The property of a name and perhaps a value; `None` if there is none.
pub(super) fn lookup(name: &str, value: Option<&str>, strings: bool) -> Option<Property> {
    let chars = match (name, value) {
        ("General_Category" | "gc", Some(value)) => chars("gc", value)?,
        ("Script" | "sc", Some(value)) => chars("sc", value)?,
        ("Script_Extensions" | "scx", Some(value)) => match line("scx", value) {
            Some(data) => ranges("scx", data)?,
            None => chars("sc", value)?,
        },
        (_, Some(_)) => return None,
        ("Any", None) => CodeSet::all(),
        (name, None) => match chars("gc", name).or_else(|| chars("binary", name)) {
            Some(chars) => chars,
            None if strings => return strings_of(name),
            None => return None,
        },
    };
    Some(Property { chars, ..Property::default() })
}

/// Whether an identifier's part may be it (§12.7 IdentifierPartChar, IdentifierStartChar).
pub(super) fn is_identifier(point: u32, start: bool) -> bool {
    match u8::try_from(point) {
        Ok(byte) if byte.is_ascii() => {
            byte.is_ascii_alphabetic() || matches!(byte, b'$' | b'_') || (!start && byte.is_ascii_digit())
        }
        _ if !start && matches!(point, 0x200c | 0x200d) => true,
        _ => chars("binary", if start { "ID_Start" } else { "ID_Continue" }).is_some_and(|set| set.contains(point)),
    }
}

/// What stands behind a name.
fn line(kind: &str, name: &str) -> Option<&'static str> {
    TABLE.lines().find_map(|line| {
        let (names, data) = line.strip_prefix(kind)?.strip_prefix(' ')?.split_once(' ')?;
        names.split('|').any(|other| other == name).then_some(data)
    })
}

fn chars(kind: &str, name: &str) -> Option<CodeSet> {
    ranges(kind, line(kind, name)?)
}

fn ranges(kind: &str, data: &str) -> Option<CodeSet> {
    if let Some(parts) = data.strip_prefix("= ") {
        return parts.split(' ').try_fold(CodeSet::default(), |all, part| Some(all.union(&chars(kind, part)?)));
    }
    let mut numbers = data.split(' ').map(|number| u32::from_str_radix(number, 16).ok());
    let (mut ranges, mut at) = (Vec::new(), 0u32);
    while let (Some(gap), Some(more)) = (numbers.next(), numbers.next()) {
        let first = at.checked_add(gap?)?;
        let last = first.checked_add(more?)?.min(MAX);
        ranges.push((first, last));
        at = last + 1;
    }
    Some(CodeSet::of(ranges))
}

fn strings_of(name: &str) -> Option<Property> {
    let data = line("strings", name)?;
    let mut property = Property { is_of_strings: true, ..Property::default() };
    if let Some(parts) = data.strip_prefix("= ") {
        for part in parts.split(' ').filter_map(strings_of) {
            property.chars = property.chars.union(&part.chars);
            property.strings.extend(part.strings);
        }
        return Some(property);
    }
    let mut single = Vec::new();
    for string in data.split(' ') {
        let points: Vec<u32> = string.split('.').filter_map(|number| u32::from_str_radix(number, 16).ok()).collect();
        match *points {
            [point] => single.push((point, point)),
            _ => property.strings.push(points),
        }
    }
    property.chars = CodeSet::of(single);
    Some(property)
}

#[cfg(test)]
mod tests {
    use super::{TABLE, lookup};
    use crate::regexp::set::MAX;

    #[test]
    fn every_line_can_be_read() {
        for line in TABLE.lines() {
            let (kind, rest) = line.split_once(' ').expect("a kind");
            let (names, _) = rest.split_once(' ').expect("names");
            for name in names.split('|') {
                let property = match kind {
                    "gc" | "sc" | "scx" => lookup(kind, Some(name), false),
                    _ => lookup(name, None, true),
                };
                let property = property.unwrap_or_else(|| panic!("{kind} {name}"));
                assert!(property.chars.ranges().iter().all(|&(first, last)| first <= last && last <= MAX));
                assert_eq!(property.is_of_strings, kind == "strings");
            }
        }
    }

    #[test]
    fn categories_are_a_partition() {
        let groups = ["L", "M", "N", "P", "S", "Z", "C"];
        let counts: u32 = groups.iter().filter_map(|group| lookup(group, None, false)).map(|group| group.chars.count()).sum();
        assert_eq!(counts, MAX + 1);
    }
}
