//! The internal methods of proxies (§10.5), with their invariants.
#![forbid(unsafe_code)]

use crate::js::cx::{Completion, Cx};
use crate::js::function::{PROXY_HANDLER, PROXY_TARGET};
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;
use crate::js::object::descriptor::PropertyDescriptor;

impl<'s> Cx<'s> {
    /// Handler, target and trap of a proxy (ValidateNonRevokedProxy §10.5.14, GetMethod). The trap is `undefined` if there is none.
    fn proxy_trap(&mut self, proxy: Local<'s>, name: Name) -> Completion<(Local<'s>, Local<'s>, Local<'s>)> {
        self.check_stack(0)?;
        let (target, handler) = (self.field(proxy, PROXY_TARGET), self.field(proxy, PROXY_HANDLER));
        if !handler.is_object() {
            let text = name.text();
            return Err(self.type_error(&format!("Cannot perform '{text}' on a proxy that has been revoked")));
        }
        let trap = self.get_method(handler, name.key())?;
        Ok((handler, target, trap))
    }

    fn proxy_error(&mut self, trap: Name, what: &str) -> crate::js::cx::Thrown {
        let trap = trap.text();
        self.type_error(&format!("'{trap}' on proxy: {what}"))
    }

    /// Whether a key goes past handlers: a private name.
    fn passes_by(&self, key: Key<'_>) -> bool {
        matches!(key, Key::Name(name) if self.is_private(self.value(name)))
    }

    /// [[GetPrototypeOf]] (§10.5.1).
    pub(in crate::js) fn proxy_get_prototype_of(&mut self, proxy: Local<'s>) -> Completion<Local<'s>> {
        let (handler, target, trap) = self.proxy_trap(proxy, Name::getPrototypeOf)?;
        if trap.is_undefined() {
            return self.get_prototype_of(target);
        }
        let prototype = self.call(trap, handler, &[target])?;
        if !prototype.is_object() && !prototype.is_null() {
            return Err(self.proxy_error(Name::getPrototypeOf, "trap returned neither object nor null"));
        }
        if self.is_extensible(target)? {
            return Ok(prototype);
        }
        let own = self.get_prototype_of(target)?;
        if !self.same_value(own, prototype) {
            return Err(self.proxy_error(
                Name::getPrototypeOf,
                "proxy target is non-extensible but the trap did not return its actual prototype",
            ));
        }
        Ok(prototype)
    }

    /// [[SetPrototypeOf]] (§10.5.2).
    pub(in crate::js) fn proxy_set_prototype_of(&mut self, proxy: Local<'s>, prototype: Local<'s>) -> Completion<bool> {
        let (handler, target, trap) = self.proxy_trap(proxy, Name::setPrototypeOf)?;
        if trap.is_undefined() {
            return self.set_prototype_of(target, prototype);
        }
        let result = self.call(trap, handler, &[target, prototype])?;
        if !self.to_boolean(result) {
            return Ok(false);
        }
        if !self.is_extensible(target)? {
            let own = self.get_prototype_of(target)?;
            if !self.same_value(own, prototype) {
                return Err(self.proxy_error(
                    Name::setPrototypeOf,
                    "trap returned truish for setting a new prototype on the non-extensible proxy target",
                ));
            }
        }
        Ok(true)
    }

    /// [[IsExtensible]] (§10.5.3).
    pub(in crate::js) fn proxy_is_extensible(&mut self, proxy: Local<'s>) -> Completion<bool> {
        let (handler, target, trap) = self.proxy_trap(proxy, Name::isExtensible)?;
        if trap.is_undefined() {
            return self.is_extensible(target);
        }
        let result = self.call(trap, handler, &[target])?;
        let result = self.to_boolean(result);
        if result != self.is_extensible(target)? {
            return Err(self.proxy_error(Name::isExtensible, "trap result does not reflect extensibility of proxy target"));
        }
        Ok(result)
    }

    /// [[PreventExtensions]] (§10.5.4).
    pub(in crate::js) fn proxy_prevent_extensions(&mut self, proxy: Local<'s>) -> Completion<bool> {
        let (handler, target, trap) = self.proxy_trap(proxy, Name::preventExtensions)?;
        if trap.is_undefined() {
            return self.prevent_extensions(target);
        }
        let result = self.call(trap, handler, &[target])?;
        let result = self.to_boolean(result);
        if result && self.is_extensible(target)? {
            return Err(self.proxy_error(Name::preventExtensions, "the proxy target is extensible"));
        }
        Ok(result)
    }

    /// [[GetOwnProperty]] (§10.5.5).
    pub(in crate::js) fn proxy_get_own_property(
        &mut self,
        proxy: Local<'s>,
        key: Key<'s>,
    ) -> Completion<Option<PropertyDescriptor<'s>>> {
        const TRAP: Name = Name::getOwnPropertyDescriptor;
        if self.passes_by(key) {
            return Ok(self.ordinary_get_own(proxy, key));
        }
        let (handler, target, trap) = self.proxy_trap(proxy, TRAP)?;
        if trap.is_undefined() {
            return self.get_own_property(target, key);
        }
        let name = self.key_value(key)?;
        let result = self.call(trap, handler, &[target, name])?;
        if !result.is_object() && !result.is_undefined() {
            return Err(self.proxy_error(TRAP, "trap returned neither object nor undefined"));
        }
        let own = self.get_own_property(target, key)?;
        if result.is_undefined() {
            let Some(own) = own else { return Ok(None) };
            if own.configurable == Some(false) {
                return Err(self
                    .proxy_error(TRAP, "trap returned undefined for a property which is non-configurable in the proxy target"));
            }
            if !self.is_extensible(target)? {
                return Err(self.proxy_error(
                    TRAP,
                    "trap returned undefined for a property which exists in the non-extensible proxy target",
                ));
            }
            return Ok(None);
        }
        let extensible = self.is_extensible(target)?;
        let descriptor = self.to_property_descriptor(result)?.complete();
        if !self.is_compatible(own, descriptor, extensible) {
            return Err(self.proxy_error(
                TRAP,
                "trap returned descriptor that is incompatible with the existing property in the proxy target",
            ));
        }
        if descriptor.configurable == Some(false) {
            let fixed = own.filter(|own| own.configurable == Some(false));
            let Some(own) = fixed else {
                return Err(self.proxy_error(TRAP, "trap reported non-configurability for a property which is either non-existent or configurable in the proxy target"));
            };
            if descriptor.writable == Some(false) && own.writable == Some(true) {
                return Err(self.proxy_error(TRAP, "trap reported non-configurable and writable for a property which is non-configurable, non-writable in the proxy target"));
            }
        }
        Ok(Some(descriptor))
    }

    /// [[DefineOwnProperty]] (§10.5.6).
    pub(in crate::js) fn proxy_define_own(
        &mut self,
        proxy: Local<'s>,
        key: Key<'s>,
        descriptor: PropertyDescriptor<'s>,
    ) -> Completion<bool> {
        if self.passes_by(key) {
            return self.ordinary_define(proxy, key, descriptor);
        }
        let (handler, target, trap) = self.proxy_trap(proxy, Name::defineProperty)?;
        if trap.is_undefined() {
            return self.define_own_property(target, key, descriptor);
        }
        let (name, described) = (self.key_value(key)?, self.from_property_descriptor(Some(descriptor))?);
        let result = self.call(trap, handler, &[target, name, described])?;
        if !self.to_boolean(result) {
            return Ok(false);
        }
        let own = self.get_own_property(target, key)?;
        let extensible = self.is_extensible(target)?;
        let is_fixed = descriptor.configurable == Some(false);
        let fails = match own {
            None => !extensible || is_fixed,
            Some(current) => {
                !self.is_compatible(own, descriptor, extensible)
                    || (is_fixed && current.configurable == Some(true))
                    || (current.is_data()
                        && current.configurable == Some(false)
                        && current.writable == Some(true)
                        && descriptor.writable == Some(false))
            }
        };
        if fails {
            return Err(self
                .proxy_error(Name::defineProperty, "trap returned truish for a property that the proxy target cannot have so"));
        }
        Ok(true)
    }

    /// [[HasProperty]] (§10.5.7).
    pub(in crate::js) fn proxy_has(&mut self, proxy: Local<'s>, key: Key<'s>) -> Completion<bool> {
        if self.passes_by(key) {
            return Ok(self.ordinary_get_own(proxy, key).is_some());
        }
        let (handler, target, trap) = self.proxy_trap(proxy, Name::has)?;
        if trap.is_undefined() {
            return self.has_property(target, key);
        }
        let name = self.key_value(key)?;
        let result = self.call(trap, handler, &[target, name])?;
        let result = self.to_boolean(result);
        if !result && let Some(own) = self.get_own_property(target, key)? {
            if own.configurable == Some(false) {
                return Err(self.proxy_error(
                    Name::has,
                    "trap returned falsish for a property which exists in the proxy target as non-configurable",
                ));
            }
            if !self.is_extensible(target)? {
                return Err(
                    self.proxy_error(Name::has, "trap returned falsish for a property but the proxy target is not extensible")
                );
            }
        }
        Ok(result)
    }

    /// [[Get]] (§10.5.8).
    pub(in crate::js) fn proxy_get(&mut self, proxy: Local<'s>, key: Key<'s>, receiver: Local<'s>) -> Completion<Local<'s>> {
        if self.passes_by(key) {
            return Ok(self.ordinary_get_own(proxy, key).and_then(|own| own.value).unwrap_or(Local::UNDEFINED));
        }
        let (handler, target, trap) = self.proxy_trap(proxy, Name::get)?;
        if trap.is_undefined() {
            return self.get_with(target, key, receiver);
        }
        let name = self.key_value(key)?;
        let value = self.call(trap, handler, &[target, name, receiver])?;
        if let Some(own) = self.get_own_property(target, key)?.filter(|own| own.configurable == Some(false)) {
            let is_other = own.value.is_some_and(|own| !self.same_value(own, value));
            if own.is_data() && own.writable == Some(false) && is_other {
                return Err(self.proxy_error(Name::get, "the property is a read-only and non-configurable data property on the proxy target but the proxy did not return its actual value"));
            }
            if own.is_accessor() && own.get.is_none_or(Local::is_undefined) && !value.is_undefined() {
                return Err(self.proxy_error(Name::get, "the property is a non-configurable accessor property on the proxy target and does not have a getter function, but the trap did not return undefined"));
            }
        }
        Ok(value)
    }

    /// [[Set]] (§10.5.9).
    pub(in crate::js) fn proxy_set(
        &mut self,
        proxy: Local<'s>,
        key: Key<'s>,
        value: Local<'s>,
        receiver: Local<'s>,
    ) -> Completion<bool> {
        if self.passes_by(key) {
            let reference = self.reference(proxy);
            self.write_own(reference, key, value);
            return Ok(true);
        }
        let (handler, target, trap) = self.proxy_trap(proxy, Name::set)?;
        if trap.is_undefined() {
            return self.set_with(target, key, value, receiver);
        }
        let name = self.key_value(key)?;
        let result = self.call(trap, handler, &[target, name, value, receiver])?;
        if !self.to_boolean(result) {
            return Ok(false);
        }
        if let Some(own) = self.get_own_property(target, key)?.filter(|own| own.configurable == Some(false)) {
            let is_other = own.value.is_some_and(|own| !self.same_value(own, value));
            if own.is_data() && own.writable == Some(false) && is_other {
                return Err(self.proxy_error(Name::set, "trap returned truish for a property which exists in the proxy target as a non-configurable and non-writable data property with a different value"));
            }
            if own.is_accessor() && own.set.is_none_or(Local::is_undefined) {
                return Err(self.proxy_error(Name::set, "trap returned truish for a property which exists in the proxy target as a non-configurable and non-writable accessor property without a setter"));
            }
        }
        Ok(true)
    }

    /// [[Delete]] (§10.5.10).
    pub(in crate::js) fn proxy_delete(&mut self, proxy: Local<'s>, key: Key<'s>) -> Completion<bool> {
        let (handler, target, trap) = self.proxy_trap(proxy, Name::deleteProperty)?;
        if trap.is_undefined() {
            return self.delete(target, key);
        }
        let name = self.key_value(key)?;
        let result = self.call(trap, handler, &[target, name])?;
        if !self.to_boolean(result) {
            return Ok(false);
        }
        let Some(own) = self.get_own_property(target, key)? else { return Ok(true) };
        if own.configurable == Some(false) {
            return Err(self.proxy_error(
                Name::deleteProperty,
                "trap returned truish for a property which is non-configurable in the proxy target",
            ));
        }
        if !self.is_extensible(target)? {
            return Err(self.proxy_error(
                Name::deleteProperty,
                "trap returned truish for a property but the proxy target is non-extensible",
            ));
        }
        Ok(true)
    }

    /// [[OwnPropertyKeys]] (§10.5.11).
    pub(in crate::js) fn proxy_own_keys(&mut self, proxy: Local<'s>) -> Completion<Vec<Key<'s>>> {
        let (handler, target, trap) = self.proxy_trap(proxy, Name::ownKeys)?;
        if trap.is_undefined() {
            return self.own_property_keys(target);
        }
        let result = self.call(trap, handler, &[target])?;
        // 7. CreateListFromArrayLike of property keys, without duplicates
        let mut keys: Vec<Key<'s>> = Vec::new();
        for name in self.list_from_array_like(result)? {
            if !name.is_string() && !name.is_symbol() {
                let text = self.display(name);
                return Err(self.type_error(&format!("{text} is not a valid property name")));
            }
            let key = self.to_property_key(name)?;
            if keys.iter().any(|&other| self.same_key(other, key)) {
                return Err(self.proxy_error(Name::ownKeys, "trap returned duplicate entries"));
            }
            keys.push(key);
        }
        let extensible = self.is_extensible(target)?;
        let own = self.own_property_keys(target)?;
        let mut unchecked = keys.clone();
        let mut configurable = Vec::new();
        for key in own {
            let is_fixed = self.get_own_property(target, key)?.is_some_and(|own| own.configurable == Some(false));
            if !is_fixed {
                configurable.push(key);
                continue;
            }
            self.expect_key(&mut unchecked, key)?;
        }
        if extensible {
            return Ok(keys);
        }
        for key in configurable {
            self.expect_key(&mut unchecked, key)?;
        }
        if !unchecked.is_empty() {
            return Err(self.proxy_error(Name::ownKeys, "trap returned extra keys but proxy target is non-extensible"));
        }
        Ok(keys)
    }

    fn expect_key(&mut self, keys: &mut Vec<Key<'s>>, key: Key<'s>) -> Completion<()> {
        match keys.iter().position(|&other| self.same_key(other, key)) {
            Some(place) => {
                keys.swap_remove(place);
                Ok(())
            }
            None => {
                let text = self.key_text(key);
                Err(self.proxy_error(Name::ownKeys, &format!("trap result did not include '{text}'")))
            }
        }
    }

    /// [[Call]] (§10.5.12).
    pub(in crate::js) fn proxy_call(&mut self, proxy: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
        let (handler, target, trap) = self.proxy_trap(proxy, Name::apply)?;
        let list = self.args_from(args, 0);
        let this = self.this_of(args);
        if trap.is_undefined() {
            return self.call(target, this, &list);
        }
        let list = self.array_from(&list)?;
        self.call(trap, handler, &[target, this, list])
    }

    /// [[Construct]] (§10.5.13).
    pub(in crate::js) fn proxy_construct(&mut self, proxy: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
        let (handler, target, trap) = self.proxy_trap(proxy, Name::construct)?;
        let list = self.args_from(args, 0);
        if trap.is_undefined() {
            return self.construct(target, &list, args.new_target());
        }
        let list = self.array_from(&list)?;
        let result = self.call(trap, handler, &[target, list, args.new_target()])?;
        if !result.is_object() {
            let text = self.display(result);
            return Err(self.type_error(&format!("proxy [[Construct]] must return an object, not {text}")));
        }
        Ok(result)
    }
}
