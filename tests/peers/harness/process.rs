//! A child process that ends with its test, and a directory that does.

use std::io::Read;
#[cfg(feature = "tls")]
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::WATCHDOG;

/// A running program and what it has said.
pub(crate) struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    pub(crate) out: Arc<Output>,
    pub(crate) err: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let input = child.stdin.take();
        let (out, err) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().unwrap(), &out),
            collect(child.stderr.take().unwrap(), &err),
        ];
        Self { name, child, input, out, err, readers }
    }

    /// Runs a program that comes to its end by itself, and wants it to succeed.
    pub(crate) fn run(command: &mut Command) -> Vec<u8> {
        let mut process = Self::start(command);
        process.input = None;
        process.succeed()
    }

    /// Waits for the end and gives what was said on standard output.
    pub(crate) fn succeed(&mut self) -> Vec<u8> {
        let status = self.wait();
        let said = self.err.text();
        assert!(status.success(), "{} ends with {status}: {said}", self.name);
        self.out.bytes()
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        // Both pipes are closed when the process is gone, so there is nothing to poll for.
        self.out.wait(&self.name, |_, ended| ended.then_some(()));
        self.err.wait(&self.name, |_, ended| ended.then_some(()));
        self.child.wait().unwrap()
    }

    /// Writes to standard input.
    #[cfg(feature = "tls")]
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    pub(crate) fn terminate(&mut self) {
        self.signal("TERM");
        self.wait();
    }

    /// Takes it away without a word.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let command = format!("kill -{signal} {}", self.child.id());
        let status = Command::new("/bin/sh").args(["-c", &command]).status().unwrap();
        assert!(status.success(), "{command}");
    }

    /// Everything it has said, for the text of a failure.
    pub(crate) fn text(&self) -> String {
        format!("{} said:\n{}\n{}", self.name, tail(&self.out), tail(&self.err))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        if thread::panicking() {
            eprintln!("{}", self.text());
        }
    }
}

/// The bytes from a pipe, and whether it was closed.
#[derive(Default)]
pub(crate) struct Output {
    bytes: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

impl Output {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().0.clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// Waits until `look` finds something in the bytes so far; it is told whether they are all.
    pub(crate) fn wait<T>(&self, name: &str, mut look: impl FnMut(&[u8], bool) -> Option<T>) -> T {
        let deadline = Instant::now() + WATCHDOG;
        let mut state = self.bytes.lock().unwrap();
        loop {
            if let Some(found) = look(&state.0, state.1) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let said = String::from_utf8_lossy(&state.0).into_owned();
                drop(state);
                panic!("{name} has not said it in time, but: {said}");
            }
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits for a text, and gives everything up to its end.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let found = self.wait(text, |bytes, ended| match find(bytes, text.as_bytes()) {
            Some(at) => Some(Ok(bytes[..at + text.len()].to_vec())),
            None => ended.then(|| Err(bytes.to_vec())),
        });
        match found {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(bytes) => panic!("no {text:?} in: {}", String::from_utf8_lossy(&bytes)),
        }
    }
}

/// The last words, where the reason for a failure is.
fn tail(output: &Output) -> String {
    let bytes = output.bytes();
    let start = bytes.len().saturating_sub(4000);
    String::from_utf8_lossy(&bytes[start..]).into_owned()
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

fn collect(mut pipe: impl Read + Send + 'static, output: &Arc<Output>) -> JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        loop {
            let count = pipe.read(&mut buffer).unwrap_or(0);
            let mut state = output.bytes.lock().unwrap();
            state.0.extend_from_slice(&buffer[..count]);
            state.1 = count == 0;
            output.changed.notify_all();
            if count == 0 {
                return;
            }
        }
    })
}

/// A new directory that is removed at the end.
pub(crate) struct TempDir {
    path: PathBuf,
}

impl TempDir {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mqttlink-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it, as text for a configuration or a command line.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path
            .join(name)
            .to_str()
            .expect("the directory for temporary files has a printable path")
            .to_owned()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
