//! `tickety new`

use std::path::{Path, PathBuf};

use tickety_api::answer::Written;
use tickety_core::operation::{Draft, Operation};

use crate::editor;
use crate::exit::{CliError, Ended};
use crate::form::Form;
use crate::input;
use crate::parents;
use crate::render::palette;
use crate::session::Session;
use crate::values::FieldArgs;

/// Create an issue
///
/// Prints its number and where it lies; elsewhere than on a terminal its name alone. Without a
/// title the first line of --body-file is the title, or the editor opens. `tickety new -` takes title
/// and body from standard input.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The title; several words need no quotes
    title: Vec<String>,

    /// The body, in Markdown; `-` reads standard input
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    body: Option<String>,

    /// Take the body from FILE; `-` reads standard input
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,

    /// Open the editor with what the other options say
    #[arg(short, long)]
    edit: bool,

    #[command(flatten)]
    fields: FieldArgs,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let mut title = args.title.join(" ");
    let mut body = if title == "-" {
        input::text(Path::new("-"))?
    } else {
        input::argument_or_file(args.body.as_deref(), args.body_file.as_deref())?.unwrap_or_default()
    };
    if title == "-" || (title.is_empty() && args.body_file.is_some()) {
        (title, body) = title_and_body(&body);
    }
    let untitled = title.trim().is_empty();
    if untitled && !args.edit && !session.context.can_ask() {
        return Err(
            CliError::usage("an issue needs a title").hint("write `tickety new TITLE`; --edit opens the editor")
        );
    }
    let draft = args.fields.into_draft(title, body, session)?;
    if untitled || args.edit {
        return edit(&draft, session);
    }
    create(draft, session)
}

/// Takes the first line that isn't empty, without the mark of a heading, for the title.
fn title_and_body(text: &str) -> (String, String) {
    let (first, rest) = text.trim_start().split_once('\n').unwrap_or((text.trim(), ""));
    (first.trim_start_matches('#').trim().to_owned(), rest.to_owned())
}

fn edit(draft: &Draft, session: &Session) -> Result<Ended, CliError> {
    let schema = session.schema()?;
    let form = Form::of_draft(draft, &schema);
    let text = editor::Draft::new("new", form.print(), &session.context)?;
    let edited = text.edit(&session.context, |text| {
        let form = Form::parse(text, &schema, &session.context)?;
        form.into_draft(draft.clone())
    })?;
    let Some(draft) = edited else {
        return Err(CliError::new(tickety_api::ErrorCode::Aborted, "nothing was written, so no issue was created"));
    };
    let ended = create(draft, session).map_err(|error| text.kept(error))?;
    text.discard();
    Ok(ended)
}

fn create(draft: Draft, session: &Session) -> Result<Ended, CliError> {
    parents::check(&draft)?;
    let outcome = session.apply(vec![Operation::Create(Box::new(draft))])?;
    let meta = session.meta_of(&outcome);
    if session.json() {
        return session.answer(Written::from(&outcome), meta);
    }
    let mut screen = session.screen();
    for created in &outcome.outcomes {
        screen.show(palette::NAME, created.key);
        if screen.is_terminal() && !session.global.quiet {
            screen.raw(" created: ").put(palette::PLAIN, &created.path);
        }
        screen.end();
    }
    session.show(screen)
}
