"""Words by which descriptions tell what a series is, in several languages; and what its codes and times tell.

Planes are never taken from words: orientation tells them.
"""

from __future__ import annotations

import re

from stenosis_kit.adopt.image import Acquisition

T1, T2, OTHER = "T1", "T2", "another weighting"
"""Weightings; a T2 may be fat-suppressed, STIR too, as in the competition's series table."""

LUMBAR = "lumbar"


def _any_of(words: str) -> re.Pattern:
    """A pattern of words, a blank between two, that begin where letters begin; "." stands for a blank or none."""
    found = "|".join(word.replace(".", "[ _-]?").replace("$", "(?![a-z])") for word in words.split())
    return re.compile(rf"(?<![a-zà-öø-ÿа-я])(?:{found})")


_SCOUT = _any_of(
    "loc(?![hk]) scout surv 3.pl plan.scan planung lokali[sz] rep[eé]rage pilot smartbrain aahscout calib asset "
    "ref.scan positionier topog tri.plan обзор 定位"
)
_MADE = _any_of("mpr mip$ myelo screen report result subtr sub$ collage fusion map$")
_REGIONS = {
    LUMBAR: _any_of("lumb thora[a-z]*.lumb lws lsw l.spine l.s.spine ls[pw]$ lend lomb пояс поп 腰"),
    "the cervical spine": _any_of("c.spine cerv csp$ hws hals nek$ neck шей 頸 颈"),
    "the thoracic spine": _any_of("t.spine th?sp$ d.spine bws thora tora dors груд 胸"),
    "the whole spine": _any_of("whole total ganz gesamt enti entera compos stitch complet"),
    "another part of the body": _any_of(
        "brain head kopf sch[aä]del cereb cr[aâ]n knee knie hip$ h[uü]ft pelvi becken abdom liver leber should "
        "schulter sacroil sakroil isg si.j prostat heart breast"
    ),
}
_OTHER = _any_of("pd$ dp$ proton dwi diff adc ep2d dti trace swi perf spectro")
_T2, _T1 = _any_of("t2 stir tirm spair spir$"), _any_of("t1")
_SUPPRESSED = _any_of("fs$ fat.sat fatsup spair spir$ water wasser")
_AGENT = _any_of(r"gd$ gad km$ post(?!er) contr c\+ \+.?c \+.gd \+.km")


def is_scout(found: Acquisition) -> bool:
    """Whether a series is a localiser, by its codes or words."""
    return "LOCALIZER" in found.codes or bool(_SCOUT.search(found.text))


def is_made(found: Acquisition) -> bool:
    """Whether images were made from others: secondary captures, reformats, projections, screenshots."""
    codes = {"SECONDARY", "MPR", "PROJECTION IMAGE", "MIP", "MIN IP", "SCREEN SAVE", "ADC", "SUBTRACTION"}
    captured = found.sop_class.startswith("1.2.840.10008.5.1.4.1.1.7")  # Secondary Capture Image Storage
    return captured or not codes.isdisjoint(found.codes) or bool(_MADE.search(found.text))


def region(found: Acquisition) -> str:
    """The part of the body by words, `LUMBAR` before others, descriptions before BodyPartExamined; empty: not said."""
    for text in (found.text, found.body_part):
        named = [name for name, words in _REGIONS.items() if words.search(text)]
        if named:
            return named[0]
    return ""


def weighting_by_codes(found: Acquisition) -> str:
    """The weighting by codes and times; empty where they do not tell.

    Bounds are chosen by hand about usual spin-echo protocols: TE to 30 and TR to 1300 ms is T1, TE to 30 and TR from
    1800 proton density, TE from 60 and TR from 900 T2. With an inversion (its code, or a TI from 80 ms) TI to 260 ms
    (fat's at 3 T) is STIR, 500 to 1300 with TE below 40 T1 FLAIR. A gradient echo of TE above 7 ms is T2*.
    """
    said = {"T1": T1, "T2": T2, "STIR": T2} | dict.fromkeys(("PROTON_DENSITY", "DIFFUSION", "T2_STAR", "FLAIR"), OTHER)
    by_contrast = [weighting for code, weighting in said.items() if code in found.codes]
    gradient_echo = {"GR", "GRADIENT"} & found.codes and "SE" not in found.codes and (found.te or 0) > 7
    if gradient_echo or {"EP", "T2_STAR"} & found.codes:
        return OTHER
    if len(by_contrast) == 1:
        return by_contrast[0]
    if found.tr is None or found.te is None or found.te <= 0:
        return ""
    if found.ti and ("IR" in found.codes or found.ti >= 80):
        return T2 if found.ti <= 260 else T1 if 500 <= found.ti <= 1300 and found.te < 40 else OTHER
    if found.te <= 30 and found.tr <= 1300:
        return T1
    if found.te >= 60 and found.tr >= 900:
        return T2
    return OTHER if found.te <= 30 and found.tr >= 1800 else ""


def weighting_by_words(found: Acquisition) -> str:
    """The weighting by descriptions; empty where they do not tell, or name several."""
    named = {name for name, words in ((T1, _T1), (T2, _T2), (OTHER, _OTHER)) if words.search(found.text)}
    return named.pop() if len(named) == 1 else ""


def is_enhanced(found: Acquisition) -> bool:
    """Whether a contrast agent is seen, or fat is suppressed: a T1 of other looks than the competition's."""
    options = {"FS", "SFS", "FATSAT", "FAT_SAT", "SPIR", "SPAIR"}
    named = _SUPPRESSED.search(found.text) or _AGENT.search(found.text)
    return found.contrast_agent or not options.isdisjoint(found.codes) or bool(named)
