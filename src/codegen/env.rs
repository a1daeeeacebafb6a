//! What a compile unit may read: plain data, shared by reference count, and alive without the module.

use crate::abi::vmctx::VmLayout;
use crate::base::sync::Arc;
use crate::wasm::module::WasmModule;
use crate::wasm::validate::FuncValidation;
use crate::wasm::wire_bytes::WireBytes;

/// Everything that units of one module read.
#[derive(Debug)]
pub struct CompileEnv {
    /// The module's bytes.
    pub wire_bytes: WireBytes,
    /// The decoded module.
    pub module: Arc<WasmModule>,
    /// What validating a body needs.
    pub validation: FuncValidation,
    /// Layout of the vmctx.
    pub layout: VmLayout,
    /// Choices that change code.
    pub settings: CodeSettings,
}

impl CompileEnv {
    /// The bytes up to behind the bodies at least; a body may be compiled when it is known to be there.
    #[inline]
    pub fn bodies(&self) -> &[u8] {
        self.wire_bytes.present_from(0)
    }
}

/// Choices that change code; part of every cache key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CodeSettings {
    /// Replace every NaN that an operation makes by the canonical one.
    pub canonicalize_nans: bool,
    /// Give relaxed SIMD its deterministic results (the ones of the proposal's "deterministic profile").
    pub deterministic_relaxed_simd: bool,
    /// Count fuel.
    pub fuel: bool,
    /// Poll for interrupts at loop headers and function entries.
    pub interruptible: bool,
    /// Let baseline code count what its functions do, and ask for better code of those that do much.
    pub tier_up: bool,
    /// Let baseline code record how often its calls are made, and what they call.
    pub profile: bool,
    /// Lay code out as the module's branch hints say.
    pub branch_hints: bool,
}

impl CodeSettings {
    /// As bits, which are a part of cache keys.
    pub fn bits(&self) -> u32 {
        let CodeSettings { canonicalize_nans, deterministic_relaxed_simd, fuel, interruptible, tier_up, profile, branch_hints } =
            *self;
        let all = [canonicalize_nans, deterministic_relaxed_simd, fuel, interruptible, tier_up, profile, branch_hints];
        all.into_iter().zip(0..).fold(0, |bits, (is_set, bit)| bits | u32::from(is_set) << bit)
    }

    /// Whether code with either settings does the same, at whatever speed.
    pub fn means_the_same(&self, other: &CodeSettings) -> bool {
        let of_speed =
            |settings: &CodeSettings| CodeSettings { tier_up: false, profile: false, branch_hints: true, ..settings.clone() };
        of_speed(self) == of_speed(other)
    }

    /// The settings with these bits; nothing if there are others.
    pub fn from_bits(bits: u32) -> Option<CodeSettings> {
        let is_set = |bit: u32| bits >> bit & 1 == 1;
        let settings = CodeSettings {
            canonicalize_nans: is_set(0),
            deterministic_relaxed_simd: is_set(1),
            fuel: is_set(2),
            interruptible: is_set(3),
            tier_up: is_set(4),
            profile: is_set(5),
            branch_hints: is_set(6),
        };
        (settings.bits() == bits).then_some(settings)
    }
}

impl Default for CodeSettings {
    fn default() -> Self {
        CodeSettings {
            canonicalize_nans: false,
            deterministic_relaxed_simd: false,
            fuel: false,
            interruptible: true,
            tier_up: false,
            profile: false,
            branch_hints: true,
        }
    }
}
