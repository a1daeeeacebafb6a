//! Calls of builtins: through the isolate block's table, in the C convention.

use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, Value};
use smallvec::SmallVec;

use crate::abi::builtins::Builtin;
use crate::abi::vmctx;
use crate::codegen::optimizing::func::{Translator, offset32};

impl Translator<'_> {
    /// Calls a builtin; it only returns when it succeeded.
    pub(super) fn call_builtin(&mut self, builtin: Builtin, arguments: &[Value]) -> Option<Value> {
        debug_assert_eq!(arguments.len(), builtin.params().len());
        let signature = self.signature_of_builtin(builtin);
        let offset = builtin.block_offset();
        // Pinned: to hoist an address out of a loop that is needed once would cost a register.
        let block = self.builder.ins().load(I64, self.flags.pinned, self.vmctx, offset32(vmctx::BLOCK));
        let address = self.builder.ins().load(I64, self.flags.pinned, block, offset32(offset));
        let mut all: SmallVec<[Value; 6]> = SmallVec::new();
        all.push(self.vmctx);
        all.extend_from_slice(arguments);
        let call = self.builder.ins().call_indirect(signature, address, &all);
        self.builder.inst_results(call).first().copied()
    }

    /// Calls a builtin that has a result.
    pub(super) fn call_builtin_value(&mut self, builtin: Builtin, arguments: &[Value]) -> Value {
        self.call_builtin(builtin, arguments).expect("the builtin has a result")
    }
}
