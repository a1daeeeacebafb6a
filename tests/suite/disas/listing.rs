//! An artifact as text: instructions with labels, and what is known of them beside.
//!
//! Instructions have labels in place of addresses, so that one that grows changes its own line only. What follows an instruction behind `;`
//! is of the artifact: the word that a displacement leads to, the trap of a fault, the position in the module, and of a call what frames,
//! handlers and loops need at its return address. Constants and jump tables are told from instructions by what refers to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use deltic::abi::artifact::{Artifact, Entry, RelocTarget, Tier, inlined_frames, references};
use deltic::abi::builtins::Builtin;
use deltic::base::{DefinedFuncIndex, FuncIndex};
use deltic::codegen::env::CompileEnv;
use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter, Mnemonic, OpKind, Register};
use wasmparser::{BinaryReader, OperatorsReader};

/// Where comments begin.
const COMMENT_COLUMN: usize = 48;

/// Code, told from data.
struct Layout {
    instructions: Vec<Instruction>,
    /// Bytes that are no code: where they begin, and where they end.
    data: BTreeMap<u64, u64>,
    /// Entries of jump tables, by their address.
    entries: BTreeMap<u64, u64>,
    labels: BTreeSet<u64>,
}

/// Appends the code of an artifact.
pub fn write(text: &mut String, env: &CompileEnv, artifact: &Artifact) {
    let layout = Layout::new(artifact);
    let tier = format!("{:?}", artifact.tier).to_lowercase();
    write!(text, "{tier}: {}, {} bytes", name(env, artifact.func), artifact.code.len()).expect("a string");
    if let Entry::Loop(position) = artifact.entry {
        write!(text, ", at the loop at {position:#x}, state of {} bytes", artifact.state_bytes).expect("a string");
    }
    text.push('\n');
    let labels: BTreeMap<u64, String> = layout.labels.iter().zip(1..).map(|(&at, nth)| (at, format!("L{nth}"))).collect();
    for instruction in &layout.instructions {
        if let Some(label) = labels.get(&instruction.ip()) {
            writeln!(text, "{label}:").expect("a string");
        }
        let is_open = relocation(artifact, instruction).is_some();
        let mut line = format!("    {}", instruction_text(instruction, is_open, &labels));
        let notes = notes(env, artifact, instruction, &labels).join("; ");
        if !notes.is_empty() {
            line = format!("{line:COMMENT_COLUMN$} ; {notes}");
        }
        writeln!(text, "{}", line.trim_end()).expect("a string");
        let behind = instruction.next_ip();
        if let Some(&end) = layout.data.get(&behind) {
            write_data(text, artifact, &layout, &labels, behind..end);
        }
    }
    text.push('\n');
}

fn write_data(
    text: &mut String,
    artifact: &Artifact,
    layout: &Layout,
    labels: &BTreeMap<u64, String>,
    range: std::ops::Range<u64>,
) {
    let mut at = range.start;
    while at < range.end {
        if let Some(label) = labels.get(&at) {
            writeln!(text, "{label}:").expect("a string");
        }
        if let Some(target) = layout.entries.get(&at) {
            writeln!(text, "    .case {}", labels[target]).expect("a string");
            at += 4;
            continue;
        }
        let next = labels.range(at + 1..).next().map_or(range.end, |(&next, _)| next).min(range.end);
        let bytes = &artifact.code[at as usize..next as usize];
        // What only aligns the next constant says nothing.
        if labels.contains_key(&at) || !bytes.iter().all(is_padding) {
            for row in bytes.chunks(16) {
                let row: String = row.iter().map(|byte| format!(" {byte:02x}")).collect();
                writeln!(text, "    .byte{row}").expect("a string");
            }
        }
        at = next;
    }
}

impl Layout {
    fn new(artifact: &Artifact) -> Layout {
        let code = &*artifact.code;
        let end = code.len() as u64;
        let mut layout =
            Layout { instructions: Vec::new(), data: BTreeMap::new(), entries: BTreeMap::new(), labels: BTreeSet::new() };
        layout.labels.extend(artifact.handlers.iter().map(|site| u64::from(site.handler_offset)));
        // What instructions so far refer to: constants, and tables of a jump.
        let (mut constants, mut tables) = (BTreeSet::new(), BTreeSet::new());
        let mut at = 0;
        while at < end {
            if tables.contains(&at) {
                let table_end = layout.read_table(artifact, at);
                layout.data.insert(at, table_end);
                at = table_end;
                continue;
            }
            let is_pool = constants.first().is_some_and(|&first| at >= first || padding_until(code, at, first, &layout));
            if is_pool || code[at as usize..].iter().all(is_padding) {
                layout.data.insert(at, end);
                break;
            }
            let instruction = Decoder::with_ip(64, &code[at as usize..], at, DecoderOptions::NONE).decode();
            assert!(!instruction.is_invalid(), "no instruction at {at:#x}: {:02x?}", &code[at as usize..]);
            if instruction.op0_kind() == OpKind::NearBranch64 {
                layout.labels.insert(instruction.near_branch_target());
            }
            if let Some(target) = own_target(artifact, &instruction) {
                layout.labels.insert(target);
                match instruction.mnemonic() {
                    Mnemonic::Lea => tables.insert(target),
                    _ => constants.insert(target),
                };
            }
            at = instruction.next_ip();
            layout.instructions.push(instruction);
        }
        layout
    }

    /// A table of 32-bit distances: from its begin in optimized code, and from the end of each in baseline code. It ends where something
    /// begins that is jumped to.
    fn read_table(&mut self, artifact: &Artifact, table: u64) -> u64 {
        let code = &*artifact.code;
        let mut at = table;
        while at + 4 <= code.len() as u64 && (at == table || !self.labels.contains(&at)) {
            let bytes: [u8; 4] = code[at as usize..at as usize + 4].try_into().expect("four bytes");
            let origin = if artifact.tier == Tier::Baseline { at + 4 } else { table };
            let target = origin.wrapping_add_signed(i64::from(i32::from_le_bytes(bytes)));
            if target >= code.len() as u64 {
                break;
            }
            self.labels.insert(target);
            self.entries.insert(at, target);
            at += 4;
        }
        at
    }
}

/// Whether nothing but padding lies before the first constant, behind an instruction that does not go on.
fn padding_until(code: &[u8], at: u64, first: u64, layout: &Layout) -> bool {
    let last = layout.instructions.last().map(Instruction::mnemonic);
    let ends = matches!(last, Some(Mnemonic::Ret | Mnemonic::Jmp | Mnemonic::Ud2));
    ends && first - at < 64 && code[at as usize..first as usize].iter().all(is_padding)
}

/// A zero or `int3`.
fn is_padding(byte: &u8) -> bool {
    matches!(byte, 0 | 0xcc)
}

/// Where in the artifact an operand relative to the instruction leads, unless it is a relocation.
fn own_target(artifact: &Artifact, instruction: &Instruction) -> Option<u64> {
    if !instruction.is_ip_rel_memory_operand() || relocation(artifact, instruction).is_some() {
        return None;
    }
    Some(instruction.ip_rel_memory_address())
}

fn relocation(artifact: &Artifact, instruction: &Instruction) -> Option<RelocTarget> {
    let range = instruction.ip()..instruction.next_ip();
    artifact.relocs.iter().find(|reloc| range.contains(&u64::from(reloc.code_offset))).map(|reloc| reloc.target)
}

/// An instruction with labels; `is_open` is of one whose displacement is filled in later.
fn instruction_text(instruction: &Instruction, is_open: bool, labels: &BTreeMap<u64, String>) -> String {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_space_after_operand_separator(true);
    options.set_uppercase_hex(false);
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_rip_relative_addresses(true);
    options.set_space_between_memory_add_operators(true);
    options.set_small_hex_numbers_in_decimal(true);
    options.set_show_branch_size(false);
    let mut text = String::new();
    formatter.format(instruction, &mut text);
    if matches!(instruction.op0_kind(), OpKind::NearBranch64) {
        let (mnemonic, _) = text.split_once(' ').expect("a branch has an operand");
        return format!("{mnemonic} {}", labels[&instruction.near_branch_target()]);
    }
    if instruction.is_ip_rel_memory_operand() {
        let (before, rest) = text.split_once('[').expect("a memory operand");
        let (_, behind) = rest.split_once(']').expect("a memory operand");
        let place = if is_open { "..." } else { &labels[&instruction.ip_rel_memory_address()] };
        return format!("{before}[rip + {place}]{behind}");
    }
    text
}

/// What the artifact knows of an instruction.
fn notes(env: &CompileEnv, artifact: &Artifact, instruction: &Instruction, labels: &BTreeMap<u64, String>) -> Vec<String> {
    let mut notes = Vec::new();
    let (here, behind) = (instruction.ip() as u32, instruction.next_ip() as u32);
    if let Some(target) = relocation(artifact, instruction) {
        notes.push(match target {
            RelocTarget::Slot(func) => format!("slot of {}", name(env, func)),
            RelocTarget::Budget(func) => format!("budget of {}", name(env, func)),
            RelocTarget::Profile(word) => format!("profile word {word}"),
            RelocTarget::Helper(helper) => format!("helper {helper:?}"),
        });
    }
    notes.extend(builtin(instruction));
    let traps = artifact.traps.iter().filter(|site| site.code_offset == here);
    notes.extend(traps.map(|site| format!("trap {:?}", site.trap)));
    let is_call = instruction.mnemonic() == Mnemonic::Call;
    let is_trap = artifact.traps.iter().any(|site| site.code_offset == here);
    // The first entry at an offset is that of the call before, the last that of the instruction.
    let at_offset = |offset| artifact.positions.iter().filter(move |position| position.code_offset == offset);
    let position = if is_call { at_offset(behind).next() } else { at_offset(here).next_back().filter(|_| is_trap) };
    if let Some(position) = position {
        let frames = inlined_frames(artifact.func, &artifact.inlined, position.wasm_offset);
        let frames: Vec<String> = frames.map(|(func, offset)| place(env, artifact, func, offset)).collect();
        notes.push(frames.join(" in "));
    }
    if !is_call {
        return notes;
    }
    for map in artifact.stack_maps.iter().filter(|map| map.code_offset == behind) {
        let slots: Vec<String> = references(map, &artifact.deep_slots).map(|below| format!("rbp - {below:#x}")).collect();
        notes.push(format!("references [{}]", slots.join("], [")));
    }
    let handlers = artifact.handlers.iter().filter(|site| site.code_offset == behind);
    notes.extend(handlers.map(|site| format!("caught at {}", labels[&u64::from(site.handler_offset)])));
    for site in artifact.loops.iter().filter(|site| site.code_offset == behind) {
        let values = &artifact.loop_values[site.values.0 as usize..site.values.1 as usize];
        let values: String = values.iter().map(|value| format!(", {:?} at {}", value.register, value.offset)).collect();
        notes.push(format!("loop, state of {} bytes{values}", site.state_bytes));
    }
    notes
}

/// The builtin whose address is at the operand's displacement, for calls through the isolate's block.
fn builtin(instruction: &Instruction) -> Option<String> {
    let is_call = matches!(instruction.mnemonic(), Mnemonic::Call | Mnemonic::Jmp);
    let reads_word = is_call || instruction.mnemonic() == Mnemonic::Mov && instruction.op0_kind() == OpKind::Register;
    let is_plain =
        instruction.memory_index() == Register::None && !matches!(instruction.memory_base(), Register::RSP | Register::RBP);
    if !reads_word
        || !is_plain
        || !(0..2).any(|operand| operand < instruction.op_count() && instruction.op_kind(operand) == OpKind::Memory)
    {
        return None;
    }
    let offset = usize::try_from(instruction.memory_displacement64()).ok()?;
    let found = Builtin::ALL.iter().find(|builtin| builtin.block_offset() == offset)?;
    (is_call || offset > 0).then(|| format!("builtin {found:?}"))
}

fn name(env: &CompileEnv, func: DefinedFuncIndex) -> String {
    let index: FuncIndex = env.module.func_index(func);
    match env.module.names(&env.wire_bytes).funcs.get(&index) {
        Some(name) => format!("${name}"),
        None => format!("func {}", index.as_u32()),
    }
}

/// An operator and its offset; with its function, if the body is in the place of a call.
fn place(env: &CompileEnv, artifact: &Artifact, func: DefinedFuncIndex, offset: u32) -> String {
    let body = &env.module.bodies[func];
    let operator = if offset == body.start {
        "entry".to_owned()
    } else if body.contains(&offset) {
        let bytes = &env.wire_bytes[offset as usize..];
        let operator = OperatorsReader::new(BinaryReader::new(bytes, u64::from(offset))).read();
        operator.map_or("?".into(), |operator| format!("{operator:?}").split([' ', '{']).next().unwrap_or_default().to_owned())
    } else {
        "nothing".to_owned()
    };
    let of =
        if func == artifact.func && artifact.inlined.is_empty() { String::new() } else { format!(" of {}", name(env, func)) };
    format!("{operator} at {offset:#x}{of}")
}
