"""The messages of store."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "file.read": ("the file cannot be read: {why}", "文件无法读取：{why}"),
        "log.locked": (
            "another process writes here; a log has one writer: end that process, or open for reading",
            "另一进程正在写入；一个日志只有一个写入者：请结束该进程，或以只读方式打开",
        ),
        "log.absent": ("there is no log in this folder", "此文件夹中没有日志"),
        "log.readonly": ("this log was opened for reading; it cannot append", "此日志以只读方式打开，不能追加"),
        "log.closed": ("this log is closed", "此日志已关闭"),
        "log.failed": (
            "a write to the log failed ({why}); nothing of this batch is acknowledged and the log takes no more: "
            "end the process, mend the disk, start again",
            "日志写入失败（{why}）；本批未被确认，日志不再接受写入：请结束进程，修复磁盘后重新启动",
        ),
        "log.version": (
            "the log was written in format {given}; this release reads format {allowed}",
            "日志格式为 {given}；此版本只能读取格式 {allowed}",
        ),
        "log.header": (
            "byte {offset}: the header of a batch is not what was written",
            "字节 {offset}：批次头与写入时不符",
        ),
        "log.batch": ("byte {offset}: a batch is not what was written", "字节 {offset}：批次与写入时不符"),
        "log.chain": (
            "byte {offset}: this batch does not follow the one before it; a batch or a segment is missing or exchanged",
            "字节 {offset}：此批次与前一批次不衔接；有批次或分段缺失或被调换",
        ),
        "log.end": (
            "byte {offset}: the segment ends inside a batch, though later segments exist",
            "字节 {offset}：分段在批次中间结束，而后续分段存在",
        ),
        "log.segment": (
            "segment {expected} is missing; the next one found is {given}",
            "缺少分段 {expected}；找到的下一分段是 {given}",
        ),
        "log.frame": (
            "a frame of {given} bytes is too long; at most {allowed} bytes",
            "帧长 {given} 字节过长；最多 {allowed} 字节",
        ),
        "key.forgotten": (
            "the key of these bytes was destroyed on request of its subject; they cannot be read any more",
            "这些数据的密钥已应主体要求销毁，无法再读取",
        ),
        "key.unknown": (
            "the key of these bytes was never in this key file; is it the key file of another project?",
            "此密钥文件中从未有过这些数据的密钥；是否用了另一项目的密钥文件？",
        ),
        "key.bytes": (
            "the sealed bytes are not those that were written",
            "密封数据与写入时不符",
        ),
        "key.file": ("the key file cannot be used: {why}", "密钥文件无法使用：{why}"),
        "log.row": (
            "frames are missing: a batch must begin at position {expected}, the next thing found is at {given}",
            "缺少帧：位置 {expected} 处应有一个批次，找到的下一位置是 {given}",
        ),
        "log.head": (
            "position {given}: the batches before it are not those that the server's head row commits to",
            "位置 {given}：其前的批次与服务器头行所承诺的不符",
        ),
        "log.turn": (
            "this writer was away for longer than its turn and another one has taken it; nothing of this batch is "
            "acknowledged: end the process and start again",
            "此写入者离开的时间超过其轮次，另一写入者已接手；本批未被确认：请结束进程后重新启动",
        ),
        "log.server": ("the server cannot be used: {why}", "服务器无法使用：{why}"),
        "log.address": (
            "the address of the server cannot be read; allowed: postgresql://user:password@host:port/database",
            "服务器地址无法解析；允许：postgresql://user:password@host:port/database",
        ),
        "log.extra": (
            "a journal on a PostgreSQL server needs the extra: pip install 'tallystick[postgres]' ({why})",
            "PostgreSQL 上的日志需要扩展：pip install 'tallystick[postgres]'（{why}）",
        ),
        "key.cipher": (
            "the key file holds keys of the cipher {given!r}; this release knows {allowed}",
            "密钥文件含有密码算法 {given!r} 的密钥；此版本支持 {allowed}",
        ),
        "key.busy": (
            "the key is destroyed, but another process reads the key file, so old pages of it are still there; forget "
            "once more when that process has ended",
            "密钥已销毁，但另一进程正在读取密钥文件，旧页仍在；请在该进程结束后再次执行遗忘",
        ),
    }
)
