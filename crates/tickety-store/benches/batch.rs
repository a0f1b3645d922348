//! What a batch costs beside what the disk and SQLite take for the same bytes, measured in turns in one run.
//!
//! Run with `cargo xtask bench batch`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::print_stderr, reason = "a benchmark tells how far it is")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tickety_core::ident::IssueKey;
use tickety_core::issue::{CloseReason, Priority};
use tickety_core::operation::{Change, Draft, Operation};
use tickety_store::repo::{RepoOptions, RepoStore, init, processor_time};
use tickety_store::{Batch, IssueStorage as _};

/// How many single writes are measured; more are reckoned from them.
const SINGLES: u32 = 500;

struct Options {
    folder: PathBuf,
    size: u32,
    rounds: u32,
}

/// What a batch took.
#[derive(Clone, Copy)]
struct Took {
    acknowledged: Duration,
    /// What processors had spent when it was acknowledged, which tells more where others are at work.
    processor: Duration,
    visible: Duration,
    syncs: u64,
    peak_kib: u64,
}

/// What the same bytes take without Tickety.
#[derive(Clone, Copy)]
struct Floor {
    journal: Duration,
    journal_processor: Duration,
    files: Duration,
    rows: Duration,
}

fn main() {
    let options = options();
    let mut rounds = Vec::new();
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        rounds.push(measure(&options, round));
    }
    report(&options, &rounds);
}

fn options() -> Options {
    let mut options = Options { folder: std::env::temp_dir(), size: 10_000, rounds: 3 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--dir" => options.folder = words.next().expect("--dir names a folder").into(),
            "--size" => options.size = words.next().and_then(|size| size.parse().ok()).expect("--size takes a number"),
            "--quick" => options.rounds = 1,
            _ => {}
        }
    }
    options
}

/// The batches, what single writes take, and what the same bytes take: in one round.
struct Round {
    batches: [(&'static str, Took); 3],
    single: Duration,
    single_syncs: u64,
    floor: Floor,
    bytes: usize,
}

fn measure(options: &Options, round: u32) -> Round {
    let home = options.folder.join(format!("home-{round}"));
    let single_home = options.folder.join(format!("single-{round}"));
    for folder in [&home, &single_home] {
        fs::create_dir_all(folder).expect("the folder can be made");
        init(folder, "TIK").expect("a home can be made");
    }
    let store = open(&home);
    let creates = (0..options.size).map(|place| Operation::Create(Box::new(draft(place)))).collect();
    let (created, keys) = apply(&store, creates);
    let records = records(&home);
    let floor = floor(&options.folder.join(format!("floor-{round}")), &records);
    let update = |change: Change| {
        let update =
            |key: &IssueKey| Operation::Update { target: (*key).into(), expected: None, changes: vec![change.clone()] };
        keys.iter().map(update).collect::<Vec<_>>()
    };
    let (updated, _) = apply(&store, update(Change::Priority(Priority::High)));
    let (closed, _) = apply(&store, update(Change::Close { reason: CloseReason::Cancelled, note: None }));
    let single_store = open(&single_home);
    let before = single_store.effort().synced;
    let begun = Instant::now();
    for place in 0..SINGLES {
        apply(&single_store, vec![Operation::Create(Box::new(draft(place)))]);
    }
    let single = begun.elapsed() / SINGLES;
    let single_syncs = (single_store.effort().synced - before) / u64::from(SINGLES);
    let bytes = records.iter().map(|(_, bytes)| bytes.len()).sum();
    drop((store, single_store));
    for folder in [home, single_home, options.folder.join(format!("floor-{round}"))] {
        fs::remove_dir_all(folder).expect("the folder is ours");
    }
    let batches = [("create", created), ("update", updated), ("close", closed)];
    Round { batches, single, single_syncs, floor, bytes }
}

fn open(folder: &Path) -> RepoStore {
    RepoStore::open(folder, RepoOptions::default()).expect("the home can be opened")
}

/// An issue whose file has about 1 KB.
fn draft(place: u32) -> Draft {
    let mut body = String::new();
    for word in 0..100 {
        let _ = write!(body, "word{} ", (place.wrapping_mul(31) + word * 7) % 5_000);
    }
    Draft { body, labels: ["bench".to_owned()].into(), ..Draft::new(format!("An issue with number {place}")) }
}

fn apply(store: &RepoStore, operations: Vec<Operation>) -> (Took, Vec<IssueKey>) {
    let now = Timestamp::from_second(1_790_000_000).expect("a time");
    let batch = Batch::new(operations, Some("bench".to_owned()), now);
    let before = store.effort().synced;
    // What was written before is not to be written back meanwhile.
    reset_peak();
    let spent = processor_time();
    let begun = Instant::now();
    let outcome = pollster::block_on(store.apply(batch)).expect("the batch is valid");
    let visible = begun.elapsed();
    let durable = store.last_durable().expect("something was written");
    let took = Took {
        acknowledged: durable.at.duration_since(begun),
        processor: durable.processor - spent,
        visible,
        syncs: store.effort().synced - before,
        peak_kib: peak(),
    };
    (took, outcome.outcomes.iter().map(|outcome| outcome.key).collect())
}

/// Lets the kernel count the peak of memory anew.
fn reset_peak() {
    // Where it can't, the peak is that of the process.
    fs::write("/proc/self/clear_refs", "5").ok();
}

fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

fn records(home: &Path) -> Vec<(String, Vec<u8>)> {
    let mut records = Vec::new();
    for shard in fs::read_dir(home.join(".tickety/issues")).expect("there are issues") {
        for file in fs::read_dir(shard.expect("it can be listed").path()).expect("it is a folder") {
            let path = file.expect("it can be listed").path();
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            records.push((name, fs::read(path).expect("it can be read")));
        }
    }
    records
}

fn floor(folder: &Path, records: &[(String, Vec<u8>)]) -> Floor {
    fs::create_dir_all(folder).expect("the folder can be made");
    let all: Vec<u8> = records.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    let mut journal = File::create(folder.join("journal")).expect("the file can be made");
    let spent = processor_time();
    let begun = Instant::now();
    journal.write_all(&all).expect("there is room");
    journal.sync_data().expect("the disk works");
    let journal = begun.elapsed();
    let journal_processor = processor_time() - spent;

    let begun = Instant::now();
    for (place, (name, bytes)) in records.iter().enumerate() {
        let shard = folder.join(format!("{:03}", place / 1_000));
        if place % 1_000 == 0 {
            fs::create_dir(&shard).expect("the folder can be made");
        }
        let aside = shard.join(format!(".new-{name}"));
        fs::write(&aside, bytes).expect("there is room");
        fs::rename(aside, shard.join(name)).expect("the folder is ours");
    }
    let files = begun.elapsed();

    let texts: Vec<&str> = records.iter().map(|(_, bytes)| str::from_utf8(bytes).expect("records are UTF-8")).collect();
    let mut database = rusqlite::Connection::open(folder.join("index.db")).expect("the database can be made");
    let schema = "CREATE TABLE issues (id INTEGER PRIMARY KEY, name TEXT UNIQUE, status TEXT, priority INTEGER,
            created INTEGER, bytes INTEGER);
        CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='unicode61');";
    database.execute_batch(schema).expect("the tables can be made");
    let begun = Instant::now();
    let transaction = database.transaction().expect("nobody else is there");
    {
        let row = "INSERT INTO issues VALUES (?1, ?2, 'open', 2, 1790000000, ?3)";
        let mut row = transaction.prepare(row).expect("it is SQL");
        let mut words = transaction.prepare("INSERT INTO words (rowid, text) VALUES (?1, ?2)").expect("it is SQL");
        for (id, ((name, bytes), text)) in records.iter().zip(texts).enumerate() {
            row.execute((id as i64 + 1, name, bytes.len() as i64)).expect("the name is another one");
            words.execute((id as i64 + 1, text)).expect("it is text");
        }
    }
    transaction.commit().expect("there is room");
    Floor { journal, journal_processor, files, rows: begun.elapsed() }
}

fn median<T: Copy>(rounds: &[Round], figure: impl Fn(&Round) -> T, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> T {
    let mut figures: Vec<T> = rounds.iter().map(figure).collect();
    figures.sort_by(|one, other| order(one, other));
    figures[figures.len() / 2]
}

fn report(options: &Options, rounds: &[Round]) {
    let time = |figure: &dyn Fn(&Round) -> Duration| median(rounds, figure, Duration::cmp);
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    let journal = time(&|round| round.floor.journal);
    let files = time(&|round| round.floor.files);
    let rows = time(&|round| round.floor.rows);
    let all = journal + files + rows;
    let single = time(&|round| round.single);
    println!("\n{} issues in {} bytes, median of {}:\n", options.size, rounds[0].bytes, rounds.len());
    println!("| the same bytes without Tickety | |\n| --- | --- |");
    let journal_processor = time(&|round| round.floor.journal_processor);
    println!("| J: one write and fdatasync | {}, of a processor {} |", ms(journal), ms(journal_processor));
    println!("| F: creating and renaming the files | {} |", ms(files));
    println!("| R: inserting rows and words (FTS5) | {} |", ms(rows));
    println!("| {SINGLES} single creates, each | {} |\n", ms(single));
    println!("| batch | figure | | limit | measured ÷ limit | target | |\n| --- | --- | --- | --- | --- | --- | --- |");
    for place in 0..3 {
        let name = rounds[0].batches[place].0;
        let acknowledged = time(&|round| round.batches[place].1.acknowledged);
        let visible = time(&|round| round.batches[place].1.visible);
        let line = |figure: &str, measured: Duration, limit: Duration, factor: f64, target: &str| {
            let ratio = measured.as_secs_f64() / limit.as_secs_f64();
            let reached = if ratio <= factor { "reached" } else { "**missed**" };
            println!("| {name} | {figure} | {} | {} | {ratio:.2} | {target} | {reached} |", ms(measured), ms(limit));
        };
        line("acknowledged", acknowledged, journal, 1.5, "1.5 J");
        let processor = time(&|round| round.batches[place].1.processor);
        println!("| {name} | time of processors until then | {} | | | | |", ms(processor));
        line("visible and indexed", visible, all, 1.4, "1.4 (J + F + R)");
        let singles = single * options.size;
        line("against single writes", visible, singles, 0.1, "a tenth");
        let took = median(rounds, |round| round.batches[place].1, |one, other| one.peak_kib.cmp(&other.peak_kib));
        let syncs = rounds[0].single_syncs;
        let same = if took.syncs == syncs { "reached" } else { "**missed**" };
        println!("| {name} | syncs | {} | {syncs} | | as for a single write | {same} |", took.syncs);
        println!("| {name} | peak memory | {:.1} MB | | | | |", took.peak_kib as f64 / 1024.0);
    }
}
