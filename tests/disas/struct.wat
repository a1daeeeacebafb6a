;;! settings = "uninterruptible"
(module
  (type $pair (struct (field (mut i32)) (field (mut (ref null $pair)))))
  (func $new (param i32 (ref null $pair)) (result (ref $pair)) (struct.new $pair (local.get 0) (local.get 1)))
  (func $get (param (ref null $pair)) (result i32) (struct.get $pair 0 (local.get 0)))
  (func $set_number (param (ref $pair) i32) (struct.set $pair 0 (local.get 0) (local.get 1)))
  ;; A reference that is stored goes through the write barrier.
  (func $set_reference (param (ref $pair) (ref null $pair)) (struct.set $pair 1 (local.get 0) (local.get 1))))

;; baseline: $new, 147 bytes
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
;;     mov r11, [r15]
;;     mov eax, [r11 + 0x108]
;;     mov ecx, [r11 + 0x10c]
;;     sub ecx, eax
;;     cmp ecx, 0x10
;;     jb L2
;;     add dword ptr [r11 + 0x108], 0x10
;; L1:
;;     mov rcx, [r11 + 0x100]
;;     add rcx, rax
;;     mov r11, [r15 + 0x20]
;;     mov r11d, [r11]
;;     mov [rcx], r11
;;     mov [rcx + 8], esi
;;     mov [rcx + 0xc], edx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L2:
;;     mov [rbp - 0x38], esi
;;     mov [rbp - 0x40], edx
;;     mov rdi, r15
;;     mov esi, 0
;;     mov edx, 0x10
;;     mov rax, [r15]
;;     call qword ptr [rax + 0x1a8]                 ; builtin AllocateObject; StructNew at 0x3d; references [rbp - 0x40]
;;     mov eax, eax
;;     mov esi, [rbp - 0x38]
;;     mov edx, [rbp - 0x40]
;;     mov r11, [r15]
;;     jmp L1
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x38
;;
;; baseline: $get, 57 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov r11, [r15]
;;     mov r11, [r11 + 0x100]
;;     mov eax, [r11 + rsi + 8]                     ; trap NullStructReference; StructGet at 0x45
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x42
;;
;; baseline: $set_number, 59 bytes
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
;;     mov r11, [r15]
;;     mov r11, [r11 + 0x100]
;;     mov [r11 + rsi + 8], edx                     ; trap NullStructReference; StructSet at 0x50
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x4b
;;
;; baseline: $set_reference, 106 bytes
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
;;     mov r11, [r15]
;;     mov r11, [r11 + 0x100]
;;     mov [r11 + rsi + 0xc], edx                   ; trap NullStructReference; StructSet at 0x5b
;;     mov r11, [r15]
;;     cmp esi, [r11 + 0x110]
;;     jae L1
;;     cmp edx, [r11 + 0x114]
;;     jb L1
;;     lea rax, [rsi + 0xc]
;;     shr rax, 9
;;     add rax, [r11 + 0x118]
;;     mov byte ptr [rax], 1
;; L1:
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x56
;;
;; optimized: $new, 173 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x40
;;     cmp r10, rsp
;;     ja L3
;;     sub rsp, 0x30
;;     mov [rsp + 0x10], rbx
;;     mov [rsp + 0x18], r12
;;     mov [rsp + 0x20], r13
;;     mov r13, rsi
;;     mov [rsp], edx
;;     mov rbx, [rdi]
;;     mov eax, [rbx + 0x108]
;;     mov ecx, [rbx + 0x10c]
;;     sub ecx, eax
;;     cmp ecx, 0x10
;;     jb L2
;;     mov r12, rdi
;;     lea ecx, [rax + 0x10]
;;     mov [rbx + 0x108], ecx
;; L1:
;;     mov rcx, [r12 + 0x20]
;;     mov esi, [rcx]
;;     mov rcx, [rbx + 0x100]
;;     mov edx, eax
;;     mov [rcx + rdx], rsi
;;     mov rsi, r13
;;     mov [rcx + rdx + 8], esi
;;     mov esi, [rsp]
;;     mov [rcx + rdx + 0xc], esi
;;     mov rbx, [rsp + 0x10]
;;     mov r12, [rsp + 0x18]
;;     mov r13, [rsp + 0x20]
;;     add rsp, 0x30
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L2:
;;     mov rax, [rdi]
;;     mov r12, rdi
;;     mov rax, [rax + 0x1a8]                       ; builtin AllocateObject
;;     xor esi, esi
;;     mov edx, 0x10
;;     call rax                                     ; StructNew at 0x3d; references [rbp - 0x30]
;;     jmp L1
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x38
;;
;; optimized: $get, 25 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rdi, [rdi]
;;     mov rdi, [rdi + 0x100]
;;     mov esi, esi
;;     mov eax, [rdi + rsi + 8]                     ; trap NullStructReference; StructGet at 0x45
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $set_number, 25 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rdi, [rdi]
;;     mov rdi, [rdi + 0x100]
;;     mov esi, esi
;;     mov [rdi + rsi + 8], edx                     ; trap NullStructReference; StructSet at 0x50
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $set_reference, 80 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     mov rcx, [r11 + 0x100]
;;     mov eax, esi
;;     mov [rcx + rax + 0xc], edx                   ; trap NullStructReference; StructSet at 0x5b
;;     cmp esi, [r11 + 0x110]
;;     setb cl
;;     cmp edx, [r11 + 0x114]
;;     setae dl
;;     test dl, cl
;;     jne L2
;; L1:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L2:
;;     mov rcx, [r11 + 0x118]
;;     add rax, 0xc
;;     shr rax, 9
;;     mov byte ptr [rcx + rax], 1
;;     jmp L1
;;
