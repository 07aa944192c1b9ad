//! The imports over a world in memory.

use crate::alloc::{string::String, vec::Vec};
use crate::borsh::Address;
use crate::env::Caller;
use crate::testing::{raise, with, Event};

unsafe fn bytes(ptr: *const u8, len: usize) -> Vec<u8> {
    if len == 0 {
        return Vec::new();
    }
    core::slice::from_raw_parts(ptr, len).to_vec()
}

unsafe fn text(ptr: *const u8, len: usize) -> String {
    String::from_utf8(bytes(ptr, len)).expect("text that is not UTF-8")
}

unsafe fn give(data: &[u8], ptr: *mut u8, cap: usize) {
    core::ptr::copy_nonoverlapping(data.as_ptr(), ptr, core::cmp::min(cap, data.len()));
}

/// Ends the test as a chain ends the call: at once, and not by the contract's own word.
fn require(holds: bool, told: &str) {
    if !holds {
        panic!("{}", told);
    }
}

fn require_change() {
    require(!with(|world| world.query), "a query changes, tells and draws nothing");
}

unsafe fn key(ptr: *const u8, len: usize) -> Vec<u8> {
    require(0 < len && len <= 256, "a key has 1 to 256 bytes");
    bytes(ptr, len)
}

unsafe fn event(tptr: *const u8, tlen: usize, dptr: *const u8, dlen: usize) -> Event {
    require_change();
    require(tlen <= 64, "a topic has at most 64 bytes");
    require(dlen <= 4096, "an event has at most 4096 bytes");
    Event { topic: text(tptr, tlen), data: bytes(dptr, dlen), recipient: None }
}

pub unsafe fn input(ptr: *mut u8, cap: usize) -> usize {
    let data = with(|world| world.input.clone());
    give(&data, ptr, cap);
    data.len()
}

pub unsafe fn output(ptr: *const u8, len: usize) {
    require(len <= 131072, "an output has at most 131072 bytes");
    let data = bytes(ptr, len);
    with(|world| world.output = data);
}

pub unsafe fn fail(ptr: *const u8, len: usize) {
    require(len <= 1024, "a reason has at most 1024 bytes");
    raise(text(ptr, len));
}

pub unsafe fn state_get(kptr: *const u8, klen: usize, vptr: *mut u8, cap: usize) -> i32 {
    let key = key(kptr, klen);
    match with(|world| world.state.get(&key).cloned()) {
        Some(value) => {
            give(&value, vptr, cap);
            value.len() as i32
        }
        None => -1,
    }
}

pub unsafe fn state_set(kptr: *const u8, klen: usize, vptr: *const u8, vlen: usize) {
    require_change();
    require(vlen <= 65536, "a value has at most 65536 bytes");
    let (key, value) = (key(kptr, klen), bytes(vptr, vlen));
    with(|world| {
        world.state.insert(key, value);
    });
}

pub unsafe fn state_remove(kptr: *const u8, klen: usize) {
    require_change();
    let key = key(kptr, klen);
    with(|world| {
        world.state.remove(&key);
    });
}

pub unsafe fn state_scan(
    pptr: *const u8,
    plen: usize,
    aptr: *const u8,
    alen: usize,
    optr: *mut u8,
    cap: usize,
) -> usize {
    let (prefix, after) = (bytes(pptr, plen), bytes(aptr, alen));
    let mut page: Vec<u8> = Vec::new();
    with(|world| {
        for key in world.state.keys().filter(|key| key.starts_with(&prefix) && **key > after) {
            if page.len() + 4 + key.len() > cap {
                break;
            }
            page.extend_from_slice(&(key.len() as u32).to_le_bytes());
            page.extend_from_slice(key);
        }
    });
    give(&page, optr, cap);
    page.len()
}

pub unsafe fn caller(ptr: *mut u8) -> i32 {
    let caller = with(|world| world.caller);
    give(&caller.address().0, ptr, 32);
    match caller {
        Caller::Client(_) => 0,
        Caller::Contract(_) => 1,
    }
}

pub unsafe fn address(ptr: *mut u8) {
    give(&with(|world| world.address).0, ptr, 32);
}

pub unsafe fn block_height() -> i64 {
    with(|world| world.height as i64)
}

pub unsafe fn block_time() -> i64 {
    with(|world| world.time_ms as i64)
}

pub unsafe fn random(ptr: *mut u8, len: usize) {
    require_change();
    require(len <= 1024, "at most 1024 random bytes at once");
    for at in 0..len {
        let drawn = with(|world| {
            world.drawn += 1;
            // SplitMix64 over a counter: repeatable, and different at each draw.
            let mut mixed = world.drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed ^ (mixed >> 27)
        });
        *ptr.add(at) = drawn as u8;
    }
}

pub unsafe fn emit(tptr: *const u8, tlen: usize, dptr: *const u8, dlen: usize) {
    let event = event(tptr, tlen, dptr, dlen);
    with(|world| world.events.push(event));
}

pub unsafe fn emit_sealed(
    rptr: *const u8,
    tptr: *const u8,
    tlen: usize,
    dptr: *const u8,
    dlen: usize,
) {
    let recipient = bytes(rptr, 32).try_into().ok();
    let event = Event { recipient, ..event(tptr, tlen, dptr, dlen) };
    with(|world| world.events.push(event));
}

pub unsafe fn call(
    aptr: *const u8,
    mptr: *const u8,
    mlen: usize,
    iptr: *const u8,
    ilen: usize,
) -> i32 {
    let mut name = [0u8; 32];
    name.copy_from_slice(&bytes(aptr, 32));
    let (method, given) = (text(mptr, mlen), bytes(iptr, ilen));
    if with(|world| world.address == Address(name)) {
        return -3;
    }
    // Taken out while it runs: a contract that waits cannot be entered.
    let other = match with(|world| world.others.get_mut(&Address(name)).map(Option::take)) {
        Some(Some(other)) => other,
        Some(None) => return -3,
        None => return -2,
    };
    let ended = other(&method, &given);
    with(|world| {
        world.others.insert(Address(name), Some(other));
        match ended {
            Ok(output) => {
                world.result = output;
                world.result.len() as i32
            }
            Err(reason) => {
                world.result = reason.into_bytes();
                -1
            }
        }
    })
}

pub unsafe fn result(ptr: *mut u8, cap: usize) -> usize {
    let data = with(|world| world.result.clone());
    give(&data, ptr, cap);
    data.len()
}

pub unsafe fn ed25519_verify(
    kptr: *const u8,
    sptr: *const u8,
    mptr: *const u8,
    mlen: usize,
) -> i32 {
    let known = (bytes(kptr, 32), bytes(sptr, 64), bytes(mptr, mlen));
    with(|world| world.signatures.contains(&known)) as i32
}

pub unsafe fn secp256k1_recover(hptr: *const u8, sptr: *const u8, out: *mut u8) -> i32 {
    let known = (bytes(hptr, 32), bytes(sptr, 65));
    match with(|world| world.recovered.get(&known).copied()) {
        Some(key) => {
            give(&key, out, 33);
            1
        }
        None => 0,
    }
}

pub unsafe fn log(ptr: *const u8, len: usize) {
    require(len <= 4096, "a line has at most 4096 bytes");
    let line = text(ptr, len);
    with(|world| world.logs.push(line));
}

const ROUNDS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// SHA-256 (FIPS 180-4), for tests alone.
pub unsafe fn sha256(ptr: *const u8, len: usize, out: *mut u8) {
    let mut message = bytes(ptr, len);
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&(len as u64 * 8).to_be_bytes());
    let mut hash: [u32; 8] = [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
        0x5be0cd19,
    ];
    for chunk in message.chunks(64) {
        let mut w = [0u32; 64];
        for (at, word) in chunk.chunks(4).enumerate() {
            w[at] = u32::from_be_bytes([word[0], word[1], word[2], word[3]]);
        }
        for at in 16..64 {
            let a = w[at - 15];
            let b = w[at - 2];
            let low = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
            let high = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
            w[at] = w[at - 16].wrapping_add(low).wrapping_add(w[at - 7]).wrapping_add(high);
        }
        let mut v = hash;
        for at in 0..64 {
            let s1 = v[4].rotate_right(6) ^ v[4].rotate_right(11) ^ v[4].rotate_right(25);
            let choice = (v[4] & v[5]) ^ (!v[4] & v[6]);
            let one = v[7]
                .wrapping_add(s1)
                .wrapping_add(choice)
                .wrapping_add(ROUNDS[at])
                .wrapping_add(w[at]);
            let s0 = v[0].rotate_right(2) ^ v[0].rotate_right(13) ^ v[0].rotate_right(22);
            let two = s0.wrapping_add((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            v = [one.wrapping_add(two), v[0], v[1], v[2], v[3].wrapping_add(one), v[4], v[5], v[6]];
        }
        for at in 0..8 {
            hash[at] = hash[at].wrapping_add(v[at]);
        }
    }
    for (at, word) in hash.iter().enumerate() {
        give(&word.to_be_bytes(), out.add(4 * at), 4);
    }
}
