//! The media type that the name of a file suggests.
//!
//! **Role:** for files of a request that names no `content_type`.
//! The types are those of the crate `mime_guess`, as text, because its tables of pointers made `manage` too large (ADR 7).
//! A test compares every line with the crate.

use std::path::Path;

/// Lines of a file extension, a space and its media type. The extensions are in lower case, and sorted by bytes.
const TYPES: &str = include_str!("media_types.txt");

/// Returns the media type that the extension of a file name suggests.
pub(super) fn media_type(filename: &str) -> Option<&'static str> {
    let extension = Path::new(filename).extension()?.to_str()?.to_ascii_lowercase();
    let mut rest = TYPES;
    while !rest.is_empty() {
        // A search by halves: the line in the middle divides the rest.
        let (before, _) = rest.split_at_checked(rest.len() / 2)?;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let (before, after) = rest.split_at_checked(start)?;
        let (line, after) = after.split_once('\n')?;
        let (known, media_type) = line.split_once(' ')?;
        rest = match extension.as_str().cmp(known) {
            std::cmp::Ordering::Equal => return Some(media_type),
            std::cmp::Ordering::Less => before,
            std::cmp::Ordering::Greater => after,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_file_has_exactly_the_types_of_mime_guess() {
        let mut extensions = mime_guess::get_extensions("*", "*").unwrap().to_vec();
        extensions.sort_unstable();
        extensions.dedup();
        // Two have a point, so no file name has them as its extension.
        extensions.retain(|extension| !extension.contains('.'));
        let mut expected = String::new();
        for extension in extensions {
            let media_type = mime_guess::from_ext(extension).first_raw().unwrap();
            writeln!(expected, "{extension} {media_type}").unwrap();
        }
        let file = std::env::temp_dir().join("media_types.txt");
        if TYPES != expected {
            std::fs::write(&file, &expected).unwrap();
        }
        assert!(
            TYPES == expected,
            "media_types.txt is outdated. The expected file: {}",
            file.display()
        );
    }

    #[test]
    fn each_extension_suggests_its_type() {
        for line in TYPES.lines() {
            let (extension, expected) = line.split_once(' ').unwrap();
            assert_eq!(media_type(&format!("file.{extension}")), Some(expected), "{extension}");
        }
    }

    #[test]
    fn a_name_suggests_as_much_as_in_mime_guess() {
        for name in [
            "invoice.pdf",
            "INVOICE.PDF",
            "archive.tar.gz",
            "no_extension",
            ".png",
            "a.",
            "a.b c",
            "a.unknown",
            "bild.jpg ",
            "été.Png",
            "x.123",
            "x.zmm",
            "x.",
            "x.0",
            "x.zzzz",
            "a/b.html",
            "",
        ] {
            assert_eq!(media_type(name), mime_guess::from_path(name).first_raw(), "{name}");
        }
    }
}
