"""A sentence cut into its clauses, so that a condition does not count as a statement."""

import re

from replies.phrases import alternatives

_CONDITIONAL = re.compile(alternatives("conditional"))
_CLAUSE = re.compile(
    r"[;:]\s|,\s|\s-\s|\s?[()]\s?|\s(?=(?:and|or|but|so|und|aber|oder|et|mais|y|pero|e|ma|mas|en|maar|och|men|og|i|ale|a|и|но)"
    r" (?:if|we|i|you|our|your|please|one of|someone|then|they|the|wir|ich|sie|unser\w*|bitte|wenn|nous|vous|notre|si|"
    r"le|la|nos|nuestro\w*|por|il|noi|non|o|a|wij|we|u|uw|het|vi|du|jag|jeg|min|my|proszę|prosimy|vám|vás|мы|вы|наш\w*)\b)"
    r"|\s(?=(?:if|unless|because|since|until you|wenn|falls|sofern|damit|indien|als (?:u|je|we)|hvis|dersom|jos|jeśli|"
    r"jeżeli|pokud|если|якщо|ha nem|dacă)\b)|。|、"
)


def clauses(said: str) -> list[str]:
    """The clauses of a sentence (in plain form, see `replies.phrases.plain`), without those that set a condition."""
    pieces = (piece.strip(" .!\"'*·•") for piece in _CLAUSE.split(said))
    return [piece for piece in pieces if piece and not _CONDITIONAL.match(piece)]
