//! Finding the links that would close a circle.

use std::convert::Infallible;

use tickety_core::graph;

/// Says which of the `new` edges to leave out so that they close no circle, with the `fixed` ones
/// or among themselves. Of a circle that goes, the last of its new edges in their order goes.
///
/// One pass over everything settles the common case. Only the nodes that lie on or between
/// circles are looked at again: they are kept in an order in which every edge leads forward, and an edge that
/// can't be put into it closes a circle.
pub(super) fn closing(nodes: usize, fixed: &[(usize, usize)], new: &[(usize, usize)]) -> Vec<bool> {
    put_in_order(nodes, fixed, new).0
}

/// Does that, and counts the nodes that were looked at to keep the order.
fn put_in_order(nodes: usize, fixed: &[(usize, usize)], new: &[(usize, usize)]) -> (Vec<bool>, usize) {
    let mut closes = vec![false; new.len()];
    let core = core(nodes, fixed, new);
    if !core.contains(&true) {
        return (closes, 0);
    }
    let inside = |&&(from, to): &&(usize, usize)| core[from] && core[to];
    // What was in a circle before is one node: a way into it is a way to all of it.
    let mut next = vec![Vec::new(); nodes];
    for &(from, to) in fixed.iter().filter(inside) {
        next[from].push(to);
    }
    let Ok(of) = graph::components(0..nodes, |node| Ok::<_, Infallible>(next[node].clone()));
    let joined = |&(from, to): &(usize, usize)| (of[&from], of[&to]);
    let fixed: Vec<_> = fixed.iter().filter(inside).map(joined).filter(|(from, to)| from != to).collect();
    let all: Vec<_> = fixed.iter().copied().chain(new.iter().filter(inside).map(joined)).collect();
    let mut order = Order::new(nodes, &all);
    for (from, to) in fixed {
        order.add(from, to);
    }
    for (place, edge) in new.iter().enumerate().filter(|(_, edge)| inside(edge)) {
        let (from, to) = joined(edge);
        closes[place] = from == to || !order.add(from, to);
    }
    (closes, order.visited)
}

/// Nodes in an order in which every edge leads forward (Pearce and Kelly 2006).
struct Order {
    places: Vec<usize>,
    next: Vec<Vec<usize>>,
    before: Vec<Vec<usize>>,
    seen: Vec<bool>,
    visited: usize,
}

impl Order {
    /// Begins with an order that most of `edges` lead forward in: against that of leaving the nodes on a
    /// walk depth first. None of them is there yet.
    fn new(nodes: usize, edges: &[(usize, usize)]) -> Self {
        let mut next = vec![Vec::new(); nodes];
        for &(from, to) in edges {
            next[from].push(to);
        }
        let mut places = vec![0; nodes];
        let mut entered = vec![false; nodes];
        let mut free = nodes;
        for start in 0..nodes {
            let mut walk = vec![(start, 0)];
            if std::mem::replace(&mut entered[start], true) {
                continue;
            }
            while let Some((node, done)) = walk.last_mut() {
                match next[*node].get(*done) {
                    Some(&to) => {
                        *done += 1;
                        if !std::mem::replace(&mut entered[to], true) {
                            walk.push((to, 0));
                        }
                    }
                    None => {
                        free -= 1;
                        places[*node] = free;
                        walk.pop();
                    }
                }
            }
        }
        let none = vec![Vec::new(); nodes];
        Self { places, next: none.clone(), before: none, seen: vec![false; nodes], visited: 0 }
    }

    /// Adds an edge; false, and nothing is added, if it closes a circle.
    fn add(&mut self, from: usize, to: usize) -> bool {
        if from == to {
            return false;
        }
        if self.places[from] > self.places[to] {
            // Only what lies between the two can be in the way.
            let range = self.places[to]..=self.places[from];
            let behind = reached(to, &self.next, &self.places, &range, &mut self.seen);
            self.visited += behind.len();
            if behind.contains(&from) {
                return false;
            }
            let ahead = reached(from, &self.before, &self.places, &range, &mut self.seen);
            self.visited += ahead.len();
            let mut places: Vec<usize> = ahead.iter().chain(&behind).map(|node| self.places[*node]).collect();
            places.sort_unstable();
            let mut moved = [ahead, behind];
            for nodes in &mut moved {
                nodes.sort_unstable_by_key(|node| self.places[*node]);
            }
            for (node, place) in moved.into_iter().flatten().zip(places) {
                self.places[node] = place;
            }
        }
        self.next[from].push(to);
        self.before[to].push(from);
        true
    }
}

/// Returns what can be reached from a node within a range of places; without recursion, because a chain may be
/// as long as the input. `seen` is left as it was, all false.
fn reached(
    start: usize,
    next: &[Vec<usize>],
    places: &[usize],
    range: &std::ops::RangeInclusive<usize>,
    seen: &mut [bool],
) -> Vec<usize> {
    seen[start] = true;
    let mut found = vec![start];
    let mut done = 0;
    while let Some(&node) = found.get(done) {
        done += 1;
        for &to in &next[node] {
            if range.contains(&places[to]) && !std::mem::replace(&mut seen[to], true) {
                found.push(to);
            }
        }
    }
    for &node in &found {
        seen[node] = false;
    }
    found
}

/// Marks the nodes that are left when those without a way in, and those without a way out, are taken
/// away again and again: every circle, and what lies between circles.
fn core(nodes: usize, fixed: &[(usize, usize)], new: &[(usize, usize)]) -> Vec<bool> {
    let mut alive = vec![true; nodes];
    for forward in [true, false] {
        let mut degree = vec![0_usize; nodes];
        let mut next: Vec<Vec<usize>> = vec![Vec::new(); nodes];
        for &(from, to) in fixed.iter().chain(new) {
            let (from, to) = if forward { (from, to) } else { (to, from) };
            if alive[from] && alive[to] {
                degree[to] += 1;
                next[from].push(to);
            }
        }
        let mut free: Vec<usize> = (0..nodes).filter(|node| alive[*node] && degree[*node] == 0).collect();
        while let Some(node) = free.pop() {
            alive[node] = false;
            for &to in &next[node] {
                degree[to] -= 1;
                if degree[to] == 0 {
                    free.push(to);
                }
            }
        }
    }
    alive
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_edge_of_a_circle_goes() {
        assert_eq!(closing(3, &[], &[(0, 1), (1, 2), (2, 0)]), [false, false, true]);
        assert_eq!(closing(3, &[(2, 0)], &[(0, 1), (1, 2)]), [false, true]);
        assert_eq!(closing(2, &[], &[(0, 0), (0, 1)]), [true, false]);
    }

    #[test]
    fn a_circle_that_was_there_takes_nothing_with_it() {
        assert_eq!(closing(4, &[(0, 1), (1, 0)], &[(2, 0), (1, 3), (3, 2)]), [false, false, true]);
    }

    #[test]
    fn a_long_circle_is_settled_in_few_steps_whatever_its_order() {
        const NODES: usize = 20_000;
        let circle: Vec<_> = (0..NODES).map(|node| (node, (node + 1) % NODES)).collect();
        let reversed: Vec<_> = circle.iter().rev().copied().collect();
        // As good as shuffled: 7919 and the number of nodes have no common divisor.
        let mixed: Vec<_> = (0..NODES).map(|place| circle[place * 7_919 % NODES]).collect();
        for edges in [circle, reversed, mixed] {
            let (closes, visited) = put_in_order(NODES, &[], &edges);
            assert_eq!(closes.iter().position(|closes| *closes), Some(NODES - 1));
            assert!(visited <= 4 * NODES, "{visited}");
        }
    }

    #[test]
    fn a_long_chain_is_no_circle() {
        let chain: Vec<_> = (0..50_000).map(|node| (node, node + 1)).collect();
        assert!(!closing(50_001, &[], &chain).contains(&true));
    }

    proptest! {
        #[test]
        fn an_edge_goes_if_there_is_a_way_back_without_it(
            fixed in proptest::collection::vec((0_usize..10, 0_usize..10), 0..12),
            new in proptest::collection::vec((0_usize..10, 0_usize..10), 0..40),
        ) {
            let mut next = vec![Vec::new(); 10];
            for &(from, to) in &fixed {
                next[from].push(to);
            }
            for (&(from, to), closes) in new.iter().zip(closing(10, &fixed, &new)) {
                let Ok(back) = graph::path(to, from, |node| Ok::<_, Infallible>(next[node].clone()));
                prop_assert_eq!(closes, back.is_some(), "{} -> {}", from, to);
                if !closes {
                    next[from].push(to);
                }
            }
        }

        #[test]
        fn what_stays_has_no_circle_and_what_goes_would_close_one(
            edges in proptest::collection::vec((0_usize..12, 0_usize..12), 0..40)
        ) {
            let closes = closing(12, &[], &edges);
            let kept: Vec<_> = edges.iter().zip(&closes).filter(|(_, closes)| !**closes).map(|(edge, _)| *edge).collect();
            prop_assert!(!core(12, &kept, &[]).contains(&true));
            let mut next = vec![Vec::new(); 12];
            for &(from, to) in &kept {
                next[from].push(to);
            }
            for (&(from, to), closes) in edges.iter().zip(&closes) {
                if *closes {
                    let Ok(path) = graph::path(to, from, |node| Ok::<_, Infallible>(next[node].clone()));
                    prop_assert!(path.is_some());
                }
            }
        }
    }
}
