//! A counter that adds through a table of functions: what a compiler makes of it has indirect calls.

#![cfg_attr(target_arch = "wasm32", no_std)]

use adyton_contract::prelude::*;

const COUNT: Item<u64> = Item::new(b"count");

contract! {
    name "modern", about "A counter with indirect calls and bulk memory";
    call add(amount: u64) -> u64;
    query get() -> u64;
}

trait Step {
    fn step(&self, count: u64) -> u64;
}

struct Plus(u64);
struct Twice;

impl Step for Plus {
    #[inline(never)]
    fn step(&self, count: u64) -> u64 {
        count + self.0
    }
}

impl Step for Twice {
    #[inline(never)]
    fn step(&self, count: u64) -> u64 {
        count * 2
    }
}

fn add(amount: u64) -> u64 {
    let steps: [&dyn Step; 2] = [&Plus(amount), &Twice];
    // Which of the two it is cannot be known before: even amounts are added, odd ones double the count.
    let count = steps[(amount % 2) as usize].step(get());
    let copied = vec![count; (amount % 5 + 1) as usize].clone();
    COUNT.set(&copied[0]);
    copied[0]
}

fn get() -> u64 {
    COUNT.get().unwrap_or(0)
}
