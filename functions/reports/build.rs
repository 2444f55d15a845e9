//! Packs the description of the API, which `GET /openapi.json` unpacks.

use std::path::Path;
use std::{env, fs, io};

const DESCRIPTION: &str = "../../openapi.json";

/// zstd's highest ordinary level: it is packed once.
const LEVEL: i32 = 19;

fn main() -> io::Result<()> {
    let packed = zstd::bulk::compress(&fs::read(DESCRIPTION)?, LEVEL)?;
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    fs::write(Path::new(&out).join("openapi.json.zst"), packed)?;
    // Cargo reads this line from the standard output.
    io::Write::write_all(
        &mut io::stdout(),
        format!("cargo::rerun-if-changed={DESCRIPTION}\n").as_bytes(),
    )
}
