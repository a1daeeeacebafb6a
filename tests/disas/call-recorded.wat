;;! tier = "baseline"
;;! settings = "tier_up profile uninterruptible"
(module
  (type $op (func (param i32) (result i32)))
  (table 1 funcref)
  ;; Each call is counted; an indirect one with its target, the first at once and the others by a helper.
  (func $one (type $op) (local.get 0))
  (func $calls (param i32) (result i32) (call $one (call_indirect (type $op) (local.get 0) (i32.const 0)))))

;; baseline: $one, 78 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     sub dword ptr [rip + ...], 0x20              ; budget of $one
;;     js L2
;; L1:
;;     mov eax, esi
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L2:
;;     mov r11, [r15]
;;     xchg rdi, r15
;;     call qword ptr [r11 + 0x1f8]                 ; builtin TierUp; entry at 0x1f
;;     xchg rdi, r15
;;     jmp L1
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
;; baseline: $calls, 235 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L9
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], rbx
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     sub dword ptr [rip + ...], 0x20              ; budget of $calls
;;     js L4
;; L1:
;;     mov eax, 0
;;     mov r11, [r15 + 0x38]
;;     cmp rax, [r11 + 8]
;;     jae L5
;;     mov r11, [r11]
;;     mov r10d, [r11 + rax*4]
;;     shl r10, 5
;;     add r10, [r15 + 0x10]
;;     mov r11, [r15 + 8]
;;     mov r11d, [r11]
;;     cmp r11d, [r10 + 0x10]
;;     je L2
;;     cmp qword ptr [r10], 0
;;     je L6
;;     jmp L7
;; L2:
;;     mov rbx, rsi
;;     mov r11, [r15]
;;     mov [r11 + 0x20], r15
;;     mov rdi, [r10 + 8]
;;     mov rax, [r10]
;;     cmp [rip + ...], eax                         ; profile word 0
;;     jne L8
;;     inc dword ptr [rip + ...]                    ; profile word 1
;; L3:
;;     mov rax, [rax]
;;     call rax                                     ; CallIndirect at 0x29
;;     mov eax, eax
;;     mov esi, eax
;;     inc dword ptr [rip + ...]                    ; profile word 9
;;     mov rdi, r15
;;     call qword ptr [rip + ...]                   ; slot of $one; Call at 0x2c
;;     mov eax, eax
;;     mov rbx, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L4:
;;     mov r11, [r15]
;;     xchg rdi, r15
;;     call qword ptr [r11 + 0x1f8]                 ; builtin TierUp; entry at 0x24
;;     xchg rdi, r15
;;     jmp L1
;; L5:
;;     ud2                                          ; trap UndefinedElement; CallIndirect at 0x29
;; L6:
;;     ud2                                          ; trap UninitializedElement; CallIndirect at 0x29
;; L7:
;;     ud2                                          ; trap IndirectCallTypeMismatch; CallIndirect at 0x29
;; L8:
;;     lea r11, [rip + ...]                         ; profile word 0
;;     call qword ptr [rip + ...]                   ; helper RecordTarget
;;     jmp L3
;; L9:
;;     ud2                                          ; trap StackOverflow; entry at 0x24
;;
