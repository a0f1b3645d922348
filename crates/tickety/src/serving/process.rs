//! What the system knows of this process, under the names that all exporters use.

use std::fs;

use tickety_server::metrics::Exposition;

/// Says what can be found out; elsewhere than on Linux, nothing.
pub fn figures(more: &mut Exposition) {
    if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(Stat::parse) {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let cpu = "Processor time of user and system, in seconds";
        more.counter("process_cpu_seconds_total", cpu, &[], stat.ticks as f64 / ticks);
        more.gauge("process_virtual_memory_bytes", "Virtual memory", &[], stat.virtual_bytes as f64);
        let resident = stat.resident_pages as f64 * rustix::param::page_size() as f64;
        more.gauge("process_resident_memory_bytes", "Memory that is in use", &[], resident);
        more.gauge("process_threads", "Threads", &[], stat.threads as f64);
        if let Some(booted) = booted() {
            let start = booted + stat.start as f64 / ticks;
            more.gauge("process_start_time_seconds", "When the process began, since 1970", &[], start);
        }
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // One of them is the folder that is being read.
        more.gauge("process_open_fds", "Files that are open", &[], files.count().saturating_sub(1) as f64);
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limit = limit.map_or(f64::INFINITY, |limit| limit as f64);
        more.gauge("process_max_fds", "How many files may be open", &[], limit);
    }
}

/// What `/proc/self/stat` says; see proc(5).
#[derive(PartialEq, Eq, Debug)]
struct Stat {
    ticks: u64,
    threads: u64,
    start: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name before may hold anything, a `)` too. The field after it is the third.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            ticks: field(14)? + field(15)?,
            threads: field(20)?,
            start: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// Returns when the system was started, in seconds since 1970.
fn booted() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_hides_no_field() {
        let text = "7 (a) b) S 1 7 7 0 -1 4194560 9 0 0 0 120 30 0 0 20 0 5 0 4242 10485760 256 18446744073709551615";
        let expected = Stat { ticks: 150, threads: 5, start: 4242, virtual_bytes: 10_485_760, resident_pages: 256 };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("nonsense"), None);
    }
}
