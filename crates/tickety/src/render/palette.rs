//! The colours.

use anstyle::{AnsiColor, Style};
use tickety_core::issue::Priority;
use tickety_core::schema::Category;

/// Nothing special.
pub const PLAIN: Style = Style::new();
/// Titles and headings.
pub const STRONG: Style = Style::new().bold();
/// What is there but matters less.
pub const FAINT: Style = Style::new().dimmed();
/// Names of issues.
pub const NAME: Style = AnsiColor::Cyan.on_default();
/// Labels.
pub const LABEL: Style = AnsiColor::Blue.on_default();
/// What was looked for.
pub const HIT: Style = AnsiColor::Yellow.on_default().bold();
/// What is wrong or late.
pub const ALARM: Style = AnsiColor::Red.on_default();
/// What is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What could be better.
pub const MIDDLING: Style = AnsiColor::Yellow.on_default();

/// Returns the style of a status.
pub fn status(category: Category) -> Style {
    match category {
        Category::Open => AnsiColor::Green.on_default(),
        Category::InProgress => AnsiColor::Yellow.on_default(),
        Category::Closed => AnsiColor::Magenta.on_default(),
    }
}

/// Returns the style of a priority.
pub fn priority(priority: Priority) -> Style {
    match priority {
        Priority::Critical => AnsiColor::Red.on_default().bold(),
        Priority::High => AnsiColor::Red.on_default(),
        Priority::Medium => PLAIN,
        Priority::Low | Priority::Lowest => FAINT,
    }
}
