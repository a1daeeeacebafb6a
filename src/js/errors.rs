//! Throwing the language's own errors (§20.5).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::object::shape::Attributes;

impl<'s> Cx<'s> {
    /// A new error object of the current realm; the prototype tells its kind.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn new_error(&mut self, prototype: Intrinsic, message: &str) -> Completion<Local<'s>> {
        let error = self.make_of(Class::Error, prototype)?;
        let message = self.string(message)?;
        self.add_named(error, Name::message.local(), message, Attributes::HIDDEN)?;
        self.capture_stack(error)?;
        Ok(error)
    }

    #[cold]
    fn throw_new(&mut self, prototype: Intrinsic, message: &str) -> Thrown {
        let mut cx = self.open();
        match cx.new_error(prototype, message) {
            Ok(error) => cx.throw(error),
            Err(thrown) => thrown,
        }
    }

    /// Throws a TypeError.
    #[cold]
    pub fn type_error(&mut self, message: &str) -> Thrown {
        self.throw_new(Intrinsic::TypeErrorPrototype, message)
    }

    /// Throws a RangeError.
    #[cold]
    pub fn range_error(&mut self, message: &str) -> Thrown {
        self.throw_new(Intrinsic::RangeErrorPrototype, message)
    }

    /// Throws a ReferenceError.
    #[cold]
    pub fn reference_error(&mut self, message: &str) -> Thrown {
        self.throw_new(Intrinsic::ReferenceErrorPrototype, message)
    }

    /// Throws a SyntaxError.
    #[cold]
    pub fn syntax_error(&mut self, message: &str) -> Thrown {
        self.throw_new(Intrinsic::SyntaxErrorPrototype, message)
    }

    /// Throws a URIError.
    #[cold]
    pub fn uri_error(&mut self, message: &str) -> Thrown {
        self.throw_new(Intrinsic::UriErrorPrototype, message)
    }

    /// A value as messages name it. It runs no script.
    pub fn display(&mut self, value: Local<'_>) -> String {
        const MOST: usize = 80;
        let mut cx = self.open();
        let short = |mut text: String| {
            if let Some((end, _)) = text.char_indices().nth(MOST) {
                text.truncate(end);
                text.push('…');
            }
            text
        };
        if value.is_string() {
            return format!("\"{}\"", short(cx.rust_text(value).unwrap_or_default()));
        }
        if value.is_symbol() {
            return cx.key_text(crate::js::local::Key::Name(value));
        }
        match cx.class_of(value) {
            Some(Class::Closure | Class::Native | Class::Bound) => {
                let name = cx.ordinary_get_own(value, Name::name.key()).and_then(|descriptor| descriptor.value);
                let name = name.filter(|name| name.is_string()).map(|name| cx.rust_text(name).unwrap_or_default());
                format!("function {}", short(name.unwrap_or_default()))
            }
            Some(Class::Array) => "[object Array]".to_owned(),
            Some(Class::Error) => {
                let message = cx.ordinary_get_own(value, Name::message.key()).and_then(|descriptor| descriptor.value);
                let message =
                    message.filter(|message| message.is_string()).map(|message| cx.rust_text(message).unwrap_or_default());
                format!("Error: {}", short(message.unwrap_or_default()))
            }
            Some(_) => "#<Object>".to_owned(),
            None => cx.to_string(value).and_then(|text| cx.rust_text(text)).map(short).unwrap_or_default(),
        }
    }
}
