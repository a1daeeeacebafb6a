//! Instruction sets: Cranelift's flags for the machine that runs, one target per combination of settings that change code.

use std::fmt;

use cranelift_codegen::isa::{OwnedTargetIsa, TargetFrontendConfig, lookup_by_name};
use cranelift_codegen::settings::{self, Configurable};

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
    targets: [OnceLock<Result<OwnedTargetIsa, String>>; 4],
    frontend_config: TargetFrontendConfig,
}

impl Isas {
    /// # Errors
    ///
    /// Cranelift does not generate code for this machine.
    pub(super) fn new() -> Result<Self, String> {
        // Vectors of floats are rounded and shuffled by these; scalars could do without.
        if !is_x86_feature_detected!("sse4.1") || !is_x86_feature_detected!("ssse3") {
            return Err("this processor lacks SSSE3 or SSE4.1".into());
        }
        let usual = target(false, Allocator::Backtracking)?;
        let isas = Isas { targets: Default::default(), frontend_config: usual.frontend_config() };
        // The cell is new: nobody else has set it.
        let _ = isas.targets[0].set(Ok(usual));
        Ok(isas)
    }

    /// Pointer width and the like; the same for all targets.
    pub(super) fn frontend_config(&self) -> TargetFrontendConfig {
        self.frontend_config
    }

    /// # Errors
    ///
    /// A setting that this Cranelift does not know: a defect.
    pub(super) fn get(&self, canonicalize_nans: bool, allocator: Allocator) -> Result<OwnedTargetIsa, String> {
        let position = usize::from(canonicalize_nans) + 2 * usize::from(allocator == Allocator::SinglePass);
        self.targets[position].get_or_init(|| target(canonicalize_nans, allocator)).clone()
    }
}

impl fmt::Debug for Isas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let made = self.targets.iter().filter(|target| target.get().is_some()).count();
        f.debug_struct("Isas").field("made", &made).finish_non_exhaustive()
    }
}

/// Whether the processor multiplies and adds in one step.
pub(super) fn has_fma() -> bool {
    is_x86_feature_detected!("fma")
}

fn target(canonicalize_nans: bool, allocator: Allocator) -> Result<OwnedTargetIsa, String> {
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
        // No code: it tells which registers a function saves.
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
    for (name, present) in host_extensions() {
        if present {
            builder.enable(name).map_err(|error| format!("cranelift setting {name}: {error}"))?;
        }
    }
    builder.finish(settings::Flags::new(flags)).map_err(|error| error.to_string())
}

/// Instruction set extensions that Cranelift can use, and whether this machine has them.
fn host_extensions() -> [(&'static str, bool); 18] {
    [
        ("has_sse3", is_x86_feature_detected!("sse3")),
        ("has_ssse3", is_x86_feature_detected!("ssse3")),
        ("has_cmpxchg16b", is_x86_feature_detected!("cmpxchg16b")),
        ("has_sse41", is_x86_feature_detected!("sse4.1")),
        ("has_sse42", is_x86_feature_detected!("sse4.2")),
        ("has_avx", is_x86_feature_detected!("avx")),
        ("has_avx2", is_x86_feature_detected!("avx2")),
        ("has_fma", is_x86_feature_detected!("fma")),
        ("has_avx512bitalg", is_x86_feature_detected!("avx512bitalg")),
        ("has_avx512dq", is_x86_feature_detected!("avx512dq")),
        ("has_avx512vl", is_x86_feature_detected!("avx512vl")),
        ("has_avx512vbmi", is_x86_feature_detected!("avx512vbmi")),
        ("has_avx512f", is_x86_feature_detected!("avx512f")),
        ("has_popcnt", is_x86_feature_detected!("popcnt")),
        ("has_bmi1", is_x86_feature_detected!("bmi1")),
        ("has_bmi2", is_x86_feature_detected!("bmi2")),
        ("has_lzcnt", is_x86_feature_detected!("lzcnt")),
        ("has_avx512vnni", is_x86_feature_detected!("avx512vnni")),
    ]
}
