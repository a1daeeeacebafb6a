(module (memory i64 1)
  ;; Addresses of 64 bits are compared in both variants.
  (func $load (param i64) (result i32) (i32.load offset=8 (local.get 0)))
  (func $store (param i64 i64) (i64.store (local.get 0) (local.get 1))))

;; baseline: $load, 84 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov r11d, 0xc
;;     mov rax, rsi
;;     add rax, r11
;;     jb L1
;;     mov r11, [r15 + 0x40]
;;     cmp rax, [r11 + 8]
;;     ja L2
;;     mov r11, [r11]
;;     mov eax, [r11 + rax - 4]                     ; trap MemoryOutOfBounds; I32Load at 0x26
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; I32Load at 0x26
;; L2:
;;     ud2                                          ; trap MemoryOutOfBounds; I32Load at 0x26
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x23
;;
;; baseline: $store, 84 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov r11d, 8
;;     mov rax, rsi
;;     add rax, r11
;;     jb L1
;;     mov r11, [r15 + 0x40]
;;     cmp rax, [r11 + 8]
;;     ja L2
;;     mov r11, [r11]
;;     mov [r11 + rax - 8], rdx                     ; trap MemoryOutOfBounds; I64Store at 0x30
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; I64Store at 0x30
;; L2:
;;     ud2                                          ; trap MemoryOutOfBounds; I64Store at 0x30
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x2b
;;
;; optimized: $load, 43 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rdi, [rdi + 0x40]
;;     mov r8, 0xfffffffffffffff4
;;     add r8, [rdi + 8]
;;     cmp rsi, r8
;;     ja L1
;;     mov r9, [rdi]
;;     mov eax, [r9 + rsi + 8]                      ; trap MemoryOutOfBounds; I32Load at 0x26
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; I32Load at 0x26
;;
;; optimized: $store, 42 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rdi, [rdi + 0x40]
;;     mov r8, 0xfffffffffffffff8
;;     add r8, [rdi + 8]
;;     cmp rsi, r8
;;     ja L1
;;     mov r9, [rdi]
;;     mov [r9 + rsi], rdx                          ; trap MemoryOutOfBounds; I64Store at 0x30
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap MemoryOutOfBounds; I64Store at 0x30
;;
