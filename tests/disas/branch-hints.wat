;;! settings = "uninterruptible"
(module (memory 1)
  ;; What a hint says is unlikely lies behind the rest.
  (func $f (param i32) (result i32)
    (@metadata.code.branch_hint "\00") (if (i32.eqz (local.get 0)) (then (i32.store (i32.const 0) (i32.const 1))))
    (i32.load (i32.const 4))))

;; baseline: $f, 78 bytes
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
;;     test esi, esi
;;     jne L1
;;     mov dword ptr [r14], 1                       ; trap MemoryOutOfBounds; I32Store at 0x49
;;     jmp L1
;; L1:
;;     mov eax, [r14 + 4]                           ; trap MemoryOutOfBounds; I32Load at 0x4f
;;     mov r14, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x3f
;;
;; optimized: $f, 41 bytes
;;     push rbp
;;     mov rbp, rsp
;;     test esi, esi
;;     je L2
;; L1:
;;     mov r10, [rdi + 0x38]
;;     mov eax, [r10 + 4]                           ; trap MemoryOutOfBounds; I32Load at 0x4f
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L2:
;;     mov r8, [rdi + 0x38]
;;     mov dword ptr [r8], 1                        ; trap MemoryOutOfBounds; I32Store at 0x49
;;     jmp L1
;;
