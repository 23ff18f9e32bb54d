"""Puts images into a root: links to the originals, or copies that hold only what the kit reads.

A copy has pixels, their coding and their place: no name, date, institution, text or private element, and a UID that is
of no use elsewhere.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from stenosis_kit.adopt.image import Image, read_dataset, value
from stenosis_kit.adopt.series import integer_id
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.phantom.files.encode import Elements, encode_file

_WHOLE = ("SamplesPerPixel", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
_PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit")
_DECIMAL = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("RescaleSlope", "RescaleIntercept"),
)


def put(image: Image, target: Path, data: bytes | None = None) -> None:
    """Makes <number>.dcm of an image: a link where it is a file of its own, else a copy.

    Args:
        image: one of the kind.
        target: the new file.
        data: of its file, where that comes out of an archive.

    Raises:
        UnreadableSlice: where it cannot be copied.
        OSError: where the root cannot be written to.
    """
    if data is None and image.frame is None:
        try:
            target.symlink_to(image.source.path.absolute())
            return
        except (NotImplementedError, PermissionError, OSError):  # a disk that takes no links
            pass
    target.write_bytes(_copy(read_dataset(data or image.source.path, pixels=True), image))


def copies(images: dict[Path, Image]) -> None:
    """As `put` of the frames of one file, which is read once; raises what that raises."""
    dataset = read_dataset(next(iter(images.values())).source.path, pixels=True)
    for target, image in images.items():
        target.write_bytes(_copy(dataset, image))


def _copy(dataset: Dataset, image: Image) -> bytes:
    try:
        return _encoded(dataset, image)
    except Exception as error:  # untrusted files: pydicom raises errors of many kinds
        raise UnreadableSlice(f"it cannot be copied: {type(error).__name__}") from None


def _encoded(dataset: Dataset, image: Image) -> bytes:
    syntax, frame = dataset.file_meta.get("TransferSyntaxUID", ExplicitVRLittleEndian), image.frame or 0
    elements: Elements = {name: int(dataset[name].value) for name in _WHOLE if name in dataset}
    elements["PhotometricInterpretation"] = str(dataset.get("PhotometricInterpretation") or "MONOCHROME2")
    for name in _PADDING:
        if name in dataset and not isinstance(dataset[name].value, bytes):
            elements[name] = int(dataset[name].value) & 0xFFFF
    for name in _DECIMAL:
        found = value(dataset, image.frame, name)
        if found not in (None, ""):
            numbers = found if np.ndim(found) else [found]
            elements[name] = "\\".join(_decimal(float(number)) for number in numbers)
    if syntax.is_compressed and not syntax.is_deflated:
        pixels = get_frame(dataset.PixelData, frame, number_of_frames=int(dataset.get("NumberOfFrames") or 1))
    else:
        stored = pixel_array(dataset, index=frame, raw=True)
        pixels, syntax = stored.astype(stored.dtype.newbyteorder("<")).tobytes(), ExplicitVRLittleEndian
    uid = f"2.25.{integer_id(image.study, image.series, image.instance, str(image.frame))}"
    meta = {"MediaStorageSOPClassUID": MRImageStorage, "MediaStorageSOPInstanceUID": uid}
    return encode_file(elements, pixels, syntax, meta)


def _decimal(number: float) -> str:
    """A Decimal String: at most 16 characters (PS3.5 6.2)."""
    return next(text for digits in range(16, 0, -1) if len(text := f"{number:.{digits}g}") <= 16)
