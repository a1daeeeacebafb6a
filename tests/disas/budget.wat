;;! tier = "baseline"
;;! settings = "tier_up uninterruptible"
(module
  ;; Entries and loops lower the function's budget, and ask for better code when it is used up. The loop says where its values are.
  (func $sum (param $n i32) (result f64) (local $sum f64)
    (loop $l
      (local.set $sum (f64.add (local.get $sum) (f64.convert_i32_u (local.get $n))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))

;; baseline: $sum, 149 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, [rdi]
;;     lea rax, [rsp - 0x50]
;;     cmp rax, [r11]
;;     jb L7
;;     sub rsp, 0x50
;;     mov [rbp - 0x10], r15
;;     mov r15, rdi
;;     mov esi, esi
;;     sub dword ptr [rip + ...], 0x20              ; budget of $sum
;;     js L5
;; L1:
;;     xorps xmm0, xmm0
;; L2:
;;     sub dword ptr [rip + ...], 0x20              ; budget of $sum
;;     js L6
;; L3:
;;     xorps xmm1, xmm1
;;     cvtsi2sd xmm1, rsi
;;     movaps xmm2, xmm0
;;     addsd xmm2, xmm1
;;     lea eax, [rsi - 1]
;;     test eax, eax
;;     je L4
;;     mov esi, eax
;;     movaps xmm0, xmm2
;;     jmp L2
;; L4:
;;     movaps xmm0, xmm2
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;; L5:
;;     mov r11, [r15]
;;     xchg rdi, r15
;;     call qword ptr [r11 + 0x1f8]                 ; builtin TierUp; entry at 0x18
;;     xchg rdi, r15
;;     jmp L1
;; L6:
;;     mov r11, [r15]
;;     xchg rdi, r15
;;     call qword ptr [r11 + 0x200]                 ; builtin TierUpLoop; Loop at 0x1b; loop, state of 16 bytes, Int(6) at 8, Float(0) at 16
;;     xchg rdi, r15
;;     jmp L3
;; L7:
;;     ud2                                          ; trap StackOverflow; entry at 0x18
;;
