use std::time::{Duration, Instant};

use super::*;

fn text(html: &str) -> String {
    of_html(html).unwrap_or_default()
}

#[test]
fn blocks_are_lines_and_paragraphs() {
    for (html, expected) in [
        (
            "<h1>Hello  Ann</h1>\n<p>Your\n code is <b>12</b>34.</p>",
            "Hello Ann\n\nYour code is 1234.",
        ),
        ("<div>a</div><div>b<div>c</div></div>d", "a\nb\nc\nd"),
        ("a<br>b<br/><br>c<br><br><br>d", "a\nb\n\nc\n\nd"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>d", "- a\n- b\n- c\n\nd"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><th>c<th>d</table>", "a b\nc d"),
        ("a<hr>b", "a\n\n---\n\nb"),
        ("<pre>a  b\n  c</pre>d", "a  b\n  c\n\nd"),
        ("&lt;b&gt; &amp; &uuml;&nbsp;&#8364;", "<b> & ü €"),
        ("<img src=x alt='A  shop'> <img src=y>", "A shop"),
        ("<p>only", "only"),
        ("no tag at all", "no tag at all"),
    ] {
        assert_eq!(text(html), expected, "{html}");
    }
}

#[test]
fn links_show_their_targets_once() {
    for (html, expected) in [
        ("<a href='https://e.co/x'>Open</a>.", "Open https://e.co/x."),
        ("<a href='https://e.co/x'>Open</a>now", "Open https://e.co/x now"),
        ("<a href='https://e.co/'>e.co</a>.", "e.co."),
        ("<a href='https://e.co/x'> https://e.co/x </a>", "https://e.co/x"),
        ("<a href='mailto:a@e.co?subject=x'>a@e.co</a>", "a@e.co"),
        ("<a href='mailto:a@e.co'>Write</a>", "Write a@e.co"),
        ("<a href='#x'>a</a> <a href='javascript:x'>b</a> <a>c</a>", "a b c"),
        ("<a href='https://e.co/x'><img></a>", "https://e.co/x"),
        (
            "<a href='https://e.co/1'><div>a</div></a><div>b</div>",
            "a https://e.co/1\nb",
        ),
        (
            "<a href='https://e.co/1'>a<a href='https://e.co/2'>b",
            "a https://e.co/1 b https://e.co/2",
        ),
    ] {
        assert_eq!(text(html), expected, "{html}");
    }
}

#[test]
fn unseen_elements_are_left_out() {
    for html in [
        "<head><title>t</title><style>p{}</style></head>a",
        "<script>if (1 < 2) '</p>'</script>a",
        "<!--[if mso]>x<![endif]-->a<!-- -->",
        "<div style='color:red; DISPLAY : none'>x<div>y</div>z</div>a",
        "<span hidden>x</span>a<div data-skip-in-text=true>x</div>",
        "<svg/>a<svg><text>x</text></svg><template>x</template>",
        "<img hidden alt=x>a",
        "<!doctype html><body>&#xFEFF;&#8203;&#173;&#1;a</body>",
    ] {
        assert_eq!(text(html), "a", "{html}");
    }
}

#[test]
fn html_without_text_gives_none() {
    for html in ["", " ", "<p></p>", "<img>", "<style>a</style>", "<title>a", "&nbsp;"] {
        assert_eq!(of_html(html), None, "{html}");
    }
}

#[test]
fn long_html_gives_none() {
    let html = "x".repeat(limits::HTML_FOR_TEXT_MAX);
    assert_eq!(of_html(&html).map(|text| text.len()), Some(html.len()));
    assert_eq!(of_html(&format!("{html}x")), None);
}

#[test]
fn html_of_too_many_tokens_gives_none() {
    let max = limits::HTML_STEPS_MAX;
    // Each opens an element: the depth alone refuses nothing.
    let deep = |tags: usize| format!("{}a", "<b>".repeat(tags));
    assert_eq!(text(&deep(max - 1)), "a");
    assert_eq!(of_html(&deep(max)), None);
    let wide = |attributes: usize| {
        let attributes: String = (0..attributes).map(|n| format!(" {n:x}")).collect();
        format!("a<b{attributes}>")
    };
    assert_eq!(text(&wide(max / 2)), "a");
    let two = wide(max / 2) + &wide(max / 2);
    assert!(two.len() <= limits::HTML_FOR_TEXT_MAX);
    assert_eq!(of_html(&two), None);
}

#[test]
fn nested_lists_keep_their_numbers() {
    let depth = 10_000;
    let html = format!("{}x{}<li>y", "<ol><li>".repeat(depth), "</ol>".repeat(depth - 1));
    assert_eq!(text(&html), "1. x\n2. y");
}

#[test]
fn hostile_html_takes_linear_time() {
    let fill = |part: &str| part.repeat(limits::HTML_FOR_TEXT_MAX / part.len());
    for part in [
        "<div>",
        "<b>",
        "<table><tr><td>",
        "<ul><li>",
        "<ol><li>x",
        "<a href=https://e.co>",
        "</p>",
        "<p hidden>",
        "<",
        "</",
        "<a ",
        "&",
        "&amp",
        "<!--",
        "<![CDATA[",
        "<a b=c ",
        "<svg>",
        "<style>",
        "\u{fc}",
        "<pre>\n",
        "<td rowspan=999999>",
        "<br>",
        "<li>",
        "<script><!--<script>",
        "<x style='display:none;",
    ] {
        let html = fill(part);
        let began = Instant::now();
        let made = of_html(&html);
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{part} takes {:?}",
            began.elapsed()
        );
        assert!(made.unwrap_or_default().len() <= 4 * html.len(), "{part}");
    }
    let attributes: String = (0..40_000).map(|n| format!(" a{n}=b")).collect();
    assert_eq!(text(&format!("<p{attributes}>a")), "a");
}
