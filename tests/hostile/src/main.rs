//! Prints docs/HOSTILE_INPUT.md for `make hostile`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().lock().write_all(hostile::document().as_bytes())
}
