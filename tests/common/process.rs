//! The real program, as a person or a service manager runs it.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::http::Client;
use super::wait::soon;

/// A run of `camgate`. It is killed when this is dropped.
pub struct Camgate {
    child: Child,
    stdout: watch::Receiver<String>,
    stderr: watch::Receiver<String>,
    /// Its working directory: it has no `.env`.
    _directory: TempDir,
}

impl Camgate {
    /// Runs it with `arguments`, and of the environment nothing but `settings`.
    pub fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_camgate"));
        command.args(arguments).env_clear().envs(settings.iter().copied()).current_dir(directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdout = gather(child.stdout.take().unwrap());
        let stderr = gather(child.stderr.take().unwrap());
        Self { child, stdout, stderr, _directory: directory }
    }

    /// Runs the gateway on a free port of loopback, and waits until it listens.
    pub async fn serve(settings: &[(&str, &str)]) -> (Self, Client) {
        let mut all = vec![("HOST", "127.0.0.1"), ("PORT", "0"), ("HLS_SEGMENT_TIME", "0.5")];
        all.extend(settings);
        let process = Self::run(&[], &all);
        let json = settings.contains(&("LOG_FORMAT", "json"));
        let mark = if json { "\"address\":\"" } else { "address=" };
        let word = process.stderr_after(mark).await;
        let address = word.split('"').next().unwrap_or_default().parse().unwrap();
        (process, Client { address })
    }

    /// The word that follows `mark` on standard output, once it is there and whole.
    pub async fn stdout_after(&self, mark: &str) -> String {
        word_after(self.stdout.clone(), mark).await
    }

    /// The same on standard error.
    pub async fn stderr_after(&self, mark: &str) -> String {
        word_after(self.stderr.clone(), mark).await
    }

    /// The most memory that it has had in RAM so far, in bytes.
    pub fn peak_memory(&self) -> usize {
        self.status_number("VmHWM") << 10
    }

    /// The memory that it has in RAM now, in bytes.
    pub fn memory(&self) -> usize {
        self.status_number("VmRSS") << 10
    }

    /// Its threads.
    pub fn threads(&self) -> usize {
        self.status_number("Threads")
    }

    /// Its open files, sockets among them.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(self.proc("fd")).unwrap().count()
    }

    /// Its open files with that in their names.
    pub fn open_files_named(&self, name: &str) -> usize {
        let names =
            std::fs::read_dir(self.proc("fd")).unwrap().filter_map(|file| file.ok()?.path().read_link().ok());
        names.filter(|link| link.to_string_lossy().contains(name)).count()
    }

    /// Its process id.
    pub fn id(&self) -> String {
        self.child.id().unwrap().to_string()
    }

    /// The time that it has had of a CPU so far.
    pub fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(self.proc("stat")).unwrap();
        // The second field is the name, in parentheses; user and system time are the 14th and 15th, in ticks of 10 ms.
        let (_, rest) = stat.rsplit_once(')').unwrap();
        let ticks = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    fn status_number(&self, name: &str) -> usize {
        let status = std::fs::read_to_string(self.proc("status")).unwrap();
        let is_it =
            |line: &str| line.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')).map(str::to_owned);
        let value = status.lines().find_map(is_it).unwrap();
        value.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.id())
    }

    /// What it has printed on standard error so far.
    pub fn log(&self) -> String {
        self.stderr.borrow().clone()
    }

    /// Asks it to end, as a service manager does.
    pub async fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.id()]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Asks it to end, and waits for that.
    pub async fn ended_by_sigterm(self) -> (ExitStatus, String, String) {
        self.terminate().await;
        self.ended().await
    }

    /// Its end and all that it printed, on standard output and standard error.
    pub async fn ended(mut self) -> (ExitStatus, String, String) {
        let status = soon("the end of the process", self.child.wait()).await.unwrap();
        let (stdout, stderr) = (whole(self.stdout.clone()).await, whole(self.stderr.clone()).await);
        (status, stdout, stderr)
    }
}

/// A test that fails tells what the program said last.
impl Drop for Camgate {
    #[allow(clippy::print_stdout, reason = "the runner shows it with the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let skipped = log.lines().count().saturating_sub(40);
            let last: Vec<_> = log.lines().skip(skipped).collect();
            println!("the last lines of camgate's log:\n{}", last.join("\n"));
        }
    }
}

/// Collects what comes out of `pipe` until it closes.
fn gather(mut pipe: impl AsyncRead + Unpin + Send + 'static) -> watch::Receiver<String> {
    let (sender, receiver) = watch::channel(String::new());
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        while pipe.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {
            sender.send_replace(String::from_utf8_lossy(&bytes).into_owned());
        }
    });
    receiver
}

async fn whole(mut output: watch::Receiver<String>) -> String {
    // The end of the pipe closes the channel.
    let _ = soon("the end of the output", output.wait_for(|_| false)).await;
    output.borrow().clone()
}

async fn word_after(mut output: watch::Receiver<String>, mark: &str) -> String {
    let word = |output: &str| {
        let (_, rest) = output.split_once(mark)?;
        rest.split_once(char::is_whitespace).map(|(word, _)| word.to_owned())
    };
    let seen = soon(mark, output.wait_for(|output| word(output).is_some())).await.is_ok();
    let text = output.borrow().clone();
    assert!(seen, "{mark:?} is not in {text}");
    word(&text).unwrap()
}
