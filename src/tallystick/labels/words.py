"""The messages of labels over facts and points: batch, live, out of core."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "labels.none": (
            "there is no label file here; allowed: a Python file such as labels.py",
            "此处没有标签文件；允许：如 labels.py 的 Python 文件",
        ),
        "labels.unknown": (
            "{given!r} is not a label; allowed: {allowed}",
            "{given!r} 不是标签；允许：{allowed}",
        ),
        "labels.column": (
            "stream {stream} has no column {given!r}; it has: {allowed}",
            "流 {stream} 没有列 {given!r}；现有：{allowed}",
        ),
        "labels.no_stream": (
            "{given!r} is not a stream of the label file; allowed: {allowed}",
            "{given!r} 不是标签文件中的流；允许：{allowed}",
        ),
        "labels.facts": (
            "no facts were given for stream {stream}; given: {given}",
            "未给出流 {stream} 的事实；已给出：{given}",
        ),
        "labels.lake": (
            "no facts were given and this library has no lake; allowed: facts={{stream: frame}}, or Library.from_file(path, lake=...)",
            "未给出事实，且该标签库没有数据湖；允许：facts={{流: 数据表}}，或 Library.from_file(path, lake=...)",
        ),
        "labels.frame": (
            "stream {stream}, column {column}: the frame holds {given}; allowed: {allowed}",
            "流 {stream} 列 {column}：数据表中是 {given}；允许：{allowed}",
        ),
        "labels.value": (
            "stream {stream}, column {column}: {given!r} is not {allowed}",
            "流 {stream} 列 {column}：{given!r} 不是 {allowed}",
        ),
        "labels.points": (
            "the points have no column {given!r}; they have: {allowed}",
            "点表没有列 {given!r}；现有：{allowed}",
        ),
        "labels.point_entity": (
            "label {name} needs the key of entity {entity}; given: {allowed}",
            "标签 {name} 需要实体 {entity} 的键；已给出：{allowed}",
        ),
        "labels.point_own": (
            "a point's own event is named by stream and id together; given: {given}",
            "点自身的事件须同时给出 stream 和 id；已给出：{given}",
        ),
        "labels.point_type": (
            "the points' column {column} holds {given}; allowed: {allowed}",
            "点表列 {column} 中是 {given}；允许：{allowed}",
        ),
        "labels.point_taken": (
            "the points already have a column {given!r}, which is a label's; rename it",
            "点表已有列 {given!r}，与标签同名；请改名",
        ),
        "labels.time_null": ("point {row} has no {column}", "第 {row} 个点没有 {column}"),
        "labels.time_range": (
            "{given} µs is not an instant of the years 1 to 9999",
            "{given} 微秒不是公元 1 至 9999 年的时刻",
        ),
        "labels.conflict": (
            "stream {stream}, id {id!r}, revision {revision} came twice with different content; allowed: a higher revision",
            "流 {stream}，id {id!r}，修订 {revision} 两次内容不同；允许：更高的修订号",
        ),
        "labels.event_stream": (
            "the event names no stream; allowed: {allowed}",
            "事件没有给出流；允许：{allowed}",
        ),
        "labels.state": (
            "this label state cannot be read: {detail}",
            "标签状态无法读取：{detail}",
        ),
        "labels.clock": (
            "{given}() reads the clock; allowed: what gives the same value whenever it is computed",
            "{given}() 读取时钟；只允许任何时候计算结果都相同的写法",
        ),
        "labels.apart_out": (
            "the folder for the labels exists already; allowed: a new one",
            "标签输出文件夹已存在；允许：新的文件夹",
        ),
        "labels.apart_points": (
            "either a stream, for its events' own points, or points must be given, and not both",
            "须给出流（取其事件自身的点）或点表，二者只能取一",
        ),
        "labels.apart_gone": (
            "a file that was being read is gone: {detail}; an erasure writes the files of a lake anew: scan it again",
            "正在读取的文件已不存在：{detail}；擦除会重写数据湖文件：请重新扫描",
        ),
        "labels.apart_source": (
            "the facts of {stream} cannot be read: {detail}; allowed: Parquet files, a folder of them, or a lazy frame",
            "{stream} 的事实无法读取：{detail}；允许：Parquet 文件、其文件夹或惰性数据表",
        ),
        "labels.where_kind": (
            "the filter {given!r} gives a {kind}; allowed: true or false",
            "过滤条件 {given!r} 的结果是 {kind}；只允许真或假",
        ),
        "labels.compacted": (
            "{what} is {given}, and what was known before {allowed} was compacted; allowed: {allowed} or later",
            "{what} 为 {given}，而 {allowed} 之前的状态已被压缩；允许：{allowed} 或之后",
        ),
        "labels.batch_stream": (
            "the batch names no stream; allowed: a column stream beside {allowed}, or stream=",
            "批次未给出流；允许：在 {allowed} 之外加一列 stream，或使用 stream=",
        ),
        "labels.replica_event": (
            "an event of stream {stream} has no {column}; a replica takes what a writer observed and accepted",
            "事件流 {stream} 的事件没有 {column}；副本只接收写入方已接受的事件",
        ),
        "labels.replica_text": (
            "the Redis client gives {given}; allowed: a client that gives bytes (decode_responses=False)",
            "Redis 客户端返回 {given}；须使用返回字节的客户端（decode_responses=False）",
        ),
        "labels.apart_inner": (
            "the points have a column {given!r}, a name that this computation needs itself; rename it",
            "点表中有列 {given!r}，该名称为计算自用；请改名",
        ),
        "labels.apart_number": (
            "{name} is {given!r}; allowed: a whole number, 1 or more",
            "{name} 为 {given!r}；允许：不小于 1 的整数",
        ),
        "labels.frame_kind": (
            "stream {stream}: the facts are a {given}; allowed: a polars DataFrame (a lazy one after collect())",
            "流 {stream}：事实是 {given}；须为 polars DataFrame（惰性数据表请先 collect()）",
        ),
        "labels.points_kind": (
            "the points are a {given}; allowed: a polars DataFrame (a lazy one after collect())",
            "点表是 {given}；须为 polars DataFrame（惰性数据表请先 collect()）",
        ),
        "labels.years": (
            "stream {stream}, column {column}: {given} lies outside the years 1 to 9999; allowed: instants (µs) and dates (days since 1970-01-01) within them",
            "流 {stream} 列 {column}：{given} 不在公元 1 至 9999 年之内；只允许其间的时刻（微秒）和日期（自 1970-01-01 起的天数）",
        ),
        "labels.filtered": (
            "stream {stream}: a filter cannot be evaluated on the event: {detail}; allowed: values for which the filters can",
            "流 {stream}：无法在该事件上计算过滤条件：{detail}；须为可计算的值",
        ),
        "labels.request": (
            "stream {stream}: the request {id!r} cannot be taken ({reason}); allowed: an event that observe would accept",
            "流 {stream}：请求 {id!r} 无法接受（{reason}）；须为 observe 会接受的事件",
        ),
        "labels.state_made": (
            "this label state was made otherwise: {what} was {given}, and is {allowed} here; allowed: a state of the same definition, or history through warm",
            "该标签状态的定义不同：{what} 当时为 {given}，此处为 {allowed}；须为相同定义的状态，或用 warm 从历史重建",
        ),
        "labels.state_reach": (
            "this label state was compacted: stream {stream} has lost facts of {entity} that these labels reach back to; allowed: labels of the same reach, or history through warm",
            "该标签状态已被压缩：流 {stream} 已丢弃这些标签所需的 {entity} 的事实；须为可及范围相同的标签，或用 warm 从历史重建",
        ),
        "labels.state_full": (
            "a state can only fill an executor that has observed nothing; allowed: a new one, as Library.live(state) makes",
            "状态只能载入尚未接受任何事件的执行器；须为新的执行器，如 Library.live(state) 所建",
        ),
        "labels.settled": (
            "revision {revision} of {id} of stream {stream} comes after a compaction settled all that happened until {allowed}; allowed: revisions of later facts, or history through warm",
            "流 {stream} 的 {id} 的第 {revision} 次修订到达时，{allowed} 及之前发生的事实已被压缩定案；允许：修订更晚的事实，或用 warm 从历史重建",
        ),
    }
)
