//! Compiles modules, function by function, and checks what every artifact promises.

use crate::abi::artifact::{Artifact, CodeVariant, Entry};
use crate::abi::vmctx::VmLayout;
use crate::base::sync::OnceLock;
use crate::codegen::compiler::{Compiler, Scratch, UnitContext, UnitError};
use crate::codegen::env::{CodeSettings, CompileEnv};
use crate::codegen::optimizing::Optimizing;
use crate::wasm::decode::decode;
use crate::wasm::error::CompileError;
use crate::wasm::validate::Features;

/// The compiler; its targets are slow to make.
pub(super) fn compiler() -> &'static Optimizing {
    static COMPILER: OnceLock<Optimizing> = OnceLock::new();
    COMPILER.get_or_init(|| Optimizing::new().expect("this machine is supported"))
}

/// What is compiled when nothing else is said: fuel and polls, so that all paths are taken.
pub(super) fn all_settings() -> Vec<CodeSettings> {
    let usual = CodeSettings::default();
    vec![
        CodeSettings { interruptible: false, ..usual.clone() },
        CodeSettings { fuel: true, deterministic_relaxed_simd: true, canonicalize_nans: true, ..usual },
    ]
}

/// The environment of a module.
pub(super) fn env(bytes: &[u8], settings: CodeSettings) -> Result<CompileEnv, CompileError> {
    let decoded = decode(bytes.into())?;
    let layout = VmLayout::new(&decoded.module);
    Ok(CompileEnv { wire_bytes: decoded.wire_bytes, module: decoded.module, validation: decoded.validation, layout, settings })
}

/// Compiles all functions of a module.
pub(super) fn compile_all(env: &CompileEnv, variant: CodeVariant, scratch: &mut Scratch) -> Result<Vec<Artifact>, UnitError> {
    let mut detected = Features::empty();
    env.module
        .bodies
        .keys()
        .map(|func| {
            let mut unit = UnitContext {
                scratch: &mut *scratch,
                detected: &mut detected,
                entry: Entry::Call,
                feedback: None,
                is_valid: false,
                stop: &|| false,
                phase: &mut |_| {},
            };
            let artifact = compiler().compile(env, func, variant, &mut unit)?;
            assert_eq!(artifact.func, func);
            check(&artifact, &env.module.bodies[func]);
            Ok(artifact)
        })
        .collect()
}

/// Compiles a module in the text format, or says what is wrong.
pub(super) fn compile_text(text: &str, settings: CodeSettings, variant: CodeVariant) -> Result<Vec<Artifact>, UnitError> {
    let bytes = wat::parse_str(text).expect("the text parses");
    let env = env(&bytes, settings)?;
    compile_all(&env, variant, &mut compiler().new_scratch())
}

/// What everyone who uses an artifact relies on.
fn check(artifact: &Artifact, body: &std::ops::Range<u32>) {
    let len = u32::try_from(artifact.code.len()).expect("code is small");
    assert!(len > 0 && artifact.alignment.is_power_of_two());
    assert!(artifact.relocs.iter().all(|reloc| reloc.code_offset + 4 <= len));
    assert!(artifact.relocs.iter().all(|reloc| artifact.code[reloc.code_offset as usize..][..4] == [0; 4]));
    assert!(artifact.traps.is_sorted_by_key(|site| site.code_offset));
    assert!(artifact.traps.iter().all(|site| site.code_offset < len));
    assert!(artifact.positions.is_sorted_by_key(|position| position.code_offset));
    assert!(artifact.positions.iter().all(|position| body.contains(&position.wasm_offset)));
    for site in &artifact.traps {
        assert!(artifact.positions.binary_search_by_key(&site.code_offset, |position| position.code_offset).is_ok());
    }
}
