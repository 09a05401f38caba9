"""Ticket numbers and tags, as the real desks write them.

From the subject first, where desks put their tags, then from phrases of the body that leave no doubt ("Your ticket
number is 20418"). Years, prices, phone and order numbers are never taken. The form is canonical, so that the same
ticket is equal wherever it was found: without brackets, bare numbers as `#20418`, tags such as `example.com #1`,
`help-1`, `SUP-1293`, `INC0012345`, `SR 10455` as they are written.
"""

import re
from collections.abc import Iterable, Iterator

from replies.message import Message
from replies.new_text import new_text
from replies.phrases import alternatives, table

MAX_TICKETS = 10
MAX_BODY = 8_000

_NOUN = f"(?:{alternatives('ticket_noun')})"
_NUMBER_WORD = f"(?:{alternatives('ticket_number')})"
_IS = alternatives("ticket_is")
# Digits with letters before and groups behind: "20418", "SUP-1293", "HD-2026-00871", "T20261101.0012", "NR/2026/118834"
_ID = (
    r"(?P<id>(?:[A-Z]{1,6}/)?\d{2,12}(?:/\d{2,12}){1,2}(?:/[A-Z]{1,4})?(?![\w/-])|[A-Z]{1,6}/\d{3,12}(?![\w/-])"
    r"|(?=[A-Za-z]{0,8}[-.]?(?:[A-Z0-9]{1,8}-){0,2}\d)(?:[A-Z]{1,8}-?)?\d{1,18}(?:[-.](?:[A-Z]{1,4}-)?\d{1,18}){0,3}(?![\w-]|/\d)"
    r"|[A-Z]{2,8}(?:-[A-Z0-9]{1,10}){0,2}-\d{1,12}(?![\w-]))"
)
_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1(?:\d\d){1,2}|\d{4}-\d\d-\d\d|\d{1,2}/(?:(?:19|20)\d\d|\d\d)")

_RT = re.compile(r"\[(?P<tag>[^\[\]#\n]{1,60}?) ?#(?P<number>\d{1,18})\]")
_BRACKETED_KEY = re.compile(
    r"[\[({](?:(?:re|ref|case|ticket|id)\s?[:#]?\s?)?#?\s?"
    r"(?P<key>[A-Za-z][A-Za-z0-9._]{0,20}(?:-[A-Z0-9]{1,10}){0,2}-\d{1,10})[\])}]"
)
_BRACKETED_REFERENCE = re.compile(
    r"\[(?:ref|reference|case|ticket|request|id)(?: ?id| ?no\.?)?[.:# ]{1,3}"
    r"(?P<key>(?=[A-Z]{0,10}\d)(?=\d{0,10}[A-Z])[A-Z0-9]{5,20})\]",
    re.I,
)
_PADDED = re.compile(r"\[[A-Za-z][\w .-]{1,30} (?P<number>0\d{3,9})\]")  # Mantis: [Project 0001234]
_DATED = re.compile(r"(?<!\w)(?P<key>T\d{8}[.-]\d{4}|[RICPF]-\d{6})(?![\w-])")  # Autotask, iTop
_KEY = re.compile(
    r"(?:(?i:re|aw|fwd?|wg|sv|vs|antw|r|res|odp)\s?:\s?|\[[^\]]{1,30}\]\s?){0,3}(?P<key>[A-Z][A-Z0-9]{1,9}-\d{1,10})(?=[\s:,)\]]|$)"
)
_SERVICENOW = re.compile(r"(?<!\w)(?P<key>(?:INC|RITM|REQ|SCTASK|CHG|PRB|CS|TASK|HRC|WO|CAS|SCR)\d{6,12})(?!\w)")
_DYNAMICS = re.compile(r"(?<!\w)(?P<key>CAS-\d{4,8}-[A-Z0-9]{4,8})(?!\w)")
_SERVICE_REQUEST = re.compile(r"(?<!\w)(?P<key>(?:SR|TT|CR)[ #:-]{0,3}\d[\d-]{3,17})(?!\w)", re.I)
_THREAD = re.compile(r"\bref:[_!.A-Za-z0-9]{10,60}:ref\b")
_HASH = re.compile(r"(?<![\w&#/])#\s?(?P<number>\d{1,18})(?![\w-])")
_BRACKETED_NUMBER = re.compile(r"[\[{](?P<number>\d{5,18})[\]}]")
_NAMED = re.compile(
    rf"(?<!\w){_NOUN}s?(?:[ -]?{_NUMBER_WORD})?(?:\s?[:#=-]\s?"
    rf"|\s)(?:{_NUMBER_WORD}\s?:?\s?)?[#\[(\"' ]{{0,3}}{_ID}(?![\w%€$£]|[.,:/]\d|-\d)",
    re.I,
)
_REFERENCE = re.compile(
    rf"(?<!\w)(?:{alternatives('ticket_reference')})(?:[ -]?{_NUMBER_WORD})?(?:\s?[:#]\s?|\s(?=[A-Z]{{0,8}}-?\d))"
    rf"[#\[(\"' ]{{0,3}}{_ID}(?![\w%€$£]|[.,:/]\d|-\d)",
    re.I,
)
_OTHER_THING = re.compile(rf"(?<!\w)(?:{alternatives('not_ticket')})(?!\w)", re.I)
_OTHER_TICKET = table("other_ticket")
_ORDER = re.compile(rf"(?:{alternatives('not_ticket')})[ -]?(?:{_NUMBER_WORD})?\s?[:#]?\s?[#(\[]?$", re.I)

# Phrases of a body in which the number is the desk's: the noun comes with what the desk did, or with "your".
_SAYS = re.compile(
    rf"(?:(?:your|the|this|ihre?|deine?|die|der|unter der|votre|le|su|tu|el|la sua|la tua|il|sua|seu|o|uw|je|ditt"
    rf"|din|dit|twoje|państwa|váš|vaše|vašho|vašemu|ваш\w{{0,2}}|номер|numer|číslo|nº|n°)\s)?"
    rf"(?:{_NOUN}|support|reference|referenz|bearbeitungs|vorgangs|ticket|référence|referencia|riferimento"
    rf"|referência|kenmerk|referens|referanse)s?"
    rf"[\s-]{{0,2}}(?:{_NUMBER_WORD}[^.!?\n#\[(\d]{{0,40}}?|(?:has been assigned|was assigned|is|lautet|est|es|è|é"
    rf"|är|er|:)\s)[\s:]{{0,3}}[#\[(\"']{{0,3}}(?<!\w){_ID}(?![\w%€$£]|[.,:/]\d)",
    re.I,
)
# By the word for a number, where a request or its registration is spoken of: "pod číslem 77031", "7714 numaralı talebiniz"
_BY_NUMBER = re.compile(
    rf"(?<!\w){_NUMBER_WORD}\s?(?:{_IS})?\s?[#\[(\"']{{0,2}}{_ID}(?![\w%€$£]|[.,:/ ]\d|-\d)"
    rf"|(?<![\w.,/-])(?P<first>[A-Z]{{0,5}}[-/]?\d{{3,12}})[\s'-]?(?:numaralı|no['’]?l[uü]|sz\.|számú|számon|nr-|número|番)(?!\w)",
    re.I,
)
_MATTER = re.compile(rf"(?<!\w)(?:{_NOUN})s?(?!\w)|{alternatives('ticket_registered')}", re.I)
_PARENTHESIS = re.compile(rf"{_NOUN}s? \((?:{_NOUN}\s?)?{_NUMBER_WORD}?\s?#?\s?{_ID}\)", re.I)
_TICKET_HASH = re.compile(rf"(?<!\w){_NOUN}s?[ -]?(?:{_NUMBER_WORD})?\s?#\s?(?P<id>\d{{1,18}})(?![\w-])", re.I)
# "opened case XZ-77 for you", "Incident INC1002 has been raised", "číslo požadavku je 45678", "aanvraag heeft nummer 12"
_OPENED = re.compile(
    rf"\b(?:opened|created|raised|logged|registered|filed)\s(?:an?\s|the\s|your\s|new\s|this\s){{0,3}}"
    rf"{_NOUN}\s(?:{_NUMBER_WORD}\s?:?\s?)?{_ID}"
    rf"|(?<!\w){_NOUN}\s(?:{_NUMBER_WORD}\s?)?(?P<is>(?=[A-Z]{{0,8}}-?\d)[A-Z]{{0,8}}-?\d{{3,18}}(?:-\d{{1,10}}){{0,2}})\s"
    r"(?:has been|was|is|wurde|ist|a été|ha sido|fue|è stat|foi|is|har|er|zostało|zostal|byl|bol|создан|зарегистр)\b",
    re.I,
)
_NUMBER_OF = re.compile(
    rf"(?<!\w)(?:{_NUMBER_WORD})\s"
    rf"(?:(?:{alternatives('ticket_of')})\s){{0,2}}"
    rf"{_NOUN}\w{{0,3}}(?:\s(?:σας|dvs\.?|dumneavoastră))?\s?(?:{_IS})?\s?[#\[(\"']{{0,2}}{_ID}(?![\w%€$£]|[.,:/]\d)"
    rf"|(?<!\w){_NOUN}\w{{0,3}}\s(?:heeft|has|hat|a|tiene|ha|tem|har|ma|má|получил\w?|dostalo|krijgt|receives?)\s"
    rf"[^.!?\n#\d]{{0,20}}(?:{_NUMBER_WORD})\s?:?\s?#?(?P<has>[A-Z]{{0,8}}-?\d{{2,18}}(?:-\d{{1,10}})?)(?![\w-])",
    re.I,
)
_ASIAN = re.compile(
    rf"(?:{alternatives('ticket_asian')}) ?(?:番号|号码?|编号|編號|號碼?|번호|已创建|已建立|ID)"
    rf"(?:は|是|为|為|는|은)?[\s:：#「『（(]{{0,4}}{_ID}",
    re.I,
)
_TRACK = re.compile(r"\btrack(?:ing)? id\s?:?\s?(?P<key>[A-Z0-9]{3}-[A-Z0-9]{3}-[A-Z0-9]{4})(?!\w)", re.I)
_DOUBLE_HASH = re.compile(r"##\s?(?P<number>\d{1,18})\s?##")
_SENTENCE_END = re.compile(r"[!?。！？\n]|(?<!\b\w\w)(?<!\b\w)\.\s")
_NOUN_BEFORE = re.compile(rf"(?<!\w){_NOUN}s?[ -]?(?:{_NUMBER_WORD})?[ :]{{0,2}}$", re.I)
_YEAR = re.compile(r"(?:19|20)\d\d")
_NOT_KEYS = re.compile(
    r"(?:utf|iso|rfc|sha|covid|mp|win|windows|a|b|v|version|rev|part|step|usb|pp|art|no|nr|sku|model|ean|isbn|ups"
    r"|us|eu|gmt|utc|h|g|q|fy|cve|en|din|ip|ipv|ps|xbox|airpods|iphone|kw|week)-",
    re.I,
)


def tickets(message: Message) -> tuple[str, ...]:
    """The desk's numbers for the matter, most certain first, without doubles; empty if there is none."""
    found = dict.fromkeys(_in_header(message))
    found.update(dict.fromkeys(_in_subject(message.subject)))
    found.update(dict.fromkeys(_in_body(new_text(message.text)[:MAX_BODY])))
    return tuple(found)[:MAX_TICKETS]


def tags(message: Message) -> tuple[str, ...]:
    """Those that stand in the subject or in a header of the helpdesk: what its answers are sorted by."""
    found = dict.fromkeys((*_in_header(message), *_in_subject(message.subject)))
    return tuple(found)[:MAX_TICKETS]


def _in_header(message: Message) -> Iterator[str]:
    if tag := message.header("x-rt-ticket"):
        yield tag[:100]


def _in_subject(subject: str) -> Iterator[str]:
    subject = subject[:500]
    for match in _RT.finditer(subject):
        yield _tagged(match["tag"].strip(), match["number"])
    if (first := _KEY.match(subject)) and _is_key(first["key"]):
        yield first["key"]
    for pattern in (_BRACKETED_KEY, _BRACKETED_REFERENCE, _DATED, _SERVICENOW, _DYNAMICS, _SERVICE_REQUEST, _TRACK):
        yield from (
            match["key"]
            for match in pattern.finditer(subject)
            if _is_key(match["key"]) and not _order_before(subject, match.start("key"))
        )
    yield from (match[0] for match in _THREAD.finditer(subject))
    rest = _RT.sub(" ", subject)
    for match in _HASH.finditer(rest):
        bracketed = rest[: match.start()].endswith(("[", "(")) or _NOUN_BEFORE.search(rest[: match.start()])
        if (bracketed or len(match["number"]) > 2) and not _is_other(rest, match.start(), match["number"]):
            yield f"#{match['number']}"
    yield from _said(subject, (_NAMED, _REFERENCE, _ASIAN))
    yield from _beside(subject)
    for pattern in (_BRACKETED_NUMBER, _DOUBLE_HASH, _PADDED):
        yield from (f"#{match['number']}" for match in pattern.finditer(subject))


def _in_body(text: str) -> Iterator[str]:
    for match in _RT.finditer(text):
        if "." in match["tag"] or re.search(_NOUN, match["tag"], re.I):
            yield _tagged(match["tag"].strip(), match["number"])
    for match in re.finditer(r"\[(?P<key>[A-Za-z][A-Za-z0-9._]{0,20}-\d{1,10})\]", text):
        if _is_key(match["key"]):
            yield match["key"]
    yield from (match["key"] for pattern in (_SERVICENOW, _DYNAMICS, _TRACK) for match in pattern.finditer(text))
    yield from _said(text, (_TICKET_HASH, _PARENTHESIS, _SAYS, _OPENED, _NUMBER_OF, _REFERENCE, _ASIAN))
    yield from _beside(text)


def _said(text: str, patterns: Iterable[re.Pattern[str]]) -> Iterator[str]:
    for pattern in patterns:
        for match in pattern.finditer(text):
            number = next(filter(None, match.groups()))
            place = text.index(number, match.start())
            if _is_other(text, match.start(), number) or _order_before(text, place) or text[place - 1] == "-":
                continue
            if len(number) > 2 or "#" in match[0] or pattern is _NAMED:
                yield _numbered(number)


def _beside(text: str) -> Iterator[str]:
    """Numbers that go by the word for a number, where the sentence speaks of a request and of nothing else that has numbers."""
    for match in _BY_NUMBER.finditer(text):
        number = next(filter(None, match.groups()))
        before = _SENTENCE_END.split(text[max(0, match.start() - 80) : match.start()])[-1]
        after = _SENTENCE_END.split(text[match.end() : match.end() + 40])[0]
        if (
            len(number) < 3
            or _is_other(text, match.start(), number)
            or _OTHER_THING.search(f"{before} {match[0]} {after}")
        ):
            continue
        if _MATTER.search(f"{before} {after}"):
            yield _numbered(number)


def _is_other(text: str, start: int, number: str) -> bool:
    """Whether it is a year, a date, or told by what stands before it to be no number of the desk's."""
    if _YEAR.fullmatch(number) or _DATE.fullmatch(number):
        return True
    return bool(
        _OTHER_TICKET.search(text[max(0, start - 20) : text.index(number, start)].lower()) or _order_before(text, start)
    )


def _tagged(tag: str, number: str) -> str:
    """RT's `example.com #1` keeps its name; a name that only means "ticket" does not count."""
    words = tag.lower().rstrip(" -:#")
    if not words or re.fullmatch(rf"{_NOUN}(?: ?(?:id|no|number|nr|nummer))?", words) or " - " in tag:
        return f"#{number}"
    return f"{tag} #{number}"


def _numbered(text: str) -> str:
    return f"#{text}" if text.isdigit() else text


def _is_key(key: str) -> bool:
    return not _NOT_KEYS.match(key) and not _YEAR.fullmatch(key.rpartition("-")[2][:4] if key.count("-") > 1 else "")


def _order_before(text: str, position: int) -> bool:
    """Whether the number is named as something else: an order, an invoice, a phone."""
    return bool(_ORDER.search(text[max(0, position - 30) : position]))
