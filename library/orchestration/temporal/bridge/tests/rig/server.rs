//! A development server of a test's own, in a directory of its own.

use super::{Client, Runtime, wait_until};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs};

/// Removed at the end.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("temporal-bridge-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new directory");
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Killed at the end.
pub struct Program(pub Child);

impl Program {
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let file = fs::File::create(log).expect("a log");
        let errors = file.try_clone().expect("a log");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        Program(child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}")))
    }

    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Waits until somebody listens there, for as long as the program runs.
    pub fn listens(&mut self, port: u16, log: &Path) {
        wait_until(|| {
            if let Ok(Some(status)) = self.0.try_wait() {
                panic!("ended with {status}:\n{}", fs::read_to_string(log).unwrap_or_default());
            }
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

pub struct Server {
    pub address: String,
    port: u16,
    program: Option<Program>,
    directory: Directory,
}

impl Server {
    pub fn start() -> Self {
        let port = free_port();
        let mut server =
            Server { address: format!("127.0.0.1:{port}"), port, program: None, directory: Directory::new() };
        server.start_again();
        server
    }

    pub fn start_again(&mut self) {
        let log = self.directory.0.join("server.log");
        let mut command = Command::new(program());
        command
            .args(["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "warn", "--port"])
            .arg(self.port.to_string())
            .arg("--db-filename")
            .arg(self.directory.0.join("temporal.db"));
        self.program = Some(Program::start(&mut command, &log));
        self.program.as_mut().unwrap().listens(self.port, &log);
        // It listens before it answers.
        let runtime = Runtime::new();
        let options = serde_json::json!({ "address": self.address }).to_string();
        wait_until(|| {
            Client::connect(&runtime, &options).is_ok_and(|client| {
                // DescribeNamespaceRequest{namespace: "default"}
                client.bytes("DescribeNamespace", b"\x0a\x07default", Duration::from_secs(5)).is_ok()
            })
        });
    }

    pub fn kill(&mut self) {
        self.program.take().expect("it runs").kill();
    }
}

fn program() -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../tools/runner/temporal_server");
    let found = Command::new(script).arg("--installed").output().expect(script);
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    String::from_utf8(found.stdout).unwrap().trim().into()
}
