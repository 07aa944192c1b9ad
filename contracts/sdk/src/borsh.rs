//! Borsh (borsh.io), as far as contract interfaces use it.

use crate::alloc::{string::String, vec::Vec};

/// Thirty-two bytes that name a client or a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(pub [u8; 32]);

/// A byte string; `bytes` in an interface description.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

/// What has an encoding.
pub trait Encode {
    /// Appends the encoding.
    fn encode_to(&self, out: &mut Vec<u8>);

    /// Returns the encoding.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_to(&mut out);
        out
    }
}

/// What can be read back; `None` for what is no encoding.
pub trait Decode: Sized {
    /// Reads a value and moves `from` behind it.
    fn decode_from(from: &mut &[u8]) -> Option<Self>;

    /// Reads a value that is all there is.
    fn decode(mut from: &[u8]) -> Option<Self> {
        let value = Self::decode_from(&mut from)?;
        if from.is_empty() {
            Some(value)
        } else {
            None
        }
    }
}

/// Takes bytes from the front.
pub fn take<'a>(from: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    if from.len() < size {
        return None;
    }
    let (taken, rest) = from.split_at(size);
    *from = rest;
    Some(taken)
}

macro_rules! integer {
    ($($kind:ty),*) => {$(
        impl Encode for $kind {
            fn encode_to(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }

        impl Decode for $kind {
            fn decode_from(from: &mut &[u8]) -> Option<Self> {
                let part = take(from, core::mem::size_of::<$kind>())?;
                part.try_into().ok().map(<$kind>::from_le_bytes)
            }
        }
    )*};
}

integer!(u8, u16, u32, u64, u128, i64);

impl Encode for bool {
    fn encode_to(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }
}

impl Decode for bool {
    fn decode_from(from: &mut &[u8]) -> Option<Self> {
        match take(from, 1)?[0] {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Encode for Address {
    fn encode_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Decode for Address {
    fn decode_from(from: &mut &[u8]) -> Option<Self> {
        take(from, 32)?.try_into().ok().map(Address)
    }
}

impl Encode for Bytes {
    fn encode_to(&self, out: &mut Vec<u8>) {
        (self.0.len() as u32).encode_to(out);
        out.extend_from_slice(&self.0);
    }
}

impl Decode for Bytes {
    fn decode_from(from: &mut &[u8]) -> Option<Self> {
        let size = u32::decode_from(from)? as usize;
        Some(Bytes(take(from, size)?.to_vec()))
    }
}

impl Encode for String {
    fn encode_to(&self, out: &mut Vec<u8>) {
        (self.len() as u32).encode_to(out);
        out.extend_from_slice(self.as_bytes());
    }
}

impl Decode for String {
    fn decode_from(from: &mut &[u8]) -> Option<Self> {
        String::from_utf8(Bytes::decode_from(from)?.0).ok()
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode_to(&self, out: &mut Vec<u8>) {
        (self.len() as u32).encode_to(out);
        for item in self {
            item.encode_to(out);
        }
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode_from(from: &mut &[u8]) -> Option<Self> {
        let count = u32::decode_from(from)? as usize;
        // Room for what can be there at most: the count is a stranger's.
        let mut items = Vec::with_capacity(core::cmp::min(count, from.len()));
        for _ in 0..count {
            if from.is_empty() {
                return None;
            }
            items.push(T::decode_from(from)?);
        }
        Some(items)
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode_to(&self, out: &mut Vec<u8>) {
        self.is_some().encode_to(out);
        if let Some(value) = self {
            value.encode_to(out);
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode_from(from: &mut &[u8]) -> Option<Self> {
        if bool::decode_from(from)? {
            T::decode_from(from).map(Some)
        } else {
            Some(None)
        }
    }
}

impl Encode for () {
    fn encode_to(&self, _: &mut Vec<u8>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;
    use std::vec;

    crate::record! {
        pub struct Pair {
            one: u16,
            many: Vec<u8>,
            maybe: Option<String>,
        }
    }

    fn is<T: Encode + Decode + PartialEq + Debug>(value: T, bytes: &[u8]) {
        assert_eq!(value.encode(), bytes);
        assert_eq!(T::decode(bytes), Some(value));
        // Nothing may be missing, and nothing follow.
        for end in 0..bytes.len() {
            assert_eq!(T::decode(&bytes[..end]), None);
        }
        assert_eq!(T::decode(&[bytes, &[0]].concat()), None);
    }

    #[test]
    fn each_type_has_its_encoding_and_no_other() {
        is(255u8, &[255]);
        is(0x0102u16, &[2, 1]);
        is(0x01020304u32, &[4, 3, 2, 1]);
        is(1u64 << 56, &[0, 0, 0, 0, 0, 0, 0, 1]);
        is(1u128 << 120, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        is(-2i64, &[254, 255, 255, 255, 255, 255, 255, 255]);
        is(true, &[1]);
        is(Address([9; 32]), &[9; 32]);
        is(Bytes(vec![1, 2]), &[2, 0, 0, 0, 1, 2]);
        is(String::from("é"), &[2, 0, 0, 0, 0xC3, 0xA9]);
        is(vec![1u16, 2], &[2, 0, 0, 0, 1, 0, 2, 0]);
        is(Some(7u8), &[1, 7]);
        is(None::<u8>, &[0]);
        is(
            Pair { one: 1, many: vec![2], maybe: Some("x".into()) },
            &[1, 0, 1, 0, 0, 0, 2, 1, 1, 0, 0, 0, b'x'],
        );
    }

    #[test]
    fn what_is_no_encoding_is_refused() {
        assert_eq!(bool::decode(&[2]), None);
        assert_eq!(Option::<u8>::decode(&[2, 0]), None);
        assert_eq!(String::decode(&[1, 0, 0, 0, 0xFF]), None);
        assert_eq!(Bytes::decode(&[255, 255, 255, 255, 1]), None);
        // A count of four thousand million, and two items.
        assert_eq!(Vec::<u64>::decode(&[&[255; 4][..], &[0; 16]].concat()), None);
    }
}
