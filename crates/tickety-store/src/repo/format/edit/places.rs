//! Where in a list something stands, found without going through the list for each.

use std::collections::BTreeMap;
use std::ops::Bound;

/// The places of the items of a list; of several alike, that of the last.
#[derive(Debug)]
pub(super) struct Places<'a, T: ?Sized>(BTreeMap<&'a T, usize>);

impl<'a, T: Ord + ?Sized> Places<'a, T> {
    /// Notes the places of items.
    pub(super) fn of(items: impl IntoIterator<Item = &'a T>) -> Self {
        Self(items.into_iter().enumerate().map(|(place, item)| (item, place)).collect())
    }

    /// Returns the place of an item.
    pub(super) fn get(&self, item: &T) -> Option<usize> {
        self.0.get(item).copied()
    }

    /// Returns the place of the greatest item that is less than the given one.
    pub(super) fn before(&self, item: &T) -> Option<usize> {
        self.0.range::<T, _>((Bound::Unbounded, Bound::Excluded(item))).next_back().map(|(_, &place)| place)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::cmp::Ordering;

    use super::*;

    thread_local! {
        static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    #[derive(PartialEq, Eq)]
    struct Counted(usize);

    impl Ord for Counted {
        fn cmp(&self, other: &Self) -> Ordering {
            COMPARED.set(COMPARED.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Counted {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    #[test]
    fn looking_all_items_up_takes_few_comparisons() {
        let items: Vec<Counted> = (0..20_000).map(|item| Counted(item * 7_919 % 20_011)).collect();
        let places = Places::of(&items);
        for (place, item) in items.iter().enumerate() {
            assert_eq!(places.get(item), Some(place));
            assert_ne!(places.before(item), Some(place));
        }
        assert!(COMPARED.get() < 200 * items.len(), "{} comparisons", COMPARED.get());
    }

    #[test]
    fn the_last_of_several_counts() {
        let places = Places::of(["b", "d", "b"]);
        assert_eq!((places.get("b"), places.get("c"), places.get("d")), (Some(2), None, Some(1)));
        assert_eq!((places.before("b"), places.before("c"), places.before("z")), (None, Some(2), Some(1)));
    }
}
