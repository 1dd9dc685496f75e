"""What a call costs as keys, roles and remembered tokens grow: nothing more."""

from collections.abc import Iterator

from aad_func.bearer import REMEMBERED_TOKENS

from bench.rows import Row, share
from bench.verifying import Contender, by_turns, headers, our_gate
from local_azure.cloud import LocalAzure
from tests.support.forge import Forge
from tests.support.tenant import V2, Tenant

FLAT = 1.1  # twice the same differs by a twentieth now and then


def rows(azure: LocalAzure) -> Iterator[Row]:
    """Each beside the same with few."""
    yield from _keys(azure)
    yield from _roles(azure)
    yield from _remembered(azure)


def _keys(azure: LocalAzure) -> Iterator[Row]:
    first, *given = [headers(Forge(azure).token(number=number)) for number in range(201)]
    with Tenant(azure) as one, Tenant(azure) as hundred:
        others = (hundred.member(V2, hundred.own, kid=f"another {number}") for number in range(99))
        hundred.publish_members(V2, *others, hundred.member(V2, hundred.own))
        many, few = our_gate(azure, hundred.origin), our_gate(azure, one.origin)
        yield _flat(
            "a token seen before, 100 keys",
            "1 key",
            Contender(lambda: many, given, before=given, waits=True),
            Contender(lambda: few, given, before=given, waits=True),
        )
        yield _flat(
            "a token for the first time, 100 keys",
            "1 key",
            Contender(lambda: our_gate(azure, hundred.origin), given, before=[first], waits=True),
            Contender(lambda: our_gate(azure, one.origin), given, before=[first], waits=True),
        )


def _roles(azure: LocalAzure) -> Iterator[Row]:
    forge = Forge(azure)
    thousand = [*(f"r{number:03}" for number in range(999)), "DoAll"]
    # As long, so that only the number of roles differs: reading and hashing a token costs what its length costs.
    many = [headers(forge.token(roles=thousand, number=number)) for number in range(100)]
    one = [headers(forge.token(roles=["DoAll"], number=number, text="x" * 7990)) for number in range(100)]
    seen = our_gate(azure)
    yield _flat(
        "a token seen before, 1,000 roles",
        "1 role, as long",
        Contender(lambda: seen, many, before=many, waits=True),
        Contender(lambda: seen, one, before=one, waits=True),
    )


def _remembered(azure: LocalAzure) -> Iterator[Row]:
    forge = Forge(azure)
    last, *others = [headers(forge.token(number=number)) for number in range(REMEMBERED_TOKENS)]
    one, full = our_gate(azure), our_gate(azure)
    yield _flat(
        f"a token seen before, {REMEMBERED_TOKENS:,} remembered",
        "1 remembered",
        Contender(lambda: full, [last] * 500, before=[*others, last], waits=True),
        Contender(lambda: one, [last] * 500, before=[last], waits=True),
    )


def _flat(what: str, against: str, many: Contender, few: Contender) -> Row:
    spent = by_turns({"many": many, "few": few})
    micro = ((ours * 1e6, theirs * 1e6) for ours, theirs in zip(spent["many"], spent["few"], strict=True))
    return share(what, against, micro, "µs", most=FLAT)
