"""A simulated Earth with known truth, published as a STAC catalog.

`publish` writes an archive of optical scenes and, apart from it, the truth; `World` gives the truth at any
place and day. No value depends on anything but seed, place and time.

Words: *surface* is what stands on 2.5 m of ground; *ground* is what a pixel of 10 m sees of it; *sky* is
what stands between; a *datatake* is one pass of one satellite; a *granule* is a square of a UTM zone.

How a layer is added (radar, thermal, biomass, species), as a file of its own:

1. Take what is there as input: `World.ground` (surfaces and their shares at 10 m), `terrain.fields` (relief, soil,
   dryness, warmth on nodes of 20 m), `climate` (growth, snow and warmth of a day), `orbits` (who passes when).
   Then radar sees the same forest as the optical scenes, and biomass grows in the same stands.
2. What the layer needs beyond that comes from `noise.field(noise.key(seed, "<layer>", ...), xyz, wavelength)`, with a
   key of its own: never from a stateful generator, and never from a noise that the truth to be mapped rests on.
3. Write `<layer>.py` with one function `(seed, window, ground, ...) -> arrays` (as `optical.reflectance`), and let
   `publish` write its collection; the truth goes to the truth's catalog.
4. A test holds that any window gives the same bytes (`tests/synthetic/test_world.py`).
"""

from __future__ import annotations

from swath.synthetic.faults import Fault
from swath.synthetic.granules import Granule
from swath.synthetic.legend import BANDS, CLASS_COLOURS, CLASS_NAMES, Surface
from swath.synthetic.orbits import Datatake
from swath.synthetic.publish import CLEAR, COVER, SKY, Published, PublishedScene, publish
from swath.synthetic.sensor import Image
from swath.synthetic.sky import Sky
from swath.synthetic.stac import COLLECTION
from swath.synthetic.window import Window
from swath.synthetic.world import World

__all__ = [
    "BANDS",
    "CLASS_COLOURS",
    "CLASS_NAMES",
    "CLEAR",
    "COLLECTION",
    "COVER",
    "SKY",
    "Datatake",
    "Fault",
    "Granule",
    "Image",
    "Published",
    "PublishedScene",
    "Sky",
    "Surface",
    "Window",
    "World",
    "publish",
]
