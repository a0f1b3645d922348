//! The word material of the sample: an imaginary project that syncs and searches documents.

/// A part of the project.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    /// With its article.
    pub(super) name: &'static str,
    /// The label of its area.
    pub(super) area: &'static str,
    /// What it deals with.
    pub(super) things: &'static [&'static str],
}

const fn component(name: &'static str, area: &'static str, things: &'static [&'static str]) -> Component {
    Component { name, area, things }
}

pub(super) const COMPONENTS: &[Component] = &[
    component("the scheduler", "core", &["retry queue", "job deadline", "worker pool", "backoff table"]),
    component("the query planner", "search", &["join order", "cost estimate", "index hint", "filter pushdown"]),
    component("the full-text index", "search", &["posting list", "stop word list", "segment merge", "snippet"]),
    component("the block cache", "cache", &["eviction order", "hit counter", "shard count", "admission filter"]),
    component("the session cache", "cache", &["expiry", "cookie key", "stale entry", "size limit"]),
    component("the write-ahead log", "storage", &["checkpoint", "torn page", "log segment", "sync call"]),
    component("the compactor", "storage", &["tombstone", "level size", "merge policy", "free space"]),
    component("the snapshot reader", "storage", &["read view", "version chain", "page map", "checksum"]),
    component("the sync client", "sync", &["change feed", "conflict copy", "upload chunk", "resume token"]),
    component("the sync server", "sync", &["cursor", "device list", "long poll", "rate limit"]),
    component("the file watcher", "sync", &["rename event", "ignored folder", "event burst", "symbolic link"]),
    component("the login page", "auth", &["password form", "redirect", "second factor", "error message"]),
    component("the token service", "auth", &["refresh token", "key rotation", "scope check", "clock skew"]),
    component("the permission model", "auth", &["role table", "group membership", "share link", "audit entry"]),
    component("the command line", "cli", &["exit status", "help text", "progress bar", "completion script"]),
    component("the configuration loader", "cli", &["default value", "environment variable", "include file", "warning"]),
    component("the table renderer", "cli", &["column width", "wide character", "colour choice", "pager"]),
    component("the importer", "import", &["line number", "field mapping", "date format", "duplicate record"]),
    component("the exporter", "import", &["file header", "escape sequence", "page size", "byte order mark"]),
    component("the HTTP gateway", "api", &["request body", "keep-alive", "timeout", "header limit"]),
    component("the public API", "api", &["error code", "page cursor", "field mask", "version prefix"]),
    component("the webhook sender", "api", &["delivery log", "signature", "retry schedule", "payload"]),
    component("the mail notifier", "notify", &["digest", "unsubscribe link", "bounce", "subject line"]),
    component("the editor widget", "ui", &["undo stack", "paste handler", "cursor position", "spell checker"]),
    component("the document list", "ui", &["sort order", "empty state", "thumbnail", "keyboard focus"]),
    component("the settings dialog", "ui", &["language menu", "reset button", "tab order", "dark theme"]),
    component("the preview pane", "ui", &["image scaling", "scroll position", "syntax colouring", "print view"]),
    component("the metrics endpoint", "ops", &["histogram", "label set", "scrape time", "counter reset"]),
    component("the container image", "ops", &["base layer", "health check", "user id", "signal handling"]),
    component("the release script", "ops", &["version bump", "change log", "signing key", "upload step"]),
    component("the test harness", "ci", &["fixture", "flaky case", "temporary folder", "snapshot file"]),
    component("the nightly build", "ci", &["artifact", "cache key", "runner disk", "time limit"]),
];

pub(super) const PEOPLE: &[&str] = &[
    "mirela", "tobias", "anouk", "kwame", "ines", "yusuf", "sanna", "pavel", "noor", "caleb", "lucija", "hiro",
    "freya", "diego", "amara", "jonas", "wei", "olga", "rafael", "selin", "matteo", "ingrid", "bilal", "zofia", "erin",
    "tariq",
];

pub(super) const LABELS: &[&str] = &[
    "core",
    "search",
    "storage",
    "ui",
    "cli",
    "good-first-issue",
    "performance",
    "docs",
    "regression",
    "security",
    "api",
    "sync",
    "cache",
    "flaky-test",
    "ci",
    "auth",
    "needs-design",
    "import",
    "customer",
    "accessibility",
    "ops",
    "windows",
    "macos",
    "notify",
    "breaking",
    "i18n",
    "tech-debt",
    "upstream",
];

pub(super) const VERBS: &[&str] = &[
    "drops",
    "ignores",
    "repeats",
    "loses",
    "doubles",
    "truncates",
    "misreads",
    "leaks",
    "overwrites",
    "rejects",
    "skips",
    "mislabels",
];

pub(super) const QUALITIES: &[&str] = &[
    "latency",
    "memory use",
    "throughput",
    "start time",
    "accuracy",
    "disk use",
    "error rate",
    "coverage",
    "readability",
    "fairness",
];

pub(super) const DEPENDENCIES: &[&str] = &[
    "the JSON parser",
    "the TLS library",
    "the compression library",
    "the time zone data",
    "the regex engine",
    "the allocator",
    "the HTTP client",
    "the test runner",
    "the Markdown parser",
    "the Unicode tables",
];

pub(super) const CIRCUMSTANCES: &[&str] = &[
    "after a restart",
    "when the disk is full",
    "with more than {k} documents",
    "on a slow network",
    "for empty files",
    "when two devices save at once",
    "while an upgrade runs",
    "with a read-only folder",
    "after the clock is set back",
    "for names with combining characters",
    "when the connection drops in the middle",
    "under heavy load",
    "if the setting is missing",
    "in a fresh checkout",
    "after {n} hours of running",
    "with the new file format",
    "when the list is scrolled quickly",
    "behind a proxy",
    "for users without a group",
    "on the first run of the day",
];

pub(super) const SYMPTOMS: &[&str] = &[
    "wrong {t}",
    "missing {t}",
    "endless wait for the {t}",
    "crash in the {t}",
    "stale {t}",
    "duplicate {t}",
    "silent failure of the {t}",
    "the {t} is reset",
    "high memory use of the {t}",
    "the {t} comes too late",
];

pub(super) const BUG_TITLES: &[&str] = &[
    "{c} {v} the {t} {w}",
    "{s} in {c} {w}",
    "{c}: {s}",
    "{c} {v} the {t}",
    "{s} {w}",
    "{c} hangs {w}",
    "{c} reports success although the {t} failed",
    "Regression: {c} {v} the {t}",
];

pub(super) const FEATURE_TITLES: &[&str] = &[
    "Add a limit for the {t} to {c}",
    "Let {c} choose the {t} by itself",
    "Show the {t} in {c}",
    "Support more than one {t} in {c}",
    "Make the {t} of {c} configurable",
    "Offer a dry run for {c}",
    "Explain in {c} why the {t} was refused",
    "Remember the {t} between sessions",
    "Export the {t} of {c}",
];

pub(super) const TASK_TITLES: &[&str] = &[
    "Measure the {q} of {c} {w}",
    "Write tests for the {t} of {c}",
    "Document how {c} handles the {t}",
    "Move the {t} out of {c}",
    "Split {c} from {o}",
    "Find out why {c} needs the {t}",
    "Review the {t} of {c}",
    "Simplify the {t} in {c}",
    "Replace the hand-written {t} in {c}",
];

pub(super) const CHORE_TITLES: &[&str] = &[
    "Update {d}",
    "Remove the unused {t} from {c}",
    "Rename the {t} in {c}",
    "Turn on stricter lints for {c}",
    "Delete the old {t} tests",
    "Pin {d} in the nightly build",
    "Tidy the log messages of {c}",
];

pub(super) const EPIC_TITLES: &[&str] = &[
    "Better {q} for {c}",
    "{c}, second version",
    "One {t} for {c} and {o}",
    "Make {c} survive failures",
    "Retire the old {t}",
];

pub(super) const OPENINGS: &[&str] = &[
    "{c} {v} the {t} {w}.",
    "since the last release we see this: {s}, mostly {w}.",
    "while working on {o} I noticed that {c} {v} the {t}.",
    "several people asked for this {w}.",
    "the {t} of {c} was meant for a few hundred entries and now holds {k}.",
    "we decided in the planning to look at the {q} of {c} first.",
    "{c} and {o} each have their own {t}, and they disagree {w}.",
    "this came up in the review of the {t}.",
];

pub(super) const SENTENCES: &[&str] = &[
    "it happens about once in {n} runs, and always {w}.",
    "the {t} itself is fine; what is wrong is the order in which {c} asks for it.",
    "before the change it took {n} ms, now it takes {k} ms.",
    "restarting {c} helps, but only until the next {t}.",
    "I could not find a test that covers the {t} {w}.",
    "the log shows {n} attempts and then nothing.",
    "a workaround is to turn the {t} off in the settings.",
    "we should keep the old behaviour for one release and warn.",
    "{o} has the same problem, though nobody has complained yet.",
    "this needs no new setting if we choose the limit well.",
    "the documentation promises something else: it says that {c} waits for the {t}.",
    "on a machine with {n} cores the {q} is much better.",
    "the simplest fix is to read the {t} once and pass it along.",
    "a second pass over {k} entries is cheap compared with that.",
    "please note that {o} relies on the current order.",
    "nobody remembers why the {t} was added; the history says only \"needed for {o}\".",
    "with the patch applied the {q} stays flat {w}.",
    "there may be a race between {c} and {o}.",
    "the error message should name the {t} and say what to do.",
    "if the {t} is missing we return an empty answer, which hides the mistake.",
    "I would rather fail early here than guess.",
    "we measured this on {k} documents taken from the demo account.",
    "the numbers are from a warm cache; a cold one is {n} times slower.",
    "older clients don't send the {t}, so it has to stay optional.",
    "the same input gives a different {t} on the second run.",
    "most of the time goes into the {t}; the rest is noise.",
    "it would be good to have this before the next milestone, but it blocks nobody.",
    "see also the discussion about the {q} of {o}.",
    "only the first {n} entries are affected.",
    "the change is small, but it touches {c}, {o} and their tests.",
];

pub(super) const REPLIES: &[&str] = &[
    "I can reproduce this {w}.",
    "could not reproduce it with the current main branch.",
    "this is {c}, not {o}.",
    "thanks, that narrows it down a lot.",
    "I have a patch for the {t}; tests follow.",
    "picked this up.",
    "agreed, let us do the simple thing first.",
    "the {q} is back to normal since yesterday's deploy.",
    "moved to the next milestone because of the {t}.",
    "one more case: {s} {w}.",
    "do we still want this?",
    "bisected to {h}.",
    "the proposal looks right to me, except for the {t}.",
];

pub(super) const ITEMS: &[&str] = &[
    "open {c} {w}",
    "change the {t} and save",
    "wait for about {n} seconds",
    "the {t} is written exactly once",
    "a test fails without the change",
    "start {c} with an empty {t}",
    "look at the {q} in the dashboard",
    "remove the {t} from {o}",
    "{n} documents are enough to see it",
    "the old {t} is still readable",
    "errors name the file and the line",
    "keep {o} unchanged",
    "compare with the numbers from {n} weeks ago",
    "repeat it {w}",
    "ask whoever maintains {o}",
];

pub(super) const DONE_NOTES: &[&str] = &[
    "Fixed in {h}.",
    "Done: the {t} is read once now.",
    "Released; the {q} looks good after {n} days.",
    "Fixed together with {o}.",
    "Merged. {c} now names the {t} in its error.",
    "Test added, {n} cases.",
    "Documented, nothing to change in the code.",
    "Done. We kept the old {t} for one release.",
];

pub(super) const CANCELLED_NOTES: &[&str] = &[
    "Not planned: {o} covers this.",
    "Won't do, the {t} goes away with the next version.",
    "Cancelled, no report for {n} weeks.",
    "Out of scope for {c}.",
];

pub(super) const DUPLICATE_NOTES: &[&str] = &[
    "Duplicate, see the link.",
    "The same as the earlier report about the {t}.",
    "Duplicate of what we track for {o}.",
];

/// Samples of code and logs: the language and the lines.
pub(super) const CODE: &[(&str, &[&str])] = &[
    (
        "text",
        &[
            "2026-03-{y}T09:14:07Z INFO start pid={k} build={h}",
            "2026-03-{y}T09:14:08Z WARN {t}: retry {n} of {n}",
            "2026-03-{y}T09:14:11Z ERROR {t}: deadline exceeded after {k} ms",
            "2026-03-{y}T09:14:11Z DEBUG queue={n} waiting={n} id={h}",
            "2026-03-{y}T09:14:12Z INFO {t} written, {k} bytes",
        ],
    ),
    (
        "console",
        &[
            "$ docsync status --verbose",
            "{k} documents, {n} waiting, 0 failed",
            "warning: {t} is older than {n} days",
            "last run: {h} ({k} ms)",
            "$ docsync retry --limit {n}",
        ],
    ),
    (
        "rust",
        &[
            "let entry = cache.get(&key)?;",
            "if entry.age() > Duration::from_secs({n}) { return None; }",
            "assert_eq!(found.len(), {n});",
            "for chunk in chunks.iter().take({n}) { sink.write(chunk)?; }",
            "// {t}: see the comment in the caller",
        ],
    ),
    (
        "json",
        &[
            "{\"kind\": \"{t}\", \"id\": \"{h}\",",
            " \"size\": {k}, \"attempts\": {n},",
            " \"error\": \"{t} not found\",",
            " \"next\": null}",
        ],
    ),
    (
        "sql",
        &[
            "SELECT id, size FROM documents",
            "WHERE size > {k} AND state = {n}",
            "ORDER BY changed DESC LIMIT {n};",
            "-- {k} rows, {n} ms",
        ],
    ),
];
