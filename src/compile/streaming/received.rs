//! The bytes of a stream: where they came to, they stay.
//!
//! A module's bytes must not move while workers read them, so they are written to address space that is reserved for all that may come. Where
//! the system gives less than that, a stream may outgrow it: then its bytes are collected, and nothing is made of them before the end.

#![forbid(unsafe_code)]

use crate::base::sync::Arc;
use crate::base::tuning;
use crate::platform::growing_bytes::GrowingWriter;
use crate::platform::memory::MemoryError;
use crate::wasm::error::CompileError;
use crate::wasm::wire_bytes::WireBytes;

/// Bytes that came.
#[derive(Debug)]
pub(super) enum Received {
    /// None. With how much there is to be room for.
    Nothing(usize),
    /// They stay where they are.
    InPlace(GrowingWriter),
    /// They move as more come.
    Collected(Vec<u8>),
}

impl Received {
    /// Nothing, and as much as that may come to stay.
    pub(super) fn new(room_bytes: usize) -> Self {
        Received::Nothing(room_bytes)
    }

    /// Appends.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), CompileError> {
        if let Received::Nothing(room_bytes) = *self
            && !bytes.is_empty()
        {
            *self = match GrowingWriter::new(room_bytes, tuning::STREAM_ROOM_MIN_BYTES) {
                Ok(writer) => Received::InPlace(writer),
                Err(_) => Received::Collected(Vec::new()),
            };
        }
        if let Received::InPlace(writer) = self {
            match writer.append(bytes) {
                Ok(()) => return Ok(()),
                Err(MemoryError::TooLarge { .. }) => {
                    let mut collected = Vec::new();
                    extend(&mut collected, (**writer.reader()).as_ref())?;
                    *self = Received::Collected(collected);
                }
                Err(_) => return Err(no_memory(writer.len().saturating_add(bytes.len()))),
            }
        }
        match self {
            Received::Collected(collected) => extend(collected, bytes),
            Received::Nothing(_) | Received::InPlace(_) => Ok(()),
        }
    }

    /// How many came.
    pub(super) fn len(&self) -> usize {
        self.bytes().len()
    }

    /// All that came.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Received::Nothing(_) => &[],
            Received::InPlace(writer) => (**writer.reader()).as_ref(),
            Received::Collected(bytes) => bytes,
        }
    }

    /// Whether what came has not moved.
    pub(super) fn is_in_place(&self) -> bool {
        !matches!(self, Received::Collected(_))
    }

    /// What came, and what will.
    pub(super) fn wire_bytes(&self) -> WireBytes {
        match self {
            Received::InPlace(writer) => {
                let reader = Arc::clone(writer.reader());
                WireBytes::new(reader)
            }
            Received::Nothing(_) | Received::Collected(_) => WireBytes::from(self.bytes()),
        }
    }

    /// The same, when there will be no more.
    pub(super) fn finish(self) -> WireBytes {
        match self {
            Received::Nothing(_) => WireBytes::from(Vec::new()),
            Received::InPlace(writer) => WireBytes::new(writer.finish()),
            Received::Collected(bytes) => WireBytes::from(bytes),
        }
    }
}

fn extend(collected: &mut Vec<u8>, bytes: &[u8]) -> Result<(), CompileError> {
    collected.try_reserve(bytes.len()).map_err(|_| no_memory(collected.len().saturating_add(bytes.len())))?;
    collected.extend_from_slice(bytes);
    Ok(())
}

fn no_memory(len: usize) -> CompileError {
    CompileError::limit(format!("no memory for {len} bytes of a module"), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_until_they_outgrow_their_place() {
        let mut received = Received::new(10_000);
        assert!(received.bytes().is_empty() && received.is_in_place());
        received.append(&[]).expect("nothing");
        received.append(&[1; 5_000]).expect("room");
        let reader = received.wire_bytes();
        received.append(&[2; 2_000]).expect("room");
        assert!(received.is_in_place() && std::ptr::eq(&*reader, received.bytes()), "readers see what came later");
        received.append(&[3; 9_000]).expect("memory");
        assert!(!received.is_in_place());
        assert_eq!((received.len(), reader.len()), (16_000, 7_000));
        let all = [&[1; 5_000][..], &[2; 2_000], &[3; 9_000]].concat();
        assert!(received.bytes() == all && *received.finish() == all);
    }
}
