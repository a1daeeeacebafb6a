(module (memory 1)
  (func $size (result i32) (memory.size))
  (func $grow (param i32) (result i32) (memory.grow (local.get 0)))
  (func $fill (param i32 i32) (memory.fill (local.get 0) (i32.const 0) (local.get 1))))

;; baseline: $size, 54 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov rax, [r15 + 0x40]
;;     mov rax, [rax + 8]
;;     shr rax, 0x10
;;     mov eax, eax
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x28
;;
;; baseline: $grow, 74 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], rbx
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov rbx, rsi
;;     mov edx, esi
;;     mov esi, 0
;;     mov rdi, r15
;;     mov rax, [r15]
;;     call qword ptr [rax + 0x128]                 ; builtin MemoryGrow; MemoryGrow at 0x30
;;     mov eax, eax
;;     mov rbx, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2d
;;
;; baseline: $fill, 120 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x60]
;;     cmp rax, [r11]
;;     jb L2
;;     sub rsp, 0x60
;;     mov [rbp - 0x20], rbx
;;     mov [rbp - 0x18], r12
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov edx, edx
;;     mov eax, edx
;;     mov ecx, 0
;;     mov edi, esi
;;     mov r11, rdi
;;     add r11, rax
;;     mov r8, [r15 + 0x40]
;;     cmp r11, [r8 + 8]
;;     ja L1
;;     add rdi, [r8]
;;     mov rbx, rsi
;;     mov r12, rdx
;;     mov rsi, rdi
;;     mov edx, ecx
;;     mov rcx, rax
;;     mov rdi, r15
;;     mov rax, [r15]
;;     call qword ptr [rax + 0x138]                 ; builtin FillBytes; MemoryFill at 0x3b
;;     mov rbx, [rbp - 0x20]
;;     mov r12, [rbp - 0x18]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; MemoryFill at 0x3b
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x34
;;
;; optimized: $size, 21 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rsi, [rdi + 0x40]
;;     mov rax, [rsi + 8]
;;     shr rax, 0x10
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $grow, 50 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L1
;;     mov rax, rsi
;;     mov r8, [rdi]
;;     mov r8, [r8 + 0x128]                         ; builtin MemoryGrow
;;     xor esi, esi
;;     mov edx, eax
;;     call r8                                      ; MemoryGrow at 0x30
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2d
;;
;; optimized: $fill, 75 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L1
;;     mov r8, [rdi + 0x40]
;;     mov eax, esi
;;     mov ecx, edx
;;     lea rdx, [rax + rcx]
;;     cmp rdx, [r8 + 8]
;;     ja L2
;;     mov rsi, [r8]
;;     mov rdx, [rdi]
;;     mov r8, [rdx + 0x138]                        ; builtin FillBytes
;;     add rsi, rax
;;     xor edx, edx
;;     call r8                                      ; MemoryFill at 0x3b
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x34
;; L2:
;;     ud2                                          ; trap MemoryOutOfBounds; MemoryFill at 0x3b
;;
