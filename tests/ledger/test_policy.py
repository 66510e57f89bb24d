"""Trust policies: what the text says, what a quorum is, and faults by line."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import DefinitionErrors, InputError, TamperError
from tallystick.ledger import (
    Checkpoint,
    KeyKind,
    Signer,
    add_signatures,
    check_policy,
    cosign,
    generate_key,
    parse_policy,
    sign_checkpoint,
)

_LOG = Signer(generate_key("bank.example/log")[0])
_NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
_KINDS = (KeyKind.COSIGNATURE, KeyKind.ML_DSA_44)
_KEYS = {name: Signer(generate_key(f"{name}.example", _KINDS[at % 2])[0]) for at, name in enumerate(_NAMES)}
_NOTE = sign_checkpoint(Checkpoint(_LOG.name, 9, bytes(32)), _LOG)
_EXAMPLE = "\n".join(
    (
        "# The example of the specification: two of X and one of Y.",
        f"log {_LOG.verifier.vkey} https://bank.example/log/",
        *(f"witness {name} {_KEYS[name].verifier.vkey} https://{name}.example/" for name in _NAMES[:3]),
        "group X-witnesses 2 X1 X2 X3",
        "",
        *(f"\twitness \t{name} {_KEYS[name].verifier.vkey} " for name in _NAMES[3:]),
        "group Y-witnesses any Y1 Y2 Y3",
        "group X-and-Y all X-witnesses Y-witnesses",
        "quorum X-and-Y",
        "",
    )
).encode()


def _cosigned(names: tuple[str, ...]) -> bytes:
    return add_signatures(_NOTE, cosign(_NOTE, [_KEYS[name] for name in names], 1_700_000_000))


def test_the_quorum_of_the_specification_s_example() -> None:
    """Of all 64 sets of witnesses, those with two of X and one of Y are accepted and no other."""
    policy = parse_policy(_EXAMPLE)
    assert policy.witnesses["X1"].url == "https://X1.example/"
    for count in range(7):
        for names in combinations(_NAMES, count):
            expected = sum(name < "Y" for name in names) >= 2 and any(name > "Y" for name in names)
            if expected:
                found = check_policy(policy, _cosigned(names))
                assert found.witnesses == dict.fromkeys(names, 1_700_000_000)
                assert found.checkpoint.size == 9
            else:
                with pytest.raises(TamperError) as caught:
                    check_policy(policy, _cosigned(names))
                assert caught.value.code == "policy.quorum"


def test_one_wrong_cosignature_refuses_the_checkpoint() -> None:
    """A line of a known witness that does not hold is tampering, even where the quorum would hold without it."""
    policy, note = parse_policy(_EXAMPLE), _cosigned(_NAMES)
    elsewhere = sign_checkpoint(Checkpoint(_LOG.name, 10, bytes(32)), _LOG)
    wrong = add_signatures(note, cosign(elsewhere, [_KEYS["X3"]], 1_700_000_000))
    with pytest.raises(TamperError) as caught:
        check_policy(policy, wrong)
    assert caught.value.code == "note.signature"


def test_the_log_itself_must_be_known() -> None:
    stranger = Signer(generate_key(_LOG.name)[0])
    forged = sign_checkpoint(Checkpoint(_LOG.name, 9, bytes(32)), stranger)
    policy = parse_policy(_EXAMPLE)
    with pytest.raises(TamperError):
        check_policy(policy, add_signatures(forged, cosign(forged, list(_KEYS.values()), 1)))
    with pytest.raises(InputError):
        check_policy(parse_policy(b"quorum none\n"), _NOTE)
    assert check_policy(parse_policy(b"quorum none\n"), _NOTE, [_LOG.verifier]).witnesses == {}


def test_names_are_bytes() -> None:
    """A Kelvin sign is no K, and bytes that are no UTF-8 keep names apart."""
    k, kelvin, odd, other = (_KEYS[name].verifier.vkey.encode() for name in _NAMES[:4])
    text = b"witness K %b\nwitness \xe2\x84\xaa %b\nwitness \xff %b\nwitness \xfe %b\n" % (k, kelvin, odd, other)
    policy = parse_policy(text + b"group g all \xff \xe2\x84\xaa\nquorum g\n")
    assert len(policy.witnesses) == 4
    assert check_policy(policy, _cosigned(("X2", "X3")), [_LOG.verifier]).witnesses.keys() == set(
        policy.groups["g"].members
    )
    with pytest.raises(TamperError) as caught:
        check_policy(policy, _cosigned(("X3", "Y1")), [_LOG.verifier])
    assert "\\xfe" in caught.value.text().encode("utf-8").decode()


_BOTH = Signer(generate_key("both.example/1", KeyKind.ML_DSA_44)[0])
_W1, _W2 = (f"witness {name} {_KEYS[name].verifier.vkey}" for name in ("X1", "X2"))


@pytest.mark.parametrize(
    ("lines", "at", "code"),
    [
        (["quorum nobody"], 1, "policy.unknown"),
        ([], None, "policy.quorums"),
        (["quorum none", "quorum none"], 2, "policy.quorums"),
        (["quorum"], 1, "policy.line"),
        (["quorum none # why"], 1, "policy.line"),
        (["Quorum none"], 1, "policy.line"),
        (["log nonsense", "quorum none"], 1, "key.public"),
        ([f"log {_KEYS['X1'].verifier.vkey}", "quorum none"], 1, "policy.kind"),
        ([f"witness w {_LOG.verifier.vkey}", "quorum none"], 1, "policy.kind"),
        ([_W1, _W1.replace("X1 ", "other "), "quorum X1"], 2, "policy.twice"),
        ([f"log {_LOG.verifier.vkey}", f"log {_LOG.verifier.vkey}", "quorum none"], 2, "policy.twice"),
        ([f"log {_BOTH.verifier.vkey}", f"witness w {_BOTH.verifier.vkey}", "quorum w"], 2, "policy.roles"),
        ([f"witness w {_BOTH.verifier.vkey}", f"log {_BOTH.verifier.vkey}", "quorum w"], 2, "policy.roles"),
        ([_W1, _W2.replace("X2 ", "X1 "), "quorum X1"], 2, "policy.name"),
        ([_W1.replace("X1 ", "none "), "quorum none"], 1, "policy.name"),
        ([_W1, "group none any X1", "quorum none"], 2, "policy.name"),
        (["group g any X1", _W1, "quorum X1"], 1, "policy.unknown"),
        ([_W1, "group g any g", "quorum X1"], 2, "policy.unknown"),
        ([_W1, "group g any none", "quorum X1"], 2, "policy.unknown"),
        ([_W1, "group g 1 X1 X1", "quorum g"], 2, "policy.member"),
        ([_W1, "group g any X1", "group h any X1", "quorum g"], 3, "policy.member"),
        ([_W1, "group g any", "quorum X1"], 2, "policy.line"),
        *(([_W1, _W2, f"group g {k} X1 X2", "quorum X1"], 3, "policy.count") for k in ("0", "3", "-1", "01", "some")),
        ([_W1 + "\r", "quorum none"], 1, "policy.letters"),
        (["# bell \x07", "quorum none"], 1, "policy.letters"),
        (["# delete \x7f", "quorum none"], 1, "policy.letters"),
    ],
)
def test_a_fault_names_its_line(lines: list[str], at: int | None, code: str) -> None:
    with pytest.raises(DefinitionErrors) as caught:
        parse_policy("".join(f"{line}\n" for line in lines).encode(), "trust.policy")
    fault = caught.value.faults[0]
    assert (fault.code, fault.place and fault.place.line) == (code, at)
    assert fault.text("zh").startswith("trust.policy")


def test_a_log_that_the_reader_trusts_is_no_witness() -> None:
    """Its own signature is no quorum, where its key comes from elsewhere than the policy too."""
    policy = parse_policy(f"witness w {_BOTH.verifier.vkey}\nquorum w\n".encode())
    note = sign_checkpoint(Checkpoint(_BOTH.name, 9, bytes(32)), _BOTH)
    with pytest.raises(InputError) as caught:
        check_policy(policy, note, [_BOTH.verifier])
    assert caught.value.code == "policy.roles"


def test_all_faults_are_shown_together() -> None:
    with pytest.raises(DefinitionErrors) as caught:
        parse_policy(b"log x\nwitness y\n\nquorum z\n")
    assert [fault.place.line for fault in caught.value.faults if fault.place] == [1, 2, 4]


def test_long_policies_are_read_and_endless_ones_refused() -> None:
    """A chain of 5,000 groups is evaluated; a file of a mebibyte is not read."""
    chain = "".join(f"group g{n} any {'X1' if n == 0 else f'g{n - 1}'}\n" for n in range(5000))
    policy = parse_policy(f"{_W1}\n{chain}quorum g4999\n".encode())
    assert policy.holds(frozenset({"X1"}))
    assert not policy.holds(frozenset())
    with pytest.raises(DefinitionErrors):
        parse_policy(b"#" * (1 << 20) + b"\nquorum none\n")


@settings(max_examples=300)
@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from(
            [_W1, _W2, "quorum", "group", "none", "any", "all", "X1", "X2", "g", "1", "2", " ", "\n", "\t"]
        ),
        max_size=20,
    ).map(lambda words: " ".join(words).encode())
)
def test_noise_is_a_policy_or_a_fault(noise: bytes) -> None:
    try:
        policy = parse_policy(noise)
    except DefinitionErrors as faults:
        faults.text("zh").encode()
        return
    assert policy.quorum == "none" or policy.quorum in policy.witnesses or policy.quorum in policy.groups
