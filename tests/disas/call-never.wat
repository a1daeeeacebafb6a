;;! tier = "optimized"
;;! settings = "inline uninterruptible"
;;! profile = "0 0 0 900"
(module
  ;; What was never called is neither inlined nor in the way of what was.
  (func $rare (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $usual (param i32) (result i32) (i32.shl (local.get 0) (i32.const 2)))
  (func $calls (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (call $rare (local.get 0))) (else (call $usual (local.get 0))))))

;; optimized: $rare, 12 bytes
;;     push rbp
;;     mov rbp, rsp
;;     lea eax, [rsi + 1]
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $usual, 15 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rsi
;;     shl eax, 2
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $calls, 75 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L3
;;     test esi, esi
;;     je L2
;;     shl esi, 2
;;     mov rax, rsi
;; L1:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L2:
;;     mov rax, [rdi + 0x30]
;;     mov rcx, [rax]
;;     mov rax, [rdi]
;;     mov [rax + 0x58], rcx
;;     mov rcx, [rax + 0x210]                       ; builtin RareCall
;;     call rcx                                     ; Call at 0x32 of $calls
;;     mov eax, [rax + 0x60]
;;     jmp L1
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x2a of $calls
;;
