//! A transfer between two balances, and nothing else: two gets, two sets. Benchmarks call it.

#![cfg_attr(target_arch = "wasm32", no_std)]

use adyton_contract::prelude::*;

const BALANCES: Map<u32, u64> = Map::new(b"b");

contract! {
    name "ledger_bench", about "Moves amounts between numbered accounts";
    init init(accounts: u32, amount: u64) about "Open accounts 0, 1, …, each with an amount; at most 1,000";
    call open(first: u32, accounts: u32, amount: u64) about "Open more; at most 1,000 at once";
    call transfer(from: u32, to: u32, amount: u64) about "Two gets, two sets";
    query balance(account: u32) -> Option<u64> about "What an account holds";
}

fn init(accounts: u32, amount: u64) {
    open(0, accounts, amount);
}

fn open(first: u32, accounts: u32, amount: u64) {
    env::require(accounts <= 1000, "at most 1,000 accounts at once");
    let end = first.checked_add(accounts).or_fail("there are no such numbers");
    for account in first..end {
        BALANCES.set(&account, &amount);
    }
}

fn transfer(from: u32, to: u32, amount: u64) {
    env::require(from != to, "from an account to itself");
    let left = held(from).checked_sub(amount).or_fail("the balance is too small");
    let sum = held(to).checked_add(amount).or_fail("the balance is too large");
    BALANCES.set(&from, &left);
    BALANCES.set(&to, &sum);
}

fn held(account: u32) -> u64 {
    BALANCES.get(&account).or_fail("no such account")
}

fn balance(account: u32) -> Option<u64> {
    BALANCES.get(&account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adyton_contract::testing::{self, failure};

    #[test]
    fn amounts_move_and_the_sum_stays() {
        testing::reset();
        init(3, 100);
        open(3, 1, 7);
        transfer(0, 3, 40);
        transfer(3, 2, 47);
        let held: Vec<_> = (0..5).map(balance).collect();
        assert_eq!(held, [Some(60), Some(100), Some(147), Some(0), None]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        testing::reset();
        init(2, 100);
        assert_eq!(failure(|| transfer(0, 1, 101)), "the balance is too small");
        assert_eq!(failure(|| transfer(0, 2, 1)), "no such account");
        assert_eq!(failure(|| transfer(1, 1, 1)), "from an account to itself");
        assert_eq!(failure(|| open(0, 1001, 1)), "at most 1,000 accounts at once");
        assert_eq!(failure(|| open(u32::MAX, 2, 1)), "there are no such numbers");
        open(2, 1, u64::MAX);
        assert_eq!(failure(|| transfer(0, 2, 1)), "the balance is too large");
        assert_eq!((balance(0), balance(1)), (Some(100), Some(100)));
    }
}
