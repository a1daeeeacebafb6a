//! Node, which is V8, as an [`Oracle`] for exceptions in the form before WebAssembly 3.0, which few other engines have.
//!
//! One process runs all modules (`node.mjs`). It is found as `$NODE`, or as `node` on the path. What JavaScript cannot tell apart is made
//! alike on both sides by [`as_javascript`]: it has one kind of number beside 64-bit integers, one NaN, and does not look into objects.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value as Json, json};

use crate::observe::{Class, Event, Exception, Export, Guest, Object, Signature, Type, Value, observe};
use crate::oracle::Oracle;
use crate::random::hash;

/// A process that runs modules.
#[derive(Debug)]
pub struct Node(Mutex<Pipes>);

#[derive(Debug)]
struct Pipes {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Drop for Pipes {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    /// Starts the process.
    pub fn new() -> Result<Node, String> {
        let program = std::env::var_os("NODE").unwrap_or_else(|| "node".into());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/node.mjs");
        let spawned = Command::new(&program).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| format!("{}: {error}", program.display()))?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else { return Err("no pipes".into()) };
        Ok(Node(Mutex::new(Pipes { child, to, from: BufReader::new(from) })))
    }
}

impl Pipes {
    fn ask(&mut self, request: &Json) -> Json {
        let mut line = String::new();
        let told = writeln!(self.to, "{request}").and_then(|()| self.from.read_line(&mut line));
        told.expect("node answers");
        serde_json::from_str(&line).expect("node answers in JSON")
    }
}

impl Oracle for Node {
    fn run(&self, wasm: &[u8], seed: u64) -> Option<Vec<Event>> {
        let mut pipes = self.0.lock().expect("no panic under the lock");
        let answer = pipes.ask(&json!({ "module": to_hex(wasm) }));
        let Some(exports) = answer["exports"].as_array() else {
            return Some(vec![Event::Instance(Err(Class::Other(answer.to_string())))]);
        };
        let mut exports: Vec<(String, Export)> = exports.iter().filter_map(export).collect();
        exports.sort_by(|a, b| a.0.cmp(&b.0));
        Some(observe(&mut NodeGuest { pipes: &mut pipes, exports }, seed))
    }
}

/// JavaScript does not tell types of functions; all that legacy programs export are of this one.
fn export(named: &Json) -> Option<(String, Export)> {
    let params = vec![Type::I32, Type::I64, Type::F32, Type::F64];
    let kind = match named[1].as_str()? {
        "function" => Export::Func(Signature { params, results: vec![Type::I64] }),
        "global" => Export::Global,
        "memory" => Export::Memory,
        "table" => Export::Table,
        _ => Export::Tag,
    };
    Some((named[0].as_str()?.to_owned(), kind))
}

struct NodeGuest<'n> {
    pipes: &'n mut Pipes,
    exports: Vec<(String, Export)>,
}

impl Guest for NodeGuest<'_> {
    fn exports(&mut self) -> Vec<(String, Export)> {
        self.exports.clone()
    }

    fn call(&mut self, name: &str, args: &[Value]) -> Result<Vec<Value>, Class> {
        let args: Vec<Json> = args.iter().map(to_json).collect();
        let answer = self.pipes.ask(&json!({ "call": name, "args": args }));
        if let Some(results) = answer["results"].as_array() {
            return Ok(results.iter().map(from_json).collect());
        }
        if let Some(payload) = answer["payload"].as_array() {
            let tag = answer["exception"].as_str().map(str::to_owned);
            return Err(Class::Exception(Exception { tag, payload: payload.iter().map(from_json).collect() }));
        }
        Err(class(answer["trap"].as_str().unwrap_or_default()))
    }

    fn global(&mut self, name: &str) -> Value {
        from_json(&self.pipes.ask(&json!({ "global": name }))["value"])
    }

    fn memory(&mut self, name: &str) -> (u64, u64) {
        let answer = self.pipes.ask(&json!({ "memory": name }));
        let bytes = from_hex(answer["bytes"].as_str().unwrap_or_default());
        (bytes.len() as u64 >> 16, hash(&bytes))
    }

    fn table(&mut self, name: &str) -> Vec<bool> {
        let answer = self.pipes.ask(&json!({ "table": name }));
        answer["nulls"].as_array().into_iter().flatten().map(|null| *null == Json::Bool(true)).collect()
    }

    fn host_hash(&mut self) -> u64 {
        // Nothing is imported.
        0
    }
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes all");
    }
    text
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn to_json(value: &Value) -> Json {
    match as_javascript(value) {
        Value::I64(bits) => json!(["bigint", (bits as i64).to_string()]),
        Value::F64(bits) => json!(["number", bits.to_string()]),
        other => panic!("{other:?} is not given to legacy programs"),
    }
}

fn from_json(value: &Json) -> Value {
    let bits = || value[1].as_str().and_then(|bits| bits.parse().ok()).unwrap_or(0);
    match value[0].as_str() {
        Some("number") => Value::F64(bits()),
        Some("bigint") => Value::I64(bits()),
        Some("null") => Value::Any(Object::Null),
        _ => Value::Any(Object::Unseen),
    }
}

/// What JavaScript sees of a value.
fn as_javascript(value: &Value) -> Value {
    let number = |number: f64| Value::F64(if number.is_nan() { f64::NAN.to_bits() } else { number.to_bits() });
    match value {
        Value::I32(bits) => number(f64::from(*bits as i32)),
        Value::F32(bits) => number(f64::from(f32::from_bits(*bits))),
        Value::F64(bits) => number(f64::from_bits(*bits)),
        Value::I64(_) | Value::V128(_) => value.clone(),
        Value::Any(Object::I31(found)) | Value::Extern(Object::I31(found)) => number(f64::from(*found)),
        Value::Func(false) | Value::Any(Object::Null) | Value::Extern(Object::Null) | Value::Exn(None) => {
            Value::Any(Object::Null)
        }
        Value::Func(true) | Value::Any(_) | Value::Extern(_) | Value::Exn(Some(_)) => Value::Any(Object::Unseen),
    }
}

/// What JavaScript sees of what this engine saw.
pub fn event_as_javascript(event: Event) -> Event {
    let values = |values: Vec<Value>| values.iter().map(as_javascript).collect();
    match event {
        // Arguments are as they were made up.
        Event::Call(name, args, Ok(results)) => Event::Call(name, args, Ok(values(results))),
        Event::Call(name, args, Err(Class::Exception(Exception { tag, payload }))) => {
            Event::Call(name, args, Err(Class::Exception(Exception { tag, payload: values(payload) })))
        }
        // One text for both.
        Event::Call(name, args, Err(Class::NullElement)) => Event::Call(name, args, Err(Class::Signature)),
        // Where array and segment are both too short, V8 looks at the segment first, and the specification at the array.
        Event::Call(name, args, Err(Class::Memory | Class::Table)) => Event::Call(name, args, Err(Class::Array)),
        Event::Global(name, value) => Event::Global(name, as_javascript(&value)),
        other => other,
    }
}

fn class(name: &str) -> Class {
    match name {
        "Unreachable" => Class::Unreachable,
        "DivideByZero" => Class::DivideByZero,
        "Overflow" => Class::Overflow,
        "Conversion" => Class::Conversion,
        "Signature" => Class::Signature,
        "Null" => Class::Null,
        "Memory" | "Table" | "Array" => Class::Array,
        "Cast" => Class::Cast,
        "Heap" => Class::Heap,
        "Stack" => Class::Stack,
        other => Class::Other(other.to_owned()),
    }
}
