//! Who calls: the process at the other end of a connection on this machine.
//!
//! **Role:** asked once for each connection. The credentials do not tell: the emulator gives all
//! functions the same ones.
//! **Invariant:** nobody is guessed. Where the system does not show its processes (only Linux
//! does, in `/proc`), or the process is gone already, the caller is [`UNKNOWN`].
//! Source: Linux's proc(5): `/proc/<pid>/fd`, `environ`, `comm`.

use std::collections::VecDeque;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::inode;

/// The name of a caller that cannot be told.
pub const UNKNOWN: &str = "unknown";

/// So many callers are looked at before all others.
const LAST: usize = 64;

/// Where Lambda tells a function its name.
const FUNCTION_NAME: &[u8] = b"AWS_LAMBDA_FUNCTION_NAME=";

/// A caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name of the Lambda function, or of the program if it is none.
    pub name: String,
    /// Its process.
    pub process: Option<u32>,
}

impl Caller {
    /// Nobody knows who.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            name: UNKNOWN.to_owned(),
            process: None,
        }
    }
}

/// Finds callers.
#[derive(Debug, Default)]
pub struct Callers {
    /// Who called last: they are looked at first, for they call again.
    last: Mutex<VecDeque<u32>>,
}

impl Callers {
    /// Finds who has the connection from `theirs` to `ours`. Reads files: not for a busy thread.
    #[must_use]
    pub fn find(&self, theirs: SocketAddr, ours: SocketAddr) -> Caller {
        let found = inode::of(theirs, ours).and_then(|inode| self.process_with(&format!("socket:[{inode}]")));
        let Some(process) = found else {
            return Caller::unknown();
        };
        Caller {
            name: name_of(&directory_of(process)),
            process: Some(process),
        }
    }

    fn last(&self) -> MutexGuard<'_, VecDeque<u32>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn process_with(&self, socket: &str) -> Option<u32> {
        let last: Vec<u32> = self.last().iter().copied().collect();
        let has_it = |process: &u32| has(&directory_of(*process), socket);
        let found = last.into_iter().find(has_it).or_else(|| {
            let all = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
            let mut all: Vec<u32> = all
                .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
                .collect();
            // Who began a program that has inherited the connection comes before it.
            all.sort_unstable();
            all.into_iter().find(has_it)
        })?;
        let mut last = self.last();
        last.retain(|process| *process != found);
        last.push_front(found);
        last.truncate(LAST);
        Some(found)
    }
}

fn directory_of(process: u32) -> PathBuf {
    Path::new("/proc").join(process.to_string())
}

fn has(process: &Path, socket: &str) -> bool {
    let files = fs::read_dir(process.join("fd"));
    let mut files = files.into_iter().flatten().filter_map(Result::ok);
    files.any(|file| fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == socket))
}

fn name_of(process: &Path) -> String {
    let environment = fs::read(process.join("environ")).unwrap_or_default();
    let function = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(FUNCTION_NAME));
    if let Some(name) = function {
        return String::from_utf8_lossy(name).into_owned();
    }
    let program = fs::read_to_string(process.join("comm")).unwrap_or_default();
    match program.trim() {
        "" => UNKNOWN.to_owned(),
        program => program.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_guessed() {
        let nobody = "127.0.0.1:1".parse().unwrap();
        assert_eq!(Callers::default().find(nobody, nobody), Caller::unknown());
    }
}
