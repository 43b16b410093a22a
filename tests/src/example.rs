//! The examples as programs: found, built if need be, started, and ended.
//!
//! `cargo test --workspace` has built them by the time a test runs. Alone, a test builds what is
//! missing or older than its source. It knows how they are started and that a server's first line tells its address; what they do is
//! the matter of the tests.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

/// No step takes nearly as long, unless something hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The program of an example.
///
/// # Panics
///
/// If it cannot be built.
pub fn program(name: &str) -> PathBuf {
    // This test is target/PROFILE/deps/NAME-HASH.
    let this = env::current_exe().unwrap();
    let profile = this.parent().and_then(Path::parent).expect("a test stands in deps");
    let program = profile.join("examples").join(name);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let source = manifest.with_file_name("runtime").join(format!("examples/{name}.rs"));
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    if changed(&program).is_none_or(|built| changed(&source).is_some_and(|text| text > built)) {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--package", "lif", "--examples", "--manifest-path"]).arg(&manifest);
        cargo.arg("--target-dir").arg(profile.parent().expect("a profile stands in a target"));
        // What describes this test is not for the build: some build scripts run again if it changes.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(&name);
            }
        }
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "{cargo:?} failed");
    }
    program
}

/// A program that runs, and is killed at the end at the latest.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// What it prints.
    pub lines: mpsc::Receiver<String>,
}

impl Running {
    /// Starts an example.
    ///
    /// # Panics
    ///
    /// If it cannot be built or started.
    #[must_use]
    pub fn start(name: &str, args: &[&str]) -> Running {
        let mut command = Command::new(program(name));
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        Running { child, lines }
    }

    /// A server on a free port, and the address that its first line tells.
    ///
    /// # Panics
    ///
    /// If it does not tell one in time.
    #[must_use]
    pub fn server(name: &str, args: &[&str]) -> (Running, SocketAddr) {
        let running = Running::start(name, &[&["127.0.0.1:0"], args].concat());
        let line = running.line();
        let address = line.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_end_matches('/');
        let address = address.parse().unwrap_or_else(|_| panic!("no address in {line:?}"));
        (running, address)
    }

    /// The next line that it prints.
    ///
    /// # Panics
    ///
    /// If none comes in time.
    #[must_use]
    pub fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line in time")
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If it does not end in time.
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("the program does not end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is no failure here.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Reads a pipe on a thread, so that a silent program cannot hang the test.
fn lines_of(pipe: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Connects a thread's stream that gives up in time.
///
/// # Panics
///
/// If that fails.
#[must_use]
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}
