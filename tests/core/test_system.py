"""What the operating system refuses is said in either language."""

from __future__ import annotations

import errno
import os
import re

import pytest

from tallystick.core.system import system_words
from tallystick.core.words import WORDS

NUMBERS = [getattr(errno, code.removeprefix("system.")) for code in WORDS.codes() if code.startswith("system.E")]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: errno.errorcode[number])
def test_common_refusals_have_words_in_both_languages(number: int) -> None:
    words = system_words(OSError(number, os.strerror(number)))
    assert words.text("en") == os.strerror(number)
    assert re.search("[\u4e00-\u9fff]", words.text("zh"))
    assert not re.search("[A-Za-z]", words.text("zh"))


def test_a_rare_refusal_keeps_the_words_of_the_system() -> None:
    assert system_words(OSError(errno.ENOTTY, "Inappropriate ioctl")).text("en") == "Inappropriate ioctl"
    assert system_words(OSError(errno.ENOTTY, "Inappropriate ioctl")).text("zh") == "系统报告：Inappropriate ioctl"
    assert system_words(OSError("no number")).text("en") == "no number"
