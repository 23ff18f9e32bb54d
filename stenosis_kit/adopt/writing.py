"""Puts images into a root: links to the originals, or copies that hold only what the kit reads.

A copy has pixels, their coding and their place: no name, date, institution, text or private element, and no UID of the
patient's.
"""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from stenosis_kit.adopt.image import Image, frame_header, read_dataset, several
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.geometry import PLACE
from stenosis_kit.phantom.files.encode import Elements, encode_file

_WHOLE = ("SamplesPerPixel", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
_PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit")
_DECIMAL = (*PLACE, "SliceThickness", "SpacingBetweenSlices", "RescaleSlope", "RescaleIntercept")
_NO_UID = "2.25.0"


def put(images: dict[Path, Image], data: bytes | None = None) -> None:
    """Makes the files of the images of one source: a link where it is a file with one image, else copies.

    Args:
        images: {the new file: its image}.
        data: of the source, where that comes out of an archive.

    Raises:
        UnreadableSlice: where it cannot be copied.
        OSError: where the root cannot be written to.
    """
    (target, image), source = next(iter(images.items())), next(iter(images.values())).source
    if data is None and image.frame is None:
        try:
            target.symlink_to(source.path.absolute())
            return
        except (NotImplementedError, OSError):  # a disk that takes no links
            pass
    dataset = read_dataset(data or source.path)
    for target, image in images.items():
        try:
            encoded = _encoded(dataset, image.frame)
        except Exception as error:  # untrusted files: pydicom raises errors of many kinds
            raise UnreadableSlice(f"it cannot be copied: {type(error).__name__}") from None
        target.write_bytes(encoded)


def _encoded(dataset: Dataset, frame: int | None) -> bytes:
    header, syntax = frame_header(dataset, frame), dataset.file_meta.get("TransferSyntaxUID", ExplicitVRLittleEndian)
    elements: Elements = {name: int(header[name]) for name in _WHOLE if name in header}
    elements |= {name: int(header[name]) & 0xFFFF for name in _PADDING if isinstance(header.get(name), int)}
    elements["PhotometricInterpretation"] = str(header.get("PhotometricInterpretation") or "MONOCHROME2")
    for name in _DECIMAL:
        if header.get(name) not in (None, ""):
            elements[name] = "\\".join(map(str, several(header[name])))  # digit by digit as they stood
    if syntax.is_compressed and not syntax.is_deflated:
        pixels = get_frame(dataset.PixelData, frame or 0, number_of_frames=int(header.get("NumberOfFrames") or 1))
    else:
        stored = pixel_array(dataset, index=frame or 0, raw=True, **_used_bits(elements))
        pixels, syntax = stored.astype(stored.dtype.newbyteorder("<")).tobytes(), ExplicitVRLittleEndian
    meta = {"MediaStorageSOPClassUID": MRImageStorage, "MediaStorageSOPInstanceUID": _NO_UID}
    return encode_file(elements, pixels, syntax, meta)


def _used_bits(elements: Elements) -> dict[str, int]:
    """How far up pixels reach, for pydicom, which empties the bits above: left-justified ones reach to HighBit."""
    if "BitsStored" not in elements:  # of floating point numbers
        return {}
    highest = max(elements["BitsStored"], elements.get("HighBit", 0) + 1)
    return {"bits_stored": min(highest, elements["BitsAllocated"])}
