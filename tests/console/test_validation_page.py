"""The page of a validation: every check on it, both languages, nothing from outside."""

from __future__ import annotations

import re

import msgspec
import pytest
from tests.models.validation.conftest import Line, lender

from tallystick.console import render_validation
from tallystick.models.validation import Report, validate


@pytest.fixture(scope="module")
def report() -> Report:
    cases = lender(1_600, 4)
    return validate(
        Line(slope=2.0),
        cases[800:],
        target="bad",
        t="t",
        segments=["region"],
        protected=["sex"],
        champion=Line(),
        development=cases[:800],
        rounds=10,
    )


def test_the_page_says_what_the_report_says(report: Report) -> None:
    page = render_validation("a <bank>", [report])
    assert "a &lt;bank&gt;: validation of models" in page
    assert page.count('class="off"') >= sum(check.verdict == "failed" for check in report.checks)
    for heading in ("Checks", "Lift and gains", "Fairness: sex", "Proxies of sex", "By region", "Stability of bins"):
        assert heading in page
    for text in ("检查", "公平性：sex", "未通过", "校准斜率", "样本：评定", ">评定样本<", "视为模型未见过的数据"):
        assert text in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "<script" not in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_same_report_gives_the_same_bytes_also_from_its_json(report: Report) -> None:
    again = msgspec.json.decode(msgspec.json.encode(report), type=Report)
    assert render_validation("bank", [report]) == render_validation("bank", [again])
    assert render_validation("bank", [], "zh").count("<section") == 0
