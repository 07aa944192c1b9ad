//! A contract with two memories: its own, and one that holds what must not lie beside anything else.
//!
//! Rust knows one memory. The second belongs to `vault.wat`, a module of two functions that is merged with this one:
//! what is put there cannot be reached by any pointer of this code, whatever goes wrong in it.

#![cfg_attr(target_arch = "wasm32", no_std)]

use adyton_contract::prelude::*;

const KEPT: Item<u64> = Item::new(b"kept");

contract! {
    name "two_memories", about "Keeps a number in a memory of its own while it works";
    call keep(number: u64) -> u64 about "Take a number through the second memory";
    query kept() -> u64 about "The number that was kept last";
}

#[cfg(target_arch = "wasm32")]
mod vault {
    #[link(wasm_import_module = "vault")]
    extern "C" {
        pub fn put(place: usize, number: u64);
        pub fn take(place: usize) -> u64;
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod vault {
    use std::cell::RefCell;

    thread_local! {
        static SECOND: RefCell<[u64; 16]> = RefCell::new([0; 16]);
    }

    pub unsafe fn put(place: usize, number: u64) {
        SECOND.with(|second| second.borrow_mut()[place / 8] = number);
    }

    pub unsafe fn take(place: usize) -> u64 {
        SECOND.with(|second| second.borrow()[place / 8])
    }
}

fn keep(number: u64) -> u64 {
    // SAFETY: the place lies inside of the second memory's first page.
    unsafe { vault::put(8, number) };
    let noise = vec![0xFFu8; 4096];
    env::require(noise.len() == 4096, "no room");
    let number = unsafe { vault::take(8) };
    KEPT.set(&number);
    number
}

fn kept() -> u64 {
    KEPT.get().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adyton_contract::testing;

    #[test]
    fn a_number_comes_back() {
        testing::reset();
        assert_eq!(keep(7), 7);
        assert_eq!(kept(), 7);
    }
}
