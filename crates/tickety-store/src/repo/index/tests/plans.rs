//! The common questions are answered in the order of an index, and end where the page is full.

use tickety_core::query::Query;
use tickety_core::query::arbitrary::schema;

use super::{built, moment, plain_issue};
use crate::repo::index::list::page_statement;
use crate::repo::index::{Index, derive};

/// Returns how SQLite answers a query.
fn plan(index: &Index, text: &str) -> String {
    let query = Query::parse(text, &schema()).unwrap();
    let (sql, _) = page_statement(index, &query, &moment()).unwrap().unwrap();
    let mut statement = index.connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text)).unwrap();
    let rows = statement.query_map(rusqlite::params_from_iter(sql.values), |row| row.get::<_, String>(3)).unwrap();
    rows.map(Result::unwrap).collect::<Vec<_>>().join("\n")
}

fn index() -> Index {
    built(&[plain_issue(1), plain_issue(2)])
}

#[test]
fn common_questions_walk_an_index() {
    let index = index();
    for (query, walked) in [
        ("is:open", "issues_open"),
        ("is:open label:cache", "n USING PRIMARY KEY"),
        ("is:open assignee:ann priority:>=high", "n USING PRIMARY KEY"),
        ("label:cache", "n USING PRIMARY KEY"),
        ("milestone:v1 is:any", "n USING PRIMARY KEY"),
        ("is:ready sort:priority-desc,due-asc,number-asc", "issues_ready"),
        ("is:ready label:cache sort:priority-desc,due-asc,number-asc", "issues_ready"),
        ("is:open sort:updated-desc", "issues_updated_open"),
        ("is:open sort:updated-asc", "issues_updated_open"),
        ("sort:updated-desc", "issues_updated"),
        ("is:open sort:priority-desc", "issues_rank_open"),
        ("is:closed sort:closed-desc", "issues_closed"),
        ("cache \"slow index\"", "texts VIRTUAL TABLE"),
        ("is:open cache", "texts VIRTUAL TABLE"),
        ("is:open cache -slow", "texts VIRTUAL TABLE"),
    ] {
        // With rows enough behind the name that the index of the order is preferred.
        let plan = plan(&index, query);
        let name_first = query.contains("label:cache sort:");
        assert!(plan.contains(walked) || name_first, "{query}:\n{plan}");
        let whole_table = |line: &str| line == "SCAN i" || line == "SCAN c";
        assert!(!plan.lines().any(whole_table), "{query}:\n{plan}");
        // Issues that are equal in the order may be sorted among each other, but never the whole answer.
        let sorts_all = |line: &str| line.contains("TEMP B-TREE") && !line.ends_with("LAST TERM OF ORDER BY");
        assert!(!plan.lines().any(sorts_all) || name_first, "{query}:\n{plan}");
    }
}

#[test]
fn every_issue_newest_first_is_the_table_itself() {
    let index = index();
    for query in ["", "sort:number-asc", "created:>2026-01-01", "status:review -label:cache"] {
        let plan = plan(&index, query);
        assert!(plan.starts_with("SCAN i\n"), "{query}:\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{query}:\n{plan}");
    }
}

#[test]
fn a_cursor_enters_the_index_where_the_page_ended() {
    let issues: Vec<_> = (1..=5).map(plain_issue).collect();
    let index = built(&issues);
    for text in [
        "is:open",
        "is:open sort:updated-desc",
        "is:ready sort:priority-desc,due-asc,number-asc",
        "is:open sort:priority-desc",
        "label:x",
    ] {
        let mut query = Query::parse(text, &schema()).unwrap();
        query.limit = Some(2);
        let sort = query.sort.clone();
        let last = index.list(&Query { sort, limit: Some(2), ..Query::default() }, &moment()).unwrap();
        query.after = last.next;
        assert!(query.after.is_some());
        let (sql, _) = page_statement(&index, &query, &moment()).unwrap().unwrap();
        let mut statement = index.connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text)).unwrap();
        let rows = statement.query_map(rusqlite::params_from_iter(sql.values), |row| row.get::<_, String>(3)).unwrap();
        let plan = rows.map(Result::unwrap).collect::<Vec<_>>().join("\n");
        assert!(plan.starts_with("SEARCH"), "{text}:\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{text}:\n{plan}");
    }
}

#[test]
fn a_page_comes_in_one_statement() {
    let index = index();
    let query = Query::parse("is:open label:x", &schema()).unwrap();
    let (sql, whole) = page_statement(&index, &query, &moment()).unwrap().unwrap();
    assert!(whole, "the page comes in one statement: {}", sql.text);
    assert!(!sql.text.contains("issues"), "names and cards are enough: {}", sql.text);
}

#[test]
fn what_is_derived_is_found_by_an_index() {
    let index = index();
    for sql in [derive::resolve_sql(), derive::block_sql(), derive::block_all_sql()] {
        let mut statement = index.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let ones = vec![1; statement.parameter_count()];
        let rows = statement.query_map(rusqlite::params_from_iter(ones), |row| row.get::<_, String>(3)).unwrap();
        let plan = rows.map(Result::unwrap).collect::<Vec<_>>().join("\n");
        // A bulk load walks the links once; nothing is walked for every row of something else, but for the few records that
        // cannot be read where a link leads nowhere.
        let walks = usize::from(sql == derive::block_all_sql());
        assert_eq!(plan.matches("SCAN").count() - plan.matches("SCAN p").count(), walks, "{sql}:\n{plan}");
        assert!(!plan.contains("AUTOMATIC"), "{sql}:\n{plan}");
    }
}
