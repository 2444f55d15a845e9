//! Who calls: the process at the other end of a connection on this machine.
//!
//! **Role:** asked once for each connection. The credentials do not tell: the emulator gives all
//! functions the same ones.
//! **Invariant:** nobody is guessed. Where the system does not show its processes (only Linux
//! does, in `/proc`), or the process is gone already, the caller is [`UNKNOWN`].
//! Source: Linux's proc(5) and proc_pid_net(5): `/proc/net/tcp`, `/proc/<pid>/fd`, `environ`, `comm`.

use std::collections::VecDeque;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
        let found = inode_of(theirs, ours).and_then(|inode| self.process_with(&format!("socket:[{inode}]")));
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
            all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
                .find(has_it)
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

/// The inode of the socket whose own address is `theirs`.
fn inode_of(theirs: SocketAddr, ours: SocketAddr) -> Option<String> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    inode_in(&table, theirs, ours)
}

/// The same in a table: searched as one text, for it has a line for each connection of the machine.
fn inode_in(table: &str, theirs: SocketAddr, ours: SocketAddr) -> Option<String> {
    let both = format!(" {} {} ", in_table(theirs)?, in_table(ours)?);
    let (_, rest) = table.split_once(&both)?;
    // Behind the two addresses: state, queues, timer, retransmits, user, timeout, inode.
    Some(rest.lines().next()?.split_whitespace().nth(6)?.to_owned())
}

/// An address as the table has it: in the machine's byte order, in hex.
fn in_table(address: SocketAddr) -> Option<String> {
    match address {
        SocketAddr::V4(v4) => {
            let ip = u32::from_ne_bytes(v4.ip().octets());
            Some(format!("{ip:08X}:{:04X}", v4.port()))
        }
        SocketAddr::V6(_) => None,
    }
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
    fn addresses_are_written_as_the_table_has_them() {
        let address = "127.0.0.1:4566".parse().unwrap();
        let expected = if cfg!(target_endian = "little") {
            "0100007F:11D6"
        } else {
            "7F000001:11D6"
        };
        assert_eq!(in_table(address).unwrap(), expected);
        assert_eq!(in_table("[::1]:1".parse().unwrap()), None);
    }

    #[test]
    fn an_inode_is_that_of_the_callers_end() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:11D6 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 111 1 0 20\n   \
                     1: 0100007F:D431 0100007F:11D6 01 00000000:00000000 02:000AD1A3 00000000  1000        0 222 2 0 20\n";
        let (proxy, caller) = ("127.0.0.1:4566".parse().unwrap(), "127.0.0.1:54321".parse().unwrap());
        assert_eq!(inode_in(table, caller, proxy).as_deref(), Some("222"));
        assert_eq!(inode_in(table, proxy, caller).as_deref(), Some("111"));
        assert_eq!(inode_in(table, proxy, proxy), None);
        assert_eq!(inode_in("", caller, proxy), None);
    }

    #[test]
    fn nobody_is_guessed() {
        let nobody = "127.0.0.1:1".parse().unwrap();
        assert_eq!(Callers::default().find(nobody, nobody), Caller::unknown());
    }
}
