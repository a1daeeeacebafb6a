//! Other engines. Each is a program that runs a script of this folder, which does what `child.rs` does and prints the same line of JSON.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use deltic::{FuncType, Val};
use serde_json::{Value, json};

use super::curve::POINT_STEP;
use super::report::Measurement;
use crate::args::BenchArgs;
use crate::exit::Exit;
use crate::{invoke, wasi};

/// A program that runs modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    name: &'static str,
    /// What it is called where nothing else is said.
    program: &'static str,
    /// Arguments that end at once if it is what is looked for.
    probe: &'static [&'static str],
    /// Arguments before the script's text, which the task follows.
    script_args: &'static [&'static str],
    script: &'static str,
}

const SCRIPT_JS: &str = include_str!("peer.mjs");
const SCRIPT_PY: &str = include_str!("peer.py");

const KINDS: [Kind; 3] = [
    Kind { name: "node", program: "node", probe: &["--version"], script_args: &["--input-type=module", "-e"], script: SCRIPT_JS },
    Kind { name: "bun", program: "bun", probe: &["--version"], script_args: &["-e"], script: SCRIPT_JS },
    // Wasmtime's own command calls a function once.
    Kind { name: "wasmtime", program: "python3", probe: &["-c", "import wasmtime"], script_args: &["-c"], script: SCRIPT_PY },
];

/// What `--vs` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vs {
    /// All that are found.
    All,
    /// One of them, by its usual name or this one.
    One(Kind, Option<PathBuf>),
}

/// Reads what follows `--vs`.
pub fn vs(text: &str) -> Result<Vs, String> {
    if text == "all" {
        return Ok(Vs::All);
    }
    let (name, program) = text.split_once('=').map_or((text, None), |(name, program)| (name, Some(PathBuf::from(program))));
    let kind = KINDS.into_iter().find(|kind| kind.name == name);
    let names = KINDS.map(|kind| kind.name).join(", ");
    kind.map(|kind| Vs::One(kind, program)).ok_or_else(|| format!("the peers are {names}, and all"))
}

/// An engine that is on this machine.
#[derive(Debug)]
pub struct Peer {
    kind: Kind,
    program: PathBuf,
}

/// Those that were asked for and are there; about others a line is printed. A program that is named goes before one that is found.
pub fn find(wanted: &[Vs]) -> Vec<Peer> {
    let mut peers: Vec<Peer> = Vec::new();
    let named = wanted.iter().filter_map(|vs| match vs {
        Vs::One(kind, program) => Some((*kind, program.clone())),
        Vs::All => None,
    });
    let all = wanted.contains(&Vs::All).then_some(KINDS).into_iter().flatten().map(|kind| (kind, None));
    for (kind, program) in named.chain(all) {
        let is_known = peers.iter().any(|peer| peer.kind == kind);
        let peer = Peer { kind, program: program.clone().unwrap_or_else(|| kind.program.into()) };
        if peer.is_there() && !(program.is_none() && is_known) {
            peers.push(peer);
        } else if !is_known {
            eprintln!("peer {} not found: {} {}", kind.name, peer.program.display(), kind.probe.join(" "));
        }
    }
    peers
}

impl Peer {
    pub fn name(&self) -> &'static str {
        self.kind.name
    }

    fn is_there(&self) -> bool {
        let mut probe = Command::new(&self.program);
        let probe = probe.args(self.kind.probe).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    }

    /// Measures: what came of it, and the engine's version; or why nothing did.
    pub fn measure(&self, task: &Value) -> Result<(Measurement, Option<String>), String> {
        let mut command = Command::new(&self.program);
        command.args(self.kind.script_args).arg(self.kind.script).arg(task.to_string());
        let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(reason(&output));
        }
        let value: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        let measurement = Measurement::from_json(&value).ok_or("the script printed something else")?;
        Ok((measurement, value["version"].as_str().map(str::to_owned)))
    }
}

/// Why a script failed: the line of its messages that names an error, or the last one. Warnings name none.
fn reason(output: &Output) -> String {
    if output.status.code().is_none() {
        return output.status.to_string();
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let named = lines.clone().find(|line| line.contains("Error: ") || line.contains("Trap: "));
    named.or_else(|| lines.next_back()).map_or_else(|| output.status.to_string(), str::to_owned)
}

/// What a script is told, or why other engines cannot do it.
pub fn task(args: &BenchArgs, file: &Path, name: &str, ty: &FuncType) -> Result<Result<Value, String>, Exit> {
    let is_command = name == super::COMMAND;
    let words: Vec<String> = args.args.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let values = if is_command { Vec::new() } else { values(name, ty, &args.args)? };
    let Some(values) = values.into_iter().map(argument).collect::<Option<Vec<Value>>>() else {
        return Ok(Err("an argument that is no number".into()));
    };
    Ok(Ok(json!({
        "file": file.to_string_lossy(),
        "invoke": name,
        "is_command": is_command,
        "wasi": wasi::MODULE_NAME,
        "args": values,
        "words": words,
        "stub_imports": args.stub_imports,
        "time_ms": args.time.as_secs_f64() * 1e3,
        "point_step": POINT_STEP,
    })))
}

fn values(name: &str, ty: &FuncType, args: &[OsString]) -> Result<Vec<Val>, Exit> {
    invoke::parse_args(ty, args).map_err(|error| Exit::usage(format_args!("{name}: {error}")))
}

/// A number as `[type, text]`, since JSON's numbers do not hold all.
fn argument(value: Val) -> Option<Value> {
    let float = |value: f64| {
        if value.is_infinite() { format!("{}Infinity", if value < 0.0 { "-" } else { "" }) } else { value.to_string() }
    };
    match value {
        Val::I32(value) => Some(json!(["i32", value.to_string()])),
        Val::I64(value) => Some(json!(["i64", value.to_string()])),
        Val::F32(bits) => Some(json!(["f32", float(f32::from_bits(bits).into())])),
        Val::F64(bits) => Some(json!(["f64", float(f64::from_bits(bits))])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_have_names() {
        assert_eq!(vs("all"), Ok(Vs::All));
        assert_eq!(vs("node=/a=b"), Ok(Vs::One(KINDS[0], Some("/a=b".into()))));
        assert_eq!(vs("wasmtime"), Ok(Vs::One(KINDS[2], None)));
        assert!(vs("nodes").is_err_and(|text| text.contains("bun")));
    }

    #[test]
    fn numbers_are_what_scripts_can_read() {
        let text = |value| argument(value).map(|value| value.to_string());
        assert_eq!(text(Val::I64(-1)).as_deref(), Some(r#"["i64","-1"]"#));
        assert_eq!(text(Val::F64(f64::NEG_INFINITY.to_bits())).as_deref(), Some(r#"["f64","-Infinity"]"#));
        assert_eq!(text(Val::F32(0.5f32.to_bits())).as_deref(), Some(r#"["f32","0.5"]"#));
        assert_eq!(argument(Val::V128(0)), None);
    }
}
