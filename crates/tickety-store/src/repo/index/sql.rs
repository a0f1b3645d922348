//! Pieces of SQL that carry the values bound in them.

use rusqlite::types::Value;

/// A piece of SQL and its values, in the order of its question marks. What a query says goes into
/// values only, never into the text.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Sql {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    /// Adds fixed text.
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a bound value.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.text.push('?');
        self.values.push(value.into());
        self
    }

    /// Adds bound values with commas between them.
    pub(super) fn bind_all(&mut self, values: impl IntoIterator<Item = Value>) -> &mut Self {
        for (place, value) in values.into_iter().enumerate() {
            if place > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
        self
    }

    /// Adds another piece.
    pub(super) fn append(&mut self, other: Sql) -> &mut Self {
        self.text.push_str(&other.text);
        self.values.extend(other.values);
        self
    }
}

/// A condition on an issue. SQL in it is true or false and never NULL, so that it can be negated.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Condition {
    Always,
    Never,
    Sql(Sql),
}

impl Condition {
    /// A condition without values.
    pub(super) fn fixed(text: &str) -> Self {
        Self::Sql(Sql::new(text))
    }

    /// A condition with one value, which stands at the end.
    pub(super) fn bound(text: &str, value: impl Into<Value>) -> Self {
        let mut sql = Sql::new(text);
        sql.bind(value);
        Self::Sql(sql)
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Sql(inner) => {
                let mut sql = Sql::new("NOT (");
                sql.append(inner).push(")");
                Self::Sql(sql)
            }
        }
    }

    /// All of these hold.
    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::join(parts, " AND ", Self::Always, Self::Never)
    }

    /// One of these holds.
    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::join(parts, " OR ", Self::Never, Self::Always)
    }

    fn join(parts: impl IntoIterator<Item = Self>, operator: &str, neutral: Self, absorbing: Self) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                part if part == absorbing => return absorbing,
                Self::Sql(sql) => kept.push(sql),
                _ => {}
            }
        }
        balance(kept, operator).map_or(neutral, Self::Sql)
    }
}

/// Joins pieces so that they nest as little as can be: SQLite bounds the depth of an expression, and a row of
/// operators is as deep as it is long.
fn balance(mut parts: Vec<Sql>, operator: &str) -> Option<Sql> {
    if parts.len() < 2 {
        return parts.pop();
    }
    let mut joined = Sql::new("(");
    if parts.len() <= 8 {
        for (place, part) in parts.into_iter().enumerate() {
            if place > 0 {
                joined.push(operator);
            }
            joined.append(part);
        }
    } else {
        let right = parts.split_off(parts.len() / 2);
        joined.append(balance(parts, operator)?).push(operator).append(balance(right, operator)?);
    }
    joined.push(")");
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_vanish() {
        let part = || Condition::bound("i.rank = ", 1);
        assert_eq!(Condition::all([Condition::Always, part()]), part());
        assert_eq!(Condition::all([Condition::Never, part()]), Condition::Never);
        assert_eq!(Condition::any([Condition::Always, part()]), Condition::Always);
        assert_eq!(Condition::any([]), Condition::Never);
        assert_eq!(Condition::all([]).not(), Condition::Never);
    }

    #[test]
    fn long_rows_nest_little() {
        let Condition::Sql(sql) = Condition::any((0..1000).map(|n| Condition::bound("i.rank = ", n))) else { panic!() };
        assert_eq!(sql.values.len(), 1000);
        let mut depth = 0;
        let deepest = sql.text.chars().fold(0, |deepest: i32, char| {
            depth += i32::from(char == '(') - i32::from(char == ')');
            deepest.max(depth)
        });
        assert!(deepest < 10 && depth == 0, "{deepest}");
    }
}
