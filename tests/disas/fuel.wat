;;! settings = "fuel uninterruptible"
(module
  (func $count (param $n i32) (result i32)
    (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $n)))

;; baseline: $count, 145 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L6
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     mov r11, [r15]
;;     add qword ptr [r11 + 0x10], 1
;;     mov r11, [r15]
;;     cmp qword ptr [r11 + 0x10], 0
;;     jg L4
;; L1:
;;     mov r11, [r15]
;;     cmp qword ptr [r11 + 0x10], 0
;;     jg L5
;; L2:
;;     lea eax, [rsi - 1]
;;     mov r11, [r15]
;;     add qword ptr [r11 + 0x10], 5
;;     test eax, eax
;;     je L3
;;     mov esi, eax
;;     jmp L1
;; L3:
;;     mov r11, [r15]
;;     add qword ptr [r11 + 0x10], 1
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L4:
;;     mov r11, [r15]
;;     xchg rdi, r15
;;     call qword ptr [r11 + 0x188]                 ; builtin OutOfFuel; entry at 0x18
;;     xchg rdi, r15
;;     jmp L1
;; L5:
;;     mov r11, [r15]
;;     xchg rdi, r15
;;     call qword ptr [r11 + 0x188]                 ; builtin OutOfFuel; Loop at 0x19
;;     xchg rdi, r15
;;     jmp L2
;; L6:
;;     ud2                                          ; trap StackOverflow; entry at 0x18
;;
;; optimized: $count, 141 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L6
;;     mov rcx, [rdi]
;;     mov rax, [rcx + 0x10]
;;     add rax, 1
;;     mov [rcx + 0x10], rax
;;     test rax, rax
;;     jg L4
;; L1:
;;     mov rax, rsi
;; L2:
;;     mov rdx, [rcx + 0x10]
;;     test rdx, rdx
;;     jg L5
;; L3:
;;     mov rdx, [rcx + 0x10]
;;     lea rsi, [rdx + 5]
;;     mov [rcx + 0x10], rsi
;;     sub eax, 1
;;     test eax, eax
;;     jne L2
;;     add rdx, 6
;;     mov [rcx + 0x10], rdx
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L4:
;;     mov rax, [rdi]
;;     mov rax, [rax + 0x188]                       ; builtin OutOfFuel
;;     call rax                                     ; entry at 0x18
;;     jmp L1
;; L5:
;;     mov rdx, [rdi]
;;     mov rdx, [rdx + 0x188]                       ; builtin OutOfFuel
;;     call rdx                                     ; Loop at 0x19
;;     jmp L3
;; L6:
;;     ud2                                          ; trap StackOverflow; entry at 0x18
;;
