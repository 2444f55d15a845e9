//! The caller: the process at the other end of a local connection.
//!
//! **Role:** consulted once per connection. The credentials do not help: the emulator gives all functions the same
//! ones.
//! **Invariant:** no guesses. The caller is [`UNKNOWN`] if its process has ended. It is also unknown where the system
//! does not show its processes; only Linux does, in `/proc`. Source: Linux's proc(5): `/proc/<pid>/fd`, `environ`,
//! `comm`.

use std::collections::VecDeque;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::inode;

/// The name of an unknown caller.
pub const UNKNOWN: &str = "unknown";

/// The number of recent callers that are checked before all others.
const LAST: usize = 64;

/// The environment variable in which Lambda gives a function its name.
const FUNCTION_NAME: &[u8] = b"AWS_LAMBDA_FUNCTION_NAME=";

/// A caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name of the Lambda function; for any other process, the name of its program.
    pub name: String,
    /// The caller's process.
    pub process: Option<u32>,
}

impl Caller {
    /// Returns an unknown caller.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            name: UNKNOWN.to_owned(),
            process: None,
        }
    }
}

/// The finder of callers.
#[derive(Debug, Default)]
pub struct Callers {
    /// The recent callers, newest first. They are checked first, because they call again.
    last: Mutex<VecDeque<u32>>,
}

impl Callers {
    /// Finds the process that holds the connection from `theirs` to `ours`. Reads files: not for a busy thread.
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
            // A parent has a lower id than the child that inherited its connection.
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
    fn a_missing_connection_has_an_unknown_caller() {
        let nobody = "127.0.0.1:1".parse().unwrap();
        assert_eq!(Callers::default().find(nobody, nobody), Caller::unknown());
    }
}
