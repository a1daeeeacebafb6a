;;! settings = "uninterruptible"
(module
  (func $many (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.add (local.get 0) (local.get 7)))
  (func $caller (result i32)
    (call $many (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 7) (i32.const 8))))

;; baseline: $many, 89 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x80]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x80
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov edx, edx
;;     mov ecx, ecx
;;     mov r8d, r8d
;;     mov r9d, r9d
;;     mov r11d, [rbp + 0x10]
;;     mov [rbp - 0x60], r11d
;;     mov r11d, [rbp + 0x18]
;;     mov [rbp - 0x68], r11d
;;     mov r11d, [rbp + 0x20]
;;     mov [rbp - 0x70], r11d
;;     mov eax, [rbp - 0x70]
;;     lea edi, [rsi + rax]
;;     mov eax, edi
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret 0x20
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x24
;;
;; baseline: $caller, 108 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x70]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x70
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     sub rsp, 0x20
;;     mov qword ptr [rsp], 6
;;     mov qword ptr [rsp + 8], 7
;;     mov qword ptr [rsp + 0x10], 8
;;     mov edx, 2
;;     mov ecx, 3
;;     mov r8d, 4
;;     mov r9d, 5
;;     mov esi, 1
;;     mov rdi, r15
;;     call qword ptr [rip + ...]                   ; slot of $many; Call at 0x3d
;;     mov eax, eax
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2c
;;
;; optimized: $many, 18 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rdx, [rbp + 0x20]
;;     lea eax, [rsi + rdx]
;;     mov rsp, rbp
;;     pop rbp
;;     ret 0x20
;;
;; optimized: $caller, 117 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x30
;;     cmp r10, rsp
;;     ja L1
;;     sub rsp, 0x20
;;     mov esi, 1
;;     mov edx, 2
;;     mov ecx, 3
;;     mov r8d, 4
;;     mov r9d, 5
;;     mov r11d, 6
;;     mov r10d, 7
;;     mov eax, 8
;;     mov r11d, r11d
;;     mov [rsp], r11
;;     mov r10d, r10d
;;     mov [rsp + 8], r10
;;     mov eax, eax
;;     mov [rsp + 0x10], rax
;;     mov rax, [rip + ...]                         ; slot of $many
;;     call rax                                     ; Call at 0x3d
;;     sub rsp, 0x20
;;     add rsp, 0x20
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2c
;;
