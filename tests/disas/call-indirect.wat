;;! settings = "uninterruptible"
(module
  (type $t (func (param i32) (result i32)))
  (table 4 funcref)
  (func $caller (param i32 i32) (result i32) (call_indirect (type $t) (local.get 0) (local.get 1))))

;; baseline: $caller, 154 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L5
;;     sub rsp, 0x50
;;     mov [rbp - 0x20], rbx
;;     mov [rbp - 0x18], r12
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov edx, edx
;;     mov r11, [r15 + 0x38]
;;     cmp rdx, [r11 + 8]
;;     jae L2
;;     mov r11, [r11]
;;     mov r10d, [r11 + rdx*4]
;;     shl r10, 5
;;     add r10, [r15 + 0x10]
;;     mov r11, [r15 + 8]
;;     mov r11d, [r11]
;;     cmp r11d, [r10 + 0x10]
;;     je L1
;;     cmp qword ptr [r10], 0
;;     je L3
;;     jmp L4
;; L1:
;;     mov rbx, rsi
;;     mov r12, rdx
;;     mov r11, [r15]
;;     mov [r11 + 0x20], r15
;;     mov rdi, [r10 + 8]
;;     mov rax, [r10]
;;     mov rax, [rax]
;;     call rax                                     ; CallIndirect at 0x29
;;     mov eax, eax
;;     mov rbx, [rbp - 0x20]
;;     mov r12, [rbp - 0x18]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L2:
;;     ud2                                          ; trap UndefinedElement; CallIndirect at 0x29
;; L3:
;;     ud2                                          ; trap UninitializedElement; CallIndirect at 0x29
;; L4:
;;     ud2                                          ; trap IndirectCallTypeMismatch; CallIndirect at 0x29
;; L5:
;;     ud2                                          ; trap StackOverflow; entry at 0x24
;;
;; optimized: $caller, 119 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L2
;;     mov rax, [rdi + 0x38]
;;     mov ecx, edx
;;     cmp rcx, [rax + 8]
;;     jae L3
;;     mov rax, [rax]
;;     mov edx, [rax + rcx*4]
;;     mov rax, [rdi + 0x10]
;;     mov rcx, rdx
;;     shl rcx, 5
;;     mov r8d, [rax + rcx + 0x10]
;;     mov r9, [rdi + 8]
;;     mov r9d, [r9]
;;     cmp r8d, r9d
;;     jne L1
;;     mov rdx, [rdi]
;;     mov [rdx + 0x20], rdi
;;     mov rdx, [rax + rcx]
;;     mov rdx, [rdx]
;;     mov rdi, [rax + rcx + 8]
;;     call rdx                                     ; CallIndirect at 0x29
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     test edx, edx
;;     je L4
;;     ud2                                          ; trap IndirectCallTypeMismatch; CallIndirect at 0x29
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x24
;; L3:
;;     ud2                                          ; trap UndefinedElement; CallIndirect at 0x29
;; L4:
;;     ud2                                          ; trap UninitializedElement; CallIndirect at 0x29
;;
