//! Linking (§16.2.1.6.1.2, §16.2.1.7.3): what each import means, and environments with their functions.
#![forbid(unsafe_code)]

use std::collections::HashSet;

use super::{Binding, ExportName, ModuleId, Status};
use crate::js::cx::{Completion, Cx};
use crate::js::parse::ast::{Place, StringId};

/// The result of ResolveExport (§16.2.1.7.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::js) enum Resolved {
    Found(Binding),
    NotFound,
    Ambiguous,
}

/// A request that ResolveExport has met.
type Met = HashSet<(ModuleId, ExportName)>;

impl<'s> Cx<'s> {
    fn name_units(&self, id: ModuleId, string: StringId) -> ExportName {
        self.module(id).code.as_ref().map_or_else(Box::default, |code| code.string(string).units().collect())
    }

    /// GetExportedNames (§16.2.1.7.2.1).
    pub(in crate::js) fn exported_names(&mut self, id: ModuleId, met: &mut HashSet<ModuleId>) -> Completion<Vec<ExportName>> {
        self.check_stack(0)?;
        if !met.insert(id) {
            return Ok(Vec::new());
        }
        let Some(code) = self.module(id).code.clone() else { return Ok(vec!["default".encode_utf16().collect()]) };
        let Some(info) = code.module() else { return Ok(Vec::new()) };
        let own = info.local_exports.iter().map(|export| export.export_name);
        let mut names: Vec<ExportName> = own
            .chain(info.indirect_exports.iter().map(|export| export.export_name))
            .map(|name| self.name_units(id, name))
            .collect();
        let default: ExportName = "default".encode_utf16().collect();
        for &request in &info.star_exports {
            let requested = self.module(id).requested[request as usize];
            for name in self.exported_names(requested, met)? {
                if name != default && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Ok(names)
    }

    /// ResolveExport (§16.2.1.7.2.2).
    pub(in crate::js) fn resolve_export(&mut self, id: ModuleId, name: &ExportName, met: &mut Met) -> Completion<Resolved> {
        self.check_stack(0)?;
        // 2. and 3. A circle of requests finds nothing.
        if !met.insert((id, name.clone())) {
            return Ok(Resolved::NotFound);
        }
        let is_default = name.iter().copied().eq("default".encode_utf16());
        let Some(code) = self.module(id).code.clone() else {
            return Ok(if is_default { Resolved::Found(Binding::Slot(id, 0)) } else { Resolved::NotFound });
        };
        let Some(info) = code.module() else { return Ok(Resolved::NotFound) };
        let is_it = |cx: &Self, other| cx.name_units(id, other) == *name;
        // 5.
        if let Some(export) = info.local_exports.iter().find(|export| is_it(self, export.export_name)) {
            let scope = code.scope(code.info(crate::js::parse::ast::FunctionId(0)).scope);
            return Ok(match scope.variables[export.variable as usize].place {
                Place::Slot(slot) => Resolved::Found(Binding::Slot(id, slot)),
                // What was imported as a namespace and is exported again.
                Place::Import(import) => {
                    let request = info.imports[import as usize].request;
                    Resolved::Found(Binding::Namespace(self.module(id).requested[request as usize]))
                }
                _ => Resolved::NotFound,
            });
        }
        // 6.
        if let Some(export) = info.indirect_exports.iter().find(|export| is_it(self, export.export_name)) {
            let requested = self.module(id).requested[export.request as usize];
            return match export.import_name {
                None => Ok(Resolved::Found(Binding::Namespace(requested))),
                Some(other) => {
                    let other = self.name_units(id, other);
                    self.resolve_export(requested, &other, met)
                }
            };
        }
        // 7. and 8.
        if is_default {
            return Ok(Resolved::NotFound);
        }
        let mut star = Resolved::NotFound;
        for &request in &info.star_exports {
            let requested = self.module(id).requested[request as usize];
            match (self.resolve_export(requested, name, met)?, star) {
                (Resolved::Ambiguous, _) => return Ok(Resolved::Ambiguous),
                (Resolved::Found(new), Resolved::Found(old)) if new != old => return Ok(Resolved::Ambiguous),
                (Resolved::Found(new), _) => star = Resolved::Found(new),
                (Resolved::NotFound, _) => {}
            }
        }
        Ok(star)
    }

    /// Link (§16.2.1.6.1.2).
    ///
    /// # Errors
    ///
    /// A SyntaxError for an import that nobody exports.
    pub fn link_module(&mut self, id: ModuleId) -> Completion<()> {
        let mut stack = Vec::new();
        let result = self.inner_link(id, &mut stack, 0);
        if let Err(thrown) = result {
            for id in stack {
                self.module_mut(id).status = Status::Unlinked;
            }
            return Err(thrown);
        }
        Ok(())
    }

    /// InnerModuleLinking (§16.2.1.6.1.2.1).
    fn inner_link(&mut self, id: ModuleId, stack: &mut Vec<ModuleId>, index: u32) -> Completion<u32> {
        self.check_stack(0)?;
        if self.module(id).status != Status::Unlinked {
            return Ok(index);
        }
        let module = self.module_mut(id);
        (module.status, module.dfs_index, module.dfs_ancestor) = (Status::Linking, index, index);
        let mut index = index + 1;
        stack.push(id);
        for requested in self.module(id).requested.clone() {
            index = self.inner_link(requested, stack, index)?;
            if self.module(requested).status == Status::Linking {
                let ancestor = self.module(requested).dfs_ancestor;
                let module = self.module_mut(id);
                module.dfs_ancestor = module.dfs_ancestor.min(ancestor);
            }
        }
        self.initialize_environment(id)?;
        let module = self.module(id);
        if module.dfs_ancestor == module.dfs_index {
            while let Some(done) = stack.pop() {
                self.module_mut(done).status = Status::Linked;
                if done == id {
                    break;
                }
            }
        }
        Ok(index)
    }

    /// InitializeEnvironment (§16.2.1.7.3.1).
    fn initialize_environment(&mut self, id: ModuleId) -> Completion<()> {
        let Some(code) = self.module(id).code.clone() else { return Ok(()) };
        let Some(info) = code.module() else { return Ok(()) };
        // 1. All that is exported of others' must be there.
        for export in &info.indirect_exports {
            let name = self.name_units(id, export.export_name);
            let resolved = self.resolve_export(id, &name, &mut HashSet::new())?;
            self.expect_binding(id, &name, export.request, resolved)?;
        }
        // 7. Imports.
        let mut imports = Vec::with_capacity(info.imports.len());
        for import in &info.imports {
            let requested = self.module(id).requested[import.request as usize];
            imports.push(match import.import_name {
                None => Binding::Namespace(requested),
                Some(name) => {
                    let name = self.name_units(id, name);
                    let resolved = self.resolve_export(requested, &name, &mut HashSet::new())?;
                    self.expect_binding(id, &name, import.request, resolved)?
                }
            });
        }
        self.module_mut(id).imports = imports;
        // 8 to 24. The environment, its variables and functions: the code runs up to its mark.
        self.in_module_realm(id, |cx| {
            let (environment, suspended) = cx.begin_module(&code, id)?;
            let (environment, suspended) = (cx.value(environment).bits(), cx.value(suspended).bits());
            let module = cx.module_mut(id);
            (module.environment, module.suspended) = (environment, suspended);
            Ok(())
        })
    }

    fn expect_binding(&mut self, id: ModuleId, name: &ExportName, request: u32, resolved: Resolved) -> Completion<Binding> {
        let Resolved::Found(binding) = resolved else {
            let from = &self.module(self.module(id).requested[request as usize]).key;
            let from = from.rsplit('\0').next().unwrap_or_default().to_owned();
            let name = String::from_utf16_lossy(name);
            let message = match resolved {
                Resolved::Ambiguous => {
                    format!("The requested module '{from}' contains conflicting star exports for name '{name}'")
                }
                _ => format!("The requested module '{from}' does not provide an export named '{name}'"),
            };
            return Err(self.in_module_realm(id, |cx| -> Completion<()> { Err(cx.syntax_error(&message)) }).unwrap_err());
        };
        Ok(binding)
    }
}
