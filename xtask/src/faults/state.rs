//! What stands in a checkout: the tokens of writes in its issues, and in its events.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::world::World;

/// Which tokens are there, how often, and what else counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// How many parts of issues carry a token.
    pub(super) tokens: BTreeMap<String, u64>,
    /// The numbers of all issues, in order.
    pub(super) numbers: Vec<u64>,
}

/// The groups of events.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// By the name of a group, how often each token is in its events.
    pub(super) tokens: BTreeMap<String, BTreeMap<String, u64>>,
    /// Changes from outside.
    pub(super) external: Vec<Value>,
    /// Entries that the log can't read any more.
    pub(super) damaged: u64,
}

impl State {
    /// Reads the issues of a checkout; an error says why they can't be read, all of them.
    pub(super) fn read(world: &World, checkout: &Path) -> Result<Self> {
        let answer = world.run(checkout, &["export", "json"])?;
        if answer.code() != Some(0) {
            bail!("tickety export json: {}", answer.told());
        }
        let exported = answer.json().context("the export is no JSON")?;
        Ok(Self::of(&exported["issues"]))
    }

    fn of(issues: &Value) -> Self {
        let mut state = Self::default();
        for issue in issues.as_array().into_iter().flatten() {
            state.numbers.extend(issue["number"].as_u64());
            let mut texts: Vec<&str> = issue["title"].as_str().into_iter().collect();
            texts.extend(issue["closed"]["note"].as_str());
            texts.extend(strings(&issue["labels"]));
            texts.extend(
                issue["comments"].as_array().into_iter().flatten().filter_map(|comment| comment["body"].as_str()),
            );
            for text in texts {
                *state.tokens.entry(text.to_owned()).or_default() += 1;
            }
        }
        state.numbers.sort_unstable();
        state
    }
}

impl Groups {
    /// Reads all events of a checkout.
    pub(super) fn read(world: &World, checkout: &Path) -> Result<Self> {
        let mut groups = Self::default();
        let mut cursor = "start".to_owned();
        loop {
            let page = world.data(checkout, &["events", "--since", &cursor, "--json"])?;
            for event in page["events"].as_array().into_iter().flatten() {
                groups.add(event)?;
            }
            groups.damaged += page["damaged"].as_u64().unwrap_or_default();
            if page["more"] != Value::Bool(true) {
                return Ok(groups);
            }
            cursor = page["next"].as_str().context("a page of events has no cursor")?.to_owned();
        }
    }

    fn add(&mut self, event: &Value) -> Result<()> {
        if event["type"] == "external.changed" {
            self.external.push(event.clone());
            return Ok(());
        }
        let group = event["group"].as_str().context("an event has no group")?;
        let group = self.tokens.entry(group.to_owned()).or_default();
        for token in tokens_of(event) {
            *group.entry(token).or_default() += 1;
        }
        Ok(())
    }
}

/// Returns the texts that an event brings in.
fn tokens_of(event: &Value) -> Vec<String> {
    let texts = match event["type"].as_str().unwrap_or_default() {
        "issue.created" => event["title"].as_str().into_iter().collect(),
        "comment.added" => event["comment"]["body"].as_str().into_iter().collect(),
        "issue.updated" | "issue.closed" => {
            let fields = event["fields"].as_array().into_iter().flatten();
            let fields = fields.filter(|field| field["field"] == "label" || field["field"] == "note");
            fields
                .flat_map(|field| {
                    let before: BTreeSet<&str> = strings(&field["before"]).into_iter().collect();
                    strings(&field["after"]).into_iter().filter(move |text| !before.contains(text))
                })
                .collect::<Vec<_>>()
        }
        _ => Vec::new(),
    };
    texts.into_iter().map(str::to_owned).collect()
}

/// Returns the texts of a list, or the one that stands alone.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        value => value.as_str().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_part_of_a_write_is_found() {
        let state = State::of(&json!([
            {"number": 2, "title": "t1", "labels": ["t2", "t3"], "comments": [{"body": "t2"}]},
            {"number": 1, "title": "seed", "closed": {"note": "t4"}},
        ]));
        assert_eq!(state.numbers, [1, 2]);
        let tokens: Vec<_> = state.tokens.iter().map(|(token, count)| (token.as_str(), *count)).collect();
        assert_eq!(tokens, [("seed", 1), ("t1", 1), ("t2", 2), ("t3", 1), ("t4", 1)]);
    }

    #[test]
    fn an_event_tells_what_it_brought() {
        let labels = json!({"field": "label", "before": ["a"], "after": ["a", "t1"]});
        let event = json!({"type": "issue.updated", "group": "g", "fields": [labels]});
        assert_eq!(tokens_of(&event), ["t1"]);
        let mut groups = Groups::default();
        groups.add(&event).unwrap();
        groups.add(&json!({"type": "comment.added", "group": "g", "comment": {"body": "t1"}})).unwrap();
        groups.add(&json!({"type": "external.changed", "group": "h"})).unwrap();
        assert_eq!(groups.tokens["g"]["t1"], 2);
        assert_eq!(groups.external.len(), 1);
    }
}
