"""The others: passers-by, look-alikes of the target, what crosses before it, what stands there."""

from dataclasses import replace

import numpy as np

from datasets.synthetic.actors import Actor, Camera
from datasets.synthetic.draws import Random, bump, cosine, sine
from datasets.synthetic.figures import Figure, figure
from datasets.synthetic.rigs import KINDS
from datasets.synthetic.textures import Fields

OFTEN = {"walker": 2.0, "vehicle": 1.5, "head": 1.3, "collage": 2.5, "chain": 1.2,
         "fish": 0.7, "bird": 0.8, "blob": 0.7, "box": 0.7}  # fmt: skip
KINDS_DRAWN = {kind: OFTEN.get(kind, 1.0) for kind in KINDS}


def draw_kind(random: Random) -> str:
    """One of KINDS: those that real targets resemble more often."""
    return random.sample(KINDS_DRAWN, 1)[0]


class Cast:
    """Makes the other actors of a sequence. Each method returns a list of them."""

    def __init__(
        self,
        random: Random,
        target: Actor,
        kind: str,
        base: np.ndarray,
        nominal: float,
        camera: Camera,
        unit: float,
        fields: Fields,
        light: tuple[float, float],
    ):
        """`kind`, `base` and `nominal` are the target's kind, main colour and size in pixels."""
        self.random, self.target, self.camera = random, target, camera
        self.kind, self.base, self.nominal, self.unit = kind, base, nominal, unit
        self.fields, self.light = fields, light
        self.frames = len(target.centre)
        self.time = np.arange(self.frames)
        low, high = target.extents()
        self.extent, self.middle = high - low, target.centre + (high + low) / 2

    def figure(self, kind, size, base=None, aspect=None) -> Figure:
        return figure(self.random, kind, size, self.fields, self.light, base, aspect)

    def still(self, body: Figure, scale: float = 1.0) -> Actor:
        """An actor of constant shape at the origin."""
        frames = self.frames
        return Actor(
            body, np.zeros((frames, 2)), np.full((frames, 2), scale), np.zeros(frames),
            np.zeros((frames, 4)), np.zeros(frames), self.time / 10, np.full(frames, 0.6),
        )  # fmt: skip

    def extras(self) -> list[Actor]:
        """Others that stand behind the target or go their own ways there."""
        random, size = self.random, np.array(self.camera.size)
        extras = []
        for _ in range(random.choose((0, 1, 2, 2, 3))):
            share = random.uniform(0, 1)
            extra = self.still(
                self.figure(draw_kind(random), (16 + 50 * share * share) * self.unit)
            )
            start = self.camera.look[0] + size * random.uniform(-0.6, 0.6, 2)
            extra.centre[...] = self.camera.to_picture(start, random.choose((1.0, 1.0, 1.25)))
            if random.chance(0.6):
                extra.centre[...] += (
                    50 * self.unit * random.wander(self.frames, random.uniform(15, 40), 2)
                )
            extra.stretch *= self.camera.zoom[:, None]
            extras.append(extra)
        return extras

    def foreground(self) -> list[Actor]:
        """Posts and branches near the camera, which pass by faster than what is behind them."""
        random, (width, height) = self.random, self.camera.size
        near = []
        for _ in range(random.choose((1, 1, 2, 3))):
            if random.chance(0.5):
                tall = height * random.uniform(0.5, 1.4)
                thin = random.uniform(3, 14) * self.unit
                body = self.figure("box", float(np.sqrt(tall * thin)), None, thin / tall)
            else:
                body = self.figure("blob", random.uniform(25, 80) * self.unit)
            actor = self.still(body)
            actor.front = True
            place = np.array([width, height]) * random.uniform(-0.8, 0.8, 2)
            actor.centre[...] = self.camera.to_picture(
                self.camera.look[0] + place, random.uniform(1.4, 2.6)
            )
            actor.stretch *= self.camera.zoom[:, None]
            if self.clear_at_first(actor):
                near.append(actor)
        return near

    def lookalikes(self, count: int, crowd: bool = False) -> list[Actor]:
        """Of the target's own figure, of that with a changed part, or of its kind and colour, about
        it, beside it or passing it.
        """
        random, twins = self.random, []
        for _ in range(count):
            body = self.target.figure
            looks = random.choose(("same", "changed", "changed", "kind"))
            if looks == "changed":
                body = _changed(random, body)
            elif looks == "kind":
                aspect = float(body.half[0] / body.half[1])
                body = self.figure(self.kind, self.nominal, self.base, aspect)
            twin = self.still(body)
            twin.front, twin.lookalike = random.chance(0.35), True
            self._follow(twin, crowd)
            if not twin.front or self.clear_at_first(twin):
                twins.append(twin)
        return twins

    def _follow(self, twin, crowd):
        """Poses a look-alike as the target is posed and moves it near it."""
        random, target, frames, time = self.random, self.target, self.frames, self.time
        twin.stretch[...] = target.stretch * random.uniform(0.85, 1.15)
        twin.turn[...] = target.turn + 0.02 * random.wander(frames, 20)
        twin.bend[...] = target.bend[::-1] * random.sign()
        twin.yaw[...] = target.yaw
        twin.vigour[...] = target.vigour
        twin.clock[...] = target.clock + random.uniform(0, 1)
        way = random.choose(("about", "beside", "past"))
        bearing = random.uniform(0, 1)
        if way == "about":
            bearing = bearing + 0.35 * random.wander(frames, random.uniform(20, 40))
            radius = 1.1 + 1.5 * (random.wander(frames, random.uniform(10, 20)) + 1) * 0.5
            radius = np.maximum(radius, 2.0 - time / 8)
        elif way == "beside":
            bearing = bearing + 0.05 * random.wander(frames, random.uniform(20, 40))
            radius = random.uniform(1.1, 2.2) + 0.2 * random.wander(frames, 12)
        direction = np.stack([cosine(bearing), sine(bearing)], -1)
        if way == "past":
            when = frames * random.uniform(0.25, 0.9)
            speed = random.uniform(0.06, 0.25) * random.sign()
            along = speed * (time - when)
            side = np.array([-direction[1], direction[0]]) * random.uniform(0.1, 1.2)
            offset = direction * along[:, None] + side
        else:
            offset = direction * (radius + crowd * random.uniform(0, 1.5))[:, None]
        twin.centre[...] = target.centre + offset * self.extent

    def occluders(self, count: int) -> list[Actor]:
        """Things that cross in front of the target or stay before a part of it for a while."""
        random, crossings = self.random, []
        for part in range(count):
            when = min(int(self.frames * (0.2 + 0.27 * part + random.uniform(0, 0.2))),
                       self.frames - 1)  # fmt: skip
            now = float(np.sqrt(self.target.stretch[when, 0] * self.target.stretch[when, 1]))
            cover = self.still(self._cover(self.nominal * now * random.uniform(0.7, 1.5)))
            cover.front = True
            if random.chance(0.4):
                self._linger(cover, when)
            else:
                self._cross(cover, when, now)
            if when > 0 and self.clear_at_first(cover):
                crossings.append(cover)
        return crossings

    def _cover(self, extent):
        """A figure to hide the target, often of its own colour."""
        random = self.random
        tint = self.base if random.chance(0.5) else None
        kind = random.choose(("blob", "box", "walker", "vehicle", "blob", "post", "any"))
        if kind == "post":
            return self.figure("box", extent * 1.6, tint, 0.12)
        return self.figure(draw_kind(random) if kind == "any" else kind, extent, tint)

    def _cross(self, cover, when, now):
        """Moves with the scenery and on its own, over the target in frame `when`."""
        random = self.random
        drift = self.camera.to_picture(self.camera.to_scenery(self.middle)[when])
        reach = float(cover.figure.half[0]) + self.nominal * now * 0.6
        speed = random.sign() * reach / random.uniform(3, 14)
        tilt = random.uniform(-0.3, 0.3) * speed
        own = (self.time - when)[:, None] * np.array([speed, tilt])
        cover.centre[...] = drift + own
        if when > 0 and not self.clear_at_first(cover):  # then it comes faster
            cover.centre[...] += own * (4 * reach / (abs(speed) * when))

    def _linger(self, cover, when):
        """Comes, stays before a part of the target for a while, and leaves where it came from."""
        random, half = self.random, cover.figure.half
        angle = random.uniform(0, 1)
        direction = np.array([cosine(angle), sine(angle)])
        apart = half + self.extent / 2
        hold = random.uniform(3, 30)
        there = bump(self.time, max(when - 0.5 * hold, 4), random.uniform(5, 12), hold)[:, None]
        distance = 1.8 + (random.uniform(0.25, 0.9) - 1.8) * there
        cover.centre[...] = self.middle + direction * apart * distance

    def clear_at_first(self, actor: Actor) -> bool:
        """Whether an actor, its shape final, leaves the target free in the first four frames."""
        low, high = (reach[:, :4] + actor.centre[:4] for reach in actor.limb_reach)
        apart = np.abs((low + high) / 2 - self.middle[:4]) - (high - low) / 2
        return bool((apart > self.extent[:4] / 2).any(-1).all())


def _changed(random, body: Figure) -> Figure:
    """The same figure with one limb, the largest as often as not, in other colours."""
    sizes = [limb.texture.size for limb in body.limbs]
    chosen = sizes.index(max(sizes)) if random.chance(0.5) else random.integer(0, len(sizes))
    texture = body.limbs[chosen].texture.copy()
    if random.chance(0.5):
        texture[..., :3] = texture[..., random.choose(([2, 0, 1], [1, 2, 0], [2, 1, 0]))]
    else:
        texture[..., :3] = texture[..., 3:] - texture[..., :3]  # a negative
    limbs = list(body.limbs)
    limbs[chosen] = replace(limbs[chosen], texture=texture)
    return Figure(limbs, body.half, body.materials)
