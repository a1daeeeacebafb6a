;;! tier = "optimized"
;;! settings = "inline uninterruptible"
;;! profile = "0 900 0 0"
(module
  (memory 1)
  (func $usual (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
  (func $rare (param i32) (result i32) (i32.load (local.get 0)))
  ;; The values of the loop stay in registers that calls do not preserve.
  (func $loop (param $n i32) (result i32) (local $sum i32) (local $next i32)
    (loop $l
      (local.set $next (i32.load (local.get $next)))
      (local.set $sum (i32.add (local.get $sum) (call $usual (local.get $next))))
      (if (i32.eqz (local.get $next)) (then (local.set $sum (i32.add (local.get $sum) (call $rare (local.get $n))))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))

;; optimized: $usual, 15 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rsi
;;     imul eax, esi
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $rare, 24 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, rsi
;;     mov rsi, [rdi + 0x38]
;;     mov rdi, r8
;;     mov edi, edi
;;     mov eax, [rsi + rdi]                         ; trap MemoryOutOfBounds; I32Load at 0x2a
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $loop, 109 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L4
;;     xor r8d, r8d
;;     mov rcx, [rdi + 0x38]
;;     mov rax, r8
;; L1:
;;     mov edx, r8d
;;     mov r8d, [rcx + rdx]                         ; trap MemoryOutOfBounds; I32Load at 0x36 of $loop
;;     mov rdx, r8
;;     imul edx, r8d
;;     add eax, edx
;;     test r8d, r8d
;;     je L3
;; L2:
;;     sub esi, 1
;;     test esi, esi
;;     jne L1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L3:
;;     mov rdx, [rdi + 0x30]
;;     mov r9, [rdx + 8]
;;     mov rdx, [rdi]
;;     mov [rdx + 0x58], r9
;;     mov r9, [rdx + 0x210]                        ; builtin RareCall
;;     call r9                                      ; Call at 0x4d of $loop
;;     add eax, [rdx + 0x60]
;;     jmp L2
;; L4:
;;     ud2                                          ; trap StackOverflow; entry at 0x2f of $loop
;;
