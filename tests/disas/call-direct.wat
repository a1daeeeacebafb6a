;;! settings = "uninterruptible"
(module
  (func $callee (param i32 i64) (result i32) (local.get 0))
  (func $caller (param i32) (result i32)
    (i32.add (local.get 0) (call $callee (i32.const 1) (i64.const 2)))))

;; baseline: $callee, 44 bytes
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
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
;; baseline: $caller, 80 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], rbx
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov rbx, rsi
;;     mov [rbp - 0x40], esi
;;     mov edx, 2
;;     mov esi, 1
;;     mov rdi, r15
;;     call qword ptr [rip + ...]                   ; slot of $callee; Call at 0x2b
;;     mov eax, eax
;;     add eax, [rbp - 0x40]
;;     mov rbx, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x24
;;
;; optimized: $callee, 12 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rsi
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $caller, 74 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x20
;;     cmp r10, rsp
;;     ja L1
;;     sub rsp, 0x10
;;     mov [rsp], r12
;;     mov r12, rsi
;;     mov esi, 1
;;     mov edx, 2
;;     mov r8, [rip + ...]                          ; slot of $callee
;;     call r8                                      ; Call at 0x2b
;;     mov rsi, r12
;;     add eax, esi
;;     mov r12, [rsp]
;;     add rsp, 0x10
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x24
;;
