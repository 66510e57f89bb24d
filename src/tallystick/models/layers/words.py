"""The messages of layers."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "layers.unknown": (
            "layers {given!r} are not known; allowed: one or more of {allowed}",
            "未知的层 {given!r}；允许：{allowed} 中的一个或多个",
        ),
        "layers.option": ("{name} is {given!r}; allowed: {allowed}", "{name} 为 {given!r}；允许：{allowed}"),
        "layers.reserved": (
            "no layer can be called {given!r}: a model keeps this name for itself",
            "层不能命名为 {given!r}：该名称由模型保留",
        ),
        "layers.label": (
            "layer {part} reads {given!r}, which is not among the labels; allowed: {allowed}",
            "层 {part} 读取的 {given!r} 不在标签中；允许：{allowed}",
        ),
        "layers.column": (
            "segments or terms read {given!r}, which is not among the columns; allowed: {allowed}",
            "分群或条件读取的 {given!r} 不在列中；允许：{allowed}",
        ),
        "folds.few": (
            "{folds} folds cannot all hold both outcomes: the rarer has {given} rows; take fewer folds or more data",
            "{folds} 折无法都包含两种结果：较少的一种只有 {given} 行；请减少折数或增加数据",
        ),
        "folds.periods": (
            "windows by time need a period for each row; give periods, or windows = random",
            "按时间的窗口需要每行的时期；请给出 periods，或使用 windows = random",
        ),
        "folds.windows": (
            "{folds} windows by time cannot be cut: of {periods} periods, too few hold both outcomes",
            "无法切出 {folds} 个时间窗口：{periods} 个时期中同时含两种结果的太少",
        ),
    }
)
