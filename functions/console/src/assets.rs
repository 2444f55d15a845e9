//! The embedded files.
//!
//! **Invariant:** made by `build.rs` from `assets/`; no file is read at run time.

/// A file of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Path below the hash, such as `kit/dom.js`.
    pub path: &'static str,
    /// Media type.
    pub media_type: &'static str,
    /// Weak ETag of the content, the same for both encodings.
    pub etag: &'static str,
    /// Content.
    pub plain: &'static [u8],
    /// Content, compressed with brotli.
    pub brotli: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Path of the page.
const PAGE: &str = "index.html";

/// Returns all files, in the order of their paths.
#[must_use]
pub fn all() -> &'static [Asset] {
    ASSETS
}

/// Returns the first digits of the hash of all files: the folder of every file but the page.
#[must_use]
pub fn hash() -> &'static str {
    HASH
}

/// Returns the page.
#[must_use]
pub fn page() -> &'static Asset {
    const EMPTY: Asset = Asset {
        path: PAGE,
        media_type: "text/html; charset=utf-8",
        etag: "W/\"\"",
        plain: &[],
        brotli: &[],
    };
    // `build.rs` fails without the page.
    by_path(PAGE).unwrap_or(&EMPTY)
}

/// Returns a file by its path. The page has no address with a hash.
#[must_use]
pub fn find(path: &str) -> Option<&'static Asset> {
    if path == PAGE { None } else { by_path(path) }
}

fn by_path(path: &str) -> Option<&'static Asset> {
    let found = ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok()?;
    ASSETS.get(found)
}
