//! The instructions: one table of operations with their operands and exact meaning, and how they are packed into words.
//!
//! A word has the operation in bits 0..16, and operands A, B and C in 16..32, 32..48 and 48..64. Some operations use B and C together as
//! one 32-bit operand (BC). `A`, `B`, `C` in the table mean the *register* of that number where the operand's kind is a register, else
//! the number itself; `A+1` is the register after A. Offsets count instructions from the one after the jump.
//!
//! # What operations rely on
//!
//! * r0 is the function object, r1 `this` as passed, r2.. the formal parameters ([`super::FunctionCode::parameter_count`]).
//! * The *current Environment* is in the frame. A function starts with its closure's.
//! * A module's function 0 starts with the module's Environment current, made at link time from the layout of its scope as `PushEnv` would.
//! * `Uninitialized` and `Hole` are special words that no program sees.
//! * An operation reads all its inputs before it writes an output: output and input registers may be the same.
//! * An operation that throws writes no output, unless it says so.
//! * [[Construct]] of a base constructor puts the new object into r1, of a derived one Uninitialized. When a base constructor (or a
//!   `Normal` function) that was called by [[Construct]] returns what is not an Object, the result is r1; such code never writes r1 but by `CoerceThis`.
//! * A handler's code runs with the Environment that was current where the exception was thrown: it begins with `RestoreEnv`.

/// What an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// Not used; zero.
    N,
    /// A register that is read.
    R,
    /// A register that is written.
    W,
    /// A register that is read and written.
    M,
    /// The first of several registers that are read, as the table says.
    P,
    /// The first of two registers that are written.
    W2,
    /// The first of three registers of an iterator: iterator, `next`, done flag.
    I,
    /// A number, not signed.
    U,
    /// A number, signed.
    S,
    /// An index of [`super::FunctionCode::sites`].
    Site,
    /// An index of [`super::FunctionCode::constants`].
    K,
    /// A scope of the script.
    Scope,
    /// A jump's offset.
    Offset,
}

impl Operand {
    /// How many registers it names, but for `P`, whose number is the operation's business (at least one).
    pub fn registers(self) -> u16 {
        match self {
            Self::R | Self::W | Self::M | Self::P => 1,
            Self::W2 => 2,
            Self::I => 3,
            _ => 0,
        }
    }
}

/// The operands of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// A, B and C.
    Abc(Operand, Operand, Operand),
    /// A, and B with C as one.
    Abx(Operand, Operand),
}

macro_rules! operands {
    ($a:ident, $b:ident, $c:ident) => {
        Operands::Abc(Operand::$a, Operand::$b, Operand::$c)
    };
    ($a:ident, $bc:ident) => {
        Operands::Abx(Operand::$a, Operand::$bc)
    };
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident [$($operand:ident),+];)+) => {
        /// An operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Op { $($(#[$doc])* $name,)+ }

        impl Op {
            /// All of them, by number.
            pub const ALL: &[Op] = &[$(Op::$name,)+];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();
            const OPERANDS: &[Operands] = &[$(operands!($($operand),+),)+];
            const NAMES: &[&str] = &[$(stringify!($name),)+];
        }
    };
}

impl Op {
    /// By number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its operands.
    pub fn operands(self) -> Operands {
        Self::OPERANDS[self as usize]
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// An instruction.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Instruction(pub u64);

impl std::fmt::Debug for Instruction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} {}", self.op().name(), self.a(), self.b(), self.c())
    }
}

impl Instruction {
    /// With three operands.
    pub fn abc(op: Op, a: u16, b: u16, c: u16) -> Self {
        Self(op as u64 | u64::from(a) << 16 | u64::from(b) << 32 | u64::from(c) << 48)
    }

    /// With A and BC.
    pub fn abx(op: Op, a: u16, bc: u32) -> Self {
        Self(op as u64 | u64::from(a) << 16 | u64::from(bc) << 32)
    }

    /// The operation. A word that the generator did not make is taken for `Nop`.
    pub fn op(self) -> Op {
        Op::from_number(self.0 as u16).unwrap_or(Op::Nop)
    }

    /// Operand A.
    pub fn a(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Operand B.
    pub fn b(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// Operand C.
    pub fn c(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// Operand B, signed.
    pub fn signed_b(self) -> i16 {
        self.b().cast_signed()
    }

    /// Operand C, signed.
    pub fn signed_c(self) -> i16 {
        self.c().cast_signed()
    }

    /// Operands B and C together.
    pub fn bc(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The same, signed.
    pub fn signed_bc(self) -> i32 {
        self.bc().cast_signed()
    }
}

operations! {
    /// Nothing.
    Nop [N, N, N];
    /// A word of data after the operation that says so; never run.
    Extra [U, U];
    /// `A = undefined`.
    LoadUndefined [W, N, N];
    /// `A = null`.
    LoadNull [W, N, N];
    /// `A = true`.
    LoadTrue [W, N, N];
    /// `A = false`.
    LoadFalse [W, N, N];
    /// `A = Uninitialized`.
    LoadUninitialized [W, N, N];
    /// `A =` the signed 32-bit integer BC.
    LoadInt [W, S];
    /// `A =` the constant BC: a `Number`, `String` or `BigInt`.
    LoadConst [W, K];
    /// `A = B`; any word.
    Move [W, R, N];
    /// `A = new.target` of this call: undefined when the function was called by [[Call]].
    NewTarget [W, N, N];
    /// `A = ` the realm's [[GlobalEnv]].[[GlobalThisValue]].
    GlobalThis [W, N, N];
    /// `A =` OrdinaryCallBindThis's thisValue for sloppy code from r1: undefined and null give the global `this`, other primitives
    /// ToObject.
    CoerceThis [W, N, N];
    /// `A =` a new arguments object of this call, from all arguments as passed. B = 0: CreateUnmappedArgumentsObject. B = 1:
    /// CreateMappedArgumentsObject with `FunctionInfo::mapped_parameters`, whose slots are in the current Environment (that of `FunctionInfo::scope`); parameters
    /// beyond the number of arguments passed are not mapped. Runs after parameters were stored there.
    Arguments [W, U, N];
    /// `A =` a new array of the arguments from number B on.
    Rest [W, U, N];

    /// Throws a ReferenceError if A is Uninitialized; the constant BC is the variable's name (`this`: "super() must be called").
    CheckInit [R, K];
    /// Throws a ReferenceError if A is *not* Uninitialized: `super()` was called twice.
    CheckUninit [R, N, N];
    /// Makes an Environment of scope BC inside the current one and makes it current: slots of variables with `needs_dead_zone` are
    /// Uninitialized, the others undefined.
    PushEnv [N, Scope];
    /// Makes an Environment of the `with` scope BC with the binding object A (an Object) and makes it current.
    PushWith [R, Scope];
    /// The parent of the current Environment becomes current, A times.
    PopEnv [U, N, N];
    /// The current Environment is replaced by a copy of it (same parent, same slots): CreatePerIterationEnvironment.
    CopyEnv [N, N, N];
    /// `A =` the current Environment.
    SaveEnv [W, N, N];
    /// The Environment in A becomes current.
    RestoreEnv [R, N, N];
    /// `A =` slot C of the Environment B hops up from the current.
    LoadEnv [W, U, U];
    /// The same; throws a ReferenceError if it is Uninitialized (its name is in the layout).
    LoadEnvChecked [W, U, U];
    /// Slot C of the Environment B hops up becomes A. Also initialises.
    StoreEnv [R, U, U];
    /// The same; throws a ReferenceError if it was Uninitialized.
    StoreEnvChecked [R, U, U];

    /// `A =` the global of site B: of the lexical table (ReferenceError if uninitialized), else a property of the global object
    /// (ReferenceError if there is none).
    LoadGlobal [W, Site, N];
    /// The global of site B becomes A: lexical (ReferenceError if uninitialized, TypeError if constant), else the global object's: if it has no
    /// such property, a ReferenceError in strict code (site flag), else Set(global, name, A, strict).
    StoreGlobal [R, Site, N];
    /// Initialises the lexical global of site B with A.
    InitGlobal [R, Site, N];
    /// `A =` typeof of the global of site B; "undefined" if there is none; ReferenceError if uninitialized.
    TypeofGlobal [W, Site, N];
    /// GlobalDeclarationInstantiation with `ParsedScript::declarations`: all checks (SyntaxError, TypeError), then lexical bindings (uninitialized), functions
    /// (closures in the global Environment), vars, and B.3.2.2's block functions where allowed.
    DeclareGlobals [N, N, N];
    /// EvalDeclarationInstantiation of sloppy eval code with `ParsedScript::declarations`: varEnv is the nearest `extensible` var scope's
    /// Environment outside this eval's own, or the global one; closures get the current Environment. Checks (SyntaxError for a lexical
    /// declaration of a name in between, catch parameters excepted), deletable bindings, B.3.2.3.
    DeclareEval [N, N, N];
    /// B.3.2's copy for a `Global` or `Dynamic` var: sets the binding of site B's name in the varEnv of this script or eval code to A; nothing if DeclareGlobals /
    /// DeclareEval did not make it.
    StoreBlockFunction [R, Site, N];
    /// `A =` the name of site B, looked up from the current Environment (ResolveBinding, GetValue).
    LoadName [W, Site, N];
    /// `A =` typeof of that; "undefined" if it cannot be resolved.
    TypeofName [W, Site, N];
    /// `A =` the value, `A+1 =` the `with` object that has it, else undefined: callee and `this` of a call.
    LoadNameCall [W2, Site, N];
    /// ResolveBinding of site B's name: `A =` the Environment that has it (for a `with` its Environment), null if it is a global, undefined if it cannot be
    /// resolved.
    ResolveName [W, Site, N];
    /// `A =` GetValue of site C's name in what `ResolveName` put into B.
    LoadResolved [W, R, Site];
    /// PutValue of A, the same way; strictness is the site's. Unresolvable: ReferenceError in strict code, else a property of the global object. A `with` object or
    /// global that lost the name meanwhile (HasProperty again, strict): ReferenceError. Constants: TypeError; uninitialized: ReferenceError; a `FunctionName`:
    /// TypeError in strict code only.
    StoreResolved [R, R, Site];
    /// Initialises the variable of site B's name in the nearest Environment that declares it. For the name `this` (a `super()` in eval code): ReferenceError if it was
    /// initialised already.
    InitName [R, Site, N];
    /// `A =` `delete name` for site B's name: true if it cannot be resolved; DeleteBinding otherwise.
    DeleteName [W, Site, N];

    /// `A = B[name of site C]`: GetValue of a property reference (ToObject of a primitive, TypeError of undefined and null).
    GetNamed [W, R, Site];
    /// The same for the name "length": arrays, strings and typed arrays first.
    GetLength [W, R, Site];
    /// PutValue to property C (site) of A, value B; the site has the strict flag (TypeError if Set returns false).
    SetNamed [R, R, Site];
    /// `A = B[C]`: order: B is checked for undefined/null (TypeError) before ToPropertyKey(C).
    GetKeyed [W, R, R];
    /// `A[B] = C`, sloppy.
    SetKeyed [R, R, R];
    /// `A[B] = C`, strict.
    SetKeyedStrict [R, R, R];
    /// `A =` B.[[HomeObject]].[[GetPrototypeOf]]() (GetSuperBase of the active function B): an Object or null.
    SuperBase [W, R, N];
    /// `A =` get of property C (site) of B (null: TypeError) with receiver B+1.
    GetNamedThis [W, P, Site];
    /// `A =` get of property ToPropertyKey(C) of B (null: TypeError) with receiver B+1.
    GetKeyedThis [W, P, R];
    /// Set of property C (site) of A with receiver A+1, value B; strict flag in the site.
    SetNamedThis [P, R, Site];
    /// Set of property ToPropertyKey(B) of A with receiver A+1, value C; sloppy.
    SetKeyedThis [P, R, R];
    /// The same, strict.
    SetKeyedThisStrict [P, R, R];
    /// `A =` `delete B[C]`, sloppy: ToObject(B), ToPropertyKey(C), [[Delete]].
    DeleteKeyed [W, R, R];
    /// The same, strict: TypeError if false.
    DeleteKeyedStrict [W, R, R];
    /// `A = B in C`: TypeError if C is no Object.
    In [W, R, R];
    /// `A = B instanceof C`: InstanceofOperator.
    InstanceOf [W, R, R];
    /// `A =` a new private name with the description BC (a string with `#`).
    NewPrivateName [W, K];
    /// `A =` PrivateGet(B, private name C).
    GetPrivate [W, R, R];
    /// PrivateSet(A, private name B, C).
    SetPrivate [R, R, R];
    /// PrivateFieldAdd(A, private name B, C).
    DefinePrivateField [R, R, R];
    /// PrivateMethodOrAccessorAdd(A, method C of private name B).
    DefinePrivateMethod [R, R, R];
    /// The same for a getter; joins a setter of the same name that was added to the same object in the same way.
    DefinePrivateGetter [R, R, R];
    /// The same for a setter.
    DefinePrivateSetter [R, R, R];
    /// `A = #B in C` with the private name in B: TypeError if C is no Object.
    HasPrivate [W, R, R];

    /// `A =` the result of Call(B, B+1, the C arguments from B+2 on). The callee's frame may overlay what is above B: nothing there is read again. TypeError if not
    /// callable.
    Call [W, P, U];
    /// The same with the elements of the array B+2 (a plain one made by array operations) as arguments.
    CallSpread [W, P, N];
    /// `A =` Construct(B, the C arguments from B+2 on), newTarget B; B+1 is free to use. TypeError if B is no constructor.
    New [W, P, U];
    /// The same with the elements of the array B+2.
    NewSpread [W, P, N];
    /// `A =` B.[[GetPrototypeOf]]() (GetSuperConstructor of the active function B).
    SuperConstructor [W, R, N];
    /// `A =` Construct(B, the C arguments from B+2 on, newTarget B+1). TypeError if B is no constructor.
    SuperCall [W, P, U];
    /// The same with the elements of the array B+2.
    SuperCallSpread [W, P, N];
    /// InitializeInstanceElements(A, constructor B): calls B's instance initialiser, if any, with A as `this`.
    InitInstance [R, R, N];
    /// A call of the name `eval`: if B is the realm's %eval%, PerformEval(first argument or undefined, strict caller, direct) in the scope that the `Extra` word
    /// after this one names in its BC; else as `Call`.
    CallEval [W, P, U];
    /// The same with the elements of the array B+2.
    CallEvalSpread [W, P, N];
    /// Returns A. Async functions: resolves the promise; generators: completes; async generators: completes with A, which was awaited. See above for constructors.
    Return [R, N, N];
    /// Returns undefined likewise.
    ReturnUndefined [N, N, N];
    /// Return of a derived constructor: A if it is an Object; TypeError if it is not undefined; else B, which is its `this`: ReferenceError if Uninitialized.
    ReturnDerived [R, R, N];

    /// `A = B + C`: ApplyStringOrNumericBinaryOperator; likewise the next.
    Add [W, R, R];
    /// `-`
    Subtract [W, R, R];
    /// `*`
    Multiply [W, R, R];
    /// `/`
    Divide [W, R, R];
    /// `%`
    Remainder [W, R, R];
    /// `**`
    Exponent [W, R, R];
    /// `&`
    BitAnd [W, R, R];
    /// `|`
    BitOr [W, R, R];
    /// `^`
    BitXor [W, R, R];
    /// `<<`
    ShiftLeft [W, R, R];
    /// `>>`
    ShiftRight [W, R, R];
    /// `>>>`
    ShiftRightUnsigned [W, R, R];
    /// `A = B + C` with the integer C; likewise the next.
    AddInt [W, R, S];
    /// `-`
    SubtractInt [W, R, S];
    /// `*`
    MultiplyInt [W, R, S];
    /// `/`
    DivideInt [W, R, S];
    /// `%`
    RemainderInt [W, R, S];
    /// `&`
    BitAndInt [W, R, S];
    /// `|`
    BitOrInt [W, R, S];
    /// `^`
    BitXorInt [W, R, S];
    /// `<<`
    ShiftLeftInt [W, R, S];
    /// `>>`
    ShiftRightInt [W, R, S];
    /// `>>>`
    ShiftRightUnsignedInt [W, R, S];
    /// `A =` ToNumeric(B) + 1.
    Increment [W, R, N];
    /// `A =` ToNumeric(B) - 1.
    Decrement [W, R, N];
    /// `A = -B`: ToNumeric first.
    Negate [W, R, N];
    /// `A = ~B`: ToNumeric first.
    BitNot [W, R, N];
    /// `A = !B`.
    Not [W, R, N];
    /// `A =` the string of typeof B.
    Typeof [W, R, N];
    /// `A =` ToNumber(B).
    ToNumber [W, R, N];
    /// `A =` ToNumeric(B).
    ToNumeric [W, R, N];
    /// `A =` ToPropertyKey(B).
    ToPropertyKey [W, R, N];
    /// `A =` ToString(B).
    ToString [W, R, N];
    /// `A =` ToObject(B).
    ToObject [W, R, N];
    /// RequireObjectCoercible(A).
    CheckCoercible [R, N, N];
    /// TypeError if A is no Object: the result of an iterator's method.
    CheckObject [R, N, N];
    /// `A =` the concatenation of the C strings from B on.
    Concat [W, P, U];

    /// `A = B == C`: IsLooselyEqual.
    Equal [W, R, R];
    /// `A = B != C`.
    NotEqual [W, R, R];
    /// `A = B === C`.
    StrictEqual [W, R, R];
    /// `A = B !== C`.
    StrictNotEqual [W, R, R];
    /// `A = B < C`: B is converted first.
    Less [W, R, R];
    /// `A = B <= C`.
    LessEqual [W, R, R];
    /// `A = B > C`: B is converted first.
    Greater [W, R, R];
    /// `A = B >= C`.
    GreaterEqual [W, R, R];

    /// Jumps.
    Jump [N, Offset];
    /// Jumps if ToBoolean(A).
    JumpIfTrue [R, Offset];
    /// Jumps if not ToBoolean(A).
    JumpIfFalse [R, Offset];
    /// Jumps if A is undefined.
    JumpIfUndefined [R, Offset];
    /// Jumps if A is not undefined.
    JumpIfNotUndefined [R, Offset];
    /// Jumps if A is undefined or null.
    JumpIfNullish [R, Offset];
    /// Jumps if A is neither.
    JumpIfNotNullish [R, Offset];
    /// Jumps if A is an Object.
    JumpIfObject [R, Offset];
    /// Jumps if `A < B`; the offset is C, here and below.
    JumpIfLess [R, R, Offset];
    /// Jumps if `A < B` is false.
    JumpIfNotLess [R, R, Offset];
    /// Jumps if `A <= B`.
    JumpIfLessEqual [R, R, Offset];
    /// Jumps if `A <= B` is false.
    JumpIfNotLessEqual [R, R, Offset];
    /// Jumps if `A > B`.
    JumpIfGreater [R, R, Offset];
    /// Jumps if `A > B` is false.
    JumpIfNotGreater [R, R, Offset];
    /// Jumps if `A >= B`.
    JumpIfGreaterEqual [R, R, Offset];
    /// Jumps if `A >= B` is false.
    JumpIfNotGreaterEqual [R, R, Offset];
    /// Jumps if `A == B`.
    JumpIfEqual [R, R, Offset];
    /// Jumps if `A != B`.
    JumpIfNotEqual [R, R, Offset];
    /// Jumps if `A === B`.
    JumpIfStrictEqual [R, R, Offset];
    /// Jumps if `A !== B`.
    JumpIfStrictNotEqual [R, R, Offset];
    /// Jumps if `A < B` with the integer B, here and below.
    JumpIfLessInt [R, S, Offset];
    /// Jumps if `A < B` is false.
    JumpIfNotLessInt [R, S, Offset];
    /// Jumps if `A <= B`.
    JumpIfLessEqualInt [R, S, Offset];
    /// Jumps if `A <= B` is false.
    JumpIfNotLessEqualInt [R, S, Offset];
    /// Jumps if `A > B`.
    JumpIfGreaterInt [R, S, Offset];
    /// Jumps if `A > B` is false.
    JumpIfNotGreaterInt [R, S, Offset];
    /// Jumps if `A >= B`.
    JumpIfGreaterEqualInt [R, S, Offset];
    /// Jumps if `A >= B` is false.
    JumpIfNotGreaterEqualInt [R, S, Offset];
    /// Jumps if `A == B`.
    JumpIfEqualInt [R, S, Offset];
    /// Jumps if `A != B`.
    JumpIfNotEqualInt [R, S, Offset];
    /// Jumps if `A === B`.
    JumpIfStrictEqualInt [R, S, Offset];
    /// Jumps if `A !== B`.
    JumpIfStrictNotEqualInt [R, S, Offset];
    /// A is an integer Number from 0 to B - 1: continues at that one of the B `Jump` instructions that follow. Another value continues after them.
    JumpTable [R, U, N];
    /// At a loop's back-edge: a place for interrupts.
    LoopHint [N, N, N];

    /// `A =` a new ordinary object.
    NewObject [W, N, N];
    /// `A =` a new ordinary object with the data properties of constant C (`Keys`, distinct, no indices) and the values from B on.
    NewObjectOf [W, P, K];
    /// `A =` a new empty array; BC is a guess of its length.
    NewArray [W, U];
    /// `A =` a new array of the C values from B on (Hole makes a hole).
    NewArrayOf [W, P, U];
    /// Appends B to the array A.
    ArrayPush [R, R, N];
    /// Appends a hole to the array A.
    ArrayPushHole [R, N, N];
    /// Appends all that iterating B gives to the array A (GetIterator sync, IteratorStepValue).
    ArraySpread [R, R, N];
    /// CreateDataPropertyOrThrow(A, name of site C, B).
    DefineNamed [R, R, Site];
    /// CreateDataPropertyOrThrow(A, ToPropertyKey(B), C).
    DefineKeyed [R, R, R];
    /// Defines method C with key ToPropertyKey(B) on A, not enumerable (classes).
    DefineMethod [R, R, R];
    /// Defines getter C with key ToPropertyKey(B) on A, enumerable (object literals).
    DefineGetter [R, R, R];
    /// A setter likewise.
    DefineSetter [R, R, R];
    /// Defines getter C with key ToPropertyKey(B) on A, not enumerable (classes).
    DefineClassGetter [R, R, R];
    /// A setter likewise.
    DefineClassSetter [R, R, R];
    /// `__proto__: B` in the literal A: A.[[SetPrototypeOf]](B) if B is an Object or null, else nothing.
    SetPrototype [R, R, N];
    /// CopyDataProperties(A, B, « »).
    ObjectSpread [R, R, N];
    /// `A =` a new object with CopyDataProperties from B without the keys in the array C (a plain one; property keys).
    ObjectRest [W, R, R];
    /// `A =` a new regular expression object of constant BC.
    RegExp [W, K];
    /// `A =` GetTemplateObject of constant BC; a site is this function and this constant.
    TemplateObject [W, K];

    /// `A =` a closure of constant BC (`Function`) in the current Environment: InstantiateFunctionObject with "prototype" etc. as its kind wants, "length", and
    /// "name" as the constant says. No home object.
    Closure [W, K];
    /// MakeMethod: A.[[HomeObject]] = B.
    SetHome [R, R, N];
    /// SetFunctionName(A, key B, prefix), where C is 0 for none, 1 for "get", 2 for "set". B is a property key or a private name. Redefines the own "name" that
    /// `Closure` or `Class` left.
    SetName [R, R, U];
    /// ClassDefinitionEvaluation without heritage: `A =` the constructor (constant BC, a `Function`), `A+1 =` its prototype object. Both know each other
    /// ("prototype" not writable, "constructor" not enumerable); F.[[HomeObject]] = prototype.
    Class [W2, K];
    /// The same with heritage A: null, or a constructor whose "prototype" is an Object or null; TypeErrors.
    ClassDerived [W2, K];
    /// The class constructor A's instance initialiser is the closure B.
    SetInitializer [R, R, N];

    /// GetIterator(B, sync): `A =` iterator, `A+1 =` next, `A+2 = false`.
    GetIterator [I, R, N];
    /// GetIterator(B, async): with CreateAsyncFromSyncIterator if there is no @@asyncIterator.
    GetAsyncIterator [I, R, N];
    /// IteratorStepValue of the iterator B: if B+2 is true, `A = undefined` and nothing else. Otherwise B+2 becomes true (also if it throws), `next` is called; if it is
    /// not at its end, `A =` the value and B+2 becomes false; at its end `A = undefined`.
    IteratorStep [W, I, N];
    /// `A =` an array of all remaining values of the iterator B, B+2 becoming true.
    IteratorRest [W, I, N];
    /// Nothing if A+2 is true; else IteratorClose(A, normal completion): calls "return" if there is one; TypeError if its result is no Object.
    IteratorClose [I, N, N];
    /// Nothing if A+2 is true; else IteratorClose(A, throw completion): what "return" throws is dropped.
    IteratorCloseThrow [I, N, N];
    /// `A =` GetMethod(B, "return") if C is 0, GetMethod(B, "throw") if it is 1: undefined if undefined or null, TypeError if not callable.
    IteratorMethod [W, R, U];
    /// TypeError if B is no Object; `A =` ToBoolean(Get(B, "done")).
    ResultDone [W, R, N];
    /// `A =` Get(B, "value").
    ResultValue [W, R, N];
    /// `A =` an iterator of EnumerateObjectProperties(B); B is an Object.
    ForInPrepare [W, R, N];
    /// `A =` the next key (a string) of the for-in iterator B, undefined at its end.
    ForInNext [W, R, N];

    /// First operation of an async function (with parameters still to come): makes the promise capability. What is thrown from here on rejects it.
    AsyncStart [N, N, N];
    /// After the parameters of a generator or async generator: makes the generator object, keeps the frame, returns the object. Resumed by the first `next` (other
    /// resumptions complete the generator without resuming).
    InitialYield [N, N, N];
    /// `A =` Await(B): a rejection is thrown here.
    Await [W, R, N];
    /// GeneratorYield(CreateIteratorResultObject(B, false)), or AsyncGeneratorYield of B without its Await: resumed with `A =` the value and `A+1 = 0` for next, 1 for
    /// return; throw throws here.
    Yield [W2, R, N];
    /// For `yield*`: a generator yields B itself as the result object, an async generator the value B. Resumed with `A =` the value and `A+1 = 0` for
    /// next, 1 for return, 2 for throw.
    YieldDelegate [W2, R, N];

    /// Throws A.
    Throw [R, N, N];
    /// Throws a new error, by the number BC: 0 a ReferenceError, invalid assignment target; 1 a ReferenceError, delete of a `super` property; 2 a
    /// TypeError, the iterator of `yield*` has no `throw` method.
    ThrowError [N, U];
    /// Throws a TypeError: assignment to the constant named by the string constant BC.
    ThrowConstAssign [N, K];
    /// `A =` a new empty list of disposable resources (DisposeCapability).
    DisposeNew [W, N, N];
    /// AddDisposableResource(A, B, hint C): 0 sync-dispose, 1 async-dispose.
    DisposeAdd [R, R, U];
    /// A step of DisposeResources on list B, last resource first: `A = 0` if none is left (nothing to await either); 1 if its method was called and
    /// A+1 is to be awaited (or, for skipped null resources, undefined is); 2 if it was called and nothing is to be awaited. What the method throws is thrown; then
    /// the resource is gone.
    DisposeNext [W2, R, N];
    /// An error C came while disposing: if A is true, `B =` a new SuppressedError with error C and suppressed B; else `B = C`. `A = true`.
    Suppress [M, M, R];

    /// `A =` the import BC (ReferenceError if uninitialized); a namespace object if it is one.
    LoadImport [W, U];
    /// `A =` import.meta.
    ImportMeta [W, N, N];
    /// `A =` a promise of import(B, options C); abrupt completions reject it. C is undefined without options.
    ImportCall [W, R, R];
    /// The end of a module's part that runs at link time (its functions are instantiated); evaluation continues here.
    ModuleReady [N, N, N];
    /// `debugger`.
    Debugger [N, N, N];
}
