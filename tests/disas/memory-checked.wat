;;! settings = "checked"
(module (memory 1)
  (func $load (param i32) (result i32) (i32.load offset=8 (local.get 0)))
  (func $twice (param i32) (result i32) (i32.add (i32.load (local.get 0)) (i32.load offset=4 (local.get 0))))
  (func $known (result i32) (i32.load (i32.const 64)))
  (func $store (param i32 f32) (f32.store offset=100 (local.get 0) (local.get 1))))

;; baseline: $load, 70 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L2
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     lea rax, [rsi + 0xc]
;;     mov r11, [r15 + 0x40]
;;     cmp rax, [r11 + 8]
;;     ja L1
;;     mov r11, [r11]
;;     mov eax, [r11 + rax - 4]                     ; trap MemoryOutOfBounds; I32Load at 0x2c
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; I32Load at 0x2c
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x29
;;
;; baseline: $twice, 100 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     lea rax, [rsi + 4]
;;     mov r11, [r15 + 0x40]
;;     cmp rax, [r11 + 8]
;;     ja L1
;;     mov r11, [r11]
;;     mov eax, [r11 + rax - 4]                     ; trap MemoryOutOfBounds; I32Load at 0x34
;;     lea rcx, [rsi + 8]
;;     mov r11, [r15 + 0x40]
;;     cmp rcx, [r11 + 8]
;;     ja L2
;;     mov r11, [r11]
;;     mov ecx, [r11 + rcx - 4]                     ; trap MemoryOutOfBounds; I32Load at 0x39
;;     add eax, ecx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; I32Load at 0x34
;; L2:
;;     ud2                                          ; trap MemoryOutOfBounds; I32Load at 0x39
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x31
;;
;; baseline: $known, 73 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L2
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov eax, 0x40
;;     lea rax, [rax + 4]
;;     mov r11, [r15 + 0x40]
;;     cmp rax, [r11 + 8]
;;     ja L1
;;     mov r11, [r11]
;;     mov eax, [r11 + rax - 4]                     ; trap MemoryOutOfBounds; I32Load at 0x43
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; I32Load at 0x43
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x3f
;;
;; baseline: $store, 72 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L2
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     lea rax, [rsi + 0x68]
;;     mov r11, [r15 + 0x40]
;;     cmp rax, [r11 + 8]
;;     ja L1
;;     mov r11, [r11]
;;     movss [r11 + rax - 4], xmm0                  ; trap MemoryOutOfBounds; F32Store at 0x4d
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; F32Store at 0x4d
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x48
;;
;; optimized: $load, 46 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, [rdi + 0x40]
;;     mov r9d, esi
;;     mov rdi, 0xfffffffffffffff4
;;     add rdi, [r8 + 8]
;;     cmp r9, rdi
;;     ja L1
;;     mov r10, [r8]
;;     mov eax, [r10 + r9 + 8]                      ; trap MemoryOutOfBounds; I32Load at 0x2c
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; I32Load at 0x2c
;;
;; optimized: $twice, 62 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, [rdi + 0x40]
;;     mov r11, [rax + 8]
;;     mov r10d, esi
;;     lea rcx, [r11 - 4]
;;     cmp r10, rcx
;;     ja L1
;;     mov rcx, [rax]
;;     mov eax, [rcx + r10]                         ; trap MemoryOutOfBounds; I32Load at 0x34
;;     lea rdx, [r11 - 8]
;;     cmp r10, rdx
;;     ja L2
;;     add eax, [rcx + r10 + 4]                     ; trap MemoryOutOfBounds; I32Load at 0x34
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; I32Load at 0x34
;; L2:
;;     ud2                                          ; trap MemoryOutOfBounds; I32Load at 0x39
;;
;; optimized: $known, 19 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rsi, [rdi + 0x40]
;;     mov rsi, [rsi]
;;     mov eax, [rsi + 0x40]                        ; trap MemoryOutOfBounds; I32Load at 0x43
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $store, 48 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, [rdi + 0x40]
;;     mov r9d, esi
;;     mov rdi, 0xffffffffffffff98
;;     add rdi, [r8 + 8]
;;     cmp r9, rdi
;;     ja L1
;;     mov r10, [r8]
;;     vmovss [r10 + r9 + 0x64], xmm0               ; trap MemoryOutOfBounds; F32Store at 0x4d
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; F32Store at 0x4d
;;
