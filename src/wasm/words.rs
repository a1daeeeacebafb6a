//! Reading the bytes of a body by words: numbers in LEB128 out of registers.
//!
//! *Idea.* One bounds check and one load bring an operator and its immediates into a register, from which they are taken by shifts. A
//! number of one byte, as most are, is a branch that is foretold well; the others are put together without branches on their lengths,
//! since those are not.

/// So many bytes behind a body let each of its operators be read by a word.
pub(crate) const SLACK: usize = 8;

/// Bytes that are read by words, as far as there are eight.
#[derive(Clone, Copy)]
pub(crate) struct Code<'a> {
    bytes: &'a [u8],
}

impl<'a> Code<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Code { bytes }
    }

    /// Eight bytes, the first one lowest.
    #[inline(always)]
    pub(crate) fn word_at(self, position: usize) -> Option<u64> {
        let bytes = self.bytes.get(position..position.wrapping_add(8))?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// The same, with zeros in the place of bytes that are missing at the end.
    #[inline(always)]
    pub(crate) fn word_or_rest_at(self, position: usize) -> u64 {
        self.word_at(position).unwrap_or_else(|| self.rest_at(position))
    }

    #[cold]
    fn rest_at(self, position: usize) -> u64 {
        let bytes = self.bytes.get(position..).unwrap_or_default();
        bytes.iter().take(8).rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
    }

    /// The bytes of a range, if there are so many.
    pub(crate) fn between(self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    pub(crate) fn byte_at(self, position: usize) -> Option<u8> {
        self.bytes.get(position).copied()
    }

    pub(crate) fn bytes_at<const N: usize>(self, position: usize) -> Option<[u8; N]> {
        self.bytes.get(position..position.checked_add(N)?)?.try_into().ok()
    }

    /// An unsigned number of 32 bits, and the position behind it.
    pub(crate) fn u32_at(self, position: usize) -> Option<(u32, usize)> {
        let (value, size) = uleb32(self.word_at(position)?)?;
        Some((value, position + size))
    }
}

/// An unsigned LEB128 number of 32 bits in the lowest five bytes, and its size.
#[inline(always)]
pub(crate) fn uleb32(word: u64) -> Option<(u32, usize)> {
    if word & 0x80 == 0 { Some(((word & 0x7f) as u32, 1)) } else { uleb32_long(word) }
}

#[inline(always)]
fn uleb32_long(word: u64) -> Option<(u32, usize)> {
    let size = leb_size(word, 5)?;
    let value = uleb_value(word, size);
    Some((u32::try_from(value).ok()?, size))
}

/// The size of a LEB128 number of so many bytes at most, eight at most.
#[inline(always)]
fn leb_size(word: u64, max: u32) -> Option<usize> {
    let ends = !word & (0x8080_8080_8080_8080 >> (64 - 8 * max));
    (ends != 0).then_some(ends.trailing_zeros() as usize / 8 + 1)
}

/// The value of an unsigned LEB128 number of so many bytes, five at most.
#[inline(always)]
fn uleb_value(word: u64, size: usize) -> u64 {
    let word = word & (u64::MAX >> (64 - 8 * size));
    (word & 0x7f) | (word >> 1 & 0x7f << 7) | (word >> 2 & 0x7f << 14) | (word >> 3 & 0x7f << 21) | (word >> 4 & 0x7f << 28)
}

/// The value of a signed LEB128 number of so many bytes, which are the lowest of a word.
#[inline(always)]
fn sleb_value(word: u64, size: usize) -> i64 {
    let unused = 64 - 8 * size;
    let word = word & (u64::MAX >> unused);
    let high = (word >> 5 & 0x7f << 35) | (word >> 6 & 0x7f << 42) | (word >> 7 & 0x7f << 49);
    let sign = 64 - 7 * size;
    ((uleb_value(word, size) | high) << sign).cast_signed() >> sign
}

/// A signed LEB128 number of 32 bits in the lowest five bytes, and its size. The number is known to be valid.
#[inline(always)]
pub(crate) fn valid_sleb32(word: u64) -> Option<(i32, usize)> {
    let size = leb_size(word, 5)?;
    Some((sleb_value(word, size) as i32, size))
}

/// A signed LEB128 number of 64 bits, and its size, if it has seven bytes at most, the lowest of a word.
#[inline(always)]
pub(crate) fn short_sleb64(word: u64) -> Option<(i64, usize)> {
    let size = leb_size(word, 7)?;
    Some((sleb_value(word, size), size))
}

/// The size of a signed LEB128 number of 32 bits.
#[inline(always)]
pub(crate) fn sleb32_size(word: u64) -> Option<usize> {
    if word & 0x80 == 0 {
        return Some(1);
    }
    let size = leb_size(word, 5)?;
    // The last byte has four bits of the number; the others repeat the sign.
    let unused = word >> 32 & 0x78;
    (size < 5 || unused == 0 || unused == 0x78).then_some(size)
}

/// The size of a signed LEB128 number of 64 bits.
#[inline(always)]
pub(crate) fn sleb64_size(code: Code<'_>, position: usize) -> Option<usize> {
    let word = code.word_at(position)?;
    if word & 0x80 == 0 {
        return Some(1);
    }
    leb_size(word, 8).or_else(|| sleb64_size_long(code, position))
}

#[cold]
fn sleb64_size_long(code: Code<'_>, position: usize) -> Option<usize> {
    if code.byte_at(position + 8)? & 0x80 == 0 {
        return Some(9);
    }
    // The tenth byte has one bit of the number; the others repeat the sign.
    matches!(code.byte_at(position + 9)?, 0 | 0x7f).then_some(10)
}
