"""How entries are linked, digested and sealed. Pure: no database, no clock."""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from mercato.kernel.acts import Acted, Change

GENESIS = bytes(32)
SALT_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SEAL_BROKEN = "audit.seal_broken"
PERSON_ERASED = "audit.person_erased"
LISTED = "also"
"""The field of a told erasure that lists entries in which the person is named, by their sequence."""
RETENTION = UUID(int=1)
"""Stands for everybody whose time in the log is over."""


class Payload(msgspec.Struct, frozen=True):
    """The part of an entry that can be erased."""

    actor_label: str = ""
    object_label: str = ""
    client_address: str = ""
    request_id: str = ""
    changes: list[Change] = []


class Link(msgspec.Struct, frozen=True):
    """One entry as it is stored."""

    sequence: int
    event_id: UUID
    at: datetime
    act: str
    object_kind: str
    object_id: str
    actor_kind: str
    actor_id: UUID | None
    payload: bytes | None
    salt: bytes | None
    payload_digest: bytes
    previous_hash: bytes
    hash: bytes
    erased_for: UUID | None = None


def link(act: Acted, *, sequence: int, previous: bytes, salt: bytes) -> Link:
    """The entry of `act` behind the one whose hash is `previous`."""
    payload = msgspec.json.encode(
        Payload(act.actor_label, act.object_label, act.client_address, act.request_id, act.changes)
    )
    unsealed = Link(
        sequence=sequence, event_id=act.event_id, at=act.occurred_at, act=act.act,
        object_kind=act.object_kind, object_id=act.object_id, actor_kind=act.actor_kind,
        actor_id=act.actor_id, payload=payload, salt=salt, payload_digest=digest(salt, payload),
        previous_hash=previous, hash=b"",
    )  # fmt: skip
    return msgspec.structs.replace(unsealed, hash=hash_of(unsealed))


def digest(salt: bytes, payload: bytes) -> bytes:
    return hmac.digest(salt, payload, "sha256")


def hash_of(entry: Link) -> bytes:
    """SHA-256 over the entry without its payload, and over the hash before it."""
    stated = msgspec.json.encode(
        [
            entry.sequence,
            entry.event_id,
            _microseconds(entry.at),
            entry.act,
            entry.object_kind,
            entry.object_id,
            entry.actor_kind,
            entry.actor_id,
            entry.payload_digest.hex(),
        ]
    )
    return hashlib.sha256(entry.previous_hash + stated).digest()


def _microseconds(at: datetime) -> int:
    """Microseconds since 1970: exact, as a float is not."""
    passed = at - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


class Seal:
    """Signs the end of the chain: without the shop's secret nobody can write another chain in its place."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"audit-seal:" + secret.encode()).digest()

    def of(self, sequence: int, head: bytes) -> bytes:
        return hmac.digest(self._key, sequence.to_bytes(8) + head, "sha256")

    def holds(self, sequence: int, head: bytes, seal: bytes) -> bool:
        """Whether this is the end that was sealed; an empty chain has no seal yet."""
        if sequence == 0:
            return head == GENESIS and seal == b""
        return hmac.compare_digest(self.of(sequence, head), seal)


class Fault(msgspec.Struct, frozen=True):
    """Where the chain does not hold: at which entry, what was expected and found."""

    check: str
    sequence: int
    expected: str
    found: str


class Walk:
    """Reads the chain from its beginning, some entries at a time, and keeps what does not hold."""

    def __init__(self, *, faults_max: int) -> None:
        self.sequence = 0
        self.hash = GENESIS
        self.faults: list[Fault] = []
        self.erased: dict[UUID, list[int]] = {}
        self.erasures: set[str] = set()
        self._listed: set[tuple[UUID, int]] = set()
        self._unlisted: list[tuple[UUID, int]] = []
        self._faults_max = faults_max

    def read(self, entries: Iterable[Link]) -> None:
        for entry in entries:
            self._read(entry)

    def _read(self, entry: Link) -> None:
        if entry.sequence != self.sequence + 1:
            self.report("audit_gap", entry.sequence, str(self.sequence + 1), str(entry.sequence))
        if entry.previous_hash != self.hash:
            self.report("audit_link", entry.sequence, self.hash.hex(), entry.previous_hash.hex())
        if hash_of(entry) != entry.hash:
            self.report("audit_hash", entry.sequence, hash_of(entry).hex(), entry.hash.hex())
        if entry.payload is not None and entry.salt is not None:
            found = digest(entry.salt, entry.payload)
            if found != entry.payload_digest:
                self.report("audit_payload", entry.sequence, entry.payload_digest.hex(), found.hex())
        elif entry.erased_for is None:
            self.report("audit_erasure", entry.sequence, "a payload", "erased for nobody")
        else:
            self.erased.setdefault(entry.erased_for, []).append(entry.sequence)
            if entry.erased_for not in _people_of(entry):
                self._unlisted.append((entry.erased_for, entry.sequence))
        if entry.act == PERSON_ERASED:
            self.erasures.add(entry.object_id)
            self._listed.update(_listed_in(entry))
        self.sequence, self.hash = entry.sequence, entry.hash

    def end(self, sequence: int, head: bytes, *, is_sealed: bool) -> None:
        """Compare with the end that is noted, and every erasure with the entry that tells of it."""
        if (sequence, head) != (self.sequence, self.hash):
            self.report(
                "audit_end", sequence, f"{sequence} {head.hex()}", f"{self.sequence} {self.hash.hex()}"
            )
        if not is_sealed:
            self.report("audit_seal", sequence, "sealed with this shop's secret", "another seal")
        for person, number in self._unlisted:
            if (person, number) not in self._listed:
                self.report("audit_erasure", number, "a payload", "erased for somebody else")
        for person, sequences in self.erased.items():
            if str(person) not in self.erasures:
                self.report("audit_erasure", sequences[0], "an entry that tells of it", "none")

    def report(self, check: str, sequence: int, expected: str, found: str) -> None:
        if len(self.faults) < self._faults_max:
            self.faults.append(Fault(check, sequence, expected, found))


def _listed_in(entry: Link) -> set[tuple[UUID, int]]:
    """The entries that a told erasure took in, beside those of the account itself."""
    if entry.payload is None:
        return set()
    said = msgspec.json.decode(entry.payload, type=Payload)
    numbers = " ".join(change.after or "" for change in said.changes if change.field == LISTED)
    return {(UUID(entry.object_id), int(number)) for number in numbers.split()}


def _people_of(entry: Link) -> set[UUID]:
    """The accounts that an entry is about or by: what it said may be erased for each of them."""
    people = {entry.actor_id} if entry.actor_id is not None else set()
    if entry.object_kind == "user":
        try:
            people.add(UUID(entry.object_id))
        except ValueError:
            return people
    return people
