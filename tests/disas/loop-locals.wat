;;! settings = "uninterruptible"
(module
  ;; Locals stay in registers from one iteration to the next.
  (func $sum (param $n i32) (result i64) (local $sum i64)
    (loop $l
      (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (local.get $n))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))

;; baseline: $sum, 72 bytes
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
;;     mov eax, 0
;; L1:
;;     lea rcx, [rax + rsi]
;;     lea eax, [rsi - 1]
;;     test eax, eax
;;     je L2
;;     mov esi, eax
;;     mov rax, rcx
;;     jmp L1
;; L2:
;;     mov rax, rcx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x18
;;
;; optimized: $sum, 42 bytes
;;     push rbp
;;     mov rbp, rsp
;;     xor rax, rax
;; L1:
;;     mov r9, rsi
;;     sub r9d, 1
;;     mov r10d, esi
;;     add rax, r10
;;     test r9d, r9d
;;     je L2
;;     mov rsi, r9
;;     jmp L1
;; L2:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
