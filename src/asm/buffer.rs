//! Code under construction.
//!
//! Instructions are written in pieces of eight bytes or less, each with one store that may write more than the piece: the next one
//! overwrites the rest. So the buffer always has room for one whole instruction behind its end.

/// A place in the code that jumps can name before it is known.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Label(u32);

/// A displacement of 32 bits, relative to its own end, that waits for its label.
#[derive(Copy, Clone, Debug)]
struct Fixup {
    at: u32,
    label: Label,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct CodeBuffer {
    bytes: Vec<u8>,
    len: usize,
    labels: Vec<u32>,
    fixups: Vec<Fixup>,
}

/// What every instruction may take, and what its last store may write beyond it.
const ROOM_BYTES: usize = 32;
/// Offset of a label that has no place yet.
const UNBOUND: u32 = u32::MAX;

impl CodeBuffer {
    /// Forgets everything but the memory.
    pub fn clear(&mut self) {
        self.len = 0;
        self.labels.clear();
        self.fixups.clear();
    }

    /// Bytes so far: the offset of what comes next.
    #[inline]
    pub fn offset(&self) -> u32 {
        self.len as u32
    }

    /// Makes room for an instruction.
    #[inline]
    pub(super) fn reserve(&mut self) {
        if self.bytes.len() < self.len + ROOM_BYTES {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.bytes.len() * 2).max(4096);
        self.bytes.resize(len, 0);
    }

    /// Adds the low bytes of a word, at most eight, in a [reserved](Self::reserve) place.
    #[inline]
    pub(super) fn put(&mut self, bits: u64, count: usize) {
        self.bytes[self.len..self.len + 8].copy_from_slice(&bits.to_le_bytes());
        self.len += count;
    }

    /// Adds an instruction, or the first part of one, which has room then: the low bytes of a word, at most eight, and of another one.
    #[inline(always)]
    pub(super) fn put_both(&mut self, first: (u64, usize), second: (u64, usize)) {
        self.reserve();
        let place = &mut self.bytes[self.len..self.len + ROOM_BYTES];
        place[..8].copy_from_slice(&first.0.to_le_bytes());
        let at = first.1 & 15;
        place[at..at + 8].copy_from_slice(&second.0.to_le_bytes());
        self.len += first.1 + second.1;
    }

    /// Adds bytes that are no instruction.
    pub fn append(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        while self.bytes.len() < end + ROOM_BYTES {
            self.grow();
        }
        self.bytes[self.len..end].copy_from_slice(bytes);
        self.len = end;
    }

    /// Adds a byte until the offset is a multiple of a power of two.
    pub fn align(&mut self, alignment: u32, fill: u8) {
        while !self.offset().is_multiple_of(alignment) {
            self.append(&[fill]);
        }
    }

    /// Writes over 32 bits.
    pub fn patch(&mut self, at: u32, value: i32) {
        let at = at as usize;
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// A label without a place.
    pub fn new_label(&mut self) -> Label {
        let label = Label(self.labels.len() as u32);
        self.labels.push(UNBOUND);
        label
    }

    /// A label for what comes next.
    pub fn here(&mut self) -> Label {
        let label = self.new_label();
        self.bind(label);
        label
    }

    /// Gives a label its place: before what comes next.
    pub fn bind(&mut self, label: Label) {
        debug_assert_eq!(self.labels[label.0 as usize], UNBOUND, "a label has one place");
        self.labels[label.0 as usize] = self.offset();
    }

    /// The place of a label, if it has one.
    pub fn offset_of(&self, label: Label) -> Option<u32> {
        Some(self.labels[label.0 as usize]).filter(|&offset| offset != UNBOUND)
    }

    /// Adds a displacement of 32 bits to a label.
    #[inline]
    pub fn put_displacement(&mut self, label: Label) {
        self.fixups.push(Fixup { at: self.offset(), label });
        self.reserve();
        self.put(0, 4);
    }

    /// Fills in all displacements. Every label that something names has its place by now.
    pub fn resolve(&mut self) {
        for &Fixup { at, label } in &self.fixups {
            let target = self.labels[label.0 as usize];
            debug_assert_ne!(target, UNBOUND, "a jump to nowhere");
            let displacement = target.wrapping_sub(at + 4);
            self.bytes[at as usize..][..4].copy_from_slice(&displacement.to_le_bytes());
        }
        self.fixups.clear();
    }

    /// The code.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The code from an offset on, to be written over.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::CodeBuffer;

    #[test]
    fn displacements_are_relative_to_their_end() {
        let mut buffer = CodeBuffer::default();
        let back = buffer.here();
        let ahead = buffer.new_label();
        buffer.put_displacement(ahead);
        buffer.put_displacement(back);
        buffer.append(&[0xcc; 5000]);
        buffer.bind(ahead);
        buffer.resolve();
        assert_eq!(buffer.bytes()[..8], [0x8c, 0x13, 0, 0, 0xf8, 0xff, 0xff, 0xff]);
        assert_eq!((buffer.offset(), buffer.offset_of(ahead), buffer.offset_of(back)), (5008, Some(5008), Some(0)));
        buffer.clear();
        buffer.align(16, 0);
        assert_eq!(buffer.bytes(), [0u8; 0]);
    }
}
