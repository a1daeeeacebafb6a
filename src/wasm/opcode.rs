//! Opcodes of one byte, by name (WebAssembly 3.0, § 5.4): those of the operators that bodies have most of, and of blocks.

macro_rules! opcodes {
    ($($opcode:literal $name:ident)*) => {
        $(
            #[allow(missing_docs)]
            pub const $name: u8 = $opcode;
        )*

        #[cfg(test)]
        const ALL: &[(u8, &str)] = &[$(($opcode, stringify!($name)),)*];
    };
}

opcodes! {
    0x00 UNREACHABLE 0x01 NOP 0x02 BLOCK 0x03 LOOP 0x04 IF 0x05 ELSE 0x06 TRY 0x07 CATCH 0x0b END 0x0c BR 0x0d BR_IF 0x0f RETURN
    0x10 CALL 0x11 CALL_INDIRECT 0x18 DELEGATE 0x19 CATCH_ALL 0x1a DROP 0x1b SELECT 0x1f TRY_TABLE 0x20 LOCAL_GET 0x21 LOCAL_SET
    0x22 LOCAL_TEE 0x23 GLOBAL_GET 0x24 GLOBAL_SET 0x28 I32_LOAD 0x29 I64_LOAD 0x2a F32_LOAD 0x2b F64_LOAD 0x2c I32_LOAD8_S
    0x2d I32_LOAD8_U 0x2e I32_LOAD16_S 0x2f I32_LOAD16_U 0x30 I64_LOAD8_S 0x31 I64_LOAD8_U 0x32 I64_LOAD16_S 0x33 I64_LOAD16_U
    0x34 I64_LOAD32_S 0x35 I64_LOAD32_U 0x36 I32_STORE 0x37 I64_STORE 0x38 F32_STORE 0x39 F64_STORE 0x3a I32_STORE8
    0x3b I32_STORE16 0x3c I64_STORE8 0x3d I64_STORE16 0x3e I64_STORE32 0x41 I32_CONST 0x42 I64_CONST 0x43 F32_CONST
    0x44 F64_CONST 0x45 I32_EQZ 0x46 I32_EQ 0x47 I32_NE 0x48 I32_LT_S 0x49 I32_LT_U 0x4a I32_GT_S 0x4b I32_GT_U 0x4c I32_LE_S
    0x4d I32_LE_U 0x4e I32_GE_S 0x4f I32_GE_U 0x50 I64_EQZ 0x51 I64_EQ 0x52 I64_NE 0x53 I64_LT_S 0x54 I64_LT_U 0x55 I64_GT_S
    0x56 I64_GT_U 0x57 I64_LE_S 0x58 I64_LE_U 0x59 I64_GE_S 0x5a I64_GE_U 0x5b F32_EQ 0x5c F32_NE 0x5d F32_LT 0x5e F32_GT
    0x5f F32_LE 0x60 F32_GE 0x61 F64_EQ 0x62 F64_NE 0x63 F64_LT 0x64 F64_GT 0x65 F64_LE 0x66 F64_GE 0x67 I32_CLZ 0x68 I32_CTZ
    0x69 I32_POPCNT 0x6a I32_ADD 0x6b I32_SUB 0x6c I32_MUL 0x6d I32_DIV_S 0x6e I32_DIV_U 0x6f I32_REM_S 0x70 I32_REM_U
    0x71 I32_AND 0x72 I32_OR 0x73 I32_XOR 0x74 I32_SHL 0x75 I32_SHR_S 0x76 I32_SHR_U 0x77 I32_ROTL 0x78 I32_ROTR 0x79 I64_CLZ
    0x7a I64_CTZ 0x7b I64_POPCNT 0x7c I64_ADD 0x7d I64_SUB 0x7e I64_MUL 0x7f I64_DIV_S 0x80 I64_DIV_U 0x81 I64_REM_S
    0x82 I64_REM_U 0x83 I64_AND 0x84 I64_OR 0x85 I64_XOR 0x86 I64_SHL 0x87 I64_SHR_S 0x88 I64_SHR_U 0x89 I64_ROTL 0x8a I64_ROTR
    0x8b F32_ABS 0x8c F32_NEG 0x8d F32_CEIL 0x8e F32_FLOOR 0x8f F32_TRUNC 0x90 F32_NEAREST 0x91 F32_SQRT 0x92 F32_ADD
    0x93 F32_SUB 0x94 F32_MUL 0x95 F32_DIV 0x96 F32_MIN 0x97 F32_MAX 0x98 F32_COPYSIGN 0x99 F64_ABS 0x9a F64_NEG 0x9b F64_CEIL
    0x9c F64_FLOOR 0x9d F64_TRUNC 0x9e F64_NEAREST 0x9f F64_SQRT 0xa0 F64_ADD 0xa1 F64_SUB 0xa2 F64_MUL 0xa3 F64_DIV
    0xa4 F64_MIN 0xa5 F64_MAX 0xa6 F64_COPYSIGN 0xa7 I32_WRAP_I64 0xa8 I32_TRUNC_F32_S 0xa9 I32_TRUNC_F32_U 0xaa I32_TRUNC_F64_S
    0xab I32_TRUNC_F64_U 0xac I64_EXTEND_I32_S 0xad I64_EXTEND_I32_U 0xae I64_TRUNC_F32_S 0xaf I64_TRUNC_F32_U
    0xb0 I64_TRUNC_F64_S 0xb1 I64_TRUNC_F64_U 0xb2 F32_CONVERT_I32_S 0xb3 F32_CONVERT_I32_U 0xb4 F32_CONVERT_I64_S
    0xb5 F32_CONVERT_I64_U 0xb6 F32_DEMOTE_F64 0xb7 F64_CONVERT_I32_S 0xb8 F64_CONVERT_I32_U 0xb9 F64_CONVERT_I64_S
    0xba F64_CONVERT_I64_U 0xbb F64_PROMOTE_F32 0xbc I32_REINTERPRET_F32 0xbd I64_REINTERPRET_F64 0xbe F32_REINTERPRET_I32
    0xbf F64_REINTERPRET_I64 0xc0 I32_EXTEND8_S 0xc1 I32_EXTEND16_S 0xc2 I64_EXTEND8_S 0xc3 I64_EXTEND16_S 0xc4 I64_EXTEND32_S
}

#[cfg(test)]
mod tests {
    use wasmparser::{BinaryReader, OperatorsReader};

    use super::*;

    #[test]
    fn names_are_those_of_the_operators() {
        for &(opcode, name) in ALL {
            // In a block that may have another arm, or clauses.
            let block = if matches!(opcode, CATCH | CATCH_ALL | DELEGATE) { TRY } else { IF };
            let bytes = [&[block, 0x40, opcode][..], &[0x00; 8]].concat();
            let mut reader = OperatorsReader::new(BinaryReader::new(&bytes, 0));
            reader.read().expect("a block");
            let operator = format!("{:?}", reader.read().expect("an operator"));
            let found = operator.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            assert_eq!(found.to_uppercase(), name.replace('_', ""), "{opcode:#04x}");
        }
        assert_eq!(ALL.len(), 179);
    }
}
