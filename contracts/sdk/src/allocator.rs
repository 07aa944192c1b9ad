//! A bump allocator: an instance lives for one call, so almost nothing is worth freeing.
//!
//! The newest block is given back and grows in place, which is what a vector that is being filled needs.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;

const PAGE: usize = 65536;

struct Bump {
    next: UnsafeCell<usize>,
}

// SAFETY: a contract has one thread.
unsafe impl Sync for Bump {}

extern "C" {
    static __heap_base: u8;
}

impl Bump {
    unsafe fn reserve(&self, start: usize, size: usize) -> bool {
        let end = match start.checked_add(size) {
            Some(end) => end,
            None => return false,
        };
        let have = core::arch::wasm32::memory_size(0) * PAGE;
        if end > have {
            let pages = (end - have + PAGE - 1) / PAGE;
            if core::arch::wasm32::memory_grow(0, pages) == usize::MAX {
                return false;
            }
        }
        *self.next.get() = end;
        true
    }
}

// SAFETY: blocks never overlap: each begins at or behind the end of the one before.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut at = *self.next.get();
        if at == 0 {
            at = &__heap_base as *const u8 as usize;
        }
        let start = (at + layout.align() - 1) & !(layout.align() - 1);
        if self.reserve(start, layout.size()) {
            start as *mut u8
        } else {
            core::ptr::null_mut()
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block as usize + layout.size() == *self.next.get() {
            *self.next.get() = block as usize;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if block as usize + layout.size() == *self.next.get() {
            return if self.reserve(block as usize, size) { block } else { core::ptr::null_mut() };
        }
        let made = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
        if !made.is_null() {
            core::ptr::copy_nonoverlapping(block, made, core::cmp::min(layout.size(), size));
        }
        made
    }
}

#[global_allocator]
static ALLOCATOR: Bump = Bump { next: UnsafeCell::new(0) };

#[cfg(adyton_old_rustc)]
#[alloc_error_handler]
fn out_of_memory(_: Layout) -> ! {
    crate::env::fail("the contract has used up its memory")
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    // Where it was is told, in few bytes; formatting the message would bring the whole formatter into each module.
    match info.location() {
        Some(place) => {
            let mut text = alloc::string::String::from("panic in line ");
            crate::env::push_number(&mut text, place.line() as u64);
            crate::env::fail(&text)
        }
        None => crate::env::fail("panic"),
    }
}

use crate::alloc;
