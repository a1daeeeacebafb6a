//! Temporary.
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let engine = deltic::WasmEngine::new(&deltic::Config::default()).unwrap();
    let module = deltic::Module::new(&engine, std::fs::read(&args[1]).unwrap()).unwrap();
    let mut iso = deltic::Isolate::new(&engine).unwrap();
    let mut linker = deltic::Linker::new(&engine);
    linker.func_wrap("env", "log", |x: i32| println!("log {x}")).unwrap();
    let i = linker.instantiate(&mut iso, &module).unwrap();
    let f = i.get_func(&mut iso, &args[2]).unwrap();
    let a: Vec<_> = args[3..].iter().map(|x| deltic::Val::I32(x.parse().unwrap())).collect();
    match f.call(&mut iso, &a) {
        Ok(r) => println!("{r:?}"),
        Err(e) => println!("{e}"),
    }
}
