//! Realms (§9.3): an array of intrinsics in the heap.
#![forbid(unsafe_code)]

use crate::heap::HeapRef;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::value::Value;

impl<'s> Cx<'s> {
    /// CreateRealm and SetDefaultGlobalBindings (§9.3.1, §9.3.4): a realm with all builtins. It does not become the current one.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn create_realm(&mut self) -> Completion<Local<'s>> {
        let realm = self.allocate_values(Intrinsic::Count as u32, Value::UNDEFINED)?;
        let realm = self.local(Value::object(realm));
        self.in_realm(realm, |cx| {
            let object_prototype = cx.make_object(Class::Ordinary, Local::NULL)?;
            cx.set_intrinsic(Intrinsic::ObjectPrototype, object_prototype);
            let global = cx.make_object(Class::Ordinary, object_prototype)?;
            cx.set_intrinsic(Intrinsic::GlobalObject, global);
            cx.set_intrinsic(Intrinsic::GlobalThis, global);
            let lexical = cx.make_object(Class::Internal, Local::NULL)?;
            cx.set_intrinsic(Intrinsic::GlobalLexical, lexical);
            let names = cx.make_object(Class::Internal, Local::NULL)?;
            cx.set_intrinsic(Intrinsic::GlobalNames, names);
            crate::js::builtins::install(cx)
        })?;
        Ok(realm)
    }

    /// Runs something with another current realm.
    ///
    /// # Errors
    ///
    /// What it throws.
    pub fn in_realm<R>(&mut self, realm: Local<'_>, run: impl FnOnce(&mut Cx<'_>) -> Completion<R>) -> Completion<R> {
        let mut cx = self.open();
        let inner = cx.value(realm).heap_ref();
        let outer = std::mem::replace(&mut cx.agent.roots.realm, inner);
        let outer = if outer.is_null() { Local::NULL } else { cx.root_value(Value::object(outer)) };
        let result = run(&mut cx.open());
        cx.agent.roots.realm = if outer.is_null() { HeapRef::NULL } else { cx.value(outer).heap_ref() };
        result
    }

    /// The current realm.
    pub fn current_realm(&mut self) -> Local<'s> {
        let realm = self.agent.roots.realm;
        self.root_value(Value::object(realm))
    }

    /// An intrinsic of a realm.
    pub fn intrinsic_of(&mut self, realm: Local<'_>, intrinsic: Intrinsic) -> Local<'s> {
        let value = self.read_value(self.reference(realm), intrinsic as u32);
        self.local(value)
    }

    /// Sets an intrinsic of the current realm.
    pub(in crate::js) fn set_intrinsic(&mut self, intrinsic: Intrinsic, local: Local<'_>) {
        let (realm, value) = (self.agent.roots.realm, self.value(local));
        self.write_value(realm, intrinsic as u32, value);
    }
}
