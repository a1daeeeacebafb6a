(module
  (func $ints (param i32 i32 i32) (result i32) (select (local.get 0) (local.get 1) (i32.gt_u (local.get 2) (i32.const 9))))
  (func $floats (param f64 f64 i32) (result f64) (select (local.get 0) (local.get 1) (local.get 2))))

;; baseline: $ints, 54 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x70]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x70
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov edx, edx
;;     mov ecx, ecx
;;     cmp ecx, 9
;;     mov eax, esi
;;     cmovbe eax, edx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x22
;;
;; baseline: $floats, 59 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x60]
;;     cmp rax, [r11]
;;     jb L2
;;     sub rsp, 0x60
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     test esi, esi
;;     movaps xmm2, xmm0
;;     jne L1
;;     movaps xmm2, xmm1
;; L1:
;;     movaps xmm0, xmm2
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x2f
;;
;; optimized: $ints, 18 bytes
;;     push rbp
;;     mov rbp, rsp
;;     cmp ecx, 9
;;     mov rax, rdx
;;     cmova eax, esi
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $floats, 28 bytes
;;     push rbp
;;     mov rbp, rsp
;;     test esi, esi
;;     movdqa xmm6, xmm0
;;     movdqa xmm0, xmm1
;;     je L1
;;     movaps xmm0, xmm6
;; L1:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
