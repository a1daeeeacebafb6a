//! Functions: calling them (§7.3.14, §7.3.15), and those that are Rust's.
//!
//! A call's callee, `this` and arguments lie behind one another on the VM stack ([`Args`]). From there it goes by the class of the callee:
//! to a function of Rust, to the interpreter, or on to a bound function's or a proxy's target.
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;
use crate::js::object::shape::Attributes;
use crate::js::value::Value;

/// Internal slots of a function of Rust.
pub(in crate::js) const NATIVE_ID: u32 = 0;
pub(in crate::js) const NATIVE_CONSTRUCTS: u32 = 1;
/// The realm, of functions of Rust.
pub(in crate::js) const NATIVE_REALM: u32 = 2;
/// First of two words for what a function of Rust captures.
pub(in crate::js) const NATIVE_DATA: u32 = 3;

/// Internal slots of a closure, which the interpreter fills.
pub(in crate::js) const CLOSURE_CODE: u32 = 0;
pub(in crate::js) const CLOSURE_ENVIRONMENT: u32 = 1;
pub(in crate::js) const CLOSURE_HOME: u32 = 2;
/// A set of the flags below, as an integer.
pub(in crate::js) const CLOSURE_FLAGS: u32 = 3;
pub(in crate::js) const CLOSURE_FIELDS: u32 = 4;
pub(in crate::js) const CLOSURE_REALM: u32 = 5;
/// It has [[Construct]].
pub(in crate::js) const CONSTRUCTS: i32 = 1;
/// [[IsClassConstructor]].
pub(in crate::js) const IS_CLASS: i32 = 2;
/// [[ConstructorKind]] is derived.
pub(in crate::js) const IS_DERIVED: i32 = 4;

/// Internal slots of a bound function.
pub(in crate::js) const BOUND_TARGET: u32 = 0;
pub(in crate::js) const BOUND_THIS: u32 = 1;
/// An array of the engine's own.
pub(in crate::js) const BOUND_ARGS: u32 = 2;

/// Internal slots of a proxy.
pub(in crate::js) const PROXY_TARGET: u32 = 0;
pub(in crate::js) const PROXY_HANDLER: u32 = 1;
pub(in crate::js) const PROXY_IS_CALLABLE: u32 = 2;
pub(in crate::js) const PROXY_CONSTRUCTS: u32 = 3;

impl<'s> Cx<'s> {
    /// IsCallable (§7.2.3).
    pub fn is_callable(&self, value: Local<'_>) -> bool {
        match self.class_of(value) {
            Some(Class::Closure | Class::Native | Class::Bound) => true,
            Some(Class::Proxy) => self.field_value(value, PROXY_IS_CALLABLE) == Value::TRUE,
            _ => false,
        }
    }

    /// IsConstructor (§7.2.4).
    pub fn is_constructor(&self, value: Local<'_>) -> bool {
        match self.class_of(value) {
            Some(Class::Closure) => self.field_value(value, CLOSURE_FLAGS).as_int().is_some_and(|flags| flags & CONSTRUCTS != 0),
            Some(Class::Native) => self.field_value(value, NATIVE_CONSTRUCTS) == Value::TRUE,
            Some(Class::Proxy) => self.field_value(value, PROXY_CONSTRUCTS) == Value::TRUE,
            Some(Class::Bound) => {
                let mut target = self.field_value(value, BOUND_TARGET);
                // Bound functions of bound functions make a line that ends.
                loop {
                    match crate::js::class::class_of(&self.agent.heap, target.heap_ref()) {
                        Class::Bound => target = self.field_of(target, BOUND_TARGET),
                        Class::Closure => {
                            return self.field_of(target, CLOSURE_FLAGS).as_int().is_some_and(|flags| flags & CONSTRUCTS != 0);
                        }
                        Class::Native => return self.field_of(target, NATIVE_CONSTRUCTS) == Value::TRUE,
                        Class::Proxy => return self.field_of(target, PROXY_CONSTRUCTS) == Value::TRUE,
                        _ => return false,
                    }
                }
            }
            _ => false,
        }
    }

    /// The value in an internal slot of an object that is no local.
    pub(in crate::js) fn field_of(&self, object: Value, nth: u32) -> Value {
        Value::from_bits(self.agent.heap.read_boxed(object.heap_ref(), crate::js::class::FIRST_FIELD + 8 * nth))
    }

    /// Call (§7.3.14).
    ///
    /// # Errors
    ///
    /// A TypeError when it is no function; what it throws.
    pub fn call(&mut self, function: Local<'_>, this: Local<'_>, args: &[Local<'_>]) -> Completion<Local<'s>> {
        self.check_stack(args.len() + 2)?;
        let value = {
            let mut cx = self.open();
            let callee = cx.push_call(function, this, args);
            let result = cx.call_on_stack(callee, args.len() as u32)?;
            cx.value(result)
        };
        Ok(self.local(value))
    }

    /// Construct (§7.3.15).
    ///
    /// # Errors
    ///
    /// What the constructor throws.
    pub fn construct(&mut self, constructor: Local<'_>, args: &[Local<'_>], new_target: Local<'_>) -> Completion<Local<'s>> {
        self.check_stack(args.len() + 2)?;
        let value = {
            let mut cx = self.open();
            let target = cx.value(new_target);
            let target = cx.local(target);
            let callee = cx.push_call(constructor, Local::UNDEFINED, args);
            let result = cx.construct_on_stack(callee, args.len() as u32, target)?;
            cx.value(result)
        };
        Ok(self.local(value))
    }

    /// Calls what lies on the stack from `callee` on: the function, `this`, arguments. The words belong to the call from then on.
    pub(in crate::js) fn call_on_stack(&mut self, callee: usize, count: u32) -> Completion<Local<'s>> {
        let value = Value::from_bits(self.agent.roots.stack[callee]);
        let function = Local::of_slot(value, callee);
        match self.class_of(function) {
            Some(Class::Closure) => self.call_closure(callee, count),
            Some(Class::Native) => self.call_native(callee, count, Local::UNDEFINED),
            Some(Class::Bound) => {
                let (target, this, args) = self.unbind(callee, count);
                self.call(target, this, &args)
            }
            Some(Class::Proxy) if self.field_value(function, PROXY_IS_CALLABLE) == Value::TRUE => {
                let args = Args { callee, count, new_target: Local::UNDEFINED };
                self.proxy_call(function, args)
            }
            _ => {
                let text = self.display(function);
                Err(self.type_error(&format!("{text} is not a function")))
            }
        }
    }

    /// Constructs by what lies on the stack from `callee` on; `this` there counts for nothing.
    pub(in crate::js) fn construct_on_stack(
        &mut self,
        callee: usize,
        count: u32,
        new_target: Local<'s>,
    ) -> Completion<Local<'s>> {
        let value = Value::from_bits(self.agent.roots.stack[callee]);
        let function = Local::of_slot(value, callee);
        if !self.is_constructor(function) {
            let text = self.display(function);
            return Err(self.type_error(&format!("{text} is not a constructor")));
        }
        match self.class_of(function) {
            Some(Class::Closure) => self.construct_closure(callee, count, new_target),
            Some(Class::Native) => self.call_native(callee, count, new_target),
            Some(Class::Bound) => {
                let (target, _, args) = self.unbind(callee, count);
                // 5. of §10.4.1.2
                let new_target = if self.same_value(function, new_target) { target } else { new_target };
                self.construct(target, &args, new_target)
            }
            _ => self.proxy_construct(function, Args { callee, count, new_target }),
        }
    }

    /// Target, `this` and all arguments of a call of a bound function (§10.4.1.1).
    fn unbind(&mut self, callee: usize, count: u32) -> (Local<'s>, Local<'s>, Vec<Local<'s>>) {
        let function = Local::of_slot(Value::from_bits(self.agent.roots.stack[callee]), callee);
        let (target, this) = (self.field(function, BOUND_TARGET), self.field(function, BOUND_THIS));
        let bound = self.field(function, BOUND_ARGS);
        let mut args = self.plain_elements(bound).unwrap_or_default();
        args.extend(self.args_from(Args { callee, count, new_target: Local::UNDEFINED }, 0));
        (target, this, args)
    }

    fn call_native(&mut self, callee: usize, count: u32, new_target: Local<'s>) -> Completion<Local<'s>> {
        self.check_stack(0)?;
        let function = Value::from_bits(self.agent.roots.stack[callee]);
        let id = self.field_of(function, NATIVE_ID).as_int().unwrap_or(0);
        let native = self.agent.natives[id.cast_unsigned() as usize];
        let this = Local::of_slot(Value::from_bits(self.agent.roots.stack[callee + 1]), callee + 1);
        let realm = self.field_of(function, NATIVE_REALM);
        if realm.heap_ref() == self.agent.roots.realm {
            return native(self, this, Args { callee, count, new_target });
        }
        let outer = self.agent.roots.realm;
        let outer = self.root_value(Value::object(outer));
        self.agent.roots.realm = realm.heap_ref();
        let result = native(self, this, Args { callee, count, new_target });
        self.agent.roots.realm = self.value(outer).heap_ref();
        result
    }

    /// A local of a thing of the heap that is no value of the language.
    pub(in crate::js) fn root_value(&mut self, value: Value) -> Local<'s> {
        self.local(value)
    }

    /// GetFunctionRealm (§7.3.25).
    ///
    /// # Errors
    ///
    /// A TypeError for a revoked proxy.
    pub(in crate::js) fn function_realm(&mut self, function: Local<'_>) -> Completion<Local<'s>> {
        let mut value = self.value(function);
        loop {
            value = match crate::js::class::class_of(&self.agent.heap, value.heap_ref()) {
                Class::Closure => return Ok(self.field_as_local(value, CLOSURE_REALM)),
                Class::Native => return Ok(self.field_as_local(value, NATIVE_REALM)),
                Class::Bound => self.field_of(value, BOUND_TARGET),
                Class::Proxy => {
                    let target = self.field_of(value, PROXY_TARGET);
                    if !target.is_object() {
                        return Err(self.type_error("Cannot perform 'get' on a proxy that has been revoked"));
                    }
                    target
                }
                _ => return Ok(self.current_realm()),
            };
        }
    }

    fn field_as_local(&mut self, object: Value, nth: u32) -> Local<'s> {
        let value = self.field_of(object, nth);
        self.local(value)
    }

    /// CreateBuiltinFunction (§10.3.4) in the current realm. A constructor gets no `prototype` by this.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn new_native(&mut self, native: Native, name: Key<'_>, length: u32, constructs: bool) -> Completion<Local<'s>> {
        let prototype = self.intrinsic(Intrinsic::FunctionPrototype);
        self.new_native_with(native, name, "", length, constructs, prototype)
    }

    /// The same, with a prototype and a prefix for the name, such as `get`.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn new_native_with(
        &mut self,
        native: Native,
        name: Key<'_>,
        prefix: &str,
        length: u32,
        constructs: bool,
        prototype: Local<'_>,
    ) -> Completion<Local<'s>> {
        let id = self.agent.native_id(native);
        let function = self.make_object(Class::Native, prototype)?;
        self.set_field_value(function, NATIVE_ID, Value::int(id.cast_signed()));
        self.set_field_value(function, NATIVE_CONSTRUCTS, Value::bool(constructs));
        let realm = self.agent.roots.realm;
        self.set_field_value(function, NATIVE_REALM, Value::object(realm));
        self.add_named(function, Name::length.local(), Local::int(length.cast_signed()), Attributes::CONFIGURABLE)?;
        let mut cx = self.open();
        let text = cx.function_name(name, prefix)?;
        cx.add_named(function, Name::name.local(), text, Attributes::CONFIGURABLE)?;
        drop(cx);
        Ok(function)
    }

    /// A constructor of the embedder's, with a prototype that is an ordinary object. Gives both.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn new_class(&mut self, name: &str, length: u32, native: Native) -> Completion<(Local<'s>, Local<'s>)> {
        let key = self.key(name)?;
        let constructor = self.new_native(native, key, length, true)?;
        let prototype = self.new_object()?;
        self.define_data(constructor, Name::prototype.key(), prototype, Attributes::NONE)?;
        self.define_data(prototype, Name::constructor.key(), constructor, Attributes::HIDDEN)?;
        Ok((constructor, prototype))
    }

    /// The name that SetFunctionName (§10.2.9) gives: a symbol's description in brackets, behind a prefix.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn function_name(&mut self, key: Key<'_>, prefix: &str) -> Completion<Local<'s>> {
        let name = match key {
            Key::Name(symbol) if symbol.is_symbol() => {
                let description = self.symbol_description(symbol);
                if description.is_undefined() {
                    Name::empty.local()
                } else if self.is_private(self.value(symbol)) {
                    description
                } else {
                    let open = self.string("[")?;
                    let close = self.string("]")?;
                    let text = self.concat(open, description)?;
                    self.concat(text, close)?
                }
            }
            key => self.key_value(key)?,
        };
        if prefix.is_empty() {
            let value = self.value(name);
            return Ok(self.local(value));
        }
        let prefix = self.string(&format!("{prefix} "))?;
        self.concat(prefix, name)
    }

    /// What a function of Rust captured: the first or second value.
    pub fn captured(&mut self, args: Args<'s>, nth: u32) -> Local<'s> {
        let callee = self.callee(args);
        self.field(callee, NATIVE_DATA + nth)
    }

    /// A function of Rust without a name that captures up to two values.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn new_capturing(&mut self, native: Native, length: u32, captured: &[Local<'_>]) -> Completion<Local<'s>> {
        let function = self.new_native(native, Name::empty.key(), length, false)?;
        for (nth, &local) in captured.iter().enumerate().take(2) {
            self.set_field(function, NATIVE_DATA + nth as u32, local);
        }
        Ok(function)
    }
}

impl crate::js::agent::Agent {
    /// Says which functions of Rust `call`, `apply` and `instanceof` are.
    pub(in crate::js) fn know_function_natives(&mut self, call: Native, apply: Native, has_instance: Native) {
        let [call, apply, has_instance] = [call, apply, has_instance].map(|native| self.native_id(native));
        self.known_natives = crate::js::interp::KnownNatives { call, apply, has_instance };
    }

    /// The number of a function of Rust, by which the heap names it.
    fn native_id(&mut self, native: Native) -> u32 {
        let next = self.natives.len() as u32;
        let id = *self.native_ids.entry(native as usize).or_insert(next);
        if id == next {
            self.natives.push(native);
        }
        id
    }
}
