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

;; optimized: func 0, 187 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r8, [rdi]
;;     mov rdi, [rdi + 0x38]
;; L1:
;;     mov eax, [r8 - 8]                            ; trap Interrupted; Loop at 0x22
;;     mov eax, esi
;;     movzx rax, byte ptr [rdi + rax]              ; trap MemoryOutOfBounds; I32Load8U at 0x26
;;     mov r9d, edx
;;     movzx r9, byte ptr [rdi + r9]                ; trap MemoryOutOfBounds; I32Load8U at 0x2b
;;     cmp eax, r9d
;;     je L2
;;     mov rax, rsi
;;     jmp L4
;; L2:
;;     cmp ecx, 1
;;     je L3
;;     lea eax, [rsi + 1]
;;     movzx r9, byte ptr [rdi + rax]               ; trap MemoryOutOfBounds; I32Load8U at 0x26
;;     lea r10d, [rdx + 1]
;;     movzx r10, byte ptr [rdi + r10]              ; trap MemoryOutOfBounds; I32Load8U at 0x2b
;;     cmp r9d, r10d
;;     jne L4
;;     cmp ecx, 2
;;     je L3
;;     lea eax, [rsi + 2]
;;     movzx r9, byte ptr [rdi + rax]               ; trap MemoryOutOfBounds; I32Load8U at 0x26
;;     lea r10d, [rdx + 2]
;;     movzx r10, byte ptr [rdi + r10]              ; trap MemoryOutOfBounds; I32Load8U at 0x2b
;;     cmp r9d, r10d
;;     jne L4
;;     cmp ecx, 3
;;     je L3
;;     lea eax, [rsi + 3]
;;     movzx r9, byte ptr [rdi + rax]               ; trap MemoryOutOfBounds; I32Load8U at 0x26
;;     lea r10d, [rdx + 3]
;;     movzx r10, byte ptr [rdi + r10]              ; trap MemoryOutOfBounds; I32Load8U at 0x2b
;;     cmp r9d, r10d
;;     jne L4
;;     sub ecx, 4
;;     add esi, 4
;;     add edx, 4
;;     test ecx, ecx
;;     jne L1
;; L3:
;;     xor eax, eax
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L4:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
