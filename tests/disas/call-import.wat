;;! settings = "uninterruptible"
(module
  (import "host" "f" (func $host (param i32) (result i32)))
  (func $caller (param i32) (result i32) (call $host (local.get 0))))

;; baseline: $caller, 75 bytes
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
;;     mov r11, [r15]
;;     mov [r11 + 0x20], r15
;;     mov rdi, [r15 + 0x40]
;;     mov rax, [r15 + 0x38]
;;     mov rax, [rax]
;;     call rax                                     ; Call at 0x27
;;     mov eax, eax
;;     mov rbx, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x24
;;
;; optimized: $caller, 51 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L1
;;     mov r8, [rdi]
;;     mov [r8 + 0x20], rdi
;;     mov r8, [rdi + 0x38]
;;     mov r8, [r8]
;;     mov rdi, [rdi + 0x40]
;;     call r8                                      ; Call at 0x27
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x24
;;
