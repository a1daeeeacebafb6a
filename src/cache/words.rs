//! Numbers in few bytes: LEB128, as in WebAssembly, and differences of numbers that mostly grow.

/// Bytes in the making.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub bytes: Vec<u8>,
}

impl Writer {
    pub fn u32(&mut self, value: u32) {
        let mut rest = value;
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }

    /// A number near another one, above or below.
    pub fn near(&mut self, value: u32, base: u32) {
        let difference = value.wrapping_sub(base) as i32;
        self.u32((difference << 1 ^ difference >> 31) as u32);
    }

    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// The length of a list that follows. What is in memory has fewer elements than bytes.
    pub fn len(&mut self, len: usize) {
        self.u32(u32::try_from(len).unwrap_or(u32::MAX));
    }
}

/// Bytes that are read. `None` is for what no writer has written.
#[derive(Debug)]
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Reader { bytes }
    }

    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        let first = self.u8()?;
        if first < 0x80 { Some(first.into()) } else { self.long(first) }
    }

    fn long(&mut self, first: u8) -> Option<u32> {
        let mut value = u32::from(first & 0x7f);
        for shift in [7, 14, 21, 28] {
            let byte = self.u8()?;
            if shift == 28 && byte > 0x0f {
                return None;
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    #[inline]
    pub fn near(&mut self, base: u32) -> Option<u32> {
        let code = self.u32()?;
        Some(base.wrapping_add((code >> 1) ^ (code & 1).wrapping_neg()))
    }

    /// A list: its length, and each element as `read` finds it. An element takes a byte at least, so that no length asks for more than there is.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Box<[T]>> {
        let len = self.u32()? as usize;
        if len > self.bytes.len() {
            return None;
        }
        let mut list = Vec::with_capacity(len);
        for _ in 0..len {
            list.push(read(self)?);
        }
        Some(list.into_boxed_slice())
    }

    /// What is left.
    pub fn rest(self) -> &'b [u8] {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        let numbers = [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0x1f_ffff, 0x20_0000, 0x0fff_ffff, 0x1000_0000, u32::MAX - 1, u32::MAX];
        let mut writer = Writer::default();
        for value in numbers {
            writer.u32(value);
            for base in numbers {
                writer.near(value, base);
            }
        }
        let mut reader = Reader::new(&writer.bytes);
        for value in numbers {
            assert_eq!(reader.u32(), Some(value));
            for base in numbers {
                assert_eq!(reader.near(base), Some(value), "{value} near {base}");
            }
        }
        assert_eq!(reader.u32(), None);
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x1f]).u32(), None, "more than 32 bits");
        assert_eq!(Reader::new(&[0xff, 0xff]).u32(), None);
        let near = |value: u32, base: u32| {
            let mut writer = Writer::default();
            writer.near(value, base);
            writer.bytes.len()
        };
        assert_eq!((near(1_000_060, 1_000_000), near(1_000_000, 1_000_060)), (1, 1));
    }

    #[test]
    fn lists_are_no_longer_than_what_there_is() {
        let mut reader = Reader::new(&[3, 7, 8, 9, 1]);
        assert_eq!(reader.list(Reader::u8).as_deref(), Some(&[7, 8, 9][..]));
        assert_eq!(reader.rest(), [1]);
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2]).list(Reader::u8), None);
        assert_eq!(Reader::new(&[2, 0x80, 0x80]).list(Reader::u32), None);
    }
}
