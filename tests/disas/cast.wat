;;! settings = "uninterruptible"
(module
  (type $base (sub (struct (field i32))))
  (type $derived (sub $base (struct (field i32) (field i64))))
  (func $cast (param (ref null $base)) (result (ref $derived)) (ref.cast (ref $derived) (local.get 0)))
  (func $test (param anyref) (result i32) (ref.test (ref i31) (local.get 0)))
  (func $small (param i32) (result i32) (i31.get_s (ref.i31 (local.get 0)))))

;; baseline: $cast, 125 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     test esi, esi
;;     je L2
;;     test esi, 1
;;     jne L2
;;     mov r11, [r15]
;;     mov r11, [r11 + 0x100]
;;     mov eax, [r11 + rsi]
;;     mov r11, [r15 + 0x20]
;;     cmp eax, [r11 + 4]
;;     je L1
;;     mov r11, [r15]
;;     mov r11, [r11 + 0x100]
;;     add r11, rax
;;     mov eax, [r11 + 0x3c]
;;     mov r11, [r15 + 0x20]
;;     cmp eax, [r11 + 4]
;;     jne L2
;; L1:
;;     mov eax, esi
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L2:
;;     ud2                                          ; trap CastFailure; RefCastNonNull at 0x38
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x35
;;
;; baseline: $test, 69 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L3
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     test esi, 1
;;     je L1
;;     mov eax, 1
;;     jmp L2
;; L1:
;;     mov eax, 0
;; L2:
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L3:
;;     ud2                                          ; trap StackOverflow; entry at 0x3d
;;
;; baseline: $small, 59 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x40]
;;     cmp rax, [r11]
;;     jb L2
;;     sub rsp, 0x40
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     lea eax, [rsi + rsi + 1]
;;     test eax, eax
;;     je L1
;;     sar eax, 1
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L1:
;;     ud2                                          ; trap NullI31Reference; I31GetS at 0x4a
;; L2:
;;     ud2                                          ; trap StackOverflow; entry at 0x45
;;
;; optimized: $cast, 98 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, rdi
;;     xor edi, edi
;;     test esi, esi
;;     je L1
;;     xor edi, edi
;;     test sil, 1
;;     jne L1
;;     mov rdi, rax
;;     mov rax, [rdi]
;;     mov rax, [rax + 0x100]
;;     mov ecx, esi
;;     mov ecx, [rax + rcx]
;;     mov rdx, [rdi + 0x20]
;;     mov edx, [rdx + 4]
;;     mov edi, 1
;;     cmp ecx, edx
;;     je L1
;;     mov ecx, ecx
;;     mov eax, [rax + rcx + 0x3c]
;;     cmp eax, edx
;;     sete dil
;; L1:
;;     test dil, dil
;;     je L2
;;     mov rax, rsi
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L2:
;;     ud2                                          ; trap CastFailure; RefCastNonNull at 0x38
;;
;; optimized: $test, 17 bytes
;;     push rbp
;;     mov rbp, rsp
;;     and sil, 1
;;     movzx eax, sil
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $small, 29 bytes
;;     push rbp
;;     mov rbp, rsp
;;     shl esi, 1
;;     or esi, 1
;;     test esi, esi
;;     je L1
;;     mov rax, rsi
;;     sar eax, 1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     ud2                                          ; trap NullI31Reference; I31GetS at 0x4a
;;
