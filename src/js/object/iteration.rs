//! Operations on iterators (§7.4).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::object::shape::Attributes;

/// An Iterator Record (§7.4.1).
#[derive(Debug, Clone, Copy)]
pub struct IteratorRecord<'s> {
    /// [[Iterator]].
    pub iterator: Local<'s>,
    /// [[NextMethod]].
    pub next: Local<'s>,
}

impl<'s> Cx<'s> {
    /// GetIterator (§7.4.4), synchronous.
    ///
    /// # Errors
    ///
    /// A TypeError when it is not iterable.
    pub fn get_iterator(&mut self, value: Local<'s>) -> Completion<IteratorRecord<'s>> {
        let method = self.get_method(value, Name::sym_iterator.key())?;
        if method.is_undefined() {
            let text = self.display(value);
            return Err(self.type_error(&format!("{text} is not iterable")));
        }
        self.get_iterator_from_method(value, method)
    }

    /// GetIteratorFromMethod (§7.4.3).
    ///
    /// # Errors
    ///
    /// A TypeError when the method gives no object.
    pub fn get_iterator_from_method(&mut self, value: Local<'s>, method: Local<'s>) -> Completion<IteratorRecord<'s>> {
        let iterator = self.call(method, value, &[])?;
        if !iterator.is_object() {
            let text = self.display(iterator);
            return Err(self.type_error(&format!("Result of the Symbol.iterator method is not an object: {text}")));
        }
        self.get_iterator_direct(iterator)
    }

    /// GetIteratorDirect (§7.4.2).
    ///
    /// # Errors
    ///
    /// What the getter of `next` throws.
    pub fn get_iterator_direct(&mut self, iterator: Local<'s>) -> Completion<IteratorRecord<'s>> {
        let next = self.get(iterator, Name::next.key())?;
        Ok(IteratorRecord { iterator, next })
    }

    /// IteratorNext (§7.4.6).
    ///
    /// # Errors
    ///
    /// A TypeError when the result is no object.
    pub fn iterator_next(&mut self, record: IteratorRecord<'s>, value: Option<Local<'s>>) -> Completion<Local<'s>> {
        let result = match value {
            Some(value) => self.call(record.next, record.iterator, &[value])?,
            None => self.call(record.next, record.iterator, &[])?,
        };
        if !result.is_object() {
            let text = self.display(result);
            return Err(self.type_error(&format!("Iterator result {text} is not an object")));
        }
        Ok(result)
    }

    /// IteratorComplete (§7.4.7).
    ///
    /// # Errors
    ///
    /// What the getter throws.
    pub fn iterator_complete(&mut self, result: Local<'s>) -> Completion<bool> {
        let done = self.get(result, Name::done.key())?;
        Ok(self.to_boolean(done))
    }

    /// IteratorStep (§7.4.9): the result object, or nothing at the end.
    ///
    /// # Errors
    ///
    /// What the iterator throws.
    pub fn iterator_step(&mut self, record: IteratorRecord<'s>) -> Completion<Option<Local<'s>>> {
        let result = self.iterator_next(record, None)?;
        Ok(if self.iterator_complete(result)? { None } else { Some(result) })
    }

    /// IteratorStepValue (§7.4.10).
    ///
    /// # Errors
    ///
    /// What the iterator throws.
    pub fn iterator_step_value(&mut self, record: IteratorRecord<'s>) -> Completion<Option<Local<'s>>> {
        match self.iterator_step(record)? {
            None => Ok(None),
            Some(result) => self.get(result, Name::value.key()).map(Some),
        }
    }

    /// IteratorClose (§7.4.11) for a completion that is normal.
    ///
    /// # Errors
    ///
    /// What `return` throws; a TypeError when it gives no object.
    pub fn iterator_close(&mut self, iterator: Local<'s>) -> Completion<()> {
        let method = self.get_method(iterator, Name::r#return.key())?;
        if method.is_undefined() {
            return Ok(());
        }
        let result = self.call(method, iterator, &[])?;
        if !result.is_object() {
            let text = self.display(result);
            return Err(self.type_error(&format!("{text} is not an object")));
        }
        Ok(())
    }

    /// IteratorClose (§7.4.11) for a throw completion, which is given back: what `return` throws is forgotten.
    pub fn iterator_close_throw(&mut self, iterator: Local<'s>, thrown: Thrown) -> Thrown {
        let Ok(error) = self.take_exception(thrown) else { return thrown };
        if let Err(inner) = self.iterator_close(iterator)
            && self.take_exception(inner).is_err()
        {
            return inner;
        }
        self.throw(error)
    }

    /// CreateIteratorResultObject (§7.4.14).
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn iterator_result(&mut self, value: Local<'_>, done: bool) -> Completion<Local<'s>> {
        let prototype = self.intrinsic(Intrinsic::ObjectPrototype);
        let result = self.make_object(Class::Ordinary, prototype)?;
        self.add_named(result, Name::value.local(), value, Attributes::ALL)?;
        self.add_named(result, Name::done.local(), Local::bool(done), Attributes::ALL)?;
        Ok(result)
    }

    /// IteratorToList (§7.4.16) of what GetIterator gives.
    ///
    /// # Errors
    ///
    /// What the iterator throws.
    pub fn iterable_to_list(&mut self, value: Local<'s>) -> Completion<Vec<Local<'s>>> {
        let record = self.get_iterator(value)?;
        self.iterator_to_list(record)
    }

    /// IteratorToList (§7.4.16).
    ///
    /// # Errors
    ///
    /// What the iterator throws.
    pub fn iterator_to_list(&mut self, record: IteratorRecord<'s>) -> Completion<Vec<Local<'s>>> {
        let mut list = Vec::new();
        while let Some(value) = self.iterator_step_value(record)? {
            list.push(value);
        }
        Ok(list)
    }
}
