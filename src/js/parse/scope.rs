//! What scope analysis found: scopes, variables, functions, and where each name leads.
//!
//! # Environments
//!
//! A [`Scope`] has an Environment at run time exactly when [`Scope::environment`] is true; the generator pushes it when
//! control enters
//! the scope and pops it when control leaves. The number of hops to a scope is the number of scopes with an Environment on
//! the way up
//! `parent`, from the scope where the reference stands (exclusive of the target, inclusive of its own if it has one), across
//! functions: a closure captures the Environment that is current where it is created, and a function's outermost scope has
//! the scope in which the
//! function stands as its parent.
//!
//! # Pseudo-variables
//!
//! Arrow functions, direct evals and field initialisers see `this`, `new.target` and the active function (for `super`) of the
//! nearest
//! function around them that is not an arrow. These are ordinary entries in the variables of that function's
//! [`ScopeKind::Function`] scope, by
//! the names `this`, `new.target` and `%function`, which no program can declare; they exist only where something uses them, are
//! captured like any variable, and [`FunctionInfo`] says their indices. Not captured, they are `Place::Register`: the generator
//! may let them be r1 and r0 themselves. `arguments` is one of them but for its name, which eval code may shadow.
//!
//! A private name `#x` is a variable named `#x` (with the sign) in its class's [`ScopeKind::Class`] scope; it holds the
//! private-name symbol, made at
//! the evaluation of the class. Computed keys of fields and the closures of private instance methods are variables there as
//! well
//! (kind [`VariableKind::Internal`]).
//!
//! At run time, a lookup by name ([`Resolution::Dynamic`]) of a name that begins with `#` or `%`, of `this` and of
//! `new.target` skips objects of `with`
//! and variables made by evals.

use super::ast::Statement;
use super::ast::{Expression, Field, ModuleInfo, Parameter};
use super::strings::{StringId, StringTable};
use crate::base::sync::Arc;
use crate::js::source::SourceText;

/// A scope, by its place in [`ParsedScript::scopes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub u32);

/// A function, by its place in [`ParsedScript::functions`]; function 0 is the script's, module's or eval code's own top level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

/// Where a name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A variable of this function that nothing captures: the generator gives it a register.
    Local {
        /// Its scope.
        scope: ScopeId,
        /// Its index in the scope's variables.
        variable: u32,
    },
    /// A variable in the Environment of a scope of this function or of one around it; the slot is in its [`Place`].
    Environment {
        /// Its scope.
        scope: ScopeId,
        /// Its index in the scope's variables.
        variable: u32,
    },
    /// Not found in any scope of the program: the global lexical table, then the global object. For `this`: the realm's
    /// global `this`.
    Global,
    /// Must be looked up by name at run time, beginning at the current Environment, through layouts, `with` objects and
    /// variables of evals, then as
    /// `Global`. Every variable that it may lead to is in an Environment.
    Dynamic,
    /// An import of this module, by its index in [`ModuleInfo::imports`].
    Import(u32),
}

/// What kind of thing declared a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VariableKind {
    /// `var`; begins as undefined (or, in a [`ScopeKind::Body`] scope, see [`FunctionInfo::parameter_copies`]).
    Var,
    /// `let`; begins uninitialized.
    Let,
    /// `const`; begins uninitialized.
    Const,
    /// `using` and `await using`; like `const`.
    Using,
    /// A class declaration's binding in the scope around it; like `let`.
    Class,
    /// A function declaration: in a block (lexical, initialised at entry through [`Scope::functions`]) or at a function's top
    /// level (var-like).
    Function,
    /// A formal parameter; begins uninitialized only if [`FunctionInfo::has_parameter_expressions`].
    Parameter,
    /// The `arguments` object of a function.
    Arguments,
    /// The parameter of a `catch`.
    CatchParameter,
    /// The name of a function expression inside itself: assignment throws in strict code, otherwise does nothing.
    FunctionName,
    /// The name of a class inside itself: like `const`.
    ClassName,
    /// An import binding of a module: immutable.
    Import,
    /// `this`. Begins uninitialized in a derived class's constructor.
    This,
    /// `new.target`.
    NewTarget,
    /// The active function, `%function`.
    ActiveFunction,
    /// A private name.
    PrivateName,
    /// Made by the front end (a computed key, a private method's closure, `*default*` excepted, which is `Const`-like `Let`).
    Internal,
}

impl VariableKind {
    /// Whether it begins uninitialized (its temporal dead zone), parameters apart.
    pub fn has_dead_zone(self) -> bool {
        matches!(self, Self::Let | Self::Const | Self::Using | Self::Class | Self::ClassName)
    }

    /// Whether assignment throws a TypeError.
    pub fn is_constant(self) -> bool {
        matches!(self, Self::Const | Self::Using | Self::ClassName | Self::Import)
    }

    /// Whether a `var` of the same name, hoisted across it by a direct eval, is a SyntaxError.
    pub fn is_lexical(self) -> bool {
        matches!(self, Self::Let | Self::Const | Self::Using | Self::Class | Self::ClassName | Self::Import)
    }
}

/// Where a variable is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Nothing captures it: a register of its function.
    Register,
    /// A slot of its scope's Environment.
    Slot(u32),
    /// The global lexical table (top-level `let`, `const`, `class` of a script).
    Global,
    /// An import, by index in [`ModuleInfo::imports`].
    Import(u32),
}

/// A variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: StringId,
    /// What declared it.
    pub kind: VariableKind,
    /// Where it is kept.
    pub place: Place,
    /// Whether some reference to it may run while it is uninitialized: only then must it be set to Uninitialized at entry.
    pub needs_dead_zone: bool,
}

/// What a scope is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScopeKind {
    /// The top level of a script. Its variables are the top-level lexical ones (`Place::Global`); vars and functions are in
    /// [`ParsedScript::declarations`]. Never has an Environment.
    Script,
    /// The top level of a module: all its variables, imports included. Always has an Environment.
    Module,
    /// The top level of eval code: its lexical variables, and when the code is strict its vars and functions too; otherwise
    /// these are in
    /// [`ParsedScript::declarations`].
    Eval,
    /// The name of a named function expression, around its [`ScopeKind::Function`] scope.
    FunctionName,
    /// A function's parameters and pseudo-variables; and, unless there is a [`ScopeKind::Body`], its vars, functions and
    /// lexical declarations.
    Function,
    /// A function's vars, functions and lexical declarations, apart from its parameters, because these have expressions.
    Body,
    /// A block.
    Block,
    /// The block of a `switch`.
    Switch,
    /// The head of a `for (let …;;)`, `for-in` or `for-of`: one instance per iteration.
    For,
    /// The names of a `for-in`/`for-of` head while its right-hand side is evaluated: all uninitialized, for ever.
    ForHead,
    /// The parameter of a `catch`.
    Catch,
    /// A class: its inner name, private names and internal variables.
    Class,
    /// A class static block: a var scope of its own inside the static initialiser function.
    StaticBlock,
    /// The object of a `with`. Always has an Environment, with the object instead of slots; no variables.
    With,
}

/// Whether a scope has resources to dispose of when control leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Disposal {
    /// No `using` in it.
    #[default]
    None,
    /// `using` only.
    Sync,
    /// At least one `await using`.
    Async,
}

/// A scope.
#[derive(Debug)]
pub struct Scope {
    /// What it is.
    pub kind: ScopeKind,
    /// The scope around it, possibly of the function around it.
    pub parent: Option<ScopeId>,
    /// The function whose code it is in.
    pub function: FunctionId,
    /// Its variables; names are unique.
    pub variables: Box<[Variable]>,
    /// Whether it has an Environment at run time.
    pub environment: bool,
    /// How many slots that has.
    pub slot_count: u32,
    /// Function declarations to instantiate at entry, in this order: the variable's index, the function. (For sloppy eval
    /// code's and scripts' top
    /// level functions see [`ParsedScript::declarations`].)
    pub functions: Box<[(u32, FunctionId)]>,
    /// Whether a sloppy direct eval may add variables here: a function's var scope that has such an eval inside, in its own
    /// code (an arrow has a
    /// var scope of its own). Its Environment exists and can grow by name. If the function has a [`ScopeKind::Body`] besides,
    /// a `Function` scope
    /// is extensible because of evals in parameters: a `var` there of a parameter's or `arguments`' name is a SyntaxError.
    pub extensible: bool,
    /// Whether it has `using` declarations.
    pub disposal: Disposal,
    /// Whether code in it is strict.
    pub strict: bool,
}

impl Scope {
    /// Whether `var` declarations of direct evals inside stop here.
    pub fn is_var_scope(&self) -> bool {
        matches!(
            self.kind,
            ScopeKind::Script | ScopeKind::Module | ScopeKind::Function | ScopeKind::Body | ScopeKind::StaticBlock
        ) || (self.kind == ScopeKind::Eval && self.strict)
    }

    /// The variable by name.
    pub fn find(&self, name: StringId) -> Option<u32> {
        self.variables.iter().position(|variable| variable.name == name).map(|index| index as u32)
    }
}

/// What a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// Function 0 of a script.
    Script,
    /// Function 0 of a module.
    Module,
    /// Function 0 of eval code.
    Eval,
    /// A function declaration or expression, of any of the four kinds.
    Normal,
    /// An arrow function.
    Arrow,
    /// A method of an object or class.
    Method,
    /// A getter.
    Getter,
    /// A setter.
    Setter,
    /// A class's constructor, without `extends`.
    BaseConstructor,
    /// A class's constructor, with `extends`.
    DerivedConstructor,
    /// Adds private methods and fields to an instance; called with it as `this`.
    FieldInitializer,
    /// Runs static fields and static blocks, in order; called with the class as `this`.
    StaticInitializer,
}

/// What a function's code is.
#[derive(Debug)]
pub enum Body {
    /// Statements.
    Statements(Box<[Statement]>),
    /// A concise arrow body: its value is returned.
    Expression(Box<Expression>),
    /// A class without a written constructor: nothing for a base class, `super(...args)` (without iteration) for a derived one.
    DefaultConstructor,
    /// Field or static initialiser.
    Fields(Box<[Field]>),
}

/// A function, complete but for its code words.
#[derive(Debug)]
pub struct FunctionInfo {
    /// Its own name as written, if any; named evaluation of anonymous ones is the generator's. A class's constructor has the
    /// class's name.
    pub name: Option<StringId>,
    /// What it is.
    pub kind: FunctionKind,
    /// `async`. A module with top-level await has it too.
    pub is_async: bool,
    /// `function*`.
    pub is_generator: bool,
    /// Whether its code is strict.
    pub strict: bool,
    /// ExpectedArgumentCount: the `length` property.
    pub length: u32,
    /// Formal parameters but for a rest one, with patterns and defaults.
    pub parameters: Box<[Parameter]>,
    /// The rest parameter.
    pub rest: Option<Box<super::ast::Target>>,
    /// IsSimpleParameterList: identifiers only, no default, no rest.
    pub simple_parameters: bool,
    /// ContainsExpression of the parameters: then `body_scope` differs from `scope`, and parameters begin uninitialized.
    pub has_parameter_expressions: bool,
    /// Its code.
    pub body: Body,
    /// Its source text, as offsets in code units: for `toString`. A class's constructor has the whole class's.
    pub range: (u32, u32),
    /// The function around it.
    pub parent: Option<FunctionId>,
    /// The scope of its own name ([`ScopeKind::FunctionName`]): the one variable holds the function itself.
    pub name_scope: Option<ScopeId>,
    /// Its outermost scope but for that: `Function`, or `Script`, `Module`, `Eval` for function 0.
    pub scope: ScopeId,
    /// The scope of its vars and top-level lexical declarations: `scope`, or a `Body`.
    pub body_scope: ScopeId,
    /// Variables of `body_scope` that begin with the value of a variable of `scope` of the same name: (body's index, scope's
    /// index).
    pub parameter_copies: Box<[(u32, u32)]>,
    /// Index in `scope` of `this`, if anything uses it, and in every derived class's constructor. `None` in arrows, scripts,
    /// modules and eval code.
    pub this_variable: Option<u32>,
    /// Index in `scope` of `new.target`, likewise.
    pub new_target_variable: Option<u32>,
    /// Index in `scope` of `%function`, likewise.
    pub active_function_variable: Option<u32>,
    /// Index in `scope` of `arguments`, if the function needs an arguments object.
    pub arguments_variable: Option<u32>,
    /// Whether that object's elements and the parameters are the same (sloppy, simple parameters). Parameters are then all in
    /// slots.
    pub mapped_arguments: bool,
    /// For mapped arguments: for each parameter the index in `scope` of its variable; of two with one name only the later has
    /// it.
    pub mapped_parameters: Box<[Option<u32>]>,
    /// Whether it, an arrow in it or a parameter has a direct eval.
    pub has_direct_eval: bool,
    /// Whether it contains `super` properties or calls (or arrows or evals that may): it needs a home object.
    pub uses_super: bool,
    /// Whether it is in a class's field initialiser or static block (for direct evals: `arguments` is forbidden).
    pub in_class_initializer: bool,
    /// Whether it has no closures, evals or anything else that could keep its Environments alive: nothing of it is captured.
    pub is_leaf: bool,
    /// Whether the function is a class's constructor with fields or private methods to add: calls of the initialiser are
    /// needed.
    pub has_instance_elements: bool,
}

impl FunctionInfo {
    /// Whether the function can be a constructor.
    pub fn is_constructor(&self) -> bool {
        match self.kind {
            FunctionKind::BaseConstructor | FunctionKind::DerivedConstructor => true,
            FunctionKind::Normal => !self.is_async && !self.is_generator,
            _ => false,
        }
    }
}

/// What a source text is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// A script.
    Script,
    /// A module.
    Module,
    /// Eval code.
    Eval {
        /// A direct eval.
        direct: bool,
    },
    /// A function made from strings; the script's function 0 is a script whose only statement is the function expression.
    Function,
}

/// GlobalDeclarationInstantiation's and EvalDeclarationInstantiation's data: of scripts and of sloppy eval code.
#[derive(Debug, Default)]
pub struct Declarations {
    /// LexicallyDeclaredNames at top level (scripts; in eval code they are in its scope): name, whether constant.
    pub lexical: Box<[(StringId, bool)]>,
    /// functionsToInitialize, in the order in which they are to be created: name, function.
    pub functions: Box<[(StringId, FunctionId)]>,
    /// declaredVarNames without the functions' names, in order.
    pub vars: Box<[StringId]>,
    /// Names of functions in blocks that get a var binding too if nothing at run time forbids it (B.3.2.2, B.3.2.3).
    pub block_functions: Box<[StringId]>,
}

/// A parsed script, module, eval code or function: all that the generator needs, for any thread.
#[derive(Debug)]
pub struct ParsedScript {
    /// The text it was parsed from.
    pub source: Arc<SourceText>,
    /// What it is.
    pub goal: Goal,
    /// Whether its top level is strict.
    pub strict: bool,
    /// Strings.
    pub strings: StringTable,
    /// Functions; the first is the top level's code.
    pub functions: Box<[FunctionInfo]>,
    /// Scopes.
    pub scopes: Box<[Scope]>,
    /// Declarations to make at run time (empty for modules and strict eval code).
    pub declarations: Declarations,
    /// Imports and exports, of a module.
    pub module: Option<Box<ModuleInfo>>,
    /// For a direct eval: the static context it was parsed in.
    pub context: Option<Box<EvalContext>>,
}

impl ParsedScript {
    /// A function.
    pub fn function(&self, id: FunctionId) -> &FunctionInfo {
        &self.functions[id.0 as usize]
    }

    /// A scope.
    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }
}

/// What a direct eval may know of the code it stands in; made from the scope of its call ([`EvalContext::of`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvalContext {
    /// The calling code is strict.
    pub strict: bool,
    /// There is a function around that is not an arrow: `this` is its (by name), `new.target` is allowed.
    pub in_function: bool,
    /// The code stands in a module's top level, not in a function: `this` is undefined.
    pub in_module: bool,
    /// `super.x` is allowed.
    pub super_property: bool,
    /// `super()` is allowed.
    pub super_call: bool,
    /// `arguments` is forbidden: in a class's field initialiser.
    pub in_class_initializer: bool,
    /// Private names in scope, without `#`.
    pub private_names: Vec<super::strings::Text>,
}
