//! Function objects of scripts (§10.2), arguments objects (§10.4.4).

use crate::heap::HeapRef;
use crate::js::bytecode::{Constant, NamePrefix};
use crate::js::class::{Class, ELEMENTS, FIRST_FIELD, SLOTS};
use crate::js::cx::{Completion, Cx};
use crate::js::function::{CLOSURE_CODE, CLOSURE_ENVIRONMENT, CLOSURE_FLAGS, CLOSURE_REALM, CONSTRUCTS, IS_CLASS, IS_DERIVED};
use crate::js::interp::loaded::{FUNCTION_ARGUMENTS_SHAPE, FUNCTION_CONSTANTS, FUNCTION_PROTOTYPE_SHAPE, FUNCTION_SHAPE, text};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::descriptor::PropertyDescriptor;
use crate::js::object::shape::{Attributes, Shape};
use crate::js::parse::ast::{FunctionInfo, FunctionKind, Place};
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// The flags of a function's closures.
fn flags_of(info: &FunctionInfo) -> i32 {
    let constructs = if info.is_constructor() { CONSTRUCTS } else { 0 };
    match info.kind {
        FunctionKind::BaseConstructor => constructs | IS_CLASS,
        FunctionKind::DerivedConstructor => constructs | IS_CLASS | IS_DERIVED,
        _ => constructs,
    }
}

impl<'s> Cx<'s> {
    /// A constant of the running function.
    pub(super) fn constant(&mut self, index: u32) -> Completion<Local<'s>> {
        let constants = self.read_value(self.frame().function, FUNCTION_CONSTANTS).heap_ref();
        let value = self.read_value(constants, index);
        Ok(self.local(value))
    }

    /// Keeps a value as a constant of the running function.
    pub(super) fn keep_constant(&mut self, index: u32, value: Local<'_>) {
        let constants = self.read_value(self.frame().function, FUNCTION_CONSTANTS).heap_ref();
        let value = self.value(value);
        self.write_value(constants, index, value);
    }

    /// A constant as the generator left it.
    pub(super) fn raw_constant(&mut self, index: u32) -> Option<&'s Constant> {
        let function = self.frame().function;
        self.code_of(function).ok()?.constants.get(index as usize)
    }

    /// `Closure`.
    pub(super) fn closure_of(&mut self, index: u32) -> Completion<Local<'s>> {
        let Some(&Constant::Function { function, name, prefix }) = self.raw_constant(index) else { return Ok(Local::UNDEFINED) };
        let script = self.script_of(self.frame().function);
        let thing = self.function_thing(script, function)?;
        let environment = self.frame().environment;
        let environment = self.local(environment);
        let given = match name {
            None => None,
            Some(id) => {
                let name = self.script_string(script, id)?;
                let mut name = self.local(name);
                if prefix != NamePrefix::None {
                    let prefix = if prefix == NamePrefix::Get { Name::get_prefix } else { Name::set_prefix };
                    name = self.concat(prefix.local(), name)?;
                }
                Some(name)
            }
        };
        self.new_closure_named(thing, environment, given)
    }

    /// InstantiateFunctionObject with the function's own name.
    pub(in crate::js) fn new_closure(&mut self, function: HeapRef, environment: Local<'_>) -> Completion<Local<'s>> {
        self.new_closure_named(function, environment, None)
    }

    /// OrdinaryFunctionCreate (§10.2.3) without properties.
    pub(super) fn bare_closure(
        &mut self,
        function: HeapRef,
        environment: Local<'_>,
        prototype: Local<'_>,
    ) -> Completion<Local<'s>> {
        let info = self.info_of(function);
        let closure = self.make_object(Class::Closure, prototype)?;
        self.fill_closure(closure, function, environment, info);
        Ok(closure)
    }

    fn fill_closure(&mut self, closure: Local<'_>, function: HeapRef, environment: Local<'_>, info: &FunctionInfo) {
        self.set_field_value(closure, CLOSURE_CODE, Value::object(function));
        self.set_field(closure, CLOSURE_ENVIRONMENT, environment);
        self.set_field_value(closure, CLOSURE_FLAGS, Value::int(flags_of(info)));
        let realm = self.agent.roots.realm;
        self.set_field_value(closure, CLOSURE_REALM, Value::object(realm));
    }

    pub(super) fn own_name(&mut self, function: HeapRef) -> Completion<Local<'s>> {
        match self.info_of(function).name {
            None => Ok(Name::empty.local()),
            Some(id) => {
                let script = self.script_of(function);
                let name = self.script_string(script, id)?;
                Ok(self.local(name))
            }
        }
    }

    fn new_closure_named(&mut self, function: HeapRef, environment: Local<'_>, name: Option<Local<'s>>) -> Completion<Local<'s>> {
        if self.read_value(function, FUNCTION_SHAPE).is_object() {
            let name = match name {
                Some(name) => name,
                None => self.own_name(function)?,
            };
            if let Some(closure) = self.closure_of_known_shape(function, environment, name)? {
                return Ok(closure);
            }
            return self.first_closure(function, environment, Some(name));
        }
        self.first_closure(function, environment, name)
    }

    /// A closure like the last one of its function.
    fn closure_of_known_shape(
        &mut self,
        function: HeapRef,
        environment: Local<'_>,
        name: Local<'_>,
    ) -> Completion<Option<Local<'s>>> {
        let shape = Shape(self.read_value(function, FUNCTION_SHAPE).heap_ref());
        let realm = self.agent.roots.realm;
        if shape.prototype(&self.agent.heap) != self.read_value(realm, Intrinsic::FunctionPrototype as u32) {
            return Ok(None);
        }
        let prototype_shape = self.read_value(function, FUNCTION_PROTOTYPE_SHAPE).reference().map(Shape);
        let (info, count) = (self.info_of(function), shape.count(&self.agent.heap));
        let slots = self.allocate_values(count, Value::UNDEFINED)?;
        let slots = self.local(Value::object(slots));
        let prototype = match prototype_shape {
            Some(shape) => Some(self.make_with_shape(Class::Ordinary, shape)?),
            None => None,
        };
        let closure = self.make_with_shape(Class::Closure, shape)?;
        let (slots, name, reference) = (self.reference(slots), self.value(name), self.reference(closure));
        self.write_value(slots, 0, Value::int(info.length.cast_signed()));
        self.write_value(slots, 1, name);
        if let Some(prototype) = prototype {
            let prototype = self.value(prototype);
            self.write_value(slots, 2, prototype);
            self.agent.heap.write_boxed(prototype.heap_ref(), FIRST_FIELD, Value::object(reference).bits());
        }
        self.agent.heap.write_ref(reference, SLOTS, slots);
        self.fill_closure(closure, function, environment, info);
        Ok(Some(closure))
    }

    fn first_closure(&mut self, function: HeapRef, environment: Local<'_>, name: Option<Local<'s>>) -> Completion<Local<'s>> {
        let info = self.info_of(function);
        let prototype = match (info.is_async, info.is_generator) {
            (false, false) => Intrinsic::FunctionPrototype,
            (false, true) => Intrinsic::GeneratorFunctionPrototype,
            (true, false) => Intrinsic::AsyncFunctionPrototype,
            (true, true) => Intrinsic::AsyncGeneratorFunctionPrototype,
        };
        let prototype = self.intrinsic(prototype);
        let prototype = if prototype.is_object() { prototype } else { self.intrinsic(Intrinsic::FunctionPrototype) };
        let closure = self.bare_closure(function, environment, prototype)?;
        self.add_named(closure, Name::length.local(), Local::int(info.length.cast_signed()), Attributes::CONFIGURABLE)?;
        let name = match name {
            Some(name) => name,
            None => self.own_name(function)?,
        };
        self.add_named(closure, Name::name.local(), name, Attributes::CONFIGURABLE)?;
        self.add_prototype(closure, info)?;
        self.keep_closure_shape(function, closure, info);
        Ok(closure)
    }

    /// Keeps what the next closure of the function can be made by.
    fn keep_closure_shape(&mut self, function: HeapRef, closure: Local<'_>, info: &FunctionInfo) {
        let shape = self.shape(closure);
        let heap = &self.agent.heap;
        if info.is_generator || info.is_async || shape.is_unique(heap) {
            return;
        }
        if shape.count(heap) == 3 {
            let prototype = self.slot_value(self.reference(closure), 2);
            let Some(prototype) = prototype.reference() else { return };
            let prototype_shape = Shape::of(heap, prototype);
            if prototype_shape.is_unique(heap) || prototype_shape.count(heap) != 1 {
                return;
            }
            self.write_value(function, FUNCTION_PROTOTYPE_SHAPE, Value::object(prototype_shape.0));
        }
        self.write_value(function, FUNCTION_SHAPE, Value::object(shape.0));
    }

    /// The "prototype" that closures of some kinds have.
    pub(in crate::js) fn add_prototype(&mut self, closure: Local<'_>, info: &FunctionInfo) -> Completion<()> {
        let mut cx = self.open();
        if info.is_generator {
            let above = if info.is_async { Intrinsic::AsyncGeneratorPrototype } else { Intrinsic::GeneratorPrototype };
            let above = cx.intrinsic(above);
            let above = if above.is_object() { above } else { cx.intrinsic(Intrinsic::ObjectPrototype) };
            let prototype = cx.make_object(Class::Ordinary, above)?;
            return cx.add_named(closure, Name::prototype.local(), prototype, Attributes::WRITABLE);
        }
        if info.kind == FunctionKind::Normal && !info.is_async {
            let prototype = cx.new_object()?;
            cx.add_named(prototype, Name::constructor.local(), closure, Attributes::HIDDEN)?;
            return cx.add_named(closure, Name::prototype.local(), prototype, Attributes::WRITABLE);
        }
        Ok(())
    }

    /// `SetName`: SetFunctionName (§10.2.9).
    pub(super) fn set_name(&mut self, function: Local<'s>, key: Local<'s>, prefix: u16) -> Completion<()> {
        let key = if key.is_symbol() { Key::Name(key) } else { self.to_property_key(key)? };
        let prefix = ["", "get", "set"].get(usize::from(prefix)).copied().unwrap_or("");
        let name = self.function_name(key, prefix)?;
        let descriptor = PropertyDescriptor::data(name, Attributes::CONFIGURABLE);
        self.define_own_property(function, Name::name.key(), descriptor)?;
        Ok(())
    }

    /// `Rest`.
    pub(super) fn rest_array(&mut self, from: u32) -> Completion<Local<'s>> {
        let (args, argc) = (self.frame().args, self.frame().argc);
        let values: Vec<Local<'s>> = (from..argc).map(|nth| self.passed(args, nth)).collect();
        self.array_from(&values)
    }

    fn passed(&self, args: usize, nth: u32) -> Local<'s> {
        let slot = args + nth as usize;
        Local::of_slot(Value::from_bits(self.agent.roots.stack[slot]), slot)
    }

    /// `Arguments` (§10.4.4.6, §10.4.4.7).
    pub(super) fn arguments_object(&mut self, mapped: bool) -> Completion<Local<'s>> {
        let (args, argc, fp) = (self.frame().args, self.frame().argc, self.frame().fp);
        let class = if mapped { Class::MappedArguments } else { Class::Arguments };
        let known = self.read_value(self.frame().function, FUNCTION_ARGUMENTS_SHAPE).reference().map(Shape);
        let prototype = self.read_value(self.agent.roots.realm, Intrinsic::ObjectPrototype as u32);
        let object = match known.filter(|shape| shape.prototype(&self.agent.heap) == prototype) {
            Some(shape) => self.arguments_of_known_shape(class, shape, argc, fp)?,
            None => self.first_arguments(class, argc, fp)?,
        };
        if argc != 0 {
            let elements = self.allocate_values(argc, Value::UNDEFINED)?;
            for nth in 0..argc {
                let bits = self.agent.roots.stack[args + nth as usize];
                self.agent.heap.write_boxed(elements, FIELDS + 8 * nth, bits);
            }
            let reference = self.reference(object);
            self.agent.heap.write_ref(reference, ELEMENTS, elements);
        }
        if !mapped {
            return Ok(object);
        }
        let function = self.frame().function;
        let info = self.info_of(function);
        let scope = self.script_code(self.script_of(function)).scope(info.scope);
        let count = argc.min(info.mapped_parameters.len() as u32);
        let map = self.allocate_values(count, Value::UNDEFINED)?;
        for nth in 0..count {
            if let Some(variable) = info.mapped_parameters[nth as usize]
                && let Place::Slot(slot) = scope.variables[variable as usize].place
            {
                self.write_value(map, nth, Value::int(slot.cast_signed()));
            }
        }
        self.set_field_value(object, crate::js::object::arguments::MAP, Value::object(map));
        let environment = self.frame().environment;
        self.set_field_value(object, crate::js::object::arguments::ENVIRONMENT, environment);
        Ok(object)
    }

    /// An arguments object without elements.
    fn first_arguments(&mut self, class: Class, argc: u32, fp: usize) -> Completion<Local<'s>> {
        let object = self.make_of(class, Intrinsic::ObjectPrototype)?;
        self.add_named(object, Name::length.local(), Local::number(f64::from(argc)), Attributes::HIDDEN)?;
        let values = self.intrinsic(Intrinsic::ArrayProtoValues);
        self.add_named(object, Name::sym_iterator.local(), values, Attributes::HIDDEN)?;
        if class == Class::Arguments {
            let thrower = self.intrinsic(Intrinsic::ThrowTypeError);
            let callee = PropertyDescriptor::accessor(thrower, thrower, Attributes::NONE);
            self.define_own_property(object, Name::callee.key(), callee)?;
        } else {
            let callee = self.register(fp, 0);
            self.add_named(object, Name::callee.local(), callee, Attributes::HIDDEN)?;
        }
        let shape = self.shape(object);
        if !shape.is_unique(&self.agent.heap) {
            self.write_value(self.frame().function, FUNCTION_ARGUMENTS_SHAPE, Value::object(shape.0));
        }
        Ok(object)
    }

    /// The same, like the last one of the running function.
    fn arguments_of_known_shape(&mut self, class: Class, shape: Shape, argc: u32, fp: usize) -> Completion<Local<'s>> {
        let callee = if class == Class::Arguments {
            let thrower = self.intrinsic(Intrinsic::ThrowTypeError);
            self.new_accessor(thrower, thrower)?
        } else {
            self.register(fp, 0)
        };
        let slots = self.allocate_values(shape.count(&self.agent.heap), Value::UNDEFINED)?;
        let slots = self.local(Value::object(slots));
        let object = self.make_with_shape(class, shape)?;
        let values = self.read_value(self.agent.roots.realm, Intrinsic::ArrayProtoValues as u32);
        let (slots, callee) = (self.reference(slots), self.value(callee));
        self.write_value(slots, 0, Value::number(f64::from(argc)));
        self.write_value(slots, 1, values);
        self.write_value(slots, 2, callee);
        let reference = self.reference(object);
        self.agent.heap.write_ref(reference, SLOTS, slots);
        Ok(object)
    }

    /// A string constant's text as the engine's string.
    pub(super) fn constant_string(&mut self, id: crate::js::parse::ast::StringId) -> Completion<Local<'s>> {
        let script = self.script_of(self.frame().function);
        let code = self.script_code(script);
        self.string_of(text(code.string(id)))
    }
}

/// Where the slots of an Environment begin, for mapped arguments.
pub(in crate::js) const ENVIRONMENT_SLOTS: u32 = super::environment::SLOTS;
