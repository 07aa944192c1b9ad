//! Typed places in a contract's state.

use crate::alloc::{borrow::ToOwned, vec::Vec};
use crate::borsh::{Decode, Encode};
use crate::env;
use core::marker::PhantomData;

/// One value under one key.
pub struct Item<T> {
    key: &'static [u8],
    kind: PhantomData<T>,
}

impl<T: Encode + Decode> Item<T> {
    /// Name the place; two places of one contract must not share a key, nor may it begin with a map's prefix.
    pub const fn new(key: &'static [u8]) -> Self {
        Item { key, kind: PhantomData }
    }

    /// Return the value, if there is one.
    pub fn get(&self) -> Option<T> {
        read(self.key)
    }

    /// Write the value.
    pub fn set(&self, value: &T) {
        env::state_set(self.key, &value.encode())
    }

    /// Remove the value.
    pub fn remove(&self) {
        env::state_remove(self.key)
    }
}

/// Values by key, under a common prefix.
pub struct Map<K, V> {
    prefix: &'static [u8],
    kinds: PhantomData<(K, V)>,
}

impl<K: Encode + Decode, V: Encode + Decode> Map<K, V> {
    /// Name the place; no prefix of one contract may begin with another.
    pub const fn new(prefix: &'static [u8]) -> Self {
        Map { prefix, kinds: PhantomData }
    }

    /// Return a value, if there is one.
    pub fn get(&self, key: &K) -> Option<V> {
        read(&self.place(key))
    }

    /// Write a value.
    pub fn set(&self, key: &K, value: &V) {
        env::state_set(&self.place(key), &value.encode())
    }

    /// Remove a value.
    pub fn remove(&self, key: &K) {
        env::state_remove(&self.place(key))
    }

    /// Go through all keys, in the order of their encodings; entries may be changed on the way.
    pub fn keys(&self) -> Keys<K> {
        Keys {
            prefix: self.prefix,
            page: Vec::new(),
            at: 0,
            last: Vec::new(),
            kind: PhantomData,
        }
    }

    fn place(&self, key: &K) -> Vec<u8> {
        let mut place = self.prefix.to_owned();
        key.encode_to(&mut place);
        place
    }
}

/// The keys of a map.
pub struct Keys<K> {
    prefix: &'static [u8],
    page: Vec<Vec<u8>>,
    at: usize,
    last: Vec<u8>,
    kind: PhantomData<K>,
}

impl<K: Decode> Iterator for Keys<K> {
    type Item = K;

    fn next(&mut self) -> Option<K> {
        if self.at == self.page.len() {
            self.page = env::state_scan(self.prefix, &self.last);
            self.at = 0;
            self.last = self.page.last()?.clone();
        }
        let key = &self.page[self.at][self.prefix.len()..];
        self.at += 1;
        match K::decode(key) {
            Some(key) => Some(key),
            None => env::fail("a key of another map is under this map's prefix"),
        }
    }
}

fn read<T: Decode>(key: &[u8]) -> Option<T> {
    let stored = env::state_get(key)?;
    match T::decode(&stored) {
        Some(value) => Some(value),
        None => env::fail("a stored value is of another type"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::string::String;
    use crate::testing::{self, failure};

    const ONE: Item<u64> = Item::new(b"one");
    const NAMED: Map<String, u32> = Map::new(b"named/");
    const NUMBERED: Map<u16, u32> = Map::new(b"numbered/");

    #[test]
    fn an_item_is_kept_until_it_is_removed() {
        testing::reset();
        assert_eq!(ONE.get(), None);
        ONE.set(&5);
        ONE.set(&6);
        assert_eq!(ONE.get(), Some(6));
        ONE.remove();
        assert_eq!(ONE.get(), None);
    }

    #[test]
    fn a_map_gives_all_its_keys_and_no_others() {
        testing::reset();
        assert_eq!(NUMBERED.keys().count(), 0);
        for key in 0..700u16 {
            NUMBERED.set(&key, &(key as u32));
        }
        NAMED.set(&"a".into(), &1);
        let mut keys: Vec<u16> = NUMBERED.keys().collect();
        keys.sort_unstable();
        assert_eq!(keys, (0..700).collect::<Vec<u16>>());
        assert_eq!(NAMED.keys().collect::<Vec<String>>(), ["a"]);
        assert_eq!((NUMBERED.get(&699), NUMBERED.get(&700)), (Some(699), None));
    }

    #[test]
    fn entries_may_be_changed_on_the_way() {
        testing::reset();
        for key in 0..700u16 {
            NUMBERED.set(&key, &0);
        }
        let mut seen = 0;
        for key in NUMBERED.keys() {
            NUMBERED.remove(&key);
            seen += 1;
        }
        assert_eq!((seen, NUMBERED.keys().count()), (700, 0));
    }

    #[test]
    fn what_is_of_another_type_is_not_taken_for_it() {
        testing::reset();
        env::state_set(b"one", b"four");
        assert_eq!(failure(|| { ONE.get(); }), "a stored value is of another type");
        env::state_set(b"numbered/xyz", b"");
        let told = failure(|| { NUMBERED.keys().count(); });
        assert_eq!(told, "a key of another map is under this map's prefix");
    }
}
