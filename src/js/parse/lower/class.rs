//! Classes: their elements' keys and methods at the definition, and the functions that initialise fields.

use oxc_ast::ast as ox;
use oxc_span::{GetSpan, Span};

use super::Lowerer;
use super::function::{Code, Parts, empty_info};
use crate::js::parse::ast::*;
use crate::js::parse::builder::Use;

/// A field or static block on its way into an initialiser.
enum Pending<'n, 'a> {
    Field { key: PendingKey<'n, 'a>, value: Option<&'n ox::Expression<'a>>, span: Span },
    Method { name: &'n ox::PrivateIdentifier<'a>, kind: MethodKind, store: StringId },
    Block(&'n ox::StaticBlock<'a>),
}

enum PendingKey<'n, 'a> {
    Written(&'n ox::PropertyKey<'a>),
    Stored(StringId),
}

/// What the elements of a class come to.
#[derive(Default)]
struct Elements<'n, 'a> {
    elements: Vec<ClassElement>,
    private_methods: Vec<Pending<'n, 'a>>,
    instance: Vec<Pending<'n, 'a>>,
    statics: Vec<Pending<'n, 'a>>,
}

impl Lowerer<'_> {
    pub(super) fn class(&mut self, class: &ox::Class<'_>) -> Class {
        let position = self.start(class);
        if !class.decorators.is_empty() {
            self.fail(position, "Invalid or unexpected token");
        }
        let scope = self.builder.add_scope(ScopeKind::Class, Some(self.scope), self.function, true);
        let name = class.id.as_ref().map(|id| self.intern(&id.name));
        let end = self.position(class.span.end);
        let inner_name = name.map(|name| self.builder.declare(scope, name, VariableKind::ClassName, end));
        self.within(scope, |this| {
            let heritage = class.heritage.as_ref().map(|heritage| this.expression(&heritage.expression));
            let private_names = this.declare_private_names(&class.body);
            let constructor = this.constructor(class, name, heritage.is_some());
            let mut found = Elements::default();
            for element in &class.body.body {
                this.class_element(element, scope, &mut found);
            }
            let mut instance = found.private_methods;
            instance.append(&mut found.instance);
            let range = this.range(class);
            let instance_initializer = this.initializer(FunctionKind::FieldInitializer, &instance, range);
            let static_initializer = this.initializer(FunctionKind::StaticInitializer, &found.statics, range);
            if let Some(Some(info)) = this.functions.get_mut(constructor.0 as usize) {
                info.has_instance_elements = instance_initializer.is_some();
            }
            Class {
                name,
                scope,
                inner_name,
                heritage,
                constructor,
                elements: found.elements.into(),
                instance_initializer,
                static_initializer,
                private_names,
                position,
            }
        })
    }

    fn declare_private_names(&mut self, body: &ox::ClassBody<'_>) -> Box<[u32]> {
        let mut indices = Vec::new();
        for element in &body.body {
            let key = match element {
                ox::ClassElement::MethodDefinition(method) => &method.key,
                ox::ClassElement::PropertyDefinition(field) => &field.key,
                _ => continue,
            };
            if let ox::PropertyKey::PrivateIdentifier(identifier) = key {
                let name = self.intern(&format!("#{}", identifier.name));
                let index = self.builder.declare(self.scope, name, VariableKind::PrivateName, 0);
                if !indices.contains(&index) {
                    indices.push(index);
                }
            }
        }
        indices.into()
    }

    fn constructor(&mut self, class: &ox::Class<'_>, name: Option<StringId>, derived: bool) -> FunctionId {
        let kind = if derived { FunctionKind::DerivedConstructor } else { FunctionKind::BaseConstructor };
        let range = self.range(class);
        let written = class.body.body.iter().find_map(|element| match element {
            ox::ClassElement::MethodDefinition(method) if method.kind == ox::MethodDefinitionKind::Constructor => {
                Some(&method.value)
            }
            _ => None,
        });
        match written {
            Some(function) => self.plain_function(function, kind, name, false, false, range),
            None => {
                let body = Code::DefaultConstructor;
                self.make_function(Parts { name, body, ..initializer_parts(kind, range) })
            }
        }
    }

    fn class_element<'n, 'a>(&mut self, element: &'n ox::ClassElement<'a>, scope: ScopeId, found: &mut Elements<'n, 'a>) {
        match element {
            ox::ClassElement::StaticBlock(block) => found.statics.push(Pending::Block(block)),
            ox::ClassElement::MethodDefinition(method) => self.class_method(method, scope, found),
            ox::ClassElement::PropertyDefinition(field) => {
                if !field.decorators.is_empty() {
                    let at = self.start(&**field);
                    self.fail(at, "Invalid or unexpected token");
                }
                let mut key = PendingKey::Written(&field.key);
                if field.computed && !matches!(field.key, ox::PropertyKey::PrivateIdentifier(_)) {
                    let name = self.builder.declare_internal(scope);
                    let position = self.position(field.key.span().start);
                    let store = self.builder.refer(name, scope, position, Use::Initialize);
                    let expression = match field.key.as_expression() {
                        Some(expression) => self.expression(expression),
                        None => Expression::Undefined,
                    };
                    found.elements.push(ClassElement::ComputedField { key: expression, store });
                    key = PendingKey::Stored(name);
                }
                let pending = Pending::Field { key, value: field.value.as_ref(), span: field.span };
                if field.r#static { found.statics.push(pending) } else { found.instance.push(pending) }
            }
            other => {
                let at = self.start(other);
                self.fail(at, "Unexpected identifier");
            }
        }
    }

    fn class_method<'n, 'a>(&mut self, method: &'n ox::MethodDefinition<'a>, scope: ScopeId, found: &mut Elements<'n, 'a>) {
        if !method.decorators.is_empty() {
            let at = self.start(method);
            self.fail(at, "Invalid or unexpected token");
        }
        let (kind, function_kind) = match method.kind {
            ox::MethodDefinitionKind::Constructor => return,
            ox::MethodDefinitionKind::Method => (MethodKind::Method, FunctionKind::Method),
            ox::MethodDefinitionKind::Get => (MethodKind::Getter, FunctionKind::Getter),
            ox::MethodDefinitionKind::Set => (MethodKind::Setter, FunctionKind::Setter),
        };
        let key = self.property_key(&method.key, method.computed);
        let mut span = method.span;
        if method.r#static {
            span.start = self.behind_static(span.start);
        }
        let function = self.method(&method.value, function_kind, span);
        let mut store = None;
        if let (ox::PropertyKey::PrivateIdentifier(identifier), false) = (&method.key, method.r#static) {
            let name = self.builder.declare_internal(scope);
            let position = self.position(method.span.start);
            store = Some(self.builder.refer(name, scope, position, Use::Initialize));
            found.private_methods.push(Pending::Method { name: identifier, kind, store: name });
        }
        found.elements.push(ClassElement::Method { is_static: method.r#static, kind, key, function, store });
    }

    /// Where a static method's own text begins: behind the word and what separates it from the rest.
    fn behind_static(&self, start: u32) -> u32 {
        let text: &str = &self.source.text;
        let mut rest = text.get(start as usize..).and_then(|rest| rest.strip_prefix("static")).unwrap_or_default();
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            let skipped = if let Some(comment) = rest.strip_prefix("/*") {
                comment.find("*/").and_then(|end| comment.get(end + 2..))
            } else if rest.starts_with("//") {
                rest.find(['\n', '\r', '\u{2028}', '\u{2029}']).and_then(|end| rest.get(end..))
            } else {
                None
            };
            match skipped {
                Some(behind) => rest = behind,
                None => break,
            }
        }
        if rest.is_empty() { start } else { (text.len() - rest.len()) as u32 }
    }

    fn initializer(&mut self, kind: FunctionKind, pending: &[Pending<'_, '_>], range: (u32, u32)) -> Option<FunctionId> {
        if pending.is_empty() {
            return None;
        }
        let parts = initializer_parts(kind, range);
        Some(self.with_function(&parts, true, |this, id, name_scope| {
            let parent = this.builder.function(id).parent;
            let mut info = empty_info(&parts, this.scope, name_scope, parent, true);
            info.in_class_initializer = true;
            info.body = Body::Fields(pending.iter().map(|pending| this.field(pending)).collect());
            info
        }))
    }

    fn field(&mut self, pending: &Pending<'_, '_>) -> Field {
        match pending {
            Pending::Field { key, value, span } => {
                let position = self.position(span.start);
                let key = match key {
                    PendingKey::Written(key) => self.property_key(key, false),
                    PendingKey::Stored(name) => {
                        let name = self.builder.refer(*name, self.scope, position, Use::Pseudo);
                        PropertyKey::Computed(Box::new(Expression::Name(name)))
                    }
                };
                Field::Define { key, value: value.map(|value| self.expression(value)), position }
            }
            Pending::Method { name, kind, store } => {
                let name = self.private_name(name);
                let method = self.builder.refer(*store, self.scope, name.position, Use::Pseudo);
                Field::PrivateMethod { name, kind: *kind, method }
            }
            Pending::Block(block) => {
                let scope = self.new_scope(ScopeKind::StaticBlock);
                let function = self.function;
                let outer = std::mem::replace(&mut self.builder.function_mut(function).var_scope, scope);
                let body = self.within(scope, |this| {
                    this.declare_lexical(&block.body, true);
                    this.statements(&block.body, true)
                });
                self.builder.function_mut(function).var_scope = outer;
                Field::StaticBlock { scope, body }
            }
        }
    }
}

fn initializer_parts<'n, 'a>(kind: FunctionKind, range: (u32, u32)) -> Parts<'n, 'a> {
    Parts {
        kind,
        name: None,
        own_name_scope: false,
        is_async: false,
        is_generator: false,
        hoisted: false,
        parameters: None,
        body: Code::Nothing,
        range,
    }
}
