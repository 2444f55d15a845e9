//! Prints the description of the API: `make openapi` keeps it as `openapi.json`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().lock().write_all(openapi::written().as_bytes())
}
