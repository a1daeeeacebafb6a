;;! settings = "uninterruptible"
(module
  (tag $t (param i32))
  (func $throws (param i32) (throw $t (local.get 0)))
  (func $catches (param i32) (result i32)
    (block $h (result i32)
      (try_table (catch $t $h) (call $throws (local.get 0)))
      (i32.const 0))))

;; baseline: $throws, 98 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], rbx
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov [rsp], esi
;;     lea rax, [rsp]
;;     mov rbx, rsi
;;     mov rdx, rax
;;     mov esi, 0
;;     mov rdi, r15
;;     mov rax, [r15]
;;     call qword ptr [rax + 0x1e8]                 ; builtin NewException; Throw at 0x25
;;     mov eax, eax
;;     mov esi, eax
;;     mov rdi, r15
;;     mov rax, [r15]
;;     call qword ptr [rax + 0x1f0]                 ; builtin Throw; Throw at 0x25
;;     ud2                                          ; trap Unreachable; Throw at 0x25
;;     mov rbx, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x22
;;
;; baseline: $catches, 144 bytes
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
;;     mov [rbp - 0x38], esi
;;     mov rdi, r15
;;     call qword ptr [rip + ...]                   ; slot of $throws; Call at 0x34; caught at L1
;;     jmp L3
;; L1:
;;     mov [rbp - 0x40], eax
;;     mov r11, [r15]
;;     mov r11, [r11 + 0x100]
;;     mov eax, [rbp - 0x40]
;;     add r11, rax
;;     mov eax, [r11 + 8]
;;     cmp eax, [r15 + 0x38]
;;     jne L2
;;     movss xmm15, [r11 + 0xc]
;;     movss [rbp - 0x48], xmm15
;;     mov r11d, [rbp - 0x48]
;;     mov [rbp - 0x40], r11d
;;     jmp L4
;; L2:
;;     mov esi, [rbp - 0x40]
;;     mov rdi, r15
;;     mov rax, [r15]
;;     call qword ptr [rax + 0x1f0]                 ; builtin Throw; End at 0x36
;;     ud2                                          ; trap Unreachable; End at 0x36
;; L3:
;;     mov dword ptr [rbp - 0x40], 0
;; L4:
;;     mov eax, [rbp - 0x40]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L5:
;;     ud2                                          ; trap StackOverflow; entry at 0x29
;;
;; optimized: $throws, 80 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x30
;;     cmp r10, rsp
;;     ja L1
;;     sub rsp, 0x20
;;     mov [rsp + 0x10], rbx
;;     lea rdx, [rsp]
;;     mov [rsp], esi
;;     mov r11, [rdi]
;;     mov r11, [r11 + 0x1e8]                       ; builtin NewException
;;     xor esi, esi
;;     mov rbx, rdi
;;     call r11                                     ; Throw at 0x25
;;     mov rsi, rax
;;     mov r11, [rbx]
;;     mov r11, [r11 + 0x1f0]                       ; builtin Throw
;;     mov rdi, rbx
;;     call r11                                     ; Throw at 0x25
;;     ud2                                          ; trap Unreachable; Throw at 0x25
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x22
;;
;; optimized: $catches, 116 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x20
;;     cmp r10, rsp
;;     ja L4
;;     sub rsp, 0x10
;;     mov [rsp], rbx
;;     mov rbx, rdi
;;     mov rax, [rip + ...]                         ; slot of $throws
;;     call rax                                     ; Call at 0x34; caught at L2
;;     xor eax, eax
;; L1:
;;     mov rbx, [rsp]
;;     add rsp, 0x10
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L2:
;;     mov rsi, rax
;;     mov rdi, rbx
;;     mov rax, [rdi]
;;     mov rcx, [rax + 0x100]
;;     mov edx, esi
;;     mov r8d, [rcx + rdx + 8]
;;     mov r9d, [rdi + 0x38]
;;     cmp r8d, r9d
;;     je L3
;;     mov rax, [rax + 0x1f0]                       ; builtin Throw
;;     call rax                                     ; End at 0x36
;;     ud2                                          ; trap Unreachable; End at 0x36
;; L3:
;;     mov eax, [rcx + rdx + 0xc]
;;     jmp L1
;; L4:
;;     ud2                                          ; trap StackOverflow; entry at 0x29
;;
