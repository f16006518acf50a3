"""A service that takes so many requests a second and refuses the others with ``Retry-After``."""

from __future__ import annotations

from benchmarks.outcomes import Outcome
from benchmarks.processes import Workshop, service
from benchmarks.sources import small_documents

#: Whose requests the service counts: nobody knows. There are two keys.
_COUNTED = {"team": 1, "key": 2}


def under_a_limit(workshop: Workshop, *, documents: int, rate: int, concurrency: int) -> Outcome:
    """Bring in new documents, under one limit for both keys, then under one for each.

    To find a limit costs some seconds, however high it is: so two limits get twice the documents, to take as long.

    :param documents: for each limit.
    """
    found = Outcome(f"{documents} documents for each limit of {rate} requests a second, concurrency {concurrency}")
    for whose, limits in _COUNTED.items():
        expected = documents * limits
        source = small_documents(workshop.folder / f"limited by {whose}", expected)
        with service(settings={"rate_limit": rate, "rate_limit_of": whose}) as running:
            used = workshop.run(
                "sync",
                running.connection,
                source=str(source),
                collection="limited",
                concurrency=concurrency,
                wait_for_completion=False,
            )
            seen = running.observed()
        done, refused = seen["done"], seen["statuses"].get("429", 0)
        accepted = sum(done.values())
        case = f"counted by {whose}"
        found.exactly(f"{case}: documents added", used.value["added"], expected)
        found.exactly(f"{case}: uploads done", done.get("upload_file", 0), expected)
        found.exactly(f"{case}: attaches done", done.get("add_document", 0), expected)
        found.at_least(f"{case}: share of the allowed rate used", accepted / seen["seconds"] / (limits * rate), 0.9)
        found.at_most(f"{case}: most refusals of one request", seen["refused_most"], 3)
        found.figure(f"{case}: requests refused, of all", f"{refused / (accepted + refused):.1%}")
    return found
