//! What the host may do with buffers and views.
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::object::element::Element;

impl<'s> Cx<'s> {
    /// A Uint8Array with bytes.
    ///
    /// # Errors
    ///
    /// A RangeError when there is not so much memory.
    pub fn new_uint8_array(&mut self, bytes: &[u8]) -> Completion<Local<'s>> {
        let array = self.new_typed_array(Element::Uint8, bytes.len())?;
        self.write_view(array, bytes);
        Ok(array)
    }

    /// The bytes that an array buffer, typed array or data view shows; nothing for other values. None are shown by what is detached or
    /// out of bounds.
    pub fn bytes_of_view(&self, view: Local<'_>) -> Option<Vec<u8>> {
        match self.class_of(view)? {
            Class::ArrayBuffer | Class::SharedArrayBuffer => {
                Some(self.backing(self.value(view)).map_or_else(Vec::new, |backing| backing.to_vec(0, backing.len())))
            }
            Class::TypedArray | Class::DataView => {
                Some(self.view_bytes(view).map_or_else(Vec::new, |(backing, offset, bytes)| backing.to_vec(offset, bytes)))
            }
            _ => None,
        }
    }

    /// How many bytes a typed array or data view shows; nothing for other values.
    pub fn view_length(&self, view: Local<'_>) -> Option<usize> {
        match self.class_of(view)? {
            Class::TypedArray | Class::DataView => Some(self.view_bytes(view).map_or(0, |(_, _, bytes)| bytes)),
            _ => None,
        }
    }

    /// A part of the bytes that a typed array or data view shows, as far as it shows them.
    pub fn read_view(&self, view: Local<'_>, range: std::ops::Range<usize>) -> Vec<u8> {
        let Some((backing, offset, bytes)) = self.view_length(view).and_then(|_| self.view_bytes(view)) else {
            return Vec::new();
        };
        let (start, end) = (range.start.min(bytes), range.end.min(bytes));
        backing.to_vec(offset + start, end.saturating_sub(start))
    }

    /// Writes to the first bytes of a typed array or data view, as many as there is place for. Gives how many.
    pub fn write_view(&mut self, view: Local<'_>, bytes: &[u8]) -> usize {
        self.write_view_at(view, 0, bytes)
    }

    /// The same from a place on.
    pub fn write_view_at(&mut self, view: Local<'_>, at: usize, bytes: &[u8]) -> usize {
        let Some((backing, offset, place)) = self.view_length(view).and_then(|_| self.view_bytes(view)) else { return 0 };
        let count = place.saturating_sub(at).min(bytes.len());
        if backing.write(offset + at.min(place), &bytes[..count]) { count } else { 0 }
    }
}
