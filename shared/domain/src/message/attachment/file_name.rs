//! The name of a file, and the extensions that SES refuses.

use std::fmt;

use crate::limits;
use crate::message::problem::Problem;

/// The file extensions that SES refuses.
///
/// Source: Amazon SES Developer Guide, "Amazon SES unsupported attachment types", read 2026-11-24.
pub(super) const FORBIDDEN_EXTENSIONS: &[&str] = &[
    "ade", "adp", "app", "asp", "bas", "bat", "cer", "chm", "cmd", "com", "cpl", "crt", "csh", "der", "exe", "fxp",
    "gadget", "hlp", "hta", "inf", "ins", "isp", "its", "js", "jse", "ksh", "lib", "lnk", "mad", "maf", "mag", "mam",
    "maq", "mar", "mas", "mat", "mau", "mav", "maw", "mda", "mdb", "mde", "mdt", "mdw", "mdz", "msc", "msh", "msh1",
    "msh2", "mshxml", "msh1xml", "msh2xml", "msi", "msp", "mst", "ops", "pcd", "pif", "plg", "prf", "prg", "reg",
    "scf", "scr", "sct", "shb", "shs", "sys", "ps1", "ps1xml", "ps2", "ps2xml", "psc1", "psc2", "tmp", "url", "vb",
    "vbe", "vbs", "vps", "vsmacros", "vss", "vst", "vsw", "vxd", "ws", "wsc", "wsf", "wsh", "xnk",
];

/// The name of a file: any Unicode except control characters, and no extension that SES refuses.
#[derive(Clone, PartialEq, Eq)]
pub struct FileName(String);

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileName(***)")
    }
}

impl FileName {
    /// Reads a file's name.
    ///
    /// # Errors
    /// [`Problem`] when it is blank, too long, or SES refuses it.
    pub fn parse(name: &str) -> Result<Self, Problem> {
        if name.trim().is_empty() {
            return Err(Problem::Bad("the file name is empty"));
        }
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if name.chars().any(breaks) {
            return Err(Problem::Bad("control characters such as line breaks are not allowed"));
        }
        if name.len() > limits::FILE_NAME_MAX {
            let (found, max) = (name.len(), limits::FILE_NAME_MAX);
            return Err(Problem::TooLong { found, max });
        }
        if has_forbidden_extension(name) {
            return Err(Problem::Bad(FORBIDDEN));
        }
        Ok(Self(name.to_owned()))
    }

    /// The given name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The message for a name that SES refuses.
pub(crate) const FORBIDDEN: &str = "Amazon SES refuses files with this extension";

/// True if SES refuses a file of this name.
pub(crate) fn has_forbidden_extension(name: &str) -> bool {
    // Windows ignores dots and spaces at the end, and so may SES.
    let shown = name.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    let extension = shown.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    extension.is_some_and(|end| FORBIDDEN_EXTENSIONS.contains(&end.as_str()))
}
