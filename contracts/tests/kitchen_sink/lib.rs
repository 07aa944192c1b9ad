//! One method for each thing that a contract can do, and for some that it cannot: for tests of the engine.

#![cfg_attr(target_arch = "wasm32", no_std)]

use adyton_contract::prelude::*;

record! {
    pub struct Seen {
        caller: Address,
        by_contract: bool,
        address: Address,
        height: u64,
        time_ms: u64,
    }
}

contract! {
    name "kitchen_sink", about "Everything once",
        types [Seen],
        events [told: Bytes];
    init init();
    migrate migrate(note: String);
    call echo(data: Bytes) -> Bytes;
    call surroundings() -> Seen;
    call set(key: Bytes, value: Bytes);
    call remove(key: Bytes);
    call move_two() about "Two gets and two sets";
    call draw() -> Bytes;
    call tell(data: Bytes);
    call whisper(key: Address, data: Bytes);
    call refuse(reason: String);
    call say(line: String);
    call ask(address: Address, method: String, input: Bytes) -> Bytes;
    call set_and_ask(key: Bytes, value: Bytes, address: Address, method: String, input: Bytes) -> Bytes;
    call set_and_trap(key: Bytes, value: Bytes);
    call spin();
    call recurse();
    call grow(pages: u64) -> u64;
    call panic();
    call hash(data: Bytes) -> Bytes;
    call verify(key: Address, signature: Bytes, message: Bytes) -> bool;
    call recover(hash: Address, signature: Bytes) -> Bytes;
    call scan(prefix: Bytes) -> Vec<Bytes>;
    query get(key: Bytes) -> Option<Bytes>;
    query list(prefix: Bytes) -> Vec<Bytes>;
    query seen() -> Seen;
    query write_anyway();
    query draw_anyway() -> Bytes;
}

fn init() {
    env::state_set(b"a", &0u64.encode());
    env::state_set(b"b", &0u64.encode());
}

fn migrate(note: String) {
    env::state_set(b"note", note.as_bytes());
}

fn echo(data: Bytes) -> Bytes {
    data
}

fn surroundings() -> Seen {
    seen()
}

fn seen() -> Seen {
    let caller = env::caller();
    Seen {
        caller: caller.address(),
        by_contract: matches!(caller, Caller::Contract(_)),
        address: env::address(),
        height: env::block_height(),
        time_ms: env::block_time_ms(),
    }
}

fn set(key: Bytes, value: Bytes) {
    env::state_set(&key.0, &value.0);
}

fn remove(key: Bytes) {
    env::state_remove(&key.0);
}

fn move_two() {
    let one: u64 = u64::decode(&env::state_get(b"a").or_fail("no a")).or_fail("a");
    let two: u64 = u64::decode(&env::state_get(b"b").or_fail("no b")).or_fail("b");
    env::state_set(b"a", &(one + 1).encode());
    env::state_set(b"b", &(two + one).encode());
}

fn draw() -> Bytes {
    let mut drawn = env::random::<32>().to_vec();
    drawn.extend_from_slice(&env::random::<32>());
    Bytes(drawn)
}

fn draw_anyway() -> Bytes {
    draw()
}

fn tell(data: Bytes) {
    env::emit("told", &data.encode());
}

fn whisper(key: Address, data: Bytes) {
    env::emit_sealed(&key.0, "told", &data.encode());
}

fn refuse(reason: String) {
    env::state_set(b"a", b"changed");
    env::log("about to refuse");
    env::fail(&reason)
}

fn say(line: String) {
    env::log(&line);
}

fn ask(address: Address, method: String, input: Bytes) -> Bytes {
    match env::call(&address, &method, &input.0) {
        Ok(output) => Bytes(output),
        Err(env::CallError::Failed(reason)) => Bytes(format(&["failed ", &reason])),
        Err(env::CallError::Unknown) => Bytes(b"unknown".to_vec()),
        Err(env::CallError::Running) => Bytes(b"running".to_vec()),
        Err(env::CallError::TooDeep) => Bytes(b"too deep".to_vec()),
        Err(env::CallError::Ordering) => Bytes(b"ordering".to_vec()),
    }
}

fn set_and_ask(key: Bytes, value: Bytes, address: Address, method: String, input: Bytes) -> Bytes {
    env::state_set(&key.0, &value.0);
    ask(address, method, input)
}

fn set_and_trap(key: Bytes, value: Bytes) {
    env::state_set(&key.0, &value.0);
    env::emit("told", b"never");
    panic()
}

fn spin() {
    let mut x = 1u64;
    while x != 0 {
        x = opaque(x | 1);
    }
}

fn recurse() {
    fn deeper(depth: u64) -> u64 {
        let held = opaque([depth; 64]);
        if held[3] == u64::MAX {
            return 0;
        }
        deeper(depth + 1) + held[7]
    }
    opaque(deeper(opaque(0)));
}

fn grow(pages: u64) -> u64 {
    #[cfg(target_arch = "wasm32")]
    {
        core::arch::wasm32::memory_grow(0, pages as usize) as u64
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        pages
    }
}

fn panic() {
    opaque(None::<u8>).expect("nothing there");
}

fn hash(data: Bytes) -> Bytes {
    Bytes(env::sha256(&data.0).to_vec())
}

fn verify(key: Address, signature: Bytes, message: Bytes) -> bool {
    let signature: [u8; 64] = signature.0.try_into().or_fail("64 bytes");
    env::ed25519_verify(&key.0, &signature, &message.0)
}

fn recover(hash: Address, signature: Bytes) -> Bytes {
    let signature: [u8; 65] = signature.0.try_into().or_fail("65 bytes");
    Bytes(env::secp256k1_recover(&hash.0, &signature).map(|key| key.to_vec()).unwrap_or_default())
}

fn scan(prefix: Bytes) -> Vec<Bytes> {
    list(prefix)
}

fn list(prefix: Bytes) -> Vec<Bytes> {
    let mut all = Vec::new();
    let mut after: Vec<u8> = Vec::new();
    loop {
        let page = env::state_scan(&prefix.0, &after);
        match page.last() {
            Some(last) => after = last.clone(),
            None => return all,
        }
        all.extend(page.into_iter().map(Bytes));
    }
}

fn get(key: Bytes) -> Option<Bytes> {
    env::state_get(&key.0).map(Bytes)
}

fn write_anyway() {
    env::state_set(b"a", b"changed");
}

/// Return the value, so that the compiler cannot know what it is.
fn opaque<T>(value: T) -> T {
    let read = unsafe { core::ptr::read_volatile(&value) };
    core::mem::forget(value);
    read
}

fn format(parts: &[&str]) -> Vec<u8> {
    parts.concat().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use adyton_contract::testing;

    #[test]
    fn the_world_of_tests_has_it_all() {
        testing::reset();
        init();
        move_two();
        move_two();
        assert_eq!(get(Bytes(b"b".to_vec())), Some(Bytes(1u64.encode())));
        assert_eq!(list(Bytes(Vec::new())).len(), 2);
        let known = hash(Bytes(b"abc".to_vec())).0;
        assert_eq!(known[..4], [0xba, 0x78, 0x16, 0xbf]);
        let long = hash(Bytes(std::vec![b'a'; 200])).0;
        assert_eq!(long[..4], [0xc2, 0xa9, 0x08, 0xd9]);
        assert_eq!(testing::failure(|| refuse("no".into())), "no");
        assert_eq!(get(Bytes(b"b".to_vec())), Some(Bytes(1u64.encode())));
        tell(Bytes(b"x".to_vec()));
        whisper(Address([9; 32]), Bytes(b"y".to_vec()));
        assert_eq!(testing::events()[1].recipient, Some([9; 32]));
        assert_eq!(testing::logs(), ["about to refuse"]);
        assert!(!verify(Address([1; 32]), Bytes(std::vec![0; 64]), Bytes(Vec::new())));
        assert_ne!(draw(), draw());
        let seen = surroundings();
        assert_eq!((seen.by_contract, seen.height), (false, 1));
    }
}
