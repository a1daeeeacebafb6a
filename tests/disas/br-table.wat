(module
  (func $cases (param i32) (result i32)
    (block $a (block $b (block $c (block $d
      (br_table $a $b $c $d $c (local.get 0)))
      (return (i32.const 10)))
      (return (i32.const 20)))
      (return (i32.const 30)))
    (i32.const 40)))

;; baseline: $cases, 145 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L11
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov eax, esi
;;     cmp eax, 4
;;     jae L2
;;     lea r11, [rip + L1]
;;     lea r11, [r11 + rax*4]
;;     movsxd rax, [r11]
;;     lea rax, [r11 + rax + 4]
;;     jmp rax
;; L1:
;;     .case L3
;;     .case L4
;;     .case L2
;;     .case L5
;; L2:
;;     jmp L7
;; L3:
;;     jmp L9
;; L4:
;;     jmp L8
;; L5:
;;     jmp L6
;; L6:
;;     mov eax, 0xa
;;     jmp L10
;; L7:
;;     mov eax, 0x14
;;     jmp L10
;; L8:
;;     mov eax, 0x1e
;;     jmp L10
;; L9:
;;     mov eax, 0x28
;; L10:
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L11:
;;     ud2                                          ; trap StackOverflow; entry at 0x18
;;
;; optimized: $cases, 101 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8d, 4
;;     mov r9d, esi
;;     cmp r9d, r8d
;;     cmovb r8d, r9d
;;     lea rcx, [rip + L1]
;;     movsxd rax, [rcx + r8*4]
;;     add rcx, rax
;;     jmp rcx
;; L1:
;;     .case L4
;;     .case L3
;;     .case L5
;;     .case L2
;;     .case L5
;;     jmp L5
;; L2:
;;     mov eax, 0xa
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L3:
;;     mov eax, 0x1e
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L4:
;;     mov eax, 0x28
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L5:
;;     mov eax, 0x14
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
