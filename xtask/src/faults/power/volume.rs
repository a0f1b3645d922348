//! A file system whose power can be cut, and what makes a program believe that the machine was started again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::program::installed;

/// How large the file system is.
const SIZE: u64 = 256 * 1024 * 1024;
/// How often a file system that is in use is tried again.
const TRIES: u32 = 100;
/// How long between two tries, and how long a machine takes to start before it mounts and after that: the time since
/// then is told in hundredths of a second, and is that at which a program was started.
const PAUSE: Duration = Duration::from_millis(50);

/// `EXT4_IOC_SHUTDOWN` without flushing the journal: what was not synced is lost as at a power cut.
const CUT: &str =
    r#"open(my $root, "<", $ARGV[0]) or die; my $how = pack("L", 2); ioctl($root, 0x8004587d, $how) or die $!;"#;

/// Runs a program after a start of the machine that never was: the id of the boot is that of a file, and the time since
/// then begins at a given hundredth of a second. Only this program and its children see it.
const BELIEVE: &str = r#"set -e
mount --bind "$1/boot_id" /proc/sys/kernel/random/boot_id
read up rest < /proc/uptime
since=$((${up%.*}${up#*.} - $2))
printf '%d.%02d 0.00\n' $((since / 100)) $((since % 100)) > "$1/uptime.$$"
mount --bind "$1/uptime.$$" /proc/uptime
rm "$1/uptime.$$"
shift 2
exec "$@""#;

/// A journaled ext4 in a file.
#[derive(Debug)]
pub(super) struct Volume {
    /// Where the file lies, and what the next start is told by.
    folder: PathBuf,
    /// Where it is mounted.
    root: PathBuf,
    /// How often its power was cut.
    cuts: u64,
    /// When it was mounted, in hundredths of a second since the machine was started.
    since: u64,
}

impl Volume {
    /// Makes one in a folder, which is made too.
    pub(super) fn make(folder: PathBuf) -> Result<Self> {
        let root = folder.join("root");
        fs::create_dir_all(&root)?;
        let mut volume = Self { folder, root, cuts: 0, since: 0 };
        File::create(volume.image())?.set_len(SIZE)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-O", "has_journal"]).arg(volume.image()))?;
        volume.mount()?;
        Ok(volume)
    }

    /// Returns where it is mounted.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Cuts the power.
    pub(super) fn cut(&self) -> Result<()> {
        run(Command::new("perl").args(["-e", CUT]).arg(&self.root)).map(drop)
    }

    /// Mounts it again as after a start of the machine: the file system replays its own journal.
    pub(super) fn start(&mut self) -> Result<()> {
        self.unmount()?;
        self.cuts += 1;
        std::thread::sleep(PAUSE);
        self.mount()?;
        // A process that was started meanwhile, with mounts of its own, may hold what was shut down.
        let probe = self.root.join("probe");
        for _ in 0..TRIES {
            if fs::write(&probe, "").and_then(|()| fs::remove_file(&probe)).is_ok() {
                std::thread::sleep(PAUSE);
                return Ok(());
            }
            self.unmount()?;
            std::thread::sleep(PAUSE);
            self.mount()?;
        }
        bail!("{} stays shut down", self.root.display())
    }

    /// Returns what starts a program as after the last start of the machine.
    pub(super) fn launcher(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = ["unshare", "--mount", "sh", "-c", BELIEVE, "sh"].map(OsString::from).into();
        words.extend([self.folder.clone().into_os_string(), self.since.to_string().into()]);
        words
    }

    fn image(&self) -> PathBuf {
        self.folder.join("image")
    }

    fn mount(&mut self) -> Result<()> {
        let uptime = fs::read_to_string("/proc/uptime")?;
        let digits: String =
            uptime.split(' ').next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
        self.since = digits.parse().with_context(|| format!("/proc/uptime says {uptime}"))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(&self.root))?;
        let number = self.cuts;
        fs::write(self.folder.join("boot_id"), format!("b007{:04x}-0000-4000-8000-{number:012x}\n", number & 0xffff))?;
        Ok(())
    }

    fn unmount(&self) -> Result<()> {
        let mut tries = 0;
        loop {
            match run(Command::new("umount").arg(&self.root)) {
                Ok(_) => return Ok(()),
                Err(error) if tries == TRIES => return Err(error),
                Err(_) => std::thread::sleep(PAUSE),
            }
            tries += 1;
        }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // If it can't be unmounted, the folder can't be removed, which tells.
        let _ = self.unmount();
    }
}

/// Says why the power of nothing can be cut here, if that is so.
pub(super) fn missing(folder: &Path) -> Option<String> {
    let programs = ["perl", "mkfs.ext4", "mount", "umount", "unshare"];
    if let Some(program) = programs.into_iter().find(|program| !installed(program)) {
        return Some(format!("{program} is not installed"));
    }
    let error = try_out(folder).err()?;
    let told = format!("{error:#}");
    // A table has one line for it.
    Some(told.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/"))
}

fn try_out(folder: &Path) -> Result<()> {
    if run(Command::new("id").arg("-u"))?.stdout.trim_ascii() != b"0" {
        bail!("needs root");
    }
    let folder = folder.join("power-try");
    let tried = Volume::make(folder.clone()).and_then(|mut volume| {
        let lost = volume.root().join("lost");
        fs::write(&lost, "not synced")?;
        volume.cut()?;
        volume.start()?;
        if lost.exists() {
            bail!("a file that was not synced is still there after a cut");
        }
        let launcher = volume.launcher();
        let told =
            run(Command::new(&launcher[0]).args(&launcher[1..]).args(["cat", "/proc/sys/kernel/random/boot_id"]))?;
        if !told.stdout.starts_with(b"b007") {
            bail!("the id of the boot can't be another");
        }
        Ok(())
    });
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    tried
}

/// Runs a program that has to succeed.
fn run(command: &mut Command) -> Result<Output> {
    let name = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("could not start {name}"))?;
    if !output.status.success() {
        bail!("{name}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output)
}
