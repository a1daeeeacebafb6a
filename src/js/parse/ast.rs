//! The syntax tree, compact, resolved, `Send + Sync`, without lifetimes. What scope analysis found is in [`super::scope`].
//!
//! # Reading guide for a generator
//!
//! * The script's functions are in one table ([`ParsedScript::functions`]); an expression that makes a closure is
//!   [`Expression::Function`] with its id. A function's own code is in [`FunctionInfo`], never nested in its parent's tree.
//! * Every use of a name is a [`Name`], resolved. `var x = 1` is an assignment through the name's resolution (it may be
//!   dynamic, in a `with`); `let`, `const`,
//!   `class`, parameters and catch parameters *initialise* their variable.
//! * Parentheses are gone. Where they mattered, the tree says so: [`Expression::OptionalChain`] ends where the chain ends,
//!   [`Assign::named`] says whether an anonymous function takes the target's name.
//! * `this`, `new.target` and `super` carry the resolution of their pseudo-variable, see [`super::scope`].
//! * A scope is entered where a node has its id. `None`, or a scope without an Environment and variables, needs nothing.
//! * Positions are offsets in code units into the source text, where an error of that node points to.
//! * Code in statement lists runs in order; function declarations are not in them (they are instantiated through
//!   [`Scope::functions`] / `Declarations`) but for [`Statement::BlockFunction`], B.3.2's copy to the var.
//! * Completion values: scripts and eval code (function 0) have one; statements keep the specification's shape for it.

pub use super::scope::{
    Body, Declarations, Disposal, EvalContext, FunctionId, FunctionInfo, FunctionKind, Goal, ParsedScript, Place, Resolution,
    Scope, ScopeId, ScopeKind, Variable, VariableKind,
};
pub use super::strings::{StringId, StringTable, Text};

/// A resolved use of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: StringId,
    /// Where it stands.
    pub position: u32,
    /// Where it leads.
    pub resolution: Resolution,
    /// Whether it may run while the variable is uninitialized (`Local` and `Environment` only; the others check always).
    pub check: bool,
}

/// An expression.
#[derive(Debug)]
pub enum Expression {
    /// `undefined` that needs no lookup (`this` at a module's top level).
    Undefined,
    /// `null`.
    Null,
    /// `true`, `false`.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// A string.
    String(StringId),
    /// A BigInt: its decimal digits.
    BigInt(StringId),
    /// A regular expression; valid.
    RegExp(RegExp),
    /// An untagged template: `strings` has one more entry than `expressions`.
    Template {
        /// Cooked strings.
        strings: Box<[StringId]>,
        /// Substitutions.
        expressions: Box<[Expression]>,
    },
    /// A tagged template.
    TaggedTemplate(Box<TaggedTemplate>),
    /// A variable.
    Name(Name),
    /// `this`; `Resolution::Global` is the realm's global `this`. `check` is set in derived constructors.
    This(Name),
    /// `new.target`.
    NewTarget(Name),
    /// `import.meta`.
    ImportMeta,
    /// `[…]`.
    Array(Box<[Element]>),
    /// `{…}`.
    Object(Box<[Property]>),
    /// A function or arrow.
    Function(FunctionId),
    /// A class.
    Class(Box<Class>),
    /// A unary operator but for `delete` and `typeof` of names, which are the same node: look at the operand.
    Unary {
        /// The operator.
        operator: UnaryOperator,
        /// Its operand.
        operand: Box<Expression>,
        /// Where.
        position: u32,
    },
    /// `++`, `--`.
    Update {
        /// `++`, not `--`.
        increment: bool,
        /// Before the operand.
        prefix: bool,
        /// A name or a member.
        target: Box<Target>,
        /// Where.
        position: u32,
    },
    /// A binary operator.
    Binary {
        /// The operator.
        operator: BinaryOperator,
        /// Left.
        left: Box<Expression>,
        /// Right.
        right: Box<Expression>,
        /// Where.
        position: u32,
    },
    /// `#x in object`.
    PrivateIn {
        /// The private name.
        name: Name,
        /// The object.
        object: Box<Expression>,
        /// Where.
        position: u32,
    },
    /// `&&`, `||`, `??`.
    Logical {
        /// The operator.
        operator: LogicalOperator,
        /// Left.
        left: Box<Expression>,
        /// Right.
        right: Box<Expression>,
    },
    /// `a ? b : c`.
    Conditional {
        /// The test.
        test: Box<Expression>,
        /// If true.
        consequent: Box<Expression>,
        /// If not.
        alternate: Box<Expression>,
    },
    /// An assignment.
    Assign(Box<Assign>),
    /// `a, b`: at least two.
    Sequence(Box<[Expression]>),
    /// Property access of every kind.
    Member(Box<Member>),
    /// `a?.b.c`: the whole chain; the links with [`Member::optional`] / [`Call::optional`] inside it jump to its end with
    /// undefined.
    /// Nested chains (in parentheses, in arguments) are nodes of their own.
    OptionalChain(Box<Expression>),
    /// A call, direct evals included.
    Call(Box<Call>),
    /// `new C(…)`.
    New(Box<New>),
    /// `super(…)`.
    SuperCall(Box<SuperCall>),
    /// `yield`, `yield x`.
    Yield {
        /// What is yielded.
        argument: Option<Box<Expression>>,
        /// Where.
        position: u32,
    },
    /// `yield* x`.
    YieldDelegate {
        /// The iterable.
        argument: Box<Expression>,
        /// Where.
        position: u32,
    },
    /// `await x`.
    Await {
        /// What is awaited.
        argument: Box<Expression>,
        /// Where.
        position: u32,
    },
    /// `import(specifier, options)`.
    Import {
        /// The specifier.
        specifier: Box<Expression>,
        /// The options.
        options: Option<Box<Expression>>,
        /// Where.
        position: u32,
    },
}

/// A regular expression literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegExp {
    /// The pattern, as written.
    pub pattern: StringId,
    /// The flags, as written.
    pub flags: StringId,
    /// Where.
    pub position: u32,
}

/// A tagged template.
#[derive(Debug)]
pub struct TaggedTemplate {
    /// The tag; a member's object is its `this`.
    pub tag: Expression,
    /// The template object's cooked strings (undefined for a bad escape) and raw strings.
    pub strings: Box<[(Option<StringId>, StringId)]>,
    /// Substitutions.
    pub expressions: Box<[Expression]>,
    /// Where the template is: its identity, for GetTemplateObject.
    pub position: u32,
}

/// An element of an array literal or an argument.
#[derive(Debug)]
pub enum Element {
    /// A value.
    Value(Expression),
    /// `...x`.
    Spread(Expression, u32),
    /// An elision (array literals only).
    Hole,
}

/// A property's name.
#[derive(Debug)]
pub enum PropertyKey {
    /// A name or a string that is no canonical array index.
    Named(StringId),
    /// A number (or a string that is a canonical array index).
    Number(f64),
    /// `[x]`.
    Computed(Box<Expression>),
    /// `#x`, in classes.
    Private(Name),
}

/// A property of an object literal.
#[derive(Debug)]
pub enum Property {
    /// `key: value`, and shorthands.
    Value {
        /// The key.
        key: PropertyKey,
        /// The value.
        value: Expression,
    },
    /// `__proto__: value`: sets the prototype.
    Prototype(Expression),
    /// A method, of any kind.
    Method {
        /// The key.
        key: PropertyKey,
        /// The function.
        function: FunctionId,
    },
    /// A getter.
    Getter {
        /// The key.
        key: PropertyKey,
        /// The function.
        function: FunctionId,
    },
    /// A setter.
    Setter {
        /// The key.
        key: PropertyKey,
        /// The function.
        function: FunctionId,
    },
    /// `...x`.
    Spread(Expression, u32),
}

/// Property access.
#[derive(Debug)]
pub struct Member {
    /// Of what.
    pub object: MemberObject,
    /// Which; `Number` only for literal array indices, `Private` for `#x`.
    pub key: PropertyKey,
    /// `?.`
    pub optional: bool,
    /// Where the property's name is.
    pub position: u32,
}

/// Whose property.
#[derive(Debug)]
pub enum MemberObject {
    /// A value's.
    Value(Expression),
    /// `super.x`: the active function's home object's prototype's, with this `this`.
    Super {
        /// `%function`.
        function: Name,
        /// `this`.
        this: Name,
    },
}

/// A call.
#[derive(Debug)]
pub struct Call {
    /// What is called; a member's object is `this`, and so is a `with` object for a dynamic name. May be an
    /// [`Expression::OptionalChain`] whose last
    /// link is a member (`(a?.b)()`): then too its object is `this`.
    pub callee: Expression,
    /// Arguments; no holes.
    pub arguments: Box<[Element]>,
    /// `?.(`
    pub optional: bool,
    /// If this may be a direct eval (the callee is the name `eval`): the scope in which it stands.
    pub eval_scope: Option<ScopeId>,
    /// Where the callee's last name is.
    pub position: u32,
}

/// `new`.
#[derive(Debug)]
pub struct New {
    /// The constructor.
    pub callee: Expression,
    /// Arguments; no holes.
    pub arguments: Box<[Element]>,
    /// Where.
    pub position: u32,
}

/// `super(…)`. Afterwards `this` is initialised (an error if it was), then the active function's instance elements are added.
#[derive(Debug)]
pub struct SuperCall {
    /// Arguments; no holes.
    pub arguments: Box<[Element]>,
    /// `%function`.
    pub function: Name,
    /// `new.target`.
    pub new_target: Name,
    /// `this`.
    pub this: Name,
    /// Where.
    pub position: u32,
}

/// An assignment.
#[derive(Debug)]
pub struct Assign {
    /// How.
    pub operator: AssignOperator,
    /// To what; patterns only with `=`.
    pub target: Target,
    /// The right-hand side.
    pub value: Expression,
    /// The target is a name without parentheses: an anonymous function on the right takes its name (`=`, `&&=`, `||=`, `??=`).
    pub named: bool,
    /// Where.
    pub position: u32,
}

/// `=` or an operator with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AssignOperator {
    /// `=`
    Plain,
    /// `+=` and so on.
    Binary(BinaryOperator),
    /// `&&=`, `||=`, `??=`
    Logical(LogicalOperator),
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum UnaryOperator {
    Minus,
    Plus,
    Not,
    BitwiseNot,
    Typeof,
    Void,
    Delete,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BinaryOperator {
    Equal,
    NotEqual,
    StrictEqual,
    StrictNotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Exponent,
    ShiftLeft,
    ShiftRight,
    ShiftRightUnsigned,
    BitwiseOr,
    BitwiseXor,
    BitwiseAnd,
    In,
    Instanceof,
}

/// Logical operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum LogicalOperator {
    And,
    Or,
    Coalesce,
}

/// What is bound or assigned to.
#[derive(Debug)]
pub enum Target {
    /// A variable.
    Name(Name),
    /// A property; in assignments only.
    Member(Box<Member>),
    /// `[…]`.
    Array(Box<ArrayPattern>),
    /// `{…}`.
    Object(Box<ObjectPattern>),
    /// A call: evaluated, then a ReferenceError (sloppy code only, for the web).
    Call(Box<Expression>, u32),
}

/// An array pattern.
#[derive(Debug)]
pub struct ArrayPattern {
    /// Elements; `None` is an elision.
    pub elements: Box<[Option<PatternElement>]>,
    /// `...target`.
    pub rest: Option<Target>,
    /// Where.
    pub position: u32,
}

/// An object pattern.
#[derive(Debug)]
pub struct ObjectPattern {
    /// Properties.
    pub properties: Box<[PatternProperty]>,
    /// `...target`.
    pub rest: Option<Target>,
    /// Where.
    pub position: u32,
}

/// An element of a pattern.
#[derive(Debug)]
pub struct PatternElement {
    /// What gets the value.
    pub target: Target,
    /// What it gets instead of undefined; an anonymous function takes the name of a [`Target::Name`] if `named`.
    pub default: Option<Expression>,
    /// The target is a name without parentheses.
    pub named: bool,
}

/// A property of a pattern.
#[derive(Debug)]
pub struct PatternProperty {
    /// Which.
    pub key: PropertyKey,
    /// To what.
    pub element: PatternElement,
    /// Where the key is.
    pub position: u32,
}

/// A formal parameter: the i-th arrives in register 2 + i.
pub type Parameter = PatternElement;

/// A class.
#[derive(Debug)]
pub struct Class {
    /// Its own name.
    pub name: Option<StringId>,
    /// Its scope, around the heritage, the keys and all functions.
    pub scope: ScopeId,
    /// Index in the scope of the inner name, to be initialised before static elements run.
    pub inner_name: Option<u32>,
    /// `extends`.
    pub heritage: Option<Expression>,
    /// Its constructor, written or not.
    pub constructor: FunctionId,
    /// All elements with keys to evaluate and methods to define, in order.
    pub elements: Box<[ClassElement]>,
    /// Adds private methods and fields to an instance.
    pub instance_initializer: Option<FunctionId>,
    /// Runs static fields and blocks.
    pub static_initializer: Option<FunctionId>,
    /// Private names that the class declares: indices in the scope; a new private-name symbol each.
    pub private_names: Box<[u32]>,
    /// Where.
    pub position: u32,
}

/// An element of a class, at its definition.
#[derive(Debug)]
pub enum ClassElement {
    /// A method, getter or setter.
    Method {
        /// On the constructor, not on the prototype.
        is_static: bool,
        /// Method, getter or setter.
        kind: MethodKind,
        /// The key. A private static one is added to the constructor (after all elements' keys were evaluated, before static
        /// fields).
        key: PropertyKey,
        /// The function.
        function: FunctionId,
        /// For a private instance method: the name of the class scope's variable where its closure goes, for the instance
        /// initialiser.
        store: Option<Name>,
    },
    /// A field with a computed key: the key is evaluated, made a property key and stored for the initialiser.
    ComputedField {
        /// The key.
        key: Expression,
        /// The class scope's variable where it goes.
        store: Name,
    },
}

/// Which kind of method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum MethodKind {
    Method,
    Getter,
    Setter,
}

/// What an initialiser function does, in order; `this` is the instance or the class.
#[derive(Debug)]
pub enum Field {
    /// Defines a property; without a value undefined. An anonymous function takes the key as its name.
    Define {
        /// The key; [`PropertyKey::Private`] adds a private field. A computed one is here an [`Expression::Name`] of the
        /// stored key, already a property
        /// key.
        key: PropertyKey,
        /// The value.
        value: Option<Expression>,
        /// Where.
        position: u32,
    },
    /// Adds a private method or accessor to the instance.
    PrivateMethod {
        /// The private name.
        name: Name,
        /// Which kind.
        kind: MethodKind,
        /// The class scope's variable with the closure.
        method: Name,
    },
    /// A static block.
    StaticBlock {
        /// Its scope: [`ScopeKind::StaticBlock`].
        scope: ScopeId,
        /// Its statements.
        body: Box<[Statement]>,
    },
}

/// A statement.
#[derive(Debug)]
pub enum Statement {
    /// `;`
    Empty,
    /// `debugger;`
    Debugger,
    /// An expression.
    Expression(Expression),
    /// `var`, `let`, `const`, `using`, `await using`.
    Declaration(Declaration),
    /// A class declaration: initialises the name.
    Class {
        /// The variable of the scope around.
        name: Name,
        /// The class.
        class: Box<Class>,
    },
    /// `export default` of an expression or of an anonymous class: initialises the variable `*default*`; an anonymous
    /// function is named "default".
    ExportDefault {
        /// The variable `*default*`.
        name: Name,
        /// Its value.
        value: Expression,
    },
    /// Where a function declaration in a block stood, of a name that is a var too (B.3.2): copies the block's variable to the
    /// var.
    BlockFunction {
        /// The block's variable.
        block: Name,
        /// The var; looked up from the function's var scope, not through the blocks between. `Dynamic` here means the var
        /// scope of the caller of the eval
        /// code; `Global` and `Dynamic` do nothing if the var was not made for the reasons in B.3.2.2 and B.3.2.3.
        var: Name,
    },
    /// `{…}`.
    Block {
        /// Its scope, if it declares anything.
        scope: Option<ScopeId>,
        /// Its statements.
        body: Box<[Statement]>,
    },
    /// `if`.
    If {
        /// The test.
        test: Expression,
        /// If true.
        consequent: Box<Statement>,
        /// If not.
        alternate: Option<Box<Statement>>,
    },
    /// `for (;;)`.
    For(Box<For>),
    /// `for-in`, `for-of`, `for await`.
    ForEach(Box<ForEach>),
    /// `while`.
    While {
        /// The test.
        test: Expression,
        /// The body.
        body: Box<Statement>,
    },
    /// `do … while`.
    DoWhile {
        /// The body.
        body: Box<Statement>,
        /// The test.
        test: Expression,
    },
    /// `continue`.
    Continue(Option<StringId>),
    /// `break`.
    Break(Option<StringId>),
    /// `return`.
    Return(Option<Expression>),
    /// `with`.
    With {
        /// The object.
        object: Expression,
        /// The scope of the object: [`ScopeKind::With`].
        scope: ScopeId,
        /// The body.
        body: Box<Statement>,
        /// Where.
        position: u32,
    },
    /// `switch`.
    Switch(Box<Switch>),
    /// A labelled statement, all labels of it (`a: b: …`); `continue` to any of them is to the loop that follows.
    Labelled {
        /// The labels.
        labels: Box<[StringId]>,
        /// The statement.
        body: Box<Statement>,
    },
    /// `throw`.
    Throw {
        /// What.
        value: Expression,
        /// Where.
        position: u32,
    },
    /// `try`.
    Try(Box<Try>),
}

/// What a declaration declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum DeclarationKind {
    Var,
    Let,
    Const,
    Using,
    AwaitUsing,
}

/// A declaration.
#[derive(Debug)]
pub struct Declaration {
    /// What kind.
    pub kind: DeclarationKind,
    /// Its declarators.
    pub declarators: Box<[Declarator]>,
}

/// One declarator. Without a value, `var` does nothing and `let` initialises with undefined.
#[derive(Debug)]
pub struct Declarator {
    /// The name or pattern.
    pub target: Target,
    /// The value; an anonymous function takes the name.
    pub value: Option<Expression>,
    /// Where.
    pub position: u32,
}

/// `for (;;)`.
#[derive(Debug)]
pub struct For {
    /// The scope of a lexical declaration in the head: a copy of the Environment per iteration if it is `let` and has one.
    pub scope: Option<ScopeId>,
    /// The first part.
    pub init: Option<ForInit>,
    /// The second.
    pub test: Option<Expression>,
    /// The third.
    pub update: Option<Expression>,
    /// The body.
    pub body: Statement,
}

/// The first part of a `for`.
#[derive(Debug)]
pub enum ForInit {
    /// An expression.
    Expression(Expression),
    /// A declaration.
    Declaration(Declaration),
}

/// `for-in`, `for-of`, `for await`.
#[derive(Debug)]
pub struct ForEach {
    /// Which.
    pub kind: ForEachKind,
    /// The scope in which the right-hand side is evaluated ([`ScopeKind::ForHead`]), of a lexical declaration.
    pub head_scope: Option<ScopeId>,
    /// The scope of the declaration, a new one per iteration.
    pub scope: Option<ScopeId>,
    /// What gets each value.
    pub head: ForEachHead,
    /// The iterated.
    pub right: Expression,
    /// The body.
    pub body: Statement,
    /// Where the right-hand side is.
    pub position: u32,
}

/// Which loop over values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ForEachKind {
    In,
    Of,
    AwaitOf,
}

/// What gets each value of a loop.
#[derive(Debug)]
pub enum ForEachHead {
    /// An assignment target.
    Target(Target),
    /// A declaration.
    Declaration {
        /// What kind.
        kind: DeclarationKind,
        /// The name or pattern.
        target: Target,
        /// `for (var x = 1 in y)`, B.3.5: evaluated and assigned before the loop.
        initializer: Option<Expression>,
    },
}

/// `switch`.
#[derive(Debug)]
pub struct Switch {
    /// What is compared.
    pub discriminant: Expression,
    /// The scope of the cases' declarations, if any; the discriminant is outside.
    pub scope: Option<ScopeId>,
    /// The cases.
    pub cases: Box<[Case]>,
}

/// A case; the default one has no test.
#[derive(Debug)]
pub struct Case {
    /// The test.
    pub test: Option<Expression>,
    /// The statements.
    pub body: Box<[Statement]>,
}

/// `try`.
#[derive(Debug)]
pub struct Try {
    /// The block: [`Statement::Block`].
    pub block: Statement,
    /// `catch`.
    pub handler: Option<Catch>,
    /// `finally`: [`Statement::Block`].
    pub finalizer: Option<Statement>,
}

/// `catch`.
#[derive(Debug)]
pub struct Catch {
    /// The scope of the parameter.
    pub scope: Option<ScopeId>,
    /// The parameter.
    pub parameter: Option<Target>,
    /// The block.
    pub body: Statement,
}

/// A module's imports and exports, as of ParseModule.
#[derive(Debug, Default)]
pub struct ModuleInfo {
    /// [[RequestedModules]], in order, each once.
    pub requests: Box<[ModuleRequest]>,
    /// [[ImportEntries]]; [`Resolution::Import`] is an index here.
    pub imports: Box<[ImportEntry]>,
    /// [[LocalExportEntries]].
    pub local_exports: Box<[LocalExport]>,
    /// [[IndirectExportEntries]]: exports of other modules' bindings, also through an import (`import {a} from "m"; export
    /// {a}`).
    pub indirect_exports: Box<[IndirectExport]>,
    /// [[StarExportEntries]]: indices of the requests.
    pub star_exports: Box<[u32]>,
    /// [[HasTLA]].
    pub has_top_level_await: bool,
}

/// A ModuleRequest record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleRequest {
    /// The specifier.
    pub specifier: StringId,
    /// Import attributes, sorted by key.
    pub attributes: Box<[(StringId, StringId)]>,
    /// Where.
    pub position: u32,
}

/// An ImportEntry record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportEntry {
    /// Index in the requests.
    pub request: u32,
    /// The name exported there; `None` for the namespace object.
    pub import_name: Option<StringId>,
    /// The local name.
    pub local_name: StringId,
    /// Where.
    pub position: u32,
}

/// A local ExportEntry record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalExport {
    /// The name for others.
    pub export_name: StringId,
    /// The variable of the module's scope.
    pub variable: u32,
    /// Its name.
    pub local_name: StringId,
}

/// An indirect ExportEntry record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndirectExport {
    /// The name for others.
    pub export_name: StringId,
    /// Index in the requests.
    pub request: u32,
    /// The name exported there; `None` for all of it as a namespace object (`export * as x from`).
    pub import_name: Option<StringId>,
    /// Where.
    pub position: u32,
}
