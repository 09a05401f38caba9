"""The staff of the demo company: invented people who answer from a fixed stock of knowledge, each in a manner.

An agent answers what it recognises. How long it takes is drawn between two numbers of seconds.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MAX_ASKED = 4000  # characters of a customer's text that an agent reads


class Manner(StrEnum):
    """How an agent treats customers."""

    PROMPT = "prompt"
    """Answers every question, in time, and says sorry to a customer who is upset."""
    SLOW = "slow"
    """Answers every question, after the promised time."""
    FORGETFUL = "forgetful"
    """Answers one question only; the others when asked again. Looks no order number up: the customer has to tell it."""
    NO_REPLY = "no_reply"
    """Answers from an address that cannot be answered."""
    HASTY = "hasty"
    """Answers every question, in time; a case is closed with the customer's thanks, and what comes then is a new one."""
    SILENT = "silent"
    """Never answers."""


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that customers ask, how it is recognised, and what the staff says to it."""

    name: str
    asked: re.Pattern[str]
    answer: str


def _topic(name: str, asked: str, answer: str) -> Topic:
    return Topic(name, re.compile(asked, re.IGNORECASE), answer)


_UPSET = re.compile(r"\b(upset|angry|annoyed|disappointed|unacceptable)\b", re.IGNORECASE)
ORDER_NUMBER = re.compile(r"\bAH-\d{4,8}\b", re.IGNORECASE)

KNOWLEDGE: tuple[Topic, ...] = (
    _topic(
        "order status",
        r"\border\b.{0,80}\b(ready|arrive|status|done|finished|delivered|online)|when .{0,40}\border\b",
        "Your order {order} is being set up right now; it will be ready on Thursday at 14:00.",
    ),
    _topic(
        "price",
        r"how much|\bprice|\bcosts?\b",
        "The Business plan costs EUR 12.90 a month, VAT included, and can be cancelled every month.",
    ),
    _topic(
        "opening hours",
        r"opening hours|(reach|call|phone) (you|us|your)|until (when|what time)|\bby phone\b",
        "Our phone line is open from Monday to Friday, 8:00 to 18:00.",
    ),
    _topic(
        "backup",
        r"\bback-?ups?\b",
        "We make a backup every night and keep each of them for 30 days.",
    ),
    _topic(
        "invoice",
        r"\binvoices?\b|\bpay\b|\bpayment\b",
        "Yes, you can pay by invoice, within 20 days and without a fee.",
    ),
    _topic(
        "data centre",
        r"data ?cent(re|er)|where .{0,40}\b(servers?|data|hosted|stored)\b",
        "Our servers stand in two data centres in Zurich and Frankfurt.",
    ),
    _topic(
        "moving a site",
        r"\b(move|moving|migrat\w+|transfer)\b",
        "Our technicians move your site for you, free of charge, usually within one night.",
    ),
)
"""All that the staff knows."""

_WHICH_ORDER = "Could you please tell me your order number?"
_UNKNOWN = "I have asked a colleague about this and will come back to you."


def topics_in(text: str) -> tuple[Topic, ...]:
    """The topics that a text asks about, in the order of the text."""
    text = text[:MAX_ASKED]
    found = ((match.start(), topic) for topic in KNOWLEDGE if (match := topic.asked.search(text)))
    return tuple(topic for _, topic in sorted(found, key=lambda pair: pair[0]))


@dataclass(frozen=True, slots=True)
class Case:
    """What an agent has on the desk: the customer, the question, and what was answered before."""

    customer: str
    text: str
    asked_before: tuple[Topic, ...]
    answered: frozenset[str]
    order: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent writes, and the topics it has dealt with."""

    text: str
    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class Agent:
    """One member of staff. `delay` is the least and the most time for an answer, in seconds."""

    name: str
    manner: Manner
    delay: tuple[float, float]
    form_url: str = ""

    def thinking_time(self, rng: random.Random) -> float:
        """Seconds until the next answer of this agent."""
        return rng.uniform(*self.delay)

    def answer(self, case: Case) -> Answer | None:
        """The answer to the customer's latest mail; None when there is nothing to say."""
        if self.manner is Manner.SILENT:
            return None
        open_topics = self._open_topics(case)
        if not open_topics and "?" not in case.text:
            return None  # a thank-you closes the case
        if self.manner is Manner.FORGETFUL and not case.answered:
            open_topics = open_topics[:1]
            if case.order is None and any("{order}" in topic.answer for topic in open_topics):
                return Answer(self._letter(case, [_WHICH_ORDER]), ())
        facts = [topic.answer.format(order=case.order or "from last week") for topic in open_topics]
        return Answer(self._letter(case, facts or [_UNKNOWN]), open_topics)

    def _open_topics(self, case: Case) -> tuple[Topic, ...]:
        now = topics_in(case.text)
        waiting = [topic for topic in case.asked_before if topic.name not in case.answered and topic not in now]
        return (*now, *waiting)

    def _letter(self, case: Case, facts: Sequence[str]) -> str:
        first_name = case.customer.split()[0] if case.customer.split() else "customer"
        opening = "thank you for asking again." if case.answered else "thank you for your message."
        if self.manner is Manner.PROMPT and _UPSET.search(case.text[:MAX_ASKED]):
            opening = "I am very sorry for the trouble that you have had."
        closing = "Is there anything else that I can do for you? Just answer this e-mail."
        if self.manner is Manner.NO_REPLY:
            opening = "I am glad to help you with that."
            closing = (
                "Please do not reply to this e-mail: this mailbox is not read. "
                f"If you have further questions, please use our contact form: {self.form_url}"
            )
        return "\n\n".join(
            (f"Hello {first_name},", opening, *facts, closing, f"Kind regards\n{self.name}\nAcme Hosting")
        )
