"""Measures the reading of replies on a labelled corpus: `python -m tests.replies.evaluation CORPUS_DIR`.

The corpus has the form of the folders `kind/labels.csv`, `newtext/expected.json`, `text/*.tsv`,
`authres/expected.csv` and `answered/*.jsonl`; a folder that is missing is skipped.
Nothing of a corpus ever stands in this repository.
"""

import csv
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from replies.authentication import authentication
from replies.finding import Finding
from replies.kind import classify
from replies.language import language
from replies.message import Message, read
from replies.new_text import new_text
from replies.notices import handoff, notices
from replies.off_topic import off_topic
from replies.promise import Promise, promise
from replies.repeated import asked_for
from replies.spelling import spelling
from replies.tickets import tickets

KINDS = {"auto_ack": "acknowledgement", "auto_other": "other"}


def kinds(corpus: Path) -> Iterator[str]:
    """Accuracy, macro-F1 and confusion for real and for constructed mail, and the time a message takes."""
    rows = _table(corpus / "kind" / "labels.csv")
    seconds: list[float] = []
    pairs: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        raw = (corpus / row["file"]).read_bytes()
        started = time.perf_counter()
        message = read(raw)
        found = classify(message, new_text(message.text)).kind
        seconds.append(time.perf_counter() - started)
        wanted = KINDS.get(row["kind"], row["kind"])
        pairs.setdefault(row["origin"], []).append((wanted, found))
        if found != wanted:
            yield f"  {row['file']}: {wanted}, read as {found}"
    for origin, found_pairs in pairs.items():
        yield from _scores(f"kind ({origin})", found_pairs)
    if seconds:
        yield f"time: median {sorted(seconds)[len(seconds) // 2] * 1000:.1f} ms, most {max(seconds) * 1000:.0f} ms"


def _scores(title: str, pairs: list[tuple[str, str]]) -> Iterator[str]:
    count = Counter(pairs)
    labels = sorted({wanted for wanted, _ in pairs})
    f1 = []
    for label in labels:
        right = count[label, label]
        found = sum(number for (_, got), number in count.items() if got == label)
        wanted = sum(number for (want, _), number in count.items() if want == label)
        f1.append(2 * right / (found + wanted) if found + wanted else 0.0)
        yield f"  {title} {label}: precision {right}/{found}, recall {right}/{wanted}"
    right = sum(number for (wanted, found), number in count.items() if wanted == found)
    automatic = [found for wanted, found in pairs if wanted != "human"]
    yield (
        f"{title}: accuracy {right / len(pairs):.3f} ({right}/{len(pairs)}), macro-F1 {sum(f1) / len(f1):.3f}, "
        f"automatic called human {automatic.count('human')}/{len(automatic)}"
    )


def new_texts(corpus: Path) -> Iterator[str]:
    """How many new texts are found exactly, white space aside."""
    path = corpus / "newtext" / "expected.json"
    rows = json.loads(path.read_text("utf-8")) if path.exists() else []
    right = 0
    for row in rows:
        raw = (corpus / row["file"]).read_bytes()
        text = read(raw).text if row["file"].endswith(".eml") else raw.decode("utf-8", "replace")
        if new_text(text).split() == row["expected"].split():
            right += 1
        else:
            yield f"  {row['file']}: {new_text(text)[-60:]!r}"
    if rows:
        yield f"new text: exact {right / len(rows):.3f} ({right}/{len(rows)})"


def promises(corpus: Path) -> Iterator[str]:
    """Precision and recall of promises with a time, and how many of the right ones have the right length."""
    right = wrong = missed = exact = 0
    for _, sentence, kind, value in _lines(corpus / "text" / "promise.tsv", 4):
        found = promise(sentence)
        timed = found is not None and found.unit != "vague"
        right += timed and kind == "P"
        wrong += timed and kind != "P"
        missed += not timed and kind == "P"
        exact += timed and kind == "P" and code(found) == value
        if (timed, code(found)) != (kind == "P", value):
            yield f"  {sentence}: {kind} {value}, read as {code(found)}"
    if right:
        yield f"promise: {_rates(right, wrong, missed)}, value {exact}/{right}"


def code(found: Promise | None) -> str:
    """A promise as `text/promise.tsv` writes it: 24h, 2bd, 48bh, 3d, 30m, the name of a date, - for no time."""
    if found is None or found.unit == "vague":
        return "-"
    if found.seconds is None:
        return found.when
    if found.seconds % 3600:
        return f"{found.seconds / 60:g}m"
    unit = {"hours": "h", "business_hours": "bh", "business_days": "bd", "days": "d"}[found.unit]
    return f"{found.seconds / (3600 if unit in ('h', 'bh') else 86400):g}{unit}"


def labels(corpus: Path) -> Iterator[str]:
    """Precision and recall of what is asked for and of notices, over all labels together."""
    known = {label for wanted, _ in _lines(corpus / "text" / "ask.tsv", 2) for label in wanted.split(",") if label}
    for name in ("ask", "notice"):
        right = wrong = missed = 0
        for wanted_text, sentence in _lines(corpus / "text" / f"{name}.tsv", 2):
            wanted = {label for label in wanted_text.split(",") if label}
            found = set(asked_for(sentence)) & known if name == "ask" else _notices(sentence)
            right += len(found & wanted)
            wrong += len(found - wanted)
            missed += len(wanted - found)
            if found != wanted:
                yield f"  {sentence}: {sorted(wanted)}, read as {sorted(found)}"
        if right:
            yield f"{name}: {_rates(right, wrong, missed)}"


def _notices(sentence: str) -> set[str]:
    found = {"autoclose" if item.value == "announced" else item.check for item in notices(Message(), sentence)}
    return found | ({"handoff"} if handoff(sentence) else set())


def ticket_numbers(corpus: Path) -> Iterator[str]:
    """Ticket numbers, from `text/ticket.tsv` (number, subject, body) where a corpus has it.

    The tag that stands before a number ("example.com #1") may be given or not.
    """
    rows = _lines(corpus / "text" / "ticket.tsv", 3)
    right = wrong = 0
    for wanted, subject, body in rows:
        found = tickets(Message(subject=subject, text=body))
        same = [item for item in found if _bare(wanted) in {_bare(item), _bare(item.split()[-1])}]
        right += bool(wanted and same)
        wrong += len(found) - len(same)
        if bool(same) != bool(wanted) or len(found) != len(same):
            yield f"  {subject} | {body}: {wanted or '-'}, read as {found}"
    if rows:
        yield f"ticket: {right} of {sum(1 for row in rows if row[0])}, {wrong} false"


def _bare(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def senders(corpus: Path) -> Iterator[str]:
    """Authentication results as labelled, and forged ones trusted."""
    rows = _table(corpus / "authres" / "expected.csv")
    right = 0
    for row in rows:
        trusted = None if row["forged"] == "1" else row["authserv_id_of_top"]
        found = authentication(read((corpus / row["file"]).read_bytes()), trusted)
        right += (found.spf or "", found.dkim or "", found.dmarc or "") == (row["spf"], row["dkim"], row["dmarc"])
    if rows:
        yield f"authentication: {right}/{len(rows)}"


def subjects(corpus: Path) -> Iterator[str]:
    """Off topic: answers judged with their own question, with another's, and echoes, each against eight other questions.

    No two pairs that meet are about one subject: the number before `_` in `dialogue` names it. The area under the curve
    (the chance that an answer is liker than what is none) is that of the value, with and without other questions.
    """
    rows = [
        json.loads(line) for path in sorted(corpus.glob("answered/*.jsonl")) for line in path.open(encoding="utf-8")
    ]
    pairs = [row for row in rows if row["answered"]]
    judged: dict[str, list[Finding]] = {"own question": [], "another": [], "echo": []}
    for index, row in enumerate(pairs):
        subject = row["dialogue"].partition("_")[0]
        rest = [each for each in pairs[index:] + pairs[:index] if each["dialogue"].partition("_")[0] != subject]
        others = rest[:: max(1, len(rest) // 8)][:8]
        asked = [each["question"] for each in others]
        replies = {
            "own question": row["reply"],
            "another": others[0]["reply"],
            "echo": f"We received your question '{row['question']}' and will look into it.",
        }
        for name, reply in replies.items():
            judged[name].append(off_topic(reply, row["question"], asked))
    for name, found in judged.items():
        if pairs:
            count = Counter(each.result for each in found)
            yield f"off topic ({name}): " + ", ".join(f"{result} {number}" for result, number in sorted(count.items()))
    evasive = [off_topic(row["reply"], row["question"], []) for row in rows if not row["answered"]]
    alone = [off_topic(row["reply"], row["question"], []) for row in pairs]
    if pairs and evasive:
        easy, hard = _area(judged["own question"], judged["another"]), _area(alone, evasive)
        yield f"off topic: area under the curve {easy:.3f} against strangers' answers, {hard:.3f} against evasive ones"


def _area(answers: list[Finding], strangers: list[Finding]) -> float:
    pairs = [(float(str(one.value)), float(str(other.value))) for one in answers for other in strangers]
    return sum((one > other) + (one == other) / 2 for one, other in pairs) / len(pairs)


def languages(corpus: Path) -> Iterator[str]:
    """Languages of sentences of 40 characters and more, from `text/promise.tsv`."""
    rows = [(code, said) for code, said, *_ in _lines(corpus / "text" / "promise.tsv", 4) if len(said) >= 40]
    right = unknown = 0
    for code, said in rows:
        found = language(said, code)
        right += found.result == "ok"
        unknown += found.result == "unknown"
        if found.result == "problem":
            yield f"  {said}: {code}, read as {found.value}"
    if rows:
        yield f"language: {right} right, {unknown} unknown, {len(rows) - right - unknown} wrong of {len(rows)}"


def spellings(corpus: Path) -> Iterator[str]:
    """Words called wrong in the mails of people, and how many are found of one slip that is put into each mail."""
    chance = random.Random(1)  # the same slips each time
    words = found = slips = caught = 0
    for row in _table(corpus / "kind" / "labels.csv"):
        text = new_text(read((corpus / row["file"]).read_bytes()).text) if row["kind"] == "human" else ""
        if (before := spelling(text)).result == "unknown":
            continue
        plain = list(re.finditer(r"\b[^\W\d_]{5,}\b", text))
        words += len(re.findall(r"[^\W\d_]+", text))
        if isinstance(before.value, dict):
            found += len(before.value)
            yield f"  {row['file']}: {before.value}"
        plain = [word for word in plain if word[0].islower()]
        if plain:
            word = chance.choice(plain)
            wrong = _slip(word[0], chance)
            after = spelling(text[: word.start()] + wrong + text[word.end() :])
            slips += wrong != word[0]
            caught += wrong != word[0] and isinstance(after.value, dict) and wrong in after.value
    if slips:
        rate = f"{found / words * 1000:.2f} words in 1,000 called wrong ({found} of {words})"
        yield f"spelling: {rate}, {caught} of {slips} slips found"


def _slip(word: str, chance: random.Random) -> str:
    place, kind = chance.randrange(1, len(word) - 1), chance.randrange(4)
    letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
    middle = ("", letter, word[place] + letter, word[place + 1] + word[place])[kind]
    return word[:place] + middle + word[place + (2 if kind == 3 else 1) :]


def _rates(right: int, wrong: int, missed: int) -> str:
    return f"precision {right / (right + wrong):.3f}, recall {right / (right + missed):.3f}"


def _table(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _lines(path: Path, columns: int) -> list[list[str]]:
    if not path.exists():
        return []
    return [(line.split("\t") + [""] * columns)[:columns] for line in path.read_text("utf-8").splitlines() if line]


def main() -> int:
    """Prints the figures of every part of the corpus; misses stand indented before them."""
    if len(sys.argv) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    corpus = Path(sys.argv[1])
    for part in (kinds, new_texts, promises, labels, ticket_numbers, senders, subjects, languages, spellings):
        for line in part(corpus):
            sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
