//! Trap codes: one table for generated code, the fault handler, builtins and messages.

macro_rules! traps {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why a guest stopped. Generated code carries the numbers; the texts are those of the specification's test suite.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum TrapCode { $($(#[$doc])* $name = $code,)* }

        impl TrapCode {
            /// All codes.
            pub const ALL: &'static [TrapCode] = &[$(TrapCode::$name,)*];

            /// What it means, in the words of the specification's test suite.
            pub fn message(self) -> &'static str {
                match self { $(TrapCode::$name => $text,)* }
            }

            /// The code with this number.
            pub fn from_u8(code: u8) -> Option<TrapCode> {
                match code { $($code => Some(TrapCode::$name),)* _ => None }
            }
        }
    };
}

traps! {
    /// `unreachable` was executed.
    Unreachable = 1, "unreachable";
    /// A memory access beyond the memory.
    MemoryOutOfBounds = 2, "out of bounds memory access";
    /// A table access beyond the table.
    TableOutOfBounds = 3, "out of bounds table access";
    /// An indirect call whose index is beyond the table.
    UndefinedElement = 4, "undefined element";
    /// An indirect call through a null element.
    UninitializedElement = 5, "uninitialized element";
    /// An indirect call to a function of another type.
    IndirectCallTypeMismatch = 6, "indirect call type mismatch";
    /// A division whose result is not representable.
    IntegerOverflow = 7, "integer overflow";
    /// A division by zero.
    IntegerDivideByZero = 8, "integer divide by zero";
    /// A float to integer conversion of NaN.
    InvalidConversion = 9, "invalid conversion to integer";
    /// The stack is used up.
    StackOverflow = 10, "call stack exhausted";
    /// An atomic access that is not aligned.
    UnalignedAtomic = 11, "unaligned atomic";
    /// An atomic wait on a memory that is not shared.
    ExpectedSharedMemory = 12, "expected shared memory";
    /// A null reference was used.
    NullReference = 13, "null reference";
    /// The guest was terminated from another thread.
    Interrupted = 14, "interrupted";
    /// The deadline has passed.
    DeadlineExceeded = 15, "deadline exceeded";
    /// The fuel is used up.
    OutOfFuel = 16, "all fuel consumed";
    /// A function was called whose code is not there; a defect of the engine.
    MissingCode = 17, "function has no code";
    /// A host function failed; the error travels beside the code.
    HostError = 18, "host function error";
    /// A call through a null reference.
    NullFunctionReference = 19, "null function reference";
    /// A field of null.
    NullStructReference = 20, "null structure reference";
    /// An element of null.
    NullArrayReference = 21, "null array reference";
    /// The number of null.
    NullI31Reference = 22, "null i31 reference";
    /// An array access beyond the array.
    ArrayOutOfBounds = 23, "out of bounds array access";
    /// A reference is not of the type that it was cast to.
    CastFailure = 24, "cast failure";
    /// The heap is full, or the object would be larger than any may be.
    OutOfMemory = 25, "out of memory";
    /// An exception that no guest caught; it travels beside the code.
    UncaughtException = 26, "uncaught exception";
    /// A structure was to be made, or a cast done, with null for a descriptor.
    NullDescriptorReference = 27, "null descriptor reference";
    /// A reference has not the descriptor that a cast asks for.
    DescriptorCastFailure = 28, "descriptor cast failure";
}

#[cfg(test)]
mod tests {
    use super::TrapCode;

    #[test]
    fn numbers_round_trip_and_fit_cranelifts_user_range() {
        for &code in TrapCode::ALL {
            assert_eq!(TrapCode::from_u8(code as u8), Some(code));
            assert!((1..=250).contains(&(code as u8)));
        }
        assert_eq!(TrapCode::from_u8(0), None);
    }
}
