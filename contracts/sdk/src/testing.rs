//! A world in memory, for `#[test]` without Wasm: state, caller, block, events. Each test thread has its own.
//!
//! ```ignore
//! testing::reset();
//! testing::set_caller(testing::client(1));
//! assert_eq!(add(2), 2);
//! assert_eq!(testing::failure(|| { add(u64::MAX); }), "the count is full");
//! assert_eq!(testing::query(get), 2);
//! ```
//!
//! It is stricter than it need be nowhere, and laxer here: writes and events of one call are not counted, fuel and memory
//! are not metered, and there is no cryptography but SHA-256. What ends a call on a chain otherwise than by `fail`, such
//! as a value that is too long, is an ordinary panic here.

use crate::alloc::collections::{BTreeMap, BTreeSet};
use crate::alloc::{boxed::Box, string::String, vec::Vec};
use crate::borsh::Address;
use crate::env::Caller;
use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::Once;

/// Stands in for another contract: method and input in, output or reason out.
pub type Other = Box<dyn Fn(&str, &[u8]) -> Result<Vec<u8>, String>>;

/// What a contract has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its kind.
    pub topic: String,
    /// Its content.
    pub data: Vec<u8>,
    /// The key that it is sealed to, or `None` where everybody can read it.
    pub recipient: Option<[u8; 32]>,
}

pub(crate) struct World {
    pub state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub caller: Caller,
    pub address: Address,
    pub height: u64,
    pub time_ms: u64,
    pub events: Vec<Event>,
    pub logs: Vec<String>,
    pub input: Vec<u8>,
    pub output: Vec<u8>,
    pub result: Vec<u8>,
    pub drawn: u64,
    pub query: bool,
    pub others: BTreeMap<Address, Option<Other>>,
    pub signatures: BTreeSet<(Vec<u8>, Vec<u8>, Vec<u8>)>,
    pub recovered: BTreeMap<(Vec<u8>, Vec<u8>), [u8; 33]>,
}

impl Default for World {
    fn default() -> Self {
        World {
            state: BTreeMap::new(),
            caller: Caller::Client(Address([1; 32])),
            address: Address([0xC0; 32]),
            height: 1,
            time_ms: 1_800_000_000_000,
            events: Vec::new(),
            logs: Vec::new(),
            input: Vec::new(),
            output: Vec::new(),
            result: Vec::new(),
            drawn: 0,
            query: false,
            others: BTreeMap::new(),
            signatures: BTreeSet::new(),
            recovered: BTreeMap::new(),
        }
    }
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::default());
    static EXPECTED: Cell<bool> = Cell::new(false);
}

pub(crate) fn with<T>(work: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with(|world| work(&mut world.borrow_mut()))
}

/// What `fail` ends a call with.
pub(crate) struct Failure(pub String);

/// End a call as `fail` does.
pub(crate) fn raise(reason: String) -> ! {
    // Once for all threads: tests run beside each other, and each must find the others' messages untouched.
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            match info.payload().downcast_ref::<Failure>() {
                Some(_) if EXPECTED.with(Cell::get) => {}
                Some(failure) => std::eprintln!("the contract fails: {}", failure.0),
                None => before(info),
            }
        }));
    });
    std::panic::panic_any(Failure(reason))
}

/// Begin a new, empty world.
pub fn reset() {
    with(|world| *world = World::default());
}

/// A client of the test's own making.
pub fn client(number: u8) -> Caller {
    Caller::Client(Address([number; 32]))
}

/// Say who calls from now on.
pub fn set_caller(caller: Caller) {
    with(|world| world.caller = caller);
}

/// Say in which block the calls are from now on.
pub fn set_block(height: u64, time_ms: u64) {
    with(|world| {
        world.height = height;
        world.time_ms = time_ms;
    });
}

/// Put another contract into the world.
pub fn add_contract(address: Address, other: Other) {
    with(|world| {
        world.others.insert(address, Some(other));
    });
}

/// Have a signature hold: there is no cryptography in this world.
pub fn accept_signature(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) {
    with(|world| {
        world.signatures.insert((key.to_vec(), signature.to_vec(), message.to_vec()));
    });
}

/// Have a key be recovered from a signature.
pub fn recover_as(hash: &[u8; 32], signature: &[u8; 65], key: [u8; 33]) {
    with(|world| {
        world.recovered.insert((hash.to_vec(), signature.to_vec()), key);
    });
}

/// What was told since the world began.
pub fn events() -> Vec<Event> {
    with(|world| world.events.clone())
}

/// What was said to the caller since the world began.
pub fn logs() -> Vec<String> {
    with(|world| world.logs.clone())
}

/// Run a query: what changes anything, tells anybody or draws random bytes panics, as it ends the call on a chain.
pub fn query<T>(work: impl FnOnce() -> T) -> T {
    let before = with(|world| std::mem::replace(&mut world.query, true));
    let ended = catch_unwind(AssertUnwindSafe(work));
    with(|world| world.query = before);
    ended.unwrap_or_else(|problem| resume_unwind(problem))
}

/// Run what must fail; undo what it has changed, and return the reason.
pub fn failure(work: impl FnOnce()) -> String {
    let (state, events) = with(|world| (world.state.clone(), world.events.clone()));
    let before = EXPECTED.with(|expected| expected.replace(true));
    let ended = catch_unwind(AssertUnwindSafe(work));
    EXPECTED.with(|expected| expected.set(before));
    match ended {
        Ok(()) => panic!("it did not fail"),
        Err(problem) => match problem.downcast::<Failure>() {
            Ok(failure) => {
                with(|world| {
                    world.state = state;
                    world.events = events;
                });
                failure.0
            }
            Err(other) => resume_unwind(other),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env;
    use std::vec;

    /// What a panic said that is no failure of the contract.
    fn panicked(work: impl FnOnce()) -> String {
        let problem = catch_unwind(AssertUnwindSafe(work)).expect_err("it did not panic");
        match problem.downcast::<String>() {
            Ok(text) => *text,
            Err(other) => (*other.downcast::<&str>().expect("a text")).into(),
        }
    }

    #[test]
    fn a_failure_undoes_what_was_changed_and_told() {
        reset();
        env::state_set(b"a", b"1");
        let told = failure(|| {
            env::state_set(b"a", b"2");
            env::state_set(b"b", b"3");
            env::emit("told", b"");
            env::fail("no");
        });
        assert_eq!(told, "no");
        assert_eq!((env::state_get(b"a"), env::state_get(b"b")), (Some(vec![b'1']), None));
        assert_eq!(events(), []);
    }

    #[test]
    fn what_does_not_fail_is_told() {
        reset();
        assert_eq!(panicked(|| { failure(|| {}); }), "it did not fail");
        assert_eq!(panicked(|| { failure(|| panic!("a bug")); }), "a bug");
    }

    #[test]
    fn a_query_reads_and_changes_nothing() {
        reset();
        env::state_set(b"a", b"1");
        assert_eq!(query(|| env::state_get(b"a")), Some(vec![b'1']));
        let changes: [fn(); 5] = [
            || env::state_set(b"a", b"2"),
            || env::state_remove(b"a"),
            || env::emit("told", b""),
            || env::emit_sealed(&[9; 32], "told", b""),
            || { env::random::<1>(); },
        ];
        for change in changes {
            assert_eq!(panicked(|| query(change)), "a query changes, tells and draws nothing");
            change();
        }
    }

    #[test]
    fn what_the_chain_bounds_is_bounded() {
        reset();
        let over: [(fn(), &str); 9] = [
            (|| env::state_set(b"", b""), "a key has 1 to 256 bytes"),
            (|| env::state_set(&[7; 257], b""), "a key has 1 to 256 bytes"),
            (|| env::state_remove(b""), "a key has 1 to 256 bytes"),
            (|| { env::state_get(&[7; 257]); }, "a key has 1 to 256 bytes"),
            (|| env::state_set(b"k", &[7; 65537]), "a value has at most 65536 bytes"),
            (|| env::output(&[7; 131073]), "an output has at most 131072 bytes"),
            (|| env::emit("told", &[7; 4097]), "an event has at most 4096 bytes"),
            (|| env::emit(&"t".repeat(65), b""), "a topic has at most 64 bytes"),
            (|| { env::random::<1025>(); }, "at most 1024 random bytes at once"),
        ];
        for (work, told) in over {
            assert_eq!(panicked(work), told);
        }
        assert_eq!(panicked(|| env::log(&"l".repeat(4097))), "a line has at most 4096 bytes");
        env::state_set(&[7; 256], &[7; 65536]);
        env::output(&[7; 131072]);
        env::emit(&"t".repeat(64), &[7; 4096]);
        env::random::<1024>();
        env::log(&"l".repeat(4096));
    }

    #[test]
    fn another_contract_answers_fails_or_is_not_there() {
        reset();
        let (there, nobody) = (Address([7; 32]), Address([8; 32]));
        add_contract(
            there,
            Box::new(|method, input| match method {
                "echo" => Ok(input.to_vec()),
                "again" => match env::call(&Address([7; 32]), "echo", b"") {
                    Err(problem) => Ok(std::format!("{problem:?}").into_bytes()),
                    Ok(_) => Err("entered twice".into()),
                },
                _ => Err("what?".into()),
            }),
        );
        assert_eq!(env::call(&there, "echo", b"hello"), Ok(b"hello".to_vec()));
        assert_eq!(env::call(&there, "sing", b""), Err(env::CallError::Failed("what?".into())));
        assert_eq!(env::call(&nobody, "echo", b""), Err(env::CallError::Unknown));
        assert_eq!(env::call(&there, "again", b""), Ok(b"Running".to_vec()));
        assert_eq!(env::call(&env::address(), "echo", b""), Err(env::CallError::Running));
        assert_eq!(env::call(&there, "echo", b"."), Ok(b".".to_vec()));
    }
}
