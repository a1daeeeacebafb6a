//! Errors that instructions name by number.

use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::local::Local;

impl<'s> Cx<'s> {
    /// `ThrowError`.
    #[cold]
    pub(super) fn numbered_error(&mut self, number: u32) -> Thrown {
        match number {
            0 => self.reference_error("Invalid left-hand side in assignment"),
            1 => self.reference_error("Unsupported reference to 'super'"),
            _ => self.type_error("The iterator does not provide a 'throw' method"),
        }
    }

    /// `IteratorCloseThrow`.
    pub(super) fn close_dropping(&mut self, iterator: Local<'s>) -> Completion<()> {
        match self.iterator_close(iterator) {
            Ok(()) => Ok(()),
            Err(thrown) => self.take_exception(thrown).map(drop),
        }
    }
}
