"""HTML and XML without their tags."""

from __future__ import annotations

import pytest

from airflow_provider_xai_collections.emulator.readers.markup import html


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("\ufeff<p>call <b>me</b></p>now", "call me\nnow"),
        ("<script>x<y</script></script><style>p{}</style><template>no</template>me", "me"),
        ("<table><tr><th>ship<th>year</tr><tr><td>Pequod</td><td>1851</td></tr></table>", "ship year\nPequod 1851\n"),
        ("<a>call &amp; me</a>", "call & me"),
        ("one<br/>two", "one\ntwo"),
    ],
)
def test_what_a_reader_would_see(content: str, expected: str) -> None:
    (page,) = html(content.encode())
    assert page.text == expected
