//! What the columns of a table are.

use std::borrow::Cow;

use crate::convert::assembly::{Profile, fold_name};
use crate::convert::part::{Part, ReadOptions};

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Header {
    /// The names of all columns.
    pub(super) columns: Vec<String>,
    /// The columns by what they are; several of one name are one.
    pub(super) groups: Vec<Group>,
    /// The column that holds the id.
    pub(super) id: Option<usize>,
    /// The column that holds the title.
    pub(super) title: Option<usize>,
    /// Whether it is a table that we wrote.
    pub(super) is_own: bool,
}

/// The columns of one name.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) places: Vec<usize>,
    /// What they become; a custom field if nothing is known.
    pub(super) part: Option<Part>,
}

/// The columns that a table of ours begins with.
pub(super) const OWN: [&str; 6] = ["number", "id", "title", "status", "kind", "priority"];

impl Header {
    /// Works out what the columns are. An error says what is missing and what there is.
    pub(super) fn read(names: Vec<&str>, profile: &Profile, options: &ReadOptions) -> Result<Self, String> {
        let columns: Vec<String> = names.into_iter().map(|name| name.trim().to_owned()).collect();
        let shown = || columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let lower: Vec<String> = columns.iter().map(|name| name.to_lowercase()).collect();
        if let Some(missing) = options.map.keys().find(|name| !lower.contains(name)) {
            return Err(format!("the table has no column `{missing}`; it has {}", shown()));
        }
        let is_own = columns.len() >= OWN.len() && columns.iter().zip(OWN).all(|(name, own)| name == own);
        let mut groups: Vec<Group> = Vec::new();
        for (place, name) in columns.iter().enumerate() {
            match groups.iter_mut().find(|group| group.name.eq_ignore_ascii_case(name)) {
                Some(group) => group.places.push(place),
                None => groups.push(Group { name: name.clone(), places: vec![place], part: None }),
            }
        }
        for group in &mut groups {
            group.part = options.part_of(&group.name).cloned();
        }
        for group in 0..groups.len() {
            if groups[group].part.is_none() {
                groups[group].part = guess(&groups, group, profile, is_own);
            }
        }
        let place_of = |part: Part| groups.iter().find(|group| group.part.as_ref() == Some(&part)).map(|g| g.places[0]);
        let (id, title) = (place_of(Part::Id), place_of(Part::Title));
        if title.is_none() {
            return Err(format!("no column is a title: --map title=COLUMN says which; there are {}", shown()));
        }
        for group in groups.iter_mut().filter(|group| group.name.is_empty()) {
            group.name = format!("column-{}", group.places[0] + 1);
        }
        Ok(Self { columns, groups, id, title, is_own })
    }

    /// Returns what a cell says: our tables mark texts that a spreadsheet would take for a formula.
    pub(super) fn plain(&self, cell: &str) -> String {
        let marked = self.is_own && cell.strip_prefix('\'').is_some_and(looks_like_formula);
        let plain = if marked { Cow::Borrowed(&cell[1..]) } else { Cow::Borrowed(cell) };
        plain.into_owned()
    }
}

/// Whether a spreadsheet would take a text for a formula, or for one that is marked as none.
pub(super) fn looks_like_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']) && text.parse::<f64>().is_err()
}

/// Returns what a column is by its name, unless another one has that place already or a better name for it.
fn guess(groups: &[Group], group: usize, profile: &Profile, is_own: bool) -> Option<Part> {
    let name = &groups[group].name;
    if let Some(key) = name.strip_prefix("field.").filter(|key| !key.is_empty()) {
        return Some(Part::Field(key.to_owned()));
    }
    if is_own && name == "number" {
        return Some(Part::OwnNumber);
    }
    let part = profile.part_of(name)?.clone();
    let several = matches!(
        part,
        Part::Labels
            | Part::Assignees
            | Part::References
            | Part::Comment
            | Part::BlockedBy
            | Part::Blocks
            | Part::Relates
    );
    if several {
        return Some(part);
    }
    if groups.iter().enumerate().any(|(other, found)| other != group && found.part.as_ref() == Some(&part)) {
        return None;
    }
    // The place of a name among those of its part: an earlier one is more usual.
    let rank = |name: &str| {
        let folded = fold_name(name);
        profile.parts.iter().position(|(known, of)| *of == part && *known == folded)
    };
    let own = rank(name)?;
    let better = groups.iter().enumerate().any(|(other, found)| {
        other != group && found.part.is_none() && rank(&found.name).is_some_and(|other| other < own)
    });
    if better { None } else { Some(part) }
}
