//! Classes and the methods of classes and objects (§15.4, §15.7).

use crate::js::bytecode::Constant;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::function::{CLOSURE_FIELDS, CLOSURE_HOME};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::object::descriptor::PropertyDescriptor;
use crate::js::object::shape::Attributes;

impl<'s> Cx<'s> {
    /// `Class`, `ClassDerived`: ClassDefinitionEvaluation (§15.7.14) up to 16.
    pub(super) fn define_class(&mut self, fp: usize, to: u16, index: u32, heritage: Option<Local<'s>>) -> Completion<()> {
        let Some(&Constant::Function { function, name, .. }) = self.raw_constant(index) else { return Ok(()) };
        // 7. and 8.
        let (above, parent) = match heritage {
            None => (self.intrinsic(Intrinsic::ObjectPrototype), self.intrinsic(Intrinsic::FunctionPrototype)),
            Some(heritage) if heritage.is_null() => (Local::NULL, self.intrinsic(Intrinsic::FunctionPrototype)),
            Some(heritage) => {
                if !self.is_constructor(heritage) {
                    let text = self.display(heritage);
                    return Err(self.type_error(&format!("Class extends value {text} is not a constructor or null")));
                }
                let above = self.get(heritage, Name::prototype.key())?;
                if !above.is_object() && !above.is_null() {
                    let text = self.display(above);
                    return Err(self.type_error(&format!("Class extends value does not have valid prototype property {text}")));
                }
                (above, heritage)
            }
        };
        // 9. to 16.
        let prototype = self.make_object(Class::Ordinary, above)?;
        let script = self.script_of(self.frame().function);
        let thing = self.function_thing(script, function)?;
        let environment = self.frame().environment;
        let environment = self.local(environment);
        let constructor = self.bare_closure(thing, environment, parent)?;
        let length = self.info_of(thing).length;
        self.add_named(constructor, Name::length.local(), Local::int(length.cast_signed()), Attributes::CONFIGURABLE)?;
        let name = match name {
            Some(id) => {
                let name = self.script_string(script, id)?;
                self.local(name)
            }
            None => self.own_name(thing)?,
        };
        self.add_named(constructor, Name::name.local(), name, Attributes::CONFIGURABLE)?;
        self.add_named(constructor, Name::prototype.local(), prototype, Attributes::NONE)?;
        self.add_named(prototype, Name::constructor.local(), constructor, Attributes::HIDDEN)?;
        self.set_field(constructor, CLOSURE_HOME, prototype);
        self.write_register(fp, to, constructor);
        self.write_register(fp, to + 1, prototype);
        Ok(())
    }

    /// `DefineMethod`: DefineMethodProperty (§10.2.8) of classes.
    pub(super) fn define_method(&mut self, object: Local<'s>, key: Local<'s>, method: Local<'s>) -> Completion<()> {
        let key = self.to_property_key(key)?;
        self.define_property_or_throw(object, key, PropertyDescriptor::data(method, Attributes::HIDDEN))
    }

    /// `DefineGetter` and its like.
    pub(super) fn define_accessor(
        &mut self,
        object: Local<'s>,
        key: Local<'s>,
        function: Local<'s>,
        is_getter: bool,
        enumerable: bool,
    ) -> Completion<()> {
        let key = self.to_property_key(key)?;
        let (get, set) = if is_getter { (Some(function), None) } else { (None, Some(function)) };
        let descriptor =
            PropertyDescriptor { get, set, enumerable: Some(enumerable), configurable: Some(true), ..Default::default() };
        self.define_property_or_throw(object, key, descriptor)
    }

    /// `InitInstance`: InitializeInstanceElements (§7.3.33).
    pub(super) fn init_instance(&mut self, object: Local<'s>, constructor: Local<'s>) -> Completion<()> {
        if !self.is(constructor, Class::Closure) {
            return Ok(());
        }
        let initializer = self.field(constructor, CLOSURE_FIELDS);
        if initializer.is_object() {
            self.call(initializer, object, &[])?;
        }
        Ok(())
    }
}
