(module
  (func $div (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func $rem (param i64 i64) (result i64) (i64.rem_s (local.get 0) (local.get 1)))
  (func $unsigned (param i32 i32) (result i32) (i32.rem_u (local.get 0) (local.get 1))))

;; baseline: $div, 88 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L5
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov edx, edx
;;     mov [rbp - 0x40], edx
;;     mov ecx, edx
;;     mov eax, esi
;;     test ecx, ecx
;;     je L3
;;     cmp ecx, 0xffffffff
;;     jne L1
;;     neg eax
;;     jo L4
;;     jmp L2
;; L1:
;;     cdq
;;     idiv ecx
;; L2:
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L3:
;;     ud2                                          ; trap IntegerDivideByZero; I32DivS at 0x26
;; L4:
;;     ud2                                          ; trap IntegerOverflow; I32DivS at 0x26
;; L5:
;;     ud2                                          ; trap StackOverflow; entry at 0x21
;;
;; baseline: $rem, 86 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L4
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov [rbp - 0x40], rdx
;;     mov rcx, rdx
;;     mov rax, rsi
;;     test rcx, rcx
;;     je L3
;;     cmp rcx, 0xffffffffffffffff
;;     jne L1
;;     xor edx, edx
;;     jmp L2
;; L1:
;;     cqo
;;     idiv rcx
;; L2:
;;     mov rax, rdx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L3:
;;     ud2                                          ; trap IntegerDivideByZero; I64RemS at 0x2e
;; L4:
;;     ud2                                          ; trap StackOverflow; entry at 0x29
;;
;; baseline: $unsigned, 67 bytes
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
;;     mov edx, edx
;;     mov [rbp - 0x40], edx
;;     mov ecx, edx
;;     mov eax, esi
;;     test ecx, ecx
;;     je L1
;;     xor edx, edx
;;     div ecx
;;     mov eax, edx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap IntegerDivideByZero; I32RemU at 0x36
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x31
;;
;; optimized: $div, 30 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rsi
;;     mov r11, rdx
;;     cdq
;;     test r11d, r11d
;;     je L1
;;     idiv r11d                                    ; trap IntegerOverflow; I32DivS at 0x26
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap IntegerDivideByZero; I32DivS at 0x26
;;
;; optimized: $rem, 43 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rsi
;;     mov r9, rdx
;;     cqo
;;     cmp r9, 0xffffffffffffffff
;;     jne L1
;;     mov edx, 0
;;     jmp L2
;; L1:
;;     idiv r9                                      ; trap IntegerDivideByZero; I64RemS at 0x2e
;; L2:
;;     mov rax, rdx
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $unsigned, 24 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, rdx
;;     xor rdx, rdx
;;     mov rax, rsi
;;     div r10d                                     ; trap IntegerDivideByZero; I32RemU at 0x36
;;     mov rax, rdx
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
