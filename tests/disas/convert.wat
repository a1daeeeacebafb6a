(module
  (func $trapping (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func $saturating (param f32) (result i32) (i32.trunc_sat_f32_u (local.get 0)))
  (func $from_unsigned (param i64) (result f64) (f64.convert_i64_u (local.get 0)))
  (func $extend (param i32) (result i64) (i64.extend8_s (i64.extend_i32_u (local.get 0)))))

;; baseline: $trapping, 73 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     cvttsd2si rax, xmm0
;;     movsxd r11, eax
;;     cmp r11, rax
;;     jne L1
;;     mov eax, eax
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ucomisd xmm0, xmm0
;;     jp L2
;;     ud2                                          ; trap IntegerOverflow; I32TruncF64S at 0x2d
;; L2:
;;     ud2                                          ; trap InvalidConversion; I32TruncF64S at 0x2d
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x2a
;;
;; baseline: $saturating, 97 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     cvttss2si rax, xmm0
;;     mov r11d, eax
;;     cmp r11, rax
;;     je L2
;;     xorps xmm15, xmm15
;;     ucomiss xmm0, xmm15
;;     jnp L1
;;     mov eax, 0
;;     jmp L2
;; L1:
;;     mov eax, 0
;;     jb L2
;;     mov eax, 0xffffffff
;; L2:
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x30
;;
;; baseline: $from_unsigned, 87 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov rax, rsi
;;     xorps xmm0, xmm0
;;     test rax, rax
;;     js L1
;;     cvtsi2sd xmm0, rax
;;     jmp L2
;; L1:
;;     mov r11, rax
;;     shr r11, 1
;;     and eax, 1
;;     or r11, rax
;;     cvtsi2sd xmm0, r11
;;     addsd xmm0, xmm0
;; L2:
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x37
;;
;; baseline: $extend, 46 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     movsx rax, sil
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x3d
;;
;; optimized: $trapping, 77 bytes
;;     push rbp
;;     mov rbp, rsp
;;     cvttsd2si eax, xmm0
;;     cmp eax, 1
;;     jno L1
;;     ucomisd xmm0, xmm0
;;     jp L2
;;     mov rsi, 0xc1e0000000200000
;;     movq xmm3, rsi
;;     ucomisd xmm0, xmm3
;;     jbe L3
;;     xorpd xmm3, xmm3
;;     ucomisd xmm3, xmm0
;;     jb L4
;; L1:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L2:
;;     ud2                                          ; trap InvalidConversion; I32TruncF64S at 0x2d
;; L3:
;;     ud2                                          ; trap IntegerOverflow; I32TruncF64S at 0x2d
;; L4:
;;     ud2                                          ; trap IntegerOverflow; I32TruncF64S at 0x2d
;;
;; optimized: $saturating, 95 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov esi, 0x4f000000
;;     movd xmm3, esi
;;     ucomiss xmm0, xmm3
;;     jae L2
;;     jnp L1
;;     xor eax, eax
;;     jmp L4
;; L1:
;;     cvttss2si eax, xmm0
;;     cmp eax, 0
;;     jge L4
;;     xor eax, eax
;;     jmp L4
;; L2:
;;     movaps xmm4, xmm0
;;     subss xmm4, xmm3
;;     cvttss2si eax, xmm4
;;     cmp eax, 0
;;     jge L3
;;     mov eax, 0xffffffff
;;     jmp L4
;; L3:
;;     add eax, 0x80000000
;; L4:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $from_unsigned, 58 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, rsi
;;     cmp r8, 0
;;     jl L1
;;     cvtsi2sd xmm0, r8
;;     jmp L2
;; L1:
;;     mov rdi, r8
;;     shr rdi, 1
;;     mov rsi, r8
;;     and rsi, 1
;;     or rsi, rdi
;;     cvtsi2sd xmm0, rsi
;;     addsd xmm0, xmm0
;; L2:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $extend, 13 bytes
;;     push rbp
;;     mov rbp, rsp
;;     movsx rax, sil
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
