//! Types and signatures: the convention of `abi::call` in Cranelift's terms.

use cranelift_codegen::ir::UserExternalName;
use cranelift_codegen::ir::types::{F32, F64, I8X16, I32, I64};
use cranelift_codegen::ir::{AbiParam, ArgumentPurpose, ExtFuncData, ExternalName, FuncRef, SigRef, Signature, Type, Value};
use cranelift_codegen::isa::CallConv;

use crate::abi::builtins::{Builtin, BuiltinType};
use crate::abi::call::needs_return_area;
use crate::base::{DefinedFuncIndex, FuncIndex, TypeIndex};
use crate::codegen::optimizing::func::Translator;
use crate::wasm::types::{CompositeType, FuncType, ValType};

/// The type that values of a WebAssembly type have at every block boundary.
pub(super) fn clif_type(ty: ValType) -> Type {
    match ty {
        ValType::I32 | ValType::Ref(_) => I32,
        ValType::I64 => I64,
        ValType::F32 => F32,
        ValType::F64 => F64,
        ValType::V128 => I8X16,
    }
}

/// The type of a slot: a variable, an operand of a label. References of the heap are told from integers, since the collector moves
/// what they refer to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotType {
    /// In Cranelift's terms.
    pub clif: Type,
    /// Whether the collector must know of it.
    pub in_heap: bool,
}

impl SlotType {
    /// The slot for a WebAssembly type.
    pub(super) fn of(ty: ValType) -> Self {
        SlotType { clif: clif_type(ty), in_heap: is_in_heap(ty) }
    }
}

/// Whether values of a type are references of the heap.
pub(super) fn is_in_heap(ty: ValType) -> bool {
    matches!(ty, ValType::Ref(ty) if ty.heap.is_in_heap())
}

/// The same for wasmparser's types.
pub(super) fn clif_type_of(ty: wasmparser::ValType) -> Type {
    match ty {
        wasmparser::ValType::I32 | wasmparser::ValType::Ref(_) => I32,
        wasmparser::ValType::I64 => I64,
        wasmparser::ValType::F32 => F32,
        wasmparser::ValType::F64 => F64,
        wasmparser::ValType::V128 => I8X16,
    }
}

/// Signature of a function: vmctx, the return area if there is one, parameters.
pub(super) fn signature(ty: &FuncType) -> Signature {
    let mut signature = Signature::new(CallConv::Tail);
    let area = needs_return_area(&ty.results);
    signature.params.reserve_exact(ty.params.len() + 1 + usize::from(area));
    signature.params.push(AbiParam::special(I64, ArgumentPurpose::VMContext));
    if area {
        signature.params.push(AbiParam::new(I64));
    } else {
        signature.returns.extend(ty.results.iter().map(|&result| AbiParam::new(clif_type(result))));
    }
    signature.params.extend(ty.params.iter().map(|&param| AbiParam::new(clif_type(param))));
    signature
}

/// Signature of a builtin: vmctx, parameters. "PreserveAll" has SystemV's arguments and clobbers nothing.
fn builtin_signature(builtin: Builtin) -> Signature {
    let param = |ty: &BuiltinType| AbiParam::new(if *ty == BuiltinType::I32 { I32 } else { I64 });
    let mut signature = Signature::new(if builtin.is_poll() { CallConv::PreserveAll } else { CallConv::SystemV });
    signature.params.push(AbiParam::new(I64));
    signature.params.extend(builtin.params().iter().map(param));
    signature.returns.extend(builtin.result().iter().map(param));
    signature
}

impl Translator<'_> {
    /// The slot for one of wasmparser's types.
    pub(super) fn slot_type(&self, ty: wasmparser::ValType) -> SlotType {
        use wasmparser::{AbstractHeapType, HeapType, ValType};
        let in_heap = match ty {
            ValType::Ref(ty) => match ty.heap_type() {
                HeapType::Abstract { ty, .. } => !matches!(ty, AbstractHeapType::Func | AbstractHeapType::NoFunc),
                HeapType::Concrete(index) | HeapType::Exact(index) => match index.as_module_index() {
                    Some(index) => !matches!(self.module.types[TypeIndex::from_u32(index)].composite, CompositeType::Func(_)),
                    None => true,
                },
            },
            _ => false,
        };
        SlotType { clif: clif_type_of(ty), in_heap }
    }

    /// A value of a type, which the collector learns of if it must.
    pub(super) fn tracked(&mut self, value: Value, ty: ValType) -> Value {
        if is_in_heap(ty) {
            self.builder.declare_value_needs_stack_map(value);
        }
        value
    }

    /// The signature of a type of the module, declared once per function.
    pub(super) fn signature_of(&mut self, index: TypeIndex) -> SigRef {
        if let Some(known) = self.state.signatures.get(index) {
            return known;
        }
        let declared = self.builder.import_signature(signature(self.module.signature(index)));
        self.state.signatures.set(index, declared);
        declared
    }

    /// A function of this module. Not "colocated": its calls go through its dispatch slot.
    pub(super) fn function(&mut self, func: FuncIndex, defined: DefinedFuncIndex) -> FuncRef {
        if let Some(known) = self.state.functions.get(func) {
            return known;
        }
        let signature = self.signature_of(self.module.funcs[func]);
        let name = UserExternalName { namespace: 0, index: defined.as_u32() };
        let name = ExternalName::User(self.builder.func.declare_imported_user_function(name));
        let data = ExtFuncData { name, signature, colocated: false, patchable: false };
        let declared = self.builder.import_function(data);
        self.state.functions.set(func, declared);
        declared
    }

    /// The signature of a builtin, declared once per function.
    pub(super) fn signature_of_builtin(&mut self, builtin: Builtin) -> SigRef {
        if let Some(known) = self.state.builtins[builtin as usize] {
            return known;
        }
        let declared = self.builder.import_signature(builtin_signature(builtin));
        self.state.builtins[builtin as usize] = Some(declared);
        declared
    }
}
