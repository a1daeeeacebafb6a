//! What was emitted, read by a disassembler that is not ours.

use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};

use crate::asm::x64::float::{Float, FloatBits, FloatOp, Rounding};
use crate::asm::x64::integer::{Alu, Bits, Load, Shift, Store};
use crate::asm::x64::{Assembler, Condition, Gpr, Mem, Width, Xmm};

const GPRS: [[&str; 3]; 16] = [
    ["al", "eax", "rax"],
    ["cl", "ecx", "rcx"],
    ["dl", "edx", "rdx"],
    ["bl", "ebx", "rbx"],
    ["spl", "esp", "rsp"],
    ["bpl", "ebp", "rbp"],
    ["sil", "esi", "rsi"],
    ["dil", "edi", "rdi"],
    ["r8b", "r8d", "r8"],
    ["r9b", "r9d", "r9"],
    ["r10b", "r10d", "r10"],
    ["r11b", "r11d", "r11"],
    ["r12b", "r12d", "r12"],
    ["r13b", "r13d", "r13"],
    ["r14b", "r14d", "r14"],
    ["r15b", "r15d", "r15"],
];

fn byte(gpr: Gpr) -> &'static str {
    GPRS[usize::from(gpr.0)][0]
}

pub(super) fn name(width: Width, gpr: Gpr) -> &'static str {
    GPRS[usize::from(gpr.0)][if width == Width::W64 { 2 } else { 1 }]
}

pub(super) fn gprs() -> impl Iterator<Item = Gpr> + Clone {
    (0..16).map(Gpr)
}

fn widths() -> [Width; 2] {
    [Width::W32, Width::W64]
}

/// The instructions in some bytes, which must be all of them.
fn disassembled(code: &[u8]) -> Vec<String> {
    let mut formatter = IntelFormatter::new();
    formatter.options_mut().set_space_after_operand_separator(true);
    formatter.options_mut().set_uppercase_hex(false);
    formatter.options_mut().set_hex_prefix("0x");
    formatter.options_mut().set_hex_suffix("");
    formatter.options_mut().set_rip_relative_addresses(true);
    let decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    let text = |instruction: Instruction| {
        assert!(!instruction.is_invalid(), "{code:02x?}");
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        text
    };
    decoder.into_iter().map(text).collect()
}

#[track_caller]
pub(super) fn check(emit: impl FnOnce(&mut Assembler), expected: impl AsRef<str>) {
    let mut asm = Assembler::default();
    emit(&mut asm);
    asm.buffer.resolve();
    let found = disassembled(asm.buffer.bytes());
    assert_eq!(found, [expected.as_ref()], "{:02x?}", asm.buffer.bytes());
}

#[test]
fn every_pair_of_registers() {
    for (to, from) in gprs().flat_map(|to| gprs().map(move |from| (to, from))) {
        for width in widths() {
            let pair = format!("{}, {}", name(width, to), name(width, from));
            check(|asm| asm.mov_rr(width, to, from), format!("mov {pair}"));
            check(|asm| asm.alu_rr(Alu::Sub, width, to, from), format!("sub {pair}"));
            check(|asm| asm.imul_rr(width, to, from), format!("imul {pair}"));
            check(|asm| asm.cmov(Condition::Below, width, to, from), format!("cmovb {pair}"));
            check(|asm| asm.bits(Bits::LeadingZeros, width, to, from), format!("lzcnt {pair}"));
            let extended = format!("{}, {}", name(width, to), byte(from));
            check(|asm| asm.extend(Load::ByteSigned(width), to, from), format!("movsx {extended}"));
        }
        check(|asm| asm.xchg_rr(to, from), format!("xchg {}, {}", name(Width::W64, to), name(Width::W64, from)));
        let extended = format!("{}, {}", name(Width::W32, to), byte(from));
        check(|asm| asm.extend(Load::Byte, to, from), format!("movzx {extended}"));
        check(
            |asm| asm.extend(Load::WordSigned, to, from),
            format!("movsxd {}, {}", name(Width::W64, to), name(Width::W32, from)),
        );
        let (x, y) = (Xmm(to.0), Xmm(from.0));
        check(|asm| asm.movaps_rr(x, y), format!("movaps xmm{}, xmm{}", x.0, y.0));
        check(|asm| asm.float_rr(FloatOp::Div, Float::F64, x, y), format!("divsd xmm{}, xmm{}", x.0, y.0));
        check(|asm| asm.float_compare(Float::F32, x, y), format!("ucomiss xmm{}, xmm{}", x.0, y.0));
        check(
            |asm| asm.float_from_int(Float::F64, Width::W64, x, from),
            format!("cvtsi2sd xmm{}, {}", x.0, name(Width::W64, from)),
        );
        check(|asm| asm.float_to_int(Float::F32, Width::W32, to, y), format!("cvttss2si {}, xmm{}", name(Width::W32, to), y.0));
        check(|asm| asm.float_from_bits(Width::W64, x, from), format!("movq xmm{}, {}", x.0, name(Width::W64, from)));
        check(|asm| asm.float_to_bits(Width::W32, to, y), format!("movd {}, xmm{}", name(Width::W32, to), y.0));
        let rounding = format!("roundsd xmm{}, xmm{}, 9", x.0, y.0);
        check(|asm| asm.float_round(Float::F64, Rounding::Floor, x, y), rounding);
    }
}

/// How the disassembler writes an operand.
pub(super) fn text(mem: Mem) -> String {
    let mut text = name(Width::W64, mem.base).to_owned();
    if let Some(index) = mem.index {
        text += &format!("+{}", name(Width::W64, index));
        if mem.scale > 0 {
            text += &format!("*{}", 1 << mem.scale);
        }
    }
    let number = |value: u32| if value < 10 { value.to_string() } else { format!("0x{value:x}") };
    match mem.displacement {
        0 => {}
        below @ ..0 => text += &format!("-{}", number(below.unsigned_abs())),
        above => text += &format!("+{}", number(above.unsigned_abs())),
    }
    format!("[{text}]")
}

#[test]
fn every_memory_operand() {
    for base in gprs() {
        for displacement in [0, 1, -1, 127, -128, 128, -129, i32::MAX, i32::MIN + 1] {
            let mem = Mem::at(base, displacement);
            check(|asm| asm.load(Load::Double, Gpr::R9, mem), format!("mov r9, {}", text(mem)));
            check(|asm| asm.store(Store::Byte, mem, Gpr::RSI), format!("mov {}, sil", text(mem)));
            check(|asm| asm.float_load(Float::F64, Xmm(9), mem), format!("movsd xmm9, {}", text(mem)));
            check(|asm| asm.float_store(Float::F32, mem, Xmm(1)), format!("movss {}, xmm1", text(mem)));
            for index in gprs().filter(|&index| index != Gpr::RSP) {
                for scale in 0..4 {
                    let mem = Mem::indexed(base, index, scale, displacement);
                    check(|asm| asm.lea(Width::W64, Gpr::RBX, mem), format!("lea rbx, {}", text(mem)));
                }
            }
        }
    }
}

#[test]
fn operand_sizes() {
    let mem = Mem::at(Gpr::R12, 8);
    check(|asm| asm.load(Load::Byte, Gpr::RAX, mem), "movzx eax, byte ptr [r12+8]");
    check(|asm| asm.load(Load::ByteSigned(Width::W64), Gpr::RAX, mem), "movsx rax, byte ptr [r12+8]");
    check(|asm| asm.load(Load::Half, Gpr::RAX, mem), "movzx eax, word ptr [r12+8]");
    check(|asm| asm.load(Load::HalfSigned(Width::W32), Gpr::RAX, mem), "movsx eax, word ptr [r12+8]");
    check(|asm| asm.load(Load::Word, Gpr::RAX, mem), "mov eax, [r12+8]");
    check(|asm| asm.load(Load::WordSigned, Gpr::RAX, mem), "movsxd rax, [r12+8]");
    check(|asm| asm.store(Store::Half, mem, Gpr::R8), "mov [r12+8], r8w");
    check(|asm| asm.store(Store::Word, mem, Gpr::R8), "mov [r12+8], r8d");
    check(|asm| asm.store_imm(Store::Byte, mem, -1), "mov byte ptr [r12+8], 0xff");
    check(|asm| asm.store_imm(Store::Half, mem, 0x1234), "mov word ptr [r12+8], 0x1234");
    check(|asm| asm.store_imm(Store::Word, mem, 0x1234_5678), "mov dword ptr [r12+8], 0x12345678");
    check(|asm| asm.store_imm(Store::Double, mem, -2), "mov qword ptr [r12+8], 0xfffffffffffffffe");
    check(|asm| asm.alu_mi(Alu::Cmp, Width::W32, mem, 1000), "cmp dword ptr [r12+8], 0x3e8");
    check(|asm| asm.alu_mi(Alu::Add, Width::W64, mem, 1), "add qword ptr [r12+8], 1");
    check(|asm| asm.alu_rm(Alu::Xor, Width::W64, Gpr::RDX, mem), "xor rdx, [r12+8]");
}

#[test]
fn constants() {
    check(|asm| asm.mov_ri(Gpr::R10, 0), "mov r10d, 0");
    check(|asm| asm.mov_ri(Gpr::RAX, 0xffff_ffff), "mov eax, 0xffffffff");
    check(|asm| asm.mov_ri(Gpr::RAX, u64::MAX), "mov rax, 0xffffffffffffffff");
    check(|asm| asm.mov_ri(Gpr::R11, 0x1122_3344_5566_7788), "mov r11, 0x1122334455667788");
    check(|asm| asm.zero(Gpr::R9), "xor r9d, r9d");
    check(|asm| asm.alu_ri(Alu::And, Width::W64, Gpr::RCX, -128), "and rcx, 0xffffffffffffff80");
    check(|asm| asm.alu_ri(Alu::Or, Width::W32, Gpr::RCX, 128), "or ecx, 0x80");
    check(|asm| asm.test_ri(Width::W32, Gpr::R13, 7), "test r13d, 7");
    check(|asm| asm.test_rr(Width::W64, Gpr::R13, Gpr::RAX), "test r13, rax");
    check(|asm| asm.imul_rri(Width::W64, Gpr::R13, Gpr::RAX, 3), "imul r13, rax, 3");
    check(|asm| asm.imul_rri(Width::W32, Gpr::R13, Gpr::RAX, 300), "imul r13d, eax, 0x12c");
}

#[test]
fn one_operand() {
    for width in widths() {
        let (rdi, r9) = (name(width, Gpr::RDI), name(width, Gpr::R9));
        check(|asm| asm.div(width, true, Gpr::RDI), format!("idiv {rdi}"));
        check(|asm| asm.div(width, false, Gpr::R9), format!("div {r9}"));
        check(|asm| asm.neg(width, Gpr::RDI), format!("neg {rdi}"));
        check(|asm| asm.shift_i(Shift::RightSigned, width, Gpr::R9, 5), format!("sar {r9}, 5"));
        check(|asm| asm.shift_i(Shift::RotateRight, width, Gpr::R9, 31), format!("ror {r9}, 0x1f"));
        check(|asm| asm.shift_cl(Shift::Left, width, Gpr::RDI), format!("shl {rdi}, cl"));
        check(|asm| asm.shift_cl(Shift::RightUnsigned, width, Gpr::R9), format!("shr {r9}, cl"));
        check(|asm| asm.shift_cl(Shift::RotateLeft, width, Gpr::R9), format!("rol {r9}, cl"));
        check(|asm| asm.bits(Bits::ScanForward, width, Gpr::RDI, Gpr::R9), format!("bsf {rdi}, {r9}"));
        check(|asm| asm.bits(Bits::ScanReverse, width, Gpr::RDI, Gpr::R9), format!("bsr {rdi}, {r9}"));
        check(|asm| asm.bits(Bits::TrailingZeros, width, Gpr::RDI, Gpr::R9), format!("tzcnt {rdi}, {r9}"));
        check(|asm| asm.bits(Bits::Ones, width, Gpr::RDI, Gpr::R9), format!("popcnt {rdi}, {r9}"));
    }
    check(|asm| asm.sign_to_rdx(Width::W32), "cdq");
    check(|asm| asm.sign_to_rdx(Width::W64), "cqo");
    for gpr in gprs() {
        check(|asm| asm.setcc(Condition::Greater, gpr), format!("setg {}", byte(gpr)));
        check(|asm| asm.push(gpr), format!("push {}", name(Width::W64, gpr)));
        check(|asm| asm.pop(gpr), format!("pop {}", name(Width::W64, gpr)));
        check(|asm| asm.call_r(gpr), format!("call {}", name(Width::W64, gpr)));
        check(|asm| asm.jmp_r(gpr), format!("jmp {}", name(Width::W64, gpr)));
    }
}

#[test]
fn wide() {
    for width in widths() {
        let (rdi, r9) = (name(width, Gpr::RDI), name(width, Gpr::R9));
        check(|asm| asm.mul_wide(width, true, Gpr::RDI), format!("imul {rdi}"));
        check(|asm| asm.mul_wide(width, false, Gpr::R9), format!("mul {r9}"));
        check(|asm| asm.alu_rr(Alu::Adc, width, Gpr::RDI, Gpr::R9), format!("adc {rdi}, {r9}"));
        check(|asm| asm.alu_rr(Alu::Sbb, width, Gpr::R9, Gpr::RDI), format!("sbb {r9}, {rdi}"));
    }
}

#[test]
fn atomics() {
    for (base, gpr) in gprs().flat_map(|base| gprs().map(move |gpr| (base, gpr))) {
        let mem = Mem::at(base, 8);
        let sizes = [(Store::Byte, 0), (Store::Half, 3), (Store::Word, 1), (Store::Double, 2)];
        for (size, column) in sizes {
            let half = name(Width::W32, gpr).trim_start_matches('e');
            let half = if gpr.0 < 8 { half.to_owned() } else { half.replace('d', "w") };
            let register = if column == 3 { half } else { GPRS[usize::from(gpr.0)][column].to_owned() };
            let operands = format!("{}, {register}", text(mem));
            check(|asm| asm.xchg(size, mem, gpr), format!("xchg {operands}"));
            check(|asm| asm.lock_xadd(size, mem, gpr), format!("lock xadd {operands}"));
            check(|asm| asm.lock_cmpxchg(size, mem, gpr), format!("lock cmpxchg {operands}"));
        }
    }
    check(|asm| asm.mfence(), "mfence");
}

#[test]
fn floats() {
    let ops = [
        (FloatOp::Sqrt, "sqrt"),
        (FloatOp::Add, "add"),
        (FloatOp::Mul, "mul"),
        (FloatOp::Sub, "sub"),
        (FloatOp::Min, "min"),
        (FloatOp::Max, "max"),
    ];
    for (op, text) in ops {
        check(|asm| asm.float_rr(op, Float::F32, Xmm(8), Xmm(1)), format!("{text}ss xmm8, xmm1"));
    }
    let bits = [(FloatBits::And, "andps"), (FloatBits::AndNot, "andnps"), (FloatBits::Or, "orps"), (FloatBits::Xor, "xorps")];
    for (op, text) in bits {
        check(|asm| asm.float_bits(op, Xmm(2), Xmm(15)), format!("{text} xmm2, xmm15"));
    }
    check(|asm| asm.float_compare(Float::F64, Xmm(1), Xmm(2)), "ucomisd xmm1, xmm2");
    check(|asm| asm.float_convert(Float::F64, Xmm(1), Xmm(2)), "cvtsd2ss xmm1, xmm2");
    check(|asm| asm.float_convert(Float::F32, Xmm(1), Xmm(2)), "cvtss2sd xmm1, xmm2");
    check(|asm| asm.float_round(Float::F32, Rounding::Nearest, Xmm(1), Xmm(2)), "roundss xmm1, xmm2, 8");
}

#[test]
fn control() {
    check(|asm| asm.leave(), "leave");
    check(|asm| asm.ret(0), "ret");
    check(|asm| asm.ret(32), "ret 0x20");
    check(|asm| asm.ud2(), "ud2");
    check(|asm| asm.call_m(Mem::at(Gpr::RAX, 16)), "call qword ptr [rax+0x10]");
    check(|asm| assert_eq!(asm.call_rip(), 2), "call qword ptr [rip]");
    check(|asm| assert_eq!(asm.jmp_rip(), 2), "jmp qword ptr [rip]");
    check(|asm| assert_eq!(asm.inc_rip(), 2), "inc dword ptr [rip]");
    check(|asm| assert_eq!(asm.cmp_rip_r(Gpr::RAX), 2), "cmp [rip], eax");
    check(|asm| assert_eq!(asm.cmp_rip_r(Gpr::R9), 3), "cmp [rip], r9d");
    check(|asm| assert_eq!(asm.lea_rip(Gpr::R11), 3), "lea r11, [rip]");
    let conditions = ["jo", "jno", "jb", "jae", "je", "jne", "jbe", "ja", "js", "jns", "jp", "jnp", "jl", "jge", "jle", "jg"];
    use Condition::*;
    let all = [
        Overflow,
        NoOverflow,
        Below,
        AboveEqual,
        Equal,
        NotEqual,
        BelowEqual,
        Above,
        Negative,
        NotNegative,
        Parity,
        NoParity,
        Less,
        GreaterEqual,
        LessEqual,
        Greater,
    ];
    for (condition, text) in all.into_iter().zip(conditions) {
        let back = |asm: &mut Assembler| {
            let here = asm.buffer.here();
            asm.jcc(condition, here);
        };
        check(back, format!("{text} short 0"));
        assert_eq!(condition.negated() as u8, condition as u8 ^ 1);
        assert_eq!(condition.swapped().swapped(), condition);
    }
}

#[test]
fn jumps_reach_their_labels() {
    let mut asm = Assembler::default();
    let (ahead, far) = (asm.buffer.new_label(), asm.buffer.new_label());
    let start = asm.buffer.here();
    asm.jmp(ahead);
    asm.jcc(Condition::Less, far);
    asm.lea_label(Gpr::R11, ahead);
    asm.buffer.bind(ahead);
    asm.jmp(start);
    asm.buffer.append(&[0x90; 200]);
    asm.buffer.bind(far);
    asm.jmp(start);
    asm.buffer.resolve();
    let found = disassembled(asm.buffer.bytes());
    assert_eq!(found[..4], ["jmp 0x0000000000000012", "jl 0x00000000000000dc", "lea r11, [rip]", "jmp short 0"]);
    assert_eq!(found.last().map(String::as_str), Some("jmp 0"));
}
