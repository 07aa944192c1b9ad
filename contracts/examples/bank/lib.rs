//! Calls another contract: pays out of a `counter` that it was told of, and goes on where that fails.

#![cfg_attr(target_arch = "wasm32", no_std)]

use adyton_contract::env::CallError;
use adyton_contract::prelude::*;

const COUNTER: Item<Address> = Item::new(b"counter");

contract! {
    name "bank", about "Calls a counter, and says what came of it";
    init init(counter: Address);
    call add(amount: u64) -> u64 about "Have the counter raised";
    call try_add(amount: u64) -> Option<u64> about "The same, and nothing where it fails";
    query get() -> u64 about "What the counter tells";
}

fn init(counter: Address) {
    COUNTER.set(&counter);
}

fn add(amount: u64) -> u64 {
    match ask("add", &amount.encode()) {
        Ok(output) => u64::decode(&output).or_fail("the counter tells no number"),
        Err(CallError::Failed(reason)) => env::fail(&reason),
        Err(_) => env::fail("the counter cannot be called"),
    }
}

fn try_add(amount: u64) -> Option<u64> {
    u64::decode(&ask("add", &amount.encode()).ok()?)
}

fn get() -> u64 {
    u64::decode(&ask("get", &[]).or_fail("the counter cannot be asked")).or_fail("no number")
}

fn ask(method: &str, input: &[u8]) -> Result<Vec<u8>, CallError> {
    env::call(&COUNTER.get().or_fail("no counter is named"), method, input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adyton_contract::testing;

    #[test]
    fn what_the_counter_says_is_passed_on() {
        testing::reset();
        let counter = Address([7; 32]);
        testing::add_contract(
            counter,
            Box::new(|method, input| match (method, u64::decode(input)) {
                ("add", Some(9)) => Err("refused: full".into()),
                ("add", Some(amount)) => Ok((amount + 1).encode()),
                ("get", None) => Ok(5u64.encode()),
                _ => Err("what?".into()),
            }),
        );
        init(counter);
        assert_eq!(add(3), 4);
        assert_eq!(try_add(9), None);
        assert_eq!(get(), 5);
        assert_eq!(testing::failure(|| { add(9); }), "refused: full");
    }
}
