"""Read left and right from keypoint names, in the usual spellings of several languages.

A name is split into words. A word is a side (``left``, ``gauche``), holds one (``linkeroog``, ``左眼``), or is a letter
for one (``eye_L``, ``LF``, ``bl``). A name with its side taken out is its key; two names with one key and opposite
sides are partners.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_STRONG = (
    ("left", "right"), ("links|linke[rsnm]?", "rechts|rechte[rsnm]?|regte[rs]?"), ("gauches?", "droite?s?"),
    ("izquierd[oa]s?", "derech[oa]s?"), ("esquerd[oa]s?", "direit[oa]s?"), ("sinistr[oaie]", "destr[oaie]"),
    ("лев(?:ый|ая|ое|ые|о)", "прав(?:ый|ая|ое|ые|о)"), ("左", "右"), ("ひだり", "みぎ"), ("왼쪽?", "오른쪽?"),
    ("좌", "우"), ("ซ้าย", "ขวา"),
)  # fmt: skip
"""Words for left and right in one language, as patterns; also glued to another word."""

_WORDS = (
    ("lft|lt|lhs", "rgt|rght|rt|rhs"), ("sinister|sin", "dexter|dex"), ("port", "starboard"), ("gau", "dro"),
    ("li", "re"), ("izq|izqd[oa]|izd[oa]", "der|dch[oa]|drch[oa]"), ("esq", "dir|dto|dta"), ("sx", "dx"),
    ("esquerr[ea]s?", "dret[ae]?s?"), ("stâng.?|stang.?", "drept|dreapt.?"), ("vasen|vasemm?an?", "oikean?"),
    ("vänster|vanster|venstre|v[aä]nstra", "h[oöø](?:ger|jre|yre|gra)"), ("sol", "sa[ğg]"), ("bal", "jobb"),
    ("lew[yaei]", "praw[yaei]"), ("lev[ýáéyaei]", "prav[ýáéyaei]"), ("li?jev[iaou]|lev[iaou]", "desn[iaou]"),
    ("kiri", "kanan"),
    ("лев.*", "прав.*"), ("лів.*", "прав.*"), ("л[яе]в.*", "д[ея]с.*"), ("л", "п"), ("αριστερ.*", "δεξ[ιί].*"),
    ("zuo", "you"), ("hidari", "migi"),
    ("lev(?:yi|yy|iy|y)?|lev(?:aya|oe|oye)", "prav(?:yi|yy|iy|y)?|prav(?:aya|oe|oye)"), ("tr[áa]i", "ph[ảa]i"),
    ("يسار|.{0,2}يسر.?", "يمين|.{0,2}يمن.?"),
    ("שמאל.*", "ימ.*"), ("چپ", "راست"), ("बा.*", "दा.*"), ("vinstr[aiu]|vinstri", "hægr[aiu]|haegr[aiu]"),
    ("vasak(?:poolne)?", "parem(?:poolne)?"), ("kreis[āaoiu]s?", "lab[āaoiu]s?"), ("kair.*", "dešin.*|desin.*"),
    ("ezker.*", "esku[im].*"),
    ("kaliwa.*", "kanan.*"), ("chwith", "dde"), ("بائیں", "دائیں"), ("বাম.*", "ডান.*"),
    ("இடது", "வலது"),
    ("ఎడమ", "కుడి"), ("l", "r"),
)  # fmt: skip
"""Further languages, abbreviations and letters, which mean a side only where their opposite is there, too."""

_LANGUAGES = [[re.compile(pattern) for pattern in sides] for sides in (*_STRONG, *_WORDS)]
"""All of them, compiled once: they are more than ``re`` remembers."""

_POSITIONS = "fhbrlmtuadepkswcn"
"""Letters beside that of a side: Front, Hind, Back or Bottom, Rear, Lower, Middle, Top, Upper, Eye, …"""

_TURN = re.compile(r"\d+|[a-z]|i{2,3}")
_NUMBERED = re.compile(
    r"(?:k|kp|kpts?|key ?points?|points?|pts?|p|joint|landmark|lm|node|marker|mark|label|关键点|点|點)? ?(?:\d+|[a-z])"
)
_CJK = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
_GLUED = [
    re.compile(
        f"(?:{pattern})" if re.match(rf"[{_CJK}]", pattern) else f"^(?:{pattern})(?=.)|(?<=.)(?:{pattern})$"
    )
    for sides in _STRONG
    for pattern in sides
]
"""A word for a side where it is glued to another word."""
_WHOLE, _WITHIN, _LETTER = range(3)


@dataclass(frozen=True)
class SideNames:
    """What the names of a keypoint set say about left and right.

    Attributes:
        pairs: (left, right), in the order of the names.
        lone: names with a word for a side whose partner is not in the set, or is in it twice.
        numbered: groups of names that differ only in a number or letter: ``eye1`` and ``eye2`` may be left and right,
            or first and second.
        telling: the names say what the keypoints are; ``kpt_0`` and ``3`` do not.
    """

    pairs: tuple[tuple[str, str], ...]
    lone: tuple[str, ...]
    numbered: tuple[tuple[str, ...], ...]
    telling: bool

    def may_pair(self, one: str, other: str) -> bool:
        """Tell whether two names may be left and right of one thing, but for a number or letter in them.

        Args:
            one: a name.
            other: another name.

        Returns:
            True for ``eye1`` and ``eye2``, and for ``left_ear_1`` and ``right_ear_3``.
        """
        if any(one in group and other in group for group in self.numbered):
            return True
        ways = [[way.without_numbers for way in _readings(_split(name))] for name in (one, other)]
        return any(a[0] == b[0] and a[1] != b[1] for a in ways[0] for b in ways[1])


def read_sides(keypoints: Sequence[str]) -> SideNames:
    """Read the sides from the names of a keypoint set.

    Words come before letters (``left`` before ``l``), and names that agree in everything but the side before those
    that also differ in a number (``paw1LH`` and ``paw4RH``).

    Args:
        keypoints: K names.

    Returns:
        The pairs, and what is doubtful.
    """
    names = list(dict.fromkeys(keypoints))
    readings = {name: list(_readings(_split(name))) for name in names}
    partner: dict[str, str] = {}
    sides: dict[str, int] = {}
    for loose in (False, True):
        for rank in (_WHOLE, _WITHIN, _LETTER):
            for (a, side), b in _partners(readings, partner, rank, loose).items():
                partner[a], sides[a] = b, side
    strong = [n for n in names if any(way.strong for way in readings[n])]
    telling = any(not _NUMBERED.fullmatch(" ".join(words_of(name))) for name in names)
    single = [n for n in names if n not in partner and n not in strong]
    return SideNames(
        pairs=tuple((n, partner[n]) for n in names if sides.get(n) == 0),
        lone=tuple(n for n in strong if n not in partner),
        numbered=tuple(_numbered(single)) if telling else (),
        telling=telling,
    )


def words_of(name: str) -> list[str]:
    """Split a name into lower-case words: at signs, changes of case, digits, and around a word for a side.

    Args:
        name: in snake, kebab, dotted or camel case, of any script.

    Returns:
        The words; ``leftear`` and ``左眼`` are two each.
    """
    return [word for word, _ in _split(name)]


def are_alike(one: str, other: str) -> bool:
    """Tell whether two names have a part in common, and so may be two sides of one thing in any language.

    Args:
        one: a name.
        other: another name.

    Returns:
        Whether they share a word, or begin or end alike: with three letters, or one of a script without blanks.
    """
    a, b = words_of(one), words_of(other)
    x, y = "".join(a), "".join(b)
    least = 3 if (x + y).isascii() else 1
    return bool(set(a) & set(b)) or x[:least] == y[:least] or x[-least:] == y[-least:]


@dataclass(frozen=True)
class _Reading:
    """One way to read a name: its words with a sign for the side, the side (0 left), and how it is written."""

    key: tuple[str, ...]
    side: int
    rank: int
    strong: bool = False

    @property
    def without_numbers(self) -> tuple[tuple[str, ...], int]:
        return tuple(word for word in self.key if not word.isdigit()), self.side


def _split(name: str) -> list[tuple[str, int]]:
    """Return the words, each with ``_WITHIN`` if it was glued to the one before or after it, else ``_WHOLE``."""
    text = unicodedata.normalize("NFKC", name)
    text = re.sub(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    text = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", text)
    text = re.sub(rf"(?<=[A-Za-z])(?=[{_CJK}])|(?<=[{_CJK}])(?=[A-Za-z])", " ", text)
    # combining vowels, as Thai and Hindi have them, belong to their word
    spaced = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in text)
    return [part for word in spaced.split() for part in _unglued(word.lower())]


def _unglued(word: str) -> list[tuple[str, int]]:
    """Split a word around a side that it begins or ends with; in a script without blanks also within."""
    if any(pattern.fullmatch(word) for sides in _LANGUAGES[: len(_STRONG)] for pattern in sides):
        return [(word, _WHOLE)]
    for pattern in _GLUED:
        found = pattern.search(word)
        if found:
            sure = not word.isascii() or (found.start() == 0 and len(word) - found.end() > 2)
            before, after = word[: found.start()], word[found.end() :]
            side = [(found.group(0), _WHOLE if sure else _WITHIN)]
            return [*([(before, _WHOLE)] if before else []), *side, *([(after, _WHOLE)] if after else [])]
    return [(word, _WHOLE)]


def _readings(parts: list[tuple[str, int]]) -> Iterator[_Reading]:
    """Yield every way to read a side from one of the words."""
    words = [word for word, _ in parts]
    for at, (word, rank) in enumerate(parts):
        for sign, side, way, strong in _sides_in(word, rank):
            yield _Reading((*words[:at], *sign, *words[at + 1 :]), side, way, strong)


def _sides_in(word: str, rank: int) -> Iterator[tuple[tuple[str, ...], int, int, bool]]:
    """Yield what replaces a word in the key, the side, the rank, and whether the word alone is enough."""
    for language, sides in enumerate(_LANGUAGES):
        for side, pattern in enumerate(sides):
            if pattern.fullmatch(word):
                strong = language < len(_STRONG) and rank == _WHOLE
                yield (f"<{language}>",), side, rank if len(word) > 1 or strong else _WITHIN, strong
    for side, letter in enumerate("lr"):
        first, last = word[0] == letter, word[-1] == letter
        if first and (len(word) > 2 or word[1:] in _POSITIONS) and len(word) > 1:
            yield ("<>", word[1:]), side, _LETTER, False
        if last and (len(word) > 2 or word[:-1] in _POSITIONS) and len(word) > 1:
            yield (word[:-1], "<>"), side, _LETTER, False


def _partners(
    readings: dict[str, list[_Reading]], taken: dict[str, str], rank: int, loose: bool
) -> dict[tuple[str, int], str]:
    """Find the names, each with its side, that have exactly one partner by one rank; ``loose`` ignores numbers."""
    held: dict[tuple[str, ...], tuple[set[str], set[str]]] = {}
    for name, ways in readings.items():
        for way in ways if name not in taken else ():
            if way.rank == rank:
                key = way.without_numbers[0] if loose else way.key
                held.setdefault(key, (set(), set()))[way.side].add(name)
    found: dict[str, dict[str, int]] = {}
    doubled: set[str] = set()
    for group in held.values():
        for side, (ours, theirs) in enumerate((group, group[::-1])):
            doubled |= ours if len(ours) > 1 and theirs else set()
            for a in ours:
                found.setdefault(a, {}).update({b: side for b in theirs if b != a})
    sole = {a: next(iter(others)) for a, others in found.items() if len(others) == 1 and a not in doubled}
    return {(a, found[a][b]): b for a, b in sole.items() if sole.get(b) == a}


def _numbered(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the groups of names that differ in one number or letter."""
    held: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        words = words_of(name)
        for at, word in enumerate(words):
            if len(words) > 1 and _TURN.fullmatch(word):
                held.setdefault((*words[:at], "#", *words[at + 1 :]), []).append(name)
    yield from (tuple(found) for found in held.values() if len(found) > 1)
