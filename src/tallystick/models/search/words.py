"""The messages of the tuner."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "search.space": (
            "the space is empty, or {name} has no values; allowed: a name of a parameter → its values, in order",
            "搜索空间为空，或 {name} 没有取值；允许：参数名 → 依次列出的取值",
        ),
        "search.name": (
            "{name} is not a parameter of {kind}; did you mean {near}?",
            "{name} 不是 {kind} 的参数；是否指 {near}？",
        ),
        "search.budget": (
            "{name} = {given} is refused; allowed: {allowed}",
            "{name} = {given} 被拒绝；允许：{allowed}",
        ),
        "search.sampler": (
            "sampler {given!r} is not known; allowed: halving, optuna",
            "未知的采样器 {given!r}；允许：halving、optuna",
        ),
        "search.optuna": (
            "sampler optuna needs the extra: pip install tallystick[optuna]",
            "采样器 optuna 需要附加组件：pip install tallystick[optuna]",
        ),
    }
)
