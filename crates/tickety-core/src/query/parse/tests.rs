use super::*;
use crate::issue::{Kind, Status};
use crate::schema::{Category, FieldDef, FieldType, StatusDef};

fn schema() -> Schema {
    let field = |key: &str, field_type| FieldDef { key: key.to_owned(), field_type };
    let mut schema = Schema::default();
    schema.statuses.push(StatusDef { name: Status::new("review"), category: Category::InProgress });
    schema.kinds.push(Kind::new("spike"));
    schema.fields = vec![
        field("size", FieldType::Number),
        field("released", FieldType::Date),
        field("flaky", FieldType::Bool),
        field("severity", FieldType::Choice(vec!["S1".to_owned(), "S2".to_owned()])),
    ];
    schema
}

#[track_caller]
fn canonical(text: &str) -> String {
    let query = Query::parse(text, &schema()).unwrap_or_else(|error| panic!("{}", error.render()));
    let printed = query.to_string();
    assert_eq!(Query::parse(&printed, &schema()).as_ref(), Ok(&query), "{printed}");
    printed
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(canonical(text), *expected, "{text}");
    }
}

fn error(text: &str) -> QueryParseError {
    match Query::parse(text, &schema()) {
        Ok(query) => panic!("`{text}` parses as {query:?}"),
        Err(error) => error,
    }
}

#[test]
fn every_query_has_one_canonical_form() {
    check(&[
        ("", ""),
        ("  ", ""),
        ("is:open label:cache -label:wontfix", "is:open -label:wontfix label:cache"),
        ("label:Cache label:cache", "label:cache"),
        ("label:b,a,B", "label:a,b"),
        ("label:\":bug:\"", "label:\":bug:\""),
        ("label:a,:bug:", "label:\":bug:\",a"),
        ("ref:\"//example.org\",a", "reference:\"//example.org\",a"),
        ("NOT label:x", "-label:x"),
        ("NOT NOT a", "a"),
        ("--a", "a"),
        ("-(-(a))", "a"),
        ("-has:due", "no:due"),
        ("-no:due", "has:due"),
        ("a AND b", "a b"),
        ("()", ""),
        ("-()", "-()"),
        ("a -()", "-()"),
        ("a OR -()", "a"),
        ("a OR ()", ""),
        ("b OR a", "a OR b"),
        ("c b OR a", "b c OR a"),
        ("(b OR a) is:open", "is:open (a OR b)"),
        ("-(a b)", "-(a b)"),
        ("-(b OR a)", "-(a OR b)"),
        ("((a))", "a"),
        ("(a b) c", "a b c"),
        ("foo(bar)", "bar foo"),
        ("limit:5 a sort:title", "a sort:title-asc limit:5"),
    ]);
}

#[test]
fn each_field_is_read_in_its_spellings() {
    check(&[
        ("state:open", "is:open"),
        ("is:all is:issue", "is:any"),
        ("is:In_Progress", "is:in-progress"),
        ("is:review", "status:review"),
        ("status:open,closed", "status:closed,open"),
        ("type:bug", "kind:bug"),
        ("author:Ann", "reporter:ann"),
        ("assignee:me", "assignee:me"),
        ("label:\"good first issue\"", "label:\"good first issue\""),
        ("label:\"a\\\"b\\\\\"", "label:\"a\\\"b\\\\\""),
        ("label:\"a,b\",c", "label:\"a,b\",c"),
        ("label:a..b", "label:\"a..b\""),
        ("label:\">a\"", "label:\">a\""),
        ("label:*", "has:label"),
        ("label:\"*\"", "label:\"*\""),
        ("milestone:v1.2", "milestone:v1.2"),
        ("ref:gh:12", "reference:gh:12"),
        ("reason:\"not planned\"", "reason:cancelled"),
        ("has:author", "has:reporter"),
        ("no:blocked_by", "no:blocked-by"),
        ("has:field.x", "has:field.x"),
        ("#42", "number:42"),
        ("#TIK", "tik"),
        ("number:TIK-42", "number:42"),
        ("number:1..10", "number:1..10"),
        ("number:*..10", "number:<=10"),
        ("number:*..*", ""),
        ("comments:>5", "comments:>5"),
        ("estimate:>2h", "estimate:>2h"),
        ("spent:<=1d", "spent:<=8h"),
        ("estimate:*..*", "has:estimate"),
        ("blocked-by:42,TIK-7-K3F9", "blocked-by:7-k3f9,42"),
        ("parent:1 child:2 blocks:#3", "blocks:3 child:2 parent:1"),
        ("id:0199AAAA-0000-7000-8000-000000000000", "id:0199aaaa-0000-7000-8000-000000000000"),
    ]);
}

#[test]
fn more_urgent_is_greater() {
    use crate::issue::Priority;
    check(&[
        ("priority:>=high", "priority:>=high"),
        ("priority:>P1", "priority:>high"),
        ("priority:low..high", "priority:low..high"),
        ("priority:high,low", "priority:high OR priority:low"),
        ("priority:*..low", "priority:<=low"),
        ("priority:*", "has:priority"),
    ]);
    let query = Query::parse("priority:>=high", &schema()).unwrap();
    let Expr::Term(Term::Priority(bounds)) = query.filter else { panic!("{query:?}") };
    assert!(bounds.contains(&Priority::Critical) && bounds.contains(&Priority::High));
    assert!(!bounds.contains(&Priority::Medium));
}

#[test]
fn times_stand_for_whole_days() {
    check(&[
        ("created:2026-10-01", "created:2026-10-01"),
        ("created:>2026-10", "created:>2026-10-31"),
        ("created:>=2026-10", "created:>=2026-10-01"),
        ("created:2026-02", "created:2026-02-01..2026-02-28"),
        ("created:2026-10-01..*", "created:>=2026-10-01"),
        ("created:2026-10..2026-11", "created:2026-10-01..2026-11-30"),
        ("due:<=+7d", "due:<=+7d"),
        ("due:today..+1w", "due:today..+1w"),
        ("updated:>7d", "updated:>7d"),
        ("updated:>-7d", "updated:>7d"),
        ("due:0d,1d", "due:today OR due:yesterday"),
        ("closed:>2026-10-01T12:00:00+02:00", "closed:>2026-10-01T10:00:00Z"),
        ("due:*", "has:due"),
    ]);
}

#[test]
fn custom_fields_are_read_by_their_type() {
    check(&[
        ("field.size:5.0", "field.size:5"),
        ("field.size:>2.50", "field.size:>2.5"),
        ("field.size:1..1", "field.size:1..1"),
        ("field.released:>=2026-10-01", "field.released:>=2026-10-01"),
        ("field.released:2026-10-01,2026-10-02", "field.released:2026-10-01,2026-10-02"),
        ("field.released:2026-02", "field.released:2026-02-01..2026-02-28"),
        ("field.released:>2026", "field.released:>2026-12-31"),
        ("field.released:2026-02,2026-10-01", "field.released:2026-02-01..2026-02-28 OR field.released:2026-10-01"),
        ("field.released:today", "field.released:today"),
        ("field.released:>-7d", "field.released:>7d"),
        ("field.released:2026-10..+1w", "field.released:2026-10-01..+1w"),
        ("field.released:*..2026-10", "field.released:<=2026-10-31"),
        ("field.flaky:Yes", "field.flaky:true"),
        ("field.severity:s1", "field.severity:s1"),
        ("field.other:\"Some Text\",X", "field.other:\"some text\",x"),
        ("field.other:\"a b\"..C", "field.other:\"a b\"..c"),
        ("field.other:>=\"a b\"", "field.other:>=\"a b\""),
        ("field.other:a,>b", "field.other:>b OR field.other:a"),
        ("field.other:*", "has:field.other"),
    ]);
}

#[test]
fn text_is_cut_into_tokens() {
    check(&[
        ("Exact WORDS", "exact words"),
        ("\"Exact Phrase\" word", "\"exact phrase\" word"),
        ("parse_file", "\"parse file\""),
        ("std::fs", "\"std fs\""),
        ("https://example.org/a", "\"https example org a\""),
        ("12:30", "\"12 30\""),
        ("title:Cache* body:\"a b\" comment:x,y", "(comment:x OR comment:y) body:\"a b\" title:cache*"),
        ("pre*", "pre*"),
        ("foo-ba*", "ba* foo"),
        ("\"pre*\"", "pre"),
        ("検索*", "\"検 索\""),
        ("or not and", "and not or"),
        ("C++*", "c"),
        ("-word", "-word"),
        ("-\"a b\"", "-\"a b\""),
        ("title:*", "has:title"),
    ]);
}

#[test]
fn orders_have_a_natural_direction() {
    check(&[
        ("sort:priority,updated,due", "sort:priority-desc,updated-desc,due-asc"),
        ("sort:updated-asc sort:title-desc", "sort:updated-asc,title-desc"),
        ("sort:newest", ""),
        ("sort:oldest", "sort:number-asc"),
        ("sort:number-desc", ""),
        ("sort:title,title-desc", "sort:title-asc"),
        ("x sort:relevance", "x sort:relevance-desc"),
        ("fields:number,labels,title,number", "fields:number,label,title"),
        ("fields:field.size,blocked-by", "fields:field.size,blocked-by"),
    ]);
}

#[test]
fn errors_point_at_the_place_and_suggest() {
    let shown = |text: &str| error(text).render();
    insta::assert_snapshot!(shown("is:open lable:cache sort:updated"), @"
    unknown field `lable`
      is:open lable:cache sort:updated
              ^^^^^
    did you mean `label`?
    ");
    insta::assert_snapshot!(shown("status:opne"), @"
    `opne` is not a value of `status`: use open, in-progress, closed, review
      status:opne
             ^^^^
    did you mean `open`?
    ");
    insta::assert_snapshot!(shown("größe kind:bugg,task"), @"
    `bugg` is not a value of `kind`: use bug, feature, task, chore, epic, spike
      größe kind:bugg,task
                 ^^^^
    did you mean `bug`?
    ");
    insta::assert_snapshot!(shown("created:>7m"), @"
    `7m` is not a value of `created`: write 2026-10-01, 2026-10, 2026-10-01T12:00:00Z, today, 7d (ago) or +7d (from now), with min, h, d, w, mo or y
      created:>7m
               ^^
    ");
    insta::assert_snapshot!(shown("size:>3"), @"
    unknown field `size`
      size:>3
      ^^^^
    did you mean `field.size`?
    ");
    insta::assert_snapshot!(shown("label:"), @"
    `label:` needs a value here
      label:
            ^
    ");
    insta::assert_snapshot!(error("a sort:prioritty").to_string(), @"column 8: `prioritty` is not a value of `sort`: use number, created, updated, closed, due, priority, title, status, kind, milestone, comments, estimate, spent, relevance, newest, oldest; did you mean `priority`?");
}

#[test]
fn half_a_range_is_told_how_to_go_on() {
    let suggested = |text: &str| error(text).suggestion().map(str::to_owned);
    for (text, range) in [("number:5..", "5..*"), ("number:..5,7", "*..5"), ("(due:today..) x", "today..*")] {
        let expected = format!("write `{range}` for a range without an end on that side");
        assert_eq!(suggested(text), Some(expected), "{text}");
    }
    assert_eq!(suggested("number:"), None);
}

#[test]
fn every_mistake_is_told_with_its_column() {
    for (text, column, message) in [
        ("a \"b", 3, "the quotation mark is not closed"),
        ("label:a\"b\"", 8, "quotation marks have to enclose the whole value"),
        ("label:\"a\"b", 7, "quotation marks have to enclose the whole value"),
        ("(a", 1, "the parenthesis is not closed"),
        ("a)", 2, "the parenthesis was never opened"),
        ("a OR", 3, "`OR` needs a condition after it"),
        ("OR a", 1, "`OR` needs a condition before it"),
        ("(a OR) b", 4, "`OR` needs a condition after it"),
        ("a OR OR b", 6, "`OR` needs a condition before it"),
        ("sort:title OR b", 12, "`OR` needs a condition before it"),
        ("AND a", 1, "`AND` needs a condition before it"),
        ("a AND", 3, "`AND` needs a condition after it"),
        ("a AND limit:5", 3, "`AND` needs a condition after it"),
        ("a AND sort:title AND b", 18, "`AND` needs a condition before it"),
        ("(a AND) b", 4, "`AND` needs a condition after it"),
        ("a NOT", 3, "`NOT` needs a condition after it"),
        ("a - b", 3, "`-` has no letter or digit that could be searched for"),
        ("-OR a", 1, "`-` needs a condition after it"),
        ("-(", 2, "the parenthesis is not closed"),
        ("label:a,", 9, "`label:` needs a value here"),
        ("label:,a", 7, "`label:` needs a value here"),
        ("created:>", 10, "`created:` needs a value here"),
        ("label:\"\"", 7, "`label:` needs a value here"),
        ("number:5..3", 8, "the range runs backwards: nothing lies from 5 to 3"),
        ("priority:high..low", 10, "the range runs backwards: nothing lies from high to low"),
        ("due:+1w..today", 5, "the range runs backwards: nothing lies from +1w to today"),
        ("created:2d..1w", 9, "the range runs backwards: nothing lies from 2d to 1w"),
        ("number:5..", 11, "`number:` needs a value here"),
        ("number:>1..3", 9, "`1` is not a value of `number`: write a comparison or a range, not both"),
        (
            "number:0",
            8,
            "`0` is not a value of `number`: issue number 0 is out of range: numbers go from 1 to 4294967295",
        ),
        ("comments:x", 10, "`x` is not a value of `comments`: it counts them"),
        ("estimate:x", 10, "`x` is not a value of `estimate`: write minutes, or 1h30m, 2d, 1w"),
        ("field.flaky:>true", 13, "the values of `field.flaky` have no order"),
        ("milestone:>v1", 11, "the values of `milestone` have no order"),
        ("milestone:v1..v3", 11, "the values of `milestone` have no order"),
        ("title:>=a", 7, "the values of `title` have no order"),
        ("blocked-by:<5", 12, "the values of `blocked-by` have no order"),
        ("field.flaky:x", 13, "`x` is not a value of `field.flaky`: write true or false"),
        ("field.severity:S3", 16, "`S3` is not a value of `field.severity`: use S1, S2"),
        ("field.size:x", 12, "`x` is not a value of `field.size`: write a number such as 2.5"),
        ("parent:x", 8, "`x` is not a value of `parent`: write 42, TIK-42 or 42-k3f9"),
        ("\"\"", 1, "an empty text can't be searched for"),
        ("!!!", 1, "`!!!` has no letter or digit that could be searched for"),
        ("title:\"!\"", 7, "`!` has no letter or digit that could be searched for"),
        ("limit:0", 7, "`0` is not a value of `limit`: write a number from 1 on"),
        ("limit:1 limit:2", 9, "`limit` is given twice"),
        ("(sort:title)", 2, "`sort` is about the whole query"),
        ("-limit:1", 2, "`limit` is about the whole query"),
        ("sort:relevance", 6, "an order by relevance needs a word or phrase to search for"),
        ("-x sort:relevance", 9, "an order by relevance needs a word or phrase to search for"),
        ("after:AAAA", 7, "the cursor is damaged"),
        (
            "has:everything",
            5,
            "`everything` is not a value of `has`: write the name of a field, such as label or field.NAME",
        ),
        ("field.1:x", 1, "unknown field `field.1`"),
    ] {
        let error = error(text);
        assert_eq!((error.column(), error.problem().to_string().as_str()), (column, message), "{text}");
    }
}

#[test]
fn a_cursor_is_only_good_for_its_order() {
    let key = crate::ident::IssueKey { number: crate::IssueNumber::FIRST, suffix: "k3f9".parse().unwrap() };
    let cursor = super::super::Cursor::After { key, values: vec![None] };
    let text = format!("sort:due after:{cursor}");
    assert_eq!(canonical(&text), format!("sort:due-asc after:{cursor}"));
    let problem = |text: String| error(&text).problem().clone();
    assert_eq!(problem(format!("after:{cursor}")), QueryProblem::ForeignCursor);
    assert_eq!(problem(format!("x sort:relevance after:{cursor}")), QueryProblem::ForeignCursor);
}

#[test]
fn no_length_or_depth_overflows() {
    let problem = |text: String| error(&text).problem().clone();
    assert_eq!(problem("(".repeat(100_000)), QueryProblem::TooLong);
    assert_eq!(problem("(".repeat(30_000)), QueryProblem::TooDeep);
    assert_eq!(problem("-(".repeat(10_000)), QueryProblem::TooDeep);
    assert_eq!(problem("-".repeat(30_000)), QueryProblem::NotSearchable { word: "-".to_owned() });
    assert_eq!(problem("ü".repeat(MAX_LENGTH)), QueryProblem::TooLong);
    let deep = |inner: &str| format!("{}{inner}{}", "-(a ".repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH));
    canonical(&deep("b"));
    assert_eq!(problem(deep("-(b)")), QueryProblem::TooDeep);
    assert_eq!(problem(deep("due:1d,2d")), QueryProblem::TooDeep);
    let words = |count: usize| (0..count).map(|word| format!("w{word}-x* ")).collect::<String>();
    canonical(&words(MAX_TERMS / 2));
    assert_eq!(problem(words(MAX_TERMS / 2 + 1)), QueryProblem::TooManyTerms);
}

#[test]
fn what_is_printed_is_never_too_long_to_read() {
    let label = format!("label:\"{}\"", "\\\\ ".repeat(MAX_LENGTH / 3 - 10));
    canonical(&label);
    let growing = format!("label:{}", "\\,".repeat(900) + &"\\".repeat(MAX_LENGTH - 2000));
    canonical(&growing);
    let quoted = format!("label:\"{} \"", "\\".repeat(MAX_LENGTH / 2 + 100));
    canonical(&quoted);
    let doubled = format!("label:\"{}\"", " \\a".repeat(MAX_LENGTH / 3 - 10));
    assert_eq!(error(&doubled).problem(), &QueryProblem::TooLong);
}

/// The reference that users read, its rows and blocks kept true by the tests below.
const REFERENCE: &str = include_str!("../../../../../docs/queries.md");

/// Returns the rows of the reference's tables whose first column is headed `Query`, as cells.
fn reference_rows() -> Vec<Vec<&'static str>> {
    let mut rows = Vec::new();
    let mut is_of_queries = false;
    for line in REFERENCE.lines() {
        let Some(row) = line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) else {
            is_of_queries &= line.starts_with('|');
            continue;
        };
        let cells: Vec<&str> = row.split(" | ").collect();
        match cells[0] {
            "Query" => is_of_queries = true,
            _ if is_of_queries => rows.push(cells),
            _ => {}
        }
    }
    rows
}

fn code(cell: &str) -> &str {
    cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or_else(|| panic!("no code in {cell}"))
}

fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    REFERENCE.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

#[test]
fn every_example_of_the_reference_is_read() {
    let rows = reference_rows();
    assert!(rows.len() > 80, "{} rows", rows.len());
    let schema = super::super::arbitrary::schema();
    for text in rows.iter().map(|cells| code(cells[0])).chain(blocks("query")) {
        let query = Query::parse(text, &schema).unwrap_or_else(|error| panic!("{}", error.render()));
        assert_eq!(Query::parse(&query.to_string(), &schema).as_ref(), Ok(&query), "{text}");
    }
    for cells in rows.iter().filter(|cells| cells[1].starts_with('`')) {
        let query = Query::parse(code(cells[0]), &schema).unwrap();
        assert_eq!(query.to_string(), code(cells[1]));
    }
}

#[test]
fn the_reference_shows_the_errors_and_limits_there_are() {
    let block = blocks("error")[0];
    let query = block.lines().nth(1).unwrap().trim();
    assert_eq!(error(query).render(), block);
    for limit in [MAX_LENGTH, MAX_TERMS, MAX_DEPTH] {
        assert!(REFERENCE.contains(&format!(" {limit} ")), "{limit}");
    }
}

#[test]
fn the_reference_names_every_field_order_and_state() {
    let fields = super::super::FieldName::all().map(|field| field.to_string());
    let orders = super::super::SortBy::ALL.iter().map(|by| by.as_str().to_owned());
    let states = super::super::Is::ALL.iter().map(|state| format!("is:{}", state.as_str()));
    for name in fields.chain(orders).chain(states) {
        let mentioned = [format!("`{name}`"), format!("`{name}:")].iter().any(|text| REFERENCE.contains(text));
        assert!(mentioned, "{name}");
    }
}
