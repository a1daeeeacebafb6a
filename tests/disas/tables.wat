(module
  (table $t 4 externref)
  (func $get (param i32) (result externref) (table.get $t (local.get 0)))
  (func $set (param i32 externref) (table.set $t (local.get 0) (local.get 1)))
  (func $size (result i32) (table.size $t)))

;; baseline: $get, 65 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L2
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov r11, [r15 + 0x38]
;;     cmp rsi, [r11 + 8]
;;     jae L1
;;     mov r11, [r11]
;;     mov eax, [r11 + rsi*4]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap TableOutOfBounds; TableGet at 0x2c
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x29
;;
;; baseline: $set, 67 bytes
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
;;     mov r11, [r15 + 0x38]
;;     cmp rsi, [r11 + 8]
;;     jae L1
;;     mov r11, [r11]
;;     mov [r11 + rsi*4], edx
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap TableOutOfBounds; TableSet at 0x35
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x30
;;
;; baseline: $size, 50 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov rax, [r15 + 0x38]
;;     mov rax, [rax + 8]
;;     mov eax, eax
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x39
;;
;; optimized: $get, 34 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, [rdi + 0x38]
;;     mov edi, esi
;;     cmp rdi, [r8 + 8]
;;     jae L1
;;     mov r8, [r8]
;;     mov eax, [r8 + rdi*4]
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap TableOutOfBounds; TableGet at 0x2c
;;
;; optimized: $set, 34 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, [rdi + 0x38]
;;     mov edi, esi
;;     cmp rdi, [r8 + 8]
;;     jae L1
;;     mov r8, [r8]
;;     mov [r8 + rdi*4], edx
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap TableOutOfBounds; TableSet at 0x35
;;
;; optimized: $size, 17 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rsi, [rdi + 0x38]
;;     mov rax, [rsi + 8]
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
