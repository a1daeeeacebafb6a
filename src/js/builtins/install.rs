//! Tools to put builtins in their places.
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::function::{NATIVE_CONSTRUCTS, NATIVE_ID, NATIVE_REALM};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;
use crate::js::object::descriptor::PropertyDescriptor;
use crate::js::object::shape::Attributes;
use crate::js::value::Value;

/// A constructor and its prototype, to be described.
#[derive(Debug, Clone, Copy)]
pub struct Constructor {
    /// The property of the global object, and `name`.
    pub name: Name,
    /// What it does when it is called, and when it constructs: then `new_target` is not undefined.
    pub native: Native,
    /// `length`.
    pub length: u32,
    /// Where the realm keeps it.
    pub intrinsic: Intrinsic,
    /// Where the realm keeps its `prototype`.
    pub prototype: Intrinsic,
}

fn function_prototype<'s>(_: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // §20.2.3: accepts anything and gives undefined.
    Ok(Local::UNDEFINED)
}

/// What everything else is made with: %Function.prototype%, %ThrowTypeError%.
pub(in crate::js) fn fundamentals(cx: &mut Cx<'_>) -> Completion<()> {
    let object_prototype = cx.intrinsic(Intrinsic::ObjectPrototype);
    let prototype = cx.new_native_with(function_prototype, Name::empty.key(), "", 0, false, object_prototype)?;
    cx.set_intrinsic(Intrinsic::FunctionPrototype, prototype);
    let thrower = cx.new_native(throw_type_error, Name::empty.key(), 0, false)?;
    for name in [Name::length, Name::name] {
        let fixed = PropertyDescriptor { configurable: Some(false), ..PropertyDescriptor::default() };
        cx.define_property_or_throw(thrower, name.key(), fixed)?;
    }
    cx.prevent_extensions(thrower)?;
    cx.set_intrinsic(Intrinsic::ThrowTypeError, thrower);
    debug_assert!(cx.field_value(thrower, NATIVE_ID).is_int() && cx.field_value(thrower, NATIVE_CONSTRUCTS) == Value::FALSE);
    debug_assert!(cx.field_value(thrower, NATIVE_REALM).is_object());
    Ok(())
}

/// %ThrowTypeError% (§10.2.4.1).
fn throw_type_error<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    Err(cx.type_error(
        "'caller', 'callee', and 'arguments' properties may not be accessed on strict mode functions or the arguments objects for calls to them",
    ))
}

impl<'s> Cx<'s> {
    /// A method: writable, configurable, not enumerable.
    pub(in crate::js) fn install_method(
        &mut self,
        on: Local<'s>,
        name: impl Into<Key<'s>>,
        length: u32,
        native: Native,
    ) -> Completion<()> {
        let name = name.into();
        let mut cx = self.open();
        let function = cx.new_native(native, name, length, false)?;
        cx.define_data(on, name, function, Attributes::HIDDEN)
    }

    /// Methods in a table: name, length, function.
    pub(in crate::js) fn install_methods(&mut self, on: Local<'s>, table: &[(Name, u32, Native)]) -> Completion<()> {
        for &(name, length, native) in table {
            self.install_method(on, name, length, native)?;
        }
        Ok(())
    }

    /// A getter without a setter.
    pub(in crate::js) fn install_getter(&mut self, on: Local<'s>, name: impl Into<Key<'s>>, getter: Native) -> Completion<()> {
        self.install_accessor(on, name, Some(getter), None)
    }

    /// A getter and a setter: configurable, not enumerable.
    pub(in crate::js) fn install_accessor(
        &mut self,
        on: Local<'s>,
        name: impl Into<Key<'s>>,
        getter: Option<Native>,
        setter: Option<Native>,
    ) -> Completion<()> {
        let name = name.into();
        let mut cx = self.open();
        let prototype = cx.intrinsic(Intrinsic::FunctionPrototype);
        let getter = match getter {
            Some(getter) => cx.new_native_with(getter, name, "get", 0, false, prototype)?,
            None => Local::UNDEFINED,
        };
        let setter = match setter {
            Some(setter) => cx.new_native_with(setter, name, "set", 1, false, prototype)?,
            None => Local::UNDEFINED,
        };
        cx.define_property_or_throw(on, name, PropertyDescriptor::accessor(getter, setter, Attributes::CONFIGURABLE))?;
        Ok(())
    }

    /// `Symbol.toStringTag`.
    pub(in crate::js) fn install_tag(&mut self, on: Local<'s>, tag: &str) -> Completion<()> {
        let mut cx = self.open();
        let tag = cx.string(tag)?;
        cx.define_data(on, Name::sym_toStringTag.key(), tag, Attributes::CONFIGURABLE)
    }

    /// A constant: neither writable, enumerable nor configurable.
    pub(in crate::js) fn install_constant(&mut self, on: Local<'s>, name: Name, value: Local<'s>) -> Completion<()> {
        self.define_data(on, name.key(), value, Attributes::NONE)
    }

    /// A property of the global object.
    pub(in crate::js) fn install_global(&mut self, name: Name, value: Local<'s>) -> Completion<()> {
        let global = self.global();
        self.define_data(global, name.key(), value, Attributes::HIDDEN)
    }

    /// A constructor with a prototype, which is an ordinary object below %Object.prototype%, as a property of the global object. Gives both.
    pub(in crate::js) fn install_constructor(&mut self, described: Constructor) -> Completion<(Local<'s>, Local<'s>)> {
        let parent = self.intrinsic(Intrinsic::FunctionPrototype);
        let above = self.intrinsic(Intrinsic::ObjectPrototype);
        let prototype = self.make_object(Class::Ordinary, above)?;
        self.install_constructor_with(described, parent, prototype)
    }

    /// The same, with a prototype that is there and the constructor's own prototype.
    pub(in crate::js) fn install_constructor_with(
        &mut self,
        described: Constructor,
        parent: Local<'s>,
        prototype: Local<'s>,
    ) -> Completion<(Local<'s>, Local<'s>)> {
        let name = described.name.key();
        let constructor = self.new_native_with(described.native, name, "", described.length, true, parent)?;
        self.define_data(constructor, Name::prototype.key(), prototype, Attributes::NONE)?;
        self.define_data(prototype, Name::constructor.key(), constructor, Attributes::HIDDEN)?;
        self.set_intrinsic(described.intrinsic, constructor);
        self.set_intrinsic(described.prototype, prototype);
        self.install_global(described.name, constructor)?;
        Ok((constructor, prototype))
    }

    /// The getter of `Symbol.species` (for example §23.1.2.5).
    pub(in crate::js) fn install_species(&mut self, on: Local<'s>) -> Completion<()> {
        fn species<'s>(_: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
            Ok(this)
        }
        self.install_getter(on, Name::sym_species, species)
    }
}
