(module
  (func $known (param i32) (result i32) (i32.shl (local.get 0) (i32.const 5)))
  (func $variable (param i64 i64) (result i64) (i64.shr_u (local.get 0) (local.get 1)))
  (func $rotate (param i32 i32) (result i32) (i32.rotl (local.get 0) (local.get 1))))

;; baseline: $known, 47 bytes
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
;;     shl eax, 5
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x26
;;
;; baseline: $variable, 48 bytes
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
;;     mov ecx, edx
;;     shr rax, cl
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2e
;;
;; baseline: $rotate, 50 bytes
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
;;     mov edx, edx
;;     mov eax, esi
;;     mov ecx, edx
;;     rol eax, cl
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x36
;;
;; optimized: $known, 15 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rsi
;;     shl eax, 5
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $variable, 14 bytes
;;     push rbp
;;     mov rbp, rsp
;;     shrx rax, rsi, rdx
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $rotate, 17 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rcx, rdx
;;     mov rax, rsi
;;     rol eax, cl
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
