//! Domains with labels that mix scripts in order to look like other domains.
//!
//! **Deliberately absent:** tables of letters that look alike. A label that is entirely Cyrillic may look Latin, and
//! is a valid name; its ownership is the registry's business.

use idna::uts46::{AsciiDenyList, Hyphens, Uts46};
use unicode_script::{Script, ScriptExtension, UnicodeScript as _};

/// Scripts that one word may mix: Japanese, Chinese, Korean.
///
/// Source: UTS #39, 5.1, "Augmented Script Sets".
const TOGETHER: [&[Script]; 3] = [
    &[Script::Han, Script::Hiragana, Script::Katakana],
    &[Script::Han, Script::Bopomofo],
    &[Script::Han, Script::Hangul],
];

/// Scripts that look like Latin. A mixture with Latin is a disguise.
///
/// Source: UTS #39, 5.2, "Moderately Restrictive".
const LIKE_LATIN: [Script; 2] = [Script::Cyrillic, Script::Greek];

/// True if a label is less restrictive than UTS #39's "Moderately Restrictive". The domain is in A-labels.
pub(super) fn mixes_scripts(domain: &str) -> bool {
    if !domain.contains("xn--") {
        return false;
    }
    let (shown, _) = Uts46::new().to_unicode(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    shown.split('.').any(mixes)
}

fn mixes(label: &str) -> bool {
    let of_a_script = |scripts: &ScriptExtension| !scripts.is_common() && !scripts.is_inherited();
    let scripts: Vec<ScriptExtension> = label
        .chars()
        .map(|c| c.script_extension())
        .filter(of_a_script)
        .collect();
    // A mark that may stand on letters of several scripts proves none of them.
    let is_latin = |scripts: &&ScriptExtension| scripts.len() == 1 && scripts.contains_script(Script::Latin);
    let (latin, others): (Vec<_>, Vec<_>) = scripts.iter().partition(is_latin);
    if others.is_empty() {
        return false;
    }
    let is_of = |group: &[Script]| {
        let one_of = |scripts: &&ScriptExtension| group.iter().any(|script| scripts.contains_script(*script));
        others.iter().all(one_of)
    };
    if TOGETHER.into_iter().any(is_of) {
        return false;
    }
    let is_beside_latin = |script: &Script| script.is_recommended() && !LIKE_LATIN.contains(script);
    let shared = others.iter().copied().copied().reduce(ScriptExtension::intersection);
    let one = shared.filter(|shared| !shared.is_empty());
    let good = one.is_some_and(|one| latin.is_empty() || one.iter().any(|script| is_beside_latin(&script)));
    !good
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::address::EmailAddress;

    fn mixed(domain: &str) -> bool {
        let address = EmailAddress::parse(&format!("a@{domain}")).unwrap();
        mixes_scripts(address.domain())
    }

    #[test]
    fn a_label_mixes_only_compatible_scripts() {
        for domain in [
            "example.com",
            "bücher.example",
            "faß.example",
            "例え.jp",
            "ひらがな漢字カタカナ.jp",
            "tシャツ.jp",
            "ラーメン.jp",
            "中文ㄅㄆ.tw",
            "한국漢字.kr",
            "почта.рф",
            "аррӏе.com",
            "почта-24.example",
            "почта.example.com",
            "ελληνικά.gr",
            "مثال.إختبار",
            "דוגמה.example",
            "उदाहरण.भारत",
            "abcไทย.example",
            "i❤.example",
            "xn--bcher-kva.example",
        ] {
            assert!(!mixed(domain), "{domain}");
        }
        for domain in [
            "p\u{430}ypal.com",
            "xn--pypal-4ve.com",
            "www.p\u{430}ypal.com",
            "goοgle.com",
            "αбв.example",
            "пр한국.example",
            "אبج.example",
            "abᎠᎡ.example",
        ] {
            assert!(mixed(domain), "{domain}");
        }
    }
}
