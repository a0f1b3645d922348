//! Claims about generated queries and issues.

use proptest::prelude::*;

use super::arbitrary::{loose_queries, moments, queries, records, schema, views};
use super::*;

proptest! {
    #[test]
    fn a_query_parses_from_what_it_prints(query in queries()) {
        let printed = query.to_string();
        let parsed = Query::parse(&printed, &schema()).map_err(|error| TestCaseError::fail(error.render()))?;
        prop_assert_eq!(&parsed, &query, "{}", printed);
        prop_assert_eq!(parsed.to_string(), printed);
    }

    #[test]
    fn canonical_is_reached_in_one_step(query in loose_queries()) {
        let canonical = query.canonical();
        prop_assert_eq!(canonical.clone().canonical(), canonical);
    }

    #[test]
    fn the_canonical_form_asks_the_same(
        query in loose_queries(),
        records in records(1..8),
        moment in moments(),
    ) {
        let schema = schema();
        let views = views(&records, &schema);
        let canonical = query.clone().canonical();
        let (selected, expected) = (canonical.select(views.clone(), &moment), query.select(views, &moment));
        prop_assert_eq!(selected.places, expected.places);
        prop_assert_eq!(selected.total, expected.total);
    }

    #[test]
    fn pages_are_the_whole_answer_in_order(
        query in queries(),
        records in records(0..20),
        moment in moments(),
        limit in 1_u32..6,
    ) {
        let schema = schema();
        let views = views(&records, &schema);
        let whole = Query { limit: None, ..query.clone() }.select(views.clone(), &moment);
        let mut paged = Vec::new();
        let mut after = None;
        loop {
            let page = Query { limit: Some(limit), after, ..query.clone() };
            let again = Query::parse(&page.to_string(), &schema).map_err(|error| TestCaseError::fail(error.render()))?;
            prop_assert_eq!(&again, &page);
            let selection = again.select(views.clone(), &moment);
            prop_assert_eq!(selection.total, whole.total);
            paged.extend(selection.places);
            after = selection.next;
            if after.is_none() {
                break;
            }
            prop_assert!(after.as_ref().is_some_and(|cursor| cursor.fits(&query.sort)));
        }
        prop_assert_eq!(paged, whole.places);
        prop_assert_eq!(whole.next, None);
    }

    #[test]
    fn a_page_goes_on_where_its_last_issue_was_even_if_that_has_gone(
        query in queries(),
        records in records(2..20),
        moment in moments(),
    ) {
        let schema = schema();
        let all = Query { limit: None, filter: Expr::default(), ..query }.canonical();
        prop_assume!(!all.is_ranked());
        let whole = all.select(views(&records, &schema), &moment).places;
        let page = Query { limit: Some(1), ..all.clone() }.select(views(&records, &schema), &moment);
        let mut kept = records.clone();
        kept.remove(whole[0]);
        let rest = Query { after: page.next, ..all }.select(views(&kept, &schema), &moment);
        let numbers = |records: &[_], places: &[usize]| -> Vec<_> {
            places.iter().map(|place| { let (issue, _): &(crate::Issue, _) = &records[*place]; issue.number }).collect()
        };
        prop_assert_eq!(numbers(&kept, &rest.places), numbers(&records, &whole[1..]));
    }

    #[test]
    fn no_text_is_a_panic(
        text in proptest::collection::vec(
            prop_oneof![
                Just("(".to_owned()), Just(")".to_owned()), Just("-".to_owned()), Just(" ".to_owned()), Just("OR".to_owned()),
                Just("\"".to_owned()), Just("label:".to_owned()), Just("created:".to_owned()), Just("..".to_owned()), Just(",".to_owned()),
                Just(">=".to_owned()), Just("#4".to_owned()), Just("*".to_owned()), Just("field.size:".to_owned()), Just("sort:".to_owned()),
                Just("2026-10".to_owned()), Just("İß検".to_owned()), any::<String>(),
            ],
            0..12,
        )
    ) {
        let text = text.concat();
        match Query::parse(&text, &schema()) {
            Ok(query) => prop_assert_eq!(Query::parse(&query.to_string(), &schema()), Ok(query)),
            Err(error) => {
                prop_assert!(text.get(error.span()).is_some());
                prop_assert!(error.render().lines().count() >= 3);
            }
        }
    }
}
