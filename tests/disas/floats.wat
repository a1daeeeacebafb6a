(module
  (func $arithmetic (param f64 f64) (result f64) (f64.div (f64.mul (local.get 0) (f64.const 2.5)) (local.get 1)))
  (func $min (param f32 f32) (result f32) (f32.min (local.get 0) (local.get 1)))
  (func $round (param f64) (result f64) (f64.floor (local.get 0)))
  (func $sign (param f64 f64) (result f64) (f64.copysign (f64.neg (local.get 0)) (local.get 1))))

;; baseline: $arithmetic, 69 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov r11, 0x4004000000000000
;;     movq xmm2, r11
;;     movaps xmm3, xmm0
;;     mulsd xmm3, xmm2
;;     divsd xmm3, xmm1
;;     movaps xmm0, xmm3
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x27
;;
;; baseline: $min, 82 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L4
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     movaps xmm2, xmm0
;;     ucomiss xmm2, xmm1
;;     jp L1
;;     jne L2
;;     orps xmm2, xmm1
;;     jmp L3
;; L1:
;;     addss xmm2, xmm1
;;     jmp L3
;; L2:
;;     minss xmm2, xmm1
;; L3:
;;     movaps xmm0, xmm2
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L4:
;;     ud2                                          ; trap StackOverflow; entry at 0x39
;;
;; baseline: $round, 52 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     movaps xmm1, xmm0
;;     roundsd xmm1, xmm1, 9
;;     movaps xmm0, xmm1
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x41
;;
;; baseline: $sign, 95 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     movaps xmm2, xmm0
;;     mov r11, 0x8000000000000000
;;     movq xmm15, r11
;;     xorps xmm2, xmm15
;;     mov r11, 0x8000000000000000
;;     movq xmm15, r11
;;     movaps xmm3, xmm1
;;     andps xmm3, xmm15
;;     andnps xmm15, xmm2
;;     orps xmm3, xmm15
;;     movaps xmm0, xmm3
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x47
;;
;; optimized: $arithmetic, 48 bytes
;;     push rbp
;;     mov rbp, rsp
;;     vmulsd xmm4, xmm0, [rip + L1]
;;     vdivsd xmm0, xmm4, xmm1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     .byte 00 00 00 00 00 00 04 40 00 00 00 00 00 00 00 00
;;
;; optimized: $min, 54 bytes
;;     push rbp
;;     mov rbp, rsp
;;     movdqa xmm4, xmm0
;;     movdqa xmm0, xmm1
;;     ucomiss xmm0, xmm4
;;     jne L2
;;     jp L1
;;     orps xmm0, xmm4
;;     jmp L3
;; L1:
;;     addss xmm0, xmm4
;;     jp L3
;; L2:
;;     minss xmm0, xmm4
;; L3:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $round, 19 bytes
;;     push rbp
;;     mov rbp, rsp
;;     vxorpd xmm4, xmm2, xmm2
;;     vroundsd xmm0, xmm4, xmm0, 1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $sign, 55 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, 0x8000000000000000
;;     vmovq xmm2, r8
;;     vxorpd xmm0, xmm0, xmm2
;;     mov rsi, 0x8000000000000000
;;     vmovq xmm2, rsi
;;     vandnpd xmm0, xmm2, xmm0
;;     vandpd xmm1, xmm2, xmm1
;;     vorpd xmm0, xmm0, xmm1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
