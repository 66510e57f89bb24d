"""The messages of serving."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "score.base": (
            "{name} is {given}; an offer hangs on whole minor units of money, null allowed",
            "{name} 为 {given}；报价以整数最小货币单位计算，可为 null",
        ),
        "score.route": (
            "{name} is {given}; a row is routed by text, a flag or a whole number, null allowed",
            "{name} 为 {given}；按文本、标志或整数选择分支，可为 null",
        ),
        "score.unexplained": (
            "model {name} has no baseline to count losses from; fit its reasons on the development rows first",
            "模型 {name} 没有用于计算失分的基准；请先在开发样本上拟合其理由",
        ),
    }
)
