;;! settings = "uninterruptible"
(module
  (type $t (func (param i32) (result i32)))
  (func $caller (param (ref null $t) i32) (result i32) (call_ref $t (local.get 1) (local.get 0))))

;; baseline: $caller, 100 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x20], rbx
;;     mov [rbp - 0x18], r12
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov edx, edx
;;     mov r10d, esi
;;     shl r10, 5
;;     add r10, [r15 + 0x10]
;;     mov rbx, rsi
;;     mov r12, rdx
;;     mov r11, [r15]
;;     mov [r11 + 0x20], r15
;;     mov esi, edx
;;     mov rdi, [r10 + 8]
;;     mov rax, [r10]
;;     mov rax, [rax]                               ; trap NullFunctionReference; CallRef at 0x24
;;     call rax                                     ; CallRef at 0x24
;;     mov eax, eax
;;     mov rbx, [rbp - 0x20]
;;     mov r12, [rbp - 0x18]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
;; optimized: $caller, 65 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L1
;;     mov r11, [rdi]
;;     mov [r11 + 0x20], rdi
;;     mov rax, [rdi + 0x10]
;;     mov r11d, esi
;;     shl r11, 5
;;     mov rcx, [rax + r11]
;;     mov rcx, [rcx]                               ; trap NullFunctionReference; CallRef at 0x24
;;     mov rdi, [rax + r11 + 8]
;;     mov rsi, rdx
;;     call rcx                                     ; CallRef at 0x24
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
