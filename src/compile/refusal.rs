//! Why a module's code is not in place, in the words of compile errors.
//!
//! Problem: publication fails for reasons that have nothing in common: the module is too large for its code space, the system gives no
//! memory, or an artifact is wrong. Who reads the error must know which, since the remedies differ: a smaller module, a
//! system that allows more, a report of the defect.
//!
//! **Invariant:** the text of an error that a module alone can cause does not tell how its functions were grouped into batches: that depends on
//! the number of workers.

#![forbid(unsafe_code)]

use crate::code::error::CodeError;
use crate::wasm::error::{CompileError, CompileErrorKind};

/// What to tell of code that was refused. `name` describes the function of a malformed artifact.
pub(super) fn compile_error(error: &CodeError, name: &str) -> CompileError {
    let (kind, message) = match error {
        // Without the bytes asked for: they are those of a batch.
        CodeError::Exhausted { capacity, .. } => {
            (CompileErrorKind::CodeSpace, format!("the module's machine code does not fit {capacity} bytes"))
        }
        CodeError::TooManyFunctions { .. } => (CompileErrorKind::CodeSpace, error.to_string()),
        CodeError::Memory(_) | CodeError::Exec(_) => (CompileErrorKind::CodeMemory, error.to_string()),
        CodeError::Malformed { defect, .. } => {
            (CompileErrorKind::EngineBug, format!("{name}: the code cannot be published: {defect}"))
        }
    };
    CompileError::new(kind, message, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::DefinedFuncIndex;
    use crate::code::error::ArtifactDefect;
    use crate::platform::exec::{ExecError, ExecStrategy, Refusal};
    use rustix::io::Errno;

    fn text(error: CodeError) -> String {
        compile_error(&error, "function 7").to_string()
    }

    #[test]
    fn each_reason_has_its_own_kind_and_words() {
        assert_eq!(
            text(CodeError::Exhausted { asked: 5, capacity: 4_096 }),
            "code space: the module's machine code does not fit 4096 bytes"
        );
        assert_eq!(
            text(CodeError::TooManyFunctions { slot_count: 9 }),
            "code space: a code space for 9 functions is beyond the limit"
        );
        let refusal = Refusal { strategy: ExecStrategy::Memfd, errno: Errno::ACCESS };
        assert_eq!(
            text(ExecError::Refused(vec![refusal]).into()),
            format!("code memory: the system gives no executable memory (Memfd: {})", Errno::ACCESS)
        );
        assert_eq!(
            text(ExecError::Forked.into()),
            "code memory: code cannot be added by a forked child to the memory of its parent"
        );
        let malformed = CodeError::Malformed { func: DefinedFuncIndex::from_u32(3), defect: ArtifactDefect::Reloc(9) };
        assert_eq!(
            text(malformed),
            "engine bug: function 7: the code cannot be published: a displacement at offset 9 lies outside of it"
        );
    }
}
