//! Builtins: what generated code asks the runtime to do. One table gives number, name and signature.
//!
//! Generated code calls a builtin with the SystemV convention, through the address that
//! [`IsolateBlock::builtins`](crate::layout::IsolateBlock) holds at the builtin's number. The first argument is the caller's
//! vmctx. A builtin that fails does not return: the stub in front of it raises the pending trap.
//!
//! Polls preserve every register, flags apart ([`Builtin::is_poll`]): their calls stand in cold blocks of hot loops, where a
//! convention that clobbers registers would make the allocator spill around the loop.

use crate::layout::block::BUILTINS;

/// Types of builtin parameters and results.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum BuiltinType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
}

macro_rules! builtins {
    ($($(#[$doc:meta])* $name:ident($($param:ident),*) $(-> $result:ident)?;)*) => {
        /// A builtin's number.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Builtin { $($(#[$doc])* $name,)* }

        impl Builtin {
            /// All builtins, by number.
            pub const ALL: &'static [Builtin] = &[$(Builtin::$name,)*];

            /// Where the isolate block holds the address of its stub.
            pub const fn block_offset(self) -> usize {
                BUILTINS + 8 * self as usize
            }

            /// Whether it is called from a poll: preserves all registers and has no result.
            pub fn is_poll(self) -> bool {
                matches!(self, Builtin::Interrupt | Builtin::OutOfFuel | Builtin::TierUp | Builtin::TierUpLoop)
            }

            /// Types of the parameters behind the vmctx.
            pub fn params(self) -> &'static [BuiltinType] {
                match self { $(Builtin::$name => &[$(BuiltinType::$param),*],)* }
            }

            /// Type of the result, if there is one.
            pub fn result(self) -> Option<BuiltinType> {
                match self { $(Builtin::$name => { let r: &[BuiltinType] = &[$(BuiltinType::$result)?]; r.first().copied() })* }
            }
        }
    };
}

builtins! {
    /// `memory.grow`: memory index, pages; old size in pages, or -1.
    MemoryGrow(I32, I64) -> I64;
    /// `memory.copy` behind its bounds checks: addresses of destination and source, length. A leaf: it always returns.
    CopyBytes(I64, I64, I64);
    /// `memory.fill` behind its bounds check: address, byte, length. A leaf.
    FillBytes(I64, I32, I64);
    /// `memory.init`: memory and data segment (low and high half of one word), destination, source, length.
    MemoryInit(I64, I64, I32, I32);
    /// `data.drop`: data segment.
    DataDrop(I32);
    /// `table.grow`: table, reference, count; old size, or -1.
    TableGrow(I32, I32, I64) -> I64;
    /// `table.fill`: table, start, reference, count.
    TableFill(I32, I64, I32, I64);
    /// `table.copy`: destination table, source table, destination, source, count.
    TableCopy(I32, I32, I64, I64, I64);
    /// `table.init`: table and element segment (low and high half of one word), destination, source, count.
    TableInit(I64, I64, I32, I32);
    /// `elem.drop`: element segment.
    ElemDrop(I32);
    /// `ref.func`: function index; a reference.
    RefFunc(I32) -> I32;
    /// A poll saw a word other than zero in `IsolateBlock::interrupt`.
    Interrupt();
    /// A poll saw more fuel consumed than given.
    OutOfFuel();
    /// `memory.atomic.wait32`: memory, address, expected, timeout in nanoseconds.
    AtomicWait32(I32, I64, I32, I64) -> I32;
    /// `memory.atomic.wait64`: memory, address, expected, timeout in nanoseconds.
    AtomicWait64(I32, I64, I64, I64) -> I32;
    /// `memory.atomic.notify`: memory, address, count.
    AtomicNotify(I32, I64, I32) -> I32;
    /// An object with fields: type index, bytes; a reference, all zero.
    AllocateObject(I32, I32) -> I32;
    /// `array.new_default`: type index, length; a reference.
    ArrayNewDefault(I32, I32) -> I32;
    /// `array.new_data`: type and data segment (low and high half of one word), offset, length; a reference.
    ArrayNewData(I64, I32, I32) -> I32;
    /// `array.new_elem`: type and element segment (low and high half of one word), offset, length; a reference.
    ArrayNewElem(I64, I32, I32) -> I32;
    /// `array.fill`: array, start, low and high half of the value's bits, count.
    ArrayFill(I32, I32, I64, I64, I32);
    /// `array.copy`: destination and start, source and start, count.
    ArrayCopy(I32, I32, I32, I32, I32);
    /// `array.init_data`: array, data segment, start, offset, count.
    ArrayInitData(I32, I32, I32, I32, I32);
    /// `array.init_elem`: array, element segment, start, offset, count.
    ArrayInitElem(I32, I32, I32, I32, I32);
    /// A new exception: tag, address of the payload, 16 bytes for each value; a reference.
    NewException(I32, I64) -> I32;
    /// `throw_ref` where no handler of the same function is in force: exception. It does not return.
    Throw(I32);
    /// A poll found a function's budget used up: it is worth better code.
    TierUp();
    /// The same at the header of a loop, which may go on in other code: then it does not return.
    TierUpLoop();
    /// Not called by its number: the entry of a function that is compiled now (`code::thunks`). It preserves arguments, and goes on
    /// where the code is.
    CompileLazily();
    /// Not called by its own signature: calls the function whose code address is in `IsolateBlock::rare_callee`, with its arguments where they
    /// are, and preserves every register. What rax and xmm0 held behind the call is in the block.
    RareCall();
}

const _: () = assert!(Builtin::ALL.len() <= crate::layout::block::BUILTIN_CAPACITY);
