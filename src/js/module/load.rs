//! Loading: from a specifier to a record whose requests are all records (§16.2.1.6.1.1, §16.2.1.10).
#![forbid(unsafe_code)]

use super::{ModuleId, Status};
use crate::base::sync::Arc;
use crate::js::bytecode::ScriptCode;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::host::{ModuleRequest, ModuleText};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::parse::{ParseOptions, SyntaxError, parse};
use crate::js::source::SourceText;
use crate::js::value::Value;

/// Parses a module. It needs no agent, and may be done on any thread.
///
/// # Errors
///
/// The first early error.
pub fn compile_module(source: SourceText) -> Result<Arc<ScriptCode>, SyntaxError> {
    Ok(ScriptCode::new(parse(Arc::new(source), ParseOptions::Module)?))
}

impl<'s> Cx<'s> {
    /// A record for code that was parsed, known by a key. If there is one of that key in this realm already, that one.
    pub fn add_source_module(&mut self, key: &str, code: Arc<ScriptCode>) -> ModuleId {
        let (realm, key) = (self.realm_number(), Arc::from(key));
        if let Some(&known) = self.agent.roots.modules.map.get(&(realm, Arc::clone(&key))) {
            return known;
        }
        let id = self.add_module(&key, Some(code));
        self.agent.roots.modules.map.insert((realm, key), id);
        id
    }

    /// A record of data: a module whose one export, `default`, is a value.
    fn add_data_module(&mut self, key: &Arc<str>, value: Local<'_>) -> Completion<ModuleId> {
        let environment = self.new_module_environment(1)?;
        let id = self.add_module(key, None);
        let environment_value = self.value(environment);
        self.module_mut(id).environment = environment_value.bits();
        let value = self.value(value);
        let slots = self.reference(environment);
        self.write_value(slots, 0, value);
        let module = self.module_mut(id);
        (module.is_loaded, module.status) = (true, Status::Linked);
        Ok(id)
    }

    /// LoadRequestedModules: afterwards all that a module asks for, and all that those ask for, is there.
    ///
    /// # Errors
    ///
    /// What the host says of a module that it does not find; a SyntaxError of one that is not well-formed.
    pub fn load_requested(&mut self, root: ModuleId) -> Completion<()> {
        let mut todo = vec![root];
        while let Some(id) = todo.pop() {
            if std::mem::replace(&mut self.module_mut(id).is_loaded, true) {
                continue;
            }
            let requests = self.requests(id);
            for request in requests {
                match self.load_one(Some(id), &request) {
                    Ok(requested) => {
                        self.module_mut(id).requested.push(requested);
                        todo.push(requested);
                    }
                    Err(thrown) => {
                        // It may be asked for again, and then fail in the same way.
                        let module = self.module_mut(id);
                        module.is_loaded = false;
                        module.requested.clear();
                        return Err(thrown);
                    }
                }
            }
        }
        Ok(())
    }

    fn requests(&self, id: ModuleId) -> Vec<ModuleRequest> {
        let Some(code) = &self.module(id).code else { return Vec::new() };
        let text = |id| code.string(id).to_utf8_lossy();
        let Some(info) = code.module() else { return Vec::new() };
        let one = |request: &crate::js::parse::ast::ModuleRequest| ModuleRequest {
            specifier: text(request.specifier),
            attributes: request.attributes.iter().map(|&(key, value)| (text(key), text(value))).collect(),
        };
        info.requests.iter().map(one).collect()
    }

    /// HostLoadImportedModule (§16.2.1.10): the record of a request, made if it is not there.
    pub(in crate::js) fn load_one(&mut self, referrer: Option<ModuleId>, request: &ModuleRequest) -> Completion<ModuleId> {
        let from = referrer.map(|id| Arc::clone(&self.module(id).key));
        self.load_for(from.as_deref(), request)
    }

    /// The same for code that is no module but has a name.
    pub(in crate::js) fn load_for(&mut self, referrer: Option<&str>, request: &ModuleRequest) -> Completion<ModuleId> {
        let kind = request.attributes.iter().find(|(key, _)| key == "type").map_or("", |(_, value)| value);
        if let Some((key, _)) = request.attributes.iter().find(|(key, _)| key != "type") {
            return Err(self.syntax_error(&format!("Import attribute \"{key}\" is not supported")));
        }
        let resolved = self.with_host(|host, _| host.resolve_module(referrer, &request.specifier));
        let location = match resolved {
            Ok(location) => location,
            Err(error) => return Err(self.type_error(&error)),
        };
        let (realm, key): (u32, Arc<str>) = (self.realm_number(), Arc::from(format!("{kind}\0{location}")));
        if let Some(&known) = self.agent.roots.modules.map.get(&(realm, Arc::clone(&key))) {
            return Ok(known);
        }
        // A module of code is known by its place alone, as the host's own first module is.
        let key: Arc<str> = if kind.is_empty() { Arc::from(location.as_str()) } else { key };
        if let Some(&known) = self.agent.roots.modules.map.get(&(realm, Arc::clone(&key))) {
            return Ok(known);
        }
        let loaded = self.with_host(|host, _| host.load_module(&location, kind));
        let id = match loaded {
            Err(error) => return Err(self.type_error(&error)),
            Ok(ModuleText::JavaScript(source)) => {
                let code = compile_module(source).map_err(|error| self.module_syntax_error(&location, &error))?;
                self.add_module(&key, Some(code))
            }
            Ok(ModuleText::Json(text)) => {
                let mut cx = self.open();
                let parse = cx.intrinsic(Intrinsic::Json);
                let parse = cx.get(parse, crate::js::names::Name::parse.key())?;
                let text = cx.string(&text)?;
                let value = cx.call(parse, Local::UNDEFINED, &[text])?;
                cx.add_data_module(&key, value)?
            }
            Ok(ModuleText::Text(text)) => {
                let mut cx = self.open();
                let text = cx.string(&text)?;
                cx.add_data_module(&key, text)?
            }
        };
        self.agent.roots.modules.map.insert((realm, key), id);
        Ok(id)
    }

    /// A SyntaxError that says where.
    pub(in crate::js) fn module_syntax_error(&mut self, name: &str, error: &SyntaxError) -> Thrown {
        self.syntax_error(&format!("{} ({name}:{}:{})", error.message, error.line, error.column))
    }

    /// The environment of a module of data.
    fn new_module_environment(&mut self, slots: u32) -> Completion<Local<'s>> {
        let environment = self.allocate_values(slots, Value::UNINITIALIZED)?;
        Ok(self.root_value(Value::object(environment)))
    }
}
