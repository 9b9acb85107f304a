//! The process as the operating system sees it (Linux; elsewhere these are left out), under the names that all
//! programs use.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::seen::one;

/// What `/proc` counts CPU time in: a hundredth of a second on every architecture that Rust runs on.
const TICKS_PER_SECOND: u32 = 100;

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Process {
    cpu_seconds: Option<f64>,
    resident_bytes: Option<u64>,
    open_files: Option<usize>,
}

impl Process {
    /// Reads `/proc`, which waits for no disk.
    pub(super) fn now() -> Self {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).ok();
        Self {
            cpu_seconds: read("stat").as_deref().and_then(cpu_seconds),
            resident_bytes: read("status").as_deref().and_then(resident_bytes),
            open_files: std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count),
        }
    }
}

/// The 14th and the 15th field of `/proc/self/stat`, user and system; the second is a name, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(|ticks| ticks.parse::<u32>().ok());
    let (user, system) = (ticks.next()??, ticks.next()??);
    Some((f64::from(user) + f64::from(system)) / f64::from(TICKS_PER_SECOND))
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut encoder;
        if let Some(seconds) = self.cpu_seconds {
            one(to, "cpu_seconds", "CPU time, user and system.", &ConstCounter::new(seconds))?;
        }
        if let Some(bytes) = self.resident_bytes {
            one(to, "resident_memory_bytes", "Memory in RAM.", &ConstGauge::new(bytes))?;
        }
        if let Some(files) = self.open_files {
            one(to, "open_fds", "Open files, sockets among them.", &ConstGauge::new(files))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_whatever_the_process_is_called() {
        let stat = "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 4 0 123";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(resident_bytes("VmHWM:\t  9 kB\nVmRSS:\t    12 kB\n"), Some(12 << 10));
        assert_eq!((cpu_seconds(""), resident_bytes("")), (None, None));
    }
}
