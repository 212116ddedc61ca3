#!/usr/bin/env python3
"""The course and the other documents as a site of plain pages, without a server and without scripts.

  scripts/book.py                     into target/book; begin with index.html
  scripts/book.py --to /tmp/book      or elsewhere

Knows the Markdown that is used in docs: headings, paragraphs, fenced blocks, tables, lists, links, pictures, code, bold,
italics, and lines of HTML, which are passed on. A path between backquotes becomes a link when it is a page of the book.
"""

import argparse
import html
import os
import re
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCS = os.path.join(ROOT, "docs")

STYLE = """
:root { --paper: #fdfcfa; --ink: #1d2430; --soft: #5b6577; --line: #d9d6cf; --code: #f3f1ec; --link: #14549c }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171d; --ink: #e3e7ee; --soft: #a3adbd; --line: #333a46; --code: #1e232c; --link: #8cbcf5 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.6 system-ui, sans-serif }
main { max-width: 46rem; margin: 0 auto; padding: 1rem 1.2rem 4rem }
nav { border-bottom: 1px solid var(--line); padding: .6rem 1.2rem; font-size: .9rem }
nav a { margin-right: .9rem; white-space: nowrap }
nav a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none }
a { color: var(--link) }
h1, h2, h3 { line-height: 1.25; margin: 1.8em 0 .6em }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; overflow-x: auto }
code { font: .88em ui-monospace, monospace; background: var(--code); border-radius: 4px; padding: .1em .3em }
pre code { padding: 0; background: none }
pre .typed { font-weight: 600 }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto }
td, th { border: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top }
img { max-width: 100%; height: auto; display: block; margin: 1.2rem auto }
.turn { display: flex; justify-content: space-between; gap: 1rem; margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem }
"""


def page_name(path):
    """The file of a document: course/01-x.md becomes 01-x.html, the course's own README the index."""
    name = os.path.basename(path)
    if path == os.path.join("course", "README.md"):
        return "index.html"
    return name[:-len(".md")] + ".html"


class Page:
    """One document on its way to HTML."""

    def __init__(self, path, names):
        self.path, self.names = path, names
        with open(os.path.join(DOCS, path), encoding="utf-8") as file:
            self.lines = file.read().split("\n")
        self.title = next((line[2:] for line in self.lines if line.startswith("# ")), path)
        self.problems = []

    def html(self):
        out, at = [], 0
        while at < len(self.lines):
            block, at = self.block(at)
            out.append(block)
        return "\n".join(part for part in out if part)

    def block(self, at):
        """The block that begins in a line, and where the next one does."""
        line = self.lines[at]
        if line.startswith("```"):
            return self.fence(at)
        heading = re.match(r"(#{1,4}) (.*)", line)
        if heading:
            level, text = len(heading[1]), heading[2]
            return '<h%d id="%s">%s</h%d>' % (level, anchor(text), self.inline(text), level), at + 1
        if line.startswith("|"):
            return self.table(at)
        if re.match(r"(-|\d+\.) ", line):
            return self.list(at)
        if line.startswith("<"):
            # What stands between tags on the same line is text of ours all the same.
            return line, at + 1
        if not line.strip():
            return "", at + 1
        end = at
        while end < len(self.lines) and self.lines[end].strip() and not re.match(r"```|\||#{1,4} |<|(-|\d+\.) ", self.lines[end]):
            end += 1
        return "<p>%s</p>" % self.inline("\n".join(self.lines[at:end])), end

    def fence(self, at):
        end = at + 1
        while end < len(self.lines) and not self.lines[end].startswith("```"):
            end += 1
        text = html.escape("\n".join(self.lines[at + 1:end]), quote=False)
        if self.lines[at].startswith("```console"):
            text = re.sub(r"^(\$ .*)$", r'<span class="typed">\1</span>', text, flags=re.M)
        return "<pre><code>%s</code></pre>" % text, end + 1

    def table(self, at):
        end = at
        while end < len(self.lines) and self.lines[end].startswith("|"):
            end += 1
        rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in self.lines[at:end]]
        is_headed = len(rows) > 1 and all(re.fullmatch(r":?-+:?", cell) for cell in rows[1])
        head, body = (rows[0], rows[2:]) if is_headed else ([], rows)
        out = ["<table>"]
        if any(head):
            out.append("<thead><tr>%s</tr></thead>" % "".join("<th>%s</th>" % self.inline(cell) for cell in head))
        out += ["<tr>%s</tr>" % "".join("<td>%s</td>" % self.inline(cell) for cell in row) for row in body]
        return "\n".join([*out, "</table>"]), end

    def list(self, at):
        kind = "ul" if self.lines[at].startswith("-") else "ol"
        items, end = [], at
        while end < len(self.lines):
            line = self.lines[end]
            start = re.match(r"(-|\d+\.) (.*)", line)
            if start:
                items.append([start[2]])
            elif line.startswith("  ") and line.strip():
                items[-1].append(line.strip())
            else:
                break
            end += 1
        rows = ["<li>%s</li>" % self.inline("\n".join(item)) for item in items]
        return "<%s>\n%s\n</%s>" % (kind, "\n".join(rows), kind), end

    def inline(self, text):
        """What stands within a line. Code is put aside first, so that nothing in it is taken for a mark."""
        codes = []

        def aside(found):
            codes.append(self.code(found[1]))
            return "\0%d\0" % (len(codes) - 1)

        text = html.escape(re.sub(r"`([^`]+)`", aside, text), quote=False)
        text = re.sub(r"!\[([^\]]*)\]\(([^)]+)\)", lambda found: '<img src="%s" alt="%s">' % (
            self.picture(found[2]), html.escape(found[1])), text)
        text = re.sub(r"\[([^\]]+)\]\(([^)]+)\)", lambda found: '<a href="%s">%s</a>' % (self.link(found[2]), found[1]), text)
        text = re.sub(r'(?<![">=])\bhttps?://[^\s<]*[^\s<.,:;)]', lambda found: '<a href="%s">%s</a>' % (found[0], found[0]), text)
        text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text, flags=re.S)
        text = re.sub(r"(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*(?![\w*])", r"<em>\1</em>", text, flags=re.S)
        text = text.replace("\\|", "|")
        return re.sub("\0(\\d+)\0", lambda found: codes[int(found[1])], text)

    def code(self, text):
        shown = "<code>%s</code>" % html.escape(text.replace("\\|", "|"), quote=False)
        path = text[len("docs/"):] if text.startswith("docs/") else None
        if path == "course":
            path = os.path.join("course", "README.md")
        return '<a href="%s">%s</a>' % (self.names[path], shown) if path in self.names else shown

    def link(self, to):
        if re.match(r"https?://|#", to):
            return to
        path = os.path.normpath(os.path.join(os.path.dirname(self.path), to))
        if path not in self.names:
            self.problems.append("%s: leads to %s, which is no page" % (self.path, to))
            return to
        return self.names[path]

    def picture(self, to):
        if not os.path.exists(os.path.join(DOCS, os.path.dirname(self.path), to)):
            self.problems.append("%s: shows %s, which is not there" % (self.path, to))
        return to


def anchor(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def documents():
    """The chapters in order, then what else there is to read."""
    course = sorted(name for name in os.listdir(os.path.join(DOCS, "course")) if name.endswith(".md") and name[0].isdigit())
    others = sorted(name for name in os.listdir(DOCS) if name.endswith(".md"))
    return [os.path.join("course", name) for name in ["README.md", *course]], others


def write(page, body, navigation, turn, to):
    with open(os.path.join(to, page_name(page.path)), "w", encoding="utf-8") as file:
        file.write("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s</title>\n<style>%s</style>\n"
                   "<nav>%s</nav>\n<main>\n%s\n%s\n</main>\n</html>\n" % (html.escape(page.title), STYLE, navigation, body, turn))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", default=os.path.join(ROOT, "target", "book"), help="the folder (%(default)s)")
    opts = parser.parse_args()
    course, others = documents()
    names = {path: page_name(path) for path in course + others}
    os.makedirs(opts.to, exist_ok=True)
    shutil.copytree(os.path.join(DOCS, "course", "pictures"), os.path.join(opts.to, "pictures"), dirs_exist_ok=True)
    pages = {path: Page(path, names) for path in course + others}
    problems = []
    for path, page in pages.items():
        is_course = path in course
        shown = course if is_course else [course[0], *others]
        label = {each: "The course" if each == course[0] else each[:-3] if each in others else pages[each].title.split(".")[0]
                 for each in shown}
        navigation = "\n".join('<a href="%s"%s>%s</a>' % (names[each], ' aria-current="page"' if each == path else "", label[each])
                               for each in shown)
        at = course.index(path) if is_course else None
        before = course[at - 1] if is_course and at > 0 else None
        after = course[at + 1] if is_course and at + 1 < len(course) else None
        turn = "".join('<a href="%s">%s</a>' % (names[each], html.escape(pages[each].title)) if each else "<span></span>"
                       for each in (before, after))
        write(page, page.html(), navigation, '<div class="turn">%s</div>' % turn if is_course else "", opts.to)
        problems += page.problems
    for problem in problems:
        print("book: " + problem, file=sys.stderr)
    print("%d pages in %s" % (len(pages), os.path.relpath(opts.to)))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
