//! Embeds the files of `assets/`: each plain and compressed with brotli, with its media type and its ETag. Our scripts
//! lose their comments.
//!
//! **Invariant:** the hash of all files is part of every address but that of the page, so a changed file has a new
//! address. Equal files give equal addresses, on every machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use brotli::enc::BrotliEncoderParams;
use sha2::{Digest, Sha256};

#[path = "build/without_comments.rs"]
mod without_comments;

const ASSETS: &str = "assets";

/// The page, whose addresses of other files contain [`PLACE`].
const PAGE: &str = "index.html";

/// The place of the hash in the addresses of the page.
const PLACE: &str = "./HASH/";

/// Files of others, which stay as they are.
const VENDOR: &str = "vendor/";

/// Brotli's highest level: a file is compressed once, and is sent often.
const QUALITY: i32 = 11;

/// Digits of a hash that an address has.
const HASH_DIGITS: usize = 16;

fn main() -> io::Result<()> {
    // Cargo reads this line from the standard output.
    io::Write::write_all(
        &mut io::stdout(),
        format!("cargo::rerun-if-changed={ASSETS}\ncargo::rerun-if-changed=build\ncargo::rerun-if-changed=build.rs\n")
            .as_bytes(),
    )?;
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut files = BTreeMap::new();
    read(Path::new(ASSETS), "", &mut files)?;
    let hash = hash_of_all(&files);
    let page = files.get_mut(PAGE).ok_or_else(|| wrong(PAGE, "is missing"))?;
    *page = with_hash(page, &hash)?;

    let mut table = format!("pub(crate) const HASH: &str = {hash:?};\npub(crate) const ASSETS: &[Asset] = &[\n");
    for (number, (path, content)) in files.iter().enumerate() {
        let (plain, packed) = (format!("{number}.plain"), format!("{number}.br"));
        fs::write(out.join(&plain), content)?;
        fs::write(out.join(&packed), compressed(content)?)?;
        let media_type = media_type(path).ok_or_else(|| wrong(path, "has no media type: add one to build.rs"))?;
        let etag = digits(&Sha256::digest(content));
        // A String never fails to take a line.
        _ = writeln!(
            table,
            "Asset {{ path: {path:?}, media_type: {media_type:?}, etag: \"W/\\\"{etag}\\\"\", \
             plain: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{plain}\")), \
             brotli: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{packed}\")) }},"
        );
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table)
}

/// Reads the files below a folder, with their paths from `assets/`.
fn read(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{path}/"), files)?;
        } else if is_served(&name) {
            let content = fs::read(entry.path())?;
            let is_our_script = name.ends_with(".js") && !path.starts_with(VENDOR);
            let content = if is_our_script {
                shortened(&path, &content)?
            } else {
                content
            };
            files.insert(path, content);
        }
    }
    Ok(())
}

fn shortened(path: &str, script: &[u8]) -> io::Result<Vec<u8>> {
    let script = str::from_utf8(script).map_err(|_| wrong(path, "is not UTF-8"))?;
    let short = without_comments::without_comments(script)
        .map_err(|line| wrong(path, &format!("has a template literal of several lines in line {line}")))?;
    Ok(short.into_bytes())
}

/// Whether a file is for browsers: neither a note nor a declaration of types, which only people and tools read.
fn is_served(name: &str) -> bool {
    !name.starts_with("README") && !name.starts_with('.') && !name.ends_with(".d.ts")
}

fn hash_of_all(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    for (path, content) in files {
        // With the lengths, no other set of files has the same bytes.
        hash.update(format!("{} {} {path}", path.len(), content.len()));
        hash.update(content);
    }
    digits(&hash.finalize())
}

fn digits(hash: &[u8]) -> String {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.chars().take(HASH_DIGITS).collect()
}

/// The page with the hash in the addresses of its files.
fn with_hash(page: &[u8], hash: &str) -> io::Result<Vec<u8>> {
    let text = str::from_utf8(page).map_err(|_| wrong(PAGE, "is not UTF-8"))?;
    if !text.contains(PLACE) {
        return Err(wrong(PAGE, "names no file with ./HASH/"));
    }
    Ok(text.replace(PLACE, &format!("./{hash}/")).into_bytes())
}

fn compressed(mut content: &[u8]) -> io::Result<Vec<u8>> {
    let parameters = BrotliEncoderParams {
        quality: QUALITY,
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut content, &mut packed, &parameters)?;
    Ok(packed)
}

fn media_type(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.starts_with("LICENSE") {
        return Some("text/plain; charset=utf-8");
    }
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

fn wrong(path: &str, problem: &str) -> io::Error {
    io::Error::other(format!("{ASSETS}/{path} {problem}"))
}
