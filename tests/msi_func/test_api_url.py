"""Request URLs stay below the configured URL, for every server and URL parser."""

import posixpath
from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from msi_func.api_url import is_same_origin, join_url

PIECES = ["..", ".", "/", "%2e", "%252e", "%2F", "%5c", "%255c", "\\", ";", "?", "#", "@", ":", "a", "%25", "%", "\t"]
ANY_PATH = st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join).map("/".__add__))


def servers_path(path: str) -> str:
    """Return the path as the most lenient server reads it: decoded repeatedly, without parameters, normalized."""
    while (again := unquote(path)) != path:
        path = again
    path = path.replace("\\", "/")
    return posixpath.normpath("/".join(segment.partition(";")[0] for segment in path.split("/")))


@given(path=ANY_PATH)
def test_joined_url_stays_below_the_configured_one(path: str):
    try:
        joined = join_url("https://api.example/v1?code=key", path, None)
    except ValueError:
        return
    url = URL(joined, encoded=True)
    assert (url.user, url.port) == (None, 443)
    for host, seen in ((urlsplit(joined).netloc, urlsplit(joined).path), (url.host, url.raw_path)):
        assert host == "api.example"
        assert (servers_path(seen) + "/").startswith("/v1/")
    assert joined.isascii()
    assert joined.isprintable()


LINKS = st.one_of(
    st.text().map("https://api.example".__add__),
    st.lists(st.sampled_from([*PIECES, "https:", "//", "api.example", "evil.example"])).map("".join),
)


@given(link=LINKS)
def test_same_origin_link_stays_there_for_every_parser(link: str):
    if is_same_origin(link, "https://api.example/v1"):
        url = URL(join_url("https://api.example/v1", link, None), encoded=True)
        assert (url.scheme, url.user, url.host, url.port) == ("https", None, "api.example", 443)
