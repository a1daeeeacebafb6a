;;! processor = "v1"
;;! tier = "baseline"
(module
  ;; The same without the instructions for it.
  (func $leading (param i32) (result i32) (i32.clz (local.get 0)))
  (func $trailing (param i64) (result i64) (i64.ctz (local.get 0)))
  (func $ones (param i32) (result i32) (i32.popcnt (local.get 0))))

;; baseline: $leading, 58 bytes
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
;;     bsr eax, esi
;;     mov r11d, 0x3f
;;     cmove eax, r11d
;;     xor eax, 0x1f
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
;; baseline: $trailing, 54 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     bsf rax, rsi
;;     mov r11d, 0x40
;;     cmove rax, r11
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x25
;;
;; baseline: $ones, 108 bytes
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
;;     mov eax, esi
;;     mov ecx, eax
;;     shr ecx, 1
;;     mov r11d, 0x55555555
;;     and ecx, r11d
;;     sub eax, ecx
;;     mov r11d, 0x33333333
;;     mov ecx, eax
;;     shr ecx, 2
;;     and ecx, r11d
;;     and eax, r11d
;;     add eax, ecx
;;     mov ecx, eax
;;     shr ecx, 4
;;     add eax, ecx
;;     mov r11d, 0xf0f0f0f
;;     and eax, r11d
;;     mov r11d, 0x1010101
;;     imul eax, r11d
;;     shr eax, 0x18
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x2b
;;
