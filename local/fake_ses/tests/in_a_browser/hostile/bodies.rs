//! HTML that tries to run a script: by tags, by handlers, by clicks, or by markup that a second parser misreads.

use super::Harm::{self, Downloads, Nothing, Runs};
use super::Part::{self, Body, Click};

pub(crate) const RUNNING: &[(&str, Harm, Part)] = &[
    ("script", Runs, Body("<script>{run}</script>")),
    ("script-module", Runs, Body("<script type=module>{run}</script>")),
    (
        "script-data",
        Runs,
        Body(r#"<script src="data:text/javascript,{run}"></script>"#),
    ),
    (
        "script-after-bom",
        Runs,
        Body("\u{feff}<!doctype html><script>{run}</script>"),
    ),
    (
        "script-between-doctypes",
        Runs,
        Body("<!doctype html \"><script>{run}</script>\"><script>{run}</script>"),
    ),
    // Handlers.
    ("img-onerror", Runs, Body("<img src=x onerror={run}>")),
    ("img-form-feeds", Runs, Body("<img\u{c}src=x\u{c}onerror={run}>")),
    ("img-slashes", Runs, Body(r#"<IMG/SRC="x"/OnErRoR={run}>"#)),
    ("body-onload", Runs, Body("<body onload={run}>")),
    ("svg-onload", Runs, Body("<svg onload={run}>")),
    ("details-ontoggle", Runs, Body("<details open ontoggle={run}>")),
    (
        "input-onfocus",
        Runs,
        Body("<input autofocus onfocus=onfocus=null,{run}>"),
    ),
    ("video-onerror", Runs, Body("<video><source onerror={run}></video>")),
    ("style-onload", Runs, Body("<style onload={run}></style>")),
    (
        "animation",
        Runs,
        Body("<style>@keyframes a{}</style><p style='animation:a 1s' onanimationstart={run}>a"),
    ),
    (
        "scroll-onscrollend",
        Nothing,
        Body("<p style='overflow:scroll;height:9px' onscroll={run} onscrollend={run}>a<br>a"),
    ),
    (
        "svg-set-onbegin",
        Runs,
        Body("<svg><set attributeName=x onbegin={run} /></svg>"),
    ),
    // Documents within the document.
    (
        "iframe-srcdoc",
        Runs,
        Body(r#"<iframe srcdoc="<script>{run}</script>"></iframe>"#),
    ),
    (
        "iframe-srcdoc-escaped",
        Runs,
        Body(r#"<iframe srcdoc="&lt;img src=x onerror={run}&gt;"></iframe>"#),
    ),
    (
        "iframe-javascript",
        Runs,
        Body(r#"<iframe src="javascript:{run}"></iframe>"#),
    ),
    (
        "iframe-data",
        Runs,
        Body(r#"<iframe src="data:text/html,<script>{run}</script>"></iframe>"#),
    ),
    (
        "object-data",
        Runs,
        Body(r#"<object data="data:text/html,<script>{run}</script>"></object>"#),
    ),
    (
        "embed-data",
        Runs,
        Body(r#"<embed src="data:text/html,<script>{run}</script>">"#),
    ),
    (
        "frameset-javascript",
        Runs,
        Body(r#"<frameset><frame src="javascript:{run}"></frameset>"#),
    ),
    (
        "refresh-to-data",
        Runs,
        Body(r#"<meta http-equiv=refresh content="0;url=data:text/html,<script>{run}</script>">"#),
    ),
    (
        "shadow-root",
        Runs,
        Body("<div><template shadowrootmode=open><img src=x onerror={run}></template></div>"),
    ),
    // SVG and MathML.
    ("svg-script", Runs, Body("<svg><script>{run}</script></svg>")),
    (
        "svg-script-href",
        Runs,
        Body(r#"<svg><script href="data:text/javascript,{run}"></script></svg>"#),
    ),
    (
        "svg-foreign-object",
        Runs,
        Body("<svg><foreignObject><iframe onload={run}></iframe></foreignObject></svg>"),
    ),
    (
        "svg-image-in-img",
        Nothing,
        Body(r#"<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='{run}'></svg>">"#),
    ),
    // Clicks: the whole frame is the link or the button.
    (
        "link-javascript",
        Runs,
        Click(r#"<a style="position:fixed;inset:0" href="javascript:{run}">a</a>"#),
    ),
    (
        "link-javascript-broken-up",
        Runs,
        Click(r#"<a style="position:fixed;inset:0" href=" jav&Tab;ascr&NewLine;ipt:{run}">a</a>"#),
    ),
    (
        "link-javascript-itself",
        Runs,
        Click(r#"<a style="position:fixed;inset:0" target=_self href="javascript:{run}">a</a>"#),
    ),
    (
        "link-javascript-opener",
        Runs,
        Click(r#"<a style="position:fixed;inset:0" target=_blank rel=opener href="javascript:{run}">a</a>"#),
    ),
    (
        "link-svg-animated",
        Runs,
        Click(
            r#"<svg style="position:fixed;inset:0" width=999 height=999><a><animate attributeName=href values="javascript:{run}" dur=9s /><rect width=999 height=999 /></a></svg>"#,
        ),
    ),
    (
        "button-formaction",
        Runs,
        Click(r#"<form><button style="position:fixed;inset:0" formaction="javascript:{run}">a</button></form>"#),
    ),
    (
        "link-download",
        Downloads,
        Click(r#"<a style="position:fixed;inset:0" target=_self download="a.html" href="data:text/html,a">a</a>"#),
    ),
    // Markup that breaks out of its place in a careless page.
    ("out-of-iframe", Runs, Body(r#"'"></iframe><script>{run}</script>"#)),
    (
        "out-of-page",
        Runs,
        Body("</template></body></html><script>{run}</script>"),
    ),
    ("out-of-comment", Runs, Body("<!--><img src=x onerror={run}>-->")),
    ("out-of-cdata", Runs, Body("<![CDATA[><img src=x onerror={run}>]]>")),
    (
        "out-of-title",
        Runs,
        Body(r#"<title><a title="</title><img src=x onerror={run}>"></title>"#),
    ),
    (
        "out-of-textarea",
        Runs,
        Body(r#"<textarea><a title="</textarea><img src=x onerror={run}>"></textarea>"#),
    ),
    (
        "out-of-style",
        Runs,
        Body(r#"<style><a title="</style><img src=x onerror={run}>"></style>"#),
    ),
    (
        "out-of-noscript",
        Runs,
        Body(r#"<noscript><p title="</noscript><img src=x onerror={run}>"></noscript>"#),
    ),
    (
        "out-of-noframes",
        Runs,
        Body(r#"<noframes><p title="</noframes><img src=x onerror={run}>"></noframes>"#),
    ),
    (
        "out-of-raw-iframe",
        Runs,
        Body(r#"<iframe><p title="</iframe><img src=x onerror={run}>"></iframe>"#),
    ),
    (
        "out-of-plaintext",
        Nothing,
        Body("<plaintext><script>{run}</script></plaintext><script>{run}</script>"),
    ),
    // Markup whose meaning changes when it is serialized and parsed again.
    (
        "mutation-mglyph",
        Nothing,
        Body(
            r#"<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={run}&gt;"></table></mtext></math>"#,
        ),
    ),
    (
        "mutation-forms",
        Runs,
        Body("<form><math><mtext></form><form><mglyph><style></math><img src onerror={run}></style></form>"),
    ),
    (
        "mutation-svg-style",
        Runs,
        Body(r#"<svg></p><style><a id="</style><img src=1 onerror={run}>">"#),
    ),
    (
        "mutation-svg-title",
        Runs,
        Body(r#"<svg><title><style><a id="</style></title></svg><img src=1 onerror={run}>">"#),
    ),
    // Charsets.
    (
        "utf-7",
        Nothing,
        Body("<meta charset=utf-7>+ADw-script+AD4-{run}+ADw-/script+AD4-"),
    ),
    (
        "iso-2022-jp",
        Runs,
        Body(
            "<meta charset=iso-2022-jp><img alt=\"\u{1b}$@\"><p>\u{1b}(B<img alt=\" src=x onerror={run} //\"><img src=x onerror={run}>",
        ),
    ),
    ("nul-in-tag", Nothing, Body("<scr\0ipt>{run}</scr\0ipt>")),
    (
        "fullwidth-tag",
        Nothing,
        Body("\u{ff1c}script\u{ff1e}{run}\u{ff1c}/script\u{ff1e}"),
    ),
];
