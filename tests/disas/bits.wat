(module
  (func $leading (param i32) (result i32) (i32.clz (local.get 0)))
  (func $trailing (param i64) (result i64) (i64.ctz (local.get 0)))
  (func $ones (param i32) (result i32) (i32.popcnt (local.get 0))))

;; baseline: $leading, 46 bytes
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
;;     lzcnt eax, esi
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
;; baseline: $trailing, 45 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     tzcnt rax, rsi
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x25
;;
;; baseline: $ones, 46 bytes
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
;;     popcnt eax, esi
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2b
;;
;; optimized: $leading, 13 bytes
;;     push rbp
;;     mov rbp, rsp
;;     lzcnt eax, esi
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $trailing, 14 bytes
;;     push rbp
;;     mov rbp, rsp
;;     tzcnt rax, rsi
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $ones, 13 bytes
;;     push rbp
;;     mov rbp, rsp
;;     popcnt eax, esi
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
