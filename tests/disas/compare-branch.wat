(module
  ;; A comparison sets the flags that the branch reads.
  (func $less (param i32 i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (local.get 1)) (then (i32.const 1)) (else (local.get 0))))
  (func $zero (param i64) (result i32)
    (block $out (br_if $out (i64.eqz (local.get 0))) (return (i32.const 5))) (i32.const 6))
  (func $floats (param f64 f64) (result i32)
    (if (result i32) (f64.lt (local.get 0) (local.get 1)) (then (i32.const 1)) (else (i32.const 2)))))

;; baseline: $less, 64 bytes
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
;;     mov edx, edx
;;     cmp esi, edx
;;     jge L1
;;     mov eax, 1
;;     jmp L2
;; L1:
;;     mov eax, esi
;; L2:
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x26
;;
;; baseline: $zero, 64 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     test rsi, rsi
;;     je L1
;;     mov eax, 5
;;     jmp L2
;; L1:
;;     mov eax, 6
;; L2:
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x36
;;
;; baseline: $floats, 65 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     ucomisd xmm1, xmm0
;;     jbe L1
;;     mov eax, 1
;;     jmp L2
;; L1:
;;     mov eax, 2
;; L2:
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x46
;;
;; optimized: $less, 30 bytes
;;     push rbp
;;     mov rbp, rsp
;;     cmp esi, edx
;;     jl L1
;;     mov rax, rsi
;;     jmp L2
;; L1:
;;     mov eax, 1
;; L2:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $zero, 33 bytes
;;     push rbp
;;     mov rbp, rsp
;;     test rsi, rsi
;;     je L1
;;     mov eax, 5
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     mov eax, 6
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $floats, 34 bytes
;;     push rbp
;;     mov rbp, rsp
;;     vucomisd xmm1, xmm0
;;     ja L1
;;     mov eax, 2
;;     jmp L2
;; L1:
;;     mov eax, 1
;; L2:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
