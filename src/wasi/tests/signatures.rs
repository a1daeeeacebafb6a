//! The table against the document's signatures.

use crate::wasi::{ParamType, function, functions};

/// Name, parameters (`i` for i32, `I` for i64), result.
const DOCUMENT: &str = "\
args_get ii i
args_sizes_get ii i
clock_res_get ii i
clock_time_get iIi i
environ_get ii i
environ_sizes_get ii i
fd_advise iIIi i
fd_allocate iII i
fd_close i i
fd_datasync i i
fd_fdstat_get ii i
fd_fdstat_set_flags ii i
fd_fdstat_set_rights iII i
fd_filestat_get ii i
fd_filestat_set_size iI i
fd_filestat_set_times iIIi i
fd_pread iiiIi i
fd_prestat_dir_name iii i
fd_prestat_get ii i
fd_pwrite iiiIi i
fd_read iiii i
fd_readdir iiiIi i
fd_renumber ii i
fd_seek iIii i
fd_sync i i
fd_tell ii i
fd_write iiii i
path_create_directory iii i
path_filestat_get iiiii i
path_filestat_set_times iiiiIIi i
path_link iiiiiii i
path_open iiiiiIIii i
path_readlink iiiiii i
path_remove_directory iii i
path_rename iiiiii i
path_symlink iiiii i
path_unlink_file iii i
poll_oneoff iiii i
proc_exit i -
proc_raise i i
random_get ii i
sched_yield - i
sock_accept iii i
sock_recv iiiiii i
sock_send iiiii i
sock_shutdown ii i
";

#[test]
fn the_table_is_the_document() {
    let mut lines = String::new();
    for function in functions() {
        let params: String = function.params.iter().map(|param| if *param == ParamType::I32 { 'i' } else { 'I' }).collect();
        let params = if params.is_empty() { "-" } else { &params };
        let result = if function.returns_errno { "i" } else { "-" };
        lines += &format!("{} {params} {result}\n", function.name);
    }
    assert_eq!(lines, DOCUMENT);
}

#[test]
fn functions_are_found_by_name() {
    for known in functions() {
        assert!(function(known.name).is_some_and(|found| found.name == known.name));
    }
    assert!(function("fd_dup").is_none());
}
