;;! tier = "baseline"
(module
  ;; More values than registers: what lies deepest on the stack goes to the frame.
  (func $f (param i32) (result i32)
    (i32.add (local.get 0) (i32.const 0))
    (i32.add (local.get 0) (i32.const 1))
    (i32.add (local.get 0) (i32.const 2))
    (i32.add (local.get 0) (i32.const 3))
    (i32.add (local.get 0) (i32.const 4))
    (i32.add (local.get 0) (i32.const 5))
    (i32.add (local.get 0) (i32.const 6))
    (i32.add (local.get 0) (i32.const 7))
    (i32.add (local.get 0) (i32.const 8))
    (i32.add (local.get 0) (i32.const 9))
    (i32.add (local.get 0) (i32.const 10))
    (i32.add (local.get 0) (i32.const 11))
    (i32.add (local.get 0) (i32.const 12))
    (i32.add (local.get 0) (i32.const 13))
    (i32.add (local.get 0) (i32.const 14))
    (i32.add (local.get 0) (i32.const 15))
    (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) ))

;; baseline: $f, 197 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0xc0]
;;     cmp rax, [r11]
;;     jb L1
;;     sub rsp, 0xc0
;;     mov [rbp - 0x20], rbx
;;     mov [rbp - 0x18], r12
;;     mov [rbp - 0x10], r13
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     lea eax, [rsi]
;;     lea ecx, [rsi + 1]
;;     lea edx, [rsi + 2]
;;     lea edi, [rsi + 3]
;;     lea r8d, [rsi + 4]
;;     lea r9d, [rsi + 5]
;;     lea r10d, [rsi + 6]
;;     lea ebx, [rsi + 7]
;;     lea r12d, [rsi + 8]
;;     lea r13d, [rsi + 9]
;;     mov [rbp - 0x40], eax
;;     lea eax, [rsi + 0xa]
;;     mov [rbp - 0x48], ecx
;;     lea ecx, [rsi + 0xb]
;;     mov [rbp - 0x50], edx
;;     lea edx, [rsi + 0xc]
;;     mov [rbp - 0x58], edi
;;     lea edi, [rsi + 0xd]
;;     mov [rbp - 0x60], r8d
;;     lea r8d, [rsi + 0xe]
;;     mov [rbp - 0x68], r9d
;;     lea r9d, [rsi + 0xf]
;;     add r8d, r9d
;;     add edi, r8d
;;     add edx, edi
;;     add ecx, edx
;;     add eax, ecx
;;     add r13d, eax
;;     add r12d, r13d
;;     add ebx, r12d
;;     add r10d, ebx
;;     add r10d, [rbp - 0x68]
;;     add r10d, [rbp - 0x60]
;;     add r10d, [rbp - 0x58]
;;     add r10d, [rbp - 0x50]
;;     add r10d, [rbp - 0x48]
;;     add r10d, [rbp - 0x40]
;;     mov eax, r10d
;;     mov rbx, [rbp - 0x20]
;;     mov r12, [rbp - 0x18]
;;     mov r13, [rbp - 0x10]
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap StackOverflow; entry at 0x18
;;
