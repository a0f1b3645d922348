//! Finding the links that would close a circle.

/// Says which of the `new` edges to leave out so that they close no circle, with the `fixed` ones
/// or among themselves. Of a circle that goes, the last of its new edges in their order goes.
///
/// One pass over everything settles the common case. Only the nodes that lie on or between
/// circles are looked at again, edge by edge.
pub(super) fn closing(nodes: usize, fixed: &[(usize, usize)], new: &[(usize, usize)]) -> Vec<bool> {
    let mut closes = vec![false; new.len()];
    let core = core(nodes, fixed, new);
    if !core.contains(&true) {
        return closes;
    }
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let inside = |&(from, to): &(usize, usize)| core[from] && core[to];
    for &(from, to) in fixed.iter().filter(|edge| inside(edge)) {
        next[from].push(to);
    }
    let mut seen = vec![usize::MAX; nodes];
    for (place, &(from, to)) in new.iter().enumerate().filter(|(_, edge)| inside(edge)) {
        closes[place] = reaches(&next, to, from, &mut seen, place);
        if !closes[place] {
            next[from].push(to);
        }
    }
    closes
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

/// Whether there is a way; without recursion, because a chain may be as long as the input. `seen`
/// holds, for each node, the last `round` that came by.
fn reaches(next: &[Vec<usize>], start: usize, goal: usize, seen: &mut [usize], round: usize) -> bool {
    let mut open = vec![start];
    while let Some(node) = open.pop() {
        if node == goal {
            return true;
        }
        if std::mem::replace(&mut seen[node], round) != round {
            open.extend(&next[node]);
        }
    }
    false
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
    fn a_long_chain_is_no_circle() {
        let chain: Vec<_> = (0..50_000).map(|node| (node, node + 1)).collect();
        assert!(!closing(50_001, &[], &chain).contains(&true));
    }

    proptest! {
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
                    prop_assert!(reaches(&next, to, from, &mut [usize::MAX; 12], 0));
                }
            }
        }
    }
}
