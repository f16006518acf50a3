"""A service that takes so many requests a second and refuses the others with ``Retry-After``."""

from __future__ import annotations

from benchmarks.cases.small_documents import IN_WORDS, TO_CREATE, UPLOADS
from benchmarks.outcomes import Outcome
from benchmarks.processes import Workshop, service
from benchmarks.sources import small_documents

#: Ways of uploading, and whose requests the service counts, which nobody knows; and how many limits the requests meet:
#: those of the one call all carry the same key.
_COUNTED = {("auto", "team"): 1, ("files", "team"): 1, ("files", "key"): 2}


def under_a_limit(workshop: Workshop, *, uploads: int, rate: int, concurrency: int) -> Outcome:
    """Upload new documents under a limit: by one call each, by two, and by two of which each has a limit of its own.

    To find a limit costs some seconds, however high it is: so two limits get twice the requests, to take as long.

    :param uploads: requests that upload and attach, for each limit.
    """
    found = Outcome(f"{uploads} uploads and attaches for each limit of {rate} requests a second")
    for (method, whose), limits in _COUNTED.items():
        expected = uploads * limits // len(UPLOADS[method])
        case = f"{IN_WORDS[method]}, counted by {whose}"
        source = small_documents(workshop.folder / f"{method} limited by {whose}", expected)
        with service(settings={"rate_limit": rate, "rate_limit_of": whose}) as running:
            used = workshop.run(
                "sync",
                running.connection,
                source=str(source),
                collection_name="limited",
                concurrency=concurrency,
                upload_method=method,
                wait_for_completion=False,
            )
            seen = running.observed()
        done, refused = seen["done"], seen["statuses"].get("429", 0)
        accepted = sum(done.values())
        found.exactly(f"{case}: documents added", used.value["added"], expected)
        for name in UPLOADS[method]:
            found.exactly(f"{case}: {name} done", done.pop(name, 0), expected)
        found.exactly(f"{case}: other requests done", sum(done.values()), TO_CREATE)
        found.at_least(f"{case}: share of the allowed rate used", accepted / seen["seconds"] / (limits * rate), 0.9)
        found.at_most(f"{case}: most refusals of one request", seen["refused_most"], 3)
        found.figure(f"{case}: requests refused, of all", f"{refused / (accepted + refused):.1%}")
    return found
