//! Tests in a process of their own: those that end it, or that change or count what the whole
//! process has.
//!
//! The child is this very test program, told by an environment variable to run one test, with
//! nothing else beside it.

use std::{
    env,
    io::Read,
    os::unix::process::ExitStatusExt,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

const VARIABLE: &str = "LIF_TESTS_ALONE";

const PASSED: &str = "this test has passed in a process of its own";

/// Longer than the child's own watchdog.
const LIMIT: Duration = Duration::from_secs(90);

/// How a child has ended.
#[derive(Debug)]
pub struct Outcome {
    /// What it returned, or the signal that ended it.
    pub status: ExitStatus,
    /// What it wrote to standard output and standard error.
    pub output: String,
}

impl Outcome {
    /// Expects that the test has passed in the child.
    ///
    /// # Panics
    ///
    /// With what the child wrote, if it has not.
    #[track_caller]
    pub fn passed(&self) {
        // Without the mark the child has not even found its test.
        let passed = self.status.success() && self.output.contains(PASSED);
        assert!(passed, "the child has failed, {}:\n{}", self.status, self.output);
    }

    /// Expects that the child was ended by a signal, having written each of `texts`.
    ///
    /// # Panics
    ///
    /// With what the child wrote, if it was not so.
    #[track_caller]
    pub fn died_of(&self, signal: i32, texts: &[&str]) {
        assert_eq!(self.status.signal(), Some(signal), "{}:\n{}", self.status, self.output);
        for text in texts {
            assert!(self.output.contains(text), "no {text:?} in:\n{}", self.output);
        }
    }
}

/// Runs `body`, which is the whole of the calling test, in a process of its own, under a watchdog;
/// the caller gets the outcome.
///
/// # Panics
///
/// If the child cannot be started, or does not end.
pub fn alone<F: FnOnce()>(body: F) -> Outcome {
    // "crate::module::test::{{closure}}"
    let path = std::any::type_name::<F>();
    let name = path.trim_end_matches("::{{closure}}").split_once("::").map_or(path, |(_, at)| at);
    if env::var_os(VARIABLE).is_some_and(|which| which == name) {
        no_core_dump();
        let watchdog = crate::watch();
        watchdog.note(name);
        body();
        println!("{PASSED}");
        std::process::exit(0);
    }
    let mut child = Command::new(env::current_exe().expect("the test program has a path"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the test program starts");
    let out = gather(child.stdout.take().expect("piped"));
    let err = gather(child.stderr.take().expect("piped"));
    let id = libc::pid_t::try_from(child.id()).expect("a process id");
    let (ended, end) = mpsc::channel::<()>();
    let killer = thread::spawn(move || {
        let late = end.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout);
        if late {
            // SAFETY: the child has not been waited for yet, so the number is still its.
            unsafe { libc::kill(id, libc::SIGKILL) };
        }
        late
    });
    let text = |gathered: thread::JoinHandle<String>| gathered.join().expect("a reader ends");
    let output = text(out) + &text(err);
    // Its ends of the pipes are closed: it has ended or is about to.
    let status = child.wait().expect("a child can be waited for");
    drop(ended);
    assert!(!killer.join().expect("it ends"), "the child did not end in {LIMIT:?}:\n{output}");
    Outcome { status, output }
}

fn gather(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn no_core_dump() {
    limit(libc::RLIMIT_CORE, 0);
}

/// What glibc's headers make of the number of a limit, and what all others leave it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
type Resource = libc::c_int;

/// Sets a soft limit of this process, which must be a child of its own.
///
/// # Panics
///
/// If the process is not a child, or the system refuses.
pub fn limit(resource: Resource, value: libc::rlim_t) {
    assert!(env::var_os(VARIABLE).is_some(), "limits are for processes of their own");
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the place is ours.
    assert_eq!(unsafe { libc::getrlimit(resource, &mut now) }, 0);
    now.rlim_cur = value.min(now.rlim_max);
    // SAFETY: the value is ours.
    assert_eq!(unsafe { libc::setrlimit(resource, &now) }, 0);
}
