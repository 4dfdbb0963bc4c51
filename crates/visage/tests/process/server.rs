//! The program, started and ended as an operator, or a power cut, would.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::wait::eventually;

/// A data folder with the settings that its servers and commands run with.
pub(crate) struct Site {
    /// Where the program is started; also the place for a test's own files.
    pub(crate) folder: TempDir,
    /// The data folder, as the program sees it.
    pub(crate) data: PathBuf,
    /// The address of the server, the same over restarts because saved URLs carry it.
    pub(crate) address: String,
    /// What stands in front of the program on the command line.
    pub(crate) wrapper: Vec<String>,
    /// How long commands that reap give an exchange: longer than the media host may take.
    pub(crate) pending_grace: &'static str,
    settings: BTreeMap<String, String>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A working server. It is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

/// Settings with which a command does not wait: a settled state is minutes away otherwise.
const IMPATIENT: &[(&str, &str)] = &[
    ("VISAGE_HTTP__REQUEST_TIMEOUT", "1s"),
    ("VISAGE_REAPER__PURGE_DELAY", "2s"),
];

impl Site {
    /// A fresh data folder. Only commands reap, unless `settings` say otherwise.
    pub(crate) fn new(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let mut all = BTreeMap::from([
            ("VISAGE_LISTEN".to_owned(), address.clone()),
            ("VISAGE_AUTH__BCRYPT_COST".to_owned(), "4".to_owned()),
            ("VISAGE_RATE_LIMIT__CHANGES_BURST".to_owned(), "100000".to_owned()),
            ("VISAGE_RATE_LIMIT__REGISTRATIONS_BURST".to_owned(), "100000".to_owned()),
            ("VISAGE_REAPER__INTERVAL".to_owned(), "1h".to_owned()),
            // How full the machine's disk is must not matter.
            ("VISAGE_LIMITS__DISK_RESERVE_PERCENT".to_owned(), "0".to_owned()),
            // Small pictures are quickly made, also by a debug build.
            (
                "VISAGE_PROFILE__TRANSFORMATION".to_owned(),
                "c_thumb,g_face,h_40,w_40/f_auto,q_auto".to_owned(),
            ),
        ]);
        all.extend(settings.iter().map(owned));
        Self {
            data: folder.path().join("data"),
            folder,
            address,
            wrapper: Vec::new(),
            pending_grace: "2s",
            settings: all,
        }
    }

    /// Where the server is reached.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts a server and waits until it is ready.
    pub(crate) fn start(&self) -> Server {
        self.start_with(&[])
    }

    /// As [`Self::start`], with more settings.
    pub(crate) fn start_with(&self, settings: &[(&str, &str)]) -> Server {
        self.started(self.begin_start(settings)).0
    }

    /// Waits until a server is ready; also gives what it says on its standard output, as it comes.
    pub(crate) fn started(&self, mut server: Server) -> (Server, Arc<Mutex<Vec<String>>>) {
        let said = Arc::new(Mutex::new(Vec::new()));
        collect(server.child.stdout.take().unwrap(), &said);
        eventually("the server is ready", || {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended instead of starting: {ended:?}");
            let said = said.lock().unwrap();
            let address = format!("  address         {}", self.url());
            said.iter().any(|line| line == "visage is ready").then_some(())?;
            said.contains(&address).then_some(())
        });
        (server, said)
    }

    /// Starts a server and does not wait for it.
    pub(crate) fn begin_start(&self, settings: &[(&str, &str)]) -> Server {
        self.begin(&["serve"], settings)
    }

    /// Starts a command and does not wait for it.
    pub(crate) fn begin(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Server {
        let mut child = self.command(arguments, settings).spawn().unwrap();
        let log = Arc::default();
        collect(child.stderr.take().unwrap(), &log);
        Server { child, log }
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Ended {
        let mut child = self.command(arguments, settings).spawn().unwrap();
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = [
            collect(child.stdout.take().unwrap(), &stdout),
            collect(child.stderr.take().unwrap(), &stderr),
        ];
        let mut server = Server {
            child,
            log: Arc::clone(&stderr),
        };
        let status = server.wait();
        for reader in readers {
            reader.join().unwrap();
        }
        let text = |lines: Arc<Mutex<Vec<String>>>| lines.lock().unwrap().join("\n");
        Ended {
            code: status.code(),
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }

    /// Reaps once with short graces.
    pub(crate) fn reap(&self, arguments: &[&str]) {
        let arguments: Vec<&str> = ["reap", "--json"].iter().chain(arguments).copied().collect();
        let grace = ("VISAGE_REAPER__PENDING_GRACE", self.pending_grace);
        let ended = self.run(&arguments, &[IMPATIENT, &[grace]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// Reaps until nothing is under way any more.
    pub(crate) fn settle(&self, arguments: &[&str]) {
        eventually("everything is settled", || {
            self.reap(arguments);
            if arguments.contains(&"--at-once") {
                // What a server has doomed waits for longer than a command with short graces looks ahead.
                assert_eq!(self.run(&["reap", "--at-once"], &[]).code, Some(0));
            }
            let (_, audit) = self.audit();
            let open = [
                "pending_exchanges",
                "expired_media",
                "taken_in",
                "pending_uploads",
                "doomed_uploads",
            ];
            open.iter().all(|name| audit[*name] == 0).then_some(())
        });
    }

    /// The exit code and the counts of a strict audit.
    pub(crate) fn audit(&self) -> (Option<i32>, Value) {
        let ended = self.run(&["audit", "--json", "--strict"], &[]);
        let counts = serde_json::from_str(&ended.stdout);
        (ended.code, counts.unwrap_or_else(|_| panic!("{ended:?}")))
    }

    /// Checks that exactly `assets` pictures are stored, all of them good, and nothing else.
    #[track_caller]
    pub(crate) fn assert_clean(&self, assets: u64) {
        let (code, audit) = self.audit();
        for name in [
            "dangling_references",
            "missing_originals",
            "damaged_originals",
            "unreferenced_assets",
            "stray_blobs",
            "temporary_files",
        ] {
            assert_eq!(audit[name], 0, "{name} in {audit}");
        }
        assert_eq!(audit["assets"], assets, "{audit}");
        assert_eq!(code, Some(0), "{audit}");
    }

    /// The files of all stored originals.
    pub(crate) fn originals(&self) -> Vec<PathBuf> {
        let shards = files_in(&self.data.join("blobs/originals"));
        shards.iter().flat_map(|shard| files_in(shard)).collect()
    }

    fn command(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
        let program = env!("CARGO_BIN_EXE_visage").to_owned();
        let line: Vec<String> = self.wrapper.iter().cloned().chain([program]).collect();
        let mut command = Command::new(&line[0]);
        command
            .args(&line[1..])
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(&self.settings)
            .envs(settings.iter().map(owned))
            .env("VISAGE_DATA", &self.data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Server {
    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the program ends", || self.child.try_wait().unwrap())
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it has logged `text`.
    pub(crate) fn wait_for_log(&self, text: &str) {
        eventually(text, || {
            let log = self.log.lock().unwrap();
            log.iter().any(|line| line.contains(text)).then_some(())
        });
    }

    /// Whether it has logged `text` so far.
    pub(crate) fn has_logged(&self, text: &str) -> bool {
        self.log.lock().unwrap().iter().any(|line| line.contains(text))
    }

    /// What its descriptors stand for.
    pub(crate) fn descriptors(&self) -> Vec<String> {
        let folder = format!("/proc/{}/fd", self.pid());
        let links = fs::read_dir(folder).unwrap().map(|link| link.unwrap().path());
        // One that is closed meanwhile is not counted.
        links
            .filter_map(|link| Some(fs::read_link(link).ok()?.display().to_string()))
            .collect()
    }

    /// A figure of `/proc/…/status` in bytes: `VmRSS` is what it uses, `VmHWM` the most so far.
    pub(crate) fn memory_bytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        let kibibytes = line.split_whitespace().nth(1).unwrap();
        kibibytes.parse::<u64>().unwrap() * 1024
    }

    /// From here on `VmHWM` begins anew (proc(5), `clear_refs`).
    pub(crate) fn forget_peak_memory(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            let log = self.log.lock().unwrap();
            eprintln!("--- the end of what the program logged");
            for line in log.iter().rev().take(40).rev() {
                eprintln!("{line}");
            }
        }
    }
}

/// Reads lines as they come, so that the program is never held up.
fn collect(output: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) -> thread::JoinHandle<()> {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    })
}

fn owned((name, value): &(&str, &str)) -> (String, String) {
    ((*name).to_owned(), (*value).to_owned())
}

pub(crate) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

/// A port below those that the system gives to outgoing connections: one of these could take the port of a server that is
/// down, or even connect to itself there.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let seed = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 20_000 + (seed + NEXT.fetch_add(1, Ordering::Relaxed) * 7) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
