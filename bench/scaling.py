"""Benchmarks of token validation with many keys, roles and cached tokens, which must not slow it down."""

from collections.abc import Iterator

from aad_func.access_token import TOKEN_CACHE_SIZE
from bench.contenders import Contender, authorizer, headers, interleave
from bench.report import Row, ratio
from local_azure.cloud import LocalAzure
from tests.support.forge import Forge
from tests.support.tenant import V2, Tenant

MAX_RATIO = 1.1  # Even identical contenders sometimes differ by 5 %.


def rows(azure: LocalAzure) -> Iterator[Row]:
    """Yield rows that compare many keys, roles and cached tokens with a single key, role and token."""
    yield from _keys(azure)
    yield from _roles(azure)
    yield from _cached_tokens(azure)


def _keys(azure: LocalAzure) -> Iterator[Row]:
    first, *tokens = [headers(Forge(azure).token(number=number)) for number in range(201)]
    with Tenant(azure) as one, Tenant(azure) as hundred:
        others = (hundred.member(V2, hundred.own, kid=f"another {number}") for number in range(99))
        hundred.publish_members(V2, *others, hundred.member(V2, hundred.own))
        many, few = authorizer(azure, hundred.origin), authorizer(azure, one.origin)
        yield _compare(
            "a cached token, 100 keys",
            "1 key",
            Contender(lambda: many, tokens, warm_up=tokens, is_async=True),
            Contender(lambda: few, tokens, warm_up=tokens, is_async=True),
        )
        yield _compare(
            "a new token, 100 keys",
            "1 key",
            Contender(lambda: authorizer(azure, hundred.origin), tokens, warm_up=[first], is_async=True),
            Contender(lambda: authorizer(azure, one.origin), tokens, warm_up=[first], is_async=True),
        )


def _roles(azure: LocalAzure) -> Iterator[Row]:
    forge = Forge(azure)
    thousand = [*(f"r{number:03}" for number in range(999)), "DoAll"]
    # All tokens have the same length, because the time to parse and hash a token is proportional to its length.
    many = [headers(forge.token(roles=thousand, number=number)) for number in range(100)]
    one = [headers(forge.token(roles=["DoAll"], number=number, text="x" * 7990)) for number in range(100)]
    ours = authorizer(azure)
    yield _compare(
        "a cached token, 1,000 roles",
        "1 role, same length",
        Contender(lambda: ours, many, warm_up=many, is_async=True),
        Contender(lambda: ours, one, warm_up=one, is_async=True),
    )


def _cached_tokens(azure: LocalAzure) -> Iterator[Row]:
    forge = Forge(azure)
    last, *others = [headers(forge.token(number=number)) for number in range(TOKEN_CACHE_SIZE)]
    one, full = authorizer(azure), authorizer(azure)
    yield _compare(
        f"a cached token, {TOKEN_CACHE_SIZE:,} in the cache",
        "1 in the cache",
        Contender(lambda: full, [last] * 500, warm_up=[*others, last], is_async=True),
        Contender(lambda: one, [last] * 500, warm_up=[last], is_async=True),
    )


def _compare(name: str, baseline: str, many: Contender, few: Contender) -> Row:
    seconds = interleave({"many": many, "few": few})
    pairs = ((ours * 1e6, theirs * 1e6) for ours, theirs in zip(seconds["many"], seconds["few"], strict=True))
    return ratio(name, baseline, pairs, "µs", most=MAX_RATIO)
