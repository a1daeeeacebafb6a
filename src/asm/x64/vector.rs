//! Whole vector registers: SSE2 to SSE4.2, and FMA.
//!
//! Instructions are rows of tables: a mnemonic, and a word that says prefix, map and opcode. Those of one table are emitted by the same methods.
//! Memory operands of [`Packed`] are aligned to 16 bytes, but for those that read less than a whole vector.

use crate::asm::buffer::Label;
use crate::asm::x64::Assembler;
use crate::asm::x64::encode::{Map, Opcode};
use crate::asm::x64::operand::{Mem, Width};
use crate::asm::x64::register::{Gpr, Xmm};

/// Prefixes and maps, above the byte of the opcode.
const P66: u32 = 0x66 << 8;
const PF2: u32 = 0xf2 << 8;
const PF3: u32 = 0xf3 << 8;
const M38: u32 = 1 << 16;
const M3A: u32 = 2 << 16;

macro_rules! instructions {
    ($(#[$doc:meta])* $table:ident { $($name:ident = $code:expr,)* }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq)]
        #[repr(u32)]
        #[allow(missing_docs)]
        pub enum $table { $($name = $code,)* }

        impl $table {
            /// All of them.
            pub const ALL: &[$table] = &[$($table::$name,)*];
        }
    };
}

#[inline]
const fn opcode(word: u32) -> Opcode {
    let map = match word >> 16 {
        1 => Map::Three38,
        2 => Map::Three3a,
        _ => Map::Two,
    };
    Opcode::two(word as u8).with_map(map).with_prefix((word >> 8) as u8)
}

instructions! {
    /// Two operands, of which the first is the destination and, but for conversions and the like, an operand.
    Packed {
        Movddup = PF2 | 0x12,
        Movlhps = 0x16,
        Sqrtps = 0x51,
        Sqrtpd = P66 | 0x51,
        Andps = 0x54,
        Andnps = 0x55,
        Orps = 0x56,
        Xorps = 0x57,
        Addps = 0x58,
        Addpd = P66 | 0x58,
        Mulps = 0x59,
        Mulpd = P66 | 0x59,
        Cvtps2pd = 0x5a,
        Cvtpd2ps = P66 | 0x5a,
        Cvtdq2ps = 0x5b,
        Cvttps2dq = PF3 | 0x5b,
        Subps = 0x5c,
        Subpd = P66 | 0x5c,
        Minps = 0x5d,
        Minpd = P66 | 0x5d,
        Divps = 0x5e,
        Divpd = P66 | 0x5e,
        Maxps = 0x5f,
        Maxpd = P66 | 0x5f,
        Punpcklbw = P66 | 0x60,
        Punpcklwd = P66 | 0x61,
        Punpckldq = P66 | 0x62,
        Packsswb = P66 | 0x63,
        Pcmpgtb = P66 | 0x64,
        Pcmpgtw = P66 | 0x65,
        Pcmpgtd = P66 | 0x66,
        Packuswb = P66 | 0x67,
        Punpckhbw = P66 | 0x68,
        Punpckhwd = P66 | 0x69,
        Punpckhdq = P66 | 0x6a,
        Packssdw = P66 | 0x6b,
        Punpcklqdq = P66 | 0x6c,
        Punpckhqdq = P66 | 0x6d,
        Pcmpeqb = P66 | 0x74,
        Pcmpeqw = P66 | 0x75,
        Pcmpeqd = P66 | 0x76,
        Psrlw = P66 | 0xd1,
        Psrld = P66 | 0xd2,
        Psrlq = P66 | 0xd3,
        Paddq = P66 | 0xd4,
        Pmullw = P66 | 0xd5,
        Psubusb = P66 | 0xd8,
        Psubusw = P66 | 0xd9,
        Pminub = P66 | 0xda,
        Pand = P66 | 0xdb,
        Paddusb = P66 | 0xdc,
        Paddusw = P66 | 0xdd,
        Pmaxub = P66 | 0xde,
        Pandn = P66 | 0xdf,
        Pavgb = P66 | 0xe0,
        Psraw = P66 | 0xe1,
        Psrad = P66 | 0xe2,
        Pavgw = P66 | 0xe3,
        Pmulhuw = P66 | 0xe4,
        Pmulhw = P66 | 0xe5,
        Cvttpd2dq = P66 | 0xe6,
        Cvtdq2pd = PF3 | 0xe6,
        Psubsb = P66 | 0xe8,
        Psubsw = P66 | 0xe9,
        Pminsw = P66 | 0xea,
        Por = P66 | 0xeb,
        Paddsb = P66 | 0xec,
        Paddsw = P66 | 0xed,
        Pmaxsw = P66 | 0xee,
        Pxor = P66 | 0xef,
        Psllw = P66 | 0xf1,
        Pslld = P66 | 0xf2,
        Psllq = P66 | 0xf3,
        Pmuludq = P66 | 0xf4,
        Pmaddwd = P66 | 0xf5,
        Psubb = P66 | 0xf8,
        Psubw = P66 | 0xf9,
        Psubd = P66 | 0xfa,
        Psubq = P66 | 0xfb,
        Paddb = P66 | 0xfc,
        Paddw = P66 | 0xfd,
        Paddd = P66 | 0xfe,
        Pshufb = P66 | M38,
        Pmaddubsw = P66 | M38 | 0x04,
        Pmulhrsw = P66 | M38 | 0x0b,
        Ptest = P66 | M38 | 0x17,
        Pabsb = P66 | M38 | 0x1c,
        Pabsw = P66 | M38 | 0x1d,
        Pabsd = P66 | M38 | 0x1e,
        Pmovsxbw = P66 | M38 | 0x20,
        Pmovsxwd = P66 | M38 | 0x23,
        Pmovsxdq = P66 | M38 | 0x25,
        Pmuldq = P66 | M38 | 0x28,
        Pcmpeqq = P66 | M38 | 0x29,
        Packusdw = P66 | M38 | 0x2b,
        Pmovzxbw = P66 | M38 | 0x30,
        Pmovzxwd = P66 | M38 | 0x33,
        Pmovzxdq = P66 | M38 | 0x35,
        Pcmpgtq = P66 | M38 | 0x37,
        Pminsb = P66 | M38 | 0x38,
        Pminsd = P66 | M38 | 0x39,
        Pminuw = P66 | M38 | 0x3a,
        Pminud = P66 | M38 | 0x3b,
        Pmaxsb = P66 | M38 | 0x3c,
        Pmaxsd = P66 | M38 | 0x3d,
        Pmaxuw = P66 | M38 | 0x3e,
        Pmaxud = P66 | M38 | 0x3f,
        Pmulld = P66 | M38 | 0x40,
    }
}

instructions! {
    /// The same with a constant of 8 bits.
    PackedImm {
        Pshufd = P66 | 0x70,
        Pshuflw = PF2 | 0x70,
        Cmpps = 0xc2,
        Cmppd = P66 | 0xc2,
        Shufps = 0xc6,
        Roundps = P66 | M3A | 0x08,
        Roundpd = P66 | M3A | 0x09,
        Palignr = P66 | M3A | 0x0f,
        Insertps = P66 | M3A | 0x21,
    }
}

instructions! {
    /// The topmost bits of lanes to a general-purpose register.
    Mask {
        Movmskps = 0x50,
        Movmskpd = P66 | 0x50,
        Pmovmskb = P66 | 0xd7,
    }
}

instructions! {
    /// `±(a * b) + c` with one rounding, encoded as VEX: the first operand is `c` and the destination.
    Fused {
        Vfmadd231ps = 0xb8,
        Vfmadd231pd = 0x1_b8,
        Vfnmadd231ps = 0xbc,
        Vfnmadd231pd = 0x1_bc,
    }
}

/// Shifts of lanes by a constant: the opcode, and what stands for the shift in ModRM.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u16)]
#[allow(missing_docs)]
pub enum PackedShift {
    Psrlw = 0x71 | 2 << 8,
    Psraw = 0x71 | 4 << 8,
    Psllw = 0x71 | 6 << 8,
    Psrld = 0x72 | 2 << 8,
    Psrad = 0x72 | 4 << 8,
    Pslld = 0x72 | 6 << 8,
    Psrlq = 0x73 | 2 << 8,
    Psllq = 0x73 | 6 << 8,
}

/// Lanes of integers, by bits.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Lane {
    L8,
    L16,
    L32,
    L64,
}

impl Lane {
    /// How wide the general-purpose register is.
    fn width(self) -> Width {
        if self == Lane::L64 { Width::W64 } else { Width::W32 }
    }

    /// PEXTRB, PEXTRW, PEXTRD, PEXTRQ.
    fn extract(self) -> Opcode {
        let code = match self {
            Lane::L8 => 0x14,
            Lane::L16 => 0x15,
            Lane::L32 | Lane::L64 => 0x16,
        };
        opcode(P66 | M3A | code).with_width(self.width())
    }

    /// PINSRB, PINSRW, PINSRD, PINSRQ.
    fn insert(self) -> Opcode {
        let word = match self {
            Lane::L8 => P66 | M3A | 0x20,
            Lane::L16 => P66 | 0xc4,
            Lane::L32 | Lane::L64 => P66 | M3A | 0x22,
        };
        opcode(word).with_width(self.width())
    }
}

impl Assembler {
    /// Memory to a whole register (MOVUPS).
    #[inline]
    pub fn vector_load(&mut self, to: Xmm, mem: Mem) {
        self.rm(Opcode::two(0x10), to.0, mem);
    }

    /// A whole register to memory (MOVUPS).
    #[inline]
    pub fn vector_store(&mut self, mem: Mem, from: Xmm) {
        self.rm(Opcode::two(0x11), from.0, mem);
    }

    /// A constant behind the code, which is aligned, to a whole register (MOVAPS).
    pub fn vector_constant(&mut self, to: Xmm, label: Label) {
        self.rip_label(Opcode::two(0x28), to.0, label);
    }

    /// Two registers.
    #[inline]
    pub fn packed_rr(&mut self, op: Packed, to: Xmm, from: Xmm) {
        self.rr(opcode(op as u32), to.0, from.0);
    }

    /// A register and memory.
    pub fn packed_rm(&mut self, op: Packed, to: Xmm, mem: Mem) {
        self.rm(opcode(op as u32), to.0, mem);
    }

    /// A register and a constant behind the code.
    pub fn packed_rl(&mut self, op: Packed, to: Xmm, label: Label) {
        self.rip_label(opcode(op as u32), to.0, label);
    }

    /// Two registers and a constant.
    pub fn packed_rri(&mut self, op: PackedImm, to: Xmm, from: Xmm, imm: u8) {
        self.rr(opcode(op as u32), to.0, from.0);
        self.imm8(imm);
    }

    /// A shift by a constant.
    pub fn packed_shift(&mut self, op: PackedShift, reg: Xmm, bits: u8) {
        let [code, number] = (op as u16).to_le_bytes();
        self.rr(opcode(P66 | u32::from(code)), number, reg.0);
        self.imm8(bits);
    }

    /// Topmost bits.
    pub fn packed_mask(&mut self, op: Mask, to: Gpr, from: Xmm) {
        self.rr(opcode(op as u32), to.0, from.0);
    }

    /// The low 64 bits of another register; the others stay (MOVSD).
    pub fn move_low(&mut self, to: Xmm, from: Xmm) {
        self.rr(opcode(PF2 | 0x10), to.0, from.0);
    }

    /// A lane to a register, zero-extended.
    pub fn lane_extract(&mut self, lane: Lane, to: Gpr, from: Xmm, index: u8) {
        self.rr(lane.extract(), from.0, to.0);
        self.imm8(index);
    }

    /// A lane to memory.
    pub fn lane_store(&mut self, lane: Lane, mem: Mem, from: Xmm, index: u8) {
        self.rm(lane.extract(), from.0, mem);
        self.imm8(index);
    }

    /// The low bits of a register to a lane.
    pub fn lane_insert(&mut self, lane: Lane, to: Xmm, from: Gpr, index: u8) {
        self.rr(lane.insert(), to.0, from.0);
        self.imm8(index);
    }

    /// Memory to a lane.
    pub fn lane_load(&mut self, lane: Lane, to: Xmm, mem: Mem, index: u8) {
        self.rm(lane.insert(), to.0, mem);
        self.imm8(index);
    }

    /// Multiplies and adds.
    pub fn packed_fused(&mut self, op: Fused, to: Xmm, a: Xmm, b: Xmm) {
        let wide = op as u32 >> 8 != 0;
        // VEX of three bytes: the high bits of the registers inverted, map 0f 38; width, the second operand inverted, 128 bits, prefix 66.
        let first = (!to.0 >> 3 & 1) << 7 | 1 << 6 | (!b.0 >> 3 & 1) << 5 | 2;
        let second = u8::from(wide) << 7 | (!a.0 & 15) << 3 | 1;
        let modrm = 0xc0 | (to.0 & 7) << 3 | b.0 & 7;
        self.buffer.reserve();
        self.buffer.put(u64::from_le_bytes([0xc4, first, second, op as u8, modrm, 0, 0, 0]), 5);
    }
}
