;;! settings = "uninterruptible"
(module
  ;; References that are needed behind a call are in the frame, and its map says where.
  (type $box (struct (field i32)))
  (func $other)
  (func $keeps (param (ref $box) i32) (result i32)
    (call $other)
    (i32.add (struct.get $box 0 (local.get 0)) (local.get 1))))

;; baseline: $other, 40 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x30]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x30
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x22
;;
;; baseline: $keeps, 89 bytes
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
;;     mov edx, edx
;;     mov [rbp - 0x38], esi
;;     mov rbx, rdx
;;     mov rdi, r15
;;     call qword ptr [rip + ...]                   ; slot of $other; Call at 0x26; references [rbp - 0x38]
;;     mov eax, [rbp - 0x38]
;;     mov r11, [r15]
;;     mov r11, [r11 + 0x100]
;;     mov ecx, [r11 + rax + 8]                     ; trap NullStructReference; StructGet at 0x2a
;;     add ecx, ebx
;;     mov eax, ecx
;;     mov rbx, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x25
;;
;; optimized: $other, 9 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $keeps, 105 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x30
;;     cmp r10, rsp
;;     ja L1
;;     sub rsp, 0x20
;;     mov [rsp + 0x10], r12
;;     mov [rsp + 0x18], r14
;;     mov r12, rdx
;;     mov [rsp], esi
;;     mov r10, [rip + ...]                         ; slot of $other
;;     mov r14, rdi
;;     call r10                                     ; Call at 0x26; references [rbp - 0x20]
;;     mov r11d, [rsp]
;;     mov rax, [r14]
;;     mov rcx, [rax + 0x100]
;;     mov r11d, r11d
;;     mov rdx, r12
;;     mov rax, rdx
;;     add eax, [rcx + r11 + 8]                     ; trap NullStructReference; StructGet at 0x2a
;;     mov r12, [rsp + 0x10]
;;     mov r14, [rsp + 0x18]
;;     add rsp, 0x20
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x25
;;
