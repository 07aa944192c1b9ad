//! What a contract can ask of its surroundings.

use crate::alloc::{string::String, vec, vec::Vec};
use crate::borsh::Address;
use crate::sys;

/// Who has called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A client, by its public key.
    Client(Address),
    /// Another contract, by its address.
    Contract(Address),
}

impl Caller {
    /// The caller's 32 bytes, whoever it is.
    pub fn address(&self) -> Address {
        match self {
            Caller::Client(address) | Caller::Contract(address) => *address,
        }
    }
}

/// Why a call of another contract gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// It failed, for this reason; nothing of what it has changed stays.
    Failed(String),
    /// There is no such contract, or it has no such method.
    Unknown,
    /// It is running already: a contract that waits cannot be entered.
    Running,
    /// Calls are nested too deeply.
    TooDeep,
    /// The chain does not offer the ordering that it asks for.
    Ordering,
}

/// Bytes of a reason at most.
const REASON: usize = 1024;

/// Ends the call: nothing of what it has changed stays, and the caller gets the reason, or its first 1,024 bytes.
pub fn fail(reason: &str) -> ! {
    let mut most = core::cmp::min(reason.len(), REASON);
    // A reason that ends within a character would be no text, and not be told at all.
    while !reason.is_char_boundary(most) {
        most -= 1;
    }
    unsafe { sys::fail(reason.as_ptr(), most) };
    unreachable!()
}

/// Takes what is there, or ends the call.
pub trait OrFail<T> {
    /// Return what is there, or end the call with a reason.
    fn or_fail(self, reason: &str) -> T;
}

impl<T> OrFail<T> for Option<T> {
    fn or_fail(self, reason: &str) -> T {
        match self {
            Some(value) => value,
            None => fail(reason),
        }
    }
}

impl<T, E> OrFail<T> for Result<T, E> {
    fn or_fail(self, reason: &str) -> T {
        match self {
            Ok(value) => value,
            Err(_) => fail(reason),
        }
    }
}

/// Ends the call unless `condition` holds.
pub fn require(condition: bool, reason: &str) {
    if !condition {
        fail(reason)
    }
}

/// The call's input.
pub fn input() -> Vec<u8> {
    filled(|ptr, cap| unsafe { sys::input(ptr, cap) } as i32).unwrap_or_default()
}

/// Sets the call's output, at most 128 KiB; the last one counts. Methods of `contract!` do it by returning.
pub fn output(data: &[u8]) {
    unsafe { sys::output(data.as_ptr(), data.len()) }
}

/// Reads a value of this contract's state.
pub fn state_get(key: &[u8]) -> Option<Vec<u8>> {
    filled(|ptr, cap| unsafe { sys::state_get(key.as_ptr(), key.len(), ptr, cap) })
}

/// Writes a value of at most 64 KiB under a key of 1 to 256 bytes; not in a query.
pub fn state_set(key: &[u8], value: &[u8]) {
    unsafe { sys::state_set(key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
}

/// Removes a value; not in a query.
pub fn state_remove(key: &[u8]) {
    unsafe { sys::state_remove(key.as_ptr(), key.len()) }
}

/// The next keys that begin with `prefix` and come after `after`, ascending; empty where there are no more.
pub fn state_scan(prefix: &[u8], after: &[u8]) -> Vec<Vec<u8>> {
    let mut page = vec![0u8; 4096];
    let size = unsafe {
        sys::state_scan(
            prefix.as_ptr(),
            prefix.len(),
            after.as_ptr(),
            after.len(),
            page.as_mut_ptr(),
            page.len(),
        )
    };
    let mut keys = Vec::new();
    let mut at = 0;
    while at + 4 <= size {
        let len = u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]]) as usize;
        keys.push(page[at + 4..at + 4 + len].to_vec());
        at += 4 + len;
    }
    keys
}

/// Who has called.
pub fn caller() -> Caller {
    let mut name = [0u8; 32];
    match unsafe { sys::caller(name.as_mut_ptr()) } {
        0 => Caller::Client(Address(name)),
        _ => Caller::Contract(Address(name)),
    }
}

/// This contract's own address.
pub fn address() -> Address {
    let mut own = [0u8; 32];
    unsafe { sys::address(own.as_mut_ptr()) };
    Address(own)
}

/// Height of the block.
pub fn block_height() -> u64 {
    unsafe { sys::block_height() as u64 }
}

/// Block time, milliseconds since 1970: the only clock there is.
pub fn block_time_ms() -> u64 {
    unsafe { sys::block_time() as u64 }
}

/// Bytes that nobody could foresee before the call was ordered, at most 1,024; not in a query.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    unsafe { sys::random(bytes.as_mut_ptr(), N) };
    bytes
}

/// Tells everybody: a topic of at most 64 bytes, at most 4 KiB of data; not in a query.
pub fn emit(topic: &str, data: &[u8]) {
    unsafe { sys::emit(topic.as_ptr(), topic.len(), data.as_ptr(), data.len()) }
}

/// Tells the holder of an X25519 key, and nobody else; not even that it was this contract. Bounds as of [`emit`].
pub fn emit_sealed(recipient: &[u8; 32], topic: &str, data: &[u8]) {
    unsafe {
        sys::emit_sealed(recipient.as_ptr(), topic.as_ptr(), topic.len(), data.as_ptr(), data.len())
    }
}

/// Calls a method of another contract; in a query, a query of it.
pub fn call(contract: &Address, method: &str, input: &[u8]) -> Result<Vec<u8>, CallError> {
    let status = unsafe {
        sys::call(contract.0.as_ptr(), method.as_ptr(), method.len(), input.as_ptr(), input.len())
    };
    let given = || filled(|ptr, cap| unsafe { sys::result(ptr, cap) } as i32).unwrap_or_default();
    match status {
        -1 => Err(CallError::Failed(String::from_utf8(given()).unwrap_or_default())),
        -2 => Err(CallError::Unknown),
        -3 => Err(CallError::Running),
        -4 => Err(CallError::TooDeep),
        -5 => Err(CallError::Ordering),
        _ => Ok(given()),
    }
}

/// SHA-256.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut out = [0u8; 32];
    unsafe { sys::sha256(data.as_ptr(), data.len(), out.as_mut_ptr()) };
    out
}

/// Whether an Ed25519 signature holds.
pub fn ed25519_verify(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> bool {
    unsafe {
        sys::ed25519_verify(key.as_ptr(), signature.as_ptr(), message.as_ptr(), message.len()) == 1
    }
}

/// The compressed secp256k1 key that has signed a hash; `signature` is r, s and the recovery id 0 or 1.
pub fn secp256k1_recover(hash: &[u8; 32], signature: &[u8; 65]) -> Option<[u8; 33]> {
    let mut key = [0u8; 33];
    let found =
        unsafe { sys::secp256k1_recover(hash.as_ptr(), signature.as_ptr(), key.as_mut_ptr()) };
    if found == 1 {
        Some(key)
    } else {
        None
    }
}

/// Says something to the caller alone, in at most 4 KiB.
pub fn log(line: &str) {
    unsafe { sys::log(line.as_ptr(), line.len()) }
}

/// Appends a number in decimal: `format!` would make a module several times as large.
pub fn push_number(text: &mut String, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    for digit in &digits[at..] {
        text.push(*digit as char);
    }
}

/// Fills a buffer; asks a second time where the first was too small.
fn filled(ask: impl Fn(*mut u8, usize) -> i32) -> Option<Vec<u8>> {
    let mut buffer: Vec<u8> = Vec::with_capacity(256);
    let mut size = ask(buffer.as_mut_ptr(), 256);
    if size > 256 {
        buffer = Vec::with_capacity(size as usize);
        size = ask(buffer.as_mut_ptr(), size as usize);
    }
    if size < 0 {
        return None;
    }
    // SAFETY: the host has written `size` bytes, and the buffer has room for as many.
    unsafe { buffer.set_len(size as usize) };
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, failure};
    use std::format;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(failure(|| fail("no")), "no");
        assert_eq!(failure(|| fail(&"x".repeat(3000))), "x".repeat(1024));
        // Each takes two bytes, and the first byte shifts them: 1 + 2 * 511 = 1023.
        assert_eq!(failure(|| fail(&format!("x{}", "é".repeat(600)))), format!("x{}", "é".repeat(511)));
    }

    #[test]
    fn values_of_any_size_come_back() {
        testing::reset();
        for size in [0, 1, 255, 256, 257, 65536] {
            state_set(b"k", &vec![7; size]);
            assert_eq!(state_get(b"k"), Some(vec![7; size]));
        }
        state_remove(b"k");
        assert_eq!(state_get(b"k"), None);
    }

    #[test]
    fn a_scan_goes_on_where_its_page_ended() {
        testing::reset();
        let mut keys: Vec<Vec<u8>> =
            (0..1000u32).map(|at| [b"p/", &at.to_be_bytes()[..]].concat()).collect();
        for key in &keys {
            state_set(key, b"");
        }
        state_set(b"q", b"");
        keys.sort();
        let mut found: Vec<Vec<u8>> = Vec::new();
        loop {
            let page = state_scan(b"p/", found.last().map_or(&[][..], |last| &last[..]));
            if page.is_empty() {
                break;
            }
            assert!(page.len() < keys.len());
            found.extend(page);
        }
        assert_eq!(found, keys);
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 9, 10, 1_000_000, u64::MAX] {
            let mut text = String::from("n = ");
            push_number(&mut text, number);
            assert_eq!(text, format!("n = {number}"));
        }
    }
}
