//! The running processes of the stack's `send` function.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

/// The processes of one stack's `send` function.
#[derive(Debug, Clone)]
pub struct Senders {
    /// The directory to which the emulator unpacks this stack's functions.
    code: PathBuf,
}

impl Senders {
    pub(crate) fn of(state: &Path) -> Self {
        let code = state.join("data").join("tmp");
        Self {
            code: code.canonicalize().unwrap_or(code),
        }
    }

    /// Tells whether this system shows its processes.
    #[must_use]
    pub fn can_be_seen() -> bool {
        Path::new("/proc/self/environ").exists()
    }

    /// Returns their process ids.
    #[must_use]
    pub fn alive(&self) -> Vec<String> {
        let processes = fs::read_dir("/proc").expect("/proc can be read");
        let ids = processes.filter_map(|process| process.ok()?.file_name().into_string().ok());
        ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()) && self.is_one(id))
            .collect()
    }

    /// Returns the peak memory of any running sender, in kilobytes.
    #[must_use]
    pub fn most_memory_kb(&self) -> u64 {
        let most = |id: String| {
            let status = fs::read_to_string(Path::new("/proc").join(id).join("status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().trim_end_matches(" kB").parse().ok()
        };
        self.alive().into_iter().filter_map(most).max().unwrap_or_default()
    }

    fn is_one(&self, id: &str) -> bool {
        let process = Path::new("/proc").join(id);
        let ours = fs::read_link(process.join("exe")).is_ok_and(|program| program.starts_with(&self.code));
        // A process that has just ended is not counted.
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        ours && environment.split(|byte| *byte == 0).any(is_name_of_send)
    }

    /// Kills all of them with a signal that they cannot catch; returns their number.
    pub async fn kill(&self) -> usize {
        let ids = self.alive();
        if !ids.is_empty() {
            let killed = Command::new("kill").arg("-KILL").args(&ids).status().await;
            assert!(
                killed.expect("kill can be run").success(),
                "{ids:?} could not be killed"
            );
        }
        ids.len()
    }
}

fn is_name_of_send(variable: &[u8]) -> bool {
    variable.starts_with(b"AWS_LAMBDA_FUNCTION_NAME=") && variable.ends_with(b"-send")
}
