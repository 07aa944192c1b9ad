//! Guest SDK for confidential contracts.
//!
//! ```ignore
//! #![cfg_attr(not(test), no_std)]
//! use adyton_contract::prelude::*;
//!
//! const COUNT: Item<u64> = Item::new(b"count");
//!
//! contract! {
//!     name "counter", about "Counts, for everybody together";
//!     call add(amount: u64) -> u64 about "Adds to the count";
//!     query get() -> u64 about "Tells the count";
//! }
//!
//! fn add(amount: u64) -> u64 {
//!     let sum = COUNT.get().unwrap_or(0).checked_add(amount).or_fail("the count is full");
//!     COUNT.set(&sum);
//!     sum
//! }
//!
//! fn get() -> u64 {
//!     COUNT.get().unwrap_or(0)
//! }
//! ```
//!
//! Every call runs in a fresh instance: nothing survives but the state. A method returns, or it fails with a reason;
//! then nothing of what it has changed stays.
//!
//! Without Wasm (`cfg(not(target_arch = "wasm32"))`) the same functions work on a world in memory, [`testing`].

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(all(target_arch = "wasm32", adyton_old_rustc), feature(alloc_error_handler))]

pub extern crate alloc;

#[cfg(target_arch = "wasm32")]
mod allocator;
pub mod borsh;
pub mod env;
#[macro_use]
mod interface;
pub mod storage;
#[cfg(target_arch = "wasm32")]
mod sys;
#[cfg(not(target_arch = "wasm32"))]
#[path = "sys_testing.rs"]
mod sys;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use interface::{join, total};

/// What a contract usually needs.
pub mod prelude {
    pub use crate::alloc::{format, string::String, vec, vec::Vec};
    pub use crate::borsh::{Address, Bytes, Decode, Encode};
    pub use crate::env::{self, Caller, OrFail};
    pub use crate::storage::{Item, Map};
    pub use crate::{contract, record};
}
