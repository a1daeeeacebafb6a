;;! settings = "uninterruptible"
(module
  (func $swap (param i32 i32) (result i32 i32) (local.get 1) (local.get 0))
  (func $four (result i32 i64 f64 i32) (i32.const 1) (i64.const 2) (f64.const 3) (i32.const 4))
  (func $caller (param i32) (result i32) (i32.sub (call $swap (local.get 0) (i32.const 3)))))

;; baseline: $swap, 48 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov edx, edx
;;     mov eax, edx
;;     mov ecx, esi
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x28
;;
;; baseline: $four, 70 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov ecx, 2
;;     mov r11, 0x4008000000000000
;;     movq xmm0, r11
;;     mov edx, 4
;;     mov eax, 1
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2f
;;
;; baseline: $caller, 73 bytes
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
;;     mov rbx, rsi
;;     mov edx, 3
;;     mov rdi, r15
;;     call qword ptr [rip + ...]                   ; slot of $swap; Call at 0x46
;;     mov eax, eax
;;     mov ecx, ecx
;;     sub eax, ecx
;;     mov rbx, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x41
;;
;; optimized: $swap, 15 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rdx
;;     mov rcx, rsi
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $four, 39 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov eax, 1
;;     mov ecx, 2
;;     mov rsi, 0x4008000000000000
;;     vmovq xmm0, rsi
;;     mov edx, 4
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $caller, 47 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L1
;;     mov edx, 3
;;     mov r8, [rip + ...]                          ; slot of $swap
;;     call r8                                      ; Call at 0x46
;;     sub eax, ecx
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x41
;;
