;;! settings = "uninterruptible"
(module
  (type $bytes (array (mut i8)))
  (type $longs (array (mut i64)))
  (func $get (param (ref $bytes) i32) (result i32) (array.get_u $bytes (local.get 0) (local.get 1)))
  (func $set (param (ref $longs) i32 i64) (array.set $longs (local.get 0) (local.get 1) (local.get 2)))
  (func $len (param (ref null $longs)) (result i32) (array.len (local.get 0)))
  (func $new (param i32) (result (ref $longs)) (array.new_default $longs (local.get 0))))

;; baseline: $get, 75 bytes
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
;;     add r11, rsi
;;     cmp edx, [r11 + 4]                           ; trap NullArrayReference; ArrayGetU at 0x3b
;;     jae L1
;;     movzx eax, byte ptr [r11 + rdx + 8]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap ArrayOutOfBounds; ArrayGetU at 0x3b
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x36
;;
;; baseline: $set, 74 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x60]
;;     cmp rax, [r11]
;;     jb L2
;;     sub rsp, 0x60
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov edx, edx
;;     mov r11, [r15]
;;     mov r11, [r11 + 0x100]
;;     add r11, rsi
;;     cmp edx, [r11 + 4]                           ; trap NullArrayReference; ArraySet at 0x47
;;     jae L1
;;     mov [r11 + rdx*8 + 8], rcx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap ArrayOutOfBounds; ArraySet at 0x47
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x40
;;
;; baseline: $len, 57 bytes
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
;;     mov eax, [r11 + rsi + 4]                     ; trap NullArrayReference; ArrayLen at 0x4f
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x4c
;;
;; baseline: $new, 74 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], rbx
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov rbx, rsi
;;     mov edx, esi
;;     mov esi, 1
;;     mov rdi, r15
;;     mov rax, [r15]
;;     call qword ptr [rax + 0x1b0]                 ; builtin ArrayNewDefault; ArrayNewDefault at 0x56
;;     mov eax, eax
;;     mov rbx, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x53
;;
;; optimized: $get, 48 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r9, [rdi]
;;     mov r10, [r9 + 0x100]
;;     mov r11d, esi
;;     lea r9, [r10 + r11]
;;     cmp edx, [r10 + r11 + 4]                     ; trap NullArrayReference; ArrayGetU at 0x3b
;;     jae L1
;;     mov r11d, edx
;;     movzx rax, byte ptr [r9 + r11 + 8]
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap ArrayOutOfBounds; ArrayGetU at 0x3b
;;
;; optimized: $set, 47 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r9, [rdi]
;;     mov r10, [r9 + 0x100]
;;     mov r11d, esi
;;     lea r9, [r10 + r11]
;;     cmp edx, [r10 + r11 + 4]                     ; trap NullArrayReference; ArraySet at 0x47
;;     jae L1
;;     mov r11d, edx
;;     mov [r9 + r11*8 + 8], rcx
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap ArrayOutOfBounds; ArraySet at 0x47
;;
;; optimized: $len, 25 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rdi, [rdi]
;;     mov rdi, [rdi + 0x100]
;;     mov esi, esi
;;     mov eax, [rdi + rsi + 4]                     ; trap NullArrayReference; ArrayLen at 0x4f
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $new, 51 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L1
;;     mov rdx, rsi
;;     mov r8, [rdi]
;;     mov r8, [r8 + 0x1b0]                         ; builtin ArrayNewDefault
;;     mov esi, 1
;;     call r8                                      ; ArrayNewDefault at 0x56
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x53
;;
