//! The process's allocator: jemalloc, and a count of what is in use.
//!
//! jemalloc is built with a quantum of 8 bytes (`.cargo/config.toml`), so that small sizes come in
//! steps of 8: a 16-byte key with a 32-byte value is 56 bytes, and costs 56. The price is that such
//! memory is aligned to 8 bytes only, and not to 16 as C promises. The stock Rust wrapper counts on
//! 16 and passes no alignment up to there; a 52-byte request aligned to 16 would come back
//! misaligned. Hence this one: **every alignment above 8 is asked for**.
//!
//! Freeing passes the size along (`sdallocx`), which saves jemalloc a look-up of the page.
//!
//! The count is `used_memory`: bytes as the size classes round them, which is what Redis reports
//! and what `maxmemory` compares. It must be exact at any moment and must not cost a locked
//! instruction per allocation. So each thread adds to a slot of its own with a plain load and
//! store, and the reader sums the slots. A slot may be negative (one thread frees what another
//! allocated); only the sum means something.
//!
//! Only the binary and the integration tests install it. Under another allocator `used_memory`
//! stays 0.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering::Relaxed};

use tikv_jemalloc_sys as jemalloc;

/// jemalloc with a count. To be installed with `#[global_allocator]`.
pub struct Counting;

/// The options that jemalloc reads before the first allocation. By default it lays large allocations out at varying
/// offsets and spends a page on each for that; a table's segments of 64 KiB have no use for it. And it keeps freed
/// pages for ten seconds in case they are wanted again, in vain mostly: what a growing table leaves behind is of the
/// wrong size for what comes next. One second is enough for those that are.
#[used]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub(crate) static OPTIONS: Option<&'static c_char> = {
    let options: &'static CStr = c"cache_oblivious:false,dirty_decay_ms:1000";
    // SAFETY: a string with its zero, and the first character of it.
    Some(unsafe { &*options.as_ptr() })
};

/// Bytes in use by all threads, rounded to size classes.
pub fn used_memory() -> usize {
    let claimed = CLAIMED.load(Relaxed).min(OWN_SLOTS);
    let own: isize = SLOTS[..claimed]
        .iter()
        .map(|slot| slot.bytes.load(Relaxed))
        .sum();
    // A sum taken while others allocate can be off by what is in flight, and just after start even
    // negative.
    usize::try_from(own + SHARED.bytes.load(Relaxed)).unwrap_or(0)
}

/// How often the calling thread has asked for memory so far. Tests take the difference around a
/// warm GET and expect it to be nothing.
pub fn allocations_of_this_thread() -> u64 {
    LOCAL.with(|local| match local.slot.get() {
        Some(slot) => slot.allocations.load(Relaxed),
        None => local.allocations.get(),
    })
}

/// The count of a thread's allocations, for others to read.
#[derive(Clone, Copy)]
pub(crate) struct Allocations(&'static Slot);

impl Allocations {
    /// Of the calling thread. None if it has asked for nothing yet, or shares its count with others.
    pub(crate) fn of_this_thread() -> Option<Self> {
        LOCAL.with(|local| local.slot.get().map(Self))
    }

    /// How often the thread has asked for memory so far.
    pub(crate) fn count(self) -> u64 {
        self.0.allocations.load(Relaxed)
    }
}

/// The size that a request of `size` bytes with an alignment of at most 8 occupies: steps of 8 up to 64, then four
/// steps per doubling, and pages above [`CLASSES_END`].
#[inline]
pub(crate) const fn size_class(size: usize) -> usize {
    match size {
        0 => 8,
        1..=CLASSES_END => growth_class(size),
        _ => (size + 4095) & !4095,
    }
}

/// The same without an end: what is to grow asks for so much, so that appending is amortised beyond [`CLASSES_END`]
/// too.
#[inline]
pub(crate) const fn growth_class(size: usize) -> usize {
    let step = match size {
        0..=64 => 8,
        _ => 1 << ((size - 1).ilog2() - 2),
    };
    (size + step - 1) & !(step - 1)
}

/// The figures that jemalloc gives for the whole process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stats {
    /// Given out to the program.
    pub(crate) allocated: usize,
    /// In pages that hold at least one allocation.
    pub(crate) active: usize,
    /// jemalloc's own bookkeeping.
    pub(crate) metadata: usize,
    /// Mapped and backed by memory, as far as jemalloc knows.
    pub(crate) resident: usize,
    pub(crate) mapped: usize,
    /// Given back to the kernel, address space kept.
    pub(crate) retained: usize,
    /// Marked as free for the kernel to take, but still counted as ours until it does.
    pub(crate) muzzy: usize,
}

/// `None` if jemalloc was built without statistics.
pub(crate) fn stats() -> Option<Stats> {
    take_figures().then_some(())?;
    let page: usize = read_control(c"arenas.page")?;
    Some(Stats {
        allocated: read_control(c"stats.allocated")?,
        active: read_control(c"stats.active")?,
        metadata: read_control(c"stats.metadata")?,
        resident: read_control(c"stats.resident")?,
        mapped: read_control(c"stats.mapped")?,
        retained: read_control(c"stats.retained")?,
        // 4096 stands for all arenas together (MALLCTL_ARENAS_ALL).
        muzzy: page * read_control::<usize>(c"stats.arenas.4096.pmuzzy")?,
    })
}

/// Bytes given out to the program, as of the last snapshot of figures.
pub(crate) fn allocated() -> usize {
    read_control(c"stats.allocated").unwrap_or(0)
}

/// jemalloc reports a snapshot of its figures, which is taken now.
pub(super) fn take_figures() -> bool {
    // Whatever is written there.
    write_control(c"epoch", 1u64)
}

/// The allocator's name and version, as INFO shows them. The version is what the linked library says of itself.
pub(crate) fn name() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let mut version = read_text(c"version").unwrap_or_default();
        // The name of a commit follows the number.
        version.truncate(version.find('-').unwrap_or(version.len()));
        format!("jemalloc-{version}")
    });
    &NAME
}

/// The number that jemalloc keeps under a name such as `arenas.page`, if it is a number of 1, 4 or 8 bytes.
pub(crate) fn control(name: &str) -> Option<u64> {
    let name = std::ffi::CString::new(name).ok()?;
    // jemalloc compares the size that is asked for with its own and refuses any other.
    (read_control::<u64>(&name))
        .or_else(|| read_control::<u32>(&name).map(u64::from))
        .or_else(|| read_control::<u8>(&name).map(u64::from))
}

/// Give every unused page back to the kernel, this thread's cache included (MEMORY PURGE).
pub(crate) fn purge() -> bool {
    command(c"thread.tcache.flush") && command(c"arena.4096.purge")
}

/// Whether the calling thread keeps pieces that it frees for what it allocates next. Without, each goes to its slab and
/// comes from one.
pub(super) fn set_thread_cache(is_on: bool) {
    write_control(c"thread.tcache.enabled", is_on);
}

/// Lets a thread of jemalloc's purge unused pages, instead of the thread that happens to allocate. False where the
/// platform has no such thread.
pub(crate) fn set_background_thread(is_on: bool) -> bool {
    write_control(c"background_thread", is_on)
}

// SAFETY: all four functions hand the request to jemalloc with the layout's size and, above 8
// bytes, its alignment. jemalloc returns memory of at least that size and alignment, or null, and
// does not unwind. `flags` depends on the layout only, so freeing names the same size class as
// allocating did. Counting touches a thread-local without a destructor and static atomics: neither
// allocates.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // `malloc` and `mallocx` without flags give the same memory, but only the former has a
        // short way there: 25 instructions against 95.
        let memory = match flags(layout) {
            // SAFETY: the size is not 0, by the contract of `GlobalAlloc`.
            0 => unsafe { jemalloc::malloc(layout.size()) },
            // SAFETY: as above.
            flags => unsafe { jemalloc::mallocx(layout.size(), flags) },
        };
        if !memory.is_null() {
            count_allocation(occupied(layout) as isize);
        }
        memory.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above. jemalloc knows which pages come fresh from the kernel and does not
        // clear those again.
        let memory =
            unsafe { jemalloc::mallocx(layout.size(), flags(layout) | jemalloc::MALLOCX_ZERO) };
        if !memory.is_null() {
            count_allocation(occupied(layout) as isize);
        }
        memory.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(occupied(layout) as isize));
        // SAFETY: `memory` came from `mallocx` or `rallocx` with this layout's size and flags.
        unsafe { jemalloc::sdallocx(memory.cast(), layout.size(), flags(layout)) };
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`; the new size is not 0, and fits the alignment, by the contract
        // of `GlobalAlloc`.
        let moved = unsafe { jemalloc::rallocx(memory.cast(), size, flags(layout)) };
        if !moved.is_null() {
            // SAFETY: the caller vouches that `size`, rounded up to the alignment, does not
            // overflow.
            let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
            count_allocation(occupied(new) as isize - occupied(layout) as isize);
        }
        moved.cast()
    }
}

/// An alignment of 8 is what every size class has (the classes are multiples of 8); more must be
/// asked for.
#[inline]
const fn flags(layout: Layout) -> c_int {
    if layout.align() <= 8 {
        0
    } else {
        jemalloc::MALLOCX_ALIGN(layout.align())
    }
}

#[inline]
fn occupied(layout: Layout) -> usize {
    if layout.align() <= 8 && layout.size() <= CLASSES_END {
        size_class(layout.size())
    } else {
        // SAFETY: a pure computation; the size is not 0.
        unsafe { jemalloc::nallocx(layout.size(), flags(layout)) }
    }
}

#[inline]
fn count_allocation(bytes: isize) {
    LOCAL.with(|local| local.add(bytes, 1));
}

#[inline]
fn count(bytes: isize) {
    LOCAL.with(|local| local.add(bytes, 0));
}

struct Local {
    slot: Cell<Option<&'static Slot>>,
    /// Counted here as long as there is no slot.
    allocations: Cell<u64>,
}

impl Local {
    #[inline]
    fn add(&self, bytes: isize, allocations: u64) {
        if let Some(slot) = self.slot.get() {
            slot.add(bytes, allocations);
        } else {
            self.add_slowly(bytes, allocations);
        }
    }

    #[cold]
    fn add_slowly(&self, bytes: isize, allocations: u64) {
        if CLAIMED.load(Relaxed) < OWN_SLOTS
            && let Some(slot) = SLOTS.get(CLAIMED.fetch_add(1, Relaxed))
        {
            self.slot.set(Some(slot));
            slot.add(bytes, allocations);
        } else {
            self.allocations.set(self.allocations.get() + allocations);
            SHARED.bytes.fetch_add(bytes, Relaxed);
        }
    }
}

/// A cache line to itself, or threads would take it from each other at every allocation.
#[repr(align(128))]
struct Slot {
    bytes: AtomicIsize,
    allocations: AtomicU64,
}

impl Slot {
    const fn empty() -> Self {
        Self {
            bytes: AtomicIsize::new(0),
            allocations: AtomicU64::new(0),
        }
    }

    /// For the thread that the slot belongs to. No other writes it, so load and store need not be one step.
    #[inline]
    fn add(&self, bytes: isize, allocations: u64) {
        self.bytes.store(self.bytes.load(Relaxed) + bytes, Relaxed);
        // Known where this is compiled: freeing does not pay for the count.
        if allocations > 0 {
            let count = self.allocations.load(Relaxed) + allocations;
            self.allocations.store(count, Relaxed);
        }
    }
}

thread_local! {
    // Const-initialised and without a destructor, so that using it from within the allocator is
    // just a read.
    static LOCAL: Local = const { Local { slot: Cell::new(None), allocations: Cell::new(0) } };
}

/// Slots are not given back when a thread ends, because that would take a destructor. A server has
/// about five threads; a test process that starts thousands counts the later ones together, with a
/// locked instruction each time.
const OWN_SLOTS: usize = 32;
static SLOTS: [Slot; OWN_SLOTS] = [const { Slot::empty() }; OWN_SLOTS];
static SHARED: Slot = Slot::empty();
static CLAIMED: AtomicUsize = AtomicUsize::new(0);

/// Up to here the classes are the same whatever the size of a page. Above, this version of jemalloc
/// rounds to whole pages, and has to be asked how large they are.
const CLASSES_END: usize = 32 * 1024;

/// A type that `mallctl` accepts and returns. Closed, because a type of the wrong size would be written past its end.
trait Control: Copy + Default {}
impl Control for usize {}
impl Control for u64 {}
impl Control for u32 {}
impl Control for u8 {}
impl Control for bool {}

fn read_control<T: Control>(name: &CStr) -> Option<T> {
    let mut value = T::default();
    let mut len = size_of::<T>();
    // SAFETY: `value` has `len` writable bytes and jemalloc writes no more than `len`; every bit
    // pattern it writes for these names is a valid `usize`. Nothing is passed in.
    let status = unsafe {
        jemalloc::mallctl(
            name.as_ptr(),
            (&raw mut value).cast::<c_void>(),
            &raw mut len,
            ptr::null_mut(),
            0,
        )
    };
    (status == 0 && len == size_of::<T>()).then_some(value)
}

/// The text that jemalloc keeps under a name.
fn read_text(name: &CStr) -> Option<String> {
    let mut text: *const c_char = ptr::null();
    let mut len = size_of::<*const c_char>();
    // SAFETY: `text` has `len` writable bytes and jemalloc writes no more than `len`. Nothing is passed in.
    let status = unsafe {
        jemalloc::mallctl(
            name.as_ptr(),
            (&raw mut text).cast::<c_void>(),
            &raw mut len,
            ptr::null_mut(),
            0,
        )
    };
    if status != 0 || text.is_null() {
        return None;
    }
    // SAFETY: the names that this is used for stand for texts of the program itself, which end with a zero.
    Some(
        unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned(),
    )
}

fn write_control<T: Control>(name: &CStr, mut value: T) -> bool {
    // SAFETY: jemalloc reads `size_of::<T>()` bytes from `value`, after checking that the name
    // takes that many.
    let status = unsafe {
        jemalloc::mallctl(
            name.as_ptr(),
            ptr::null_mut(),
            ptr::null_mut(),
            (&raw mut value).cast::<c_void>(),
            size_of::<T>(),
        )
    };
    status == 0
}

fn command(name: &CStr) -> bool {
    // SAFETY: names used here take and return nothing.
    unsafe {
        jemalloc::mallctl(
            name.as_ptr(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            0,
        ) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Held by the tests that allocate through `Counting`, so that each can expect exact sums.
    static TURN: Mutex<()> = Mutex::new(());

    /// Fails when the build forgot `JEMALLOC_SYS_WITH_LG_QUANTUM=3`: entries would then cost up to
    /// 8 bytes more each, and `used_memory` would be wrong.
    #[test]
    fn size_classes_are_those_of_jemalloc() {
        for size in (1..70_000).chain((70_000..40 << 20).step_by(40_961)) {
            // SAFETY: a pure computation.
            let class = unsafe { jemalloc::nallocx(size, 0) };
            assert_eq!(size_class(size), class, "size {size}");
        }
        assert_eq!(size_class(56), 56);
        assert_eq!(size_class(72), 80);
    }

    #[test]
    #[expect(
        clippy::multiple_unsafe_ops_per_block,
        reason = "one story of one piece of memory, from `alloc` to `dealloc`"
    )]
    fn alignment_is_kept_and_memory_usable() {
        let _turn = TURN.lock();
        for align in [1, 8, 16, 32, 64, 4096] {
            for size in [1, 8, 52, 56, 72, 1000, 5000] {
                let layout = Layout::from_size_align(size, align).expect("small");
                // SAFETY: each pointer is used within its layout, and freed once with the layout it
                // has.
                unsafe {
                    let memory = Counting.alloc(layout);
                    assert_eq!(memory.addr() % align, 0);
                    assert_eq!(
                        jemalloc::sallocx(memory.cast(), 0),
                        occupied(layout),
                        "{layout:?}"
                    );
                    memory.write_bytes(7, size);
                    let memory = Counting.realloc(memory, layout, size + 100);
                    assert_eq!(memory.addr() % align, 0);
                    assert_eq!((*memory, *memory.add(size - 1)), (7, 7));
                    Counting.dealloc(
                        memory,
                        Layout::from_size_align(size + 100, align).expect("small"),
                    );
                    let zeroed = Counting.alloc_zeroed(layout);
                    assert!((0..size).all(|at| *zeroed.add(at) == 0));
                    Counting.dealloc(zeroed, layout);
                }
            }
        }
    }

    /// More threads than slots, each freeing what its neighbour allocated.
    #[test]
    fn counts_all_threads_exactly() {
        let _turn = TURN.lock();
        let layout = Layout::from_size_align(50, 8).expect("small");
        let before = used_memory();
        let threads: Vec<_> = (0..2 * OWN_SLOTS)
            .map(|_| {
                std::thread::spawn(move || {
                    let asked = allocations_of_this_thread();
                    // SAFETY: freed below with the same layout.
                    let addresses: Vec<usize> = (0..100)
                        .map(|_| unsafe { Counting.alloc(layout) }.expose_provenance())
                        .collect();
                    assert_eq!(allocations_of_this_thread() - asked, 100);
                    addresses
                })
            })
            .collect();
        let addresses: Vec<usize> = threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("it ends"))
            .collect();
        assert_eq!(used_memory() - before, 2 * OWN_SLOTS * 100 * 56);
        for address in addresses {
            // SAFETY: allocated above with this layout and not yet freed.
            unsafe { Counting.dealloc(ptr::with_exposed_provenance_mut(address), layout) };
        }
        assert_eq!(used_memory(), before);
    }

    #[test]
    fn jemalloc_heeds_the_options() {
        assert_eq!(control("opt.cache_oblivious"), Some(0));
    }

    #[test]
    fn jemalloc_answers() {
        assert_eq!(name(), "jemalloc-5.3.1");
        let stats = stats().expect("built with the feature `stats`");
        assert!(stats.resident >= stats.active && stats.active >= stats.allocated);
        assert!(purge());
    }
}
