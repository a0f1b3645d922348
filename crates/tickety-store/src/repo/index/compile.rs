//! Conditions of the query language as SQL.
//!
//! `i` is the row of `issues` that is asked about. Every condition means what
//! [`Expr::matches`](tickety_core::query::Expr::matches) says, to the letter.

use rusqlite::types::Value;
use tickety_core::graph::Relation;
use tickety_core::ident::{IssueKey, IssueName};
use tickety_core::issue::{FieldValue, LinkKind};
use tickety_core::query::{
    Bounds, Count, CustomTest, Expr, FieldName, Interval, Is, Moment, NameField, Term, TextMatch, TextScope, TimeField,
    days,
};
use tickety_core::text::tokens;

use super::record::{field_prefix, field_text_name, field_value_name, uuid_bytes};
use super::row_id::{RowId, name_suffix};
use super::schema::{NO_DUE, NameKind, present};
use super::sql::{Condition, Sql};

/// Compiles a condition.
pub(super) fn compile(expr: &Expr, moment: &Moment) -> Condition {
    if let Some(text) = text_expression(expr) {
        let mut sql = Sql::new("i.id IN (SELECT rowid FROM texts WHERE texts MATCH ");
        sql.bind(text).push(")");
        return Condition::Sql(sql);
    }
    match expr {
        Expr::All(parts) => Condition::all(parts.iter().map(|part| compile(part, moment))),
        Expr::Any(parts) => Condition::any(parts.iter().map(|part| compile(part, moment))),
        Expr::Not(part) => compile(part, moment).not(),
        Expr::Term(term) => compile_term(term, moment),
    }
}

/// Returns a condition that is about text alone in the language of FTS5; `None` for another, for
/// one that can't be put so (text that is only excluded) and for text no token fits.
pub(super) fn text_expression(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Term(Term::Text(scope, wanted)) => text_phrase(*scope, wanted),
        Expr::Term(_) | Expr::Not(_) => None,
        Expr::Any(parts) => {
            let parts: Vec<String> = parts.iter().map(text_expression).collect::<Option<_>>()?;
            (!parts.is_empty()).then(|| format!("({})", parts.join(" OR ")))
        }
        Expr::All(parts) => {
            let (mut wanted, mut excluded) = (Vec::new(), Vec::new());
            for part in parts {
                match part {
                    Expr::Not(inner) => excluded.push(text_expression(inner)?),
                    _ => wanted.push(text_expression(part)?),
                }
            }
            join_texts(&wanted, &excluded)
        }
    }
}

/// Joins what is wanted and what is excluded; `None` if nothing is wanted.
pub(super) fn join_texts(wanted: &[String], excluded: &[String]) -> Option<String> {
    let wanted = (!wanted.is_empty()).then(|| wanted.join(" AND "))?;
    Some(if excluded.is_empty() {
        format!("({wanted})")
    } else {
        format!("(({wanted}) NOT ({}))", excluded.join(" OR "))
    })
}

fn text_phrase(scope: TextScope, wanted: &TextMatch) -> Option<String> {
    let is_token = |text: &String| tokens(text).next().is_some_and(|token| token.text == text.as_str());
    let column = match scope {
        TextScope::Any => "",
        TextScope::Title => "title : ",
        TextScope::Body => "body : ",
        TextScope::Comment => "comments : ",
    };
    // Tokens hold no quote.
    match wanted {
        TextMatch::Phrase(phrase) if !phrase.is_empty() && phrase.iter().all(is_token) => {
            Some(format!("{column}\"{}\"", phrase.join(" ")))
        }
        TextMatch::Prefix(start) if is_token(start) => Some(format!("{column}\"{start}\" *")),
        TextMatch::Phrase(_) | TextMatch::Prefix(_) => None,
    }
}

fn compile_term(term: &Term, moment: &Moment) -> Condition {
    match term {
        Term::Is(state) => is(*state, moment),
        Term::Has(field) => has(field),
        Term::Text(..) => Condition::Never,
        Term::Status(wanted) => one_of("i.status", wanted.iter().map(|status| status.as_str().to_owned().into())),
        Term::Kind(wanted) => one_of("i.kind", wanted.iter().map(|kind| kind.as_str().to_owned().into())),
        Term::Reason(wanted) => {
            let fits = one_of("i.reason", wanted.iter().map(|reason| (*reason as i64).into()));
            Condition::all([Condition::fixed("i.reason IS NOT NULL"), fits])
        }
        Term::Priority(bounds) => {
            let ranks = Bounds {
                from: bounds.from.map(|(priority, inclusive)| (i64::from(priority.rank()), inclusive)),
                to: bounds.to.map(|(priority, inclusive)| (i64::from(priority.rank()), inclusive)),
            };
            within("i.rank", ranks)
        }
        Term::Name(field, wanted) => match names_of(*field, wanted, moment).as_slice() {
            [] => Condition::Never,
            names => has_name(name_kind(*field), names),
        },
        Term::Count(count, bounds) => compile_count(*count, *bounds),
        Term::Time(field, bounds) => match field {
            TimeField::Created => inside("i.created", bounds.resolve_times(moment)),
            TimeField::Updated => inside("i.updated", bounds.resolve_times(moment)),
            TimeField::Closed => {
                let there = Condition::fixed("i.closed IS NOT NULL");
                Condition::all([there, inside("i.closed", bounds.resolve_times(moment))])
            }
            TimeField::Due => Condition::all([has(&FieldName::Due), inside("i.due", bounds.resolve_dates(moment))]),
        },
        Term::Related(relation, wanted) => related(*relation, wanted),
        Term::Id(wanted) => {
            if wanted.is_empty() {
                return Condition::Never;
            }
            let mut sql = Sql::new("i.id IN (SELECT id FROM cards WHERE uuid IN (");
            sql.bind_all(wanted.iter().map(|id| uuid_bytes(*id).to_vec().into())).push("))");
            Condition::Sql(sql)
        }
        Term::Custom(key, test) => custom(key, &test.resolve(moment)),
    }
}

fn is(state: Is, moment: &Moment) -> Condition {
    match state {
        Is::Open => Condition::fixed("i.category < 2"),
        Is::InProgress => Condition::fixed("i.category = 1"),
        Is::Closed => Condition::fixed("i.category = 2"),
        Is::Any => Condition::Always,
        Is::Blocked => Condition::fixed("(i.category < 2 AND i.blocked = 1)"),
        Is::Ready => Condition::fixed("(i.category = 0 AND i.blocked = 0)"),
        // No file of this checkout tells: the store asks for the issues it knows of instead.
        Is::Elsewhere => Condition::Never,
        // An issue without a due date has one after every day.
        Is::Overdue => Condition::all([is(Is::Open, moment), Condition::bound("i.due < ", days(moment.today()))]),
    }
}

fn has(field: &FieldName) -> Condition {
    let bit = |bit: i64| Condition::fixed(&format!("i.present & {bit} <> 0"));
    match field {
        FieldName::Number
        | FieldName::Id
        | FieldName::Status
        | FieldName::Priority
        | FieldName::Kind
        | FieldName::Created
        | FieldName::Updated
        | FieldName::Version => Condition::Always,
        FieldName::Title => bit(present::TITLE),
        FieldName::Body => bit(present::BODY),
        FieldName::Reason => Condition::fixed("i.reason IS NOT NULL"),
        FieldName::Note => bit(present::NOTE),
        FieldName::Label => bit(present::LABEL),
        FieldName::Assignee => bit(present::ASSIGNEE),
        FieldName::Reporter => bit(present::REPORTER),
        FieldName::Milestone => bit(present::MILESTONE),
        FieldName::Due => Condition::fixed(&format!("i.due <> {NO_DUE}")),
        FieldName::Estimate => Condition::fixed("i.estimate IS NOT NULL"),
        FieldName::Spent => Condition::fixed("i.spent IS NOT NULL"),
        FieldName::Comment => Condition::fixed("i.comments > 0"),
        FieldName::Reference => bit(present::REFERENCE),
        FieldName::Closed => Condition::fixed("i.closed IS NOT NULL"),
        FieldName::Related(relation) => {
            let (kind, stored) = relation.link();
            let holds = holds_link(Some(kind));
            match (relation, stored) {
                (Relation::Relates, _) => Condition::any([holds, is_target(Some(kind))]),
                (_, true) => holds,
                (_, false) => is_target(Some(kind)),
            }
        }
        FieldName::Link => Condition::any([holds_link(None), is_target(None)]),
        FieldName::Custom(key) => has_name(NameKind::FieldKey, &[key.clone().into_bytes()]),
        FieldName::Fields => bit(present::FIELDS),
    }
}

fn holds_link(kind: Option<LinkKind>) -> Condition {
    let kind = kind.map(|kind| format!(" AND l.kind = {}", kind as i64)).unwrap_or_default();
    Condition::fixed(&format!("EXISTS (SELECT 1 FROM links l WHERE l.holder = i.id{kind})"))
}

fn is_target(kind: Option<LinkKind>) -> Condition {
    let kind = kind.map(|kind| format!(" AND l.kind = {}", kind as i64)).unwrap_or_default();
    Condition::fixed(&format!("EXISTS (SELECT 1 FROM links l WHERE l.number = i.id >> 20 AND l.target = i.id{kind})"))
}

/// Returns the names that are wanted in a field, as rows have them.
pub(super) fn names_of(field: NameField, wanted: &[String], moment: &Moment) -> Vec<Vec<u8>> {
    let mut names: Vec<_> = moment.resolve_names(field, wanted).into_iter().map(String::into_bytes).collect();
    names.sort();
    names.dedup();
    names
}

pub(super) fn name_kind(field: NameField) -> NameKind {
    match field {
        NameField::Label => NameKind::Label,
        NameField::Assignee => NameKind::Assignee,
        NameField::Reporter => NameKind::Reporter,
        NameField::Commenter => NameKind::Commenter,
        NameField::Milestone => NameKind::Milestone,
        NameField::Reference => NameKind::Reference,
    }
}

fn has_name(kind: NameKind, names: &[Vec<u8>]) -> Condition {
    let mut sql = Sql::new(format!("EXISTS (SELECT 1 FROM names m WHERE m.kind = {} AND m.name IN (", kind as i64));
    sql.bind_all(names.iter().cloned().map(Value::Blob)).push(") AND m.issue = i.id)");
    Condition::Sql(sql)
}

fn compile_count(count: Count, bounds: Bounds<u32>) -> Condition {
    let wide = Bounds {
        from: bounds.from.map(|(value, inclusive)| (i64::from(value), inclusive)),
        to: bounds.to.map(|(value, inclusive)| (i64::from(value), inclusive)),
    };
    match count {
        Count::Number => {
            let first = |number: i64, after: bool| RowId::first_of_raw(number + i64::from(after));
            let from = wide.from.map(|(value, inclusive)| first(value, !inclusive));
            let until = wide.to.map(|(value, inclusive)| first(value, inclusive));
            inside("i.id", Interval { from, until })
        }
        Count::Comments => within("i.comments", wide),
        Count::Estimate => Condition::all([has(&FieldName::Estimate), within("i.estimate", wide)]),
        Count::Spent => Condition::all([has(&FieldName::Spent), within("i.spent", wide)]),
    }
}

fn custom(key: &str, test: &CustomTest) -> Condition {
    let bounds = match test {
        CustomTest::Is(wanted) => {
            let names: Vec<_> = wanted.iter().map(|value| field_text_name(key, value)).collect();
            return if names.is_empty() { Condition::Never } else { has_name(NameKind::FieldText, &names) };
        }
        CustomTest::Within(bounds) => bounds,
        CustomTest::During(_) => return Condition::Never,
    };
    let bound = |bound: &FieldValue| field_value_name(key, bound);
    let from = bounds.from.as_ref().map(|(value, inclusive)| (bound(value), *inclusive));
    let to = bounds.to.as_ref().map(|(value, inclusive)| (bound(value), *inclusive));
    let kind = match (&from, &to) {
        (None, None) => return has(&FieldName::Custom(key.to_owned())),
        (Some(((from, _), _)), Some(((to, _), _))) if from != to => return Condition::Never,
        (Some(((kind, _), _)), _) | (None, Some(((kind, _), _))) => *kind,
    };
    let mut sql = Sql::new(format!("i.id IN (SELECT issue FROM names WHERE kind = {} AND name ", kind as i64));
    match from {
        Some(((_, name), inclusive)) => sql.push(if inclusive { ">= " } else { "> " }).bind(name),
        None => sql.push(">= ").bind(field_prefix(key)),
    };
    sql.push(" AND name ");
    match to {
        Some(((_, name), inclusive)) => sql.push(if inclusive { "<= " } else { "< " }).bind(name),
        None => {
            let mut end = field_prefix(key);
            // Behind all that begins with the key and its NUL.
            *end.last_mut().expect("it ends with NUL") = 1;
            sql.push("< ").bind(end)
        }
    };
    if kind == NameKind::FieldText {
        sql.push(" AND shown IS NULL");
    }
    sql.push(")");
    Condition::Sql(sql)
}

fn related(relation: Relation, wanted: &[IssueName]) -> Condition {
    let (kind, stored) = relation.link();
    let stored = stored || relation == Relation::Relates;
    let derived = relation == Relation::Relates || !stored;
    Condition::any(wanted.iter().flat_map(|name| {
        let holders = stored.then(|| holders_of(kind, *name));
        let targets = derived.then(|| targets_of(kind, *name));
        holders.into_iter().chain(targets)
    }))
}

/// The issue holds a link that leads to the name.
fn holders_of(kind: LinkKind, name: IssueName) -> Condition {
    let mut sql = Sql::new("i.id IN (SELECT holder FROM links WHERE number = ");
    sql.bind(i64::from(name.number.get())).push(&format!(" AND kind = {}", kind as i64));
    if let Some(suffix) = name.suffix {
        let id = RowId::of(IssueKey { number: name.number, suffix }).get();
        sql.push(" AND (target = ").bind(id);
        sql.push(" OR (target IS NULL AND suffix = ").bind(name_suffix(name)).push("))");
    }
    sql.push(")");
    Condition::Sql(sql)
}

/// The issue is what a link leads to that an issue of the name holds.
fn targets_of(kind: LinkKind, name: IssueName) -> Condition {
    let holders = match name.suffix {
        Some(suffix) => {
            let id = RowId::of(IssueKey { number: name.number, suffix }).get();
            id..id + 1
        }
        None => RowId::range(name.number),
    };
    let mut sql = Sql::new("i.id IN (SELECT target FROM links WHERE holder >= ");
    sql.bind(holders.start).push(" AND holder < ").bind(holders.end);
    sql.push(&format!(" AND kind = {} AND target IS NOT NULL)", kind as i64));
    Condition::Sql(sql)
}

fn one_of(column: &str, values: impl Iterator<Item = Value>) -> Condition {
    let values: Vec<Value> = values.collect();
    if values.is_empty() {
        return Condition::Never;
    }
    let mut sql = Sql::new(column);
    sql.push(" IN (").bind_all(values).push(")");
    Condition::Sql(sql)
}

fn within(column: &str, bounds: Bounds<i64>) -> Condition {
    let compare = |operator: &str, value: i64| Condition::bound(&format!("{column} {operator} "), value);
    let from = bounds.from.map(|(value, inclusive)| compare(if inclusive { ">=" } else { ">" }, value));
    let to = bounds.to.map(|(value, inclusive)| compare(if inclusive { "<=" } else { "<" }, value));
    Condition::all(from.into_iter().chain(to))
}

fn inside(column: &str, interval: Interval) -> Condition {
    let from = interval.from.map(|from| Condition::bound(&format!("{column} >= "), from));
    let until = interval.until.map(|until| Condition::bound(&format!("{column} < "), until));
    Condition::all(from.into_iter().chain(until))
}
