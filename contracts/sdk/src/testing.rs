//! A world in memory, for `#[test]` without Wasm: state, caller, block, events. Each test thread has its own.
//!
//! ```ignore
//! testing::reset();
//! testing::set_caller(testing::client(1));
//! assert_eq!(add(2), 2);
//! assert_eq!(testing::failure(|| { add(u64::MAX); }), "the count is full");
//! ```

use crate::alloc::collections::{BTreeMap, BTreeSet};
use crate::alloc::{boxed::Box, string::String, vec::Vec};
use crate::borsh::Address;
use crate::env::Caller;
use std::cell::RefCell;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};

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
    pub others: BTreeMap<Address, Other>,
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
            others: BTreeMap::new(),
            signatures: BTreeSet::new(),
            recovered: BTreeMap::new(),
        }
    }
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::default());
}

pub(crate) fn with<T>(work: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with(|world| work(&mut world.borrow_mut()))
}

/// What `fail` ends a call with.
pub(crate) struct Failure(pub String);

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
        world.others.insert(address, other);
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

/// Run what must fail; undo what it has changed, and return the reason.
pub fn failure(work: impl FnOnce()) -> String {
    let (state, events) = with(|world| (world.state.clone(), world.events.clone()));
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let ended = catch_unwind(AssertUnwindSafe(work));
    std::panic::set_hook(hook);
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
