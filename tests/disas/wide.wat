(module
  (func $multiply (param i64 i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 1)))
  (func $add (param i64 i64 i64 i64) (result i64 i64) (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3))))

;; baseline: $multiply, 56 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov [rbp - 0x40], rdx
;;     mov rcx, rdx
;;     mov rax, rsi
;;     mul rcx
;;     mov rcx, rdx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x24
;;
;; baseline: $add, 58 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x70]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x70
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov rax, rdx
;;     mov rdi, rsi
;;     add rdi, rcx
;;     adc rax, r8
;;     mov rcx, rax
;;     mov rax, rdi
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2d
;;
;; optimized: $multiply, 23 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rdx
;;     mov rdx, rsi
;;     mov rsi, rax
;;     mulx rcx, rax, rsi
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $add, 21 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rsi
;;     add rax, rcx
;;     mov rcx, rdx
;;     adc rcx, r8
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
