//! Texts out of templates.

use fastrand::Rng;
use tickety_core::issue::CloseReason;

use super::words;

/// What an issue is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Topic {
    component: words::Component,
    thing: &'static str,
}

impl Topic {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let component = pick(rng, words::COMPONENTS);
        Self { component, thing: pick(rng, component.things) }
    }

    /// Returns the label of the area it belongs to.
    pub(super) fn area(&self) -> &'static str {
        self.component.area
    }
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

/// Fills in a template: `{c}` is the component, `{t}` its thing, `{o}` another component,
/// `{v}` something done to a thing, `{w}` a circumstance, `{s}` a symptom, `{q}` a quality,
/// `{n}` a small number, `{k}` a large one, `{y}` a day, `{d}` a dependency, `{h}` a hash.
fn fill(out: &mut String, rng: &mut Rng, template: &str, topic: &Topic) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        rest = match after.split_at_checked(2) {
            Some((
                slot @ ("c}" | "t}" | "o}" | "v}" | "w}" | "s}" | "q}" | "n}" | "k}" | "y}" | "d}" | "h}"),
                after,
            )) => {
                fill_slot(out, rng, slot, topic);
                after
            }
            // A brace of a code sample.
            _ => {
                out.push('{');
                after
            }
        };
    }
    out.push_str(rest);
}

fn fill_slot(out: &mut String, rng: &mut Rng, slot: &str, topic: &Topic) {
    match slot {
        "c}" => out.push_str(topic.component.name),
        "t}" => out.push_str(topic.thing),
        "o}" => out.push_str(pick(rng, words::COMPONENTS).name),
        "v}" => out.push_str(pick(rng, words::VERBS)),
        "w}" => fill_one(out, rng, words::CIRCUMSTANCES, topic),
        "s}" => fill_one(out, rng, words::SYMPTOMS, topic),
        "q}" => out.push_str(pick(rng, words::QUALITIES)),
        "d}" => out.push_str(pick(rng, words::DEPENDENCIES)),
        "n}" => out.push_str(&rng.u32(2..30).to_string()),
        "k}" => out.push_str(&rng.u32(200..90_000).to_string()),
        "y}" => out.push_str(&format!("{:02}", rng.u32(1..29))),
        _ => out.push_str(&format!("{:08x}", rng.u32(..))),
    }
}

/// Fills in one of the templates.
fn fill_one(out: &mut String, rng: &mut Rng, templates: &[&str], topic: &Topic) {
    let template = pick(rng, templates);
    fill(out, rng, template, topic);
}

/// Fills in one of the templates and begins it with a capital letter.
fn sentence(out: &mut String, rng: &mut Rng, templates: &[&str], topic: &Topic) {
    let start = out.len();
    fill_one(out, rng, templates, topic);
    capitalize(out, start);
}

/// Begins what stands from `start` on with a capital letter.
fn capitalize(out: &mut str, start: usize) {
    if let Some(first) = out.get_mut(start..start + 1) {
        first.make_ascii_uppercase();
    }
}

/// Makes a title.
pub(super) fn title(rng: &mut Rng, kind: &str, topic: &Topic) -> String {
    let templates = match kind {
        "bug" => words::BUG_TITLES,
        "feature" => words::FEATURE_TITLES,
        "chore" => words::CHORE_TITLES,
        "epic" => words::EPIC_TITLES,
        _ => words::TASK_TITLES,
    };
    let mut title = String::new();
    sentence(&mut title, rng, templates, topic);
    title
}

/// Makes a body of about `length` bytes.
pub(super) fn body(rng: &mut Rng, kind: &str, topic: &Topic, length: usize) -> String {
    let mut out = String::with_capacity(length + 400);
    paragraph(&mut out, rng, words::OPENINGS, topic, 1);
    let headings: &[&str] = match kind {
        "bug" => &["Steps to reproduce", "Expected", "What happens", "Environment", "Analysis"],
        "feature" => &["Motivation", "Proposal", "Alternatives", "Open questions"],
        "epic" => &["Goal", "Scope", "Not in scope", "Order of work", "Done when"],
        _ => &["Background", "What to do", "Done when", "Notes"],
    };
    let mut heading = 0;
    while out.len() < length {
        if length > 700 && heading < headings.len() && out.len() * headings.len() >= heading * length {
            out.push_str("\n\n## ");
            out.push_str(headings[heading]);
            heading += 1;
        }
        out.push_str("\n\n");
        match rng.u8(..100) {
            0..55 => {
                let sentences = rng.usize(1..4);
                paragraph(&mut out, rng, words::SENTENCES, topic, sentences);
            }
            55..80 => list(&mut out, rng, topic),
            _ => code(&mut out, rng, topic),
        }
    }
    out
}

/// Makes a comment of about `length` bytes.
pub(super) fn comment(rng: &mut Rng, topic: &Topic, length: usize) -> String {
    let mut out = String::with_capacity(length + 200);
    paragraph(&mut out, rng, words::REPLIES, topic, 1);
    while out.len() < length {
        if out.len() > 300 && rng.u8(..4) == 0 {
            out.push_str("\n\n");
            code(&mut out, rng, topic);
        } else {
            out.push_str(if rng.bool() { " " } else { "\n\n" });
            paragraph(&mut out, rng, words::SENTENCES, topic, 1);
        }
    }
    out
}

/// Makes the note of a closed issue.
pub(super) fn note(rng: &mut Rng, reason: CloseReason, topic: &Topic) -> String {
    let templates = match reason {
        CloseReason::Completed => words::DONE_NOTES,
        CloseReason::Cancelled => words::CANCELLED_NOTES,
        CloseReason::Duplicate => words::DUPLICATE_NOTES,
    };
    let mut note = String::new();
    sentence(&mut note, rng, templates, topic);
    note
}

fn paragraph(out: &mut String, rng: &mut Rng, first: &[&str], topic: &Topic, sentences: usize) {
    sentence(out, rng, first, topic);
    // Walking on by a step that has no common divisor with the number of sentences repeats none.
    let start = rng.usize(..words::SENTENCES.len());
    for place in 0..sentences {
        out.push(' ');
        let template = words::SENTENCES[(start + 7 * place) % words::SENTENCES.len()];
        sentence(out, rng, &[template], topic);
    }
}

fn list(out: &mut String, rng: &mut Rng, topic: &Topic) {
    let mark = rng.u8(..3);
    let items = rng.usize(2..6);
    for item in 1..=items {
        if item > 1 {
            out.push('\n');
        }
        match mark {
            0 => out.push_str(&format!("{item}. ")),
            1 => out.push_str(if rng.u8(..3) == 0 { "- [x] " } else { "- [ ] " }),
            _ => out.push_str("- "),
        }
        sentence(out, rng, words::ITEMS, topic);
    }
}

fn code(out: &mut String, rng: &mut Rng, topic: &Topic) {
    let (language, lines) = pick(rng, words::CODE);
    out.push_str("```");
    out.push_str(language);
    out.push('\n');
    for line in lines.iter().cycle().take(lines.len() * rng.usize(1..3)) {
        fill(out, rng, line, topic);
        out.push('\n');
    }
    out.push_str("```");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_slot_is_left_open() {
        let mut rng = Rng::with_seed(1);
        for _ in 0..400 {
            let topic = Topic::draw(&mut rng);
            for kind in ["bug", "feature", "task", "chore", "epic"] {
                let title = title(&mut rng, kind, &topic);
                assert!(!title.contains(['{', '}']) && title.len() < 120, "{title}");
                let body = body(&mut rng, kind, &topic, 1_500);
                for slot in "ctovwsqdnkyh".chars() {
                    assert!(!body.contains(&format!("{{{slot}}}")), "{body}");
                }
            }
        }
    }

    #[test]
    fn braces_of_code_stay() {
        let mut rng = Rng::with_seed(1);
        let topic = Topic::draw(&mut rng);
        let mut out = String::new();
        fill(&mut out, &mut rng, "match x { None => {}, }", &topic);
        assert_eq!(out, "match x { None => {}, }");
    }
}
