"""HTML as a person sees it, as plain text.

A scanner, not a tree: mail is full of HTML that no tree fits, and a scanner cannot be made to recurse. Time is linear
in the input, which is cut at MAX_HTML characters. Nothing is fetched and nothing is run.
"""

import html
import re
from dataclasses import dataclass, field

MAX_HTML = 262_144
MAX_OPEN = 200

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})([^<>]{0,8000})>")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_HIDDEN = re.compile(
    r"display\s{0,5}:\s{0,5}none|visibility\s{0,5}:\s{0,5}hidden|mso-hide\s{0,5}:\s{0,5}all|\shidden\b", re.I
)
_QUOTE = re.compile(
    r"type\s{0,3}=\s{0,3}[\"']?cite|class\s{0,3}=\s{0,3}[\"']?[^\"'>]{0,60}(?:gmail_quote|yahoo_quoted|moz-cite|protonmail_quote"
    r"|zmail_extra|gmail_extra_quote|tutanota_quote|zendesk_quote|freshdesk_quote|front-blockquote|mail_quote)"
    r"|id\s{0,3}=\s{0,3}[\"']?(?:OLK_SRC_BODY_SECTION|divRplyFwdMsg|mail-editor-reference-message-container)",
    re.I,
)
_REST_IS_QUOTE = re.compile(r"id\s{0,3}=\s{0,3}[\"']?(?:appendonsend|divRplyFwdMsg|stopSpelling)", re.I)
_SPACED = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "pre", "table", "hr"))
_BLOCKS = _SPACED | {"address", "article", "aside", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset"}
_BLOCKS |= {"figcaption", "figure", "footer", "form", "header", "li", "main", "nav", "section", "tbody", "tfoot"}
_BLOCKS |= {"thead", "tr"}
_UNSEEN = ("script", "style", "head", "title", "template", "noscript", "object", "svg", "select", "textarea")
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
_CONTAINERS = frozenset(
    ("div", "span", "p", "td", "tr", "table", "blockquote", "section", "font", "a", "li", "ul", "ol", "center")
)
_TAGS_SHOWN = re.compile(r"</?(?:br|p|div|span|b|i|a|table|strong|em|html|body|font|ul|li)(?:\s[^<>]{0,500})?/?>", re.I)
_ENTITY = re.compile(
    r"&(?:lt|gt|amp|quot|nbsp|apos|#\d{2,6}|#x[0-9a-fA-F]{2,5}|[a-zA-Z]{1,2}(?:uml|acute|grave|circ|tilde|cedil|slash|lig));"
)


@dataclass(slots=True)
class _Page:
    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    begun: bool = False  # something can be seen on the present line
    quoted: int = 0
    hidden: int = 0
    pre: int = 0

    def write(self, text: str) -> None:
        if self.hidden:
            return
        if self.pre:
            first, *rest = text.replace("\r\n", "\n").split("\n")
            self._add(first)
            for line in rest:
                self.end_line()
                self._add(line)
            return
        text = _SPACE.sub(" ", text)
        self._add(text if self.begun else text.lstrip())

    def _add(self, text: str) -> None:
        if not text:
            return
        if not self.line and self.quoted:
            self.line.append("> " * min(self.quoted, 3))
        self.line.append(text)
        self.begun = self.begun or not text.isspace()

    def end_line(self) -> None:
        if not self.hidden:
            self.lines.append("".join(self.line).rstrip())
            self.line = []
            self.begun = False

    def block(self, *, spaced: bool) -> None:
        if self.hidden:
            return
        if self.begun:
            self.end_line()
        if spaced and self.lines and self.lines[-1].strip(" >"):
            self.lines.append("")


def visible_text(source: str) -> str:
    """What a person sees of `source`: no markup, no hidden text; quoted parts begin with `> `; entities undone."""
    source = source[:MAX_HTML]
    page = _Page()
    open_tags: list[tuple[str, int, int]] = []  # name, and how much it adds to hidden and to quoted
    position = 0
    while position < len(source):
        start = source.find("<", position)
        if start < 0:
            start = len(source)
        if start > position:
            page.write(html.unescape(source[position:start]))
        if start == len(source):
            break
        position = _markup(source, start, page, open_tags)
    page.hidden = 0
    page.end_line()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(page.lines).replace("\xa0", " ")).strip("\n")


def _markup(source: str, start: int, page: _Page, open_tags: list[tuple[str, int, int]]) -> int:
    """Handles what begins at `start`; returns where to go on."""
    if source.startswith("<!--", start):
        end = source.find("-->", start + 4)
        return len(source) if end < 0 else end + 3
    if source.startswith(("<!", "<?"), start):
        end = source.find(">", start)
        return len(source) if end < 0 else end + 1
    match = _TAG.match(source, start)
    if not match:
        end = start + 1
        while source.startswith("<<", end):
            end += 1
        page.write(source[start:end])
        return end
    closing, name, attributes = match[1], match[2].lower(), match[3]
    if name in _UNSEEN and not closing and not attributes.endswith("/"):
        return _after(source, name, match.end())
    if closing:
        _close(name, page, open_tags)
    else:
        _open(name, attributes, page, open_tags)
    return match.end()


def _after(source: str, name: str, position: int) -> int:
    """Behind the end tag of an element that shows nothing; a head that never ends is taken to end at once."""
    end = re.compile(rf"</{name}[\s>]|<body[\s>]" if name in ("head", "title") else rf"</{name}[\s>]", re.I).search(
        source, position
    )
    if not end:
        return position if name in ("head", "title", "object", "select", "noscript") else len(source)
    if end[0].lower().startswith("<body"):
        return end.start()
    close = source.find(">", end.start())
    return len(source) if close < 0 else close + 1


def _open(name: str, attributes: str, page: _Page, open_tags: list[tuple[str, int, int]]) -> None:
    if name == "br":
        page.end_line()
        return
    if name in _BLOCKS:
        page.block(spaced=name in _SPACED)
    if name == "hr":
        page.write("________________________________")
        page.block(spaced=True)
    elif name == "li":
        page.write("- ")
    elif name in ("td", "th") and not page.pre:
        page.write(" ")
    if name in _VOID or attributes.endswith("/"):
        return
    hidden = int(bool(attributes) and name in _CONTAINERS and bool(_HIDDEN.search(attributes)))
    quoted = int(bool(attributes) and bool(_QUOTE.search(attributes)))
    if attributes and _REST_IS_QUOTE.search(attributes):
        page.quoted += 1
        quoted = 0
    if (quoted or name in _CONTAINERS or name == "pre") and len(open_tags) < MAX_OPEN:
        open_tags.append((name, hidden, quoted))
        page.hidden += hidden
        page.quoted += quoted
        page.pre += name == "pre"


def _close(name: str, page: _Page, open_tags: list[tuple[str, int, int]]) -> None:
    if name in _BLOCKS:
        page.block(spaced=name in _SPACED)
    for index in range(len(open_tags) - 1, max(-1, len(open_tags) - 20), -1):
        if open_tags[index][0] == name:
            for tag, hidden, quoted in open_tags[index:]:
                page.hidden -= hidden
                page.quoted -= quoted
                page.pre -= tag == "pre"
            del open_tags[index:]
            return


def unescaped(text: str) -> str:
    """Undoes HTML that shows through in plain text: entities, and then tags if there are any."""
    if len(_ENTITY.findall(text[:20_000])):
        plain = html.unescape(text)
        if _TAGS_SHOWN.search(plain) and not _TAGS_SHOWN.search(text):
            return visible_text(plain.replace("\n", "<br>"))
        text = plain
    if len(_TAGS_SHOWN.findall(text[:20_000])) >= 2:
        return visible_text(text if re.search(r"<(?:br|p|div)\b", text[:20_000], re.I) else text.replace("\n", "<br>"))
    return text
