//! How full the allocator's slabs are.
//!
//! jemalloc keeps small allocations of one size in slabs, and all slabs of one size are a *bin*. A slab that is not
//! full is *open*: what is allocated next goes there. A slab goes back to the system only when nothing is left in it,
//! so a bin that was full and then lost every other allocation holds twice the memory that it needs, in slabs that are
//! all half empty. [`Bins`] says how much that is, and which allocations lie in slabs that should be emptied.
//!
//! The figures of the bins are those of the last [`Bins::refresh`]; those of a single slab are asked for as they are
//! now.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};
use std::mem::size_of;
use std::ptr;
use std::sync::LazyLock;

use tikv_jemalloc_sys as jemalloc;

use super::alloc;

/// One bin: all small allocations of one size class, in all arenas.
#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    size: usize,
    regions_per_slab: usize,
    /// Allocations that are in use.
    regions: usize,
    slabs: usize,
    /// Slabs that are neither full nor the one which the next allocation comes from.
    open_slabs: usize,
}

impl Bin {
    /// Bytes of its slabs that nobody uses.
    fn slack(&self) -> usize {
        (self.slabs * self.regions_per_slab).saturating_sub(self.regions) * self.size
    }

    /// Allocations in open slabs.
    fn regions_in_open(&self) -> usize {
        let full = (self.slabs - self.open_slabs.min(self.slabs)) * self.regions_per_slab;
        self.regions.saturating_sub(full)
    }
}

/// All bins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bins {
    rows: Vec<Bin>,
    /// The number of the bin for a size in steps of 8 bytes.
    of_size: Vec<u8>,
}

impl Bins {
    /// Without figures. Empty where the allocator is another.
    pub(crate) fn new() -> Self {
        static BINS: LazyLock<Bins> = LazyLock::new(Bins::ask);
        BINS.clone()
    }

    /// Which sizes there are.
    fn ask() -> Self {
        let mut bins = Self::default();
        let count = alloc::control("arenas.nbins").unwrap_or(0) as usize;
        for number in 0..count {
            let size = alloc::control(&format!("arenas.bin.{number}.size")).unwrap_or(0) as usize;
            let regions = alloc::control(&format!("arenas.bin.{number}.nregs")).unwrap_or(0);
            bins.rows.push(Bin {
                size,
                regions_per_slab: regions as usize,
                ..Bin::default()
            });
            bins.of_size.resize(size / STEP + 1, number as u8);
        }
        bins
    }

    /// Asks for the figures of today.
    pub(crate) fn refresh(&mut self) {
        static PATHS: LazyLock<[Option<Figure>; 3]> = LazyLock::new(|| {
            [
                c"stats.arenas.0.bins.0.curregs",
                c"stats.arenas.0.bins.0.curslabs",
                c"stats.arenas.0.bins.0.nonfull_slabs",
            ]
            .map(path)
        });
        alloc::take_figures();
        for (number, bin) in self.rows.iter_mut().enumerate() {
            let [regions, slabs, open_slabs] = PATHS.map(|path| figure(path, number));
            (bin.regions, bin.slabs, bin.open_slabs) = (regions, slabs, open_slabs);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes that the slabs hold and nobody uses.
    pub(crate) fn slack(&self) -> usize {
        self.rows.iter().map(Bin::slack).sum()
    }

    /// Whether an allocation of so many bytes lies in a slab that should be emptied: one that is less used than open
    /// slabs are in the mean, and from which the next allocation will not come. Slabs that are all alike have to be
    /// emptied too, so a slab may be an eighth better than the mean.
    #[inline]
    pub(super) fn is_ill_placed(&self, address: usize, size: usize) -> bool {
        let Some(&number) = self.of_size.get(size.div_ceil(STEP)) else {
            return false;
        };
        let bin = &self.rows[usize::from(number)];
        if bin.open_slabs == 0 {
            return false;
        }
        let Some(slab) = Slab::of(address) else {
            return false;
        };
        let is_next = (slab.next..slab.next + slab.bytes).contains(&address);
        let mean_share = bin.regions_in_open() * 9 / 8;
        slab.free > 0 && !is_next && (slab.regions - slab.free) * bin.open_slabs <= mean_share
    }
}

/// Sizes of small allocations are multiples of this.
const STEP: usize = 8;

/// The path of a figure of the first bin of the first arena.
type Figure = [usize; 6];

/// A figure of a bin, of all arenas together.
fn figure(path: Option<Figure>, bin: usize) -> usize {
    const ALL_ARENAS: usize = 4096;
    let Some(mut path) = path else {
        return 0;
    };
    (path[2], path[4]) = (ALL_ARENAS, bin);
    let (mut value, mut len) = (0_usize, size_of::<usize>());
    // SAFETY: the path has as many numbers as are said, `value` takes the `len` bytes that jemalloc writes, and nothing
    // is passed in.
    let status: c_int = unsafe {
        jemalloc::mallctlbymib(
            path.as_ptr(),
            path.len(),
            (&raw mut value).cast::<c_void>(),
            &raw mut len,
            ptr::null_mut(),
            0,
        )
    };
    if status == 0 { value } else { 0 }
}

/// Finds the path of a name, which must have so many parts.
fn path<const PARTS: usize>(name: &CStr) -> Option<[usize; PARTS]> {
    let (mut path, mut len) = ([0; PARTS], PARTS);
    // SAFETY: the name ends with a zero, and jemalloc writes at most `len` numbers to the path.
    let status =
        unsafe { jemalloc::mallctlnametomib(name.as_ptr(), path.as_mut_ptr(), &raw mut len) };
    (status == 0 && len == PARTS).then_some(path)
}

/// The slab of an allocation.
struct Slab {
    /// Where the slab begins from which the next allocation of this size comes; 0 if there is none.
    next: usize,
    free: usize,
    regions: usize,
    bytes: usize,
}

impl Slab {
    /// `None` if it is not in a slab, or not jemalloc's.
    #[inline]
    fn of(address: usize) -> Option<Self> {
        let path = query_path()?;
        let mut answer = [0_usize; 6];
        let mut len = size_of::<[usize; 6]>();
        let mut asked = address;
        // SAFETY: the answer takes six words, as jemalloc asks for and compares; it reads one pointer, which it looks
        // up and does not follow.
        let status = unsafe {
            jemalloc::mallctlbymib(
                path.as_ptr(),
                path.len(),
                (&raw mut answer).cast::<c_void>(),
                &raw mut len,
                (&raw mut asked).cast::<c_void>(),
                size_of::<usize>(),
            )
        };
        let [next, free, regions, bytes, ..] = answer;
        (status == 0 && regions > 1).then_some(Self {
            next,
            free,
            regions,
            bytes,
        })
    }
}

/// The path of the question about a slab; a look-up of its name would take longer than the answer.
#[inline]
fn query_path() -> Option<[usize; 3]> {
    static PATH: LazyLock<Option<[usize; 3]>> =
        LazyLock::new(|| path(c"experimental.utilization.query"));
    *PATH
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::{GlobalAlloc, Layout};

    /// Fills slabs of one size, frees three of four, and asks about the rest.
    #[test]
    fn what_is_left_in_empty_slabs_is_ill_placed() {
        let layout = Layout::from_size_align(3584, 8).expect("small");
        // SAFETY: the layout is not empty; each is freed once below.
        let all: Vec<*mut u8> = (0..400)
            .map(|_| unsafe { alloc::Counting.alloc(layout) })
            .collect();
        let mut bins = Bins::new();
        bins.refresh();
        let before = bins.slack();
        for (number, memory) in all.iter().enumerate() {
            if number % 4 != 0 {
                // SAFETY: allocated above with this layout.
                unsafe { alloc::Counting.dealloc(*memory, layout) };
            }
        }
        assert!(alloc::purge(), "with nothing kept back for this thread");
        bins.refresh();
        assert!(
            bins.slack() > before + 200 * 3584,
            "{before}, {}",
            bins.slack()
        );
        let ill = all
            .iter()
            .step_by(4)
            .filter(|memory| bins.is_ill_placed(memory.addr(), 3584));
        assert!(ill.count() > 50);
        let here = 0_usize;
        assert!(
            !bins.is_ill_placed((&raw const here).addr(), 64),
            "the stack"
        );
        for memory in all.iter().step_by(4) {
            // SAFETY: as above.
            unsafe { alloc::Counting.dealloc(*memory, layout) };
        }
    }
}
