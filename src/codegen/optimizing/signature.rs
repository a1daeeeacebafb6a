//! Types and signatures: the convention of `abi::call` in Cranelift's terms.

use cranelift_codegen::ir::UserExternalName;
use cranelift_codegen::ir::types::{F32, F64, I8X16, I32, I64};
use cranelift_codegen::ir::{AbiParam, ArgumentPurpose, ExtFuncData, ExternalName, FuncRef, SigRef, Signature, Type, Value};
use cranelift_codegen::isa::CallConv;
use smallvec::SmallVec;

use crate::abi::builtins::{Builtin, BuiltinType};
use crate::abi::call::{CallLayout, Place, needs_return_area};
use crate::base::{DefinedFuncIndex, FuncIndex, TypeIndex};
use crate::codegen::common::bodies;
use crate::codegen::optimizing::func::Translator;
use crate::layout::frame::{FLOAT_ARG_COUNT, INT_ARG_COUNT};
use crate::wasm::types::{FuncType, ValType};

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
    signature.params.extend(ty.params.iter().zip(CallLayout::new(ty).params).map(|(&param, place)| param_at(param, place)));
    signature
}

/// A parameter. Callees load all eight bytes of a stack argument; a processor forwards them from the caller's store only if that wrote
/// all of them, so that integers of 32 bits are extended there.
fn param_at(ty: ValType, place: Place) -> AbiParam {
    match (clif_type(ty), place) {
        (I32, Place::Stack(_)) => AbiParam::new(I32).uext(),
        (ty, _) => AbiParam::new(ty),
    }
}

/// Integer results in the order of the C convention, with LLVM's extension: rax rdx rcx.
const C_RESULTS: [u32; 3] = [0, 2, 1];
/// Floating-point and vector results that it has.
const C_FLOAT_RESULT_COUNT: usize = 2;

/// How many parameters or results travel as integers, and how many otherwise.
fn counts(params: &[AbiParam]) -> (usize, usize) {
    let ints = params.iter().filter(|param| param.value_type.is_int()).count();
    (ints, params.len() - ints)
}

/// A signature in the C convention with all parameters and results where the given one has them. There is none for parameters on the
/// stack, since there the caller pops them, and for more results in registers than C has. The results stand in another order,
/// with one that is none in the place of a register between two of them.
fn in_c(signature: &Signature) -> Option<Signature> {
    let ((ints, floats), (int_results, float_results)) = (counts(&signature.params), counts(&signature.returns));
    if ints > INT_ARG_COUNT || floats > FLOAT_ARG_COUNT || int_results > C_RESULTS.len() || float_results > C_FLOAT_RESULT_COUNT {
        return None;
    }
    let (in_ints, in_floats): (Vec<_>, Vec<_>) = signature.returns.iter().partition(|result| result.value_type.is_int());
    let none = AbiParam::new(I64);
    let int_results =
        C_RESULTS.iter().take(c_int_count(int_results)).map(|&nth| in_ints.get(nth as usize).copied().unwrap_or(none));
    let returns = int_results.chain(in_floats).collect();
    Some(Signature { params: signature.params.clone(), returns, call_conv: CallConv::SystemV })
}

/// How many integer results the C signature has for so many.
fn c_int_count(int_results: usize) -> usize {
    if int_results > 1 { C_RESULTS.len() } else { int_results }
}

/// Which result of the C signature each result is.
fn c_positions(signature: &Signature) -> SmallVec<[u32; 4]> {
    let (int_results, _) = counts(&signature.returns);
    let mut floats = u32::try_from(c_int_count(int_results)).unwrap_or(u32::MAX)..;
    let mut ints = C_RESULTS.into_iter();
    let results = signature.returns.iter();
    results.filter_map(|result| if result.value_type.is_int() { ints.next() } else { floats.next() }).collect()
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
        let in_heap = matches!(ty, wasmparser::ValType::Ref(ty) if bodies::is_in_heap(self.module, ty.heap_type()));
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

    /// The signature for calls of the same function that have a handler, and which of its results each result is; nothing if there
    /// is none in the C convention.
    ///
    /// Cranelift takes all registers to be lost when an exception comes out of a call in the convention of functions, and so keeps what
    /// lives across it in memory; of the C convention it knows that some are preserved. The runtime does preserve them.
    pub(super) fn catching_signature(&mut self, plain: SigRef) -> Option<(SigRef, SmallVec<[u32; 4]>)> {
        let signature = &self.builder.func.dfg.signatures[plain];
        let in_c = in_c(signature)?;
        let positions = c_positions(signature);
        if let Some(known) = self.state.catching_signatures.get(plain) {
            return Some((known, positions));
        }
        let declared = self.builder.import_signature(in_c);
        self.state.catching_signatures.set(plain, declared);
        Some((declared, positions))
    }

    /// A function for calls that have a handler, of such a signature.
    pub(super) fn catching_function(&mut self, plain: FuncRef, signature: SigRef) -> FuncRef {
        if let Some(known) = self.state.catching_functions.get(plain) {
            return known;
        }
        let data = ExtFuncData { signature, ..self.builder.func.dfg.ext_funcs[plain].clone() };
        let declared = self.builder.import_function(data);
        self.state.catching_functions.set(plain, declared);
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
