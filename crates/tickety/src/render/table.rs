//! Tables that fit the terminal.
//!
//! Laid out by hand: three passes over the cells. The general table crates measure and wrap each cell several
//! times, which at 50 rows costs more than reading the issues.

use std::borrow::Cow;

use anstyle::Style;

use super::escape;
use super::palette;
use super::screen::{Screen, cut, width};

/// What stands between two columns.
const GAP: usize = 2;

/// The least columns the flexible one should have before others have to go.
const COMFORT: usize = 30;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// What stands above it.
    pub header: Cow<'static, str>,
    /// The most columns it takes; the flexible column takes what is left.
    pub width: Width,
    /// Whether its cells stand at its right.
    pub right: bool,
    /// When it has to go in a narrow terminal: the least goes first.
    pub importance: u8,
    /// Whether it stays where all its cells are empty.
    pub stays: bool,
}

/// How wide a column may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// As its widest cell, but no more than this.
    UpTo(usize),
    /// What the others leave.
    Rest,
}

/// A cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    width: usize,
    style: Style,
}

impl Cell {
    /// Makes a cell from a text out of a record.
    pub fn new(style: Style, text: impl AsRef<str>) -> Self {
        let text = escape::line(text.as_ref()).into_owned();
        Self { width: width(&text), text, style }
    }
}

/// Writes a table with a header.
pub fn write(screen: &mut Screen<'_>, columns: &[Column], rows: &[Vec<Cell>]) {
    let widths = fit(screen.width(), columns, rows);
    for (column, &room) in columns.iter().zip(&widths) {
        if room > 0 {
            put(screen, &Cell::new(palette::FAINT, &column.header), room, column.right);
        }
    }
    screen.end();
    for row in rows {
        for ((cell, column), &room) in row.iter().zip(columns).zip(&widths) {
            if room > 0 {
                put(screen, cell, room, column.right);
            }
        }
        screen.end();
    }
}

fn put(screen: &mut Screen<'_>, cell: &Cell, room: usize, right: bool) {
    let text = cut(&cell.text, room);
    // A wide character that doesn't fit leaves a column over.
    let padding = room.saturating_sub(if cell.width > room { width(&text) } else { cell.width });
    if right {
        screen.space(padding);
    }
    screen.put(cell.style, &text);
    if !right {
        screen.space(padding);
    }
    screen.space(GAP);
}

/// Returns the width of each column; 0 for one that is empty or has no room.
fn fit(total: usize, columns: &[Column], rows: &[Vec<Cell>]) -> Vec<usize> {
    let mut widths: Vec<usize> = (0..columns.len())
        .map(|place| {
            let widest = rows.iter().map(|row| row[place].width).max().unwrap_or(0);
            match (widest, columns[place].width) {
                (0, _) if !columns[place].stays => 0,
                (_, Width::Rest) => widest.max(width(&columns[place].header)),
                (_, Width::UpTo(most)) => widest.max(width(&columns[place].header)).min(most),
            }
        })
        .collect();
    let Some(flexible) = columns.iter().position(|column| column.width == Width::Rest) else { return widths };
    let wanted = widths[flexible];
    loop {
        let others: usize = widths
            .iter()
            .enumerate()
            .filter(|(place, room)| *place != flexible && **room > 0)
            .map(|(_, room)| room + GAP)
            .sum();
        let left = total.saturating_sub(others);
        if left >= wanted.min(COMFORT) {
            widths[flexible] = wanted.min(left);
            return widths;
        }
        let least = (0..columns.len())
            .filter(|&place| place != flexible && widths[place] > 0)
            .min_by_key(|&place| columns[place].importance);
        match least {
            Some(place) if columns[place].importance < u8::MAX => widths[place] = 0,
            _ => {
                widths[flexible] = wanted.min(left.max(1));
                return widths;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { header: Cow::Borrowed("no"), width: Width::UpTo(10), right: true, importance: u8::MAX, stays: false },
        Column { header: Cow::Borrowed("title"), width: Width::Rest, right: false, importance: u8::MAX, stays: false },
        Column { header: Cow::Borrowed("labels"), width: Width::UpTo(8), right: false, importance: 1, stays: false },
    ];

    fn widths(total: usize, title: &str) -> Vec<usize> {
        let row = ["42", title, "cache, performance"].map(|text| Cell::new(palette::PLAIN, text));
        fit(total, &COLUMNS, &[row.to_vec()])
    }

    #[test]
    fn the_title_takes_what_is_left() {
        assert_eq!(widths(80, "short"), [2, 5, 8]);
        assert_eq!(widths(80, &"x".repeat(100)), [2, 66, 8]);
    }

    #[test]
    fn what_matters_least_goes_where_it_is_narrow() {
        assert_eq!(widths(40, &"x".repeat(100)), [2, 36, 0]);
        assert_eq!(widths(3, &"x".repeat(100)), [2, 1, 0]);
    }

    #[test]
    fn cut_cells_leave_the_columns_after_them_where_they_are() {
        let context = crate::context::Context::fixed(Some(40), false);
        let mut screen = Screen::new(&context);
        let columns = [COLUMNS[1].clone(), Column { importance: u8::MAX, ..COLUMNS[2].clone() }];
        let titles =
            ["x".repeat(80), "日本語".repeat(20), format!("x{}", "日本語".repeat(20)), "👩\u{200d}💻".repeat(40)];
        let rows: Vec<Vec<Cell>> = titles
            .iter()
            .map(|title| [title.as_str(), "label"].map(|text| Cell::new(palette::PLAIN, text)).into())
            .collect();
        write(&mut screen, &columns, &rows);
        let text = screen.into_text();
        let places: Vec<usize> =
            text.lines().map(|line| width(line.split("label").next().unwrap_or_default())).collect();
        assert_eq!(places, [34; 5], "{text}");
    }

    #[test]
    fn an_empty_column_takes_no_room() {
        let row = ["1", "title", ""].map(|text| Cell::new(palette::PLAIN, text));
        assert_eq!(fit(80, &COLUMNS, &[row.to_vec()]), [2, 5, 0]);
        let asked_for = COLUMNS.map(|column| Column { stays: true, ..column });
        assert_eq!(fit(80, &asked_for, &[row.to_vec()]), [2, 5, 6]);
    }
}
