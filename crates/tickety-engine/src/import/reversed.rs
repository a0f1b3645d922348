//! Links that are told from their other end.

use std::collections::HashMap;

use super::Candidate;
use crate::convert::{ForeignLink, ForeignTarget, NoteKind, Report};

/// Gives links that are told from their other end to the issues that hold them. Where both ends tell of one, it is made
/// once; an end that isn't in the input can't be given one.
pub(super) fn turn(candidates: &mut [Candidate], report: &mut Report) {
    let mut turned: Vec<(usize, String, ForeignLink)> = Vec::new();
    for (index, candidate) in candidates.iter_mut().enumerate() {
        let own = candidate.reference().map(str::to_owned);
        let links = std::mem::take(&mut candidate.links);
        for link in links {
            match (&link.target, &own) {
                (ForeignTarget::Reference(holder), Some(own)) if link.reversed => {
                    let target = ForeignTarget::Reference(own.clone());
                    turned.push((index, holder.clone(), ForeignLink::new(link.kind, target)));
                }
                _ => candidate.links.push(link),
            }
        }
    }
    if turned.is_empty() {
        return;
    }
    let places: HashMap<String, usize> = candidates
        .iter()
        .enumerate()
        .filter_map(|(place, candidate)| Some((candidate.reference()?.to_owned(), place)))
        .collect();
    for (from, holder, link) in turned {
        match places.get(&holder) {
            Some(place) if !candidates[*place].links.contains(&link) => candidates[*place].links.push(link),
            Some(_) => {}
            None => {
                let note = format!("link {} from {holder}: that issue is not in the input", link.kind);
                report.note(NoteKind::Dropped, &candidates[from].place, note);
            }
        }
    }
}
