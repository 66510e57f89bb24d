"""The messages of trees."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "trees.kind": (
            "the trees hold a split of kind {given}; allowed: comparisons of numbers, NaN or none as missing",
            "树中含有类型 {given} 的分裂；允许：数值比较，缺失为 NaN 或无",
        ),
        "trees.text": (
            "the model text cannot be read as trees: {given}; allowed: the text of a LightGBM booster with one tree a round and constant leaves",
            "模型文本无法读作树：{given}；允许：每轮一棵树、叶值为常数的 LightGBM 文本",
        ),
        "trees.option": ("{name} = {given!r} is refused: {reason}", "{name} = {given!r} 不被接受：{reason}"),
        "trees.monotone": (
            "{name}: monotone {given!r} is not known to trees; allowed: none, ascending, descending",
            "{name}：树不支持单调方向 {given!r}；允许：none、ascending、descending",
        ),
        "trees.paths": (
            "a path of the trees asks {given} columns; contributions are exact for at most {allowed} on a path",
            "树的一条路径涉及 {given} 列；精确贡献最多支持一条路径 {allowed} 列",
        ),
        "trees.rows": (
            "the background has {rows} rows and {weights} weights; allowed: a positive weight for each of at least one row",
            "背景有 {rows} 行和 {weights} 个权重；允许：至少一行，每行一个正权重",
        ),
        "trees.width": (
            "the matrix has {given} columns, and the trees read column {needed}",
            "矩阵有 {given} 列，而树读取第 {needed} 列",
        ),
        "trees.direction": (
            "{name} has no direction to certify; allowed: ascending or descending",
            "{name} 没有可证明的方向；允许：ascending 或 descending",
        ),
        "trees.domain": (
            "the domain of column {given} is empty: {low} to {high}",
            "第 {given} 列的取值范围为空：{low} 至 {high}",
        ),
    }
)
