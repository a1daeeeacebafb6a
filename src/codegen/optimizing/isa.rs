//! Instruction sets: Cranelift's flags for the processor that code is for, one target per combination of settings that change code.

use std::fmt;

use cranelift_codegen::isa::{OwnedTargetIsa, TargetFrontendConfig, lookup_by_name};
use cranelift_codegen::settings::{self, Configurable};

use crate::abi::cpu::CpuFeatures;
use crate::base::sync::OnceLock;

/// Every function is verified, before and between Cranelift's passes.
const VERIFY: bool = cfg!(any(debug_assertions, feature = "verifier"));

/// Register allocators of Cranelift.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Allocator {
    /// Better code.
    Backtracking,
    /// Linear in the size of the function.
    SinglePass,
}

/// Targets, made when first wanted.
pub(super) struct Isas {
    features: CpuFeatures,
    targets: [OnceLock<Result<OwnedTargetIsa, String>>; 4],
    frontend_config: TargetFrontendConfig,
}

impl Isas {
    /// # Errors
    ///
    /// Cranelift does not generate code for this machine, or the features are not enough.
    pub(super) fn new(features: CpuFeatures) -> Result<Self, String> {
        // Vectors of floats are rounded and shuffled by these; scalars could do without.
        if !features.contains(CpuFeatures::SSE41 | CpuFeatures::SSSE3) {
            return Err("this processor lacks SSSE3 or SSE4.1".into());
        }
        let usual = target(features, false, Allocator::Backtracking)?;
        let isas = Isas { features, targets: Default::default(), frontend_config: usual.frontend_config() };
        // The cell is new: nobody else has set it.
        let _ = isas.targets[0].set(Ok(usual));
        Ok(isas)
    }

    /// Pointer width and the like; the same for all targets.
    pub(super) fn frontend_config(&self) -> TargetFrontendConfig {
        self.frontend_config
    }

    /// Whether the processor multiplies and adds in one step.
    pub(super) fn has_fma(&self) -> bool {
        self.features.contains(CpuFeatures::FMA)
    }

    /// # Errors
    ///
    /// A setting that this Cranelift does not know: a defect.
    pub(super) fn get(&self, canonicalize_nans: bool, allocator: Allocator) -> Result<OwnedTargetIsa, String> {
        let position = usize::from(canonicalize_nans) + 2 * usize::from(allocator == Allocator::SinglePass);
        self.targets[position].get_or_init(|| target(self.features, canonicalize_nans, allocator)).clone()
    }
}

impl fmt::Debug for Isas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let made = self.targets.iter().filter(|target| target.get().is_some()).count();
        f.debug_struct("Isas").field("made", &made).finish_non_exhaustive()
    }
}

fn target(features: CpuFeatures, canonicalize_nans: bool, allocator: Allocator) -> Result<OwnedTargetIsa, String> {
    let mut flags = settings::builder();
    let allocator = if allocator == Allocator::Backtracking { "backtracking" } else { "single_pass" };
    let values = [
        ("opt_level", "speed"),
        ("regalloc_algorithm", allocator),
        // Far calls become `mov reg, [rip + slot]; call reg`: exactly a call through a dispatch slot.
        ("is_pic", "true"),
        // The stack walker follows frame pointers, and Cranelift's tail calls need them.
        ("preserve_frame_pointers", "true"),
        // Calls in the C convention may have a third integer result.
        ("enable_llvm_abi_extensions", "true"),
        // No code: it tells where blocks begin, and which follow which.
        ("machine_code_cfg_info", "true"),
        // And which registers a function saves.
        ("unwind_info", "true"),
        // The prologue compares the whole frame with the stack limit; pages need no touching.
        ("enable_probestack", "false"),
        ("enable_verifier", if VERIFY { "true" } else { "false" }),
        ("enable_nan_canonicalization", if canonicalize_nans { "true" } else { "false" }),
    ];
    for (name, value) in values {
        flags.set(name, value).map_err(|error| format!("cranelift setting {name}: {error}"))?;
    }
    let mut builder = lookup_by_name("x86_64-unknown-linux-gnu").map_err(|error| error.to_string())?;
    for (name, feature) in EXTENSIONS {
        if features.contains(feature) {
            builder.enable(name).map_err(|error| format!("cranelift setting {name}: {error}"))?;
        }
    }
    builder.finish(settings::Flags::new(flags)).map_err(|error| error.to_string())
}

/// Instruction set extensions that Cranelift can use, by its names.
const EXTENSIONS: [(&str, CpuFeatures); 18] = [
    ("has_sse3", CpuFeatures::SSE3),
    ("has_ssse3", CpuFeatures::SSSE3),
    ("has_cmpxchg16b", CpuFeatures::CMPXCHG16B),
    ("has_sse41", CpuFeatures::SSE41),
    ("has_sse42", CpuFeatures::SSE42),
    ("has_avx", CpuFeatures::AVX),
    ("has_avx2", CpuFeatures::AVX2),
    ("has_fma", CpuFeatures::FMA),
    ("has_avx512bitalg", CpuFeatures::AVX512BITALG),
    ("has_avx512dq", CpuFeatures::AVX512DQ),
    ("has_avx512vl", CpuFeatures::AVX512VL),
    ("has_avx512vbmi", CpuFeatures::AVX512VBMI),
    ("has_avx512f", CpuFeatures::AVX512F),
    ("has_popcnt", CpuFeatures::POPCNT),
    ("has_bmi1", CpuFeatures::BMI1),
    ("has_bmi2", CpuFeatures::BMI2),
    ("has_lzcnt", CpuFeatures::LZCNT),
    ("has_avx512vnni", CpuFeatures::AVX512VNNI),
];
