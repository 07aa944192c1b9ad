//! The smallest contract that keeps something: a count that everybody together raises.

#![cfg_attr(target_arch = "wasm32", no_std)]

use adyton_contract::prelude::*;

const COUNT: Item<u64> = Item::new(b"count");

contract! {
    name "counter", about "A count that everybody together raises";
    call add(amount: u64) -> u64 about "Raise the count, and tell it";
    query get() -> u64 about "Tell the count";
}

fn add(amount: u64) -> u64 {
    let sum = get().checked_add(amount).or_fail("the count is full");
    COUNT.set(&sum);
    sum
}

fn get() -> u64 {
    COUNT.get().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adyton_contract::testing;

    #[test]
    fn it_counts() {
        testing::reset();
        assert_eq!(get(), 0);
        assert_eq!(add(2), 2);
        assert_eq!(add(3), 5);
        assert_eq!(get(), 5);
    }

    #[test]
    fn a_full_count_stays_as_it_is() {
        testing::reset();
        add(u64::MAX);
        assert_eq!(testing::failure(|| { add(1); }), "the count is full");
        assert_eq!(get(), u64::MAX);
    }
}
