(module (memory 1 1 shared)
  (func $add (param i32 i32) (result i32) (i32.atomic.rmw.add (local.get 0) (local.get 1)))
  (func $exchange (param i32 i64 i64) (result i64)
    (i64.atomic.rmw.cmpxchg offset=8 (local.get 0) (local.get 1) (local.get 2)))
  (func $store (param i32 i32) (i32.atomic.store (local.get 0) (local.get 1)))
  (func $and (param i32 i32) (result i32) (i32.atomic.rmw.and (local.get 0) (local.get 1))))

;; baseline: $add, 80 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L2
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r14
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov esi, esi
;;     mov edx, edx
;;     mov eax, edx
;;     test esi, 3
;;     jne L1
;;     lock xadd [r14 + rsi], eax                   ; trap MemoryOutOfBounds; I32AtomicRmwAdd at 0x33
;;     mov eax, eax
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap UnalignedAtomic; I32AtomicRmwAdd at 0x33
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x2e
;;
;; baseline: $exchange, 78 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x60]
;;     cmp rax, [r11]
;;     jb L2
;;     sub rsp, 0x60
;;     mov [rbp - 0x10], r14
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov esi, esi
;;     test esi, 7
;;     jne L1
;;     mov rax, rdx
;;     lock cmpxchg [r14 + rsi + 8], rcx            ; trap MemoryOutOfBounds; I64AtomicRmwCmpxchg at 0x40
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap UnalignedAtomic; I64AtomicRmwCmpxchg at 0x40
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x39
;;
;; baseline: $store, 76 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L2
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r14
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov esi, esi
;;     mov edx, edx
;;     mov eax, edx
;;     test esi, 3
;;     jne L1
;;     xchg [r14 + rsi], eax                        ; trap MemoryOutOfBounds; I32AtomicStore at 0x4b
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap UnalignedAtomic; I32AtomicStore at 0x4b
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x46
;;
;; baseline: $and, 88 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r14
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov esi, esi
;;     mov edx, edx
;;     test esi, 3
;;     jne L2
;;     mov eax, [r14 + rsi]                         ; trap MemoryOutOfBounds; I32AtomicRmwAnd at 0x56
;; L1:
;;     mov ecx, eax
;;     and ecx, edx
;;     lock cmpxchg [r14 + rsi], ecx
;;     jne L1
;;     mov eax, eax
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L2:
;;     ud2                                          ; trap UnalignedAtomic; I32AtomicRmwAnd at 0x56
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x51
;;
;; optimized: $add, 39 bytes
;;     push rbp
;;     mov rbp, rsp
;;     test esi, 3
;;     jne L1
;;     mov r8, [rdi + 0x38]
;;     mov r9d, esi
;;     mov rax, rdx
;;     lock xadd [r8 + r9], eax                     ; trap MemoryOutOfBounds; I32AtomicRmwAdd at 0x33
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap UnalignedAtomic; I32AtomicRmwAdd at 0x33
;;
;; optimized: $exchange, 40 bytes
;;     push rbp
;;     mov rbp, rsp
;;     test esi, 7
;;     jne L1
;;     mov r9, [rdi + 0x38]
;;     mov r10d, esi
;;     mov rax, rdx
;;     lock cmpxchg [r9 + r10 + 8], rcx             ; trap MemoryOutOfBounds; I64AtomicRmwCmpxchg at 0x40
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap UnalignedAtomic; I64AtomicRmwCmpxchg at 0x40
;;
;; optimized: $store, 37 bytes
;;     push rbp
;;     mov rbp, rsp
;;     test esi, 3
;;     jne L1
;;     mov rdi, [rdi + 0x38]
;;     mov r8d, esi
;;     mov [rdi + r8], edx                          ; trap MemoryOutOfBounds; I32AtomicStore at 0x4b
;;     mfence
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap UnalignedAtomic; I32AtomicStore at 0x4b
;;
;; optimized: $and, 52 bytes
;;     push rbp
;;     mov rbp, rsp
;;     test esi, 3
;;     jne L2
;;     mov r9, [rdi + 0x38]
;;     mov r10d, esi
;;     mov eax, [r9 + r10]                          ; trap MemoryOutOfBounds; I32AtomicRmwAnd at 0x56
;; L1:
;;     mov r11, rax
;;     and r11, rdx
;;     lock cmpxchg [r9 + r10], r11d                ; trap MemoryOutOfBounds; I32AtomicRmwAnd at 0x56
;;     jne L1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L2:
;;     ud2                                          ; trap UnalignedAtomic; I32AtomicRmwAnd at 0x56
;;
