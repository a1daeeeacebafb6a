;;! tier = "optimized"
;;! settings = "inline"
(module
  (memory 1)
  ;; Four iterations for each poll, and one addition for each of their counters.
  (func (param $a i32) (param $b i32) (param $n i32) (result i32)
    (block $differ
      (loop $l
        (br_if $differ (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b))))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (local.set $b (i32.add (local.get $b) (i32.const 1)))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (return (i32.const 0)))
    (local.get $a)))

;; optimized: func 0, 233 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L7
;;     mov r9, [rdi]
;;     mov r8, [rdi + 0x38]
;; L1:
;;     mov eax, [r9 + 8]
;;     test eax, eax
;;     jne L6
;; L2:
;;     mov eax, esi
;;     movzx rax, byte ptr [r8 + rax]               ; trap MemoryOutOfBounds; I32Load8U at 0x26
;;     mov r10d, edx
;;     movzx r10, byte ptr [r8 + r10]               ; trap MemoryOutOfBounds; I32Load8U at 0x2b
;;     cmp eax, r10d
;;     je L3
;;     mov rax, rsi
;;     jmp L5
;; L3:
;;     cmp ecx, 1
;;     je L4
;;     lea eax, [rsi + 1]
;;     movzx r10, byte ptr [r8 + rax]               ; trap MemoryOutOfBounds; I32Load8U at 0x26
;;     lea r11d, [rdx + 1]
;;     movzx r11, byte ptr [r8 + r11]               ; trap MemoryOutOfBounds; I32Load8U at 0x2b
;;     cmp r10d, r11d
;;     jne L5
;;     cmp ecx, 2
;;     je L4
;;     lea eax, [rsi + 2]
;;     movzx r10, byte ptr [r8 + rax]               ; trap MemoryOutOfBounds; I32Load8U at 0x26
;;     lea r11d, [rdx + 2]
;;     movzx r11, byte ptr [r8 + r11]               ; trap MemoryOutOfBounds; I32Load8U at 0x2b
;;     cmp r10d, r11d
;;     jne L5
;;     cmp ecx, 3
;;     je L4
;;     lea eax, [rsi + 3]
;;     movzx r10, byte ptr [r8 + rax]               ; trap MemoryOutOfBounds; I32Load8U at 0x26
;;     lea r11d, [rdx + 3]
;;     movzx r11, byte ptr [r8 + r11]               ; trap MemoryOutOfBounds; I32Load8U at 0x2b
;;     cmp r10d, r11d
;;     jne L5
;;     sub ecx, 4
;;     add esi, 4
;;     add edx, 4
;;     test ecx, ecx
;;     jne L1
;; L4:
;;     xor eax, eax
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L5:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L6:
;;     mov rax, [rdi]
;;     mov rax, [rax + 0x180]                       ; builtin Interrupt
;;     call rax                                     ; Loop at 0x22
;;     jmp L2
;; L7:
;;     ud2                                          ; trap StackOverflow; entry at 0x1f
;;
