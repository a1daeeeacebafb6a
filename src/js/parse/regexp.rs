//! Regular expressions: their flags, and whether they are any (§22.2.3.3 RegExpInitialize, §13.2.7.1).

use crate::regexp::{Flags, Regexp};

/// What the flags of a regular expression say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AllFlags {
    /// What the pattern's meaning depends on.
    pub pattern: Flags,
    /// `d`
    pub has_indices: bool,
    /// `g`
    pub global: bool,
    /// `y`
    pub sticky: bool,
}

/// Reads flags; `None` if there is another letter, or one twice.
pub fn flags(text: &[u16]) -> Option<AllFlags> {
    let mut flags = AllFlags::default();
    for &unit in text {
        let flag = match u8::try_from(unit).ok()? {
            b'd' => &mut flags.has_indices,
            b'g' => &mut flags.global,
            b'i' => &mut flags.pattern.ignore_case,
            b'm' => &mut flags.pattern.multiline,
            b's' => &mut flags.pattern.dot_all,
            b'u' => &mut flags.pattern.unicode,
            b'v' => &mut flags.pattern.unicode_sets,
            b'y' => &mut flags.sticky,
            _ => return None,
        };
        if std::mem::replace(flag, true) {
            return None;
        }
    }
    (!flags.pattern.unicode || !flags.pattern.unicode_sets).then_some(flags)
}

/// Whether pattern and flags are valid; otherwise why not.
pub fn check(pattern: &[u16], text: &[u16]) -> Result<(), String> {
    let flags = flags(text).ok_or_else(|| "Invalid flags".to_owned())?;
    Regexp::check(pattern, flags.pattern).map_err(|error| error.to_string())
}

/// A regular expression ready to be matched, or why it is none.
pub fn compile(pattern: &[u16], text: &[u16]) -> Result<(Regexp, AllFlags), String> {
    let flags = flags(text).ok_or_else(|| "Invalid flags".to_owned())?;
    let regexp = Regexp::new(pattern, flags.pattern).map_err(|error| error.to_string())?;
    Ok((regexp, flags))
}
