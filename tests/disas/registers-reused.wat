;;! tier = "baseline"
(module
  (memory 1)
  ;; Two locals that are used again and again keep their registers: those that were used longest ago go to the frame.
  (func $f (param i32) (result i32) (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (local.set 1 (i32.load offset=4 (local.get 0)))
    (local.set 2 (i32.load offset=8 (local.get 0)))
    (local.set 3 (i32.load offset=12 (local.get 0)))
    (local.set 4 (i32.load offset=16 (local.get 0)))
    (local.set 5 (i32.load offset=20 (local.get 0)))
    (local.set 6 (i32.load offset=24 (local.get 0)))
    (local.set 7 (i32.load offset=28 (local.get 0)))
    (local.set 8 (i32.load offset=32 (local.get 0)))
    (local.set 9 (i32.load offset=36 (local.get 0)))
    (local.set 10 (i32.load offset=40 (local.get 0)))
    (local.set 11 (i32.load offset=44 (local.get 0)))
    (local.set 12 (i32.load offset=48 (local.get 0)))
    (local.set 13 (i32.load offset=52 (local.get 0)))
    (local.set 12 (i32.add (local.get 12) (i32.mul (local.get 13) (local.get 1))))
    (local.set 13 (i32.add (local.get 13) (i32.mul (local.get 12) (local.get 2))))
    (local.set 12 (i32.add (local.get 12) (i32.mul (local.get 13) (local.get 3))))
    (i32.xor (local.get 12) (local.get 13))))

;; baseline: $f, 221 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0xc0]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0xc0
;;     mov [rbp - 0x30], rbx
;;     mov [rbp - 0x28], r12
;;     mov [rbp - 0x20], r13
;;     mov [rbp - 0x18], r14
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov r14, [r15 + 0x38]
;;     mov esi, esi
;;     mov eax, [r14 + rsi + 4]                     ; trap MemoryOutOfBounds; I32Load at 0x24
;;     mov ecx, [r14 + rsi + 8]                     ; trap MemoryOutOfBounds; I32Load at 0x2b
;;     mov edx, [r14 + rsi + 0xc]                   ; trap MemoryOutOfBounds; I32Load at 0x32
;;     mov edi, [r14 + rsi + 0x10]                  ; trap MemoryOutOfBounds; I32Load at 0x39
;;     mov r8d, [r14 + rsi + 0x14]                  ; trap MemoryOutOfBounds; I32Load at 0x40
;;     mov r9d, [r14 + rsi + 0x18]                  ; trap MemoryOutOfBounds; I32Load at 0x47
;;     mov r10d, [r14 + rsi + 0x1c]                 ; trap MemoryOutOfBounds; I32Load at 0x4e
;;     mov ebx, [r14 + rsi + 0x20]                  ; trap MemoryOutOfBounds; I32Load at 0x55
;;     mov r12d, [r14 + rsi + 0x24]                 ; trap MemoryOutOfBounds; I32Load at 0x5c
;;     mov r13d, [r14 + rsi + 0x28]                 ; trap MemoryOutOfBounds; I32Load at 0x63
;;     mov [rbp - 0x40], eax
;;     mov eax, [r14 + rsi + 0x2c]                  ; trap MemoryOutOfBounds; I32Load at 0x6a
;;     mov [rbp - 0x48], ecx
;;     mov ecx, [r14 + rsi + 0x30]                  ; trap MemoryOutOfBounds; I32Load at 0x71
;;     mov [rbp - 0x50], edx
;;     mov edx, [r14 + rsi + 0x34]                  ; trap MemoryOutOfBounds; I32Load at 0x78
;;     mov [rbp - 0x58], edi
;;     mov edi, [rbp - 0x40]
;;     mov [rbp - 0x60], r8d
;;     mov r8d, edx
;;     imul r8d, edi
;;     add r8d, ecx
;;     mov ecx, [rbp - 0x48]
;;     mov [rbp - 0x68], r9d
;;     mov r9d, r8d
;;     imul r9d, ecx
;;     add r9d, edx
;;     mov edx, [rbp - 0x50]
;;     mov [rbp - 0x70], r10d
;;     mov r10d, r9d
;;     imul r10d, edx
;;     add r10d, r8d
;;     mov r8d, r10d
;;     xor r8d, r9d
;;     mov eax, r8d
;;     mov rbx, [rbp - 0x30]
;;     mov r12, [rbp - 0x28]
;;     mov r13, [rbp - 0x20]
;;     mov r14, [rbp - 0x18]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
