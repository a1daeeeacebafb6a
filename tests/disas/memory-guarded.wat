(module (memory 1)
  (func $load (param i32) (result i32) (i32.load offset=8 (local.get 0)))
  (func $narrow (param i32) (result i64) (i64.load16_s (local.get 0)))
  (func $store (param i32 i64) (i64.store offset=16 (local.get 0) (local.get 1)))
  (func $known (result i32) (i32.load (i32.const 64)))
  (func $constant (param i32) (i32.store8 (local.get 0) (i32.const 7))))

;; baseline: $load, 59 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r14
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov esi, esi
;;     mov eax, [r14 + rsi + 8]                     ; trap MemoryOutOfBounds; I32Load at 0x36
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x33
;;
;; baseline: $narrow, 59 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r14
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov esi, esi
;;     movsx rax, word ptr [r14 + rsi]              ; trap MemoryOutOfBounds; I64Load16S at 0x3e
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x3b
;;
;; baseline: $store, 59 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r14
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov esi, esi
;;     mov [r14 + rsi + 0x10], rdx                  ; trap MemoryOutOfBounds; I64Store at 0x48
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x43
;;
;; baseline: $known, 56 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r14
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov eax, [r14 + 0x40]                        ; trap MemoryOutOfBounds; I32Load at 0x51
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x4d
;;
;; baseline: $constant, 59 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r14
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov esi, esi
;;     mov byte ptr [r14 + rsi], 7                  ; trap MemoryOutOfBounds; I32Store8 at 0x5b
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x56
;;
;; optimized: $load, 25 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, rsi
;;     mov rsi, [rdi + 0x38]
;;     mov rdi, r8
;;     mov edi, edi
;;     mov eax, [rsi + rdi + 8]                     ; trap MemoryOutOfBounds; I32Load at 0x36
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $narrow, 26 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, rsi
;;     mov rsi, [rdi + 0x38]
;;     mov rdi, r8
;;     mov edi, edi
;;     movsx rax, word ptr [rsi + rdi]              ; trap MemoryOutOfBounds; I64Load16S at 0x3e
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $store, 26 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, rsi
;;     mov rsi, [rdi + 0x38]
;;     mov rdi, r8
;;     mov edi, edi
;;     mov [rsi + rdi + 0x10], rdx                  ; trap MemoryOutOfBounds; I64Store at 0x48
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $known, 16 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rsi, [rdi + 0x38]
;;     mov eax, [rsi + 0x40]                        ; trap MemoryOutOfBounds; I32Load at 0x51
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $constant, 28 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, rsi
;;     mov esi, 7
;;     mov rdi, [rdi + 0x38]
;;     mov r8d, r8d
;;     mov [rdi + r8], sil                          ; trap MemoryOutOfBounds; I32Store8 at 0x5b
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
