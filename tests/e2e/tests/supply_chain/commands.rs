//! The lines of every script of this repository.

use std::fs;
use std::path::Path;

use e2e::root;

/// A line of a script, with its continuation lines.
pub(super) struct Command {
    /// File and line.
    pub(super) at: String,
    pub(super) text: String,
}

/// Returns every line that is not a comment: of Makefiles, of files with an interpreter line, and of Python files.
pub(super) fn commands() -> Vec<Command> {
    let mut commands = Vec::new();
    for path in files() {
        let content = fs::read(root().join(&path)).unwrap();
        if path.ends_with("Makefile") || path.ends_with(".py") || content.starts_with(b"#!") {
            commands.extend(lines(&path, &String::from_utf8_lossy(&content)));
        }
    }
    commands
}

fn lines(path: &str, script: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut continued = false;
    for (number, line) in script.lines().enumerate() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let part = line.strip_suffix('\\').unwrap_or(line);
        match commands.last_mut() {
            Some(last) if continued => last.text.push_str(part),
            _ => commands.push(Command {
                at: format!("{path}:{}", number + 1),
                text: part.to_owned(),
            }),
        }
        continued = line.ends_with('\\');
    }
    commands
}

/// Returns the paths of all files below the root, without those that git ignores.
pub(super) fn files() -> Vec<String> {
    let mut found = Vec::new();
    collect(root(), "", &mut found);
    found
}

fn collect(directory: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        let hidden = name.starts_with('.') && name != ".ci";
        if hidden || ["target", "node_modules", "__pycache__"].contains(&name.as_str()) {
            continue;
        }
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{path}/"), found);
        } else {
            found.push(path);
        }
    }
}
