;;! settings = "uninterruptible"
(module (memory 1)
  ;; The base of the memory is read once.
  (func $sum (param $at i32) (param $end i32) (result f64) (local $sum f64)
    (loop $l
      (local.set $sum (f64.add (local.get $sum) (f64.load (local.get $at))))
      (br_if $l (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end))))
    (local.get $sum)))

;; baseline: $sum, 93 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x60]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x60
;;     mov [rbp - 0x10], r14
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov esi, esi
;;     mov edx, edx
;;     xorps xmm0, xmm0
;; L1:
;;     movsd xmm1, [r14 + rsi]                      ; trap MemoryOutOfBounds; F64Load at 0x27
;;     movaps xmm2, xmm0
;;     addsd xmm2, xmm1
;;     lea eax, [rsi + 8]
;;     cmp eax, edx
;;     jae L2
;;     mov esi, eax
;;     movaps xmm0, xmm2
;;     jmp L1
;; L2:
;;     movaps xmm0, xmm2
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x1e
;;
;; optimized: $sum, 42 bytes
;;     push rbp
;;     mov rbp, rsp
;;     vxorpd xmm0, xmm0, xmm0
;;     mov rax, [rdi + 0x38]
;; L1:
;;     mov ecx, esi
;;     vmovsd xmm1, [rax + rcx]                     ; trap MemoryOutOfBounds; F64Load at 0x27
;;     add esi, 8
;;     vaddsd xmm0, xmm0, xmm1
;;     cmp esi, edx
;;     jb L1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
