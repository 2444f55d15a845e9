//! Prints docs/STATES.md: `make states`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(invariants::transitions::page().as_bytes())
}
