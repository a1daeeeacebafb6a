//! Expected code: each file of `tests/disas` is a module, and ends with the instructions that each tier makes of it.
//!
//! *Problem.* Tests of results do not see code that became slower, and a change of one line in a compiler changes code in places that
//! nobody thought of. *Idea.* Small modules, one subject each, with their code in comments: a change of code is a diff to read.
//!
//! ```text
//! ;;! tier = "baseline optimized"      both is what is meant when nothing is said
//! ;;! processor = "v3"                 extensions of x86-64-v3; v1, v2 and host names such as "v3 avx512f" as well
//! ;;! settings = "checked fuel"        checked memories, fuel, tier_up (budgets and loop sites), uninterruptible, no_hints,
//!                                      canonical_nans, deterministic, inline (all calls are hot)
//! ;;! loop = "2"                       optimized code of the second loop in place of the function, counted in the whole module
//! (module …)
//! ;; baseline: f (0), 21 bytes
//! ;;     push rbp
//! ```
//!
//! Code is for the processor that the file names, and is never run: the text is the same on every machine. `BLESS=1` (or `DELTIC_BLESS=1`)
//! rewrites it. **Invariant:** a file without expected code fails.

mod directives;
mod listing;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use deltic::abi::artifact::{Artifact, CodeVariant, Entry, Tier};
use deltic::abi::profile::Profile;
use deltic::abi::vmctx::VmLayout;
use deltic::base::DefinedFuncIndex;
use deltic::codegen::baseline::Baseline;
use deltic::codegen::compiler::{Compiler, Feedback, UnitContext};
use deltic::codegen::env::CompileEnv;
use deltic::codegen::optimizing::Optimizing;
use deltic::wasm::decode::decode;
use deltic::wasm::validate::Features;
use wasmparser::{BinaryReader, FunctionBody, Operator};

use crate::support::{bless, files_below, relative, root};
use directives::Directives;

/// What stands before a line of expected code.
const PREFIX: &str = ";; ";

fn environment(bytes: Vec<u8>, directives: &Directives) -> CompileEnv {
    let decoded = decode(bytes.into()).expect("a module");
    let layout = VmLayout::new(&decoded.module);
    let settings = directives.settings.clone();
    CompileEnv { wire_bytes: decoded.wire_bytes, module: decoded.module, validation: decoded.validation, layout, settings }
}

/// Where the loops of the module are, in order.
fn loops(env: &CompileEnv) -> Vec<(DefinedFuncIndex, u32)> {
    let mut loops = Vec::new();
    for (func, range) in env.module.bodies.iter() {
        let bytes = &env.wire_bytes[range.start as usize..range.end as usize];
        let body = FunctionBody::new(BinaryReader::new(bytes, u64::from(range.start)));
        let operators = body.get_operators_reader().expect("a body").into_iter_with_offsets();
        for item in operators {
            let (operator, offset) = item.expect("an operator");
            if matches!(operator, Operator::Loop { .. }) {
                loops.push((func, u32::try_from(offset).expect("modules are small")));
            }
        }
    }
    loops
}

/// Where the dispatch slots are, of 8 bytes each, as far as profiles know.
const FIRST_SLOT: usize = 8;

/// All functions are hot, and have recorded the words of the directive.
struct Recorded(Arc<Profile>);

impl Feedback for Recorded {
    fn is_hot(&self, _: DefinedFuncIndex) -> bool {
        true
    }

    fn profile(&self, _: DefinedFuncIndex) -> Option<Arc<Profile>> {
        Some(Arc::clone(&self.0))
    }
}

fn compile(compiler: &dyn Compiler, env: &CompileEnv, directives: &Directives, unit: (DefinedFuncIndex, Entry)) -> Artifact {
    let recorded = Recorded(Arc::new(Profile::new(directives.profile.clone().into(), FIRST_SLOT, env.module.bodies.len())));
    let feedback: &dyn Feedback = &recorded;
    let mut context = UnitContext {
        scratch: &mut compiler.new_scratch(),
        detected: &mut Features::empty(),
        entry: unit.1,
        feedback: directives.inlines.then_some(feedback),
        is_valid: false,
        stop: &|| false,
        phase: &mut |_| {},
    };
    let made = compiler.compile(env, unit.0, directives.variant, &mut context);
    made.unwrap_or_else(|error| panic!("function {}: {error:?}", unit.0.as_u32()))
}

/// The code of a module in every tier that its file names.
fn code(text: &str) -> String {
    let directives = Directives::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let env = environment(wat::parse_str(text).unwrap_or_else(|error| panic!("{error}")), &directives);
    let mut units: Vec<(DefinedFuncIndex, Entry)> = env.module.bodies.keys().map(|func| (func, Entry::Call)).collect();
    if let Some(nth) = directives.loop_number {
        let (func, position) = loops(&env)[nth - 1];
        units = vec![(func, Entry::Loop(position))];
    }
    let mut found = String::new();
    for &tier in &directives.tiers {
        let compiler: Box<dyn Compiler> = match tier {
            Tier::Baseline => Box::new(Baseline::for_processor(directives.processor)),
            Tier::Optimized => Box::new(Optimizing::for_processor(directives.processor).expect("a processor")),
        };
        for &unit in &units {
            let artifact = compile(&*compiler, &env, &directives, unit);
            listing::write(&mut found, &env, &artifact);
        }
    }
    found
}

/// The module with its directives, and the expected code behind it.
fn split(text: &str) -> (&str, String) {
    let mut begin = text.len();
    for line in text.lines().rev() {
        let start = line.as_ptr().addr() - text.as_ptr().addr();
        if line.starts_with(";;!") || !(line.starts_with(";;") || line.trim().is_empty()) {
            break;
        }
        begin = start;
    }
    let lines = text[begin..].lines().filter_map(|line| line.strip_prefix(";;"));
    let expected = lines.fold(String::new(), |text, line| text + line.strip_prefix(' ').unwrap_or(line) + "\n");
    (text[..begin].trim_end(), expected)
}

/// Lines that differ, with those around: `-` is what is expected, `+` what was found.
fn difference(expected: &str, found: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    // Lengths of the longest common subsequences of all tails.
    let mut common = vec![vec![0u32; new.len() + 1]; old.len() + 1];
    for (i, line) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            common[i][j] = if line == other { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    let is_near = |at: usize| lines[at.saturating_sub(3)..(at + 4).min(lines.len())].iter().any(|(sign, _)| *sign != ' ');
    let mut text = String::new();
    for (at, (sign, line)) in lines.iter().enumerate() {
        if is_near(at) {
            writeln!(text, "{sign} {line}").expect("a string takes everything");
        } else if at > 0 && is_near(at - 1) {
            text.push_str("  ...\n");
        }
    }
    text
}

/// What is wrong with a file, if anything.
fn check(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let (module, expected) = split(&text);
    let found = code(module);
    if found.is_empty() {
        return Err("the module has no code".into());
    }
    if expected == found {
        return Ok(());
    }
    if bless() {
        let lines = found.lines().map(|line| format!("{PREFIX}{line}").trim_end().to_owned() + "\n");
        return std::fs::write(path, format!("{module}\n\n{}", lines.collect::<String>())).map_err(|error| error.to_string());
    }
    if expected.is_empty() {
        return Err("no expected code; DELTIC_BLESS=1 writes it".into());
    }
    Err(difference(&expected, &found))
}

#[test]
fn code_is_as_expected() {
    let files = files_below(&root().join("tests/disas"), &["wat"]);
    assert!(files.len() > 30, "only {} files", files.len());
    let mut wrong = String::new();
    let mut count = 0;
    for path in &files {
        let name = relative(path);
        let checked = std::panic::catch_unwind(|| check(path)).unwrap_or_else(|_| Err("panicked, see above".into()));
        if let Err(error) = checked {
            count += 1;
            write!(wrong, "\n{name}:\n{error}").expect("a string takes everything");
        }
    }
    assert!(wrong.is_empty(), "{count} of {} files; DELTIC_BLESS=1 rewrites them{wrong}", files.len());
}

#[test]
fn a_file_without_expected_code_is_wrong_and_one_with_other_code_shows_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.wat");
    let module = ";;! tier = \"baseline\"\n(module (func (param i32) (result i32) (i32.add (local.get 0) (i32.const 7))))\n";
    std::fs::write(&path, module).expect("a file");
    if bless() {
        return;
    }
    assert!(check(&path).expect_err("nothing is expected").contains("no expected code"));
    let comments: String = code(module).lines().map(|line| format!(";; {line}\n")).collect();
    std::fs::write(&path, format!("{module}\n{comments}")).expect("a file");
    assert_eq!(check(&path), Ok(()));
    std::fs::write(&path, format!("{module}\n{}", comments.replace("+ 7]", "+ 8]"))).expect("a file");
    let error = check(&path).expect_err("other code");
    assert!(error.lines().any(|line| line.starts_with("- ") && line.contains("+ 8]")), "{error}");
    assert!(error.lines().any(|line| line.starts_with("+ ") && line.contains("+ 7]")), "{error}");
}

#[test]
fn directives_that_mean_nothing_are_refused() {
    for (line, cause) in [
        ("tier = \"best\"", "tier"),
        ("settings = \"fast\"", "setting"),
        ("processor = \"v9\"", "processor"),
        ("speed = \"high\"", "directive"),
        ("tier", "="),
        ("loop = \"0\"", "loop"),
    ] {
        let error = Directives::parse(&format!(";;! {line}\n(module)")).expect_err(line);
        assert!(error.contains(cause), "{line}: {error}");
    }
    let parsed = Directives::parse(";;! settings = \"checked fuel\"\n;;! processor = \"v1 popcnt\"\n(module)").expect("valid");
    assert_eq!((parsed.variant, parsed.settings.fuel, parsed.tiers.len()), (CodeVariant::Checked, true, 2));
    assert_eq!(parsed.processor.names().collect::<Vec<_>>(), ["popcnt"]);
}
