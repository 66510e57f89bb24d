"""The messages of forgetting, holds and duties to keep."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "forget.column": (
            "{given!r} does not say who it is; allowed: COLUMN=VALUE with a column of {allowed}",
            "{given!r} 未指明主体；允许：列=值，列为 {allowed}",
        ),
        "forget.none": (
            "no source declares a `subject`, so nothing is stored by person and nobody can be forgotten",
            "没有数据源声明 subject，数据未按个人存储，无法遗忘任何人",
        ),
        "forget.unknown": (
            "nothing is held of {column} {given!r}: no key, no row, no rejected record; near: {near}; columns that "
            "name subjects: {allowed}",
            "未持有 {column} {given!r} 的任何数据：没有密钥、数据行或被拒记录；相近：{near}；可指明主体的列：{allowed}",
        ),
        "forget.reason": (
            "the reason names the person ({given!r}), and it is kept for ever; say it without",
            "理由中含有该人的信息（{given!r}），而理由将永久保存；请改写",
        ),
        "forget.kept": (
            "{stream}: what happened on {last} must be kept until {until} ({why}); nothing was erased",
            "{stream}：{last} 发生的事件须保存至 {until}（{why}）；未擦除任何内容",
        ),
        "forget.held": (
            "held since {since}, until {until} ({why}); nothing was erased",
            "自 {since} 起被保全，至 {until}（{why}）；未擦除任何内容",
        ),
        "forget.held_open": (
            "held since {since}, until `tally hold --lift` ends it ({why}); nothing was erased",
            "自 {since} 起被保全，直至 `tally hold --lift` 解除（{why}）；未擦除任何内容",
        ),
        "forget.file": (
            "the note of what is being erased cannot be read: {why}",
            "擦除进度记录无法读取：{why}",
        ),
        "forget.state": (
            "the state {given} of an erasure that was begun is not there, so nobody knows that it holds nothing more; "
            "bring it back, or, where it was deleted for good, make an empty folder there, and call `tally forget`",
            "已开始的擦除所涉状态 {given} 不存在，无法确认其中不再有数据；请恢复该文件夹，"
            "若已永久删除则在该处新建空文件夹，然后执行 `tally forget`",
        ),
        "forget.erased": ("erased on request of its subject", "应主体要求已擦除"),
        "forget.uncovered": (
            "frame {position} cannot be opened because its key was destroyed, but no leaf says that it was erased",
            "帧 {position} 因密钥已销毁而无法打开，但没有任何叶记录其擦除",
        ),
        "forget.altered": (
            "frame {position} was changed after it was erased: it is not the one that the erasure at {leaf} commits to",
            "帧 {position} 在擦除后被改动：与位于 {leaf} 的擦除叶所承诺的帧不符",
        ),
        "forget.begun": (
            "the erasure {id} was begun on {since} and is not ended; `tally forget` ends it",
            "擦除 {id} 始于 {since}，尚未完成；请执行 `tally forget` 完成擦除",
        ),
        "forget.leaf": (
            "the leaf of an erasure at position {position} cannot be read: {why}",
            "位置 {position} 的擦除叶无法读取：{why}",
        ),
        "forget.redis": (
            "[state] replica names {given}, but the client is not installed: pip install 'tallystick[redis]'",
            "[state] replica 指向 {given}，但未安装客户端：pip install 'tallystick[redis]'",
        ),
        "forget.replica": (
            "the replica {given} cannot be reached, so nothing further was erased: {why}; call again when it can",
            "无法连接副本 {given}，后续未再擦除：{why}；恢复连接后请再次执行",
        ),
        "forget.first": (
            "what is read here may be of whom it forgets, so nothing was kept: {begun}, then call this again",
            "此处读取的数据可能属于被遗忘者，因此未保存任何结果：{begun}，然后重新执行本命令",
        ),
        "forget.meanwhile": (
            "somebody was forgotten while this was computed from what had been read before, so nothing of it was kept; "
            "call this again",
            "计算期间有人被遗忘，而所用数据是此前读取的，因此未保存任何结果；请重新执行本命令",
        ),
        "hold.none": ("nothing holds {given!r}", "没有对 {given!r} 的保全"),
        "hold.forgetting": (
            "{given!r} is being forgotten since {since} and can't be held any more; `tally forget` ends what was begun",
            "{given!r} 自 {since} 起正在被遗忘，无法再保全；请执行 `tally forget` 完成已开始的擦除",
        ),
        "hold.unknown": (
            "nothing is held of {column} {given!r} so far; near: {near}; columns that name subjects: {allowed}; "
            "the hold stands all the same, `tally hold --lift` ends it",
            "目前未持有 {column} {given!r} 的任何数据；相近：{near}；可指明主体的列：{allowed}；"
            "保全仍然有效，可用 `tally hold --lift` 解除",
        ),
        "hold.past": ("{given} is past; allowed: a day to come", "{given} 已过去；允许：将来的日期"),
        "retention.stream": (
            "{given!r} is no source; allowed: {allowed}",
            "{given!r} 不是数据源；允许：{allowed}",
        ),
        "retention.keep": (
            "{given!r} is no time to keep; allowed: a whole number and y, mo, w or d, as in 5y",
            "{given!r} 不是保存期限；允许：整数加 y、mo、w 或 d，如 5y",
        ),
    }
)
