//! What names lead to, in short programs: the source, then [`super::print`]'s form of it.
//!
//! `*` marks a scope with an Environment or a name in one, `+` one that evals can extend, `!` strict code, `?` what may be
//! uninitialized;
//! `r`, `s`, `g`, `i` are the places: register, slot, global, import.

/// Scripts.
pub const SCRIPTS: &[(&str, &str)] = &[
    (r##"var a = 1; let b = a; function f() {}"##, r##"0Script(b:Let=g) vars(a) functions(f) | a=global b=global a=global"##),
    (r##"let x = x;"##, r##"0Script(x:Let=g?) | x=global x=global"##),
    (
        r##"function f(a, b) { var c = a; return c + b + d; }"##,
        r##"1Function(a:Parameter=r b:Parameter=r c:Var=r) functions(f) | a=1.0 b=1.1 c=1.2 a=1.0 c=1.2 b=1.1 d=global"##,
    ),
    (r##"function f(a) { return () => a; }"##, r##"1Function*(a:Parameter=s0) functions(f) | a=*1.0 a=*1.0"##),
    (r##"function f() { x; let x = 1; x; }"##, r##"1Function(x:Let=r?) functions(f) | x=1.0? x=1.0 x=1.0"##),
    (r##"function f() { let x = 1; return () => x; }"##, r##"1Function*(x:Let=s0) functions(f) | x=*1.0 x=*1.0"##),
    (
        r##"function f() { function g() { return x; } let x = 1; g(); }"##,
        r##"1Function*(g:Function=r x:Let=s0?) functions(f) | x=*1.1? x=*1.1 g=1.0"##,
    ),
    (
        r##"function f() { for (let i = 0; i < 3; i++) g(() => i); }"##,
        r##"2For*(i:Let=s0) functions(f) | i=*2.0 i=*2.0 i=*2.0 g=global i=*2.0"##,
    ),
    (r##"function f() { for (let x of x) x; }"##, r##"2ForHead(x:Let=r?) 3For(x:Let=r) functions(f) | x=3.0 x=2.0? x=3.0"##),
    (
        r##"function f() { for (const [a, b = a] of c) {} }"##,
        r##"2ForHead(a:Const=r b:Const=r) 3For(a:Const=r? b:Const=r) functions(f) | a=3.0 b=3.1 a=3.0? c=global"##,
    ),
    (
        r##"function f() { try {} catch (e) { var e = 1; } }"##,
        r##"1Function(e:Var=r) 2Catch(e:CatchParameter=r) functions(f) | e=2.0 e=2.0"##,
    ),
    (r##"function f() { try {} catch ({m}) { return m; } }"##, r##"2Catch(m:CatchParameter=r) functions(f) | m=2.0 m=2.0"##),
    (r##"function f(a, a) { return a; }"##, r##"1Function(a:Parameter=r) functions(f) | a=1.0 a=1.0 a=1.0"##),
    (
        r##"function f(a, b = a, c = d) { var a; var e; }"##,
        r##"1Function(a:Parameter=r b:Parameter=r c:Parameter=r) 2Body(a:Var=r e:Var=r) functions(f) | a=1.0 b=1.1 a=1.0 c=1.2 d=global a=2.0 e=2.1"##,
    ),
    (
        r##"function f(a = () => b, b) { return a; }"##,
        r##"1Function*(a:Parameter=r b:Parameter=s0?) functions(f) | a=1.0 b=*1.1? b=*1.1 a=1.0"##,
    ),
    (
        r##"function f(a) { arguments[0] = 1; return a; }"##,
        r##"1Function*(a:Parameter=s0 arguments:Arguments=r) functions(f) | a=*1.0 arguments=1.1 a=*1.0"##,
    ),
    (
        r##"function f(a) { 'use strict'; arguments[0] = 1; return a; }"##,
        r##"1Function!(a:Parameter=r arguments:Arguments=r) functions(f) | a=1.0 arguments=1.1 a=1.0"##,
    ),
    (r##"function f() { return () => arguments; }"##, r##"1Function*(arguments:Arguments=s0) functions(f) | arguments=*1.0"##),
    (
        r##"function f(arguments) { return arguments; }"##,
        r##"1Function(arguments:Parameter=r) functions(f) | arguments=1.0 arguments=1.0"##,
    ),
    (
        r##"function f() { var arguments; return arguments; }"##,
        r##"1Function(arguments:Arguments=r) functions(f) | arguments=1.0 arguments=1.0"##,
    ),
    (
        r##"function f() { let arguments; return arguments; }"##,
        r##"1Function(arguments:Let=r) functions(f) | arguments=1.0 arguments=1.0"##,
    ),
    (
        r##"function f(a = 1) { var arguments; }"##,
        r##"1Function(a:Parameter=r arguments:Arguments=r) 2Body(arguments:Var=r) functions(f) | a=1.0 arguments=2.0"##,
    ),
    (
        r##"function f(a) { var b; eval('c'); return c; }"##,
        r##"1Function*+(a:Parameter=s0 b:Var=s1 this:This=s2 new.target:NewTarget=s3 arguments:Arguments=s4) functions(f) | a=*1.0 b=*1.1 eval=dynamic c=dynamic"##,
    ),
    (
        r##"function f(a) { 'use strict'; let b; eval('c'); return c; }"##,
        r##"1Function*!(a:Parameter=s0 b:Let=s1? this:This=s2 new.target:NewTarget=s3 arguments:Arguments=s4) functions(f) | a=*1.0 b=*1.1 eval=global c=global"##,
    ),
    (
        r##"function f() { return () => { eval('x'); }; }"##,
        r##"1Function*(this:This=s0 new.target:NewTarget=s1 arguments:Arguments=s2) 2Function*+() functions(f) | eval=dynamic"##,
    ),
    (
        r##"function f(a = eval('1')) { return b; }"##,
        r##"1Function*+(a:Parameter=s0? this:This=s1 new.target:NewTarget=s2 arguments:Arguments=s3) functions(f) | a=*1.0 eval=dynamic b=dynamic"##,
    ),
    (r##"eval('x'); y;"##, r##"| eval=global y=global"##),
    (
        r##"function f(o) { var x; with (o) { x = y; var z = 1; } }"##,
        r##"1Function*(o:Parameter=r x:Var=s0 z:Var=s1) 2With*() functions(f) | o=1.0 x=*1.1 o=1.0 x=dynamic y=dynamic z=dynamic"##,
    ),
    (r##"(function g() { return g; });"##, r##"1FunctionName(g:FunctionName=r) | g=1.0"##),
    (r##"(function g() { return () => g; });"##, r##"1FunctionName*(g:FunctionName=s0) | g=*1.0"##),
    (r##"(function g(g) { return g; });"##, r##"1FunctionName(g:FunctionName=r) 2Function(g:Parameter=r) | g=2.0 g=2.0"##),
    (
        r##"(function g() { 'use strict'; eval('g'); });"##,
        r##"1FunctionName*!(g:FunctionName=s0) 2Function*!(this:This=s0 new.target:NewTarget=s1 arguments:Arguments=s2) | eval=global"##,
    ),
    (r##"function f() { return () => this; }"##, r##"1Function*(this:This=s0) functions(f) | this=*1.0"##),
    (r##"var f = () => this;"##, r##"vars(f) | f=global this=global"##),
    (r##"function f() { return () => new.target; }"##, r##"1Function*(new.target:NewTarget=s0) functions(f) | new.target=*1.0"##),
    (
        r##"class A { constructor() { this.x = 1; } }"##,
        r##"0Script(A:Class=g) 1Class!(A:ClassName=r) 2Function!(this:This=r) | A=global this=2.0"##,
    ),
    (
        r##"class A extends B { constructor() { super(); () => this; } }"##,
        r##"0Script(A:Class=g) 1Class!(A:ClassName=r) 2Function*!(this:This=s0? %function:ActiveFunction=r new.target:NewTarget=r) | A=global B=global %function=2.1 new.target=2.2 this=*2.0? this=*2.0?"##,
    ),
    (
        r##"class A extends B { m() { return () => super.x; } }"##,
        r##"0Script(A:Class=g) 1Class!(A:ClassName=r) 2Function!(this:This=r?) 3Function*!(%function:ActiveFunction=s0 this:This=s1) | A=global B=global %function=*3.0 this=*3.1"##,
    ),
    (r##"({ m() { return super.x; } });"##, r##"1Function(%function:ActiveFunction=r this:This=r) | %function=1.0 this=1.1"##),
    (
        r##"class A { #x = 1; m() { return this.#x; } static s(o) { return #x in o; } }"##,
        r##"0Script(A:Class=g) 1Class*!(A:ClassName=r #x:PrivateName=s0) 3Function!(this:This=r) 4Function!(o:Parameter=r) | A=global #x=*1.1 this=3.0 #x=*1.1 o=4.0 #x=*1.1 o=4.0"##,
    ),
    (
        r##"class A { #m() {} get #a() { return 1; } }"##,
        r##"0Script(A:Class=g) 1Class*!(A:ClassName=r #m:PrivateName=s0 #a:PrivateName=s1 %0:Internal=s2 %1:Internal=s3) | A=global #m=*1.1 #m=*1.1 %0=*1.3 %0=*1.3 %1=*1.4 #a=*1.2 #a=*1.2 %1=*1.4"##,
    ),
    (
        r##"class A { [k] = v; static [j] = () => this; }"##,
        r##"0Script(A:Class=g) 1Class*!(A:ClassName=r %0:Internal=s0 %1:Internal=s1) 4Function*!(this:This=s0) | A=global %0=*1.1 %0=*1.1 k=global v=global %1=*1.2 %1=*1.2 j=global this=*4.0"##,
    ),
    (
        r##"class A { static { var x = A; let y = x; } }"##,
        r##"0Script(A:Class=g) 1Class*!(A:ClassName=s0?) 4StaticBlock!(y:Let=r x:Var=r) | A=global x=4.1 A=*1.0? y=4.0 x=4.1"##,
    ),
    (r##"let C = class A { m() { return A; } };"##, r##"0Script(C:Let=g) 1Class*!(A:ClassName=s0?) | C=global A=*1.0?"##),
    (
        r##"function f() { { function g() {} } g(); }"##,
        r##"1Function(g:Var=r) 2Block(g:Function=r) functions(f) | g=1.0 g=2.0 g=1.0"##,
    ),
    (r##"function f(g) { { function g() {} } }"##, r##"1Function(g:Parameter=r) 2Block(g:Function=r) functions(f) | g=1.0"##),
    (r##"function f() { let g; { function g() {} } }"##, r##"1Function(g:Let=r) 2Block(g:Function=r) functions(f) | g=1.0"##),
    (r##"function f() { 'use strict'; { function g() {} } }"##, r##"2Block!(g:Function=r) functions(f) |"##),
    (r##"{ function g() {} }"##, r##"1Block(g:Function=r) block(g) | g=1.0 g=global"##),
    (r##"if (a) function g() {}"##, r##"1Block(g:Function=r) block(g) | a=global g=1.0 g=global"##),
    (
        r##"function f() { try {} catch (g) { { function g() {} } } }"##,
        r##"1Function(g:Var=r) 2Catch(g:CatchParameter=r) 3Block(g:Function=r) functions(f) | g=2.0 g=1.0 g=3.0"##,
    ),
    (
        r##"function f() { try {} catch ({g}) { { function g() {} } } }"##,
        r##"2Catch(g:CatchParameter=r) 3Block(g:Function=r) functions(f) | g=2.0"##,
    ),
    (
        r##"function f() { for (let g;;) { { function g() {} } } }"##,
        r##"2For(g:Let=r) 3Block(g:Function=r) functions(f) | g=2.0"##,
    ),
    (r##"switch (a) { case 0: let b; case 1: b; }"##, r##"1Switch(b:Let=r?) | a=global b=1.0 b=1.0?"##),
    (r##"function f() { l: function g() {} return g; }"##, r##"1Function(g:Function=r) functions(f) | g=1.0"##),
    (
        r##"function f() { switch (a) { default: function g() {} } }"##,
        r##"1Function(g:Var=r) 2Switch(g:Function=r) functions(f) | a=global g=1.0 g=2.0"##,
    ),
    (r##"function* f() { yield this; }"##, r##"1Function(this:This=r) functions(f) | this=1.0"##),
    (r##"async (a) => { await a; };"##, r##"1Function(a:Parameter=r) | a=1.0 a=1.0"##),
    (r##"({ a, b: [c = 1, ...d], ...e } = o);"##, r##"| a=global c=global d=global e=global o=global"##),
    (
        r##"function f({ a, [b]: c = a }, ...[d]) {}"##,
        r##"1Function(a:Parameter=r? c:Parameter=r d:Parameter=r) functions(f) | a=1.0 b=global c=1.1 a=1.0? d=1.2"##,
    ),
    (r##"function f() { { using x = y; } }"##, r##"2Block(x:Using=r) functions(f) | x=2.0 y=global"##),
    (r##"typeof x; delete x;"##, r##"| x=global x=global"##),
    (r##"function f() { return a; var a; function a() {} }"##, r##"1Function(a:Function=r) functions(f) | a=1.0 a=1.0"##),
    (r##"function f() { { let a = 1; { a; } () => a; } }"##, r##"2Block*(a:Let=s0) functions(f) | a=*2.0 a=*2.0 a=*2.0"##),
    (
        r##"var a; { var b; } function c() {} function c() {} { function d() {} }"##,
        r##"3Block(d:Function=r) vars(a b) functions(c) block(d) | a=global b=global d=3.0 d=global"##,
    ),
    (
        r##"class A extends B { x = super.y; constructor() { super(); } }"##,
        r##"0Script(A:Class=g) 1Class!(A:ClassName=r) 2Function!(this:This=r? %function:ActiveFunction=r new.target:NewTarget=r) 3Function!(%function:ActiveFunction=r this:This=r) | A=global B=global %function=3.0 this=3.1 %function=2.1 new.target=2.2 this=2.0?"##,
    ),
];
