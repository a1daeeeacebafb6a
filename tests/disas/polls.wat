(module
  ;; An interrupt is seen at loop headers by its word, and at entries by the limit of the stack, which it lifts.
  (func $spin (loop $l (br $l)))
  (func $calls (call $spin)))

;; baseline: $spin, 74 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x30]
;;     cmp rax, [r11]
;;     jb L4
;;     sub rsp, 0x30
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;; L1:
;;     mov r11, [r15]
;;     cmp dword ptr [r11 + 8], 0
;;     jne L3
;; L2:
;;     jmp L1
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L3:
;;     mov r11, [r15]
;;     xchg rdi, r15
;;     call qword ptr [r11 + 0x180]                 ; builtin Interrupt; Loop at 0x18
;;     xchg rdi, r15
;;     jmp L2
;; L4:
;;     ud2                                          ; trap StackOverflow; entry at 0x17
;;
;; baseline: $calls, 49 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x30]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x30
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov rdi, r15
;;     call qword ptr [rip + ...]                   ; slot of $spin; Call at 0x20
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
;; optimized: $spin, 15 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rsi, [rdi]
;; L1:
;;     mov edi, [rsi - 8]                           ; trap Interrupted; Loop at 0x18
;;     jmp L1
;;
;; optimized: $calls, 39 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L1
;;     mov rdx, [rip + ...]                         ; slot of $spin
;;     call rdx                                     ; Call at 0x20
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
