;;! tier = "optimized"
;;! settings = "inline uninterruptible"
;;! profile = "24 50 8 30 16 20 0 15"
(module
  (type $op (func (param i32) (result i32)))
  (table 4 funcref)
  (func $one (type $op) (i32.add (local.get 0) (i32.const 1)))
  (func $two (type $op) (i32.mul (local.get 0) (i32.const 3)))
  (func $three (type $op) (i32.xor (local.get 0) (i32.const 5)))
  (func $four (type $op) (i32.sub (i32.const 7) (local.get 0)))
  ;; Three targets are told apart, the most frequent first. What goes to the fourth is counted with all others, and is a call, not so rare that it is
  ;; out of the way.
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
;; optimized: $three, 15 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rsi
;;     xor eax, 5
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $four, 16 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov eax, 7
;;     sub eax, esi
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $calls, 182 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L6
;;     mov rax, [rdi + 0x38]
;;     mov ecx, edx
;;     cmp rcx, [rax + 8]
;;     jae L7
;;     mov rax, [rax]
;;     mov eax, [rax + rcx*4]
;;     mov rcx, [rdi + 0x28]
;;     mov edx, [rcx + 8]
;;     cmp eax, edx
;;     je L3
;;     mov edx, [rcx]
;;     cmp eax, edx
;;     je L2
;;     mov ecx, [rcx + 4]
;;     cmp eax, ecx
;;     je L1
;;     mov rcx, [rdi + 0x10]
;;     mov rdx, rax
;;     shl rdx, 5
;;     mov r8d, [rcx + rdx + 0x10]
;;     mov r9, [rdi + 8]
;;     mov r9d, [r9]
;;     cmp r8d, r9d
;;     jne L5
;;     mov rax, [rdi]
;;     mov [rax + 0x20], rdi
;;     mov rax, [rcx + rdx]
;;     mov rax, [rax]
;;     mov rdi, [rcx + rdx + 8]
;;     call rax                                     ; CallIndirect at 0x4d of $calls
;;     jmp L4
;; L1:
;;     imul eax, esi, 3
;;     jmp L4
;; L2:
;;     lea eax, [rsi + 1]
;;     jmp L4
;; L3:
;;     xor esi, 5
;;     mov rax, rsi
;; L4:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L5:
;;     test eax, eax
;;     je L8
;;     ud2                                          ; trap IndirectCallTypeMismatch; CallIndirect at 0x4d of $calls
;; L6:
;;     ud2                                          ; trap StackOverflow; entry at 0x48 of $calls
;; L7:
;;     ud2                                          ; trap UndefinedElement; CallIndirect at 0x4d of $calls
;; L8:
;;     ud2                                          ; trap UninitializedElement; CallIndirect at 0x4d of $calls
;;
