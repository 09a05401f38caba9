"""Does what a customer writes arrive as it was written?"""

from contextlib import suppress

from conversations.customer import Customer
from conversations.durations import Duration
from conversations.errors import NoReply
from conversations.reply import Reply
from conversations.scenario import scenario
from replies.finding import Finding
from replies.intact import intact as came_back
from replies.kind import Kind

PATIENCE_TIMES = 4
LEAST_PATIENCE = Duration.parse("1 day")

SUBJECT = (
    "Zustellung an die Gänsefüßchenstraße in Zürich: können Größe und Maße der Verpackung noch geändert werden, "
    "Frau Müller?"
)
OPENING = """Hello

my parcel goes to Gänsefüßchenstraße 5 in Zürich, care of Frau Müller, with the crème brûlée dishes in it.
Can its size still be changed? The measures are in the attached file; I keep my fingers crossed 🤞 meanwhile.

Kind regards
{name}"""
ATTACHMENT = "Länge 40 cm\nBreite 30 cm\nHöhe 20 cm\nGröße: M – „mittel“\n"
FILE = "Größen.txt"
THANKS = "Thank you for your answer, that is all I wanted to know.\n\nKind regards\n{name}"


@scenario("Send umlauts, an emoji, a long subject and a file, and see whether they come back as they were")
async def intact(
    customer: Customer,
    opening: str = OPENING,
    subject: str = SUBJECT,
    attachment: str = ATTACHMENT,
    patience: Duration | None = None,
) -> None:
    """Passes when somebody answers and nothing is damaged; fails when something is, or when nobody answers in time."""
    within = patience or customer.patience("first_reply", PATIENCE_TIMES, LEAST_PATIENCE)
    await customer.write(opening, subject=subject, attachments={FILE: attachment} if attachment else None)
    answers = [await customer.first_answer(within=within)]
    ours = [customer.filled(opening), customer.filled(subject), FILE]
    if answers[0].kind is Kind.ACKNOWLEDGEMENT and _seen(ours, answers).result == "unknown":
        with suppress(NoReply):  # an acknowledgement that quotes nothing: a person's reply may
            answers.append(await customer.reply(within=within))
    found = _seen(ours, answers)
    await customer.find(found)
    if answers[-1].kind is Kind.HUMAN:
        await customer.answer(THANKS, closing=True)
    if found.result == "problem":
        raise customer.fail(f"what we wrote was damaged: {found.evidence}")


def _seen(ours: list[str], answers: list[Reply]) -> Finding:
    return came_back(ours, [part for answer in answers for part in (answer.subject, answer.quoted, answer.text)])
