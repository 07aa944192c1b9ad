//! Macros that export methods and describe them.

/// Length of the parts together.
pub const fn total(parts: &[&str]) -> usize {
    let mut sum = 0;
    let mut at = 0;
    while at < parts.len() {
        sum += parts[at].len();
        at += 1;
    }
    sum
}

/// The parts, one after another, as bytes.
pub const fn join<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut out = [0u8; N];
    let mut written = 0;
    let mut part = 0;
    while part < parts.len() {
        let bytes = parts[part].as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            out[written] = bytes[at];
            written += 1;
            at += 1;
        }
        part += 1;
    }
    out
}

/// A type's name in an interface description.
#[doc(hidden)]
#[macro_export]
macro_rules! type_name {
    (String) => { "string" };
    (Bytes) => { "bytes" };
    (Address) => { "address" };
    (Vec $inner:ident) => { concat!("list<", $crate::type_name!($inner), ">") };
    (Option $inner:ident) => { concat!("option<", $crate::type_name!($inner), ">") };
    ($plain:ident) => { stringify!($plain) };
}

/// Fields as the description has them: ` name:type`, one after another.
#[doc(hidden)]
#[macro_export]
macro_rules! field_names {
    ($($name:ident : $kind:ident $($inner:ident)?),*) => {
        concat!($(" ", stringify!($name), ":", $crate::type_name!($kind $($inner)?)),*)
    };
}

/// A struct with an encoding: `record! { pub struct Bid { bidder: Address, amount: u64 } }`.
#[macro_export]
macro_rules! record {
    ($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$about:meta])* $field:ident : $kind:ident $(<$inner:ident>)?),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$about])* pub $field: $kind $(<$inner>)?),*
        }

        impl $name {
            /// Its fields, for the interface description.
            #[allow(dead_code)]
            pub const FIELDS: &'static str =
                $crate::field_names!($($field : $kind $($inner)?),*);
        }

        impl $crate::borsh::Encode for $name {
            fn encode_to(&self, out: &mut $crate::alloc::vec::Vec<u8>) {
                $($crate::borsh::Encode::encode_to(&self.$field, out);)*
            }
        }

        impl $crate::borsh::Decode for $name {
            fn decode_from(from: &mut &[u8]) -> Option<Self> {
                Some($name { $($field: $crate::borsh::Decode::decode_from(from)?),* })
            }
        }
    };
}

/// Exports methods and the interface description:
///
/// ```ignore
/// contract! {
///     name "auction", about "Sealed bids", types [Bid, Outcome], events [closed: Outcome];
///     init init(seller: Address, ends_ms: u64);
///     call bid(amount: u64) -> bool about "Bid, or change a bid";
///     query outcome() -> Outcome;
/// }
/// ```
///
/// Each method is a function of that name in the same module. A type is a name with at most one type inside:
/// `Vec<Bid>`, `Option<u64>`.
#[macro_export]
macro_rules! contract {
    (
        name $name:literal, about $about:literal
        $(, types [ $($type:ident),+ ])?
        $(, events [ $($topic:ident : $told:ident $(<$told_inner:ident>)?),+ ])? ;
        $($kind:ident $method:ident ( $($argument:ident : $taken:ident $(<$taken_inner:ident>)?),* $(,)? )
            $(-> $given:ident $(<$given_inner:ident>)?)? $(about $says:literal)? ;)*
    ) => {
        $($crate::entry!($kind $method ( $($argument : $taken $(<$taken_inner>)?),* ));)*

        #[doc(hidden)]
        const INTERFACE: &[&str] = &[
            concat!("adyton-interface 1\nname ", $name, "\nabout ", $about, "\n"),
            $($(concat!("type ", stringify!($type)), $type::FIELDS, "\n",)+)?
            $($(concat!("event ", stringify!($topic), " ",
                $crate::type_name!($told $($told_inner)?), "\n"),)+)?
            $(
                concat!(
                    $crate::kind_name!($kind $method),
                    $crate::field_names!($($argument : $taken $($taken_inner)?),*)
                    $(, " -> ", $crate::type_name!($given $($given_inner)?))?
                    $(, " ; ", $says)?,
                    "\n"
                ),
            )*
        ];

        #[cfg_attr(target_arch = "wasm32", link_section = "adyton_interface")]
        #[used]
        #[doc(hidden)]
        pub static INTERFACE_DESCRIPTION: [u8; $crate::total(INTERFACE)] = $crate::join(INTERFACE);
    };
}

/// What a line of the description begins with.
#[doc(hidden)]
#[macro_export]
macro_rules! kind_name {
    (init $method:ident) => { "init" };
    (migrate $method:ident) => { "migrate" };
    ($kind:ident $method:ident) => { concat!(stringify!($kind), " ", stringify!($method)) };
}

/// One exported entry point.
#[doc(hidden)]
#[macro_export]
macro_rules! entry {
    (init $method:ident $arguments:tt) => { $crate::entry!(@ "init", $method $arguments); };
    (migrate $method:ident $arguments:tt) => { $crate::entry!(@ "migrate", $method $arguments); };
    (call $method:ident $arguments:tt) => {
        $crate::entry!(@ concat!("call:", stringify!($method)), $method $arguments);
    };
    (query $method:ident $arguments:tt) => {
        $crate::entry!(@ concat!("query:", stringify!($method)), $method $arguments);
    };
    (@ $export:expr, $method:ident ( $($argument:ident : $taken:ident $(<$inner:ident>)?),* )) => {
        const _: () = {
            #[allow(dead_code)]
            #[cfg_attr(target_arch = "wasm32", export_name = $export)]
            pub extern "C" fn entry() {
                let given = $crate::env::input();
                #[allow(unused_mut)]
                let mut rest: &[u8] = &given;
                $(
                    let $argument: $taken $(<$inner>)? = $crate::env::OrFail::or_fail(
                        $crate::borsh::Decode::decode_from(&mut rest),
                        concat!("the input has no ", stringify!($argument)),
                    );
                )*
                $crate::env::require(rest.is_empty(), "the input has more than the method takes");
                let value = self::$method($($argument),*);
                $crate::env::output(&$crate::borsh::Encode::encode(&value));
            }
        };
    };
}
