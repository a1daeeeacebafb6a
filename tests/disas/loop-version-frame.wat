;;! loop = "2"
;;! settings = "tier_up uninterruptible"
(module
  (type $box (struct (field (mut i32))))
  (memory 1)
  ;; Arguments on the stack, a reference among them, a local that is a reference, and operands below the loop: all are in what the frame of baseline
  ;; code held, and are read before anything else. The loop around goes on in a copy of the body, where references are what they were.
  (func $many (param i64 i64 i64 i64 i64) (param $on_stack i64) (param $box (ref null $box)) (param $n i32) (result i64)
    (local $k i32) (local $x f64) (local $own (ref null $box))
    (loop $around
      (local.set $own (local.get $box))
      (local.set $k (local.get $n))
      (i64.mul (local.get 0) (local.get $on_stack))
      (f64.load (i32.const 8))
      (i32.load (i32.const 16))
      (loop $l (param i32) (result i32)
        (struct.set $box 0 (local.get $own) (local.get $k))
        (i32.add (local.get $k))
        (br_if $l (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
      (local.set $k)
      (local.set $x)
      (local.set 0)
      (f64.store (local.get $k) (local.get $x))
      (br_if $around (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.add (local.get 0) (i64.extend_i32_u (struct.get $box 0 (local.get $box))))))

;; optimized: $many, 266 bytes, at the loop at 0x4f, state of 112 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, [rdi]
;;     mov r10, [r10]
;;     add r10, 0x10
;;     cmp r10, rsp
;;     ja L7
;;     sub rsp, 0x10
;;     mov [rsp], rbx
;;     mov rax, [rsi - 8]
;;     mov rax, [rsi - 0x10]
;;     mov rax, [rsi - 0x18]
;;     mov rax, [rsi - 0x20]
;;     mov rax, [rsi - 0x28]
;;     mov rax, [rsi - 0x30]
;;     mov r8d, [rsi - 0x38]
;;     mov ecx, [rsi - 0x40]
;;     mov r9d, [rsi - 0x48]
;;     vmovsd xmm0, [rsi - 0x50]
;;     mov r11d, [rsi - 0x58]
;;     mov rdx, [rsi - 0x60]
;;     vmovsd xmm0, [rsi - 0x68]
;;     mov r10d, [rsi - 0x70]
;;     mov rsi, [rdi]
;;     mov rsi, [rsi + 0x100]
;;     mov r11d, r11d
;; L1:
;;     mov [rsi + r11 + 8], r9d                     ; trap NullStructReference; StructSet at 0x55
;;     mov rbx, r9
;;     sub ebx, 1
;;     add r10d, r9d
;;     test ebx, ebx
;;     je L2
;;     mov r9, rbx
;;     jmp L1
;; L2:
;;     mov rdi, [rdi + 0x38]
;;     vmovsd [rdi + r10], xmm0                     ; trap MemoryOutOfBounds; F64Store at 0x70
;;     sub ecx, 1
;;     test ecx, ecx
;;     jne L3
;;     mov eax, r8d
;;     mov eax, [rsi + rax + 8]                     ; trap NullStructReference; StructGet at 0x81
;;     add rax, rdx
;;     mov rbx, [rsp]
;;     add rsp, 0x10
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L3:
;;     mov r8d, r8d
;; L4:
;;     vmovsd xmm0, [rdi + 8]                       ; trap MemoryOutOfBounds; F64Load at 0x47
;;     mov r9d, [rdi + 0x10]                        ; trap MemoryOutOfBounds; I32Load at 0x4c
;;     mov r11, rcx
;; L5:
;;     mov [rsi + r8 + 8], r11d                     ; trap NullStructReference; StructSet at 0x55
;;     mov r10, r11
;;     sub r10d, 1
;;     add r9d, r11d
;;     test r10d, r10d
;;     je L6
;;     mov r11, r10
;;     jmp L5
;; L6:
;;     vmovsd [rdi + r9], xmm0                      ; trap MemoryOutOfBounds; F64Store at 0x70
;;     sub ecx, 1
;;     imul rdx, rax
;;     test ecx, ecx
;;     jne L4
;;     mov eax, [rsi + r8 + 8]                      ; trap NullStructReference; StructGet at 0x81
;;     add rax, rdx
;;     mov rbx, [rsp]
;;     add rsp, 0x10
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L7:
;;     ud2                                          ; trap StackOverflow; entry at 0x2e
;;
