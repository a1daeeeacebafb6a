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
;; optimized: $calls, 160 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L5
;;     mov rax, [rdi + 0x38]
;;     mov ecx, edx
;;     cmp rcx, [rax + 8]
;;     jae L6
;;     mov rax, [rax]
;;     mov eax, [rax + rcx*4]
;;     mov rcx, [rdi + 0x28]
;;     mov edx, [rcx + 4]
;;     cmp eax, edx
;;     je L1
;;     mov ecx, [rcx]
;;     cmp eax, ecx
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
;;     mov rcx, [rdi + 0x10]
;;     mov rdx, [rdi + 8]
;;     mov r8d, [rdx]
;;     mov rdx, rax
;;     shl rdx, 5
;;     mov r9d, [rcx + rdx + 0x10]
;;     cmp r9d, r8d
;;     jne L4
;;     mov rax, [rdi]
;;     mov [rax + 0x20], rdi
;;     mov rax, [rcx + rdx]
;;     mov rax, [rax]
;;     mov rdi, [rcx + rdx + 8]
;;     call rax                                     ; CallIndirect at 0x3b of $calls
;;     jmp L2
;; L4:
;;     test eax, eax
;;     je L7
;;     ud2                                          ; trap IndirectCallTypeMismatch; CallIndirect at 0x3b of $calls
;; L5:
;;     ud2                                          ; trap StackOverflow; entry at 0x36 of $calls
;; L6:
;;     ud2                                          ; trap UndefinedElement; CallIndirect at 0x3b of $calls
;; L7:
;;     ud2                                          ; trap UninitializedElement; CallIndirect at 0x3b of $calls
;;
