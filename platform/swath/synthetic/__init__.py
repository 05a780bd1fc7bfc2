"""A simulated Earth with known truth, published as a STAC catalog.

`publish` writes an archive of scenes of several sensors, with labels, and, apart from it, the truth; `World` gives the
truth at any place and day. No value depends on anything but seed, place and time.

| Word | Here |
|---|---|
| surface | what stands on 2.5 m of ground |
| ground | what a pixel of 10 m sees of it |
| structure | what the canopy tells of its biomass: sensors see this one, never the biomass itself |
| sky | what stands between ground and sensor |
| fleet | two satellites that share their orbits |
| datatake | one pass of one satellite |
| granule | a square of a UTM zone |

| Collection | What | Written by |
|---|---|---|
| `optical` | surface reflectance and classes, as Sentinel-2 L2A | `optical`, `sensor` |
| `l1c` | the same passes at the top of the atmosphere, 13 bands | `spectra`, `atmosphere`, `l1c` |
| `thermal` | reflectance and two thermal bands by day, these alone by night, on Landsat's lattice | `heat`, `thermal` |
| `radar` | gamma0 VV and VH, ascending and descending | `radar`, `speckle` |
| `elevation`, `climate` | static: a surface model of 2013 at 30 m, normals at 960 m | `elevation`, `climate_layers` |

How a layer is added, as a file of its own:

1. Take what is there as input: `World.ground` (surfaces and their shares at 10 m, structure), `terrain.fields` or
   `relief` (heights, soil, dryness), `climate` (growth, snow and warmth of a day), `orbits` (who passes when).
   Then radar sees the same forest as the optical scenes, and biomass grows in the same stands.
2. What the layer needs beyond that comes from `noise.field(noise.key(seed, "<layer>", ...), xyz, wavelength)`, with a
   key of its own: never from a stateful generator, and never from a noise that the truth to be mapped rests on.
3. Write `<layer>.py` with one function `(seed, window, ground, ...) -> arrays` (as `optical.reflectance`), name its
   collection in `contents`, and let `publish` write it; the truth goes to the truth's catalog.
4. A test holds that any window gives the same bytes (`tests/synthetic/test_world.py`).
"""

from __future__ import annotations

from swath.synthetic.clouds import Cloud
from swath.synthetic.contents import BIOMASS, CLEAR, COVER, SKY, SPECIES, Labels, Simulated
from swath.synthetic.faults import Fault
from swath.synthetic.granules import Granule
from swath.synthetic.legend import BANDS, CLASS_COLOURS, CLASS_NAMES, Surface
from swath.synthetic.orbits import Datatake, Fleet
from swath.synthetic.publish import Published, publish
from swath.synthetic.scenes import PublishedScene
from swath.synthetic.sensor import Image
from swath.synthetic.sky import Sky
from swath.synthetic.stac import COLLECTION
from swath.synthetic.window import Window
from swath.synthetic.world import World

__all__ = [
    "BANDS",
    "BIOMASS",
    "CLASS_COLOURS",
    "CLASS_NAMES",
    "CLEAR",
    "COLLECTION",
    "COVER",
    "SKY",
    "SPECIES",
    "Cloud",
    "Datatake",
    "Fault",
    "Fleet",
    "Granule",
    "Image",
    "Labels",
    "Published",
    "PublishedScene",
    "Simulated",
    "Sky",
    "Surface",
    "Window",
    "World",
    "publish",
]
