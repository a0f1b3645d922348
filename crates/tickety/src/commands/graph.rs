//! `tickety graph`

use std::collections::BTreeSet;

use serde::Serialize;
use tickety_api::answer;
use tickety_core::graph::{Branches, Relation};
use tickety_core::ident::IssueKey;
use tickety_store::{Checked, GraphScope};

use crate::args;
use crate::exit::{CliError, Ended};
use crate::issues;
use crate::output;
use crate::render::graph::{dot, tree};
use crate::session::Session;

/// Draw how issues depend on each other
///
/// From each issue the tree goes to its parts and to what blocks it. Without issues, everything open
/// that has such links is drawn.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to begin
    #[arg(value_name = "ISSUE")]
    issues: Vec<String>,

    /// Follow these relations, with commas between them [default: child,blocked-by]
    #[arg(long, value_name = "RELATIONS", value_delimiter = ',')]
    follow: Vec<String>,

    /// Go at most N links far
    #[arg(long, value_name = "N", value_parser = args::distance)]
    depth: Option<u32>,

    /// Go through closed issues too
    #[arg(short, long)]
    closed: bool,

    /// Write a graph for Graphviz
    #[arg(long)]
    dot: bool,
}

/// The `data` of an answer in DOT.
#[derive(Serialize)]
struct Dot {
    dot: String,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let follow: BTreeSet<Relation> = if args.follow.is_empty() {
        BTreeSet::from([Relation::Child, Relation::BlockedBy])
    } else {
        args.follow.iter().map(|name| name.parse()).collect::<Result<_, _>>()?
    };
    let chosen: Vec<IssueKey> = if args.issues.is_empty() {
        Vec::new()
    } else {
        issues::read(session, &session.selectors(&args.issues)?)?.iter().map(|stored| stored.issue.key()).collect()
    };
    let scope = GraphScope { roots: chosen.clone(), follow: follow.clone(), closed: args.closed, depth: args.depth };
    let Checked { value: graph, problems, freshness } = pollster::block_on(session.storage()?.graph(&scope))?;
    let branches = Branches::of(&graph, &follow);
    let roots = if chosen.is_empty() { branches.roots(&graph) } else { chosen };
    if session.json() {
        let meta = session.meta(Some(freshness), problems)?;
        return match args.dot {
            true => session.answer(Dot { dot: dot(&graph) }, meta),
            false => session.answer(answer::Graph::new(&graph, &roots), meta),
        };
    }
    if args.dot {
        output::write(&dot(&graph))?;
        session.warn_of_problems(problems)?;
        return Ok(Ended::Done);
    }
    if graph.nodes.is_empty() {
        session.note("no open issue is linked to another by these relations");
    }
    let mut screen = session.screen();
    tree(&mut screen, &graph, &branches, &roots);
    let ended = session.show(screen)?;
    session.warn_of_problems(problems)?;
    Ok(ended)
}
