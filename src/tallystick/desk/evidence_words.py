"""The messages of proofs that carry their decision, of daily reconciliation and of the check of a whole log."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "carried.none": (
            "this proof carries no files to take the decision again from; ask for one of `tally prove ID --rescore`",
            "此证明未携带可重新作出决策的文件；请索取由 `tally prove ID --rescore` 生成的证明",
        ),
        "carried.record": (
            "the proof is of a leaf that is no decision, or does not reveal it; there is nothing to compute again",
            "该证明的叶不是决策，或未披露决策；没有可重新计算的内容",
        ),
        "carried.form": (
            "{file} is not as it was packed, nothing is computed from it: {detail}",
            "{file} 并非打包时的原样，不据此计算：{detail}",
        ),
        "carried.files": (
            "the proof carries {given}; needed: {allowed}",
            "证明携带 {given}；需要：{allowed}",
        ),
        "carried.version": (
            "{file} has the version {given}, the decision was taken by {allowed}",
            "{file} 的版本为 {given}，而决策所用版本为 {allowed}",
        ),
        "carried.vector": (
            "the record does not hold what {file} reads: {detail}",
            "记录中没有 {file} 所读取的内容：{detail}",
        ),
        "reconcile.day": (
            "{given!r} is not a day; allowed: YYYY-MM-DD",
            "{given!r} 不是日期；允许：YYYY-MM-DD",
        ),
        "reconcile.stream": (
            "no flow answers the stream {given!r}; allowed: {allowed}",
            "没有流程应答事件流 {given!r}；允许：{allowed}",
        ),
        "reconcile.differs": (
            "{day}, {stream}: {received} requests received, {decisions} decisions, {leaves} leaves",
            "{day}，{stream}：收到 {received} 个请求，{decisions} 项决策，{leaves} 个叶",
        ),
        "reconcile.changed": (
            "{day}, {stream}: {expected} decisions were counted at position {position}, the journal now holds {given} "
            "of them",
            "{day}，{stream}：在位置 {position} 计得 {expected} 项决策，日志现有其中 {given} 项",
        ),
    }
)
