//! Branch hints: they stand where branches are, change where code lies, and can be turned off.

use super::harness::{compile_all, compiler, env};
use crate::abi::artifact::{Artifact, CodeVariant};
use crate::codegen::compiler::Compiler;
use crate::codegen::env::CodeSettings;

const BR_IF: u8 = 0x0d;
const IF: u8 = 0x04;

/// A loop that leaves by a branch, with an `if` in it; each has a hint, or none.
fn text(branch: &str, choice: &str) -> String {
    let hint = |says: &str| if says.is_empty() { String::new() } else { format!("(@metadata.code.branch_hint \"\\0{says}\")") };
    format!(
        "(module (import \"\" \"\" (func $f (param i32)))
            (func (param $n i32) (local i64)
                block $out loop $again
                    local.get $n i32.eqz {} br_if $out
                    local.get $n i32.const 7 i32.rem_u
                    {} if i32.const 1 call $f else i32.const 2 call $f i32.const 3 call $f end
                    local.get $n i32.const 1 i32.sub local.set $n
                    br $again
                end end))",
        hint(branch),
        hint(choice)
    )
}

fn compile(text: &str, branch_hints: bool) -> Vec<Artifact> {
    let bytes = wat::parse_str(text).expect("the text parses");
    let env = env(&bytes, CodeSettings { branch_hints, ..CodeSettings::default() }).expect("a valid module");
    compile_all(&env, CodeVariant::Guarded, &mut compiler().new_scratch()).expect("it compiles")
}

#[test]
fn hints_stand_at_branches() {
    let bytes = wat::parse_str(text("0", "1")).expect("the text parses");
    let env = env(&bytes, CodeSettings::default()).expect("a valid module");
    let (func, range) = env.module.bodies.iter().next().expect("a function");
    let hints = env.module.hints_of(func);
    let at = |nth: usize| (bytes[range.start as usize + hints[nth].body_offset as usize], hints[nth].taken);
    assert_eq!((hints.len(), at(0), at(1)), (2, (BR_IF, false), (IF, true)));
}

#[test]
fn hints_move_code_unless_they_are_off() {
    let plain = compile(&text("", ""), true);
    for (branch, choice) in [("0", ""), ("1", ""), ("", "0"), ("", "1")] {
        let text = text(branch, choice);
        let hinted = compile(&text, true);
        let code = |artifacts: &[Artifact]| artifacts[0].code.clone();
        assert_eq!(code(&compile(&text, false)), code(&plain), "{branch} {choice}");
        // What is not taken follows anyway where the branch leads away.
        assert!(code(&hinted) != code(&plain) || (branch, choice) == ("0", ""), "{branch} {choice}");
    }
}
