//! Modules (§16.2): records, loading, linking, evaluation, namespaces, dynamic import.
//!
//! A record is a [`ModuleId`]: a place in the agent's table, which holds what is Rust's of it (its code, its state, what it imports) and shows
//! the collector what is not (its environment, its namespace, its error). The host gives texts ([`Host::load_module`]), by a key that
//! names a module once for all; a record of its own exists for each realm and key.
//!
//! | file | what |
//! |---|---|
//! | `load` | LoadRequestedModules (§16.2.1.6.1.1), the module map |
//! | `link` | ResolveExport, Link (§16.2.1.6.1.2): afterwards each import knows the environment and slot that it means |
//! | `evaluate` | Evaluate (§16.2.1.6.1.3), top-level await |
//! | `namespace` | module namespace objects (§10.4.6) |
//! | `dynamic` | `import()`, `import.meta` |
//!
//! [`Host::load_module`]: crate::js::host::Host::load_module
#![forbid(unsafe_code)]

pub(in crate::js) mod dynamic;
mod evaluate;
mod link;
mod load;
mod namespace;

pub use load::compile_module;

use std::collections::HashMap;

use crate::base::sync::Arc;
use crate::heap::RootVisitor;
use crate::js::bytecode::ScriptCode;
use crate::js::cx::Cx;
use crate::js::local::Local;
use crate::js::value::Value;

/// A module record of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(pub(in crate::js) u32);

/// [[Status]] (§16.2.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::js) enum Status {
    Unlinked,
    Linking,
    Linked,
    Evaluating,
    EvaluatingAsync,
    Evaluated,
}

/// What a name of a module means: the place of a variable, or a module's namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::js) enum Binding {
    Slot(ModuleId, u32),
    Namespace(ModuleId),
}

/// Names as the module map and exports compare them: code units.
pub(in crate::js) type ExportName = Box<[u16]>;

/// A module record.
#[derive(Debug)]
pub(in crate::js) struct Module {
    /// [[ECMAScriptCode]]; a module of data has none, and one variable, its default export.
    pub code: Option<Arc<ScriptCode>>,
    /// What the host calls it.
    pub key: Arc<str>,
    pub realm: u64,
    pub status: Status,
    /// [[EvaluationError]], if there is one.
    pub error: Option<u64>,
    pub environment: u64,
    /// The suspended code between linking and evaluation.
    pub suspended: u64,
    pub namespace: u64,
    pub meta: u64,
    /// [[LoadedModules]], by request.
    pub requested: Vec<ModuleId>,
    pub is_loaded: bool,
    /// What each import entry means.
    pub imports: Vec<Binding>,
    /// The names of the namespace object, in code unit order: key bits (see `namespace`), meaning.
    pub exports: Vec<(u64, ExportName, Binding)>,
    pub dfs_index: u32,
    pub dfs_ancestor: u32,
    pub cycle_root: Option<ModuleId>,
    pub has_await: bool,
    /// [[AsyncEvaluationOrder]]: none for unset, `u64::MAX` for done.
    pub async_order: Option<u64>,
    pub pending_dependencies: u32,
    pub async_parents: Vec<ModuleId>,
    /// [[TopLevelCapability]]: the promise.
    pub capability: u64,
}

/// The modules of an agent.
#[derive(Debug, Default)]
pub(in crate::js) struct Modules {
    records: Vec<Module>,
    /// By realm, key and type of import.
    map: HashMap<(u32, Arc<str>), ModuleId>,
    async_count: u64,
}

impl Modules {
    /// Shows the collector what records hold.
    pub fn visit(&mut self, visitor: &mut dyn RootVisitor) {
        for module in &mut self.records {
            for slot in [
                &mut module.realm,
                &mut module.environment,
                &mut module.suspended,
                &mut module.namespace,
                &mut module.meta,
                &mut module.capability,
            ] {
                visitor.boxed(slot);
            }
            module.error.iter_mut().for_each(|error| visitor.boxed(error));
            module.exports.iter_mut().for_each(|(key, _, _)| visitor.boxed(key));
        }
    }
}

impl<'s> Cx<'s> {
    pub(in crate::js) fn module(&self, id: ModuleId) -> &Module {
        &self.agent.roots.modules.records[id.0 as usize]
    }

    pub(in crate::js) fn module_mut(&mut self, id: ModuleId) -> &mut Module {
        &mut self.agent.roots.modules.records[id.0 as usize]
    }

    /// Adds a record. `realm_number` tells realms apart in the map.
    fn add_module(&mut self, key: &Arc<str>, code: Option<Arc<ScriptCode>>) -> ModuleId {
        let undefined = Value::UNDEFINED.bits();
        let realm = Value::object(self.agent.roots.realm).bits();
        let has_await = code.as_ref().and_then(|code| code.module()).is_some_and(|info| info.has_top_level_await);
        let modules = &mut self.agent.roots.modules;
        let id = ModuleId(modules.records.len() as u32);
        modules.records.push(Module {
            code,
            key: Arc::clone(key),
            realm,
            status: Status::Unlinked,
            error: None,
            environment: undefined,
            suspended: undefined,
            namespace: undefined,
            meta: undefined,
            requested: Vec::new(),
            is_loaded: false,
            imports: Vec::new(),
            exports: Vec::new(),
            dfs_index: 0,
            dfs_ancestor: 0,
            cycle_root: None,
            has_await,
            async_order: None,
            pending_dependencies: 0,
            async_parents: Vec::new(),
            capability: undefined,
        });
        id
    }

    /// A number of the current realm's, which stays when the realm moves.
    fn realm_number(&mut self) -> u32 {
        let names = self.intrinsic(crate::js::intrinsic::Intrinsic::GlobalNames);
        match self.field_value(names, 0).as_int() {
            Some(number) => number.cast_unsigned(),
            None => {
                self.agent.realm_count += 1;
                let number = self.agent.realm_count;
                self.set_field_value(names, 0, Value::int(number.cast_signed()));
                number
            }
        }
    }

    /// Runs something in a module's realm.
    fn in_module_realm<R>(
        &mut self,
        id: ModuleId,
        run: impl FnOnce(&mut Cx<'_>) -> crate::js::cx::Completion<R>,
    ) -> crate::js::cx::Completion<R> {
        let mut cx = self.open();
        let realm = Value::from_bits(cx.module(id).realm);
        let realm = cx.root_value(realm);
        cx.in_realm(realm, run)
    }

    /// A local of one of a record's slots.
    fn module_value(&mut self, bits: u64) -> Local<'s> {
        self.local(Value::from_bits(bits))
    }
}
