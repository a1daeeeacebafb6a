//! The internal methods (§10.1), ordinary and exotic: one function each, which branches on the object's class.
#![forbid(unsafe_code)]

use crate::heap::HeapRef;
use crate::js::class::{Class, class_of};
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::descriptor::PropertyDescriptor;
use crate::js::object::shape::{Attributes, Shape};
use crate::js::value::Value;

/// An own property where it lies: a value or an accessor pair.
type Own = Option<(Value, Attributes)>;

impl<'s> Cx<'s> {
    /// Whether a key is one of the engine's names.
    pub(in crate::js) fn is_name(&self, key: Key<'_>, name: Name) -> bool {
        matches!(key, Key::Name(local) if self.value(local) == self.value(name.local()))
    }

    /// An own property as ordinary objects have it, without any of the exotic ones but arrays' and strings' lengths and characters, which
    /// are asked for by [`get_own_property`](Cx::get_own_property).
    #[inline]
    pub(in crate::js) fn own_slot(&self, object: HeapRef, key: Key<'_>) -> Own {
        match key {
            Key::Index(index) => self.own_element(object, index),
            Key::Name(name) => {
                let found = Shape::of(&self.agent.heap, object).find(&self.agent.heap, self.value(name))?;
                Some((self.slot_value(object, found.place), found.attributes))
            }
        }
    }

    /// [[GetPrototypeOf]]: an object or null.
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn get_prototype_of(&mut self, object: Local<'s>) -> Completion<Local<'s>> {
        if self.is(object, Class::Proxy) {
            return self.proxy_get_prototype_of(object);
        }
        let prototype = self.shape(object).prototype(&self.agent.heap);
        Ok(self.local(prototype))
    }

    /// [[SetPrototypeOf]].
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn set_prototype_of(&mut self, object: Local<'s>, prototype: Local<'s>) -> Completion<bool> {
        match self.class_of(object) {
            Some(Class::Proxy) => return self.proxy_set_prototype_of(object, prototype),
            Some(Class::ModuleNamespace) => return Ok(prototype.is_null()),
            Some(Class::Opaque) => return Ok(false),
            _ => {}
        }
        // 2. and 3. of §10.1.2.1
        let (current, wanted) = (self.shape(object).prototype(&self.agent.heap), self.value(prototype));
        if current == wanted {
            return Ok(true);
        }
        // Objects whose prototype is immutable (§10.4.7).
        let is_object_prototype = self.value(object) == {
            let object_prototype = self.intrinsic(crate::js::intrinsic::Intrinsic::ObjectPrototype);
            self.value(object_prototype)
        };
        if is_object_prototype || !self.shape(object).is_extensible(&self.agent.heap) {
            return Ok(false);
        }
        // 6. and 7. No circles; behind a proxy nobody looks.
        let mut ancestor = self.value(prototype);
        while let Some(reference) = ancestor.reference() {
            if ancestor == self.value(object) {
                return Ok(false);
            }
            if class_of(&self.agent.heap, reference) == Class::Proxy {
                break;
            }
            ancestor = Shape::of(&self.agent.heap, reference).prototype(&self.agent.heap);
        }
        let (object, prototype) = (self.reference(object), self.value(prototype));
        self.agent.change_prototype(object, prototype).map_err(|error| self.heap_error(error))?;
        Ok(true)
    }

    /// [[IsExtensible]].
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn is_extensible(&mut self, object: Local<'s>) -> Completion<bool> {
        match self.class_of(object) {
            Some(Class::Proxy) => self.proxy_is_extensible(object),
            Some(Class::ModuleNamespace) => Ok(false),
            _ => Ok(self.shape(object).is_extensible(&self.agent.heap)),
        }
    }

    /// [[PreventExtensions]].
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn prevent_extensions(&mut self, object: Local<'s>) -> Completion<bool> {
        match self.class_of(object) {
            Some(Class::Proxy) => return self.proxy_prevent_extensions(object),
            Some(Class::ModuleNamespace) => return Ok(true),
            Some(Class::Opaque) => return Ok(false),
            Some(Class::TypedArray) if !self.typed_array_has_fixed_length(object) => return Ok(false),
            _ => {}
        }
        let reference = self.reference(object);
        self.agent.forbid_extensions(reference).map_err(|error| self.heap_error(error))?;
        Ok(true)
    }

    /// [[GetOwnProperty]].
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn get_own_property(&mut self, object: Local<'s>, key: Key<'s>) -> Completion<Option<PropertyDescriptor<'s>>> {
        match self.class_of(object) {
            Some(Class::Proxy) => return self.proxy_get_own_property(object, key),
            Some(Class::Array) if self.is_name(key, Name::length) => return Ok(Some(self.array_length_descriptor(object))),
            Some(Class::String) => {
                if let Some(descriptor) = self.string_get_own(object, key)? {
                    return Ok(Some(descriptor));
                }
            }
            Some(Class::MappedArguments) => return self.arguments_get_own(object, key),
            Some(Class::TypedArray) => {
                if let Some(index) = self.canonical_numeric_index(key)? {
                    let value = self.typed_array_get(object, index)?;
                    return Ok((!value.is_undefined()).then(|| PropertyDescriptor::data(value, Attributes::ALL)));
                }
            }
            Some(Class::ModuleNamespace) => return self.namespace_get_own(object, key),
            _ => {}
        }
        Ok(self.ordinary_get_own(object, key))
    }

    /// OrdinaryGetOwnProperty (§10.1.5.1).
    pub(in crate::js) fn ordinary_get_own(&mut self, object: Local<'_>, key: Key<'_>) -> Option<PropertyDescriptor<'s>> {
        let (value, attributes) = self.own_slot(self.reference(object), key)?;
        Some(self.descriptor_of(value, attributes))
    }

    fn descriptor_of(&mut self, value: Value, attributes: Attributes) -> PropertyDescriptor<'s> {
        if attributes.is_accessor() {
            let pair = value.heap_ref();
            let (getter, setter) = (self.getter_of(pair), self.setter_of(pair));
            let (getter, setter) = (self.local(getter), self.local(setter));
            return PropertyDescriptor::accessor(getter, setter, attributes);
        }
        let value = self.local(value);
        PropertyDescriptor::data(value, attributes)
    }

    /// [[DefineOwnProperty]].
    ///
    /// # Errors
    ///
    /// What a proxy's handler or a conversion throws.
    pub fn define_own_property(
        &mut self,
        object: Local<'s>,
        key: Key<'s>,
        descriptor: PropertyDescriptor<'s>,
    ) -> Completion<bool> {
        match self.class_of(object) {
            Some(Class::Proxy) => self.proxy_define_own(object, key, descriptor),
            Some(Class::Array) => self.array_define(object, key, descriptor),
            Some(Class::String) => {
                if let Some(current) = self.string_get_own(object, key)? {
                    return Ok(self.is_compatible(Some(current), descriptor, false));
                }
                self.ordinary_define(object, key, descriptor)
            }
            Some(Class::MappedArguments) => self.arguments_define(object, key, descriptor),
            Some(Class::TypedArray) => match self.canonical_numeric_index(key)? {
                Some(index) => self.typed_array_define(object, index, descriptor),
                None => self.ordinary_define(object, key, descriptor),
            },
            Some(Class::ModuleNamespace) => self.namespace_define(object, key, descriptor),
            Some(Class::Opaque) => Ok(false),
            _ => self.ordinary_define(object, key, descriptor),
        }
    }

    /// OrdinaryDefineOwnProperty (§10.1.6.1).
    pub(in crate::js) fn ordinary_define(
        &mut self,
        object: Local<'_>,
        key: Key<'_>,
        descriptor: PropertyDescriptor<'_>,
    ) -> Completion<bool> {
        let Some((value, attributes)) = self.own_slot(self.reference(object), key) else {
            // 2. of §10.1.6.3
            if !self.shape(object).is_extensible(&self.agent.heap) {
                return Ok(false);
            }
            let descriptor = descriptor.complete();
            self.add_own(object, key, descriptor)?;
            return Ok(true);
        };
        let mut cx = self.open();
        let current = cx.descriptor_of(value, attributes);
        if !cx.is_compatible(Some(current), descriptor, true) {
            return Ok(false);
        }
        cx.change_own(object, key, current, descriptor)?;
        Ok(true)
    }

    fn add_own(&mut self, object: Local<'_>, key: Key<'_>, descriptor: PropertyDescriptor<'_>) -> Completion<()> {
        let mut cx = self.open();
        let attributes = descriptor.attributes();
        let value = match (descriptor.get, descriptor.set) {
            (Some(getter), Some(setter)) => cx.new_accessor(getter, setter)?,
            _ => descriptor.value.unwrap_or(Local::UNDEFINED),
        };
        match key {
            Key::Index(index) => cx.put_element(object, index, value, attributes),
            Key::Name(name) => cx.add_named(object, name, value, attributes),
        }
    }

    /// 6. of ValidateAndApplyPropertyDescriptor: what the descriptor has replaces what is there.
    fn change_own(
        &mut self,
        object: Local<'_>,
        key: Key<'_>,
        current: PropertyDescriptor<'_>,
        descriptor: PropertyDescriptor<'_>,
    ) -> Completion<()> {
        let mut cx = self.open();
        let enumerable = descriptor.enumerable.or(current.enumerable);
        let configurable = descriptor.configurable.or(current.configurable);
        let base = PropertyDescriptor { enumerable, configurable, ..PropertyDescriptor::default() };
        let new = if descriptor.is_accessor() {
            let get = descriptor.get.or(current.get);
            PropertyDescriptor { get, set: descriptor.set.or(current.set), ..base }.complete()
        } else if descriptor.is_data() || current.is_data() {
            let value = descriptor.value.or(current.value);
            PropertyDescriptor { value, writable: descriptor.writable.or(current.writable), ..base }.complete()
        } else {
            PropertyDescriptor { get: current.get, set: current.set, ..base }
        };
        let attributes = new.attributes();
        let value = match (new.get, new.set) {
            (Some(getter), Some(setter)) => cx.new_accessor(getter, setter)?,
            _ => new.value.unwrap_or(Local::UNDEFINED),
        };
        match key {
            Key::Index(index) if attributes == current.attributes() => {
                let (object, value) = (cx.reference(object), cx.value(value));
                cx.write_element(object, index, value);
            }
            Key::Index(index) => cx.put_element(object, index, value, attributes)?,
            Key::Name(name) => {
                let found = cx.shape(object).find(&cx.agent.heap, cx.value(name));
                let Some(found) = found else { return Ok(()) };
                if found.attributes != attributes {
                    cx.change_attributes(object, found.place, attributes)?;
                }
                let (object, value) = (cx.reference(object), cx.value(value));
                cx.set_slot_value(object, found.place, value);
            }
        }
        Ok(())
    }

    /// IsCompatiblePropertyDescriptor (§10.1.6.2): the checks of ValidateAndApplyPropertyDescriptor.
    pub(in crate::js) fn is_compatible(
        &self,
        current: Option<PropertyDescriptor<'_>>,
        new: PropertyDescriptor<'_>,
        extensible: bool,
    ) -> bool {
        let Some(current) = current else { return extensible };
        if current.configurable != Some(false) {
            return true;
        }
        // 5.a, 5.b
        if new.configurable == Some(true) || new.enumerable.is_some_and(|new| Some(new) != current.enumerable) {
            return false;
        }
        // 5.c
        if (new.is_accessor() && !current.is_accessor()) || (new.is_data() && current.is_accessor()) {
            return false;
        }
        let same = |new: Option<Local<'_>>, old: Option<Local<'_>>| match (new, old) {
            (None, _) => true,
            (Some(new), old) => self.same_value(new, old.unwrap_or(Local::UNDEFINED)),
        };
        if current.is_accessor() {
            return same(new.get, current.get) && same(new.set, current.set);
        }
        current.writable != Some(false) || (new.writable != Some(true) && same(new.value, current.value))
    }

    /// [[HasProperty]].
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn has_property(&mut self, object: Local<'s>, key: Key<'s>) -> Completion<bool> {
        let mut object = object;
        loop {
            match self.class_of(object) {
                Some(Class::Proxy) => return self.proxy_has(object, key),
                Some(Class::TypedArray) => {
                    if let Some(index) = self.canonical_numeric_index(key)? {
                        return Ok(self.is_valid_integer_index(object, index));
                    }
                    if self.own_slot(self.reference(object), key).is_some() {
                        return Ok(true);
                    }
                }
                Some(Class::ModuleNamespace) => return self.namespace_has(object, key),
                Some(Class::Array | Class::String | Class::MappedArguments) => {
                    if self.get_own_property(object, key)?.is_some() {
                        return Ok(true);
                    }
                }
                _ => {
                    if self.own_slot(self.reference(object), key).is_some() {
                        return Ok(true);
                    }
                }
            }
            let prototype = self.shape(object).prototype(&self.agent.heap);
            if prototype.is_null() {
                return Ok(false);
            }
            object = self.local(prototype);
        }
    }

    /// [[Get]] with the object itself as the receiver.
    ///
    /// # Errors
    ///
    /// What a getter or a proxy's handler throws.
    pub fn get(&mut self, object: Local<'s>, key: Key<'s>) -> Completion<Local<'s>> {
        self.get_with(object, key, object)
    }

    /// [[Get]].
    ///
    /// # Errors
    ///
    /// What a getter or a proxy's handler throws.
    pub fn get_with(&mut self, object: Local<'s>, key: Key<'s>, receiver: Local<'s>) -> Completion<Local<'s>> {
        let mut at = self.reference(object);
        loop {
            let found = match class_of(&self.agent.heap, at) {
                Class::Proxy => {
                    let proxy = self.local(Value::object(at));
                    return self.proxy_get(proxy, key, receiver);
                }
                Class::Array if self.is_name(key, Name::length) => {
                    let array = self.local(Value::object(at));
                    return Ok(Local::number(f64::from(self.array_length(array))));
                }
                class @ (Class::String | Class::MappedArguments | Class::TypedArray | Class::ModuleNamespace) => {
                    let exotic = self.local(Value::object(at));
                    if let Some(value) = self.exotic_get(exotic, class, key, receiver)? {
                        return Ok(value);
                    }
                    at = self.reference(exotic);
                    self.own_slot(at, key)
                }
                _ => self.own_slot(at, key),
            };
            match found {
                Some((value, attributes)) if !attributes.is_accessor() => return Ok(self.local(value)),
                Some((pair, _)) => {
                    let getter = self.getter_of(pair.heap_ref());
                    if getter.is_undefined() {
                        return Ok(Local::UNDEFINED);
                    }
                    let getter = self.local(getter);
                    return self.call(getter, receiver, &[]);
                }
                None => {}
            }
            match Shape::of(&self.agent.heap, at).prototype(&self.agent.heap).reference() {
                Some(prototype) => at = prototype,
                None => return Ok(Local::UNDEFINED),
            }
        }
    }

    /// What exotic objects have by themselves; `None` goes on as for ordinary objects.
    fn exotic_get(
        &mut self,
        object: Local<'s>,
        class: Class,
        key: Key<'s>,
        receiver: Local<'s>,
    ) -> Completion<Option<Local<'s>>> {
        match class {
            Class::String => Ok(self.string_get_own(object, key)?.and_then(|descriptor| descriptor.value)),
            Class::MappedArguments => Ok(self.arguments_get(object, key)),
            Class::TypedArray => match self.canonical_numeric_index(key)? {
                Some(index) => self.typed_array_get(object, index).map(Some),
                None => Ok(None),
            },
            Class::ModuleNamespace => self.namespace_get(object, key, receiver).map(Some),
            _ => Ok(None),
        }
    }

    /// [[Set]].
    ///
    /// # Errors
    ///
    /// What a setter or a proxy's handler throws.
    pub fn set_with(&mut self, object: Local<'s>, key: Key<'s>, value: Local<'s>, receiver: Local<'s>) -> Completion<bool> {
        let mut at = self.reference(object);
        loop {
            let found = match class_of(&self.agent.heap, at) {
                Class::Proxy => {
                    let proxy = self.local(Value::object(at));
                    return self.proxy_set(proxy, key, value, receiver);
                }
                Class::ModuleNamespace => return Ok(false),
                Class::Opaque => return Err(self.opaque_error()),
                Class::TypedArray => {
                    let array = self.local(Value::object(at));
                    if let Some(index) = self.canonical_numeric_index(key)? {
                        // §10.4.5.5
                        if self.same_value(array, receiver) {
                            self.typed_array_set(array, index, value)?;
                            return Ok(true);
                        }
                        if !self.is_valid_integer_index(array, index) {
                            return Ok(true);
                        }
                        return self.set_on_receiver(key, value, receiver);
                    }
                    at = self.reference(array);
                    self.own_slot(at, key)
                }
                Class::Array | Class::String | Class::MappedArguments => {
                    let exotic = self.local(Value::object(at));
                    let own = self.get_own_property(exotic, key)?;
                    at = self.reference(exotic);
                    match own {
                        Some(own) if own.is_accessor() => self.own_slot(at, key),
                        Some(own) => Some((Value::UNDEFINED, own.attributes())),
                        None => None,
                    }
                }
                _ => self.own_slot(at, key),
            };
            match found {
                Some((pair, attributes)) if attributes.is_accessor() => {
                    let setter = self.setter_of(pair.heap_ref());
                    if setter.is_undefined() {
                        return Ok(false);
                    }
                    let setter = self.local(setter);
                    self.call(setter, receiver, &[value])?;
                    return Ok(true);
                }
                Some((_, attributes)) if !attributes.has(Attributes::WRITABLE) => return Ok(false),
                Some(_) => {
                    let is_own = receiver.is_object() && self.reference(receiver) == at;
                    let class = class_of(&self.agent.heap, at);
                    if is_own && !matches!(class, Class::Array | Class::String | Class::MappedArguments | Class::TypedArray) {
                        self.write_own(at, key, value);
                        return Ok(true);
                    }
                    return self.set_on_receiver(key, value, receiver);
                }
                None => {}
            }
            match Shape::of(&self.agent.heap, at).prototype(&self.agent.heap).reference() {
                Some(prototype) => at = prototype,
                None => return self.set_on_receiver(key, value, receiver),
            }
        }
    }

    /// Changes the value of an own data property that is there.
    pub(in crate::js) fn write_own(&mut self, object: HeapRef, key: Key<'_>, value: Local<'_>) {
        let value = self.value(value);
        match key {
            Key::Index(index) => self.write_element(object, index, value),
            Key::Name(name) => {
                if let Some(found) = Shape::of(&self.agent.heap, object).find(&self.agent.heap, self.value(name)) {
                    self.set_slot_value(object, found.place, value);
                }
            }
        }
    }

    /// 2.b to e of OrdinarySetWithOwnDescriptor (§10.1.9.2): the receiver gets the value.
    fn set_on_receiver(&mut self, key: Key<'s>, value: Local<'s>, receiver: Local<'s>) -> Completion<bool> {
        if !receiver.is_object() {
            return Ok(false);
        }
        let class = self.class_of(receiver);
        if class == Some(Class::Array)
            && let Key::Index(index) = key
        {
            return self.array_put(receiver, index, value);
        }
        match self.get_own_property(receiver, key)? {
            Some(existing) => {
                if existing.is_accessor() || existing.writable == Some(false) {
                    return Ok(false);
                }
                let descriptor = PropertyDescriptor { value: Some(value), ..PropertyDescriptor::default() };
                self.define_own_property(receiver, key, descriptor)
            }
            None => self.define_own_property(receiver, key, PropertyDescriptor::data(value, Attributes::ALL)),
        }
    }

    /// The same for an element of an array.
    fn array_put(&mut self, array: Local<'s>, index: u32, value: Local<'s>) -> Completion<bool> {
        let reference = self.reference(array);
        match self.own_element(reference, index) {
            Some((_, attributes)) if attributes.is_accessor() || !attributes.has(Attributes::WRITABLE) => Ok(false),
            Some(_) => {
                let value = self.value(value);
                self.write_element(reference, index, value);
                Ok(true)
            }
            None => {
                let length = self.array_length(array);
                if (index >= length && !self.is_length_writable(array)) || !self.shape(array).is_extensible(&self.agent.heap) {
                    return Ok(false);
                }
                self.put_element(array, index, value, Attributes::ALL)?;
                if index >= length {
                    self.set_array_length(array, index + 1);
                }
                Ok(true)
            }
        }
    }

    /// [[Delete]].
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn delete(&mut self, object: Local<'s>, key: Key<'s>) -> Completion<bool> {
        match self.class_of(object) {
            Some(Class::Proxy) => return self.proxy_delete(object, key),
            Some(Class::Array) if self.is_name(key, Name::length) => return Ok(false),
            Some(Class::String) if self.string_get_own(object, key)?.is_some() => return Ok(false),
            Some(Class::TypedArray) => {
                if let Some(index) = self.canonical_numeric_index(key)? {
                    return Ok(!self.is_valid_integer_index(object, index));
                }
            }
            Some(Class::ModuleNamespace) => return self.namespace_delete(object, key),
            Some(Class::Opaque) => return Err(self.opaque_error()),
            _ => {}
        }
        let reference = self.reference(object);
        match (self.own_slot(reference, key), key) {
            (None, _) => return Ok(true),
            (Some((_, attributes)), _) if !attributes.has(Attributes::CONFIGURABLE) => return Ok(false),
            (Some(_), Key::Index(index)) => self.remove_element(reference, index),
            (Some(_), Key::Name(name)) => {
                if let Some(found) = self.shape(object).find(&self.agent.heap, self.value(name)) {
                    self.delete_named(object, found.place)?;
                }
            }
        }
        if self.is(object, Class::MappedArguments) {
            self.arguments_unmap(object, key);
        }
        Ok(true)
    }

    /// [[OwnPropertyKeys]] (§10.1.11.1): indices in order, then strings, then symbols, as they were added.
    ///
    /// # Errors
    ///
    /// What a proxy's handler throws.
    pub fn own_property_keys(&mut self, object: Local<'s>) -> Completion<Vec<Key<'s>>> {
        let class = self.class_of(object);
        let mut keys = Vec::new();
        match class {
            Some(Class::Proxy) => return self.proxy_own_keys(object),
            Some(Class::ModuleNamespace) => return self.namespace_own_keys(object),
            Some(Class::String) => keys.extend((0..self.string_object_length(object)).map(Key::Index)),
            Some(Class::TypedArray) => keys.extend((0..self.typed_array_length_now(object)).map(Key::Index)),
            _ => {}
        }
        let reference = self.reference(object);
        keys.extend(self.element_indices(reference).into_iter().map(Key::Index));
        if matches!(class, Some(Class::Array | Class::String)) {
            keys.push(Name::length.key());
        }
        let shape = self.shape(object);
        let names: Vec<Value> = (0..shape.count(&self.agent.heap))
            .filter_map(|place| shape.entry(&self.agent.heap, place))
            .map(|(key, _)| key)
            .collect();
        for wants_symbols in [false, true] {
            for &name in names.iter().filter(|name| name.is_symbol() == wants_symbols) {
                if !self.is_private(name) {
                    keys.push(Key::Name(self.local(name)));
                }
            }
        }
        Ok(keys)
    }

    /// Whether a key is a private name, which nothing lists and no proxy sees.
    pub(in crate::js) fn is_private(&self, key: Value) -> bool {
        key.is_symbol()
            && self.agent.heap.read_u32(key.heap_ref(), crate::js::class::STRING_FLAGS) & crate::js::class::PRIVATE != 0
    }

    /// [[GetOwnProperty]] of String objects (§10.4.3.1), for what is not ordinary.
    fn string_get_own(&mut self, object: Local<'s>, key: Key<'s>) -> Completion<Option<PropertyDescriptor<'s>>> {
        let length = self.string_object_length(object);
        match key {
            Key::Index(index) if index < length => {
                let string = self.field(object, 0);
                self.flatten(string)?;
                let unit = self.text(string).at(index as usize);
                let string = self.string_utf16(&[unit])?;
                Ok(Some(PropertyDescriptor::data(string, Attributes::ENUMERABLE)))
            }
            _ if self.is_name(key, Name::length) => {
                Ok(Some(PropertyDescriptor::data(Local::number(f64::from(length)), Attributes::NONE)))
            }
            _ => Ok(None),
        }
    }

    fn string_object_length(&self, object: Local<'_>) -> u32 {
        let string = self.field_value(object, 0);
        if string.is_string() { self.agent.heap.length(string.heap_ref()) } else { 0 }
    }
}
