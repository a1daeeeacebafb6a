//! Texts that patterns are matched against: of one byte a code unit, or of two.
#![forbid(unsafe_code)]

/// Code units, borrowed.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// Code units below 256.
    Latin1(&'a [u8]),
    /// Any code units.
    Utf16(&'a [u16]),
}

/// Code units of one width.
pub(super) trait Units: Copy {
    fn len(self) -> usize;

    /// The code unit at a place. Beyond the end it is 0, but nobody asks.
    fn at(self, place: usize) -> u32;

    /// The character at a place that is inside, and how many code units it takes.
    fn char_at<const UNICODE: bool>(self, place: usize) -> (u32, usize);

    /// The character before a place that is not 0.
    fn char_before<const UNICODE: bool>(self, place: usize) -> (u32, usize);

    /// The next place from one on with one of up to three bytes.
    fn find_byte(self, bytes: &[u8], from: usize) -> Option<usize>;

    /// The next place from one on where a text may stand.
    fn find_text(self, text: &memchr::memmem::Finder<'static>, from: usize) -> Option<usize>;
}

impl Units for &[u8] {
    #[inline(always)]
    fn len(self) -> usize {
        <[u8]>::len(self)
    }

    #[inline(always)]
    fn at(self, place: usize) -> u32 {
        self.get(place).copied().map_or(0, u32::from)
    }

    #[inline(always)]
    fn char_at<const UNICODE: bool>(self, place: usize) -> (u32, usize) {
        (self.at(place), 1)
    }

    #[inline(always)]
    fn char_before<const UNICODE: bool>(self, place: usize) -> (u32, usize) {
        (self.at(place.wrapping_sub(1)), 1)
    }

    #[inline]
    fn find_byte(self, bytes: &[u8], from: usize) -> Option<usize> {
        let rest = self.get(from..)?;
        let found = match *bytes {
            [a] => memchr::memchr(a, rest),
            [a, b] => memchr::memchr2(a, b, rest),
            [a, b, c] => memchr::memchr3(a, b, c, rest),
            _ => rest.iter().position(|byte| bytes.contains(byte)),
        }?;
        Some(from + found)
    }

    #[inline]
    fn find_text(self, text: &memchr::memmem::Finder<'static>, from: usize) -> Option<usize> {
        text.find(self.get(from..)?).map(|found| from + found)
    }
}

fn is_pair(lead: u32, trail: u32) -> bool {
    lead & 0xfc00 == 0xd800 && trail & 0xfc00 == 0xdc00
}

fn pair(lead: u32, trail: u32) -> u32 {
    0x10000 + ((lead - 0xd800) << 10) + (trail - 0xdc00)
}

impl Units for &[u16] {
    #[inline(always)]
    fn len(self) -> usize {
        <[u16]>::len(self)
    }

    #[inline(always)]
    fn at(self, place: usize) -> u32 {
        self.get(place).copied().map_or(0, u32::from)
    }

    #[inline(always)]
    fn char_at<const UNICODE: bool>(self, place: usize) -> (u32, usize) {
        let unit = self.at(place);
        if UNICODE && unit & 0xfc00 == 0xd800 {
            let trail = self.at(place + 1);
            if is_pair(unit, trail) {
                return (pair(unit, trail), 2);
            }
        }
        (unit, 1)
    }

    #[inline(always)]
    fn char_before<const UNICODE: bool>(self, place: usize) -> (u32, usize) {
        let unit = self.at(place.wrapping_sub(1));
        if UNICODE && place > 1 && is_pair(self.at(place - 2), unit) {
            return (pair(self.at(place - 2), unit), 2);
        }
        (unit, 1)
    }

    fn find_byte(self, bytes: &[u8], from: usize) -> Option<usize> {
        let rest = self.get(from..)?;
        let found = match *bytes {
            [byte] => rest.iter().position(|&unit| unit == u16::from(byte)),
            _ => rest.iter().position(|&unit| u8::try_from(unit).is_ok_and(|unit| bytes.contains(&unit))),
        }?;
        Some(from + found)
    }

    fn find_text(self, text: &memchr::memmem::Finder<'static>, from: usize) -> Option<usize> {
        self.find_byte(text.needle().get(..1)?, from)
    }
}
