(module
  ;; Neither trap is possible.
  (func $ten (param i32) (result i32) (i32.div_u (local.get 0) (i32.const 10)))
  (func $eight (param i32) (result i32) (i32.div_s (local.get 0) (i32.const 8)))
  (func $rest (param i64) (result i64) (i64.rem_u (local.get 0) (i64.const 16))))

;; baseline: $ten, 53 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov ecx, 0xa
;;     mov eax, esi
;;     xor edx, edx
;;     div ecx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
;; baseline: $eight, 52 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov ecx, 8
;;     mov eax, esi
;;     cdq
;;     idiv ecx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x27
;;
;; baseline: $rest, 56 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov ecx, 0x10
;;     mov rax, rsi
;;     xor edx, edx
;;     div rcx
;;     mov rax, rdx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2f
;;
;; optimized: $ten, 32 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rdx, rsi
;;     mulx eax, eax, [rip + L1]
;;     shr eax, 3
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     .byte cd cc cc cc 00 00 00 00
;;
;; optimized: $eight, 24 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rdi, rsi
;;     sar edi, 2
;;     shr edi, 0x1d
;;     lea eax, [rsi + rdi]
;;     sar eax, 3
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $rest, 16 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rsi
;;     and rax, 0xf
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
