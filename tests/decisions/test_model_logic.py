"""Boxed expressions, functions, decision services and imports of a model."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tallystick import decisions
from tallystick.core import DefinitionError, InputError
from tallystick.decisions import boxed

NAMESPACE = "https://www.omg.org/spec/DMN/20230324/MODEL/"


def number(value: str) -> Decimal:
    return Decimal(value)


def definitions(body: str, namespace: str = "n") -> str:
    return f'<definitions xmlns="{NAMESPACE}" namespace="{namespace}" name="m">{body}</definitions>'


def decision(logic: str, name: str = "D", type_: str = "", needs: str = "") -> str:
    kind = f' typeRef="{type_}"' if type_ else ""
    return f'<decision id="id-{name}" name="{name}"><variable name="{name}"{kind}/>{needs}{logic}</decision>'


def text(expression: str, type_: str = "") -> str:
    kind = f' typeRef="{type_}"' if type_ else ""
    return f"<literalExpression{kind}><text>{expression}</text></literalExpression>"


def need(tag: str, href: str) -> str:
    requirement = "knowledgeRequirement" if tag == "requiredKnowledge" else "informationRequirement"
    return f'<{requirement}><{tag} href="{href}"/></{requirement}>'


def load(folder: Path, body: str, strict: bool = True, name: str = "m.dmn") -> decisions.Model:
    path = folder / name
    path.write_text(definitions(body), encoding="utf-8")
    return decisions.load(path, strict=strict)


@pytest.mark.parametrize(
    ("logic", "value"),
    [
        (f"<conditional><if>{text('1 = 1')}</if><then>{text('2')}</then><else>{text('3')}</else></conditional>", "2"),
        (f"<conditional><if>{text('null')}</if><then>{text('2')}</then><else>{text('3')}</else></conditional>", "3"),
    ],
)
def test_boxed_conditional(tmp_path: Path, logic: str, value: str) -> None:
    assert load(tmp_path, decision(logic)).decide("D", {}).value == number(value)


def iterator(kind: str, source: str, body: str, type_: str = "") -> str:
    tag = "return" if kind == "for" else "satisfies"
    typed = f' typeRef="{type_}"' if type_ else ""
    return f'<{kind} iteratorVariable="an item"><in{typed}>{text(source)}</in><{tag}>{text(body)}</{tag}></{kind}>'


@pytest.mark.parametrize(
    ("logic", "value"),
    [
        (iterator("for", "[1, 2, 3]", "an item * 2"), [2, 4, 6]),
        (iterator("for", "[1, 2, 3]", "an item + count(partial)"), [1, 3, 5]),
        (iterator("for", '[1, "x"]', "an item", "number"), [1, None]),
        (iterator("for", "[1, 2]", "an item", "list"), [1, 2]),
        (iterator("for", "[]", "an item"), []),
        (iterator("for", "null", "an item"), None),
        (iterator("some", "[1, 2]", "an item = 2"), True),
        (iterator("some", "[1, 2]", "an item = 3"), False),
        (iterator("every", "[1, 2]", "an item &lt; 3"), True),
        (iterator("every", "[1, null]", "an item &lt; 3"), None),
        (f"<filter><in>{text('[1, 2, 3]')}</in><match>{text('item &gt; 1')}</match></filter>", [2, 3]),
        (f"<filter><in>{text('[{a b: 1}, {a b: 2}]')}</in><match>{text('a b=2//b')}</match></filter>", [{"a b": 2}]),
        (f"<filter><in>{text('[1, 2, 3]')}</in><match>{text('2')}</match></filter>", 2),
        (
            f"<filter><in>{text('[1, 2]')}</in><match><conditional><if>{text('item = 1')}</if>"
            f"<then>{text('true')}</then><else>{text('false')}</else></conditional></match></filter>",
            [1],
        ),
        (f"<list>{text('1')}{text('null')}<list>{text('2')}</list></list>", [1, None, [2]]),
    ],
)  # fmt: skip
def test_boxed_iterators_filters_and_lists(tmp_path: Path, logic: str, value: Any) -> None:
    assert load(tmp_path, decision(logic)).decide("D", {}).value == value


def test_a_filter_is_one_expression(tmp_path: Path) -> None:
    logic = f"<filter><in>{text('[1]')}</in><match>{text('true] + [1')}</match></filter>"
    with pytest.raises(DefinitionError, match=r"m\.dmn:1, decision D"):
        load(tmp_path, decision(logic))


def test_contexts_and_relations_convert_their_typed_entries_and_tell_why_an_entry_is_null(tmp_path: Path) -> None:
    logic = f"""<context>
      <contextEntry><variable name="first one" typeRef="number"/>{text("[7]")}</contextEntry>
      <contextEntry><variable name="wrong" typeRef="number"/>{text('"x"')}</contextEntry>
      <contextEntry><variable name="rows"/><relation><column name="a b" typeRef="string"/><column name="c"/>
        <row>{text('"k"')}{text("first one + 1")}</row><row>{text("1")}{text("1 / 0")}</row></relation></contextEntry>
    </context>"""
    result = load(tmp_path, decision(logic)).decide("D", {})
    rows = [{"a b": "k", "c": number("8")}, {"a b": None, "c": None}]
    assert result.value == {"first one": number("7"), "wrong": None, "rows": rows}
    assert any('D, wrong: "x" is not number' in cause for cause in result.nulls)
    assert any("D, a b: 1 is not string" in cause for cause in result.nulls)


def test_a_cell_of_a_relation_that_is_missing_is_refused(tmp_path: Path) -> None:
    logic = f'<relation><column name="a"/><column name="b"/><row>{text("1")}</row></relation>'
    with pytest.raises(DefinitionError, match="decision D, row 1: the rule has 1 expression entries; allowed: 2"):
        load(tmp_path, decision(logic))


KNOWLEDGE = f"""<businessKnowledgeModel id="k" name="grow"><variable name="grow" typeRef="number"/><encapsulatedLogic>
    <formalParameter name="a number" typeRef="number"/><formalParameter name="by" typeRef="number"/>
    {text("a number * by")}</encapsulatedLogic></businessKnowledgeModel>"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("grow(2, 3)", 6),
        ("grow(by: 4, a number: 2)", 8),
        ("grow([2], 3)", 6),
        ('grow("2", 3)', None),
        ("grow(2)", None),
        ("grow(b: 4, a number: 2)", None),
        ("grow instance of function&lt;number, number&gt;-&gt;number", True),
        ("grow instance of function&lt;string, number&gt;-&gt;number", False),
        ("(for f in [grow] return f(1, 5))[1]", 5),
    ],
)
def test_knowledge_models_are_typed_functions(tmp_path: Path, expression: str, value: Any) -> None:
    body = KNOWLEDGE + decision(text(expression), needs=need("requiredKnowledge", "#k"))
    result = load(tmp_path, body).decide("D", {})
    assert result.value == value
    assert (result.value is None) == bool(result.nulls)


def test_a_boxed_invocation_calls_by_name_and_says_what_is_wrong(tmp_path: Path) -> None:
    def invocation(callee: str, first: str) -> str:
        return (
            f'<invocation>{text(callee)}<binding><parameter name="{first}"/>{text("5")}</binding>'
            f'<binding><parameter name="by"/>{text("2")}</binding></invocation>'
        )

    needs = need("requiredKnowledge", "#k")
    assert load(tmp_path, KNOWLEDGE + decision(invocation("grow", "a number"), needs=needs)).decide("D", {}).value == 10
    wrong = load(tmp_path, KNOWLEDGE + decision(invocation("grow", "x"), needs=needs)).decide("D", {})
    assert wrong.nulls == ("D: called with x, by; its parameters are a number, by",)
    logic = f'<invocation>{text("modulo")}<binding><parameter name="divisor"/>{text("4")}</binding>' \
        f'<binding><parameter name="dividend"/>{text("10")}</binding></invocation>'  # fmt: skip
    assert load(tmp_path, decision(logic)).decide("D", {}).value == 2


def test_knowledge_models_may_call_each_other_within_bounds(tmp_path: Path) -> None:
    def model(name: str, other: str) -> str:
        return (
            f'<businessKnowledgeModel id="{name}" name="{name}"><encapsulatedLogic>'
            f'<formalParameter name="n" typeRef="number"/>{text(f"if n = 0 then 0 else 1 + {other}(n - 1)")}'
            f"</encapsulatedLogic>{need('requiredKnowledge', '#' + other)}</businessKnowledgeModel>"
        )

    needs = need("requiredKnowledge", "#even")
    body = model("even", "odd") + model("odd", "even")
    assert load(tmp_path, body + decision(text("even(40)"), needs=needs)).decide("D", {}).value == 40
    endless = load(tmp_path, body + decision(text("even(-1)"), needs=needs)).decide("D", {})
    assert endless.value is None
    assert any("more than 50 calls within one another" in cause for cause in endless.nulls)


def test_knowledge_models_that_multiply_their_calls_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxed, "CALLS_MAX", 1_000)
    body = "".join(
        f'<businessKnowledgeModel id="f{i}" name="f{i}"><encapsulatedLogic><list>'
        + f"<invocation>{text(f'f{i + 1}')}</invocation>" * 40
        + f"</list></encapsulatedLogic>{need('requiredKnowledge', f'#f{i + 1}')}</businessKnowledgeModel>"
        for i in range(8)
    )
    body += f'<businessKnowledgeModel id="f8" name="f8"><encapsulatedLogic>{text("1")}</encapsulatedLogic></businessKnowledgeModel>'  # noqa: E501
    logic = f"<invocation>{text('f0')}</invocation>"
    result = load(tmp_path, body + decision(logic, needs=need("requiredKnowledge", "#f0"))).decide("D", {})
    assert any("1000 in all" in cause for cause in result.nulls)


def java(class_: str, signature: str) -> str:
    entries = (("class", class_), ("method signature", signature))
    body = "".join(f'<contextEntry><variable name="{n}"/>{text(f"&quot;{t}&quot;")}</contextEntry>' for n, t in entries)
    return (
        f'<context><contextEntry><variable name="f"/><functionDefinition kind="Java">'
        f'<formalParameter name="x" typeRef="number"/><context>{body}</context></functionDefinition></contextEntry>'
        f"<contextEntry>{text('f(2)')}</contextEntry></context>"
    )


def test_java_functions_come_from_a_list(tmp_path: Path) -> None:
    model = load(tmp_path, decision(java("java.lang.Math", "sqrt(double)")))
    assert model.decide("D", {}).value == number("1.4142135623730951")
    for class_, signature in (("java.lang.Runtime", "exit(int)"), ("java.lang.Math", "sqrt(int)"), ("os", "system")):
        with pytest.raises(DefinitionError, match="is not on the list of Java methods; allowed: static methods of"):
            load(tmp_path, decision(java(class_, signature)))
        assert load(tmp_path, decision(java(class_, signature)), strict=False).decide("D", {}).value is None
    pmml = decision(java("a", "b").replace('kind="Java"', 'kind="PMML"'))
    with pytest.raises(DefinitionError, match="a function of kind 'PMML' is refused; allowed: FEEL, Java"):
        load(tmp_path, pmml)


SERVICE = (
    '<inputData id="a" name="amount"><variable name="amount" typeRef="number"/></inputData>'
    '<inputData id="b" name="band"><variable name="band" typeRef="string"/></inputData>'
    + decision(text('amount + " never"'), "score", "number", need("requiredInput", "#a"))
    + decision(text("score * amount"), "limit", "number",
               need("requiredInput", "#a") + need("requiredDecision", "#id-score"))
    + decision(text('band + "!"'), "grade", "string", need("requiredInput", "#b"))
    + '<decisionService id="s" name="quick limit"><variable name="quick limit" typeRef="number"/>'
      '<outputDecision href="#id-limit"/><inputDecision href="#id-score"/><inputData href="#a"/></decisionService>'
    + '<decisionService id="t" name="all"><outputDecision href="#id-limit"/><outputDecision href="#id-grade"/>'
      '<inputDecision href="#id-score"/><inputData href="#b"/><inputData href="#a"/></decisionService>'
)  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("quick limit(3, 2)", 6),
        ("quick limit(score: 3, amount: 2)", 6),
        ("quick limit([3], 2)", 6),
        ('quick limit("3", 2)', None),
        ("quick limit(3)", None),
        ('all("x", 3, 2).grade', "x!"),
        ('all("x", 3, 2)', {"limit": 6, "grade": "x!"}),
    ],
)
def test_decision_services_are_functions_of_input_data_then_input_decisions(
    tmp_path: Path, expression: str, value: Any
) -> None:
    needs = need("requiredKnowledge", "#s") + need("requiredKnowledge", "#t")
    assert load(tmp_path, SERVICE + decision(text(expression), needs=needs)).decide("D", {}).value == value


def test_decision_services_are_decided_by_name(tmp_path: Path) -> None:
    model = load(tmp_path, SERVICE)
    assert model.services == ("quick limit", "all")
    assert model.outputs("all") == ("limit", "grade")
    assert [(given.name, given.type) for given in model.inputs("quick limit")] == [
        ("amount", "number"),
        ("score", "number"),
    ]
    result = model.decide("all", {"amount": 2, "score": 3, "band": "x"})
    assert result.value == {"limit": number("6"), "grade": "x!"}
    assert result.trace["grade"] == "x!"
    with pytest.raises(InputError, match="decision quick limit needs input 'score', which is absent"):
        model.decide("quick limit", {"amount": 2})


def test_a_service_lists_every_input_that_its_decisions_need(tmp_path: Path) -> None:
    body = SERVICE.replace('<inputData href="#b"/>', "")
    with pytest.raises(DefinitionError, match="decision service all does not list band, which its decisions need"):
        load(tmp_path, body)
    result = load(tmp_path, body, strict=False).decide("all", {"amount": 2, "score": 3})
    assert result.value == {"limit": number("6"), "grade": None}


RATES = definitions(
    '<itemDefinition name="tRate"><typeRef>number</typeRef><allowedValues><text>[0..1]</text></allowedValues>'
    '</itemDefinition><inputData id="i" name="base"><variable name="base" typeRef="tRate"/></inputData>'
    + decision(text("base * 2"), "Double rate", "tRate", need("requiredInput", "#i"))
    + KNOWLEDGE,
    "urn:rates",
)
USER = definitions(
    f'<import namespace="urn:rates" name="the rates" importType="{NAMESPACE}" locationURI="rates.dmn"/>'
    + decision(text("the rates.grow(the rates.Double rate, 10)"), "Cost", "number",
               need("requiredDecision", "urn:rates#id-Double rate") + need("requiredKnowledge", "urn:rates#k"))
    + decision(text("0.3"), "Fixed", "the rates.tRate") + decision(text("3"), "Wrong", "the rates.tRate"),
    "urn:user",
)  # fmt: skip


def imported(folder: Path) -> Path:
    (folder / "rates.dmn").write_text(RATES, encoding="utf-8")
    (folder / "user.dmn").write_text(USER, encoding="utf-8")
    return folder / "user.dmn"


def test_an_imported_file_is_found_beside_the_model_and_its_elements_have_its_name(tmp_path: Path) -> None:
    model = decisions.load(imported(tmp_path))
    assert [given.name for given in model.inputs("Cost")] == ["the rates.base"]
    assert model.decide("Cost", {"the rates.base": 0.25}).value == number("5")
    assert model.decide("Cost", {"the rates": {"base": 0.25}}).trace["the rates.Double rate"] == number("0.5")
    assert model.decide("Cost", {"the rates.Double rate": 1}).value == number("10")
    with pytest.raises(InputError, match=r"input the rates.base is 2; allowed: tRate .\[0..1\]"):
        model.decide("Cost", {"the rates.base": 2})
    assert model.decide("Fixed", {}).value == number("0.3")
    assert model.decide("Wrong", {}).nulls == ("Wrong: 3 is not tRate ([0..1])",)
    both = decisions.load([tmp_path / "user.dmn", tmp_path / "rates.dmn"])
    assert both.version == model.version


def test_an_import_that_is_not_at_hand_is_refused(tmp_path: Path) -> None:
    path = imported(tmp_path)
    path.write_text(USER.replace("rates.dmn", "../rates.dmn"), encoding="utf-8")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "user.dmn").write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(DefinitionError, match="no file at hand has the imported namespace 'urn:rates'"):
        decisions.load(inner / "user.dmn")
    model = decisions.load(inner / "user.dmn", imports=[tmp_path / "user.dmn", tmp_path / "rates.dmn"])
    assert model.decide("Cost", {"the rates.base": 0.25}).value == number("5")


def test_each_import_is_an_instance_of_its_own(tmp_path: Path) -> None:
    """One file that two files import has its inputs twice."""
    imported(tmp_path)
    for name in ("left", "right"):
        (tmp_path / f"{name}.dmn").write_text(
            USER.replace("urn:user", f"urn:{name}").replace('name="the rates"', 'name="inner"')
            .replace("the rates.", "inner."),
            encoding="utf-8",
        )  # fmt: skip
    top = definitions(
        "".join(f'<import namespace="urn:{n}" name="{n}" importType="{NAMESPACE}" locationURI="{n}.dmn"/>'
                for n in ("left", "right"))
        + decision(text("left.Cost - right.Cost"), needs=need("requiredDecision", "urn:left#id-Cost")
                   + need("requiredDecision", "urn:right#id-Cost")),
        "urn:top",
    )  # fmt: skip
    (tmp_path / "top.dmn").write_text(top, encoding="utf-8")
    model = decisions.load(tmp_path / "top.dmn")
    assert [given.name for given in model.inputs("D")] == ["left.inner.base", "right.inner.base"]
    given = {"left": {"inner": {"base": 0.5}}, "right": {"inner": {"base": 0.25}}}
    assert model.decide("D", given).value == number("5")


def test_files_that_import_each_other_are_refused(tmp_path: Path) -> None:
    path = imported(tmp_path)
    back = f'<import namespace="urn:user" name="u" importType="{NAMESPACE}" locationURI="user.dmn"/>'
    (tmp_path / "rates.dmn").write_text(RATES.replace("<itemDef", back + "<itemDef", 1), encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"run in a circle: user\.dmn → rates\.dmn → user\.dmn"):
        decisions.load(path)


@pytest.mark.parametrize("version", ["1.3", "1.4", "1.5"])
def test_a_model_that_was_saved_reads_back_to_the_same_version(tmp_path: Path, version: str) -> None:
    model = decisions.load(imported(tmp_path))
    out = tmp_path / "out"
    out.mkdir()
    paths = decisions.save(model, out / "main.dmn", version)
    assert [path.name for path in paths] == ["main.dmn", "rates.dmn"]
    assert decisions.load(out / "main.dmn").version == model.version
    assert decisions.save(out / "main.dmn", tmp_path / "again.dmn", version)[0].read_bytes() == paths[0].read_bytes()


def test_what_a_version_of_dmn_does_not_have_is_not_written(tmp_path: Path) -> None:
    model = load(tmp_path, decision(iterator("for", "[1]", "an item")))
    with pytest.raises(InputError, match=r"for cannot be written as DMN 1.3; allowed: DMN 1.4"):
        decisions.save(model, tmp_path / "out.dmn", "1.3")
    assert not (tmp_path / "out.dmn").exists()
    with pytest.raises(InputError, match=r"cannot be written as DMN 2\.0"):
        decisions.save(model, tmp_path / "out.dmn", "2.0")


def test_saved_xml_keeps_text_exactly_and_gives_ids(tmp_path: Path) -> None:
    body = decision(text("&quot;a &amp; &lt;b&gt;\n c&quot;")).replace('<variable name="D"/>', "")
    model = load(tmp_path, body)
    (path,) = decisions.save(model, tmp_path / "out.dmn")
    saved = path.read_text(encoding="utf-8")
    assert '<variable id="_2" name="D"/>' in saved
    again = decisions.load(path)
    assert again.decide("D", {}).value == model.decide("D", {}).value == "a & <b>\n c"
    assert again.version == model.version
