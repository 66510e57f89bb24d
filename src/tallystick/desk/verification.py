"""The end of a run: live against batch, replay, and every proof."""

from __future__ import annotations

import msgspec

from tallystick.desk.evidence import check_log, read_journal
from tallystick.desk.models_history import check_history
from tallystick.desk.progress import Progress
from tallystick.desk.project import Project
from tallystick.desk.replay import Replay, replay_decisions


class VerifyResult(msgspec.Struct, frozen=True):
    """Replay from history (batch against live) and from vectors, and the proofs."""

    history: Replay
    vector: Replay
    log_size: int
    proofs: int
    proofs_failed: int

    @property
    def holds(self) -> bool:
        """Whether no bit differs, every proof holds, and every adverse decision has its reasons."""
        wrong = (self.history.differing, self.vector.differing, self.vector.unexplained, self.proofs_failed)
        return not any(wrong)


def verify_run(project: Project, progress: Progress) -> VerifyResult:
    """Recompute every decision from history and from its vector, and verify every leaf's proof."""
    history = replay_decisions(project, "history", progress)
    vector = replay_decisions(project, "vector", progress)
    with read_journal(project) as journal:
        check_history(project, journal)
        log = check_log(project, journal, progress)
    return VerifyResult(history, vector, log.size, log.proofs, log.failed)
