//! A sealed-bid auction at the second price: nobody sees a bid before the end, and a losing bid never.
//!
//! The highest bidder wins and pays the second highest bid. Of two equal bids the earlier wins. Until the end anybody
//! may change a bid of their own; afterwards anybody may close the auction, once.

#![cfg_attr(target_arch = "wasm32", no_std)]

use adyton_contract::prelude::*;

record! {
    pub struct Terms {
        seller: Address,
        item: String,
        ends_ms: u64,
        reserve: u64,
    }
}

record! {
    pub struct Bid {
        amount: u64,
        place: u64,
    }
}

record! {
    /// What becomes public: the winner and the price, no bid.
    pub struct Outcome {
        winner: Option<Address>,
        price: u64,
    }
}

const TERMS: Item<Terms> = Item::new(b"terms");
const PLACES: Item<u64> = Item::new(b"places");
const OUTCOME: Item<Outcome> = Item::new(b"outcome");
const BIDS: Map<Address, Bid> = Map::new(b"bid/");

contract! {
    name "auction", about "Sealed bids at the second price",
        types [Terms, Bid, Outcome],
        events [closed: Outcome];
    init init(item: String, ends_ms: u64, reserve: u64) about "Begin; the deployer is the seller";
    call bid(amount: u64) about "Bid, or change a bid of mine";
    call close() -> Outcome about "End the auction; possible once its time is over";
    query terms() -> Terms about "What is sold, by whom, until when";
    query mine() -> Option<Bid> about "My own bid";
    query outcome() -> Option<Outcome> about "Winner and price, once it is closed";
}

fn init(item: String, ends_ms: u64, reserve: u64) {
    env::require(ends_ms > env::block_time_ms(), "the auction would be over already");
    TERMS.set(&Terms { seller: env::caller().address(), item, ends_ms, reserve });
}

fn bid(amount: u64) {
    let terms = terms();
    let bidder = env::caller().address();
    env::require(env::block_time_ms() < terms.ends_ms, "the auction is over");
    env::require(bidder != terms.seller, "the seller cannot bid");
    env::require(amount >= terms.reserve, "the bid is below the reserve");
    let place = PLACES.get().unwrap_or(0);
    PLACES.set(&(place + 1));
    BIDS.set(&bidder, &Bid { amount, place });
}

fn close() -> Outcome {
    let terms = terms();
    env::require(env::block_time_ms() >= terms.ends_ms, "the auction is not over yet");
    env::require(OUTCOME.get().is_none(), "the auction is closed");
    let mut best: Option<(Address, Bid)> = None;
    let mut price = terms.reserve;
    for bidder in BIDS.keys() {
        let bid = BIDS.get(&bidder).or_fail("a bid is lost");
        let ahead = match &best {
            None => true,
            Some((_, held)) => {
                bid.amount > held.amount || (bid.amount == held.amount && bid.place < held.place)
            }
        };
        if ahead {
            if let Some((_, held)) = &best {
                price = held.amount;
            }
            best = Some((bidder, bid));
        } else if bid.amount > price {
            price = bid.amount;
        }
    }
    let outcome = Outcome {
        price: if best.is_some() { price } else { 0 },
        winner: best.map(|(bidder, _)| bidder),
    };
    OUTCOME.set(&outcome);
    env::emit("closed", &outcome.encode());
    outcome
}

fn terms() -> Terms {
    TERMS.get().or_fail("the auction was not begun")
}

fn mine() -> Option<Bid> {
    BIDS.get(&env::caller().address())
}

fn outcome() -> Option<Outcome> {
    OUTCOME.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use adyton_contract::testing::{self, client, failure, set_block, set_caller};

    const ENDS: u64 = 1_800_000_100_000;

    fn begin() {
        testing::reset();
        set_caller(client(1));
        init("a painting".into(), ENDS, 10);
    }

    fn bid_as(number: u8, amount: u64) {
        set_caller(client(number));
        bid(amount);
    }

    #[test]
    fn the_highest_bid_wins_at_the_second_price() {
        for order in [[20, 50, 30], [50, 30, 20], [20, 30, 50]] {
            begin();
            for (at, amount) in order.iter().enumerate() {
                bid_as(2 + at as u8, *amount);
            }
            set_block(9, ENDS);
            let highest = order.iter().position(|amount| *amount == 50).unwrap() as u8;
            let expected = Outcome { winner: Some(client(2 + highest).address()), price: 30 };
            assert_eq!(close(), expected);
            assert_eq!(outcome(), Some(expected.clone()));
            let events = testing::events();
            assert_eq!(events.len(), 1);
            assert_eq!(events[0].data, expected.encode());
            assert_eq!(failure(|| { close(); }), "the auction is closed");
        }
    }

    #[test]
    fn of_equal_bids_the_earlier_wins() {
        begin();
        bid_as(9, 40);
        bid_as(2, 40);
        set_block(9, ENDS);
        assert_eq!(close(), Outcome { winner: Some(client(9).address()), price: 40 });
    }

    #[test]
    fn one_bid_pays_the_reserve_and_no_bid_nothing() {
        begin();
        bid_as(2, 99);
        set_block(9, ENDS);
        assert_eq!(close(), Outcome { winner: Some(client(2).address()), price: 10 });
        begin();
        set_block(9, ENDS);
        assert_eq!(close(), Outcome { winner: None, price: 0 });
    }

    #[test]
    fn a_bid_can_be_changed_and_is_ones_own() {
        begin();
        bid_as(2, 20);
        bid_as(2, 15);
        assert_eq!(mine().map(|bid| bid.amount), Some(15));
        set_caller(client(3));
        assert_eq!(mine(), None);
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        begin();
        assert_eq!(failure(|| bid(20)), "the seller cannot bid");
        set_caller(client(2));
        assert_eq!(failure(|| bid(9)), "the bid is below the reserve");
        assert_eq!(failure(|| { close(); }), "the auction is not over yet");
        set_block(9, ENDS);
        assert_eq!(failure(|| bid(20)), "the auction is over");
    }
}
