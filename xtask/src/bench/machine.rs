//! Where figures come from: they mean nothing without.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::read;

/// Describes the machine, the file system of a folder, and the day.
pub(super) fn describe(folder: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, name)| name);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let date = read(Command::new("date").args(["--utc", "+%F"])).unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{}; {cores} cores ({cpu}), {:.0} GB, Linux {}, {}; load at the end {}",
        date.trim(),
        memory.unwrap_or(0) as f64 * 1024.0 / 1e9,
        kernel.trim(),
        file_system(&mounts, folder).unwrap_or("unknown file system"),
        load.split(' ').next().unwrap_or_default(),
    )
}

/// Returns the type of the file system that a folder lies on.
fn file_system<'a>(mounts: &'a str, folder: &Path) -> Option<&'a str> {
    let mounts = mounts.lines().filter_map(|line| {
        // "36 35 98:0 /root /mount/point options - type source options"
        let (before, after) = line.split_once(" - ")?;
        Some((before.split(' ').nth(4)?, after.split(' ').next()?))
    });
    mounts.filter(|(point, _)| folder.starts_with(point)).max_by_key(|(point, _)| point.len()).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n23 22 0:5 / /tmp rw - tmpfs tmpfs rw\n";
        assert_eq!(file_system(mounts, Path::new("/tmp/x")), Some("tmpfs"));
        assert_eq!(file_system(mounts, Path::new("/tmpx")), Some("ext4"));
    }
}
