(module
  ;; Constants that are known are operands of instructions, or known results.
  (func $folded (param i32) (result i32)
    (i32.add (i32.mul (local.get 0) (i32.const 8)) (i32.add (i32.const 3) (i32.const 4))))
  (func $zero (param i64) (result i64) (i64.and (local.get 0) (i64.const 0)))
  (func $wide (param i64) (result i64) (i64.add (local.get 0) (i64.const 0x123456789abc))))

;; baseline: $folded, 50 bytes
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
;;     mov eax, esi
;;     shl eax, 3
;;     add eax, 7
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
;; baseline: $zero, 47 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov rax, rsi
;;     and rax, 0
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2d
;;
;; baseline: $wide, 56 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov rax, rsi
;;     mov r11, 0x123456789abc
;;     add rax, r11
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x35
;;
;; optimized: $folded, 15 bytes
;;     push rbp
;;     mov rbp, rsp
;;     shl esi, 3
;;     lea eax, [rsi + 7]
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $zero, 12 bytes
;;     push rbp
;;     mov rbp, rsp
;;     xor rax, rax
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $wide, 23 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rdi, 0x123456789abc
;;     lea rax, [rsi + rdi]
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
