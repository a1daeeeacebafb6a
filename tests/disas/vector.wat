(module (memory 1)
  (func $add (param i32) (result v128)
    (i32x4.add (v128.load (local.get 0)) (v128.const i32x4 1 2 3 4)))
  (func $dot (param v128 v128) (result f32)
    (f32x4.extract_lane 1 (f32x4.mul (local.get 0) (local.get 1))))
  (func $shuffle (param v128 v128) (result v128)
    (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23 (local.get 0) (local.get 1)))
  (func $mask (param v128) (result i32) (i8x16.bitmask (i8x16.eq (local.get 0) (v128.const i64x2 0 0)))))

;; baseline: $add, 96 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x60]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x60
;;     mov [rbp - 0x10], r14
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov esi, esi
;;     movups xmm0, [r14 + rsi]                     ; trap MemoryOutOfBounds; V128Load at 0x34
;;     movaps xmm1, [rip + L2]
;;     paddd xmm0, xmm1
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x31
;; L2:
;;     .byte 01 00 00 00 02 00 00 00 03 00 00 00 04 00 00 00
;;
;; baseline: $dot, 54 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x70]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x70
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     movaps xmm2, xmm0
;;     mulps xmm2, xmm1
;;     pshufd xmm2, xmm2, 1
;;     movaps xmm0, xmm2
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x4f
;;
;; baseline: $shuffle, 50 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x70]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x70
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     movaps xmm2, xmm0
;;     punpcklbw xmm2, xmm1
;;     movaps xmm0, xmm2
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x5c
;;
;; baseline: $mask, 54 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x60]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x60
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     xorps xmm1, xmm1
;;     movaps xmm2, xmm0
;;     pcmpeqb xmm2, xmm1
;;     pmovmskb eax, xmm2
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x75
;;
;; optimized: $add, 64 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rdi, [rdi + 0x38]
;;     mov r8d, esi
;;     vmovdqu xmm7, [rdi + r8]                     ; trap MemoryOutOfBounds; V128Load at 0x34
;;     vmovdqu xmm0, [rip + L1]
;;     vpaddd xmm0, xmm7, xmm0
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     .byte 01 00 00 00 02 00 00 00 03 00 00 00 04 00 00 00
;;
;; optimized: $dot, 18 bytes
;;     push rbp
;;     mov rbp, rsp
;;     vmulps xmm4, xmm0, xmm1
;;     vpshufd xmm0, xmm4, 1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $shuffle, 13 bytes
;;     push rbp
;;     mov rbp, rsp
;;     vpunpcklbw xmm0, xmm0, xmm1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $mask, 21 bytes
;;     push rbp
;;     mov rbp, rsp
;;     vpxor xmm6, xmm4, xmm4
;;     vpcmpeqb xmm5, xmm0, xmm6
;;     vpmovmskb eax, xmm5
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
