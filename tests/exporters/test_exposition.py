"""The two formats, read back with the parsers of prometheus_client."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters.exposition import Writer, memory, series
from exporters.metrics import METRICS

GAUGE = METRICS["promise_seconds"]
LABELS = st.fixed_dictionaries({name: st.text(max_size=20) for name in GAUGE.labels})


@given(LABELS, st.text(max_size=20), st.floats(allow_nan=False, allow_infinity=False))
def test_whatever_stands_in_a_label_is_read_back_as_it_was(labels: dict[str, str], location: str, value: float) -> None:
    for openmetrics, parse in ((False, parse_text), (True, parse_openmetrics)):
        writer = Writer(openmetrics=openmetrics)
        writer.head(GAUGE)
        writer.samples(GAUGE, [(series(GAUGE.labels, labels, location), value)])
        [family] = parse(writer.body().decode())
        [sample] = family.samples
        assert (sample.name, sample.labels, sample.value) == (GAUGE.full_name, {**labels, "location": location}, value)


def test_labels_of_the_journal_are_written_once_and_remembered() -> None:
    known = memory(("visit",), "here")
    assert known['{"visit":"refund","le":"5.0"}'] == ('location="here",visit="refund"', "5.0")
    assert memory(("visit",), "here") is known
    assert memory(("visit",), "there")['{"visit":"refund"}'] == ('location="there",visit="refund"', "")
