//! Prints the description of the API for `make openapi`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().lock().write_all(openapi::written().as_bytes())
}
