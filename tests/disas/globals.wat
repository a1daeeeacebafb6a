(module
  (import "m" "g" (global $imported (mut i32)))
  (global $own (mut i64) (i64.const 5))
  (func $read (result i32) (global.get $imported))
  (func $count (global.set $own (i64.add (global.get $own) (i64.const 1)))))

;; baseline: $read, 47 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov r11, [r15 + 0x38]
;;     mov eax, [r11]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2d
;;
;; baseline: $count, 52 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov rax, [r15 + 0x40]
;;     add rax, 1
;;     mov [r15 + 0x40], rax
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x32
;;
;; optimized: $read, 15 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rsi, [rdi + 0x38]
;;     mov eax, [rsi]
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $count, 14 bytes
;;     push rbp
;;     mov rbp, rsp
;;     add qword ptr [rdi + 0x40], 1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
