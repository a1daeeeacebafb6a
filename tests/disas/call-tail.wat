;;! settings = "uninterruptible"
(module
  (func $even (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
    (return_call $odd (i32.sub (local.get 0) (i32.const 1))))
  (func $odd (param i32) (result i32) (i32.const 0)))

;; baseline: $even, 127 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x50
;;     mov [rbp - 0x30], rbx
;;     mov [rbp - 0x28], r12
;;     mov [rbp - 0x20], r13
;;     mov [rbp - 0x18], r14
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     test esi, esi
;;     jne L1
;;     mov eax, 1
;;     jmp L2
;; L1:
;;     lea eax, [rsi - 1]
;;     mov esi, eax
;;     mov rdi, r15
;;     mov rbx, [rbp - 0x30]
;;     mov r12, [rbp - 0x28]
;;     mov r13, [rbp - 0x20]
;;     mov r14, [rbp - 0x18]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     jmp qword ptr [rip + ...]                    ; slot of $odd
;; L2:
;;     mov rbx, [rbp - 0x30]
;;     mov r12, [rbp - 0x28]
;;     mov r13, [rbp - 0x20]
;;     mov r14, [rbp - 0x18]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x19
;;
;; baseline: $odd, 47 bytes
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
;;     mov eax, 0
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2c
;;
;; optimized: $even, 60 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L2
;;     test esi, esi
;;     je L1
;;     sub esi, 1
;;     mov r10, [rip + ...]                         ; slot of $odd
;;     mov rsp, rbp
;;     pop rbp
;;     jmp r10
;; L1:
;;     mov eax, 1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x19
;;
;; optimized: $odd, 11 bytes
;;     push rbp
;;     mov rbp, rsp
;;     xor eax, eax
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
