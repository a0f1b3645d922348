//! Graphs of issues: trees with lines, and DOT.

use std::collections::BTreeSet;
use std::fmt::Write;

use tickety_core::graph::{Branches, Graph, GraphNode, Relation};
use tickety_core::ident::IssueKey;

use super::screen::{Screen, width};
use super::{escape, palette};

/// What is said of a link that leads nowhere.
const LOST: &str = "(no issue that can be read has this name, or several have)";

/// A step of drawing. The steps wait on a stack of their own: a chain of issues may be longer than
/// the machine's stack is deep.
enum Step {
    Draw { key: IssueKey, relation: Option<Relation>, lines: String, last: bool },
    Leave(IssueKey),
}

/// Draws a tree from every root. An issue that was drawn before is named but not followed again;
/// one that lies on the way to itself is marked as a circle.
pub fn tree(screen: &mut Screen<'_>, graph: &Graph, branches: &Branches, roots: &[IssueKey]) {
    let mut drawn = BTreeSet::new();
    let mut way = BTreeSet::new();
    for &root in roots {
        let mut steps = vec![Step::Draw { key: root, relation: None, lines: String::new(), last: true }];
        while let Some(step) = steps.pop() {
            let (key, relation, lines, last) = match step {
                Step::Draw { key, relation, lines, last } => (key, relation, lines, last),
                Step::Leave(key) => {
                    way.remove(&key);
                    continue;
                }
            };
            let ends = branches.at(key);
            let mark = if way.contains(&key) {
                Some("circle")
            } else if !drawn.insert(key) && !ends.is_empty() {
                Some("see above")
            } else {
                None
            };
            let elbow = match (relation, last) {
                (None, _) => "",
                (Some(_), false) => "├─ ",
                (Some(_), true) => "└─ ",
            };
            draw(screen, graph, key, relation, &format!("{lines}{elbow}"), mark);
            if mark.is_some() {
                continue;
            }
            let below = match (relation, last) {
                (None, _) => lines,
                (Some(_), false) => lines + "│  ",
                (Some(_), true) => lines + "   ",
            };
            way.insert(key);
            steps.push(Step::Leave(key));
            let lost: Vec<_> = graph.lost.iter().filter(|(holder, ..)| *holder == key).collect();
            for (place, (_, kind, name)) in lost.iter().enumerate() {
                let elbow = if place + 1 == lost.len() && ends.is_empty() { "└─ " } else { "├─ " };
                screen
                    .put(palette::FAINT, format!("{below}{elbow}{kind} "))
                    .put(palette::NAME, name.to_string())
                    .space(1);
                screen.put(palette::ALARM, LOST).end();
            }
            for (place, &(relation, next)) in ends.iter().enumerate().rev() {
                let last = place + 1 == ends.len();
                steps.push(Step::Draw { key: next, relation: Some(relation), lines: below.clone(), last });
            }
        }
    }
}

fn draw(
    screen: &mut Screen<'_>,
    graph: &Graph,
    key: IssueKey,
    relation: Option<Relation>,
    lines: &str,
    mark: Option<&str>,
) {
    screen.put(palette::FAINT, lines);
    let mut used = width(lines);
    // A part of the whole is what a tree shows anyway.
    if let Some(relation) = relation.filter(|relation| *relation != Relation::Child) {
        let text = format!("{relation} ");
        used += width(&text);
        screen.put(palette::FAINT, text);
    }
    let name = key.to_string();
    used += width(&name) + 1;
    screen.put(palette::NAME, &name).space(1);
    let Some(GraphNode { title, status, category, priority }) = graph.nodes.get(&key) else {
        screen.put(palette::ALARM, "(not in the graph)").end();
        return;
    };
    let facts = format!("({status}, {priority})");
    let mark = mark.map(|mark| format!(" [{mark}]")).unwrap_or_default();
    let title = screen.fitted(title, used + width(&facts) + width(&mark) + 1);
    screen.put(palette::PLAIN, &title).space(1).put(palette::status(*category), facts);
    screen.put(palette::ALARM, mark).end();
}

/// Writes a graph for Graphviz: an arrow goes from the issue that stores the link.
pub fn dot(graph: &Graph) -> String {
    let Graph { nodes, edges, lost } = graph;
    let quoted = |text: &str| escape::line(text).replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = String::from("digraph issues {\n  node [shape=box];\n");
    for (key, GraphNode { title, status, category, priority: _ }) in nodes {
        let style = if category.is_closed() { ", style=dashed" } else { "" };
        writeln!(text, "  \"{key}\" [label=\"{key} {}\\n{}\"{style}];", quoted(title), quoted(status.as_str()))
            .expect("writing to a string succeeds");
    }
    for (from, kind, to) in edges {
        writeln!(text, "  \"{from}\" -> \"{to}\" [label=\"{kind}\"];").expect("writing to a string succeeds");
    }
    for (_, _, name) in lost {
        writeln!(text, "  \"{name}\" [label=\"{name}\\n?\", style=dotted];").expect("writing to a string succeeds");
    }
    for (from, kind, to) in lost {
        writeln!(text, "  \"{from}\" -> \"{to}\" [label=\"{kind}\"];").expect("writing to a string succeeds");
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use tickety_core::issue::{LinkKind, Priority, Status};
    use tickety_core::schema::Category;

    use super::*;
    use crate::context::Context;

    fn graph(edges: &[(u32, LinkKind, u32)]) -> Graph {
        let key = |number: u32| samples_key(number);
        let mut graph = Graph::default();
        for &(from, kind, to) in edges {
            graph.edges.insert((key(from), kind, key(to)));
            for number in [from, to] {
                graph.nodes.insert(
                    key(number),
                    GraphNode {
                        title: format!("Issue \"{number}\""),
                        status: Status::new("open"),
                        category: Category::Open,
                        priority: Priority::Medium,
                    },
                );
            }
        }
        graph
    }

    fn samples_key(number: u32) -> IssueKey {
        crate::render::samples::key(number)
    }

    fn drawn(graph: &Graph) -> String {
        let context = Context::fixed(None, false);
        let mut screen = Screen::new(&context);
        let branches = Branches::of(graph, &BTreeSet::from([Relation::Child, Relation::BlockedBy]));
        tree(&mut screen, graph, &branches, &branches.roots(graph));
        screen.into_text()
    }

    #[test]
    fn parts_and_blockers_hang_below() {
        use LinkKind::{BlockedBy, Parent};
        let graph = graph(&[(2, Parent, 1), (3, Parent, 1), (2, BlockedBy, 4), (3, BlockedBy, 4), (4, BlockedBy, 5)]);
        assert_snapshot!(drawn(&graph), @r#"
        1-0001 Issue "1" (open, medium)
        ├─ 2-0002 Issue "2" (open, medium)
        │  └─ blocked-by 4-0004 Issue "4" (open, medium)
        │     └─ blocked-by 5-0005 Issue "5" (open, medium)
        └─ 3-0003 Issue "3" (open, medium)
           └─ blocked-by 4-0004 Issue "4" (open, medium) [see above]
        "#);
    }

    #[test]
    fn circles_end() {
        let graph = graph(&[(1, LinkKind::BlockedBy, 2), (2, LinkKind::BlockedBy, 1)]);
        assert_snapshot!(drawn(&graph), @r#"
        1-0001 Issue "1" (open, medium)
        └─ blocked-by 2-0002 Issue "2" (open, medium)
           └─ blocked-by 1-0001 Issue "1" (open, medium) [circle]
        "#);
    }

    #[test]
    fn a_chain_may_be_longer_than_the_stack_is_deep() {
        let edges: Vec<_> = (1..20_000).map(|number| (number, LinkKind::BlockedBy, number + 1)).collect();
        let graph = graph(&edges);
        let branches = Branches::of(&graph, &BTreeSet::from([Relation::BlockedBy]));
        assert_eq!(branches.roots(&graph), [samples_key(1)]);
    }

    #[test]
    fn dot_quotes_titles() {
        assert_snapshot!(dot(&graph(&[(1, LinkKind::Parent, 2)])), @r#"
        digraph issues {
          node [shape=box];
          "1-0001" [label="1-0001 Issue \"1\"\nopen"];
          "2-0002" [label="2-0002 Issue \"2\"\nopen"];
          "1-0001" -> "2-0002" [label="parent"];
        }
        "#);
    }
}
