//! A private token: everybody sees how much there is, nobody but its holder sees a balance.
//!
//! A transfer is told to both sides by events that only they can read, where they have named a key for that.

#![cfg_attr(target_arch = "wasm32", no_std)]

use adyton_contract::prelude::*;

record! {
    /// What both sides of a transfer are told.
    pub struct Transfer {
        from: Address,
        to: Address,
        amount: u128,
    }
}

const OWNER: Item<Address> = Item::new(b"owner");
const NAME: Item<String> = Item::new(b"name");
const SUPPLY: Item<u128> = Item::new(b"supply");
const BALANCES: Map<Address, u128> = Map::new(b"balance/");
const KEYS: Map<Address, Address> = Map::new(b"key/");

contract! {
    name "token", about "A token whose balances nobody else sees",
        types [Transfer],
        events [transfer: Transfer];
    init init(name: String) about "The deployer may make tokens";
    call mint(to: Address, amount: u128) about "Make tokens; for the deployer alone";
    call burn(amount: u128) about "Destroy tokens of mine";
    call transfer(to: Address, amount: u128) about "Give tokens of mine away";
    call tell(key: Address) about "Name the X25519 key that my transfers are told to";
    query balance() -> u128 about "My own balance";
    query supply() -> u128 about "How many there are";
    query name() -> String about "The name";
}

fn init(name: String) {
    OWNER.set(&env::caller().address());
    NAME.set(&name);
    SUPPLY.set(&0);
}

fn mint(to: Address, amount: u128) {
    env::require(OWNER.get() == Some(env::caller().address()), "only the owner makes tokens");
    SUPPLY.set(&supply().checked_add(amount).or_fail("too many tokens"));
    credit(to, amount);
}

fn burn(amount: u128) {
    debit(env::caller().address(), amount);
    SUPPLY.set(&(supply() - amount));
}

fn transfer(to: Address, amount: u128) {
    let from = env::caller().address();
    debit(from, amount);
    credit(to, amount);
    let told = Transfer { from, to, amount }.encode();
    for side in [from, to] {
        if let Some(key) = KEYS.get(&side) {
            env::emit_sealed(&key.0, "transfer", &told);
        }
    }
}

fn tell(key: Address) {
    KEYS.set(&env::caller().address(), &key);
}

fn balance() -> u128 {
    held(env::caller().address())
}

fn supply() -> u128 {
    SUPPLY.get().unwrap_or(0)
}

fn name() -> String {
    NAME.get().unwrap_or_default()
}

fn held(holder: Address) -> u128 {
    BALANCES.get(&holder).unwrap_or(0)
}

fn debit(holder: Address, amount: u128) {
    let left = held(holder).checked_sub(amount).or_fail("the balance is too small");
    BALANCES.set(&holder, &left);
}

fn credit(holder: Address, amount: u128) {
    // No sum is above the supply, which has been checked.
    BALANCES.set(&holder, &(held(holder) + amount));
}

#[cfg(test)]
mod tests {
    use super::*;
    use adyton_contract::testing::{self, client, failure, set_caller};

    fn begin() {
        testing::reset();
        set_caller(client(1));
        init("coin".into());
        mint(client(2).address(), 100);
    }

    #[test]
    fn tokens_move_and_the_sum_stays() {
        begin();
        set_caller(client(2));
        transfer(client(3).address(), 40);
        assert_eq!(balance(), 60);
        set_caller(client(3));
        assert_eq!(balance(), 40);
        transfer(client(3).address(), 40);
        assert_eq!(balance(), 40);
        burn(15);
        assert_eq!((balance(), supply()), (25, 85));
    }

    #[test]
    fn nobody_spends_what_is_not_theirs() {
        begin();
        set_caller(client(3));
        assert_eq!(failure(|| transfer(client(2).address(), 1)), "the balance is too small");
        assert_eq!(failure(|| mint(client(3).address(), 1)), "only the owner makes tokens");
        set_caller(client(1));
        assert_eq!(failure(|| mint(client(1).address(), u128::MAX)), "too many tokens");
        set_caller(client(2));
        assert_eq!(failure(|| burn(101)), "the balance is too small");
        assert_eq!(balance(), 100);
    }

    #[test]
    fn both_sides_are_told_under_their_keys_alone() {
        begin();
        for number in [2, 3] {
            set_caller(client(number));
            tell(Address([0x50 + number; 32]));
        }
        set_caller(client(2));
        transfer(client(3).address(), 5);
        transfer(client(4).address(), 5);
        let keys: Vec<_> = testing::events().iter().map(|event| event.recipient).collect();
        assert_eq!(keys, [Some([0x52; 32]), Some([0x53; 32]), Some([0x52; 32])]);
    }
}
