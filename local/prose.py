"""Measures the prose of this repository, one row for each file.

Role: behind `make prose`; `local/check-prose` applies limits to the same figures.
Measure: the "riddle words" are `what`, `who`, `whoever` and `whatever`; they mark a clause that hides its noun.
Words are counted as `wc -w` counts them, code included, so that the figures compare with those of other codebases.
A riddle word inside code does not count. A sentence is long above 25 words. A citation ("Source: ...") is no sentence.
"""

import ast
import io
import json
import re
import statistics
import subprocess
import tokenize
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RIDDLES = re.compile(r"\b(?:what|who|whoever|whatever)\b", re.I)
RIDDLE_NAME = re.compile(r"(?:what|who)(?:ever)?_")
WORD = re.compile(r"[A-Za-z0-9][\w'’./-]*")
LONG_SENTENCE = 25
LONG_NAME = 60
LONG_TABLE_LINE = 200
# Recorded inputs and pinned lists: data, not prose.
NO_PROSE = ("tests/fuzz/corpus/", "tests/fuzz/regressions/", "local/requirements", "shared/aws/src/storage/golden/b")
ABBREVIATIONS = re.compile(r"\b(?:e\.g|i\.e|etc|cf|vs|No|approx)\.$")
SENTENCE_END = re.compile(r"[.!?](?:[)\"'”*_]|\]\(\))*(?=\s+[\"'“(*_\[]*[A-Z0-9`§])")
# A comment and a character are matched too, so that a quote in them begins no string.
RUST_LITERAL = re.compile(
    r"""//[^\n]*|b?r(?P<marks>\#*)"(?P<raw>.*?)"(?P=marks)|b?"(?P<text>(?:[^"\\]|\\.)*)"|b?'(?:[^'\\\n]|\\[^\n]+?)'""",
    re.S,
)
LEAST_WORDS = 3
LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d+\.)\s+")


class Prose(NamedTuple):
    """The figures of one text, which add up."""

    words: int = 0
    riddles: int = 0
    sentences: int = 0
    long_sentences: int = 0

    def __add__(self, other):
        return Prose(*(a + b for a, b in zip(self, other)))

    @property
    def ratio(self):
        """Riddle words per 1,000 words."""
        return 1000 * self.riddles / self.words if self.words else 0.0

    @property
    def long_share(self):
        """Percentage of sentences over 25 words."""
        return 100 * self.long_sentences / self.sentences if self.sentences else 0.0


def files(*suffixes):
    """Every file that git tracks or would track, sorted."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split("\0")
    wanted = sorted({name for name in names if name.endswith(suffixes) and not name.startswith(NO_PROSE)})
    return [name for name in wanted if (ROOT / name).is_file()]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


# ------------------------------------------------------------------ words and sentences


def without_code(text):
    """Inline code becomes `x`, which counts as one word; a link keeps its text alone."""
    text = re.sub(r"``.+?``|`[^`\n]*`", "`x`", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"https?://\S+|<[^>\s][^>]*>", "x", text)


def sentences(paragraph):
    """The sentences of a paragraph without code."""
    found, start = [], 0
    for end in SENTENCE_END.finditer(paragraph):
        part = paragraph[start : end.end()]
        if not ABBREVIATIONS.search(part):
            found.append(part.strip())
            start = end.end()
    return [part for part in [*found, paragraph[start:].strip()] if WORD.search(part)]


def measured(lines):
    """The figures of a text."""
    texts = [without_code(" ".join(paragraph.split())) for paragraph in paragraphs(lines)]
    parts = [part for text in texts for part in sentences(text) if not part.startswith("Source:")]
    long = sum(len(WORD.findall(part)) > LONG_SENTENCE for part in parts)
    riddles = sum(len(RIDDLES.findall(text)) for text in texts)
    return Prose(sum(len(line.split()) for line in lines), riddles, len(parts), long)


def unfenced(lines):
    """The lines with those of fenced blocks emptied, so that each keeps its number."""
    found, fence = [], None
    for line in lines:
        mark = re.match(r"\s*(```+|~~~+)", line)
        inside = fence is not None
        if mark and (fence is None or line.strip().startswith(fence)):
            fence = None if fence else mark[1]
        found.append("" if mark or inside else line)
    return found


def paragraphs(lines):
    """Markdown's paragraphs, list items, headings and table cells, without fenced blocks."""
    found, current = [], []
    for line in [*unfenced(lines), ""]:
        stripped = line.strip().removeprefix("> ")
        alone = not stripped or stripped[0] in "#|" or LIST_ITEM.match(line)
        if alone and current:
            found.append(" ".join(current))
            current = []
        if stripped.startswith("|"):
            found += [cell for cell in stripped.strip("|").split("|") if WORD.search(cell)]
        elif stripped.startswith("#"):
            found.append(stripped.lstrip("# "))
        elif stripped:
            current.append(LIST_ITEM.sub("", line).strip())
    return found


# ------------------------------------------------------------------ the texts of each kind of file


def rust(code):
    """(doc comments, other comments) of a Rust file, each as lines; a line of code ends a paragraph."""
    docs, comments = [], []
    for line in code.splitlines():
        doc = re.match(r"\s*//[/!](?!/) ?(.*)", line)
        comment = doc or re.match(r"(?:.*\s)?//(?!/) (.*)", line)
        in_text = comment and not doc and line[: comment.start(1)].count('"') % 2
        (docs if doc else comments).append(comment[1] if comment and not in_text else "")
        (comments if doc else docs).append("")
    return docs, comments


def python(code):
    """The docstrings and comments of a Python file."""
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(code)) if isinstance(node, nodes)]
    lines = [line for docstring in docstrings for line in [*docstring.splitlines(), ""]]
    row = 0
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            lines += ([""] if token.start[0] != row + 1 else []) + [token.string.lstrip("#! -")]
            row = token.start[0]
    return lines


def hashes(code):
    """The comments of a script, a Makefile, TOML or YAML."""
    found = (re.match(r"(?:.*\s)?#(?!!)[# ]*(.*)", line) for line in code.splitlines())
    return [comment[1] if comment else "" for comment in found]


def slashes(code):
    """The comments of JavaScript, PHP and Go."""
    found = (re.match(r"(?:.*\s)?//[ ]?(.*)|\s*/?\*+[ ](.*)", line) for line in code.splitlines())
    return [comment[1] or comment[2] or "" if comment else "" for comment in found]


def rust_texts(code):
    """The string literals of a Rust file, without line breaks of the source; a placeholder becomes `x`."""
    found = [literal["raw"] or literal["text"] or "" for literal in RUST_LITERAL.finditer(code)]
    return [re.sub(r"\{[^{}\n]*\}", "x", re.sub(r"\\\n\s*", "", text)) for text in found]


def python_texts(code):
    """The string literals of a Python file, without its docstrings."""
    tree = ast.parse(code)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in alone)
    return [node.value for node in texts if isinstance(node.value, str)]


def described(value):
    """Every description and summary of openapi.json, as lines."""
    if isinstance(value, list):
        return [line for entry in value for line in described(entry)]
    if not isinstance(value, dict):
        return []
    lines = []
    for key, entry in value.items():
        text = key in ("description", "summary") and isinstance(entry, str)
        lines += [*entry.splitlines(), ""] if text else described(entry)
    return lines


def scripts():
    """Scripts without an ending: their first line names the interpreter."""
    return [name for name in files("") if "." not in name.rsplit("/", 1)[-1] and read(name).startswith("#!")]


def doc_comments():
    """{file: figures} of Rust doc comments."""
    return {name: measured(rust(read(name))[0]) for name in files(".rs")}


def is_python(name):
    return name.endswith(".py") or "python" in read(name).split("\n", 1)[0]


def other_comments():
    """{file: figures} of all other comments, in every language of this repository."""
    found = {name: rust(read(name))[1] for name in files(".rs")}
    found |= {name: slashes(read(name)) for name in files(".js", ".mjs", ".php", ".go")}
    for name in [*files(".py", ".toml", ".yaml", ".yml", ".rb", ".ex", "Makefile"), *scripts()]:
        found[name] = (python if is_python(name) else hashes)(read(name))
    return {name: measured(lines) for name, lines in found.items()}


def literals():
    """{file: figures} of the string literals with three words or more, in Rust and in our Python tools."""
    found = {name: rust_texts(read(name)) for name in files(".rs")}
    tools = [name for name in [*files(".py"), *scripts()] if name.startswith(("local/", "deploy/")) and is_python(name)]
    found |= {name: python_texts(read(name)) for name in tools}
    texts = {name: [text for text in texts if len(text.split()) >= LEAST_WORDS] for name, texts in found.items()}
    return {name: measured("\n\n".join(texts).splitlines()) for name, texts in texts.items()}


def documents():
    """{file: figures} of Markdown and of openapi.json."""
    found = {name: measured(read(name).splitlines()) for name in files(".md")}
    return found | {"openapi.json": measured(described(json.loads(read("openapi.json"))))}


def kinds():
    """{kind of text: {file: figures}}; the documents include the texts of openapi.json."""
    return {
        "doc comments": doc_comments(),
        "other comments": other_comments(),
        "string literals": literals(),
        "documents": documents(),
    }


def tests():
    """[(file, name)] of every test in Rust."""
    attribute = r"#\[(?:tokio::)?test(?:\([^\]]*\))?\]\s*(?:#\[[^\]]*\]\s*|//[^\n]*\s*)*(?:pub )?(?:async )?fn (\w+)"
    return [(name, test) for name in files(".rs") for test in re.findall(attribute, read(name))]


# ------------------------------------------------------------------ the tables

COLUMNS = f"{'words':>8} {'riddles':>8} {'per 1,000':>10} {'sentences':>10} {'> 25 words':>12}  "


def row(figures, name):
    ratio, share = f"{figures.ratio:.1f}", f"{figures.long_share:.1f} %"
    return f"{figures.words:8,} {figures.riddles:8,} {ratio:>10} {figures.sentences:10,} {share:>12}  {name}"


def table(title, found):
    print(f"\n{title}\n{COLUMNS}")
    shown = {name: figures for name, figures in found.items() if figures.riddles or figures.long_sentences}
    for name, figures in sorted(shown.items(), key=lambda entry: (-entry[1].ratio, entry[0])):
        print(row(figures, name))
    rest = [figures for name, figures in found.items() if figures.words and name not in shown]
    if rest:
        print(row(sum(rest, Prose()), f"({len(rest)} more without either)"))


def by_folder(found, depth):
    """{folder: figures}: the sums of the first `depth` folders of each path."""
    sums = {}
    for name, figures in found.items():
        folder = "/".join(name.split("/")[:-1][:depth]) or "."
        sums[folder] = sums.get(folder, Prose()) + figures
    return sums


def table_of_tests(found):
    names = [name for _, name in found]
    print("\nTest names")
    print(f"{len(names):8,} tests")
    print(f"{statistics.median(map(len, names)):8g} characters in the median")
    print(f"{sum(len(name) > LONG_NAME for name in names):8,} over {LONG_NAME} characters")
    print(f"{sum(bool(RIDDLE_NAME.match(name)) for name in names):8,} begin with what_, who_, whatever_ or whoever_")


def main():
    found = kinds()
    for kind, figures in found.items():
        table(f"{kind.capitalize()}, by file", figures)
    table("Doc comments, by package", by_folder(found["doc comments"], 2))
    table("Doc comments, by folder", by_folder(found["doc comments"], 1))
    print(f"\nIn all\n{COLUMNS}")
    for kind, figures in found.items():
        print(row(sum(figures.values(), Prose()), kind))
    table_of_tests(tests())


if __name__ == "__main__":
    main()
