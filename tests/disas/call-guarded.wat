;;! tier = "optimized"
;;! settings = "inline uninterruptible"
;;! profile = "16 70 8 25 0 0 0 5"
(module
  (type $op (func (param i32) (result i32)))
  (table 4 funcref)
  (func $one (type $op) (i32.add (local.get 0) (i32.const 1)))
  (func $two (type $op) (i32.mul (local.get 0) (i32.const 3)))
  ;; The body of the most frequent target comes first, and the call last, out of the way.
  (func $calls (param i32 i32) (result i32) (call_indirect (type $op) (local.get 0) (local.get 1))))

;; optimized: $one, 12 bytes
;;     push rbp
;;     mov rbp, rsp
;;     lea eax, [rsi + 1]
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $two, 12 bytes
;;     push rbp
;;     mov rbp, rsp
;;     imul eax, esi, 3
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $calls, 176 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L5
;;     mov rax, [rdi + 0x30]
;;     mov ecx, edx
;;     cmp rcx, [rax + 8]
;;     jae L6
;;     mov rax, [rax]
;;     mov ecx, [rax + rcx*4]
;;     mov rax, [rdi + 0x10]
;;     mov edx, ecx
;;     shl rdx, 5
;;     mov r8, [rax + rdx + 8]
;;     cmp r8, rdi
;;     jne L3
;;     mov r9, [rax + rdx]
;;     mov r10, [rdi + 0x28]
;;     sub r9, r10
;;     cmp r9, 8
;;     je L1
;;     test r9, r9
;;     jne L3
;;     lea eax, [rsi + 1]
;;     jmp L2
;; L1:
;;     imul eax, esi, 3
;; L2:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L3:
;;     mov r9d, [rax + rdx + 0x10]
;;     mov r10, [rdi + 8]
;;     mov r10d, [r10]
;;     cmp r9d, r10d
;;     jne L4
;;     mov rcx, [rdi]
;;     mov [rcx + 0x20], rdi
;;     mov rax, [rax + rdx]
;;     mov rax, [rax]
;;     mov rdi, r8
;;     call rax                                     ; CallIndirect at 0x3b of $calls
;;     jmp L2
;; L4:
;;     test ecx, ecx
;;     je L7
;;     ud2                                          ; trap IndirectCallTypeMismatch; CallIndirect at 0x3b of $calls
;; L5:
;;     ud2                                          ; trap StackOverflow; entry at 0x36 of $calls
;; L6:
;;     ud2                                          ; trap UndefinedElement; CallIndirect at 0x3b of $calls
;; L7:
;;     ud2                                          ; trap UninitializedElement; CallIndirect at 0x3b of $calls
;;
