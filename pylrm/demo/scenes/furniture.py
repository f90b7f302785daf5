"""Trees, lamps and bins: what stands about and is none of the classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pylrm.demo.scenes.canvas import Camera, Canvas, Light, disc, limb


@dataclass(frozen=True)
class Tree:
    """A tree on the pavement or in the background."""

    x: float
    z: float
    height: float
    seed: int

    def paint_on(self, canvas: Canvas, camera: Camera, light: Light) -> None:
        """Draw it."""
        rng = np.random.default_rng(self.seed)
        depth = camera.depth(self.x, self.z)
        foot, scale = camera.project([[self.x, 0, self.z]])[0], camera.focal / depth
        bark = light.shade((52, 66, 84), 1.0, depth)
        crown = self.height * 0.66
        trunk = limb((0, 0), (0, crown), 0.16, 0.08)
        canvas.polygon(foot + trunk * [scale, -scale], bark)
        hue = [(52, 118, 84), (44, 104, 66), (60, 140, 120), (48, 110, 140)][rng.integers(4)]
        radius = self.height * 0.22
        leaves = 12 if radius * scale > 24 else 7
        for layer, factor in enumerate((0.62, 0.82, 1.0, 1.2)):
            angle, r = (
                rng.uniform(0, 2 * np.pi, leaves),
                radius * 1.15 * np.sqrt(rng.random(leaves)),
            )
            x = r * np.cos(angle) * 1.05 + light.sun * 0.12 * layer * radius
            y = crown + r * np.sin(angle) * 0.85 + layer * 0.1 * radius
            size = radius * rng.uniform(0.25, 0.5, leaves) * (1 - 0.14 * layer)
            shape = disc(0, 0, 1, 0.8, 9) + rng.normal(0, 0.06, (leaves, 9, 2))
            crowns = np.stack([x, y], 1)[:, None] + size[:, None, None] * shape
            tones = factor * rng.uniform(0.9, 1.1, leaves)
            for leaf, tone in zip(foot + crowns * [scale, -scale], tones, strict=True):
                canvas.polygon(leaf, light.shade(hue, tone, depth))


@dataclass(frozen=True)
class Lamp:
    """A street lamp."""

    x: float
    z: float
    towards: int

    def paint_on(self, canvas: Canvas, camera: Camera, light: Light) -> None:
        """Draw it."""
        depth = camera.depth(self.x, self.z)
        foot, scale = camera.project([[self.x, 0, self.z]])[0], camera.focal / depth
        metal = light.shade((78, 80, 78), 1.0, depth)
        arm = self.towards * 1.2
        for shape in (limb((0, 0), (0, 5.6), 0.08, 0.05), limb((0, 5.6), (arm, 5.9), 0.05, 0.04)):
            canvas.polygon(foot + shape * [scale, -scale], metal)
        head = np.array(
            [(arm * 0.75, 5.95), (arm * 1.25, 5.95), (arm * 1.2, 5.8), (arm * 0.8, 5.8)]
        )
        if light.night > 0.3:
            canvas.polygon(foot + head * [scale, -scale], light.glow((190, 236, 255), depth))
            centre = foot + np.array([arm, 5.8]) * [scale, -scale]
            canvas.glow(centre[0], centre[1], 0.9 * scale, (120, 190, 230), 0.75 * light.night)
        else:
            canvas.polygon(foot + head * [scale, -scale], light.shade((150, 152, 150), 1.0, depth))


@dataclass(frozen=True)
class Bin:
    """A litter bin, a bollard or a box: small things that are none of the classes."""

    x: float
    z: float
    kind: int

    def paint_on(self, canvas: Canvas, camera: Camera, light: Light) -> None:
        """Draw it."""
        depth = camera.depth(self.x, self.z)
        foot, scale = camera.project([[self.x, 0, self.z]])[0], camera.focal / depth
        half, tall, colour = [
            (0.26, 0.95, (60, 92, 60)), (0.07, 0.9, (60, 60, 64)), (0.4, 1.25, (150, 152, 148)),
            (0.55, 0.5, (70, 100, 130)),
        ][self.kind]  # fmt: skip
        for left, right, factor in ((-half, half, 0.8), (-half, 0.1 * half, 1.0)):
            shape = np.array([(left, 0), (right, 0), (right, tall), (left, tall)])
            canvas.polygon(foot + shape * [scale, -scale], light.shade(colour, factor, depth))
        lid = np.array(
            [
                (-half * 1.1, tall),
                (half * 1.1, tall),
                (half * 0.9, tall * 1.07),
                (-half * 0.9, tall * 1.07),
            ]
        )
        canvas.polygon(foot + lid * [scale, -scale], light.shade(colour, 0.6, depth))
