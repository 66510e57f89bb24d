"""The check of a whole log: tiles, leaves, frames, and every day that was reconciled; and its copy for others."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tallystick import ledger
from tallystick.core import Message, Place, StateError
from tallystick.desk import frames
from tallystick.desk.cosigning import Cosigned, cosigned_path, read_cosigned
from tallystick.desk.evidence import check_frames, open_log, read_journal, trusted, vkey_path
from tallystick.desk.forget_notes import begun_erasures
from tallystick.desk.journal import hold_ledger
from tallystick.desk.progress import Progress, silent
from tallystick.desk.project import Project
from tallystick.desk.reconcile import Reconciliation, Tally
from tallystick.store import atomic_write, read_bytes

_STEP = 5_000


class LedgerCheck(msgspec.Struct, frozen=True):
    """What the check of a log found.

    `size` and `root` (64 hex digits) are those of the last checkpoint, `frames` all frames of the journal, `waiting`
    the leaves that no checkpoint covers yet. `days` had decisions, those in `open_days` some that no reconciliation has
    counted, `reconciled` is what was recorded of them, `faults` says what no longer agrees, and which erasures were
    begun and not ended. `cosigned` says who cosigned the last checkpoint, None without a policy.
    """

    origin: str
    size: int
    root: str
    frames: int
    waiting: int
    days: tuple[str, ...]
    open_days: tuple[str, ...]
    reconciled: tuple[Reconciliation, ...]
    faults: tuple[Message, ...]
    cosigned: Cosigned | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing is missing of what was reconciled, and the witnesses of the policy have cosigned."""
        return not self.faults and (self.cosigned is None or self.cosigned.holds)


def check_ledger(project: Project, progress: Progress = silent) -> LedgerCheck:
    """Check the evidence of a project whole, and write nothing.

    The tree is computed again from the entries and compared with every tile and the signed root; every leaf with the
    journal; every frame with what commits to it; every reconciliation with what is there now.

    Parameters
    ----------
    project
        Its definitions and state.
    progress
        Told "ledger" with the entries and "frames" with the frames that are done.

    Raises
    ------
    StateError
        When nothing was ever published.
    TamperError
        Naming the first file, leaf or frame that is not what was written.
    """
    policy = trusted(project)
    with read_journal(project) as journal:
        log = open_log(project)
        if not log.signed_size:
            name = project.settings.project.name
            raise StateError(frames.WORDS("journal.unpublished", given=name), Place(str(log.folder)))
        hold_ledger(journal, log)
        log.check(lambda done, total: progress("ledger", done, total))
        tally, counted = Tally(log), 0

        def watch(entry: frames.Entry) -> None:
            nonlocal counted
            tally(entry)
            counted += 1
            if counted % _STEP == 0:
                progress("frames", counted, journal.position)

        check_frames(journal, watch, lambda: begun_erasures(project))
        progress("frames", counted, journal.position)
        return LedgerCheck(
            origin=log.origin,
            size=log.signed_size,
            root=log.root(log.signed_size).hex(),
            frames=counted,
            waiting=tally.leaves - log.signed_size,
            days=tuple(sorted(tally.days(project.zone))),
            open_days=tuple(sorted(tally.open_days(project.zone))),
            reconciled=tuple(recorded for recorded, _ in tally.met),
            faults=(*tally.faults(), *begun_erasures(project).values()),
            cosigned=None if policy is None else read_cosigned(project, log, policy, log.checkpoint()),
        )


def export_ledger(project: Project, folder: Path, progress: Progress = silent) -> ledger.Checkpoint:
    """Copy checkpoint, tiles and key to a folder that any web server can give out; also beside a writer.

    With witnesses, `cosigned` goes along: the last checkpoint that had its quorum.

    Parameters
    ----------
    project
        Its state.
    folder
        A new one, or one with an earlier export of the same log, which is brought up to date.
    progress
        Told "ledger" with the tiles that are done.

    Raises
    ------
    StateError
        When nothing was ever published, or the folder holds something else.
    TamperError
        When a tile is not what was written.
    """
    source, key = project.state / "ledger", vkey_path(project)
    verifier = ledger.Verifier(read_bytes(key).decode("ascii").strip())
    head = ledger.copy_log(source, folder, verifier, lambda done, total: progress("ledger", done, total))
    atomic_write(folder / "vkey", key.read_bytes())
    if cosigned_path(project).is_file():
        atomic_write(folder / "cosigned", cosigned_path(project).read_bytes())
    return head
