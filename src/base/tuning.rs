//! Constants that were chosen by measurement. A heading in `RATIONALE.md` says how each was found.

use std::time::Duration;

/// A background task gives its thread back after this long (statement S1-20).
pub const TASK_SLICE: Duration = Duration::from_millis(50);
/// Units that one fetch takes at most from the cursor.
pub const FETCH_CHUNK_MAX: usize = 32;
/// Bodies above this many bytes are compiled first, largest first.
pub const BIG_BODY_BYTES: usize = 4_096;
/// A worker publishes when it holds this much machine code …
pub const PUBLISH_BATCH_BYTES: usize = 64 * 1024;
/// … or, at the least, this many functions (staggered up to twice that, so that publishes do not collide).
pub const PUBLISH_BATCH_MIN: usize = 10;
/// A worker publishes at the latest after this long.
pub const PUBLISH_INTERVAL: Duration = Duration::from_millis(5);
/// Address space reserved for a guarded 32-bit memory: every index is inside.
pub const MEMORY_RESERVATION_BYTES: u64 = 1 << 32;
/// Inaccessible bytes behind that reservation: constant offsets below this need no check of their own.
pub const MEMORY_GUARD_BYTES: u64 = 32 << 20;
/// Stack that a guest may use in one activation, by default.
pub const MAX_WASM_STACK_BYTES: usize = 1 << 20;
/// Stack limits are multiples of this, so that activations which begin at about the same depth need not set a new one.
pub const STACK_LIMIT_STEP_BYTES: usize = 4 << 10;
/// Stack kept back for host functions and builtins that a guest calls.
pub const HOST_STACK_RESERVE_BYTES: usize = 160 << 10;
/// Bytes of bodies that one poll of a compilation compiles when there are no background tasks: some 20 ms in the optimizing tier.
pub const POLL_BODY_BYTES: usize = 8 << 10;
/// Stack of an asynchronous call: a guest has as much in it as in a synchronous one, and then some.
pub const ASYNC_STACK_BYTES: usize = MAX_WASM_STACK_BYTES + HOST_STACK_RESERVE_BYTES + (64 << 10);
/// The least that such a stack can be.
pub const ASYNC_STACK_MIN_BYTES: usize = HOST_STACK_RESERVE_BYTES + (64 << 10);
/// Stacks that an engine keeps for its next asynchronous calls.
pub const SPARE_STACKS_MAX: usize = 256;
/// So many of them may have pages that only deep calls touch …
pub const WARM_STACKS_MAX: usize = 8;
/// … until so many calls have used them.
pub const STACK_USES_MAX: u32 = 16;
/// Bytes at a stack's top whose pages stay when it is not in use.
pub const STACK_KEPT_BYTES: usize = 32 << 10;
/// Upper bound of a code space: code and slots stay within reach of a 32-bit displacement.
pub const CODE_SPACE_MAX_BYTES: usize = 1 << 31;
/// Pages for code are made in steps of so many bytes, from that many bytes of code on.
pub const CODE_POPULATE_BYTES: usize = 128 << 10;
/// Calls of a function in baseline code after which it is compiled again, in the best tier.
pub const TIER_UP_CALLS: u32 = 40_000;
/// What an iteration of a loop takes off a function's budget, unless the whole function weighs less.
pub const ITERATION_WEIGHT: i32 = 64;
/// What a call takes off at least: it takes time whatever the function does.
pub const CALL_WEIGHT_MIN: i32 = 32;
/// And at most: large functions leave most of themselves out.
pub const CALL_WEIGHT_MAX: i32 = 1024;
/// Above this many basic blocks Cranelift's register allocator that is linear in them takes over: the other one is quadratic where many
/// variables merge (40,000 blocks: 30 s and 0.8 GiB, against 0.9 s).
pub const BACKTRACKING_BLOCK_MAX: usize = 20_000;
/// The optimizing tier takes no body with more bytes than this, unless the host says otherwise …
pub const OPTIMIZED_BODY_BYTES_MAX: usize = 1 << 20;
/// … and none with more basic blocks.
pub const OPTIMIZED_BLOCK_MAX: usize = 400_000;
/// The optimizing tier asks whether to stop after it has translated so many operators …
pub const TRANSLATED_BETWEEN_POLLS: u32 = 4_096;
/// … and the baseline tier after so many bytes of a body.
pub const BASELINE_BYTES_BETWEEN_POLLS: usize = 16 << 10;
/// Functions of fewer basic blocks are compiled without relays: the time is not worth a look at each.
pub const RELAY_BLOCKS_MIN: usize = 4_096;
/// So many branches lead to a block, or to a relay, in those that have them.
pub const RELAY_WAYS_MAX: usize = 1_024;
/// Layouts of structures that the baseline compiler keeps for the next function.
pub const SPARE_LAYOUTS_MAX: usize = 64;
/// Bodies of so many bytes are inlined anywhere that is not cold …
pub const INLINED_BYTES: usize = 20;
/// … and of so many, if they are hot,
pub const INLINED_HOT_BYTES: usize = 120;
/// so many levels deep,
pub const INLINED_DEPTH: usize = 4;
/// in itself a function so often,
pub const INLINED_RECURSION: usize = 2;
/// and so many bytes in all, or half of the function's own, if that is more,
pub const INLINED_TOTAL_BYTES: usize = 300;
/// but no more than this.
pub const INLINED_TOTAL_MAX_BYTES: usize = 3_000;
/// A body with more locals is not inlined: each is a variable of the caller.
pub const INLINED_LOCALS_MAX: u32 = 64;
/// Calls that the most frequent call of a function must have made for its profile to say anything.
pub const PROFILE_EVIDENCE: u32 = 8;
/// A body that is not small is inlined where the most frequent call of the function was made at most so many times as often …
pub const INLINED_SHARE: u32 = 64;
/// … and where it was made so often.
pub const INLINED_TIMES: u32 = 16;
/// A target of an indirect call is worth a comparison if it was called so often …
pub const GUARDED_TIMES: u32 = 4;
/// … and once in so many calls.
pub const GUARDED_SHARE: u32 = 10;
/// A loop is unrolled to so many iterations at most …
pub const UNROLLED_COPIES: u32 = 4;
/// … that have no more bytes than this together.
pub const UNROLLED_TOTAL_BYTES: u64 = 200;
/// A call goes through a stub that preserves all registers if it was made less than once in so many calls …
pub const RARE_SHARE: u32 = 256;
/// … of which there were so many at least.
pub const RARE_EVIDENCE: u32 = 64;
/// Versions that a function may have for loops of it that run in baseline code.
pub const LOOP_VERSIONS_MAX: usize = 3;
/// How often other loops of it ask before one of them gets a version as well.
pub const LOOP_AWAITED: u32 = 1024;
/// Loops around it that a version has copies for …
pub const LOOP_COPIES: usize = 3;
/// … if the function's body has no more bytes than this.
pub const LOOP_COPIES_BYTES: usize = 4 << 10;
/// Stack of a background thread. Only touched pages cost anything.
pub const TASK_STACK_BYTES: usize = 8 << 20;
/// Stack on which a thread that runs guests compiles: as much as background threads have.
pub const SECOND_STACK_BYTES: usize = TASK_STACK_BYTES;
/// What threads keep to compile with is given back when none has had anything to do for so long.
pub const IDLE_AFTER: Duration = Duration::from_secs(1);
/// A background task is posted for each so many bytes of function bodies: below that, waking a thread costs more than it gives.
pub const TASK_BODY_BYTES: usize = 1_024;
/// The same for tasks that only validate.
pub const VALIDATE_TASK_BODY_BYTES: usize = 16 * 1024;
/// Memory that the baseline tier takes for each byte of a body …
pub const BASELINE_COMPILE_BYTES_PER_BODY_BYTE: usize = 16;
/// … and the optimizing tier …
pub const OPTIMIZED_COMPILE_BYTES_PER_BODY_BYTE: usize = 600;
/// … and each unit besides, with what it has made and not published.
pub const COMPILE_BYTES_PER_UNIT: usize = 512 * 1024;
/// One part in so many of a budget of memory is for what threads keep from one unit to the next.
pub const KEPT_SCRATCH_SHARE: usize = 4;
/// An event tells of each so many bytes of machine code that were published.
pub const EVENT_CHUNK_BYTES: usize = 1 << 20;
/// Isolate blocks that are kept for the isolates to come, of two pages each.
pub const SPARE_BLOCKS_MAX: usize = 64;
/// Slots of memories that an engine keeps for the memories to come, by default: address space, of 4 GiB each.
pub const SPARE_MEMORIES_MAX: usize = 256;
/// The same for what isolates keep functions in, of 512 MiB each.
pub const SPARE_FUNC_TABLES_MAX: usize = 64;
/// So many of either stay when the engine has no isolate …
pub const SPARE_MEMORIES_IDLE: usize = 64;
/// … and no more than were needed within this time.
pub const SPARE_MEMORIES_PERIOD: Duration = Duration::from_secs(1);
/// Bytes that a slot keeps in memory, overwritten, for the next memory.
pub const SPARE_MEMORY_KEPT_BYTES: usize = 128 << 10;
/// Slots of memories that begin larger are not kept.
pub const SPARE_MEMORY_ACCESSIBLE_MAX: usize = 64 << 20;
/// Instances that an isolate makes before it looks for those that nothing holds.
pub const INSTANCE_COLLECTION_MIN: usize = 64;
/// So many functions of its module make an instance count for one more.
pub const INSTANCE_WEIGHT_FUNCS: usize = 64;
/// Modules with fewer functions in their element segments have no image of their references: instances make these one by one.
pub const FUNC_IMAGE_MIN: usize = 16;
/// And each memory of its own makes it count for so many more.
pub const INSTANCE_WEIGHT_MEMORY: usize = 3;
/// Modules with less code than this are not looked for in a code cache: to compile what they call takes less than that.
pub const CACHED_MODULE_BYTES_MIN: usize = 16 << 10;
/// Ranges of freed code are used again when they hold so much, or when that takes no time: see [`exec::is_ready_to_serialize`](crate::platform::exec::is_ready_to_serialize).
pub const REUSED_BYTES_MIN: usize = 1 << 20;
/// New code that is worth keeping is so many bytes …
pub const KEPT_BYTES_MIN: usize = 1_000;
/// … and one in so many of those that are kept already, where better code counts so many times.
pub const KEPT_SHARE: usize = 32;
/// Functions are copied so many at a time to be kept.
pub const KEPT_TOGETHER: usize = 64;
/// Files with no more bytes of records than this are loaded before their functions are called.
pub const PRELOADED_BYTES_MAX: u64 = 16 << 20;
/// Bytes of records that are loaded ahead together: of the first batch; each is twice the one before.
pub const PRELOADED_BATCH_MIN: usize = 16 << 10;
/// The same of the largest.
pub const PRELOADED_BATCH_MAX: usize = 64 << 10;
/// The same as [`TIER_UP_CALLS`] where code is kept: it runs in other processes, too.
pub const KEPT_TIER_UP_CALLS: u32 = 1_000;
/// Code is kept when nothing was compiled for so long.
pub const KEPT_AFTER_QUIET: Duration = Duration::from_secs(2);
/// Bytes that a directory of compiled code holds at most, by default.
pub const CACHE_BYTES_MAX: u64 = 1 << 30;
/// What a module leaves behind is freed on another thread from this size on.
pub const FREE_ELSEWHERE_BYTES: usize = 64 * 1024;
/// Background tasks of a stream are woken for each so many bytes of bodies that have come: as with `VALIDATE_TASK_BODY_BYTES`, below
/// that waking a thread costs more than it gives.
pub const STREAM_WAKE_BYTES: usize = 16 * 1024;
/// Without background tasks, so many bytes of bodies are compiled with each portion of a stream, or as many as came if that is more.
pub const STREAM_PORTION_BYTES: usize = 16 * 1024;
/// A stream is compiled as it comes if there is address space for so many bytes, whatever its length turns out to be.
pub const STREAM_ROOM_MIN_BYTES: usize = 16 << 20;
/// Modules of fewer bytes are not looked up among those that there are: compiling them takes little longer.
pub const SHARED_MODULE_MIN_BYTES: usize = 4 << 10;
/// So many bytes of both ends of what stands in front of a module's code are hashed.
pub const SHARED_MODULE_HASHED_BYTES: usize = 4 << 10;
/// So many modules that begin alike may be found; more are compiled each for itself.
pub const SHARED_MODULES_ALIKE_MAX: usize = 8;
