//! What the loop does not do at once, by the subject's own file: instructions on [`Local`]s that name registers.

use crate::js::bytecode::{Instruction, Op};
use crate::js::cx::{Completion, Cx};
use crate::js::interp::arithmetic::Arithmetic;
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::parse::ast::ScopeId;

impl<'s> Cx<'s> {
    /// Whether a site's code is strict.
    fn site_is_strict(&self, site: u16) -> bool {
        self.frame().code().sites.get(usize::from(site)).is_some_and(|site| site.strict)
    }

    fn site_name(&mut self, site: u16) -> Local<'s> {
        match self.site_key(self.frame().function, u32::from(site)) {
            Key::Name(name) => name,
            Key::Index(_) => Local::UNDEFINED,
        }
    }

    /// Instructions with one output, A.
    pub(super) fn slow_value(&mut self, fp: usize, word: Instruction) -> Completion<Local<'s>> {
        let (b, c) = (self.register_or(fp, word.b()), self.register_or(fp, word.c()));
        match word.op() {
            Op::GlobalThis => Ok(self.intrinsic(Intrinsic::GlobalThis)),
            Op::CoerceThis => self.coerce_this(fp),
            Op::Arguments => self.arguments_object(word.b() == 1),
            Op::Rest => self.rest_array(u32::from(word.b())),
            Op::LoadGlobal => {
                let name = self.site_name(word.b());
                self.global_value(name)
            }
            Op::TypeofGlobal => {
                let name = self.site_name(word.b());
                self.typeof_global(name)
            }
            Op::LoadName => {
                let name = self.site_name(word.b());
                self.load_name(name, self.site_is_strict(word.b()))
            }
            Op::TypeofName => {
                let name = self.site_name(word.b());
                self.typeof_name(name, self.site_is_strict(word.b()))
            }
            Op::ResolveName => {
                let name = self.site_name(word.b());
                self.resolve_name(name)
            }
            Op::LoadResolved => {
                let name = self.site_name(word.c());
                self.load_resolved(b, name, self.site_is_strict(word.c()))
            }
            Op::DeleteName => {
                let name = self.site_name(word.b());
                self.delete_name(name).map(Local::bool)
            }
            Op::GetNamed | Op::GetLength => {
                let name = self.site_name(word.c());
                self.get_named(b, name)
            }
            Op::GetKeyed => self.get_keyed(b, c),
            Op::IteratorMethod => {
                let name = if word.c() == 0 { Name::r#return } else { Name::throw };
                self.get_method(b, name.key())
            }
            Op::ResultDone => {
                if !b.is_object() {
                    let text = self.display(b);
                    return Err(self.type_error(&format!("Iterator result {text} is not an object")));
                }
                self.iterator_complete(b).map(Local::bool)
            }
            Op::ResultValue => self.get(b, Name::value.key()),
            Op::SuperBase => self.super_base(b),
            Op::GetNamedThis => {
                let name = self.site_name(word.c());
                let this = self.register(fp, word.b() + 1);
                self.get_super(b, Key::Name(name), this)
            }
            Op::GetKeyedThis => {
                let this = self.register(fp, word.b() + 1);
                let key = self.to_property_key(c)?;
                self.get_super(b, key, this)
            }
            Op::DeleteKeyed => self.delete_keyed(b, c, false),
            Op::DeleteKeyedStrict => self.delete_keyed(b, c, true),
            Op::In => self.has_keyed(b, c),
            Op::InstanceOf => self.instance_of(b, c).map(Local::bool),
            Op::NewPrivateName => {
                let description = self.constant(word.bc())?;
                self.new_private_name(description)
            }
            Op::GetPrivate => self.private_get(b, c),
            Op::HasPrivate => self.private_has(b, c),
            Op::SuperConstructor => self.get_prototype_of(b),
            Op::Increment | Op::Decrement => self.step(b, word.op() == Op::Increment),
            Op::Negate => self.negate(b),
            Op::BitNot => self.bit_not(b),
            Op::Typeof => Ok(self.type_of(b)),
            Op::ToNumber => self.to_number(b).map(Local::number),
            Op::ToNumeric => self.to_numeric(b),
            Op::ToPropertyKey => {
                let key = self.to_property_key(b)?;
                match key {
                    Key::Index(index) if index <= i32::MAX as u32 && b.is_number() => Ok(b),
                    key => self.key_value(key),
                }
            }
            Op::ToString => self.to_string(b),
            Op::ToObject => self.to_object(b),
            Op::Concat => self.concat_registers(fp, word.b(), word.c()),
            Op::Equal => self.is_loosely_equal(b, c).map(Local::bool),
            Op::NotEqual => self.is_loosely_equal(b, c).map(|equal| Local::bool(!equal)),
            Op::Less => self.compare(Op::Less, b, c).map(Local::bool),
            Op::LessEqual => self.compare(Op::LessEqual, b, c).map(Local::bool),
            Op::Greater => self.compare(Op::Greater, b, c).map(Local::bool),
            Op::GreaterEqual => self.compare(Op::GreaterEqual, b, c).map(Local::bool),
            _ => self.slow_creation(fp, word),
        }
    }

    /// A register, if it is one of the frame: operands may be other numbers.
    fn register_or(&self, fp: usize, nth: u16) -> Local<'s> {
        if fp + usize::from(nth) < self.frame().top { self.register(fp, nth) } else { Local::UNDEFINED }
    }

    /// Those that make something, and the rest.
    fn slow_creation(&mut self, fp: usize, word: Instruction) -> Completion<Local<'s>> {
        let (b, c) = (self.register_or(fp, word.b()), self.register_or(fp, word.c()));
        if let Some((operator, is_int)) = Arithmetic::of(word.op()) {
            let right = if is_int { Local::int(i32::from(word.signed_c())) } else { c };
            return self.arithmetic(operator, b, right);
        }
        match word.op() {
            Op::NewObject => self.new_object(),
            Op::NewObjectOf => self.new_object_of(fp, word.b(), u32::from(word.c())),
            Op::NewArray => {
                let array = self.new_array(0)?;
                self.reserve_elements(array, word.bc().min(1 << 12))?;
                Ok(array)
            }
            Op::NewArrayOf => self.new_array_of(fp, word.b(), word.c()),
            Op::ObjectRest => self.object_rest(b, c),
            Op::RegExp => self.regexp_literal(word.bc()),
            Op::TemplateObject => self.template_object(word.bc()),
            Op::Closure => self.closure_of(word.bc()),
            Op::IteratorStep => self.step_iterator(fp, word.b()),
            Op::IteratorRest => self.iterator_rest(fp, word.b()),
            Op::ForInPrepare => self.for_in_prepare(b),
            Op::ForInNext => self.for_in_next(b),
            Op::DisposeNew => self.new_array(0),
            Op::LoadImport => self.load_import(word.b()),
            Op::ImportMeta => self.import_meta(),
            Op::ImportCall => self.import_call(b, c),
            _ => Ok(Local::UNDEFINED),
        }
    }

    /// Instructions without an output, or with several.
    pub(super) fn slow_effect(&mut self, fp: usize, word: Instruction) -> Completion<()> {
        let (a, b, c) = (self.register_or(fp, word.a()), self.register_or(fp, word.b()), self.register_or(fp, word.c()));
        match word.op() {
            Op::CheckInit => {
                let name = self.constant(word.bc())?;
                let text = self.rust_text(name)?;
                Err(self.not_initialized(&text))
            }
            Op::CheckUninit => Err(self.reference_error("Super constructor may only be called once")),
            Op::PushEnv => self.push_environment(ScopeId(word.bc())),
            Op::PushWith => self.push_with(a, ScopeId(word.bc())),
            Op::CopyEnv => self.copy_environment(),
            Op::StoreGlobal => {
                let name = self.site_name(word.b());
                self.set_global(a, name, self.site_is_strict(word.b()))
            }
            Op::InitGlobal => {
                let name = self.site_name(word.b());
                self.init_global(a, name);
                Ok(())
            }
            Op::DeclareGlobals => self.declare_globals(),
            Op::DeclareEval => self.declare_eval(),
            Op::StoreBlockFunction => {
                let name = self.site_name(word.b());
                self.store_block_function(a, name)
            }
            Op::LoadNameCall => {
                let name = self.site_name(word.b());
                let (value, this) = self.load_name_call(name, self.site_is_strict(word.b()))?;
                self.write_register(fp, word.a(), value);
                self.write_register(fp, word.a() + 1, this);
                Ok(())
            }
            Op::StoreResolved => {
                let name = self.site_name(word.c());
                self.store_resolved(a, b, name, self.site_is_strict(word.c()))
            }
            Op::InitName => {
                let name = self.site_name(word.b());
                self.init_name(a, name)
            }
            Op::SetNamed => {
                let name = self.site_name(word.c());
                self.put_value(a, Key::Name(name), b, self.site_is_strict(word.c()))
            }
            Op::SetKeyed => self.set_keyed(a, b, c, false),
            Op::SetKeyedStrict => self.set_keyed(a, b, c, true),
            Op::SetNamedThis => {
                let name = self.site_name(word.c());
                let this = self.register(fp, word.a() + 1);
                self.set_super(a, Key::Name(name), b, this, self.site_is_strict(word.c()))
            }
            Op::SetKeyedThis | Op::SetKeyedThisStrict => {
                let this = self.register(fp, word.a() + 1);
                let key = self.to_property_key(b)?;
                self.set_super(a, key, c, this, word.op() == Op::SetKeyedThisStrict)
            }
            Op::SetPrivate => self.private_set(a, b, c),
            Op::DefinePrivateField => self.private_field_add(a, b, c),
            Op::DefinePrivateMethod => self.private_method_add(a, b, c),
            Op::DefinePrivateGetter => self.private_accessor_add(a, b, c, true),
            Op::DefinePrivateSetter => self.private_accessor_add(a, b, c, false),
            Op::InitInstance => self.init_instance(a, b),
            _ => self.slow_definition(fp, word),
        }
    }

    /// Those that define, and the rest.
    fn slow_definition(&mut self, fp: usize, word: Instruction) -> Completion<()> {
        let (a, b, c) = (self.register_or(fp, word.a()), self.register_or(fp, word.b()), self.register_or(fp, word.c()));
        match word.op() {
            Op::CheckCoercible => {
                let text = self.display(a);
                Err(self.type_error(&format!("Cannot destructure '{text}' as it is undefined or null.")))
            }
            Op::CheckObject => {
                let text = self.display(a);
                Err(self.type_error(&format!("Iterator result {text} is not an object")))
            }
            Op::ArrayPush => self.array_push(a, b),
            Op::ArrayPushHole => {
                let length = self.array_length(a);
                self.set_array_length(a, length + 1);
                Ok(())
            }
            Op::ArraySpread => self.array_spread(a, b),
            Op::DefineNamed => {
                let name = self.site_name(word.c());
                self.create_data_property_or_throw(a, Key::Name(name), b)
            }
            Op::DefineKeyed => {
                let key = self.to_property_key(b)?;
                self.create_data_property_or_throw(a, key, c)
            }
            Op::DefineMethod => self.define_method(a, b, c),
            Op::DefineGetter => self.define_accessor(a, b, c, true, true),
            Op::DefineSetter => self.define_accessor(a, b, c, false, true),
            Op::DefineClassGetter => self.define_accessor(a, b, c, true, false),
            Op::DefineClassSetter => self.define_accessor(a, b, c, false, false),
            Op::SetPrototype => {
                if b.is_object() || b.is_null() {
                    self.set_prototype_of(a, b)?;
                }
                Ok(())
            }
            Op::ObjectSpread => self.copy_data_properties(a, b, &[]),
            Op::SetHome => {
                self.set_field(a, crate::js::function::CLOSURE_HOME, b);
                Ok(())
            }
            Op::SetName => self.set_name(a, b, word.c()),
            Op::Class => self.define_class(fp, word.a(), word.bc(), None),
            Op::ClassDerived => self.define_class(fp, word.a(), word.bc(), Some(a)),
            Op::SetInitializer => {
                self.set_field(a, crate::js::function::CLOSURE_FIELDS, b);
                Ok(())
            }
            Op::GetIterator => self.open_iterator(fp, word.a(), b, false),
            Op::GetAsyncIterator => self.open_iterator(fp, word.a(), b, true),
            Op::IteratorClose | Op::IteratorCloseThrow if self.register(fp, word.a() + 2).as_bool() == Some(true) => Ok(()),
            Op::IteratorClose => self.iterator_close(a),
            Op::IteratorCloseThrow => self.close_dropping(a),
            Op::ThrowError => Err(self.numbered_error(word.bc())),
            Op::ThrowConstAssign => Err(self.type_error("Assignment to constant variable.")),
            Op::DisposeAdd => self.dispose_add(a, b, word.c() == 1),
            Op::DisposeNext => self.dispose_next(fp, word.a(), b),
            Op::Suppress => self.suppress(fp, word.a(), word.b(), c),
            _ => Ok(()),
        }
    }

    pub(super) fn write_register(&mut self, fp: usize, nth: u16, value: Local<'_>) {
        let value = self.value(value);
        self.agent.roots.stack[fp + usize::from(nth)] = value.bits();
    }

    fn coerce_this(&mut self, fp: usize) -> Completion<Local<'s>> {
        let this = self.register(fp, 1);
        if this.is_nullish() { Ok(self.intrinsic(Intrinsic::GlobalThis)) } else { self.to_object(this) }
    }

    /// The string of typeof (§13.5.3).
    pub fn type_of(&self, value: Local<'_>) -> Local<'s> {
        let name = match value {
            _ if value.is_undefined() => Name::undefined,
            _ if value.is_number() => Name::number,
            _ if value.is_string() => Name::string,
            _ if value.is_bool() => Name::boolean,
            _ if value.is_symbol() => Name::symbol,
            _ if value.is_bigint() => Name::bigint,
            _ if self.is_callable(value) => Name::function,
            _ => Name::object,
        };
        name.local()
    }
}
