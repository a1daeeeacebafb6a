//! The static context of a direct eval.

use super::ast::*;

impl EvalContext {
    /// What a direct eval in a scope of a script may know: the scope is [`Call::eval_scope`]'s.
    pub fn of(script: &ParsedScript, scope: ScopeId) -> Self {
        let mut context = Self { strict: script.scope(scope).strict, ..Self::default() };
        let mut function = script.scope(scope).function;
        loop {
            let info = script.function(function);
            match (info.kind, info.parent) {
                (FunctionKind::Arrow, Some(parent)) => function = parent,
                (kind, _) => {
                    context.note_function(script, kind);
                    break;
                }
            }
        }
        let mut current = Some(scope);
        while let Some(id) = current {
            let scope = script.scope(id);
            let names = scope.variables.iter().filter(|variable| variable.kind == VariableKind::PrivateName);
            context.private_names.extend(names.filter_map(|variable| without_sign(script.strings.get(variable.name))));
            current = scope.parent;
        }
        if let Some(outer) = &script.context {
            context.private_names.extend(outer.private_names.iter().cloned());
        }
        context
    }

    fn note_function(&mut self, script: &ParsedScript, kind: FunctionKind) {
        match kind {
            FunctionKind::Script => {}
            FunctionKind::Module => self.in_module = true,
            // A direct eval in the top level of eval code sees what that saw.
            FunctionKind::Eval => {
                if let Some(outer) = &script.context {
                    let strict = self.strict;
                    *self = Self { strict, private_names: Vec::new(), ..(**outer).clone() };
                }
            }
            FunctionKind::Normal | FunctionKind::Arrow => self.in_function = true,
            FunctionKind::Method | FunctionKind::Getter | FunctionKind::Setter | FunctionKind::BaseConstructor => {
                self.in_function = true;
                self.super_property = true;
            }
            FunctionKind::DerivedConstructor => {
                self.in_function = true;
                self.super_property = true;
                self.super_call = true;
            }
            FunctionKind::FieldInitializer | FunctionKind::StaticInitializer => {
                self.in_function = true;
                self.super_property = true;
                self.in_class_initializer = true;
            }
        }
    }
}

fn without_sign(text: &Text) -> Option<Text> {
    let units: Vec<u16> = text.units().skip(1).collect();
    (!units.is_empty()).then(|| Text::from_units(&units))
}
